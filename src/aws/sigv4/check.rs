//! What can be signed. The signer takes much of this for granted, and panics or signs something else without it.

use std::time::SystemTime;

use http::{Method, Uri};

use super::encoding::decoded;
use super::request::Request;
use super::{refused, unsignable};
use crate::aws::signing::check_word;
use crate::credentials::{LAST_TIME, unix_seconds};
use crate::error::Result;

/// The headers, and in a URL the parameters, that a signature consists of.
const SET_BY_SIGNING: [&str; 4] =
    ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

pub(super) fn request(request: &Request<'_>, time: SystemTime) -> Result<()> {
    Method::from_bytes(request.method.as_bytes()).map_err(unsignable)?;
    headers(&request.headers)?;
    url(request.url)?;
    is_unsigned(request.url)?;
    check_word("service", request.service)?;
    if !(0..=LAST_TIME).contains(&unix_seconds(time)) {
        return Err(refused("a request can be signed at times of the years 1970 to 9999".to_owned()));
    }
    Ok(())
}

/// A server would take what is given for part of the signature, beside or instead of what signing sets.
fn headers(given: &[(&str, &str)]) -> Result<()> {
    let times_given = |set: &str| given.iter().filter(|(name, _)| name.eq_ignore_ascii_case(set)).count();
    if let Some(set) = SET_BY_SIGNING.iter().find(|set| times_given(set) > 0) {
        return Err(refused(format!("the header {set} is for signing to set")));
    }
    if times_given("host") > 1 {
        return Err(refused("a request has one header host".to_owned()));
    }
    Ok(())
}

pub(super) fn region(region: Option<&str>) -> Result<&str> {
    let region = region.filter(|region| !region.is_empty());
    let region =
        region.ok_or_else(|| refused("neither the request nor the record says the region".to_owned()))?;
    check_word("region", region)?;
    Ok(region)
}

/// Messages name the rule alone: a URL may hold a password, or a signature.
fn url(url: &str) -> Result<()> {
    if !url.is_ascii() {
        return Err(refused("the URL must be percent-encoded".to_owned()));
    }
    let without_host = || refused("the URL must begin with http:// or https:// and a host".to_owned());
    let begins_with =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    if !begins_with("http://") && !begins_with("https://") {
        return Err(without_host()); // a path alone may be no URI at all, and would be refused without a reason
    }
    let parsed: Uri = url.parse().map_err(unsignable)?;
    if parsed.host().is_none_or(str::is_empty) {
        return Err(without_host());
    }
    if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(refused("the URL must have no user name or password in it".to_owned()));
    }
    if url.contains('#') {
        return Err(refused("the URL must have no fragment".to_owned()));
    }
    decoded(parsed.path())?;
    if std::str::from_utf8(&decoded(parsed.query().unwrap_or_default())?).is_err() {
        return Err(refused("the URL's query must be UTF-8, percent-encoded".to_owned())); // the signer reads U+FFFD there
    }
    Ok(())
}

/// The query must not have a signature in it already: servers take one of two, or none.
fn is_unsigned(url: &str) -> Result<()> {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let names = query.split('&').map(|part| part.split('=').next().unwrap_or_default());
    let of_signatures =
        ["x-amz-algorithm", "x-amz-credential", "x-amz-expires", "x-amz-signature", "x-amz-signedheaders"];
    let mut set = SET_BY_SIGNING.iter().chain(&of_signatures);
    match set.find(|set| names.clone().any(|name| name.eq_ignore_ascii_case(set))) {
        None => Ok(()),
        Some(set) => Err(refused(format!("the URL has the parameter {set}, which is for signing to set"))),
    }
}
