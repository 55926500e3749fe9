//! Storages that are broken on purpose, to show that the attacks would notice such defects.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aumbry::storage::{Exclusive, FileStorage, Prefix, Revision, Storage};
use aumbry::{Error, ErrorKind, Result};

/// What is wrong with a storage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Defect {
    /// Takes no lock, and replaces any version.
    Heedless,
    /// The lock is a file that exists until its holder removes it.
    OrphanedLock,
}

/// A file that is read correctly but written incorrectly.
#[derive(Debug)]
pub struct Broken {
    file: FileStorage,
    defect: Defect,
}

impl Broken {
    /// Makes a storage for the vault at `path`.
    #[must_use]
    pub fn new(path: PathBuf, defect: Defect) -> Self {
        Self { file: FileStorage::new(path), defect }
    }
}

/// Removes its file when dropped, unless the process is killed before.
struct Orphan(PathBuf);

impl Drop for Orphan {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Storage for Broken {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        self.file.load_prefix(len)
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        self.file.load(limit)
    }

    fn revision(&self) -> Result<Option<Revision>> {
        self.file.revision()
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        if self.defect != Defect::Heedless {
            return self.file.replace(expected, bytes);
        }
        let temporary = self.file.path().with_extension(std::process::id().to_string());
        let replaced = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, self.file.path()));
        replaced.map_err(|error| Error::new(ErrorKind::Io, "could not replace").with_source(error))
    }

    fn exclusive(&self) -> Result<Exclusive> {
        match self.defect {
            Defect::Heedless => Ok(Exclusive::nothing()),
            Defect::OrphanedLock => hold(&self.file.path().with_extension("held")).map(Exclusive::holding),
        }
    }

    fn location(&self) -> Result<Option<String>> {
        Ok(None)
    }
}

fn hold(path: &Path) -> Result<Orphan> {
    for _ in 0..500 {
        if OpenOptions::new().write(true).create_new(true).open(path).is_ok() {
            return Ok(Orphan(path.to_owned()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(Error::new(ErrorKind::Busy, "another process has the lock, or was killed while it had it"))
}
