//! What a `credential_process` prints: the JSON that every AWS SDK and the AWS CLI take credentials from.
//!
//! ```json
//! {"Version":1,"AccessKeyId":"ASIA…","SecretAccessKey":"…","SessionToken":"…","Expiration":"2026-11-23T04:05:06Z"}
//! ```
//!
//! `Version` is the number 1. `SessionToken` and `Expiration` are there only if there is something to say: without an
//! expiration, programs take the credentials to be long-lived and do not ask again before they end. The format is
//! AWS's: [AWS CLI, sourcing credentials with an external process][cli] and
//! [SDKs, process credential provider][sdk]. `aws-vault export --format=json` and
//! `aws configure export-credentials` print it too.
//!
//! [cli]: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html
//! [sdk]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::value::RawValue;

use super::raw_json::{Object, document, to_secret};
use super::time;
use crate::credentials::{Credentials, Name, NewRecord};
use crate::error::Result;

/// The document, with its keys in the order of AWS's pages.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    // Never empty instead of absent: SDKs that cannot read an empty time print the whole document in their error.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// The credentials as one JSON object, without a line end.
///
/// Credentials that have expired are written like others: [`Credentials::is_expired`] tells. An SDK that gets them
/// asks again at once, or fails.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// use aumbry::{ExposeSecret, aws::credential_process};
///
/// if let Some(credentials) = vault.get_credentials("s3-uploads")? {
///     println!("{}", credential_process::render(&credentials)?.expose_secret());
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`OutOfResources`](crate::ErrorKind::OutOfResources) if there is no memory for it.
pub fn render(credentials: &Credentials) -> Result<SecretString> {
    to_secret(&Document {
        version: 1,
        access_key_id: credentials.access_key_id(),
        secret_access_key: credentials.secret_access_key().expose_secret(),
        session_token: credentials.session_token().map(ExposeSecret::expose_secret),
        expiration: credentials.expires().map(time::format),
    })
}

/// Reads one such document into a record called `name`: a session if it has a session token, static otherwise.
///
/// `Version` must be the number 1. A `SessionToken` or an `Expiration` that is `null` or empty counts as absent, for
/// some programs print that. Keys of other names are passed over, as the SDKs do.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the rule that the document breaks, never its content;
/// [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB; and as [`Name::new`] for the name.
pub fn parse(content: &[u8], name: &str) -> Result<NewRecord> {
    read(&Object::new("the JSON document", document(content)?)?, name)
}

/// Whether the object wants to be such a document: no other that we know has any of these keys.
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
    let draft = match object.find_text("SessionToken")?.filter(|token| !token.is_empty()) {
        Some(token) => {
            NewRecord::new_session(name, &id, SecretString::from(&*secret), SecretString::from(&*token))
        }
        None => NewRecord::new_static(name, &id, SecretString::from(&*secret)),
    };
    let draft = draft.map_err(|error| object.refused_for(error))?;
    match object.find_text("Expiration")?.filter(|text| !text.is_empty()) {
        Some(text) => {
            let time = time::parse(&text);
            Ok(draft.expires(time.ok_or_else(|| object.refused("its \"Expiration\" is no RFC 3339 time"))?))
        }
        None => Ok(draft),
    }
}
