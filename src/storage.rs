//! Where a vault's bytes are stored: a [`Storage`] sees opaque bytes and knows nothing of their meaning.
//!
//! [`FileStorage`] is one file, saved so that a crash leaves the old vault or the new one. [`InMemory`] is for
//! tests and for programs that keep the bytes themselves. Both pass one suite of tests, which any other
//! implementation should pass too (`tests/file_storage/conformance.rs`).

mod file;
mod in_memory;

use std::any::Any;
use std::fmt;

use crate::error::Result;
pub use crate::id::Revision;

pub use file::FileStorage;
pub use in_memory::InMemory;

pub(crate) use file::state::StateFile;

/// A place that holds the bytes of one vault.
///
/// An implementation need not understand the bytes. It must be atomic: each caller of `load` gets all of one
/// revision, never a mixture, and a failed [`replace`](Self::replace) leaves the old revision, unless it says
/// [`DurabilityUnknown`](crate::ErrorKind::DurabilityUnknown).
///
/// Its methods may be called by any thread, also by one that this crate starts: unlocking loads beside the key derivation.
/// An implementation that needs something of its thread, such as the handle of an asynchronous runtime, keeps it in itself.
pub trait Storage: Send + Sync + 'static {
    /// The first `len` bytes, or all if there are fewer, and how many there are in all.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no vault, or what keeps it from being read.
    fn load_prefix(&self, len: usize) -> Result<Prefix>;

    /// All bytes.
    ///
    /// # Errors
    /// As [`load_prefix`](Self::load_prefix); [`TooLarge`](crate::ErrorKind::InvalidFile), before reading on, if
    /// there are more than `limit`.
    fn load(&self, limit: u64) -> Result<Vec<u8>>;

    /// Which version is there now, or `None` if there is no vault. Cheaper than loading it.
    ///
    /// # Errors
    /// What keeps it from being read.
    fn revision(&self) -> Result<Option<Revision>>;

    /// Puts `bytes` in the place of the version `expected`, or where nothing is if that is `None`.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if another version is there (for `None`:
    /// [`VaultExists`](crate::ErrorKind::AlreadyExists) if any is), or what keeps the bytes from being written;
    /// the old version stays. [`DurabilityUnknown`](crate::ErrorKind::DurabilityUnknown) if the new version is
    /// there but may not survive a power cut.
    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()>;

    /// Keeps other writers out while the guard lives; a no-op where there is nothing to hold.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if another writer does not let go within ten seconds, or what keeps the
    /// lock from being taken.
    fn exclusive(&self) -> Result<Exclusive>;

    /// The name under which this machine remembers the version it saw last (a resolved path, a URL), or `None`
    /// if the place does not outlive the program.
    ///
    /// # Errors
    /// What keeps the place from being named, such as a folder that does not exist.
    fn location(&self) -> Result<Option<String>>;
}

/// The beginning of a vault's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// How many bytes there are in all.
    pub total_len: u64,
}

/// Other writers are kept out while this lives.
#[must_use]
pub struct Exclusive {
    _held: Option<Box<dyn Any + Send>>,
}

impl Exclusive {
    /// Holds whatever is let go when it is dropped.
    pub fn holding(guard: impl Any + Send) -> Self {
        Self { _held: Some(Box::new(guard)) }
    }

    /// Where there is nothing to hold.
    pub fn nothing() -> Self {
        Self { _held: None }
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exclusive")
    }
}
