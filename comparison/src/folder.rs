//! Folders that go when they are no longer needed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Removed with everything in it when it is dropped.
pub struct Temporary(PathBuf);

impl Temporary {
    /// In a file system in memory where there is one: no disk is measured. Else in `otherwise`.
    pub fn in_memory(otherwise: &Path) -> Result<Self> {
        let shared = Path::new("/dev/shm");
        Self::within(if shared.is_dir() { shared } else { otherwise })
    }

    /// Beside this program, so under cargo's target folder: on a disk.
    pub fn on_disk() -> Result<Self> {
        let program = std::env::current_exe()?;
        Self::within(program.parent().ok_or("this program stands nowhere")?)
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
