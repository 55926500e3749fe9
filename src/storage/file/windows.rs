//! What Windows has for files: share modes and inherited access control lists; and other programs (virus scanners,
//! indexers, backups) that hold a file for a moment just when it has been written.
//!
//! A rename replaces in one step: `std` asks for `MoveFileExW`, and where a reader has the old file open, for a rename
//! with POSIX semantics, which leaves that one readable to whoever holds it. `sync_all` is `FlushFileBuffers`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_HIDDEN, FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_READ, FILE_SHARE_WRITE,
};

use super::state::absolute_variable;

/// How long somebody else may hold a file before that is an error. Scanners take milliseconds, seldom a hundred.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tries again as long as somebody else has the file. Being refused it for good looks the same as being refused it
/// while it is being replaced, so that takes its second, too.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match attempt() {
            Err(error) if is_held(&error) && start.elapsed() < PATIENCE => {
                std::thread::sleep(pause);
                pause = (2 * pause).min(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

fn is_held(error: &io::Error) -> bool {
    let code = error.raw_os_error().and_then(|code| u32::try_from(code).ok());
    matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION))
}

/// Others may read, write, rename and remove the file meanwhile: that is how `std` opens files.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    patiently(|| match File::open(path) {
        // A folder is refused like a file that is being replaced, but there is nothing to wait for.
        Err(_) if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        opened => opened,
    })
}

/// A new file with the access control list that its folder hands down. `create_new` follows no link.
pub(super) fn create(path: &Path) -> io::Result<File> {
    patiently(|| OpenOptions::new().write(true).create_new(true).open(path))
}

/// Windows has no such call: the rename is as durable as the file system's journal makes it.
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The read-only attribute; the access control list comes from the folder.
pub(super) fn share_as(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// How the file of a lock is opened: nobody may rename or remove it while it is open, a link is not followed, and
/// people do not see it in their folder.
pub(super) fn lock_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .attributes(FILE_ATTRIBUTE_HIDDEN);
    options
}

/// It always is: nobody can have removed it since it was opened.
pub(super) fn is_at(_lock: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// The list that the folder hands down says who may take the lock.
pub(super) fn share_lock(_lock: &File, _file: &Path, _is_new: bool) {}

/// An administrator's files in a user's profile inherit what lets the user at them.
pub(super) fn give_to_owner_of_folder(_files: &[&Path]) {}

/// In a profile, the folder's list is handed down: the user, the administrators and the system.
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Where programs keep what a machine remembers and does not take along to others.
pub(super) fn state_folder() -> Option<PathBuf> {
    absolute_variable("LOCALAPPDATA").or_else(|| {
        let home = std::env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join("AppData").join("Local"))
    })
}
