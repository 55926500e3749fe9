//! The one error of this crate.
//!
//! An [`Error`] says what happened in a sentence, and through [`Error::kind`] what the caller can do about
//! it. No message ever holds a secret: neither a passphrase, nor a key, nor a secret access key, nor a
//! session token. Names of records, paths and labels may stand in it, with control characters escaped.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, sorted by what the caller will do about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No slot of the vault opens with this passphrase: ask again.
    WrongPassphrase,
    /// An administrator changed this slot since it was opened: ask for the passphrase again.
    Reopen,
    /// The vault is locked: unlock it first.
    Locked,
    /// The program has not opened its vault yet: call [`startup::after_startup`](crate::startup::after_startup).
    NotStarted,
    /// The program has opened its vault already, or is about to.
    AlreadyStarted,

    /// There is no such file or folder.
    NotFound,
    /// There is a vault already where a new one was to be made.
    VaultExists,
    /// The path leads to a folder, a FIFO or a device.
    NotAFile,
    /// The file is larger than the format allows.
    TooLarge,
    /// The file is no vault.
    NotAVault,
    /// The vault was written by a newer version of this format: upgrade.
    UnsupportedVersion,
    /// The vault, or one record of it, was altered by accident or on purpose: restore a backup.
    Damaged,

    /// The file is older than one that this machine has seen.
    Rollback,
    /// The file is as old as the one this machine has seen, but not the same.
    Fork,
    /// Another vault stands where this machine has seen one, or its signing key was replaced.
    VaultChanged,
    /// This machine's note of the version last seen cannot be read.
    PinDamaged,

    /// The name of a record breaks a rule.
    InvalidName,
    /// The name, or the key of an attribute, is reserved for aumbry itself.
    ReservedName,
    /// A field is longer than the format allows.
    TooLong,
    /// A field, a label, a passphrase or a parameter breaks another rule.
    InvalidInput,
    /// An imported file is not understood.
    InvalidImport,
    /// The vault has no record, or no person, of this name.
    NoSuchRecord,
    /// The vault has a record of this name already.
    NameTaken,
    /// The session has ended: get new credentials from whoever gave it, and change the record.
    Expired,

    /// Only an administrator may do this.
    NotAdministrator,
    /// The vault's rules forbid this, whoever asks.
    Refused,

    /// Somebody else changed the vault in the meantime: reload and try again.
    Conflict,
    /// Another program holds the vault's lock: try again later.
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
    signature: Option<[u8; 64]>,
}

impl Error {
    /// For implementors of [`Storage`](crate::storage::Storage): an error of this kind and message.
    ///
    /// The message should be lower case, without a full stop, and must hold no secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { inner: Box::new(Inner { kind, message: message.into(), source: None, signature: None }) }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with_signature(mut self, signature: [u8; 64]) -> Self {
        self.inner.signature = Some(signature);
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The version that was refused, when the kind is `Rollback`, `Fork`, `VaultChanged` or `PinDamaged`.
    ///
    /// Hand it to [`OpenOptions::accept_version`](crate::OpenOptions::accept_version) to accept that one
    /// version after asking the user.
    #[must_use]
    pub fn refused_version(&self) -> Option<[u8; 64]> {
        self.inner.signature
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
