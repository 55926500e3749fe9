//! AWS Signature Version 4 for programs without an SDK: signed headers, and presigned URLs.
//!
//! ```
//! # fn send(_: &str, _: &str, _: Vec<(&str, aumbry::SecretString)>, _: &[u8]) {}
//! # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
//! use std::time::Duration;
//!
//! use aumbry::aws::{self, sigv4::Request};
//!
//! let Some(credentials) = vault.get_credentials("s3-uploads")? else { return Ok(()) };
//! let url = "https://uploads.s3.eu-central-1.amazonaws.com/report.txt";
//!
//! let request = Request::new("PUT", url, "s3").region("eu-central-1").body(b"42");
//! let headers = aws::sign(&credentials, &request)?;
//! send("PUT", url, headers, b"42");
//!
//! let request = Request::new("GET", url, "s3").region("eu-central-1");
//! let link = aws::presign(&credentials, &request, Duration::from_secs(3600))?; // valid for one hour
//! # Ok(()) }
//! ```
//!
//! AWS's own crate `aws-sigv4` computes the signature, as in [AWS Signature Version 4 for API requests][requests]. For the
//! services `s3`, `s3express`, `s3-object-lambda` and `s3-outposts` it follows S3's own rules ([headers][s3],
//! [URLs][s3-urls]): the path keeps its `//` and dots, and the header `x-amz-content-sha256` is sent. A URL can be
//! percent-encoded more than necessary; the signature is the same.
//!
//! # Security
//! `aws-sigv4` does not wipe its intermediate values. The secret access key with the prefix `AWS4`, the keys derived from
//! it, and the canonical request with the session token stay in freed memory until that is used again. At the level
//! `TRACE` the crate logs the canonical request with the token: do not collect that level from `aws_sigv4`.
//!
//! [requests]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
//! [s3]: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
//! [s3-urls]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

mod check;
mod encoding;
mod refusal;
mod request;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningInstructions, SigningParams, SigningSettings, UriPathNormalizationMode, sign as sign_by_aws,
};
use aws_sigv4::sign::v4;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use super::signing::check_can_sign;
use crate::credentials::Credentials;
use crate::error::Result;
use crate::memory::{out_of_memory, with_scrubbed_stack};

use refusal::{refused, unsignable};
use request::Body;

pub use request::Request;

/// Returns the headers to send with the request in addition to its own: `authorization`, `x-amz-date`, for S3
/// `x-amz-content-sha256`, and `x-amz-security-token` if the credentials are a session.
///
/// Only the token is a secret. The other values have the same type, so that a program sends all headers in the same way:
///
/// ```
/// # struct Client; impl Client { fn header(self, _: &str, _: &str) -> Self { self } }
/// # fn example(mut client: Client, headers: Vec<(&str, aumbry::SecretString)>) {
/// use aumbry::ExposeSecret;
///
/// for (name, value) in &headers {
///     client = client.header(name, value.expose_secret());
/// }
/// # }
/// ```
///
/// AWS accepts the headers for 15 minutes.
///
/// # Errors
/// * [`Expired`](crate::ErrorKind::Expired): the session has expired.
/// * [`InvalidInput`](crate::ErrorKind::InvalidInput): the request cannot be signed. The message has the reason.
pub fn sign(credentials: &Credentials, request: &Request<'_>) -> Result<Vec<(&'static str, SecretString)>> {
    let signed = signed(credentials, request, SignatureLocation::Headers, None)?;
    let headers = signed.into_parts().0;
    Ok(headers.iter().map(|header| (header.name(), SecretString::from(header.value()))).collect())
}

