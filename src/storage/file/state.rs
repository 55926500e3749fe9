//! Small files of this machine's own memory, outside the vault: where pins are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::atomic::{self, Saved, beside};
use super::lock;

/// How long to wait for another program that updates the same small file.
const PATIENCE: Duration = Duration::from_secs(2);
/// No file of ours is larger.
const MAX_LEN: u64 = 64 * 1024;

/// One small file in the folder for state.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// `folder`, or by default `$XDG_STATE_HOME/aumbry`, `~/.local/state/aumbry`, on Windows
    /// `%LOCALAPPDATA%\aumbry` (XDG Base Directory Specification 0.8). `None` without any of them.
    pub(crate) fn new(folder: Option<&Path>, name: &str) -> Option<Self> {
        let folder = folder.map(Path::to_owned).or_else(default_folder)?;
        Some(Self { path: folder.join(name) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The content, or `None` if there is no such file that this user can look for.
    pub(crate) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() || metadata.len() > MAX_LEN => {
                Err(io::Error::other("not one of our files"))
            }
            Ok(_) => fs::read(&self.path).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Replaces the content by what `update` makes of it, under a lock. `None` leaves it as it is.
    pub(crate) fn update(&self, update: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            create_private_folder(folder)?;
        }
        let Some(_lock) = lock::acquire(&beside(&self.path, "lock"), &self.path, PATIENCE)? else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        let current = self.read().ok().flatten();
        let saved = update(current.as_deref()).map(|new| atomic::save(&self.path, &new));
        give_to_owner_of_folder(&self.path);
        match saved {
            None | Some(Ok(Saved::Durably)) => Ok(()),
            Some(Ok(Saved::Perhaps(error)) | Err(error)) => Err(error),
        }
    }
}

/// What root wrote on behalf of a user must be the user's, who could not read it otherwise.
#[cfg(unix)]
fn give_to_owner_of_folder(path: &Path) {
    use std::os::unix::fs::{MetadataExt, lchown};
    let Some(folder) = path.parent().and_then(|folder| fs::metadata(folder).ok()) else { return };
    for file in [path, &beside(path, "lock")] {
        if fs::symlink_metadata(file).is_ok_and(|file| file.uid() != folder.uid()) {
            let _ = lchown(file, Some(folder.uid()), Some(folder.gid())); // root alone may
        }
    }
}

#[cfg(not(unix))]
fn give_to_owner_of_folder(_path: &Path) {}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn default_folder() -> Option<PathBuf> {
    let absolute = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_STATE_HOME")
        .or_else(|| if cfg!(windows) { absolute("LOCALAPPDATA") } else { None })
        .or_else(|| {
            std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".local/state"))
        })?;
    Some(base.join("aumbry"))
}
