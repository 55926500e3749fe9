//! Files on Windows: share modes, inherited access control lists, and other programs (virus scanners,
//! indexers, backups) that open a file briefly right after it was written.
//!
//! A rename replaces the file in one step: `std` calls `MoveFileExW`. If a reader has the old file open,
//! `std` requests a rename with POSIX semantics, which leaves the old file readable through the open handle.
//! `sync_all` is `FlushFileBuffers`.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_HIDDEN, FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_READ, FILE_SHARE_WRITE,
};

use super::environment::absolute_variable;

/// How long another program may keep a file open before it is an error. Scanners take milliseconds, rarely a
/// hundred.
const PATIENCE: Duration = Duration::from_secs(1);

/// Repeats `attempt` while another program has the file open. Permanent denial looks the same as denial
/// during a replacement, so it also takes the full second.
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

/// Opens a file for reading. Other programs may read, write, rename and remove it meanwhile: these are
/// `std`'s default share modes.
pub(super) fn open_to_read(path: &Path) -> io::Result<File> {
    patiently(|| match File::open(path) {
        // Opening a folder fails like opening a file that is being replaced, but waiting does not help.
        Err(_) if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        opened => opened,
    })
}

/// Creates a new file with the access control list that its folder passes on. `create_new` follows no link.
pub(super) fn create(path: &Path) -> io::Result<File> {
    patiently(|| OpenOptions::new().write(true).create_new(true).open(path))
}

/// Does nothing: Windows has no such call. The rename is as durable as the file system's journal makes it.
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Preserves the read-only attribute; the access control list comes from the folder.
pub(super) fn share_as(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// Returns the options to open a lock file with. No program can rename or remove it while it is open, a link
/// is not followed, and it is hidden in its folder.
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

/// Always true: no program can have removed the file since it was opened.
pub(super) fn is_at(_lock: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Does nothing: the inherited access control list decides which users may take the lock.
pub(super) fn share_lock(_lock: &File, _file: &Path, _is_new: bool) {}

/// Does nothing: files that an administrator creates in a user's profile inherit the user's access.
pub(super) fn give_to_owner_of_folder(_files: &[&Path]) {}

/// Creates a folder. In a profile it inherits access for the user, the administrators and the system only.
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Returns the folder for state that belongs to this machine and does not roam with the profile.
pub(super) fn state_folder() -> Option<PathBuf> {
    absolute_variable("LOCALAPPDATA").or_else(|| {
        let home = std::env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join("AppData").join("Local"))
    })
}
