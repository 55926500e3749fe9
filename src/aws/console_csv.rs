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

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv_core::{ReadRecordResult, Reader};
use secrecy::SecretString;

use crate::credentials::Draft;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::memory::zeroed;

/// Larger files are something else.
const MAX_FILE: u64 = 16 * 1024 * 1024;
/// The console writes five columns.
const MAX_COLUMNS: usize = 64;

/// Reads the console's file at `path`. A record is named after its user; without one it is called `name`, or
/// else as the file is, without its ending.
///
/// Nothing is added to a vault here: hand each draft to [`Edit::add`](crate::Edit::add). The plaintext file stays
/// where it is; remove it once the vault is backed up.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) or [`Io`](ErrorKind::Io) if the file cannot be read,
/// [`TooLarge`](ErrorKind::TooLarge) beyond 16 MiB, and as [`parse`].
pub fn read(path: impl AsRef<Path>, name: Option<&str>) -> Result<Vec<Draft>> {
    let path = path.as_ref();
    let failed = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("could not read {}", quoted(&path.to_string_lossy()))).with_source(error)
    };
    let mut file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let bytes = usize::try_from(len).ok().filter(|_| len <= MAX_FILE).ok_or_else(|| {
        let message =
            format!("{} is {len} bytes long: no file of the IAM console", quoted(&path.to_string_lossy()));
        Error::new(ErrorKind::TooLarge, message)
    })?;
    let mut content = zeroed(bytes)?;
    file.read_exact(&mut content).map_err(failed)?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy());
    parse(&content, name.or(stem.as_deref()))
}

/// Reads the content of the console's file. A record is named after its user, or else `name`.
///
/// All or nothing: one bad row refuses the file.
///
/// # Errors
/// [`InvalidImport`](ErrorKind::InvalidImport), naming the line and what is wrong with it, never its content;
/// its cause says which rule a name or field breaks.
pub fn parse(content: &[u8], name: Option<&str>) -> Result<Vec<Draft>> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let text = std::str::from_utf8(content).map_err(|_| refused("it is not UTF-8 text"))?;
    let drafts = match old_form(text) {
        Some((id, secret)) => vec![draft(1, None, name, id, secret)?],
        None => parse_rows(text, name)?,
    };
    if drafts.is_empty() {
        return Err(refused("there is no access key in it"));
    }
    let mut names = HashSet::new();
    match drafts.iter().find(|draft| !names.insert(draft.name())) {
        None => Ok(drafts),
        Some(twice) => {
            let message = format!("two of its rows would be named {}", quoted(twice.name().as_str()));
            Err(refused(&message))
        }
    }
}

/// `AWSAccessKeyId=…` and `AWSSecretKey=…`, in either order.
fn old_form(text: &str) -> Option<(&str, &str)> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (found, value) = line.split_once('=')?;
            found.trim().eq_ignore_ascii_case(key).then_some(value)
        })
    };
    Some((value("AWSAccessKeyId")?, value("AWSSecretKey")?))
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
            (0..header.ends.len()).find(|column| {
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

fn parse_rows(text: &str, name: Option<&str>) -> Result<Vec<Draft>> {
    let mut reader = Reader::new();
    // Unquoting never makes a field longer, so this buffer need not grow; it is wiped.
    let mut fields = zeroed(text.len())?;
    let mut ends = [0; MAX_COLUMNS];
    let mut rest = text.as_bytes();
    let mut columns = None;
    let mut drafts = Vec::new();
    loop {
        let line = reader.line();
        let Some(row) = Row::read(&mut reader, &mut rest, &mut fields, &mut ends)? else { return Ok(drafts) };
        let Some(columns) = &columns else {
            columns = Some(Columns::of(&row)?);
            continue;
        };
        let field =
            |column| row.field(column).ok_or_else(|| refused(&format!("line {line} has too few columns")));
        let user_name = columns.user_name.map(field).transpose()?.filter(|user_name| !user_name.is_empty());
        let id = field(columns.access_key_id)?;
        let secret = field(columns.secret_access_key)?;
        drafts.push(draft(line, user_name, name, id, secret)?);
    }
}

/// One row: its fields joined, and where each of them ends.
struct Row<'a> {
    fields: &'a str,
    ends: &'a [usize],
}

impl<'a> Row<'a> {
    /// The next row that is not empty, or `None` at the end.
    fn read(
        reader: &mut Reader,
        rest: &mut &[u8],
        fields: &'a mut [u8],
        ends: &'a mut [usize],
    ) -> Result<Option<Self>> {
        let (mut written, mut ended) = (0, 0);
        loop {
            let output = fields.get_mut(written..).unwrap_or_default();
            let (result, read, wrote, ends_found) =
                reader.read_record(rest, output, ends.get_mut(ended..).unwrap_or_default());
            *rest = rest.get(read..).unwrap_or_default();
            written += wrote;
            ended += ends_found;
            match result {
                ReadRecordResult::InputEmpty => {} // once more, with nothing, says that it is the end
                ReadRecordResult::Record => {
                    let fields = fields.get(..written).unwrap_or_default();
                    let fields = std::str::from_utf8(fields).map_err(|_| refused("it is not UTF-8 text"))?;
                    return Ok(Some(Self { fields, ends: ends.get(..ended).unwrap_or_default() }));
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputEndsFull => return Err(refused("it has too many columns")),
                ReadRecordResult::OutputFull => return Err(refused("a field of it does not end")),
            }
        }
    }

    fn field(&self, column: usize) -> Option<&'a str> {
        let start = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.fields.get(start..*self.ends.get(column)?)
    }
}

fn draft(line: u64, user_name: Option<&str>, name: Option<&str>, id: &str, secret: &str) -> Result<Draft> {
    let name = user_name.or(name).ok_or_else(|| {
        refused(&format!("line {line} names no user, so say what the record is to be called"))
    })?;
    Draft::new_static(name, id, SecretString::from(secret)).map_err(|error| {
        let message = format!("line {line} of the console's file is refused");
        Error::new(ErrorKind::InvalidImport, message).with_source(error)
    })
}

fn refused(why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidImport,
        format!("this is no file of the IAM console that can be used: {why}"),
    )
}
