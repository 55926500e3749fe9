//! The HTTP client: one connection for all calls of a command, TLS certificates and the proxy as the environment says.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy};

use crate::environment::set;
use crate::failure::{Failure, Outcome};

/// A client for the service at `url`.
pub(super) fn agent(url: &str, connect_timeout: Duration) -> Outcome<Agent> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0) // neither IAM nor STS redirects, and a signature holds for one host
        .max_redirects_will_error(false)
        .timeout_connect(Some(connect_timeout))
        .user_agent(concat!("aumbry/", env!("CARGO_PKG_VERSION")));
    let config = if url.starts_with("http:") {
        config.proxy(None) // this machine
    } else {
        config.https_only(true).proxy(proxy(url)?).tls_config(tls()?)
    };
    Ok(config.build().new_agent())
}

/// The proxy of HTTPS_PROXY or ALL_PROXY, unless NO_PROXY excludes the host.
fn proxy(url: &str) -> Outcome<Option<Proxy>> {
    const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let named = VARIABLES.into_iter().find_map(|variable| Some((variable, set(variable)?)));
    let Some((variable, proxy)) = named else { return Ok(None) };
    let proxy = proxy.to_str().and_then(|proxy| Proxy::new(proxy).ok());
    // The value is not repeated, because it may contain a password.
    let proxy = proxy.ok_or_else(|| {
        Failure::usage(format!("invalid {variable}; example: http://proxy.example.com:8080"))
    })?;
    // The rules of NO_PROXY are ureq's.
    let excluded = Proxy::try_from_env()
        .zip(url.parse().ok())
        .is_some_and(|(by_environment, url)| by_environment.is_no_proxy(&url));
    Ok((!excluded).then_some(proxy))
}

/// The certificates of AWS_CA_BUNDLE, otherwise those that the system trusts (or SSL_CERT_FILE and SSL_CERT_DIR name).
fn tls() -> Outcome<TlsConfig> {
    let (what, found) = match set("AWS_CA_BUNDLE") {
        Some(bundle) => {
            ("the certificates of AWS_CA_BUNDLE", load_certs_from_paths(Some(Path::new(&bundle)), None))
        }
        None => ("the system's certificates", load_native_certs()),
    };
    let CertificateResult { certs, errors, .. } = found;
    if certs.is_empty() {
        let why = errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
        return Err(Failure::network(format!("could not read {what}: {why}")));
    }
    let certificates: Vec<_> =
        certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .build())
}
