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
    let mut file = open(path)?;
    share_as(&file, for_file);
    loop {
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => return Ok(Some(file)),
            // Somebody removed the file after all: others may hold a lock on a new one.
            Ok(()) => file = open(path)?,
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
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

/// Lets whoever may write the file take its lock, and nobody else: a reader could hold it for ever. Only the lock's
/// owner can change that; for others it is as it is.
#[cfg(unix)]
fn share_as(lock: &File, file: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (Ok(file), Ok(now)) = (fs::metadata(file), lock.metadata()) else { return };
    let writers = |class: u32| if file.mode() & (0o2 << class) == 0 { 0 } else { 0o6 << class };
    let mut mode = 0o600 | writers(0);
    if now.gid() == file.gid() || fchown(lock, None, Some(file.gid())).is_ok() {
        mode |= writers(3);
    }
    if now.mode() & 0o777 != mode {
        let _ = lock.set_permissions(fs::Permissions::from_mode(mode));
    }
}

#[cfg(not(unix))]
fn share_as(_lock: &File, _file: &Path) {}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    options.open(path)
}
