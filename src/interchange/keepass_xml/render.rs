//! Writes records as KeePass 2 XML.

use secrecy::{ExposeSecret, SecretString};

use super::names::{FILE, NOTES, PASSWORD, TITLE, URL, USER_NAME};
use crate::credentials::{Credentials, rfc3339};
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::interchange::entry::field::{Kind, LITERAL};
use crate::interchange::entry::{is_reference, looks_like_a_key_id};
use crate::interchange::text::xml::is_xml;
use crate::memory::out_of_memory;

/// Returns a document with an entry for each record, all in one group. [`parse`](super::parse) returns the same records
/// from it.
///
/// Name, access key id and secret access key become title, user name and password. `url` and `description` become address
/// and notes. Session token, expiry and other attributes become custom fields: `Session Token`, which is protected,
/// `Expires`, and the keys of the attributes, after `attribute:` if they would otherwise mean something else. An access
/// key id that does not look like one of AWS's is also written to a field `Access Key ID`.
///
/// Line ends of every kind are kept, but the XML export of KeePassXC turns `\r` into `\n`. Where KeePass displays a value,
/// it replaces placeholders such as `{TITLE}`.
///
/// The times at which a record was added and changed are not written, because a vault records when it got a record
/// itself.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput): KeePass XML cannot express a text. The message names the record and the
/// field, never the value.
/// * The text contains a character that XML 1.0 does not allow: a control character other than tabs and line ends,
///   U+FFFE, U+FFFF.
/// * The text contains `{REF:`, which KeePass would read as a reference to another entry.
///
/// # Security
/// The text contains every secret in plaintext. It is built in one buffer of its exact size, which is wiped when dropped.
pub fn render(records: &[Credentials]) -> Result<SecretString> {
    let mut len = 0;
    write(records, &mut |piece| len += piece.len())?;
    let mut text = String::new();
    text.try_reserve_exact(len).map_err(|_| out_of_memory(len))?;
    match write(records, &mut |piece| text.push_str(piece)) {
        Ok(()) => Ok(SecretString::from(text)),
        Err(error) => Err(error), // does not occur, because measuring has succeeded
    }
}

const BEGIN: &str = r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<KeePassFile>
	<Meta>
		<Generator>aumbry</Generator>
		<MemoryProtection>
			<ProtectTitle>False</ProtectTitle>
			<ProtectUserName>False</ProtectUserName>
			<ProtectPassword>True</ProtectPassword>
			<ProtectURL>False</ProtectURL>
			<ProtectNotes>False</ProtectNotes>
		</MemoryProtection>
	</Meta>
	<Root>
		<Group>
			<Name>aumbry</Name>
"#;
const END: &str = "\t\t</Group>\n\t</Root>\n</KeePassFile>\n";

/// Passes the document to `out`, piece by piece.
fn write(records: &[Credentials], out: &mut dyn FnMut(&str)) -> Result<()> {
    out(BEGIN);
    for record in records {
        out("\t\t\t<Entry>\n");
        write_entry(&mut Entry { record, out: &mut *out })?;
        out("\t\t\t</Entry>\n");
    }
    out(END);
    Ok(())
}

fn write_entry(entry: &mut Entry<'_>) -> Result<()> {
    let record = entry.record;
    let id = record.access_key_id();
    entry.field(TITLE, record.name(), false)?;
    entry.field(USER_NAME, id, false)?;
    entry.field(PASSWORD, record.secret_access_key().expose_secret(), true)?;
    if !looks_like_a_key_id(id) {
        entry.field("Access Key ID", id, false)?;
    }
    if let Some(token) = record.session_token() {
        entry.field("Session Token", token.expose_secret(), true)?;
    }
    if let Some(expires) = record.expires() {
        entry.field("Expires", &rfc3339::format(expires), false)?;
    }
    for (key, value) in record.attributes() {
        match key {
            "url" if !value.is_empty() => entry.field(URL, value, false)?,
            "description" if !value.is_empty() => entry.field(NOTES, value, false)?,
            _ if reads_as_it_is(key) && !value.is_empty() => entry.field(key, value, false)?,
            _ => entry.field(&format!("{LITERAL}{key}"), value, false)?,
        }
    }
    Ok(())
}

/// Tells whether a custom field of this name is parsed as the attribute of the same key.
fn reads_as_it_is(key: &str) -> bool {
    let own = [TITLE, USER_NAME, PASSWORD, URL, NOTES];
    !own.contains(&key) && !key.starts_with(LITERAL) && Kind::of(key) == Kind::Attribute(key)
}

/// The entry of a record, while it is written.
struct Entry<'a> {
    record: &'a Credentials,
    out: &'a mut dyn FnMut(&str),
}

impl Entry<'_> {
    fn field(&mut self, name: &str, value: &str, protected: bool) -> Result<()> {
        if ![name, value].into_iter().flat_map(str::chars).all(is_xml) {
            return Err(self.refused(name, "it contains a character that XML does not allow"));
        }
        if is_reference(value) {
            return Err(self.refused(name, "KeePass would read it as a reference to another entry ({REF:…})"));
        }
        let value_tag = if protected { "<Value ProtectInMemory=\"True\">" } else { "<Value>" };
        (self.out)("\t\t\t\t<String><Key>");
        escape(name, self.out);
        (self.out)("</Key>");
        (self.out)(value_tag);
        escape(value, self.out);
        (self.out)("</Value></String>\n");
        Ok(())
    }

    fn refused(&self, field: &str, why: &str) -> Error {
        let (record, field) = (quoted(self.record.name()), quoted(field));
        let message = format!("could not write the record {record} to {FILE}: its field {field}: {why}");
        Error::new(ErrorKind::InvalidInput, message)
    }
}

/// Passes a text to `out` as the content of an element. A `\r` needs a reference, because a parser reads it as `\n`.
fn escape(text: &str, out: &mut dyn FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '\r']) {
        let (plain, special) = rest.split_at(at);
        out(plain);
        out(match special.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            _ => "&#13;",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    out(rest);
}
