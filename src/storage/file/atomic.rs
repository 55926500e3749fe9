//! Atomic replacement of a file: after a crash, the path contains either the old or the new file.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::system;

/// The new file has replaced the old one.
pub(super) enum Saved {
    /// It will survive a power cut.
    Durably,
    /// The disk did not confirm that it will survive a power cut.
    Perhaps(io::Error),
}

/// Returns the path of a hidden file next to `path` that belongs to it.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

/// Writes `bytes` to `path`, which must not be a link. A new file is readable only by its owner. The caller
/// holds a lock.
///
/// An error leaves the old file in place. A failed fsync is not repeated: the kernel may have dropped the
/// pages, so a second fsync could report success wrongly.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<Saved> {
    let temporary = beside(path, "new");
    // A process that was killed left it. Because this process has the lock, no other process uses it.
    match system::patiently(|| fs::remove_file(&temporary)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Read the old file's owner and permissions before another file replaces it.
    let old = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(found?),
    };
    let written =
        write(&temporary, bytes, old).and_then(|()| system::patiently(|| fs::rename(&temporary, path)));
    if let Err(error) = written {
        // The vault is unchanged. If the temporary file cannot be removed, the next save removes it.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(match system::sync_folder(path) {
        Ok(()) => Saved::Durably,
        Err(error) => Saved::Perhaps(error),
    })
}

fn write(temporary: &Path, bytes: &[u8], old: Option<fs::Metadata>) -> io::Result<()> {
    let mut file = system::create(temporary)?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        system::share_as(&file, &old)?;
    }
    file.sync_all()
}
