//! Where a call goes, and how: which endpoint, signed for which region, through which proxy.

use aumbry::{Credentials, ExposeSecret};
use aws_sdk_iam::config::{Credentials as Keys, Region, SharedHttpClient};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::ATTEMPT;
use crate::failure::{Failure, Outcome};

/// What IAM and STS answer has some kilobytes.
const MOST_BYTES: usize = 1024 * 1024;

/// Each partition of AWS has one IAM, whose requests are signed for one region: what the names of its regions begin
/// with, and that region.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "cn-north-1"),
    ("us-gov-", "us-gov-west-1"),
    ("us-iso-", "us-iso-east-1"),
    ("us-isob-", "us-isob-east-1"),
    ("us-isof-", "us-isof-south-1"),
    ("eu-isoe-", "eu-isoe-west-1"),
    ("eusc-", "eusc-de-east-1"),
];
const HOME: &str = "us-east-1";

/// What is called.
pub(super) struct Service {
    pub(super) region: Region,
    /// Another than AWS's own.
    pub(super) endpoint: Option<String>,
}

impl Service {
    pub(super) fn iam(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        let region = credentials.attribute("region").unwrap_or(HOME);
        let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
        let region = partition.map_or(HOME, |(_, region)| region);
        Self::new(credentials, endpoint, "iam", region)
    }

    pub(super) fn sts(credentials: &Credentials, endpoint: Option<&str>) -> Outcome<Self> {
        let region = credentials.attribute("region").unwrap_or(HOME);
        Self::new(credentials, endpoint, "sts", region)
    }

    fn new(credentials: &Credentials, endpoint: Option<&str>, service: &str, region: &str) -> Outcome<Self> {
        let endpoint = endpoint.filter(|endpoint| !endpoint.is_empty());
        match endpoint {
            Some(endpoint) => check(endpoint)?,
            // Whose keys they are, another server's or AWS's, is not for us to guess.
            None if credentials.attribute("endpoint_url").is_some() => {
                let message = format!(
                    "{} signs for an endpoint of its own: say with --{service}-endpoint whom to ask",
                    credentials.name()
                );
                return Err(
                    Failure::usage(message).advise(format!("AWS itself is https://{service}.amazonaws.com"))
                );
            }
            None => {}
        }
        Ok(Self { region: Region::new(region.to_owned()), endpoint: endpoint.map(str::to_owned) })
    }
}

/// A new secret comes back in the clear: so it comes through TLS, or does not leave this machine.
fn check(endpoint: &str) -> Outcome {
    let uri: http::Uri = endpoint.parse().map_err(|_| {
        Failure::usage(format!("{endpoint:?} is no endpoint such as https://iam.amazonaws.com"))
    })?;
    let is_here = uri.host().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_here => Ok(()),
        Some("http") => Err(Failure::usage(format!(
            "{endpoint} would send secrets through the network in the clear: an endpoint begins with https://"
        ))),
        _ => Err(Failure::usage(format!("{endpoint:?} is no endpoint such as https://iam.amazonaws.com"))),
    }
}

pub(super) fn keys(credentials: &Credentials) -> Keys {
    let token = credentials.session_token().map(|token| token.expose_secret().to_owned());
    let secret = credentials.secret_access_key().expose_secret();
    Keys::new(credentials.access_key_id(), secret, token, None, "aumbry")
}

/// Reads no more of an answer than an answer of AWS has: the SDK holds all of it in memory.
#[derive(Debug)]
struct Bounded(SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            Ok(answer.await?.map(|body| SdkBody::from_body_1_x(Limited::new(body, MOST_BYTES))))
        })
    }
}

/// One connection for all calls, through the proxy that the environment names.
pub(super) fn http_client(endpoint: Option<&str>) -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder().connect_timeout(ATTEMPT).build();
    let builder = Connector::builder().connector_settings(settings);
    let connector = if endpoint.is_some_and(|endpoint| endpoint.starts_with("http:")) {
        builder.build_http() // on this machine: no proxy, and no certificates to look for
    } else {
        let tls = Provider::Rustls(CryptoMode::Ring);
        builder.proxy_config(ProxyConfig::from_env()).tls_provider(tls).build()
    };
    let connector = SharedHttpConnector::new(Bounded(SharedHttpConnector::new(connector)));
    http_client_fn(move |_, _| connector.clone())
}
