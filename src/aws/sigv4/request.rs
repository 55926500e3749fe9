//! The request that is signed.

use std::fmt;
use std::time::SystemTime;

/// A request to [sign](super::sign) or [presign](super::presign), as it will be sent.
///
/// The defaults are: no headers except `host`, an empty body, the region of the credentials' record (its attribute
/// `region`), and the current time.
#[derive(Clone)]
pub struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) service: &'a str,
    pub(super) region: Option<&'a str>,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: Body<'a>,
    pub(super) time: Option<SystemTime>,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Bytes(&'a [u8]),
    Unsigned,
}

impl<'a> Request<'a> {
    /// Returns a request with this method to this URL, which must be absolute and percent-encoded. The service has the name
    /// that AWS uses in signatures: `s3`, `sts`, `execute-api`.
    #[must_use]
    pub fn new(method: &'a str, url: &'a str, service: &'a str) -> Self {
        let body = Body::Bytes(b"");
        Self { method, url, service, region: None, headers: Vec::new(), body, time: None }
    }

    /// Sets the region, instead of the record's.
    #[must_use]
    pub fn region(mut self, region: &'a str) -> Self {
        self.region = Some(region);
        self
    }

    /// Adds a header, which must be sent unchanged. `host` is always signed, with the value from the URL, and so are the
    /// headers that signing adds. Every other header that begins with `x-amz-` must be added here. Headers that a proxy can
    /// change (`user-agent`, `transfer-encoding`) are not signed.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = Body::Bytes(body);
        self
    }

    /// Leaves the body unsigned (`UNSIGNED-PAYLOAD`), because it is long or not known yet. S3 accepts this. Only TLS protects
    /// the body then.
    #[must_use]
    pub fn unsigned_body(mut self) -> Self {
        self.body = Body::Unsigned;
        self
    }

    /// Sets the time of the signature, in whole seconds, instead of the current time. AWS compares it with its own clock.
    #[must_use]
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }
}

/// Shows neither headers nor body nor query, because these can contain secrets.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &url)
            .field("service", &self.service)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
