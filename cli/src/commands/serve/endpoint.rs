//! What a request is answered with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aumbry::{ExposeSecret, Vault};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::super::aws::{RENEW, unexpired};
use super::uri;
use crate::failure::{Failure, Outcome};
use crate::output::{json_line, note};
use crate::secret::SecretBytes;

/// What has no end is given for so long: clients that were told so ask again, and see an edit.
const HELD_FOR: SignedDuration = SignedDuration::from_mins(30);

/// 256 random bits in hexadecimal digits, which no header, shell or env file reads differently.
pub(super) struct Token(Zeroizing<String>);

impl Token {
    pub(super) fn new() -> Outcome<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())
            .map_err(|error| Failure::unexpected(format!("the system gave no random bytes: {error}")))?;
        let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        for byte in bytes.iter() {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
            text.extend(digits.into_iter().flatten());
        }
        Ok(Self(text))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// In a time that does not tell how much of it is right.
    fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }
}

pub(super) struct Endpoint {
    vault: Vault,
    names: BTreeSet<String>,
    /// The one `Host` that is answered. A page in a browser that gave a name of its own this address (DNS rebinding)
    /// says that name.
    authority: String,
    token: Token,
    last_asked: Mutex<Instant>,
    quiet: bool,
}

/// Why a request gets no credentials, as agents of AWS say it.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Endpoint {
    pub(super) fn new(
        vault: Vault,
        names: &BTreeSet<&str>,
        address: SocketAddr,
        token: Token,
        quiet: bool,
    ) -> Arc<Self> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let last_asked = Mutex::new(Instant::now());
        Arc::new(Self { vault, names, authority: address.to_string(), token, last_asked, quiet })
    }

    /// When a client with the token last asked, or the endpoint started.
    pub(super) fn last_asked(&self) -> Instant {
        *self.last_asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let (status, body) = match self.credentials(request) {
            Ok(document) => (StatusCode::OK, document),
            Err(Refusal { status, code, message }) => {
                let error = BTreeMap::from([("code", code), ("message", &message)]);
                (status, json_line(&error).unwrap_or_default())
            }
        };
        // The buffer moves into the body, which wipes it when it has been sent.
        let mut response = Response::new(Full::new(Bytes::from_owner(body)));
        *response.status_mut() = status;
        let mut header = |name: HeaderName, value: &'static str| {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        };
        header(CONTENT_TYPE, "application/json");
        header(CACHE_CONTROL, "no-store");
        if status == StatusCode::METHOD_NOT_ALLOWED {
            header(ALLOW, "GET");
        }
        response
    }

    /// A client without the token learns nothing, not even which records exist.
    fn credentials<B>(&self, request: &Request<B>) -> Result<SecretBytes, Refusal> {
        let refusal = |status, code, message: &str| Refusal { status, code, message: message.to_owned() };
        if !self.is_meant(request) {
            return Err(refusal(StatusCode::FORBIDDEN, "forbidden", "the Host is not that of this endpoint"));
        }
        let given = only(request, &AUTHORIZATION).map(HeaderValue::as_bytes);
        if !given.is_some_and(|given| self.token.is(given)) {
            return Err(refusal(StatusCode::UNAUTHORIZED, "unauthorized", "the token is missing or wrong"));
        }
        *self.last_asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if request.method() != Method::GET {
            return Err(refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "only GET is answered",
            ));
        }
        let name = uri::name(request.uri().path()).filter(|name| self.names.contains(name));
        let Some(name) = name else {
            return Err(refusal(StatusCode::NOT_FOUND, "no_such_record", "no such record is served here"));
        };
        self.document(&name).map_err(|failure| {
            note(self.quiet, &format!("aumbry: {name:?} was not given: {}", failure.message()));
            let status = match failure.word() {
                "no_such_record" => StatusCode::NOT_FOUND,
                "expired" => StatusCode::GONE,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            Refusal { status, code: failure.word(), message: failure.message().to_owned() }
        })
    }

    /// Whether the request names this endpoint, and no other. Port 80 is left out where it goes without saying.
    fn is_meant<B>(&self, request: &Request<B>) -> bool {
        let is_ours = |host: &[u8]| {
            host == self.authority.as_bytes()
                || Some(host) == self.authority.strip_suffix(":80").map(str::as_bytes)
        };
        only(request, &HOST).is_some_and(|host| is_ours(host.as_bytes()))
            && request.uri().authority().is_none_or(|authority| is_ours(authority.as_str().as_bytes()))
    }

    /// The record as the vault has it by now.
    fn document(&self, name: &str) -> Outcome<SecretBytes> {
        self.vault.refresh()?;
        let credentials = unexpired(&self.vault, name, RENEW)?;
        let until = match credentials.expires() {
            Some(expires) => Timestamp::try_from(expires).unwrap_or(Timestamp::MAX),
            None => Timestamp::now().saturating_add(HELD_FOR).unwrap_or(Timestamp::MAX),
        };
        let until = format!("{until:.0}");
        // Clients of this endpoint want every key. An empty token is none to them.
        let token = credentials.session_token().map_or("", ExposeSecret::expose_secret);
        json_line(&BTreeMap::from([
            ("AccessKeyId", credentials.access_key_id()),
            ("SecretAccessKey", credentials.secret_access_key().expose_secret()),
            ("Token", token),
            ("Expiration", &until),
        ]))
    }
}

/// The only value of a header; `None` if the header is given twice.
fn only<'a, B>(request: &'a Request<B>, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = request.headers().get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
