//! Small state files of this machine, outside the vault. Pins are stored in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::atomic::{self, Saved, beside};
use super::environment::absolute_variable;
use super::{lock, system};

/// How long to wait for another program that updates the same file.
const PATIENCE: Duration = Duration::from_secs(2);
/// The maximum length of a state file.
const MAX_LEN: u64 = 64 * 1024;

/// One file in the state folder.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// Returns the file `name` in `folder`. The default folder is `$XDG_STATE_HOME/aumbry`, or
    /// `~/.local/state/aumbry` if the variable is not set (XDG Base Directory Specification 0.8); on macOS
    /// `~/Library/Application Support/aumbry`, on Windows `%LOCALAPPDATA%\aumbry`. `None` if none of these
    /// can be determined.
    pub(crate) fn new(folder: Option<&Path>, name: &str) -> Option<Self> {
        let folder = folder.map(Path::to_owned).or_else(default_folder)?;
        Some(Self { path: folder.join(name) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the content. `None` if there is no such file, or this user may not look for it. If the disk
    /// cannot answer, that is an error, because the file may exist.
    pub(crate) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        match fs::metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_LEN => {
                Err(io::Error::other("not a state file of aumbry"))
            }
            Ok(_) => fs::read(&self.path).map(Some),
            Err(error) => match error.kind() {
                NotFound | PermissionDenied | NotADirectory | InvalidFilename | InvalidInput => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Replaces the content by the result of `update`, under a lock. `None` leaves it unchanged.
    pub(crate) fn update(&self, update: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            system::create_private_folder(folder)?;
        }
        let Some(_lock) = lock::acquire(&beside(&self.path, "lock"), &self.path, PATIENCE)? else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        let current = self.read().ok().flatten();
        let saved = update(current.as_deref()).map(|new| atomic::save(&self.path, &new));
        system::give_to_owner_of_folder(&[&self.path, &beside(&self.path, "lock")]);
        match saved {
            None | Some(Ok(Saved::Durably)) => Ok(()),
            Some(Ok(Saved::Perhaps(error)) | Err(error)) => Err(error),
        }
    }
}

/// Returns `$XDG_STATE_HOME` if it is set, otherwise the system's folder for such files.
fn default_folder() -> Option<PathBuf> {
    let base = absolute_variable("XDG_STATE_HOME").or_else(system::state_folder)?;
    Some(base.join("aumbry"))
}
