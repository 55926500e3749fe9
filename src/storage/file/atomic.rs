//! Putting a whole file in the place of another, so that a crash leaves one or the other.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::system;

/// The new file is there.
pub(super) enum Saved {
    /// And will be after a power cut.
    Durably,
    /// But the disk did not confirm that it would survive a power cut.
    Perhaps(io::Error),
}

/// A hidden file beside `path` that belongs to it.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

/// Replaces `path`, which must not be a link, or makes it, readable for its owner alone. The caller holds a lock.
///
/// An error leaves the old file. An fsync that failed is not tried again: the kernel may have dropped the
/// pages, and the second one would lie.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<Saved> {
    let temporary = beside(path, "new");
    // Left by a process that was killed; under the lock it is nobody's.
    match system::patiently(|| fs::remove_file(&temporary)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Whose the old file is and who may read it has to be known before another stands in its place.
    let old = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(found?),
    };
    let written =
        write(&temporary, bytes, old).and_then(|()| system::patiently(|| fs::rename(&temporary, path)));
    if let Err(error) = written {
        // The vault is as it was. That the temporary file may stay changes nothing: the next save removes it.
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
