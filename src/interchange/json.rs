//! Our own JSON: records to look at, and whole vaults to take elsewhere.
//!
//! A record is one object:
//!
//! ```json
//! {"name":"s3-uploads","provider":"static","access_key_id":"AKIA…","attributes":{"region":"eu-central-1"},
//!  "created":"2026-11-23T04:05:06Z","updated":"2026-11-23T04:05:06Z"}
//! ```
//!
//! `provider` is `static` or `session`. Times are RFC 3339, in UTC. `expires` follows `updated` if it is known. Where
//! secrets are revealed, `secret_access_key` and, for a session, `session_token` come last. Several records are an array
//! of such objects, one on a line.
//!
//! An export holds every secret in plaintext. It has no use but to be read by another program at once, or to be
//! sealed again: for a copy to keep, copy the vault's file.

use std::collections::{BTreeSet, HashMap};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::raw_json::{MAX_DOCUMENT, Object, array, document_up_to, to_secret, to_string};
use super::{NAME_RULE, credential_process, time};
use crate::credentials::{Attributes, Credentials, MAX_ATTRIBUTE_COUNT, Name, NewRecord, Provider};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Record;

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    provider: String,
    access_key_id: &'a str,
    #[serde(serialize_with = "as_object")]
    attributes: &'a Attributes,
    created: String,
    updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
}

/// Larger than what a vault holds is no export of one.
const MAX_EXPORT: usize = 1 << 30;

/// The keys that a record may have.
const KEYS: [&str; 9] = [
    "name",
    "provider",
    "access_key_id",
    "attributes",
    "created",
    "updated",
    "expires",
    "secret_access_key",
    "session_token",
];

fn as_object<S: Serializer>(attributes: &&Attributes, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter())
}

/// What is written of an record: everything but its secret.
struct Metadata<'a>(&'a Record);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let record = self.0;
        let record = Written {
            name: record.name(),
            provider: record.provider().to_string(),
            access_key_id: record.access_key_id(),
            attributes: &record.attributes(),
            created: time::format(record.created()),
            updated: time::format(record.updated()),
            expires: record.expires().map(time::format),
            secret_access_key: None,
            session_token: None,
        };
        record.serialize(serializer)
    }
}

/// What is written of credentials: everything.
struct Revealed<'a>(&'a Credentials);

impl Serialize for Revealed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let credentials = self.0;
        let record = Written {
            name: credentials.name().as_str(),
            provider: credentials.provider().to_string(),
            access_key_id: credentials.access_key_id(),
            attributes: credentials.attributes(),
            created: time::format(credentials.created()),
            updated: time::format(credentials.updated()),
            expires: credentials.expires().map(time::format),
            secret_access_key: Some(credentials.secret_access_key().expose_secret()),
            session_token: credentials.session_token().map(ExposeSecret::expose_secret),
        };
        record.serialize(serializer)
    }
}

/// One record as a JSON object, without its secret and without a line end.
///
/// # Errors
/// [`OutOfResources`](ErrorKind::OutOfResources) if there is no memory for it.
pub fn render(record: &Record) -> Result<String> {
    to_string(&Metadata(record))
}

/// Records as a JSON array, without their secrets and without a line end.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// println!("{}", aumbry::aws::json::render_all(vault.records()?)?);
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`render`].
pub fn render_all(records: impl IntoIterator<Item = Record>) -> Result<String> {
    let records: Vec<_> = records.into_iter().collect();
    to_string(&records.iter().map(Metadata).collect::<Vec<_>>())
}

/// One record as a JSON object, **with its secret**, without a line end.
///
/// # Errors
/// As [`render`].
pub fn render_with_secret(credentials: &Credentials) -> Result<SecretString> {
    to_secret(&Revealed(credentials))
}

/// Records as a JSON array, **with their secrets**, without a line end. [`parse`] reads it.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// let mut records = Vec::new();
/// for record in vault.records()? {
///     records.extend(vault.get_credentials(record.name())?);
/// }
/// let export = aumbry::aws::json::render_all_with_secrets(&records)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`render`].
pub fn render_all_with_secrets(records: &[Credentials]) -> Result<SecretString> {
    to_secret(&records.iter().map(Revealed).collect::<Vec<_>>())
}

