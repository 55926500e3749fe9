//! Writes records as a credentials file.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};

use super::grammar::{equals, is_identifier, value_flaw};
use super::import::KEY;
use super::section::section_flaw;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::out_of_memory;

/// Returns the text of a credentials file with a profile for each record: `[name]`, the key pair, the session token, then
/// the attributes. [`parse`](super::parse) returns the same records from it.
///
/// The expiry of a session is not written, because the format has no property for it. A name can contain spaces and
/// letters of any script, as the AWS CLI allows; several SDKs ignore profiles whose names contain characters other than
/// ASCII letters, digits and `_-/.%@:+`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput): the format, which has neither quotes nor escapes, cannot express a record.
/// The message names the record and the field, never the value.
/// * A name contains `]`, `#` or `;`, or looks like a section of a config file (`profile x`).
/// * A value contains control characters other than tabs, white space at an end, or `#` or `;` after white space.
/// * The key of an attribute contains characters other than lower-case ASCII letters, digits and `_-/.%@:+`, or is one of
///   the key pair's.
/// * Two records have the same name.
///
/// # Security
/// The text contains every secret in plaintext. It is built in one buffer of its exact size, which is wiped when dropped.
pub fn render<'a, I>(records: I) -> Result<SecretString>
where
    I: IntoIterator<Item = &'a Credentials>,
    I::IntoIter: Clone,
{
    let records = records.into_iter();
    let mut names = HashSet::new();
    let mut len = 0;
    for (at, record) in records.clone().enumerate() {
        check(record)?;
        if !names.insert(record.name()) {
            return Err(refused(record, "another record has the same name"));
        }
        write(record, at, &mut |part| len += part.len());
    }
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
    for (at, record) in records.enumerate() {
        write(record, at, &mut |part| text.push_str(part));
    }
    Ok(SecretString::from(text))
}

/// Returns the fields of a record, except its attributes, as they are written.
fn key(record: &Credentials) -> impl Iterator<Item = (&str, &str)> {
    let token = record.session_token().map(|token| ("aws_session_token", token.expose_secret()));
    let pair = [
        ("aws_access_key_id", record.access_key_id()),
        ("aws_secret_access_key", record.secret_access_key().expose_secret()),
    ];
    pair.into_iter().chain(token)
}

/// Passes the parts of a profile to `out`, one after the other.
fn write(record: &Credentials, at: usize, out: &mut dyn FnMut(&str)) {
    let gap = if at == 0 { "" } else { "\n" };
    let heading = [gap, "[", record.name(), "]\n"];
    heading.into_iter().for_each(&mut *out);
    for (key, value) in key(record).chain(record.attributes()) {
        [key, equals(value), value, "\n"].into_iter().for_each(&mut *out);
    }
}

fn check(record: &Credentials) -> Result<()> {
    if let Some(flaw) = section_flaw(record.name()) {
        return Err(refused(record, &format!("its name is not a valid profile name: {flaw}")));
    }
    for (key, value) in key(record) {
        if let Some(flaw) = value_flaw(value) {
            return Err(refused(record, &format!("its {key}: {flaw}")));
        }
    }
    for (key, value) in record.attributes() {
        let flaw = if !is_identifier(key) || key.contains(|c: char| c.is_ascii_uppercase()) {
            Some("its key must contain only lower-case letters, digits and _-/.%@:+")
        } else if KEY.contains(&key) {
            Some("AWS would read it as a part of the key pair")
        } else {
            value_flaw(value)
        };
        if let Some(flaw) = flaw {
            return Err(refused(record, &format!("its attribute {}: {flaw}", quoted(key))));
        }
    }
    Ok(())
}

fn refused(record: &Credentials, why: &str) -> Error {
    let name = quoted(record.name());
    let message = format!("could not write the record {name} to a credentials file: {why}");
    Error::new(ErrorKind::InvalidInput, message)
}
