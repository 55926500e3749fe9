//! The files of password managers: AWS keys out of them, and into KeePass.
//!
//! A password manager knows logins, not AWS keys. So an entry becomes a record like this:
//!
//! | of the record | of the entry |
//! |---|---|
//! | name | its title; behind the names of its folders, if it lies in any: `AWS/production/s3-uploads` |
//! | access key id | a field of such a name, or else the user name, if it looks like one |
//! | secret access key | a field of such a name, or else the password |
//! | session token, expiry | fields of such names: `Session Token`; `Expires`, in RFC 3339 |
//! | `region` | a field of such a name |
//! | `description`, `url`, `tags` | the notes, the address, the tags |
//! | other attributes | the other fields, under their own names |
//!
//! * A field is told by its name without regard to case, spaces, `_`, `-` and a leading `AWS`: `Access Key ID`,
//!   `aws_access_key_id` and `AccessKey` are one. `attribute:KEY` is the attribute `KEY`, whatever that looks like.
//! * A user name looks like an access key id if it fits AWS's form ([16 to 128 characters][form]) in capitals and digits
//!   alone, as all that AWS gives out do. Other ids stand in a field, so that no login to a web site becomes a record.
//! * Where a field holds the access key id, the password is its secret only beside the same or no user name: beside
//!   another it belongs to that. The other user name becomes the attribute `user_name`.
//! * Attributes are no place for secrets. Fields that are protected, or whose name speaks of a secret (`password`, `PIN`,
//!   `TOTP`, …), are left out, as are attachments and what no attribute can be.
//!
//! Nothing gets lost in silence: an [`Import`] names the entries that were skipped and the fields that were left out. A
//! file whose structure is broken is refused as a whole, and so is one that is encrypted.
//!
//! Two entries may come to the same name, since password managers allow it: it is the caller's to say what then.
//!
//! ```
//! use aumbry::managers::keepassxc_csv;
//!
//! let import = keepassxc_csv::parse(
//!     br#""Group","Title","Username","Password","URL","Notes"
//! "Passwords/AWS","s3-uploads","AKIAIOSFODNN7EXAMPLE","wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY","",""
//! "Passwords","Forum","anna","hunter2","https://forum.example.org",""
//! "#,
//! )?;
//! assert_eq!(import.drafts[0].name().as_str(), "AWS/s3-uploads"); // to be handed to Edit::add
//! assert_eq!(
//!     import.skipped[0].to_string(),
//!     "the entry \"Forum\" (line 3) was skipped: it holds no AWS access key"
//! );
//! # Ok::<(), aumbry::Error>(())
//! ```
//!
//! [form]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html

pub mod bitwarden_json;
pub mod keepass_xml;
pub mod keepassxc_csv;
pub mod onepassword_csv;

mod entry;
mod field;
mod table;
mod xml;

use std::fmt;

use crate::aws::NAME_RULE;
use crate::credentials::{Name, NewRecord};
use crate::error::{Error, ErrorKind, Result, quoted};

/// Larger files are something else.
const MAX_FILE: usize = 16 * 1024 * 1024;

/// What a file came to. Nothing is added to a vault here: hand each draft to [`Edit::add`](crate::Edit::add).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Import {
    /// The entries with an AWS key, in the order of the file.
    pub drafts: Vec<NewRecord>,
    /// The entries without one, in the same order.
    pub skipped: Vec<Skipped>,
    /// What the drafts do without, in the same order.
    pub left_out: Vec<LeftOut>,
}

/// An entry that makes no record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Where the file has it, such as `line 7` or `item 3`.
    pub place: String,
    /// What its record would have been called, unless none can be called so.
    pub name: Option<Name>,
    /// Why it makes none.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, name, reason } = self;
        match name {
            Some(name) => write!(f, "the entry {} ({place}) was skipped: {reason}", quoted(name.as_str())),
            None => write!(f, "the entry at {place} was skipped: {reason}"),
        }
    }
}

/// Why an entry makes no record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// It holds no AWS access key: most do not.
    NoKey,
    /// It holds an access key id without a secret access key.
    NoSecret,
    /// Several fields claim to be the same part of the key.
    Ambiguous,
    /// It was deleted, and waits in the recycle bin to be so for good.
    Deleted,
    /// A part of the key, or the title, refers to another entry (`{REF:…}`), as KeePass can.
    Reference,
    /// Its title, behind the names of its folders, can be no record's name.
    Name,
    /// Its key breaks a rule of records, such as a limit.
    Key,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKey => "it holds no AWS access key",
            Self::NoSecret => "it holds an access key id, but no secret access key",
            Self::Ambiguous => "several of its fields claim to be the same part of the key",
            Self::Deleted => "it is in the recycle bin",
            Self::Reference => "it refers to another entry ({REF:…}); put the value itself there",
            Self::Name => {
                return write!(f, "its title, behind the names of its folders, breaks a rule: {NAME_RULE}");
            }
            Self::Key => "its key breaks a rule of records",
        })
    }
}

/// What a draft does without, though its entry has it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LeftOut {
    /// Where the file has the entry, such as `line 7` or `item 3`.
    pub place: String,
    /// What the draft is called.
    pub name: Name,
    /// The names of the fields, and why each is left out.
    pub fields: Vec<(String, LeaveReason)>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of the entry {} ({}) there was left out: ", quoted(self.name.as_str()), self.place)?;
        for (at, (field, reason)) in self.fields.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({reason})", quoted(field))?;
        }
        Ok(())
    }
}

/// Why a field becomes no attribute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaveReason {
    /// It is secret, by what the file or its name says, and attributes are not.
    Secret,
    /// It is a file.
    Attachment,
    /// It refers to another entry (`{REF:…}`).
    Reference,
    /// There is a field of this name before it.
    Repeated,
    /// Its name can be no attribute's.
    Name,
    /// The attributes of one record hold 16 KiB together.
    TooLong,
}

impl fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "it is secret, or its name says so, and attributes are not",
            Self::Attachment => "it is an attachment",
            Self::Reference => "it refers to another entry",
            Self::Repeated => "there is a field of this name before it",
            Self::Name => "its name can be no attribute's",
            Self::TooLong => "the attributes of one record hold 16 KiB together",
        })
    }
}

/// The text of a file, without a byte-order mark. `file` is what to call it in a message.
fn text<'a>(file: &str, content: &'a [u8]) -> Result<&'a str> {
    if content.len() > MAX_FILE {
        return Err(Error::new(ErrorKind::InvalidFile, format!("{file} is longer than {MAX_FILE} bytes")));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    std::str::from_utf8(content).map_err(|_| refused(file, "it is not UTF-8 text"))
}

fn refused(file: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidFile, format!("{file} cannot be used: {why}"))
}
