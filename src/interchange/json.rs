//! aumbry's own JSON: records to display, and whole vaults to move elsewhere.
//!
//! A record is one JSON object ([RFC 8259]):
//!
//! ```json
//! {"name":"s3-uploads","provider":"static","access_key_id":"AKIA…","attributes":{"region":"eu-central-1"},
//!  "created":"2026-11-23T04:05:06Z","updated":"2026-11-23T04:05:06Z"}
//! ```
//!
//! `provider` is `static` or `session`. Times are written as in [RFC 3339], in UTC. `expires` follows `updated` if the
//! record has an expiry. If secrets are included, `secret_access_key` and, for a session, `session_token` come last.
//! Several records are an array of such objects, one on each line.
//!
//! An export with secrets is plaintext. Use it only as the input of another program, or to import it into another vault.
//! For a backup, copy the vault's file.
//!
//! [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259

use std::collections::{BTreeSet, HashMap};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::credential_process;
use super::import::{Import, NAME_RULE};
use super::importer::Importer;
use super::text::input::MAX_FILE;
use super::text::json::{Object, array, document_up_to, to_secret, to_string};
use crate::credentials::{Credentials, MAX_ATTRIBUTE_COUNT, Name, NewRecord, Provider, rfc3339};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Record;

pub(super) const IMPORTER: Importer = Importer {
    recognises: |sample| match sample.text() {
        [b'{', ..] => true,
        // Otherwise it is a section of AWS's shared files, such as `[default]`.
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b']')),
        _ => false,
    },
    parse,
};

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    provider: String,
    access_key_id: &'a str,
    #[serde(serialize_with = "as_object")]
    attributes: Vec<(&'a str, &'a str)>,
    created: String,
    updated: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
}

/// The size limit of a document. A vault that contains more could not be exported and imported again.
const MAX_EXPORT: usize = 1 << 30;

/// The keys that a record can have.
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

fn as_object<S: Serializer>(
    attributes: &[(&str, &str)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(attributes.iter().copied())
}

/// The fields of a record that are written without secrets.
struct Metadata<'a>(&'a Record);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let record = self.0;
        let record = Written {
            name: record.name(),
            provider: record.provider().to_string(),
            access_key_id: record.access_key_id(),
            attributes: record.attributes().collect(),
            created: rfc3339::format(record.created()),
            updated: rfc3339::format(record.updated()),
            expires: record.expires().map(rfc3339::format),
            secret_access_key: None,
            session_token: None,
        };
        record.serialize(serializer)
    }
}

/// All fields of a record, with its secrets.
struct Revealed<'a>(&'a Credentials);

impl Serialize for Revealed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let credentials = self.0;
        let record = Written {
            name: credentials.name(),
            provider: credentials.provider().to_string(),
            access_key_id: credentials.access_key_id(),
            attributes: credentials.attributes().collect(),
            created: rfc3339::format(credentials.created()),
            updated: rfc3339::format(credentials.updated()),
            expires: credentials.expires().map(rfc3339::format),
            secret_access_key: Some(credentials.secret_access_key().expose_secret()),
            session_token: credentials.session_token().map(ExposeSecret::expose_secret),
        };
        record.serialize(serializer)
    }
}

/// Returns one record as a JSON object, without its secret and without a line end.
///
/// # Errors
/// [`OutOfResources`](ErrorKind::OutOfResources): not enough memory.
pub fn render(record: &Record) -> Result<String> {
    to_string(&Metadata(record))
}

/// Returns records as a JSON array, without their secrets and without a line end.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// println!("{}", aumbry::interchange::json::render_all(vault.records()?)?);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of [`render`].
pub fn render_all(records: impl IntoIterator<Item = Record>) -> Result<String> {
    let records: Vec<_> = records.into_iter().collect();
    to_string(&records.iter().map(Metadata).collect::<Vec<_>>())
}

/// Returns one record as a JSON object, **with its secret**, without a line end.
///
/// # Errors
/// Those of [`render`].
pub fn render_with_secret(credentials: &Credentials) -> Result<SecretString> {
    to_secret(&Revealed(credentials))
}

/// Returns records as a JSON array, **with their secrets**, without a line end. [`parse`] accepts it.
///
/// ```
/// # fn example(vault: &aumbry::Vault) -> aumbry::Result<()> {
/// let mut records = Vec::new();
/// for record in vault.records()? {
///     records.extend(vault.get_credentials(record.name())?);
/// }
/// let export = aumbry::interchange::json::render_all_with_secrets(&records)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of [`render`].
pub fn render_all_with_secrets(records: &[Credentials]) -> Result<SecretString> {
    to_secret(&records.iter().map(Revealed).collect::<Vec<_>>())
}

