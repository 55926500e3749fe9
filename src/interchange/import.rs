//! The result of an import: records, and a report of everything that did not become a record.

use std::fmt;

use crate::credentials::{Name, NewRecord};
use crate::error::quoted;

/// The rule for the name of a record. Messages about a file state this rule and never the name itself, because a broken
/// file can have a secret in the place of a name.
pub(super) const NAME_RULE: &str = "1 to 1024 bytes, no control characters, no white space at either end, not beginning with \
                         \"aumbry:\"";

/// The result of an import, the same for all formats. Nothing has been added to a vault yet: pass each record to
/// [`Edit::add`](crate::Edit::add).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Import {
    /// The records, in the order of the file.
    pub records: Vec<NewRecord>,
    /// The profiles and entries that do not become records, in the same order.
    pub skipped: Vec<Skipped>,
    /// The fields that the records do not contain although the file does, in the same order.
    pub left_out: Vec<LeftOut>,
}

impl Import {
    /// Returns an import of these records, in which nothing was skipped or left out.
    pub(super) fn of(records: Vec<NewRecord>) -> Self {
        Self { records, ..Self::default() }
    }
}

/// A profile of AWS's shared files, or an entry of a password manager, that does not become a record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// The name of the profile, or the name that the record of the entry would have had. `None` if no record can have
    /// that name.
    pub name: Option<String>,
    /// The position of the entry in its file, such as `line 7` or `item 3`. `None` for a profile, which can be spread
    /// over several sections and files.
    pub position: Option<String>,
    /// The reason.
    pub reason: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason;
        match (self.name.as_deref().map(quoted), &self.position) {
            (Some(name), Some(position)) => write!(f, "the entry {name} ({position}) was skipped: {reason}"),
            (None, Some(position)) => write!(f, "the entry at {position} was skipped: {reason}"),
            (Some(name), None) => write!(f, "the profile {name} was skipped: {reason}"),
            (None, None) => write!(f, "a profile was skipped: {reason}"),
        }
    }
}

/// Why a profile or an entry does not become a record.
///
/// The properties of profiles are described in AWS's [settings reference][settings].
///
/// [settings]: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// The entry contains no AWS access key. This is true of most entries.
    NoKey,
    /// The entry contains an access key id without a secret access key.
    NoSecret,
    /// Several fields of the entry claim to be the same part of the key.
    Ambiguous,
    /// The entry is in the recycle bin.
    Deleted,
    /// A part of the key, or the title, refers to another entry (`{REF:…}`), which is a feature of KeePass.
    Reference,
    /// The title of the entry, after the names of its folders, cannot be the name of a record.
    Name,
    /// The key of the entry breaks a rule for records, such as a limit.
    Key,

    /// The profile assumes a role with a token from a file: `web_identity_token_file`.
    WebIdentity,
    /// The profile assumes a role: `role_arn`.
    Role,
    /// The profile uses the key of another profile: `source_profile`.
    SourceProfile,
    /// The profile signs in at IAM Identity Center: `sso_session`, `sso_start_url`, ….
    SingleSignOn,
    /// The profile asks a program for its key: `credential_process`.
    CredentialProcess,
    /// The profile signs in with the console's session: `login_session`.
    Login,
    /// The profile contains no key, and does not say where to find one.
    NoKeySource,
    /// The profile contains a key, but in a section that AWS does not read: `[profile name]` in a credentials file,
    /// `[name]` in a config file, or `[default]` beside `[profile default]`.
    NotRead,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKey => "it contains no AWS access key",
            Self::NoSecret => "it contains an access key id, but no secret access key",
            Self::Ambiguous => "several of its fields contain the same part of the key",
            Self::Deleted => "it is in the recycle bin",
            Self::Reference => "it refers to another entry ({REF:…}): replace the reference by the value",
            Self::Name => {
                return write!(f, "its title, after the names of its folders, breaks a rule: {NAME_RULE}");
            }
            Self::Key => "its key breaks a rule of records",
            Self::WebIdentity => "it assumes a role with a token from a file (web_identity_token_file)",
            Self::Role => "it assumes a role (role_arn)",
            Self::SourceProfile => "it uses the key of another profile (source_profile)",
            Self::SingleSignOn => "it signs in at IAM Identity Center (sso_…)",
            Self::CredentialProcess => "it asks a program for its key (credential_process)",
            Self::Login => "it signs in with the console's session (login_session)",
            Self::NoKeySource => "it contains no key",
            Self::NotRead => "its key is in a section that AWS does not read in this file",
        })
    }
}

/// The fields of an entry that its record does not contain.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LeftOut {
    /// The position of the entry in the file, such as `line 7` or `item 3`.
    pub position: String,
    /// The name of the record.
    pub name: Name,
    /// The names of the fields, each with the reason why it was left out.
    pub fields: Vec<(String, LeaveReason)>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not imported from the entry {} ({}): ", quoted(self.name.as_str()), self.position)?;
        for (at, (field, reason)) in self.fields.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} ({reason})", quoted(field))?;
        }
        Ok(())
    }
}

/// Why a field does not become an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LeaveReason {
    /// The file marks the field as secret, or its name says so. Attributes are not secret.
    Secret,
    /// The field is an attached file.
    Attachment,
    /// The field refers to another entry (`{REF:…}`).
    Reference,
    /// An earlier field has the same name.
    Repeated,
    /// The name of the field cannot be the key of an attribute.
    Name,
    /// The attributes of the record would be longer than 16 KiB together.
    TooLong,
}

impl fmt::Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "it is or may be a secret, but attributes are not secret",
            Self::Attachment => "it is an attachment",
            Self::Reference => "it refers to another entry",
            Self::Repeated => "an earlier field has the same name",
            Self::Name => "its name is not a valid attribute key",
            Self::TooLong => "the attributes of the record would exceed 16 KiB",
        })
    }
}
