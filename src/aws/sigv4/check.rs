//! Checks a request before it is signed. Without these checks the signer panics, or signs something else.

use std::time::SystemTime;

use http::{Method, Uri};

use super::encoding::decoded;
use super::refusal::{refused, unsignable};
use super::request::Request;
use crate::aws::signing::check_word;
use crate::credentials::{LAST_TIME, unix_seconds};
use crate::error::Result;

/// The headers of a signature, which are also the parameters of a presigned URL.
const SET_BY_SIGNING: [&str; 4] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

pub(super) fn request(request: &Request<'_>, time: SystemTime) -> Result<()> {
    Method::from_bytes(request.method.as_bytes()).map_err(unsignable)?;
    headers(&request.headers)?;
    url(request.url)?;
    is_unsigned(request.url)?;
    check_word("service", request.service)?;
    if !(0..=LAST_TIME).contains(&unix_seconds(time)) {
        return Err(refused("invalid signing time: it must be in the years 1970 to 9999".to_owned()));
    }
    Ok(())
}

/// Refuses the headers that signing sets. A server would read a second one as a part of the signature.
fn headers(given: &[(&str, &str)]) -> Result<()> {
    let times_given = |set: &str| given.iter().filter(|(name, _)| name.eq_ignore_ascii_case(set)).count();
    if let Some(set) = SET_BY_SIGNING.iter().find(|set| times_given(set) > 0) {
        return Err(refused(format!(
            "the request must not contain the header {set}, because signing sets it"
        )));
    }
    if times_given("host") > 1 {
        return Err(refused("the request must contain the header host only once".to_owned()));
    }
    Ok(())
}

pub(super) fn region(region: Option<&str>) -> Result<&str> {
    let region = region.filter(|region| !region.is_empty());
    let region = region.ok_or_else(|| {
        refused("missing region: neither the request nor the record contains one".to_owned())
    })?;
    check_word("region", region)?;
    Ok(region)
}

/// Checks the URL. The messages contain only the rule, because a URL can contain a password or a signature.
fn url(url: &str) -> Result<()> {
    if !url.is_ascii() {
        return Err(refused("the URL must be percent-encoded".to_owned()));
    }
    let without_host = || refused("the URL must begin with http:// or https:// and a host".to_owned());
    let begins_with =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    if !begins_with("http://") && !begins_with("https://") {
        return Err(without_host()); // the URI parser refuses some paths without a reason
    }
    let parsed: Uri = url.parse().map_err(unsignable)?;
    if parsed.host().is_none_or(str::is_empty) {
        return Err(without_host());
    }
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(refused("the URL must not contain a user name or a password".to_owned()));
    }
    if url.contains('#') {
        return Err(refused("the URL must not contain a fragment".to_owned()));
    }
    decoded(parsed.path())?;
    if std::str::from_utf8(&decoded(parsed.query().unwrap_or_default())?).is_err() {
        return Err(refused("the URL's query must be UTF-8, percent-encoded".to_owned())); // the signer would read U+FFFD
    }
    Ok(())
}

/// Refuses a URL that contains a signature already. With two signatures, servers use either one, or none.
fn is_unsigned(url: &str) -> Result<()> {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let names = query.split('&').map(|part| part.split('=').next().unwrap_or_default());
    let of_signatures =
        ["x-amz-algorithm", "x-amz-credential", "x-amz-expires", "x-amz-signature", "x-amz-signedheaders"];
    let mut set = SET_BY_SIGNING.iter().chain(&of_signatures);
    match set.find(|set| names.clone().any(|name| name.eq_ignore_ascii_case(set))) {
        None => Ok(()),
        Some(set) => {
            Err(refused(format!("the URL must not contain the parameter {set}, because signing sets it")))
        }
    }
}
