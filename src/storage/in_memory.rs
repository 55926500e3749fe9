//! A vault in memory. It exists as long as the program, or the program stores its bytes itself.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Exclusive, Prefix, Revision, Storage};
use crate::error::{Error, ErrorKind, Result};

/// A vault's bytes in memory. Clones share them.
#[derive(Clone, Default)]
pub struct InMemory {
    bytes: Arc<Mutex<Option<Vec<u8>>>>,
}

impl InMemory {
    /// Makes an empty storage, in which a vault can be created.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a storage that contains the bytes of a vault.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(Mutex::new(Some(bytes))) }
    }

    /// Returns a copy of the sealed bytes. `None` if the storage is empty.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<u8>>> {
        // The bytes are replaced in one step, so a panic cannot have left half of them.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, read: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        match self.lock().as_deref() {
            Some(bytes) => read(bytes),
            None => Err(Error::new(ErrorKind::NotFound, "the storage in memory contains no vault")),
        }
    }
}

impl Storage for InMemory {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.with(|bytes| {
            let prefix = bytes.get(..len).unwrap_or(bytes);
            Ok(Prefix { bytes: prefix.to_vec(), total_len: bytes.len() as u64 })
        })
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.with(|bytes| {
            if bytes.len() as u64 > limit {
                let message = format!("the vault is {} bytes long, but the maximum is {limit}", bytes.len());
                return Err(Error::new(ErrorKind::InvalidFile, message));
            }
            Ok(bytes.to_vec())
        })
    }

    fn revision(&self) -> Result<Option<Revision>> {
        Ok(self.lock().as_deref().map(Revision::of))
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        let mut current = self.lock();
        match (expected, current.as_deref().map(Revision::of)) {
            (None, Some(_)) => return Err(Error::new(ErrorKind::AlreadyExists, "the vault already exists")),
            (expected, found) if expected != found.as_ref() => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "another thread changed the vault since it was read",
                ));
            }
            _ => *current = Some(bytes.to_vec()),
        }
        Ok(())
    }

    fn exclusive(&self) -> Result<Exclusive> {
        Ok(Exclusive::nothing())
    }

    fn location(&self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InMemory").field("len", &self.lock().as_ref().map(Vec::len)).finish()
    }
}