/// Parses a JSON document, which is one of these:
/// * an array of records with their secrets, as [`render_all_with_secrets`] writes it, or one such record;
/// * the output of a [`credential_process`], or of `aws-vault export --format=json`.
///
/// A record that has no name of its own is called `name`; the output of a `credential_process` never has one. The
/// provider `_STATIC` means `static`. `created` and `updated` are ignored, because a vault records when it got a record
/// itself. An unknown key refuses the record, because its value would be lost silently.
///
/// All or nothing: one invalid record refuses the document. Nothing is added to a vault: pass each record to
/// [`Edit::add`](crate::Edit::add).
///
/// # Errors
/// * [`InvalidFile`](ErrorKind::InvalidFile): the document breaks a rule, is longer than 1 GiB (the limit of a vault),
///   contains more than 4 million records, or one that is longer than 16 MiB. The message names the position or the
///   number of the record and the rule, never the content.
/// * Those of [`Name::new`] if `name` is invalid.
pub fn parse(content: &[u8], name: Option<&str>) -> Result<Import> {
    let document = document_up_to(content, MAX_EXPORT)?;
    let Some(records) = array(document)? else {
        check_len("the JSON document", document)?;
        let object = Object::new("the JSON document", document)?;
        let record = if credential_process::is_meant_by(&object) {
            let name = name.ok_or_else(|| object.refused("it has no name: choose a name for the record"))?;
            credential_process::read(&object, name)
        } else {
            read(&object, name)
        };
        return Ok(Import::of(vec![record?]));
    };
    let mut import = Import::default();
    for (record, number) in records.into_iter().zip(1..) {
        check_len(&called(number), record)?;
        import.records.push(read(&Object::new(&called(number), record)?, name)?);
    }
    let mut numbers = HashMap::new();
    for (record, number) in import.records.iter().zip(1..) {
        if let Some(first) = numbers.insert(record.name(), number) {
            let message = format!("{} is not valid: it has the same name as record {first}", called(number));
            return Err(Error::new(ErrorKind::InvalidFile, message));
        }
    }
    Ok(import)
}

/// Refuses a value that is longer than any record, because parsing a record takes memory in proportion to its length.
fn check_len(called: &str, record: &RawValue) -> Result<()> {
    if record.get().len() > MAX_FILE {
        let message = format!("{called} is longer than {MAX_FILE} bytes");
        return Err(Error::new(ErrorKind::InvalidFile, message));
    }
    Ok(())
}

fn called(number: usize) -> String {
    format!("record {number} of the JSON document")
}

fn read(object: &Object<'_>, name: Option<&str>) -> Result<NewRecord> {
    if object.fields().any(|(key, _)| !KEYS.contains(&key)) {
        let rule = format!("it has an unknown key; the known keys are {}", KEYS.join(", "));
        return Err(object.refused(&rule));
    }
    let name = match object.find_text("name")? {
        // The message states the rule, not the name: a broken file can have a secret in the place of the name.
        Some(own) => Name::new(&*own)
            .map_err(|_| object.refused(&format!("its \"name\" breaks a rule: {NAME_RULE}")))?,
        None => {
            Name::new(name.ok_or_else(|| object.refused("it has no name: choose a name for the record"))?)?
        }
    };
    let provider = match &*object.text("provider")? {
        "static" | "_STATIC" => Provider::Static,
        "session" => Provider::Session,
        _ => return Err(object.refused("its \"provider\" must be static or session")),
    };
    let id = object.text("access_key_id")?;
    let secret = object.text("secret_access_key")?;
    let record = match provider {
        Provider::Static if object.find("session_token")?.is_some() => {
            return Err(object.refused("it has a \"session_token\", but its \"provider\" is static"));
        }
        Provider::Static => NewRecord::new_static(name, &id, SecretString::from(&*secret)),
        Provider::Session => {
            let token = object.text("session_token")?;
            NewRecord::new_session(name, &id, SecretString::from(&*secret), SecretString::from(&*token))
        }
    };
    let mut record = record.map_err(|error| object.refused_for(error))?;
    if let Some(attributes) = object.find("attributes")? {
        record = with_attributes(record, object, attributes)?;
    }
    if let Some(text) = object.find_text("expires")? {
        let time = rfc3339::parse(&text);
        record =
            record.expires(time.ok_or_else(|| object.refused("its \"expires\" is not an RFC 3339 time"))?);
    }
    Ok(record)
}

fn with_attributes(mut record: NewRecord, object: &Object<'_>, attributes: &RawValue) -> Result<NewRecord> {
    let attributes = Object::new(&object.part("attributes"), attributes)?;
    if attributes.fields().count() > MAX_ATTRIBUTE_COUNT {
        return Err(
            attributes.refused(&format!("a record can have at most {MAX_ATTRIBUTE_COUNT} attributes"))
        );
    }
    let mut seen = BTreeSet::new();
    for ((key, value), number) in attributes.fields().zip(1..) {
        if !seen.insert(key) {
            return Err(
                attributes.refused(&format!("attribute {number} has the same key as an earlier attribute"))
            );
        }
        let value = attributes.read_text(&format!("attribute {number}"), value)?;
        record = record.attribute(key, &value).map_err(|_| {
            attributes.refused(&format!(
                "the key of attribute {number} breaks a rule: 1 to 256 bytes, no control characters, no white space at \
                 either end, not beginning with \"aumbry.\""
            ))
        })?;
    }
    Ok(record)
}
