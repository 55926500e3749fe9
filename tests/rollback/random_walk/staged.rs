//! The storage of a walk's vault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{Error, ErrorKind};

/// A file of which the disk sometimes does not say whether it was saved.
#[derive(Clone)]
pub(crate) struct Staged {
    pub(crate) file: FileStorage,
    pub(crate) is_confirmed: Arc<AtomicBool>,
}

impl Storage for Staged {
    fn load_prefix(&self, len: usize) -> aumbry::Result<Prefix> {
        self.file.load_prefix(len)
    }

    fn load(&self, limit: u64) -> aumbry::Result<Vec<u8>> {
        self.file.load(limit)
    }

    fn revision(&self) -> aumbry::Result<Option<Revision>> {
        self.file.revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> aumbry::Result<()> {
        self.file.replace(expected, bytes)?;
        if self.is_confirmed.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DurabilityUnknown, "the disk did not answer"))
    }

    fn exclusive(&self) -> aumbry::Result<Exclusive> {
        self.file.exclusive()
    }

    fn location(&self) -> aumbry::Result<Option<String>> {
        self.file.location()
    }
}