/// Reads a JSON document, which is one of these:
/// * an array of records with their secrets, as [`render_all_with_secrets`] writes it, or one such record;
/// * what a [`credential_process`] prints, which `aws-vault export --format=json` does too.
///
/// A record that says no name, as the latter never does, is called `name`. The provider `_STATIC` is `static`. `created`
/// and `updated` are passed over: a vault notes when *it* got a record. A key that a record of ours does not
/// have refuses it, for what it says would be lost without a word.
///
/// All or nothing: one bad record refuses the document. Nothing is added to a vault here: hand each draft to
/// [`Edit::add`](crate::Edit::add).
///
/// # Errors
/// [`InvalidFile`](ErrorKind::InvalidFile), naming the position, or the number of the record, and the rule that
/// it breaks, never its content; [`InvalidFile`](ErrorKind::InvalidFile) beyond 1 GiB, which is as much as a vault may be, 4 million
/// records, or 16 MiB for one of them; and as [`Name::new`] if it is
/// `name` that breaks a rule.
pub fn parse(content: &[u8], name: Option<&str>) -> Result<Vec<NewRecord>> {
    let document = document_up_to(content, MAX_EXPORT)?;
    let Some(records) = array(document)? else {
        check_len("the JSON document", document)?;
        let object = Object::new("the JSON document", document)?;
        let draft = if credential_process::is_meant_by(&object) {
            let name = name
                .ok_or_else(|| object.refused("it says no name, so say what the record is to be called"))?;
            credential_process::read(&object, name)
        } else {
            read(&object, name)
        };
        return Ok(vec![draft?]);
    };
    let mut drafts = Vec::new();
    for (record, number) in records.into_iter().zip(1..) {
        check_len(&called(number), record)?;
        drafts.push(read(&Object::new(&called(number), record)?, name)?);
    }
    let mut numbers = HashMap::new();
    for (draft, number) in drafts.iter().zip(1..) {
        if let Some(first) = numbers.insert(draft.name(), number) {
            let message = format!("{} is refused: it has the same name as record {first}", called(number));
            return Err(Error::new(ErrorKind::InvalidFile, message));
        }
    }
    Ok(drafts)
}

/// Taking a record apart needs memory in proportion to it: what is longer than any record is not taken apart.
fn check_len(called: &str, record: &RawValue) -> Result<()> {
    if record.get().len() > MAX_DOCUMENT {
        let message = format!("{called} is longer than {MAX_DOCUMENT} bytes");
        return Err(Error::new(ErrorKind::InvalidFile, message));
    }
    Ok(())
}

fn called(number: usize) -> String {
    format!("record {number} of the JSON document")
}

fn read(record: &Object<'_>, name: Option<&str>) -> Result<NewRecord> {
    if record.fields().any(|(key, _)| !KEYS.contains(&key)) {
        let rule = format!("it has a key that is none of {}", KEYS.join(", "));
        return Err(record.refused(&rule));
    }
    let name = match record.find_text("name")? {
        // The rule, not the text: a secret may stand where the name should.
        Some(own) => Name::new(&*own)
            .map_err(|_| record.refused(&format!("its \"name\" breaks a rule: {NAME_RULE}")))?,
        None => Name::new(
            name.ok_or_else(|| record.refused("it says no name, so say what the record is to be called"))?,
        )?,
    };
    let provider = match &*record.text("provider")? {
        "static" | "_STATIC" => Provider::Static,
        "session" => Provider::Session,
        _ => return Err(record.refused("its \"provider\" is neither static nor session")),
    };
    let id = record.text("access_key_id")?;
    let secret = record.text("secret_access_key")?;
    let draft = match provider {
        Provider::Static if record.find("session_token")?.is_some() => {
            return Err(record.refused("it is static, but has a \"session_token\""));
        }
        Provider::Static => NewRecord::new_static(name, &id, SecretString::from(&*secret)),
        Provider::Session => {
            let token = record.text("session_token")?;
            NewRecord::new_session(name, &id, SecretString::from(&*secret), SecretString::from(&*token))
        }
    };
    let mut draft = draft.map_err(|error| record.refused_for(error))?;
    if let Some(attributes) = record.find("attributes")? {
        draft = with_attributes(draft, record, attributes)?;
    }
    if let Some(text) = record.find_text("expires")? {
        let time = time::parse(&text);
        draft = draft.expires(time.ok_or_else(|| record.refused("its \"expires\" is no RFC 3339 time"))?);
    }
    Ok(draft)
}

fn with_attributes(mut draft: NewRecord, record: &Object<'_>, attributes: &RawValue) -> Result<NewRecord> {
    let attributes = Object::new(&record.part("attributes"), attributes)?;
    if attributes.fields().count() > MAX_ATTRIBUTE_COUNT {
        return Err(
            attributes.refused(&format!("a record can have at most {MAX_ATTRIBUTE_COUNT} attributes"))
        );
    }
    let mut seen = BTreeSet::new();
    for ((key, value), number) in attributes.fields().zip(1..) {
        if !seen.insert(key) {
            return Err(attributes.refused(&format!("attribute {number} has the key of one before it")));
        }
        let value = attributes.read_text(&format!("attribute {number}"), value)?;
        draft = draft.attribute(key, &value).map_err(|_| {
            attributes.refused(&format!(
                "the key of attribute {number} breaks a rule: 1 to 256 bytes, no control characters, no white space at \
                 either end, not beginning with \"aumbry.\""
            ))
        })?;
    }
    Ok(draft)
}
