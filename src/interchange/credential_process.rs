//! The JSON document that a `credential_process` prints for the AWS CLI and the AWS SDKs.
//!
//! ```json
//! {"Version":1,"AccessKeyId":"ASIA…","SecretAccessKey":"…","SessionToken":"…","Expiration":"2026-11-23T04:05:06Z"}
//! ```
//!
//! `Version` is the number 1. `SessionToken` and `Expiration` are optional. Without an expiration, programs treat the
//! credentials as permanent and do not ask for new ones.
//!
//! Sources: [AWS CLI, sourcing credentials with an external process][cli] and
//! [AWS SDKs, process credential provider][sdk]. `aws-vault export --format=json` and
//! `aws configure export-credentials` print the same document.
//!
//! [cli]: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html
//! [sdk]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::text::json::{Object, document, to_secret};
use crate::credentials::{Credentials, Name, NewRecord, rfc3339};
use crate::error::Result;

/// The document, with its keys in the order of AWS's documentation.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    // Absent, never empty: an SDK that cannot parse an empty time prints the whole document in its error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// Returns the credentials as one JSON object, without a line end.
///
/// Expired credentials are written too; check [`Credentials::is_expired`] first. An SDK that gets expired credentials
/// asks again at once, or fails.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// use aumbry::{ExposeSecret, interchange::credential_process};
///
/// if let Some(credentials) = vault.get_credentials("s3-uploads")? {
///     println!("{}", credential_process::render(&credentials)?.expose_secret());
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`OutOfResources`](crate::ErrorKind::OutOfResources): not enough memory.
pub fn render(credentials: &Credentials) -> Result<SecretString> {
    to_secret(&Document {
        version: 1,
        access_key_id: credentials.access_key_id(),
        secret_access_key: credentials.secret_access_key().expose_secret(),
        session_token: credentials.session_token().map(ExposeSecret::expose_secret),
        expiration: credentials.expires().map(rfc3339::format),
    })
}

/// Parses one document into the one record that it contains, called `name`: a session if it has a session token,
/// otherwise static. [`json::parse`](super::json::parse) accepts the same document and returns an import.
///
/// `Version` must be the number 1. A `SessionToken` or an `Expiration` that is `null` or empty counts as absent, because
/// some programs print these. Other keys are ignored, as the SDKs do.
///
/// # Errors
/// * [`InvalidFile`](crate::ErrorKind::InvalidFile): the document is longer than 16 MiB, or breaks a rule. The message
///   names the rule, never the content.
/// * Those of [`Name::new`] for the name.
pub fn parse(content: &[u8], name: &str) -> Result<NewRecord> {
    read(&Object::new("the JSON document", document(content)?)?, name)
}

/// Tells whether the object is meant as such a document. No other known document has any of these keys.
pub(super) fn is_meant_by(object: &Object<'_>) -> bool {
    object.fields().any(|(key, _)| matches!(key, "Version" | "AccessKeyId" | "SecretAccessKey"))
}

pub(super) fn read(object: &Object<'_>, name: &str) -> Result<NewRecord> {
    let name = Name::new(name)?;
    match object.find("Version")?.map(RawValue::get) {
        Some("1") => {}
        Some(_) => return Err(object.refused("its \"Version\" is not the number 1")),
        None => return Err(object.refused("\"Version\" is missing")),
    }
    let id = object.text("AccessKeyId")?;
    let secret = object.text("SecretAccessKey")?;
    let record = match object.find_text("SessionToken")?.filter(|token| !token.is_empty()) {
        Some(token) => {
            NewRecord::new_session(name, &id, SecretString::from(&*secret), SecretString::from(&*token))
        }
        None => NewRecord::new_static(name, &id, SecretString::from(&*secret)),
    };
    let record = record.map_err(|error| object.refused_for(error))?;
    match object.find_text("Expiration")?.filter(|text| !text.is_empty()) {
        Some(text) => {
            let time = rfc3339::parse(&text);
            Ok(record
                .expires(time.ok_or_else(|| object.refused("its \"Expiration\" is not an RFC 3339 time"))?))
        }
        None => Ok(record),
    }
}
