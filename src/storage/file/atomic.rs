//! Putting a whole file in the place of another, so that a crash leaves one or the other.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written =
        write(&temporary, bytes, fs::metadata(path).ok()).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The vault is as it was. That the temporary file may stay changes nothing: the next save removes it.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(match sync_folder(path) {
        Ok(()) => Saved::Durably,
        Err(error) => Saved::Perhaps(error),
    })
}

fn write(temporary: &Path, bytes: &[u8], old: Option<fs::Metadata>) -> io::Result<()> {
    let mut file = create(temporary)?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        share_as(&file, &old)?;
    }
    file.sync_all()
}

/// Whoever shared the vault with a group shares the new one too: same owner, group and permissions. Where the system
/// does not let us give it to that group, the group gets nothing, rather than another one something.
#[cfg(unix)]
fn share_as(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let _ = fchown(file, Some(old.uid()), None); // root alone may
    let same_group = fchown(file, None, Some(old.gid())).is_ok();
    let mode = old.mode() & if same_group { 0o777 } else { 0o707 };
    match file.set_permissions(fs::Permissions::from_mode(mode)) {
        // A file system without owners or permissions (FAT, CIFS): there is nothing to keep.
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

#[cfg(not(unix))]
fn share_as(file: &File, old: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
    }
    options.open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // A folder that cannot be read, or a file system that syncs no folders: asking again would not help.
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

/// Windows has no such call: the rename is as durable as the file system makes it.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
