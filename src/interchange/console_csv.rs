//! The file that the IAM console offers, once, when it makes an access key.
//!
//! Three forms are understood:
//! * `Access key ID,Secret access key` (`USER_accessKeys.csv`),
//! * `User name,Password,Access key ID,Secret access key,Console login link` (`new_user_credentials.csv`, with or
//!   without the password and the link), any number of rows,
//! * two lines, `AWSAccessKeyId=…` and `AWSSecretKey=…` (`rootkey.csv`).
//!
//! Columns are told by their names, in any order and any case; others are passed over. A byte-order mark and
//! Windows line ends are fine. Values are taken byte for byte.

use std::collections::HashMap;
use std::path::Path;

use secrecy::SecretString;

use super::NAME_RULE;
use super::plaintext::read_all;
use super::rows::{Row, Rows};
use crate::credentials::{Name, NewRecord};
use crate::error::{Error, ErrorKind, Result};

/// What to call the file in a message.
const FILE: &str = "the file of the IAM console";

/// Reads the console's file at `path`, which may also be a pipe. A record is named after its user; without one
/// it is called `name`, or else as the file is, without its ending.
///
/// Nothing is added to a vault here: hand each draft to [`Edit::add`](crate::Edit::add). The plaintext file stays
/// where it is; remove it once the vault is backed up.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) or [`Io`](ErrorKind::Io) if the file cannot be read,
/// [`InvalidFile`](ErrorKind::InvalidFile) beyond 16 MiB, and as [`parse`].
pub fn read(path: impl AsRef<Path>, name: Option<&str>) -> Result<Vec<NewRecord>> {
    let path = path.as_ref();
    let content = read_all(path, "file of the IAM console")?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    parse(&content, name.or(stem.as_deref()))
}

/// Reads the content of the console's file. A record is named after its user, or else `name`.
///
/// All or nothing: one bad row refuses the file.
///
/// # Errors
/// [`InvalidFile`](ErrorKind::InvalidFile), naming the line and the rule that it breaks, never its content.
pub fn parse(content: &[u8], name: Option<&str>) -> Result<Vec<NewRecord>> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = std::str::from_utf8(content).map_err(|_| refused("it is not UTF-8 text"))?;
    let drafts = match OldForm::find(text) {
        Some(old) => vec![old.draft(name)?],
        None => parse_rows(text, name)?,
    };
    if drafts.is_empty() {
        return Err(refused("there is no access key in it"));
    }
    let mut lines = HashMap::new();
    for (line, draft) in &drafts {
        if let Some(first) = lines.insert(draft.name(), *line) {
            return Err(refused(&format!("line {line} has the same name as line {first}")));
        }
    }
    Ok(drafts.into_iter().map(|(_, draft)| draft).collect())
}

/// A record and the line it stands on.
type Numbered = (usize, NewRecord);

/// `AWSAccessKeyId=…` and `AWSSecretKey=…`, in either order, each with its line.
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

    fn draft(&self, name: Option<&str>) -> Result<Numbered> {
        let (line, secret) = self.secret;
        let line = if secret.is_empty() { line } else { self.id.0 };
        Ok((line, draft(line, None, name, self.id.1, secret)?))
    }
}

/// Which column holds what.
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
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        let line = row.line();
        let field =
            |column| row.field(column).ok_or_else(|| refused(&format!("line {line} has too few columns")));
        let user_name = columns.user_name.map(field).transpose()?.filter(|user_name| !user_name.is_empty());
        let id = field(columns.access_key_id)?;
        let secret = field(columns.secret_access_key)?;
        drafts.push((line, draft(line, user_name, name, id, secret)?));
    }
    Ok(drafts)
}

fn draft(
    line: usize,
    user_name: Option<&str>,
    name: Option<&str>,
    id: &str,
    secret: &str,
) -> Result<NewRecord> {
    let name = user_name.or(name).ok_or_else(|| {
        refused(&format!("line {line} names no user, so say what the record is to be called"))
    })?;
    // The rule, not the text: with a stray quote in the file, a secret may stand where the name should.
    Name::new(name).map_err(|_| refused(&format!("the name on line {line} breaks a rule: {NAME_RULE}")))?;
    NewRecord::new_static(name, id, SecretString::from(secret)).map_err(|error| {
        let message = format!("line {line} of the console's file is refused");
        Error::new(ErrorKind::InvalidFile, message).with_source(error)
    })
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("{FILE} cannot be used: {why}"))
}
