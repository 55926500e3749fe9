//! A vault in one file.
//!
//! Saving has these steps: lock a separate file that is never renamed; check that the vault is still the expected
//! revision; write a temporary file next to it and fsync it; rename it over the vault; fsync the folder. A crash at any
//! moment leaves the old vault or the new one, and at most one temporary file, which the next save removes.

mod atomic;
mod environment;
mod lock;
pub(super) mod state;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Exclusive, Prefix, Revision, Storage};
use crate::error::{Error, ErrorKind, Result, quoted};
use atomic::{Saved, beside};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A vault in a file on a local disk.
///
/// A symbolic link is followed: saving replaces its target, and the link stays. If the file has several hard links,
/// only the name that is used for saving gets the new revision. The other names keep the old one, as a separate vault.
/// The folder also contains `.NAME.lock`, an empty file that is never removed. A program that writes to the vault
/// `NAME` holds a lock on it.
///
/// **Access on Unix.** Only the owner can read a new file. Saving keeps the permissions, but not a POSIX access control
/// list: users that the list names lose their access with the next save, and the file's group gets the permissions of
/// the list's mask.
///
/// **Access on Windows.** At each save the file gets the access control list that its folder passes on. In a user's
/// profile (such as `%LOCALAPPDATA%`) these are the user, the administrators and the system. In other folders, such as
/// `C:\Data`, it may be every account of the machine. A list on the file itself does not survive a save, so set it on
/// the folder.
///
/// **Power cuts.** On Unix the new revision survives a power cut once saving has returned. On Windows either the old or
/// the new revision survives: the new bytes are on the disk before the rename, but the rename becomes durable only when
/// the file system writes its journal.
#[derive(Clone, Debug)]
pub struct FileStorage {
    path: PathBuf,
}

impl FileStorage {
    /// Makes the storage of the vault at `path`, which need not exist. It opens nothing yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path, unchanged.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the absolute path of the file, with links followed, even if the file does not exist. Resolves it again each
    /// time, because another program may have changed a link.
    fn resolved(&self) -> Result<PathBuf> {
        if self.path.as_os_str().is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "the path of the vault is empty"));
        }
        resolve(&self.path).map_err(|(folder, error)| match error.kind() {
            io::ErrorKind::NotFound => {
                let message = format!(
                    "the folder {} does not exist: create it first",
                    quoted(&folder.to_string_lossy())
                );
                Error::new(ErrorKind::NotFound, message).with_source(error)
            }
            io::ErrorKind::IsADirectory => not_a_file(&self.path),
            _ => failed("find", &self.path, error),
        })
    }
}

impl Storage for FileStorage {
    fn load_prefix(&self, len: usize) -> Result<Prefix> {
        let (file, total_len) = open(&self.path)?;
        let len = usize::try_from(total_len).map_or(len, |total| total.min(len));
        Ok(Prefix { bytes: read(&self.path, &file, len)?, total_len })
    }

    fn load(&self, limit: u64) -> Result<Vec<u8>> {
        let (file, len) = open(&self.path)?;
        match usize::try_from(len) {
            Ok(bytes) if len <= limit => read(&self.path, &file, bytes),
            _ => {
                let path = quoted(&self.path.to_string_lossy());
                let message = format!("{path} is {len} bytes long, but the maximum is {limit}");
                Err(Error::new(ErrorKind::InvalidFile, message))
            }
        }
    }

    fn revision(&self) -> Result<Option<Revision>> {
        revision_at(&self.path)
    }

