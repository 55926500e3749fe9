//! The one error of this crate.
//!
//! The message of an [`Error`] says what happened. Its [kind](Error::kind) says what the caller can do next. No message
//! contains a secret: no passphrase, no key, no secret access key and no session token. It may contain names of records,
//! paths and labels, with control characters escaped.

use crate::id::Revision;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::SystemTime;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, by what the caller does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No key slot opens with this passphrase: ask again.
    WrongPassphrase,
    /// An administrator changed or removed this passphrase since the vault was opened: ask for the passphrase and open
    /// the vault again.
    Reopen,
    /// The vault is locked: unlock it.
    Locked,
    /// The program calls in the wrong order, such as [`startup::get_credentials`](crate::startup::get_credentials) before
    /// the vault is open: fix the program.
    Misuse,

    /// The file or folder does not exist.
    NotFound,
    /// The vault, the record or the person exists already: choose another name.
    AlreadyExists,
    /// The file is not a vault or not a known import format, is too large, or is a folder, a FIFO or a device: choose
    /// another file.
    InvalidFile,
    /// A newer program wrote this: upgrade.
    Unsupported,
    /// The vault, or one record of it, was altered by accident or on purpose: restore a backup.
    Damaged,
    /// The file is authentic, but it is not the revision that this machine expects: ask the user, then accept it.
    /// [`Error::refused_revision`] has the details.
    RevisionRefused(Mismatch),

    /// A name, a field, a label, a passphrase or a parameter breaks a rule, which the message names.
    InvalidInput,
    /// The vault has no record of this name.
    NoSuchRecord,
    /// The vault has no person of this label, or none in this role.
    NoSuchPerson,
    /// The session has expired: get new credentials and change the record.
    Expired,

    /// Only an administrator may do this.
    NotAdministrator,
    /// A rule of the vault forbids this to every caller.
    Refused,

    /// Another thread or program changed the vault in the meantime: reload and try again.
    Conflict,
    /// Another program holds the lock of the vault: try again later.
    Busy,
    /// The disk, or a quota, is full. The vault is as it was.
    StorageFull,
    /// The change was saved, but the disk did not confirm that it would survive a power cut.
    DurabilityUnknown,
    /// Reading or writing failed for another reason. The vault is as it was.
    Io,
    /// The operating system refused memory or a thread.
    OutOfResources,
}

/// How a revision differs from the one that this machine expects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is older than the revision that this machine saw.
    Rollback,
    /// It has the same generation as the revision that this machine saw, but different content.
    Fork,
    /// It belongs to another vault, or an administrator replaced the signing key.
    VaultChanged,
    /// The pin, this machine's note of the revision that it saw, cannot be read, so the two cannot be compared.
    PinDamaged,
}

impl ErrorKind {
    /// Returns the kind as a word in `snake_case` that stays the same in every release, for logs and for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::WrongPassphrase => "wrong_passphrase",
            Self::Reopen => "reopen",
            Self::Locked => "locked",
            Self::Misuse => "misuse",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::InvalidFile => "invalid_file",
            Self::Unsupported => "unsupported",
            Self::Damaged => "damaged",
            Self::RevisionRefused(Mismatch::Rollback) => "rollback",
            Self::RevisionRefused(Mismatch::Fork) => "fork",
            Self::RevisionRefused(Mismatch::VaultChanged) => "vault_changed",
            Self::RevisionRefused(Mismatch::PinDamaged) => "pin_damaged",
            Self::InvalidInput => "invalid_input",
            Self::NoSuchRecord => "no_such_record",
            Self::NoSuchPerson => "no_such_person",
            Self::Expired => "expired",
            Self::NotAdministrator => "not_administrator",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::StorageFull => "storage_full",
            Self::DurabilityUnknown => "durability_unknown",
            Self::Io => "io",
            Self::OutOfResources => "out_of_resources",
        }
    }
}

/// A revision of the vault that was refused, beside the one that this machine saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RefusedRevision {
    /// The revision that was found. Hand it to
    /// [`OpenOptions::accept_revision`](crate::OpenOptions::accept_revision) to accept it after asking the user.
    pub revision: Revision,
    /// Its generation.
    pub generation: u64,
    /// When a record in it was last changed, if that is known. Whole seconds.
    pub changed: Option<SystemTime>,
    /// The revision that this machine saw. `None` if the pin cannot be read.
    pub seen: Option<SeenRevision>,
}

/// A revision of the vault that this machine saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SeenRevision {
    /// The revision.
    pub revision: Revision,
    /// Its generation.
    pub generation: u64,
    /// When this machine first saw it. Whole seconds.
    pub when: SystemTime,
}

/// An error: a [kind](Error::kind), a message, and the cause where there is one.
///
/// `Display` prints the message alone; the cause is in [`source`](StdError::source).
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// In a box of its own: without a value, its room would keep what the stack had there before, perhaps a secret.
    refused_revision: Option<Box<RefusedRevision>>,
}

impl Error {
    /// For implementors of [`Storage`](crate::storage::Storage): an error of this kind and message.
    ///
    /// The message should be lower case, without a full stop, and must hold no secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Box::new(Inner { kind, message: message.into(), source: None, refused_revision: None }),
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with_refused_revision(mut self, refused: RefusedRevision) -> Self {
        self.inner.refused_revision = Some(Box::new(refused));
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the revision that was refused, when the kind is [`RevisionRefused`](ErrorKind::RevisionRefused).
    #[must_use]
    pub fn refused_revision(&self) -> Option<&RefusedRevision> {
        self.inner.refused_revision.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind).field("message", &self.inner.message);
        if let Some(source) = &self.inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.inner.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// Shows foreign text (a name, a path) in a message: quoted, control characters escaped, cut when long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
    }
}
