//! What Bitwarden, and Vaultwarden with it, export as JSON: *Export vault*, file format *.json*; or
//! `bw export --format json`.
//!
//! ```json
//! {"encrypted": false, "folders": [{"id": "…", "name": "AWS"}], "items": [{"folderId": "…", "type": 1, "name": "…",
//!  "notes": null, "fields": [{"name": "Region", "value": "eu-central-1", "type": 0}],
//!  "login": {"uris": [{"uri": "https://…"}], "username": "AKIA…", "password": "…", "totp": null}}]}
//! ```
//!
//! An item of any type can hold a key in its fields. The folder of an item of an organisation is the first of its
//! collections. Hidden fields are secret. Of several addresses the second is called `url_2`.
//!
//! Encrypted exports are refused: export without encryption, to a place that you can trust, or through a pipe.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::entry::Entry;
use super::{Import, LeaveReason, refused};
use crate::aws::raw_json::{Object, Text, array, document};
use crate::error::Result;

const FILE: &str = "the Bitwarden export";

/// Reads the content of such a file.
///
/// # Errors
/// [`InvalidImport`](crate::ErrorKind::InvalidFile), naming the number of the item and the rule that it breaks, never
/// its content; [`TooLarge`](crate::ErrorKind::InvalidFile) beyond 16 MiB.
pub fn parse(content: &[u8]) -> Result<Import> {
    let export = Object::new(FILE, document(content)?)?;
    if export.find("encrypted")?.is_some_and(|value| value.get() != "false") {
        return Err(refused(FILE, "it is encrypted; export it as \".json\", not as \".json (Encrypted)\""));
    }
    let items = export.find("items")?.ok_or_else(|| export.refused("\"items\" is missing"))?;
    let items = array(items)?.ok_or_else(|| export.refused("its \"items\" are no array"))?;
    let folders =
        Folders { folders: names(&export, "folders")?, collections: names(&export, "collections")? };
    let mut import = Import::default();
    for (item, number) in items.into_iter().zip(1..) {
        let place = format!("item {number}");
        let item = Object::new(&format!("{place} of {FILE}"), item)?;
        entry(place, &item, &folders)?.add_to(&mut import);
    }
    Ok(import)
}

/// The names of what items lie in, by id.
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

/// The elements of an array that may be absent.
fn list<'a>(object: &Object<'a>, key: &str) -> Result<Vec<&'a RawValue>> {
    match object.find(key)? {
        Some(value) => array(value)?.ok_or_else(|| object.refused(&format!("its {key:?} is no array"))),
        None => Ok(Vec::new()),
    }
}

fn entry<'a>(place: String, item: &Object<'a>, folders: &Folders<'_>) -> Result<Entry<'a>> {
    let mut entry = Entry::new(place);
    entry.lies_in(folder(item, folders)?);
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
        entry.add(Text::AsItStands("totp"), or_empty(login.find_text("totp")?), None);
    }
    entry.add(Text::AsItStands("description"), or_empty(item.find_text("notes")?), None);
    for (field, number) in list(item, "fields")?.into_iter().zip(1..) {
        let field = Object::new(&format!("element {number} of {}", item.part("fields")), field)?;
        let hidden = field.find("type")?.is_some_and(|kind| kind.get() == "1");
        let unfit = hidden.then_some(LeaveReason::Secret);
        entry.add(or_empty(field.find_text("name")?), or_empty(field.find_text("value")?), unfit);
    }
    Ok(entry)
}

/// The name of the folder that an item lies in, or else of its first collection.
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
    text.unwrap_or(Text::AsItStands(""))
}
