//! A lock that other programs respect and that dies with its holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Waits for the lock on `path`, a file that is made if need be and never removed or renamed. Whoever may write
/// `for_file` may take it. `None` if another program held it all the time.
pub(super) fn acquire(path: &Path, for_file: &Path, patience: Duration) -> io::Result<Option<File>> {
    let start = Instant::now();
    loop {
        let file = open(path, for_file)?;
        match try_lock(&file) {
            // Somebody may have removed the file after all: others may hold a lock on a new one.
            Ok(true) if is_at(&file, path) => return Ok(Some(file)),
            Ok(_) if start.elapsed() >= patience => return Ok(None),
            Ok(_) => std::thread::sleep(pause()),
            Err(error) => return Err(error),
        }
    }
}

fn try_lock(file: &File) -> io::Result<bool> {
    loop {
        return match file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(TryLockError::Error(error)) => Err(error),
        };
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::symlink_metadata(path)), (Ok(a), Ok(b)) if place(&a) == place(&b))
}

/// Elsewhere a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// 1 to 10 ms, at random: those who wait in step would leave the lock to whoever comes first each time.
fn pause() -> Duration {
    Duration::from_micros(1000 + RandomState::new().hash_one(()) % 9000)
}

/// Lets whoever may write the file take its lock, and nobody else: a reader could hold it for ever. A lock made by
/// root belongs to the file's owner, or that one could not write any more.
#[cfg(unix)]
fn share_as(lock: &File, file: &Path, is_new: bool) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
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
        let _ = lock.set_permissions(fs::Permissions::from_mode(mode));
    }
}

#[cfg(not(unix))]
fn share_as(_lock: &File, _file: &Path, _is_new: bool) {}

fn open(path: &Path, for_file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let (file, is_new) = match options.clone().create_new(true).open(path) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (options.open(path)?, false),
        Err(error) => return Err(error),
    };
    share_as(&file, for_file, is_new);
    Ok(file)
}
