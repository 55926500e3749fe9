//! What is to be signed.

use std::fmt;
use std::time::SystemTime;

/// A request to be [signed](super::sign) or [presigned](super::presign), as it will be sent.
///
/// Unless something else is said: no headers but `host`, an empty body, the region of the credentials' record (its
/// attribute `region`), now.
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
    /// A request of this method to this URL, which is absolute and percent-encoded, of a service as AWS calls it in
    /// signatures: `s3`, `sts`, `execute-api`.
    #[must_use]
    pub fn new(method: &'a str, url: &'a str, service: &'a str) -> Self {
        let body = Body::Bytes(b"");
        Self { method, url, service, region: None, headers: Vec::new(), body, time: None }
    }

    /// In this region, whatever the record says.
    #[must_use]
    pub fn region(mut self, region: &'a str) -> Self {
        self.region = Some(region);
        self
    }

    /// With this header, which must be sent as it is. `host` is signed anyway, as the URL has it, and so is what signing
    /// adds; of the others, those that begin with `x-amz-` have to be given, and those that a proxy may change
    /// (`user-agent`, `transfer-encoding`) are sent but not signed.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = Body::Bytes(body);
        self
    }

    /// With a body that is not signed (`UNSIGNED-PAYLOAD`), because it is long or not known yet. S3 takes that; rely on
    /// TLS then.
    #[must_use]
    pub fn unsigned_body(mut self) -> Self {
        self.body = Body::Unsigned;
        self
    }

    /// As if it were this time, which AWS compares with its own. Seconds count.
    #[must_use]
    pub fn time(mut self, time: SystemTime) -> Self {
        self.time = Some(time);
        self
    }
}

/// Without headers and body, in which anything may stand, and without the query.
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
