//! The JSON export of Bitwarden and Vaultwarden: *Export vault*, file format *.json*, or `bw export --format json`.
//!
//! ```json
//! {"encrypted": false, "folders": [{"id": "…", "name": "AWS"}], "items": [{"folderId": "…", "type": 1, "name": "…",
//!  "notes": null, "fields": [{"name": "Region", "value": "eu-central-1", "type": 0}],
//!  "login": {"uris": [{"uri": "https://…"}], "username": "AKIA…", "password": "…", "totp": null}}]}
//! ```
//!
//! An item of any type can contain a key in its fields. An item of an organisation is in the folder of its first
//! collection. Hidden fields are secret. The second of several addresses is called `url_2`.
//!
//! Encrypted exports are refused. Export without encryption, to a place that you trust or through a pipe.
//!
//! Source: [Bitwarden, Condition a .csv or .json][format]. JSON is [RFC 8259].
//!
//! [format]: https://bitwarden.com/help/condition-bitwarden-import/
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::entry::Entry;
use super::import::{Import, LeaveReason};
use super::importer::Importer;
use super::text::input::refused;
use super::text::json::{Object, array, document, is_object_with};
use super::text::value::Text;
use crate::error::Result;

/// The name of the file in messages.
const FILE: &str = "the Bitwarden export";

pub(super) const IMPORTER: Importer = Importer {
    // No other JSON document says whether it is encrypted.
    recognises: |sample| sample.text().starts_with(b"{") && is_object_with(sample.text(), "encrypted"),
    parse: |content, _| parse(content),
};

/// Parses the content of such a file.
///
/// # Errors
/// [`InvalidFile`](crate::ErrorKind::InvalidFile): the file is longer than 16 MiB, or breaks a rule. The message names the
/// number of the item and the rule, never the content.
pub fn parse(content: &[u8]) -> Result<Import> {
    let export = Object::new(FILE, document(content)?)?;
    if export.find("encrypted")?.is_some_and(|value| value.get() != "false") {
        return Err(refused(FILE, "it is encrypted; export it as \".json\", not as \".json (Encrypted)\""));
    }
    let items = export.find("items")?.ok_or_else(|| export.refused("\"items\" is missing"))?;
    let items = array(items)?.ok_or_else(|| export.refused("\"items\" is not an array"))?;
    let folders =
        Folders { folders: names(&export, "folders")?, collections: names(&export, "collections")? };
    let mut import = Import::default();
    for (item, number) in items.into_iter().zip(1..) {
        let position = format!("item {number}");
        let item = Object::new(&format!("{position} of {FILE}"), item)?;
        entry(position, &item, &folders)?.add_to(&mut import);
    }
    Ok(import)
}

/// The names of folders and collections, by id.
struct Folders<'a> {
    folders: HashMap<String, Text<'a>>,
    collections: HashMap<String, Text<'a>>,
}

fn names<'a>(export: &Object<'a>, key: &str) -> Result<HashMap<String, Text<'a>>> {
    let mut names = HashMap::new();
    for (folder, number) in list(export, key)?.into_iter().zip(1..) {
        let folder = Object::new(&format!("element {number} of {}", export.part(key)), folder)?;
        if let (Some(id), Some(name)) = (folder.find_text("id")?, folder.find_text("name")?) {
            names.insert(id.to_string(), name);
        }
    }
    Ok(names)
}

/// Returns the elements of an optional array.
fn list<'a>(object: &Object<'a>, key: &str) -> Result<Vec<&'a RawValue>> {
    match object.find(key)? {
        Some(value) => array(value)?.ok_or_else(|| object.refused(&format!("{key:?} is not an array"))),
        None => Ok(Vec::new()),
    }
}

fn entry<'a>(position: String, item: &Object<'a>, folders: &Folders<'_>) -> Result<Entry<'a>> {
    let mut entry = Entry::new(position);
    entry.set_folder(folder(item, folders)?);
    entry.deleted = item.find("deletedDate")?.is_some();
    entry.title = or_empty(item.find_text("name")?);
    if let Some(login) = item.find("login")? {
        let login = Object::new(&item.part("login"), login)?;
        entry.user_name = or_empty(login.find_text("username")?);
        entry.password = or_empty(login.find_text("password")?);
        for (uri, number) in list(&login, "uris")?.into_iter().zip(1..) {
            let uri = Object::new(&format!("element {number} of {}", login.part("uris")), uri)?;
            let name = if number == 1 { "url".into() } else { format!("url_{number}") };
            entry.add(Text::Unescaped(name.into()), or_empty(uri.find_text("uri")?), None);
        }
        entry.add(Text::Borrowed("totp"), or_empty(login.find_text("totp")?), None);
    }
    entry.add(Text::Borrowed("description"), or_empty(item.find_text("notes")?), None);
    for (field, number) in list(item, "fields")?.into_iter().zip(1..) {
        let field = Object::new(&format!("element {number} of {}", item.part("fields")), field)?;
        let hidden = field.find("type")?.is_some_and(|kind| kind.get() == "1");
        let unfit = hidden.then_some(LeaveReason::Secret);
        entry.add(or_empty(field.find_text("name")?), or_empty(field.find_text("value")?), unfit);
    }
    Ok(entry)
}

/// Returns the name of the item's folder, or otherwise of its first collection.
fn folder<'a>(item: &Object<'_>, folders: &'a Folders<'_>) -> Result<&'a str> {
    let name = match (item.find_text("folderId")?, list(item, "collectionIds")?.first()) {
        (Some(id), _) => folders.folders.get(&*id),
        (None, Some(id)) => {
            folders.collections.get(&*item.read_text("the first of its \"collectionIds\"", id)?)
        }
        (None, None) => None,
    };
    Ok(name.map_or("", |name| name))
}

fn or_empty(text: Option<Text<'_>>) -> Text<'_> {
    text.unwrap_or(Text::Borrowed(""))
}
