//! Files on Unix: owners, groups and permissions, links that are not followed, folders that are synced.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

/// Opens a file for reading. `O_NONBLOCK` makes sure that a FIFO does not block until a writer opens it.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Creates a new file that only its owner can access.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    // A umask may also have removed the owner's permissions. If this fails, no other user gains access.
    let _ = file.set_permissions(Permissions::from_mode(0o600));
    Ok(file)
}

/// Makes one attempt: on Unix an open file can be replaced and removed like any other.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    attempt()
}

/// Syncs the file's folder, so that a rename survives a power cut. (On macOS `sync_all` is `F_FULLFSYNC`,
/// which waits for the disk itself.)
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = match File::open(folder) {
        // The folder is writable but not readable. File systems with a journal (ext4, XFS, Btrfs) write the
        // rename together with the renamed file, at the latest when that file is synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return File::open(path)?.sync_all(),
        opened => opened?,
    };
    match folder.sync_all() {
        // The file system does not support syncing folders.
        Err(error) if is_unsupported(&error) && error.kind() != io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

/// Gives the new file the owner, group and permissions of the old one, so that a vault shared with a group
/// stays shared. If the system refuses the group, the new file has no group permissions: otherwise another
/// group would get access.
pub(super) fn share_as(file: &File, old: &Metadata) -> io::Result<()> {
    let _ = fchown(file, Some(old.uid()), None); // only root may change the owner
    let same_group = fchown(file, None, Some(old.gid())).is_ok();
    let mode = old.mode() & if same_group { 0o777 } else { 0o707 };
    match file.set_permissions(Permissions::from_mode(mode)) {
        // A file system without owners or permissions (FAT, CIFS): there is nothing to preserve.
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

/// Returns the options to open a lock file with.
pub(super) fn lock_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Returns whether the open `file` is the one that `path` names now.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let place = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(place(file.metadata()?) == place(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Lets every user who may write the file take its lock, and no other user: a reader could hold it forever. A
/// lock made by root is given to the file's owner, who could not write the vault otherwise.
pub(super) fn share_lock(lock: &File, file: &Path, is_new: bool) {
    if is_new {
        let _ = lock.set_permissions(Permissions::from_mode(0o600)); // regardless of the umask
    }
    let (Ok(file), Ok(now)) = (fs::metadata(file), lock.metadata()) else { return };
    // Skips files that another user hard-linked here to have their permissions changed.
    if !now.is_file() || now.nlink() != 1 {
        return;
    }
    if is_new {
        let _ = fchown(lock, Some(file.uid()), None); // only root may change the owner
    }
    let writers = |class: u32| if file.mode() & (0o2 << class) == 0 { 0 } else { 0o6 << class };
    let mut mode = 0o600 | writers(0);
    if now.gid() == file.gid() || fchown(lock, None, Some(file.gid())).is_ok() {
        mode |= writers(3);
    }
    if now.mode() & 0o777 != mode {
        // Only the owner of the lock may change it; for other users it stays unchanged.
        let _ = lock.set_permissions(Permissions::from_mode(mode));
    }
}

/// Gives files that root wrote in a user's folder to that user, who could not read them otherwise.
pub(super) fn give_to_owner_of_folder(files: &[&Path]) {
    for file in files {
        let Some(folder) = file.parent().and_then(|folder| fs::metadata(folder).ok()) else { return };
        if fs::symlink_metadata(file).is_ok_and(|file| file.uid() != folder.uid()) {
            let _ = lchown(file, Some(folder.uid()), Some(folder.gid())); // only root may change the owner
        }
    }
}

/// Creates a private folder and its missing parents. Each parent is created separately and made accessible,
/// because a umask may remove even the owner's access.
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
        Err(_) if folder.is_dir() => Ok(()), // another program created it meanwhile
        failed => failed,
    }
}

/// Returns the folder for state that programs keep on this machine.
pub(super) fn state_folder() -> Option<PathBuf> {
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" }))
}