    fn replace(&self, expected: Option<&Revision>, bytes: &[u8]) -> Result<()> {
        let path = self.resolved()?;
        // Compares the same path that will be replaced, even if another program changes a link meanwhile.
        match (expected, revision_at(&path)?) {
            (None, Some(_)) => {
                let message = format!("the file {} already exists", quoted(&path.to_string_lossy()));
                return Err(Error::new(ErrorKind::AlreadyExists, message));
            }
            (expected, found) if expected != found.as_ref() => {
                let message = "another program changed the vault since it was read";
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            _ => {}
        }
        match atomic::save(&path, bytes) {
            Ok(Saved::Durably) => Ok(()),
            Ok(Saved::Perhaps(error)) => Err(Error::new(
                ErrorKind::DurabilityUnknown,
                "the vault was saved, but the disk did not confirm it",
            )
            .with_source(error)),
            Err(error) => Err(failed("save", &path, error)),
        }
    }

    fn exclusive(&self) -> Result<Exclusive> {
        let vault = self.resolved()?;
        let path = beside(&vault, "lock");
        match lock::acquire(&path, &vault, PATIENCE) {
            Ok(Some(file)) => Ok(Exclusive::holding(file)),
            Ok(None) => {
                let message = format!(
                    "another program has been writing to the vault for {} seconds: try again later",
                    PATIENCE.as_secs()
                );
                Err(Error::new(ErrorKind::Busy, message))
            }
            Err(error) => Err(failed("lock", &path, error)),
        }
    }

    fn location(&self) -> Result<Option<String>> {
        let path = self.resolved()?;
        // A path that is not valid text is escaped, so that two paths never get the same name.
        Ok(Some(path.to_str().map_or_else(|| format!("{path:?}"), str::to_owned)))
    }
}

fn open(path: &Path) -> Result<(File, u64)> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => {
            let message =
                format!("{} is a link to a file that does not exist", quoted(&path.to_string_lossy()));
            Error::new(ErrorKind::NotFound, message).with_source(error)
        }
        _ => failed("open", path, error),
    };
    // Opening a device can have effects, such as rewinding a tape, and opening a FIFO wakes its writer.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(not_a_file(path));
    }
    let file = system::open_to_read(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(not_a_file(path)); // another program put it there meanwhile
    }
    Ok((file, metadata.len()))
}

fn read(path: &Path, file: &File, len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    crate::memory::reserve_exact(&mut bytes, len)?;
    file.take(len as u64).read_to_end(&mut bytes).map_err(|error| failed("read", path, error))?;
    Ok(bytes)
}

fn revision_at(path: &Path) -> Result<Option<Revision>> {
    let (mut file, len) = match open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(len.saturating_sub(64))).map_err(|error| failed("read", path, error))?;
    Ok(Some(Revision::of(&read(path, &file, 64)?)))
}

/// Returns the path with links followed, even if its last part does not exist yet. An error contains the path that
/// could not be resolved.
fn resolve(path: &Path) -> std::result::Result<PathBuf, (PathBuf, io::Error)> {
    const MAX_LINKS: usize = 40; // as many as Linux follows
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return Err((path, io::ErrorKind::IsADirectory.into())),
        };
        let Some(name) = path.file_name() else { return Err((path, io::ErrorKind::IsADirectory.into())) };
        let folder = folder.canonicalize().map_err(|error| (folder.to_owned(), error))?;
        let resolved = folder.join(name);
        match std::fs::read_link(&resolved) {
            Ok(target) => path = folder.join(target),
            // The link exists but cannot be read. A file saved in its place would be another vault.
            Err(error) if resolved.is_symlink() => return Err((resolved, error)),
            // On a file system that ignores case, this returns the one name that the file was created with.
            Err(_) => return Ok(resolved.canonicalize().unwrap_or(resolved)),
        }
    }
    Err((path, io::Error::other("too many symbolic links")))
}

fn not_a_file(path: &Path) -> Error {
    let message = format!("{} is a folder or a device, not a file", quoted(&path.to_string_lossy()));
    Error::new(ErrorKind::InvalidFile, message)
}

fn failed(verb: &str, path: &Path, error: io::Error) -> Error {
    let path = quoted(&path.to_string_lossy());
    let (kind, message) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, format!("{path} does not exist")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => (
            ErrorKind::StorageFull,
            format!("could not {verb} {path}: the disk or a quota is full; the vault is unchanged"),
        ),
        _ => (ErrorKind::Io, format!("could not {verb} {path}")),
    };
    Error::new(kind, message).with_source(error)
}
