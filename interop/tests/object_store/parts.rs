//! What `object_store` needs to work without a C compiler: an HTTP client without TLS, and HMAC and SHA-256 in Rust.

use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client as Hyper, connect::HttpConnector as Tcp};
use hyper_util::rt::TokioExecutor;
use object_store::client::{
    ClientOptions, CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, HttpClient, HttpConnector,
    HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
    Signer, SigningAlgorithm,
};
use object_store::{Error, Result};
use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub struct Client(Hyper<Tcp, HttpRequestBody>);

impl Client {
    pub fn new() -> Self {
        Self(Hyper::builder(TokioExecutor::new()).build_http())
    }
}

impl HttpConnector for Client {
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response =
            self.0.request(request).await.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        Ok(response.map(|body| {
            HttpResponseBody::new(body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error)))
        }))
    }
}

#[derive(Debug)]
pub struct RustCrypto;

impl CryptoProvider for RustCrypto {
    fn digest(&self, algorithm: DigestAlgorithm) -> Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Hashing { hash: Sha256::new(), result: [0; 32] })),
            _ => Err(Error::NotImplemented {
                operation: "digest".to_owned(),
                implementer: "RustCrypto".to_owned(),
            }),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> Result<Box<dyn HmacContext>> {
        match (algorithm, Hmac::new_from_slice(secret)) {
            (DigestAlgorithm::Sha256, Ok(hmac)) => Ok(Box::new(Authenticating { hmac, result: [0; 32] })),
            _ => Err(Error::NotImplemented {
                operation: "hmac".to_owned(),
                implementer: "RustCrypto".to_owned(),
            }),
        }
    }

    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> Result<Box<dyn Signer>> {
        Err(Error::NotImplemented { operation: "sign".to_owned(), implementer: "RustCrypto".to_owned() })
    }
}

struct Hashing {
    hash: Sha256,
    result: [u8; 32],
}

impl DigestContext for Hashing {
    fn update(&mut self, data: &[u8]) {
        Digest::update(&mut self.hash, data);
    }

    fn finish(&mut self) -> Result<&[u8]> {
        self.result = self.hash.finalize_reset().into();
        Ok(&self.result)
    }
}

struct Authenticating {
    hmac: Hmac<Sha256>,
    result: [u8; 32],
}

impl HmacContext for Authenticating {
    fn update(&mut self, data: &[u8]) {
        Mac::update(&mut self.hmac, data);
    }

    fn finish(&mut self) -> Result<&[u8]> {
        self.result = self.hmac.clone().finalize().into_bytes().into();
        Ok(&self.result)
    }
}
