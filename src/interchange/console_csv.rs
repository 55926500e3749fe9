//! The CSV file that the IAM console offers for download, once, when it creates an access key.
//!
//! Three forms are accepted:
//! * `Access key ID,Secret access key` (`USER_accessKeys.csv`);
//! * `User name,Password,Access key ID,Secret access key,Console login link` (`new_user_credentials.csv`), with or
//!   without the password and the link, with any number of rows;
//! * two lines, `AWSAccessKeyId=…` and `AWSSecretKey=…` (`rootkey.csv`).
//!
//! Columns are identified by their names, in any order and any case. Other columns are ignored. A byte order mark and
//! Windows line ends are accepted. Values are taken byte for byte.
//!
//! Sources: AWS describes the download in [Manage access keys for IAM users][keys], but not the columns; those are taken
//! from files that the console wrote. CSV is [RFC 4180].
//!
//! [keys]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
//! [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180

use std::collections::HashMap;
use std::path::Path;

use secrecy::SecretString;

use super::import::{Import, NAME_RULE};
use super::importer::Importer;
use super::text::csv::{Row, Rows};
use super::text::input::{self, read_all, utf8};
use crate::credentials::{Name, NewRecord};
use crate::error::{Error, ErrorKind, Result};

/// The name of the file in messages.
const FILE: &str = "the file of the IAM console";

pub(super) const IMPORTER: Importer = Importer {
    recognises: |sample| {
        sample.header_has(&["access key id", ","])
            || sample.header_has(&["awsaccesskeyid"])
            || sample.header_has(&["awssecretkey"])
    },
    parse,
};

/// Reads the console's file at `path`, which can also be a pipe. A record is named after its user; without a user it is
/// called `name`, or, without a `name`, after the file without its extension.
///
/// Nothing is added to a vault: pass each record to [`Edit::add`](crate::Edit::add). The plaintext file stays where it
/// is; delete it once the vault is backed up.
///
/// # Errors
/// * [`NotFound`](ErrorKind::NotFound) or [`Io`](ErrorKind::Io): the file cannot be read.
/// * [`InvalidFile`](ErrorKind::InvalidFile): the path leads to a folder, or the file is longer than 16 MiB.
/// * Those of [`parse`].
pub fn read(path: impl AsRef<Path>, name: Option<&str>) -> Result<Import> {
    let path = path.as_ref();
    let content = read_all(path, "file of the IAM console")?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    parse(&content, name.or(stem.as_deref()))
}

/// Parses the content of the console's file. A record is named after its user; without a user it is called `name`.
///
/// All or nothing: one invalid row refuses the file.
///
/// # Errors
/// [`InvalidFile`](ErrorKind::InvalidFile): the file is longer than 16 MiB, or breaks a rule. The message names the line
/// and the rule, never the content.
pub fn parse(content: &[u8], name: Option<&str>) -> Result<Import> {
    let text = utf8(FILE, content)?;
    let records = match OldForm::find(text) {
        Some(old) => vec![old.record(name)?],
        None => parse_rows(text, name)?,
    };
    if records.is_empty() {
        return Err(refused("it contains no access key"));
    }
    let mut lines = HashMap::new();
    for (line, record) in &records {
        if let Some(first) = lines.insert(record.name(), *line) {
            return Err(refused(&format!("line {line} has the same name as line {first}")));
        }
    }
    Ok(Import::of(records.into_iter().map(|(_, record)| record).collect()))
}

/// A record and the line where it starts.
type Numbered = (usize, NewRecord);

/// The values of `AWSAccessKeyId=…` and `AWSSecretKey=…`, in either order, each with its line.
struct OldForm<'a> {
    id: (usize, &'a str),
    secret: (usize, &'a str),
}

impl<'a> OldForm<'a> {
    fn find(text: &'a str) -> Option<Self> {
        let value = |key: &str| {
            text.lines().enumerate().find_map(|(at, line)| {
                let (found, value) = line.split_once('=')?;
                found.trim().eq_ignore_ascii_case(key).then_some((at + 1, value))
            })
        };
        Some(Self { id: value("AWSAccessKeyId")?, secret: value("AWSSecretKey")? })
    }

    fn record(&self, name: Option<&str>) -> Result<Numbered> {
        let (line, secret) = self.secret;
        let line = if secret.is_empty() { line } else { self.id.0 };
        Ok((line, record(line, None, name, self.id.1, secret)?))
    }
}

/// The positions of the columns.
struct Columns {
    user_name: Option<usize>,
    access_key_id: usize,
    secret_access_key: usize,
}

impl Columns {
    fn of(header: &Row<'_>) -> Result<Self> {
        let position = |name: &str| {
            (0..header.len()).find(|column| {
                header.field(*column).is_some_and(|field| field.trim().eq_ignore_ascii_case(name))
            })
        };
        let required = |name: &str| {
            position(name).ok_or_else(|| {
                refused(&format!(
                    "its first line has no column {name:?}; the IAM console writes \"Access key ID,Secret access key\""
                ))
            })
        };
        Ok(Self {
            user_name: position("User name"),
            access_key_id: required("Access key ID")?,
            secret_access_key: required("Secret access key")?,
        })
    }
}

fn parse_rows(text: &str, name: Option<&str>) -> Result<Vec<Numbered>> {
    let mut rows = Rows::new(FILE, text)?;
    let Some(header) = rows.next()? else { return Ok(Vec::new()) };
    let columns = Columns::of(&header)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.line();
        let field =
            |column| row.field(column).ok_or_else(|| refused(&format!("line {line} has too few columns")));
        let user_name = columns.user_name.map(field).transpose()?.filter(|user_name| !user_name.is_empty());
        let id = field(columns.access_key_id)?;
        let secret = field(columns.secret_access_key)?;
        records.push((line, record(line, user_name, name, id, secret)?));
    }
    Ok(records)
}

fn record(
    line: usize,
    user_name: Option<&str>,
    name: Option<&str>,
    id: &str,
    secret: &str,
) -> Result<NewRecord> {
    let name = user_name
        .or(name)
        .ok_or_else(|| refused(&format!("line {line} has no user name: choose a name for the record")))?;
    // The message states the rule, not the name: a stray quote in the file can put a secret in the place of the name.
    Name::new(name).map_err(|_| refused(&format!("the name on line {line} breaks a rule: {NAME_RULE}")))?;
    NewRecord::new_static(name, id, SecretString::from(secret)).map_err(|error| {
        let message = format!("line {line} of the file of the IAM console is not valid");
        Error::new(ErrorKind::InvalidFile, message).with_source(error)
    })
}

fn refused(why: &str) -> Error {
    input::refused(FILE, why)
}