/// Returns the URL of the request with a signature in its query. A program that has the URL can send this one request,
/// without signed headers, for the given time: 1 second to 7 days ([AWS][s3-urls]), in whole seconds. The URL of a session
/// ends with the session.
///
/// Headers of the request are signed and must be sent unchanged. The body must be the given one. S3 accepts any body,
/// unless the header `content-md5` or a checksum of the request determines it.
///
/// # Errors
/// Those of [`sign`], and [`InvalidInput`](crate::ErrorKind::InvalidInput) if the time is out of range.
///
/// # Security
/// For this request the URL replaces the credentials, and the URL of a session contains the session token. Therefore it
/// is returned as a secret.
///
/// [s3-urls]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
pub fn presign(
    credentials: &Credentials,
    request: &Request<'_>,
    valid_for: Duration,
) -> Result<SecretString> {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    let seconds = valid_for.as_secs();
    if !(1..=WEEK).contains(&seconds) || (seconds == WEEK && valid_for.subsec_nanos() > 0) {
        return Err(refused("invalid lifetime of a presigned URL: it must be 1 second to 7 days".to_owned()));
    }
    let valid_for = Duration::from_secs(seconds);
    let signed = signed(credentials, request, SignatureLocation::QueryParams, Some(valid_for))?;
    let mut parameters = signed.into_parts().1;
    let url = with_parameters(request.url, &parameters);
    for (_, value) in &mut parameters {
        value.to_mut().zeroize();
    }
    url
}

fn signed(
    credentials: &Credentials,
    request: &Request<'_>,
    location: SignatureLocation,
    valid_for: Option<Duration>,
) -> Result<SigningInstructions> {
    let time = request.time.unwrap_or_else(SystemTime::now);
    let region = check::region(request.region.or(credentials.attribute("region")))?;
    check::request(request, time)?;
    check_can_sign(credentials, time)?;

    let is_s3 = matches!(request.service, "s3" | "s3express" | "s3-object-lambda" | "s3-outposts");
    let mut settings = SigningSettings::default();
    settings.signature_location = location;
    settings.expires_in = valid_for;
    if is_s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    if is_s3 || matches!(request.body, Body::Unsigned) {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let body = match request.body {
        Body::Unsigned => SignableBody::UnsignedPayload,
        Body::Bytes(_) if is_s3 && valid_for.is_some() => SignableBody::UnsignedPayload,
        Body::Bytes(bytes) => SignableBody::Bytes(bytes),
    };
    let url = match is_s3 {
        true => Cow::Owned(encoding::with_path_reencoded(request.url)?),
        false => Cow::Borrowed(request.url),
    };
    with_scrubbed_stack(|| {
        // The copies have the exact size. They move into the identity, which wipes them.
        let copy = |secret: &SecretString| secret.expose_secret().to_owned();
        let secret = copy(credentials.secret_access_key());
        let token = credentials.session_token().map(copy);
        let identity = Identity::new(credentials.access_key_id(), secret, token, None, "aumbry").into();
        // White space around a value is not a part of the value (RFC 9110, section 5.5); the signer does not remove tabs.
        let headers = request.headers.iter().map(|(name, value)| (*name, value.trim_matches([' ', '\t'])));
        let signable = SignableRequest::new(request.method, url, headers, body).map_err(unsignable)?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(request.service)
            .time(time)
            .settings(settings)
            .build()
            .map_err(unsignable)?;
        Ok(sign_by_aws(signable, &SigningParams::from(parameters)).map_err(unsignable)?.into_parts().0)
    })
}

/// Returns the URL with these parameters after its own, in a buffer of the exact size.
fn with_parameters(url: &str, parameters: &[(&str, impl AsRef<str>)]) -> Result<SecretString> {
    let mut len = 0;
    write(url, parameters, &mut |_| len += 1);
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
    write(url, parameters, &mut |letter| text.push(letter));
    Ok(SecretString::from(text))
}

/// Passes the characters of the URL, which are ASCII, to `out`.
fn write(url: &str, parameters: &[(&str, impl AsRef<str>)], out: &mut dyn FnMut(char)) {
    url.chars().for_each(&mut *out);
    let mut joint = if url.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        out(joint);
        name.chars().for_each(&mut *out);
        out('=');
        value.as_ref().bytes().for_each(|byte| encoding::encode(byte, out));
        joint = '&';
    }
}
