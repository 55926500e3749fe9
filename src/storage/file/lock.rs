//! A lock that other programs respect and that dies with its holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Waits for the lock on `path`, a file that is made if need be and never removed or renamed. Whoever may read
/// and write the file it is `for_file` may take it. `None` if another program held it all the time.
pub(super) fn acquire(path: &Path, for_file: &Path, patience: Duration) -> io::Result<Option<File>> {
    let file = open(path)?;
    share_as(&file, for_file);
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// 1 to 10 ms, at random: those who wait in step would leave the lock to whoever comes first each time.
fn pause() -> Duration {
    Duration::from_micros(1000 + RandomState::new().hash_one(()) % 9000)
}

/// Gives the lock the permissions of the file, which may have been changed. Only its owner can; others need not.
fn share_as(lock: &File, file: &Path) {
    let permissions = |metadata: io::Result<fs::Metadata>| metadata.map(|metadata| metadata.permissions());
    if let (Ok(wanted), Ok(found)) = (permissions(fs::metadata(file)), permissions(lock.metadata()))
        && wanted != found
    {
        let _ = lock.set_permissions(wanted); // the lock works all the same for whoever can open it
    }
}

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
