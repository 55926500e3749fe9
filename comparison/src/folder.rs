//! Temporary folders.

use std::fs;
use std::path::{Path, PathBuf};

use crate::result::Result;

/// A folder that is removed with its content when this value is dropped.
pub struct Temporary(PathBuf);

impl Temporary {
    /// Makes a folder on a file system in memory, if there is one, so that no disk is measured. Otherwise
    /// makes it in `otherwise`.
    pub fn in_memory(otherwise: &Path) -> Result<Self> {
        let shared = Path::new("/dev/shm");
        Self::within(if shared.is_dir() { shared } else { otherwise })
    }

    /// Makes a folder next to this program, and so in cargo's target folder: on a disk.
    pub fn on_disk() -> Result<Self> {
        let program = std::env::current_exe()?;
        Self::within(program.parent().ok_or("this program has no folder")?)
    }

    fn within(place: &Path) -> Result<Self> {
        let folder = place.join(format!("aumbry-peers-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}
