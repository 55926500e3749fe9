//! Signature Version 4 for programs that have no SDK, such as curl.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::Duration;

use aumbry::aws::sigv4::Request;
use aumbry::{Credentials, ExposeSecret, aws};
use zeroize::Zeroizing;

use super::aws::{RENEW, unexpired};
use crate::arguments::clients::Sign;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json};
use crate::secret::{self, SecretBytes};

pub(super) fn sign(context: &Context, sign: &Sign) -> Outcome {
    let headers = sign.headers.iter().map(|header| parse(header)).collect::<Outcome<Vec<_>>>()?;
    let body = sign.body.as_deref().map(|path| body(context, path)).transpose()?;
    let mut request = Request::new(&sign.method, &sign.url, &sign.service);
    if let Some(region) = &sign.region {
        request = request.region(region);
    }
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    if let Some(body) = &body {
        request = request.body(body);
    }
    if sign.unsigned_payload {
        request = request.unsigned_body();
    }
    let credentials = unexpired(&context.open()?, &sign.name, RENEW)?;
    if sign.region.is_none() && credentials.attribute("region").is_none_or(str::is_empty) {
        return Err(Failure::usage(format!(
            "a signature needs a region, and the record {:?} has none",
            sign.name
        ))
        .advise("add --region, or give the record one with `aumbry edit NAME region=REGION`"));
    }
    match sign.presign {
        Some(valid_for) => print_url(context, &credentials, &request, valid_for),
        None => print_headers(context, &credentials, &request, &headers),
    }
}

/// A line for each header that is to be sent, as curl reads them.
fn print_headers(
    context: &Context,
    credentials: &Credentials,
    request: &Request<'_>,
    given: &[(&str, &str)],
) -> Outcome {
    let signed = aws::sign(credentials, request)?;
    let signed = signed.iter().map(|(name, value)| (*name, value.expose_secret()));
    let headers = given.iter().copied().chain(signed);
    if context.global.json {
        return print_json(&by_name(headers));
    }
    let len = headers.clone().map(|(name, value)| name.len() + value.len() + ": \n".len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(len));
    for (name, value) in headers {
        // curl sends no header that ends with its colon.
        let parts = if value.is_empty() { [name, ";", "", "\n"] } else { [name, ": ", value, "\n"] };
        parts.into_iter().for_each(|part| text.push_str(part));
    }
    print(&text)
}

/// A header that is given several times is one whose values are parted by commas (RFC 9110, section 5.3); so it is signed.
/// The token is none of these.
fn by_name<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Cow<'a, str>> {
    let mut all = BTreeMap::<_, Cow<'_, str>>::new();
    for (name, value) in headers {
        match all.entry(name.to_ascii_lowercase()) {
            Entry::Vacant(place) => drop(place.insert(value.into())),
            Entry::Occupied(mut values) => {
                values.get_mut().to_mut().push(',');
                values.get_mut().to_mut().push_str(value);
            }
        }
    }
    all
}

fn print_url(
    context: &Context,
    credentials: &Credentials,
    request: &Request<'_>,
    valid_for: Duration,
) -> Outcome {
    let url = aws::presign(credentials, request, valid_for)?;
    if context.global.json {
        return print_json(&BTreeMap::from([("url", url.expose_secret())]));
    }
    let mut line = Zeroizing::new(String::with_capacity(url.expose_secret().len() + 1));
    line.push_str(url.expose_secret());
    line.push('\n');
    print(&line)
}

/// Never repeated in a message: it may hold a secret.
fn parse(header: &str) -> Outcome<(&str, &str)> {
    let (name, value) = header
        .split_once(':')
        .ok_or_else(|| Failure::usage("a header is given as 'NAME: VALUE', and one has no colon"))?;
    Ok((name, value.trim()))
}

fn body(context: &Context, path: &Path) -> Outcome<SecretBytes> {
    if path != Path::new("-") {
        return secret::import_file(path);
    }
    if context.global.passphrase().descriptor == Some(0) {
        return Err(Failure::usage(
            "stdin cannot give both the passphrase and the body: take another descriptor, or a file",
        ));
    }
    secret::import_stdin()
}
