//! What Unix systems have for files: owners, groups, permissions; links that are not followed; folders that are synced.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

/// A FIFO does not make us wait for a writer.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// A new file, its owner's alone.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    // A umask may have taken from the owner too. Where this fails, nobody else has gained anything.
    let _ = file.set_permissions(Permissions::from_mode(0o600));
    Ok(file)
}

/// Once: a file that somebody else has open can be replaced and removed like any other.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    attempt()
}

/// Makes the rename survive a power cut. (On macOS `sync_all` is `F_FULLFSYNC`, which waits for the disk itself.)
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = match File::open(folder) {
        // A folder that may be written but not read. File systems with a journal (ext4, XFS, Btrfs) write the rename
        // with the file that bears the name, at the latest when that is synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return File::open(path)?.sync_all(),
        opened => opened?,
    };
    match folder.sync_all() {
        // A file system that syncs no folders.
        Err(error) if is_unsupported(&error) && error.kind() != io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Whoever shared the vault with a group shares the new one too: same owner, group and permissions. Where the system
/// does not let us give it to that group, the group gets nothing, rather than another one something.
pub(super) fn share_as(file: &File, old: &Metadata) -> io::Result<()> {
    let _ = fchown(file, Some(old.uid()), None); // root alone may
    let same_group = fchown(file, None, Some(old.gid())).is_ok();
    let mode = old.mode() & if same_group { 0o777 } else { 0o707 };
    match file.set_permissions(Permissions::from_mode(mode)) {
        // A file system without owners or permissions (FAT, CIFS): there is nothing to keep.
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

/// How the file of a lock is opened.
pub(super) fn lock_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Whether the file that is open is the one that stands there.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let place = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(place(file.metadata()?) == place(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lets whoever may write the file take its lock, and nobody else: a reader could hold it for ever. A lock made by
/// root belongs to the file's owner, or that one could not write any more.
pub(super) fn share_lock(lock: &File, file: &Path, is_new: bool) {
    if is_new {
        let _ = lock.set_permissions(Permissions::from_mode(0o600)); // whatever the umask
    }
    let (Ok(file), Ok(now)) = (fs::metadata(file), lock.metadata()) else { return };
    // Not of a file that somebody linked here to have its permissions changed.
    if !now.is_file() || now.nlink() != 1 {
        return;
    }
    if is_new {
        let _ = fchown(lock, Some(file.uid()), None); // root alone may
    }
    let writers = |class: u32| if file.mode() & (0o2 << class) == 0 { 0 } else { 0o6 << class };
    let mut mode = 0o600 | writers(0);
    if now.gid() == file.gid() || fchown(lock, None, Some(file.gid())).is_ok() {
        mode |= writers(3);
    }
    if now.mode() & 0o777 != mode {
        // Its owner alone may; for others it is as it is.
        let _ = lock.set_permissions(Permissions::from_mode(mode));
    }
}

/// What root wrote on behalf of a user must be the user's, who could not read it otherwise.
pub(super) fn give_to_owner_of_folder(files: &[&Path]) {
    for file in files {
        let Some(folder) = file.parent().and_then(|folder| fs::metadata(folder).ok()) else { return };
        if fs::symlink_metadata(file).is_ok_and(|file| file.uid() != folder.uid()) {
            let _ = lchown(file, Some(folder.uid()), Some(folder.gid())); // root alone may
        }
    }
}

/// With the folders that lead to it. One after the other, for a umask may take the owner's own way into each.
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_private_folder(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {
            if fs::symlink_metadata(folder).is_ok_and(|made| made.is_dir() && made.mode() & 0o700 != 0o700) {
                let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
            }
            Ok(())
        }
        Err(_) if folder.is_dir() => Ok(()), // another program made it meanwhile
        failed => failed,
    }
}

/// Where programs keep what a machine remembers.
pub(super) fn state_folder() -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" }))
}
