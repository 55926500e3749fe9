//! Commands about records.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use aumbry::interchange::{credential_process, json};
use aumbry::{
    Credentials, ExposeSecret, Name, NewRecord, Provider, Record, RecordChange, SecretString, Vault,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::arguments::secrets::SecretSource;
use crate::arguments::{Add, Edit};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{is_plain, print, print_json};
use crate::passphrase::terminal;
use crate::secret::{self, SecretBytes};
use crate::suggestion::did_you_mean;
use crate::terminal::Terminal;

pub(super) fn add(context: &Context, add: &Add) -> Outcome {
    Name::new(&add.name)?; // before anything is asked
    let mut terminal = match (&add.access_key_id, &add.secret.from_json) {
        (None, None) => Some(terminal_for_id(context)?), // before the passphrase is asked for
        _ => None,
    };
    let vault = context.open_to_write()?;
    if vault.find(&add.name)?.is_some() {
        return Err(taken(&add.name));
    }
    let mut draft = match document(&add.secret)? {
        Some(document) => credential_process::parse(&document, &add.name)?,
        None => {
            let id = match (&add.access_key_id, &mut terminal) {
                (Some(id), _) => id.clone(),
                (None, Some(terminal)) => terminal.ask("Access key id: ")?,
                (None, None) => String::new(), // the library refuses it
            };
            NewRecord::new_static(&add.name, &id, secret_access_key(context, &add.secret)?)?
        }
    };
    if let Some(region) = &add.region {
        draft = draft.attribute("region", region)?;
    }
    if let Some(url) = &add.endpoint_url {
        draft = draft.attribute("endpoint_url", url)?;
    }
    for attribute in &add.attributes {
        let (key, value) = attribute
            .split_once('=')
            .ok_or_else(|| Failure::usage("--attribute takes KEY=VALUE, and what was given has no ="))?;
        draft = match Field::to_set(key)? {
            Field::Expires => draft.expires(time(value)?),
            Field::Attribute(key) => draft.attribute(key, value)?,
            _ => return Err(Failure::usage("the access key id has an option of its own: --access-key-id")),
        };
    }
    vault.edit(|edit| edit.add(&draft))?;
    done(context, &vault, &add.name, &format!("Added {}.", escaped(&add.name)))
}

pub(super) fn edit(context: &Context, edit: &Edit) -> Outcome {
    let mut change = RecordChange::new();
    for field in &edit.fields {
        change = apply(change, field)?;
    }
    let nothing = edit.fields.is_empty()
        && edit.secret.secret_fd.is_none()
        && edit.secret.secret_file.is_none()
        && edit.secret.from_json.is_none();
    if nothing {
        return Err(Failure::usage("nothing to change: name a FIELD=VALUE or a source for the secret"));
    }
    let vault = context.open_to_write()?;
    find(&vault, &edit.name)?;
    if let Some(document) = document(&edit.secret)? {
        let draft = credential_process::parse(&document, &edit.name)?;
        change = change.secrets_of(&draft);
    } else if edit.secret.secret_fd.is_some() || edit.secret.secret_file.is_some() {
        change = change.secret_access_key(secret_access_key(context, &edit.secret)?);
    }
    vault.edit(|records| records.change(&edit.name, &change))?;
    done(context, &vault, &edit.name, &format!("Changed {}.", escaped(&edit.name)))
}

/// A field of a record, however it is spelled on the command line.
enum Field<'a> {
    SecretAccessKey,
    SessionToken,
    AccessKeyId,
    Expires,
    Name,
    Provider,
    Created,
    Updated,
    Attribute(&'a str),
}

impl<'a> Field<'a> {
    /// `access-key-id`, `access_key_id`, `AccessKeyId` and `AWS_ACCESS_KEY_ID` are one field. A field that each record
    /// has is not an attribute, otherwise a record could have two of the same name.
    fn of(key: &'a str) -> Self {
        let letters = key.chars().filter(char::is_ascii_alphanumeric);
        let plain = letters.collect::<String>().to_ascii_lowercase();
        match plain.strip_prefix("aws").unwrap_or(&plain) {
            "secret" | "secretkey" | "secretaccesskey" => Self::SecretAccessKey,
            "token" | "sessiontoken" | "securitytoken" => Self::SessionToken,
            "accesskeyid" => Self::AccessKeyId,
            "expires" => Self::Expires,
            "name" => Self::Name,
            "provider" => Self::Provider,
            "created" => Self::Created,
            "updated" => Self::Updated,
            "endpointurl" => Self::Attribute("endpoint_url"),
            _ => Self::Attribute(key),
        }
    }

    /// The field, if the command line may set it. A secret on the command line is visible to every user of the machine.
    fn to_set(key: &'a str) -> Outcome<Self> {
        match Self::of(key) {
            Self::SecretAccessKey | Self::SessionToken => Err(on_command_line(key)),
            Self::Attribute(key) if key.eq_ignore_ascii_case("password") => Err(on_command_line(key)),
            Self::Name => Err(Failure::usage("the name is changed with `aumbry rename`")),
            Self::Provider | Self::Created | Self::Updated => {
                Err(Failure::usage(format!("{key} cannot be set: it follows from the rest of the record")))
            }
            field => Ok(field),
        }
    }
}

fn on_command_line(key: &str) -> Failure {
    let message =
        format!("{key} must not be on the command line, where every user of the machine can read it");
    Failure::usage(message).advise("give it by --secret-file, --secret-fd or --from-json")
}

fn time(text: &str) -> Outcome<std::time::SystemTime> {
    let time = aumbry::interchange::time::parse(text);
    time.ok_or_else(|| Failure::usage("expires is a time such as 2027-01-31T12:00:00Z"))
}

/// `FIELD=VALUE`, or `FIELD=` to clear it.
fn apply(change: RecordChange, assignment: &str) -> Outcome<RecordChange> {
    let (key, value) = assignment
        .split_once('=')
        .ok_or_else(|| Failure::usage("a change is FIELD=VALUE, or FIELD= to clear the field"))?;
    let value = Some(value).filter(|value| !value.is_empty());
    Ok(match Field::to_set(key)? {
        Field::Expires => change.expires(value.map(time).transpose()?),
        Field::Attribute(key) => change.attribute(key, value),
        _ => change.access_key_id(value.unwrap_or_default()),
    })
}

pub(super) fn rename(context: &Context, old: &str, new: &str) -> Outcome {
    let new = Name::new(new)?;
    let vault = context.open_to_write()?;
    find(&vault, old)?;
    vault.edit(|edit| edit.rename(old, &new))?;
    done(context, &vault, new.as_str(), &format!("Renamed {} to {}.", escaped(old), escaped(new.as_str())))
}

pub(super) fn remove(context: &Context, name: &str, yes: bool) -> Outcome {
    let vault = context.open_to_write()?;
    let id = find(&vault, name)?.access_key_id().to_owned();
    context.confirm(yes, &format!("Remove {} ({}) for good?", escaped(name), escaped(&id)))?;
    vault.edit(|edit| edit.remove(name))?;
    context.done(&format!("Removed {}.", escaped(name)), &json!({ "removed": name }))
}

/// Says that a record was written: to a person in a line, to a program as the record that it is now.
fn done(context: &Context, vault: &Vault, name: &str, note: &str) -> Outcome {
    if context.global.json {
        return print(&(json::render(&find(vault, name)?)? + "\n"));
    }
    context.note(note);
    Ok(())
}

pub(super) fn get(context: &Context, name: &str, field: &str, no_newline: bool) -> Outcome {
    let vault = context.open()?;
    let credentials = credentials(&vault, name)?;
    let missing = || Failure::no_such_field(format!("{} has no {}", escaped(name), escaped(field)));
    let value: Option<SecretString> = match Field::of(field) {
        Field::SecretAccessKey => Some(credentials.secret_access_key().clone()),
        Field::SessionToken => credentials.session_token().cloned(),
        Field::AccessKeyId => Some(credentials.access_key_id().into()),
        Field::Expires => credentials.expires().map(|time| rfc3339(time).into()),
        Field::Name => Some(credentials.name().into()),
        Field::Provider => Some(credentials.provider().to_string().into()),
        Field::Created => Some(rfc3339(credentials.created()).into()),
        Field::Updated => Some(rfc3339(credentials.updated()).into()),
        Field::Attribute(key) => credentials.attribute(key).map(Into::into),
    };
    // An imported attribute may have a name like that of a field that this record does not have.
    let value = value.or_else(|| credentials.attribute(field).map(Into::into)).ok_or_else(missing)?;
    let value: &SecretString = &value;
    let value = value.expose_secret();
    if context.global.json {
        return print_json(&BTreeMap::from([("name", name), ("field", field), ("value", value)]));
    }
    // Sized first: a String that grows leaves its smaller self behind.
    let mut line = Zeroizing::new(String::with_capacity(value.len() + 1));
    line.push_str(value);
    if !no_newline {
        line.push('\n');
    }
    print(&line)
}

pub(super) fn rfc3339(time: std::time::SystemTime) -> String {
    aumbry::interchange::time::format(time)
}

/// Returns the record with its secret. The error suggests a name.
pub(super) fn credentials(vault: &Vault, name: &str) -> Outcome<Credentials> {
    vault.get_credentials(name)?.ok_or_else(|| missing(vault, name))
}

fn find(vault: &Vault, name: &str) -> Outcome<Record> {
    vault.find(name)?.ok_or_else(|| missing(vault, name))
}

fn missing(vault: &Vault, name: &str) -> Failure {
    let names = vault.records().into_iter().flatten().map(|record| record.name().to_owned());
    Failure::no_such_record(format!("the vault has no record named {name:?}"))
        .advise(did_you_mean(name, names).unwrap_or_else(|| "`aumbry list` shows the names".to_owned()))
}

fn taken(name: &str) -> Failure {
    let message = format!("the vault already has a record named {name:?}");
    Failure::from(aumbry::Error::new(aumbry::ErrorKind::AlreadyExists, message))
        .advise("change it with `aumbry edit`, or choose another name")
}

/// The credential_process document that `--from-json` names.
fn document(source: &SecretSource) -> Outcome<Option<SecretBytes>> {
    match &source.from_json {
        None => Ok(None),
        Some(path) if path == Path::new("-") => secret::from_descriptor(0).map(Some),
        Some(path) => secret::from_file(path).map(Some),
    }
}

/// Opens the terminal to ask for an access key id. The error says which options to use without one.
fn terminal_for_id(context: &Context) -> Outcome<Terminal> {
    terminal(context.may_ask(), "access key id").map_err(|failure| {
        failure.advise("give it by --access-key-id, with --secret-file or --secret-fd; or all by --from-json")
    })
}

fn secret_access_key(context: &Context, source: &SecretSource) -> Outcome<SecretString> {
    let bytes = match (source.secret_fd, &source.secret_file) {
        (Some(number), _) => secret::from_descriptor(number)?,
        (None, Some(path)) => secret::from_file(path)?,
        (None, None) => terminal(context.may_ask(), "secret access key")
            .map_err(|failure| failure.advise("give it by --secret-file, --secret-fd or --from-json"))?
            .ask_secret("Secret access key: ")?,
    };
    secret::to_text(&bytes)
}

pub(super) fn list(context: &Context, prefix: Option<&str>, provider: Option<Provider>) -> Outcome {
    let vault = context.open()?;
    let entries = vault.records_with_prefix(prefix.unwrap_or_default())?;
    let entries: Vec<Record> =
        entries.filter(|entry| provider.is_none_or(|provider| entry.provider() == provider)).collect();
    if context.global.json {
        // One line: in JSON a line break within a value is written otherwise.
        return print(&(json::render_all(entries)?.replace('\n', "") + "\n"));
    }
    let rows: Vec<[String; 4]> = entries
        .iter()
        .map(|entry| {
            [
                escaped(entry.name()),
                entry.provider().to_string(),
                escaped(entry.access_key_id()),
                escaped(entry.attribute("region").unwrap_or_default()),
            ]
        })
        .collect();
    print(&table(&["NAME", "PROVIDER", "ACCESS KEY ID", "REGION"], &rows))
}

/// Columns as wide as their widest cell.
pub(super) fn table(heads: &[&str; 4], rows: &[[String; 4]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heads.get(column).map(|head| head.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(heads.to_vec())).chain(body).collect()
}

/// As a terminal can show it: a name may hold characters that turn the line around.
pub(super) fn escaped(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

pub(super) fn show(context: &Context, name: &str, reveal: bool) -> Outcome {
    let vault = context.open()?;
    let entry = find(&vault, name)?;
    if context.global.json {
        if reveal {
            print(json::render_with_secret(&credentials(&vault, name)?)?.expose_secret())?;
        } else {
            print(&json::render(&entry)?)?;
        }
        return print("\n");
    }
    let mut text = format!(
        "{}\n  provider            {}\n  access key id       {}\n",
        escaped(entry.name()),
        entry.provider(),
        escaped(entry.access_key_id())
    );
    for (key, value) in entry.attributes() {
        let _ = writeln!(text, "  {:<19} {}", escaped(key), escaped(value));
    }
    if let Some(expires) = entry.expires() {
        let _ = writeln!(text, "  expires             {}", rfc3339(expires));
    }
    let _ = writeln!(text, "  created             {}", rfc3339(entry.created()));
    let _ = writeln!(text, "  updated             {}", rfc3339(entry.updated()));
    if let Some(rotation) = vault.rotation(name)? {
        let since = rfc3339(rotation.started);
        let _ = writeln!(
            text,
            "  rotation            under way since {since}: `aumbry rotate {} --resume`",
            escaped(name)
        );
    }
    print(&text)?;
    if !reveal {
        return print("  secret access key   (shown with --reveal)\n");
    }
    let credentials = credentials(&vault, name)?;
    print("  secret access key   ")?;
    print(credentials.secret_access_key().expose_secret())?;
    if let Some(token) = credentials.session_token() {
        print("\n  session token       ")?;
        print(token.expose_secret())?;
    }
    print("\n")
}
