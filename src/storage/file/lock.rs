//! A lock that other programs respect and that dies with its holder.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::system;

/// Waits for the lock on `path`, a file that is made if need be and never removed or renamed. Whoever may write
/// `for_file` may take it. `None` if another program held it all the time.
pub(super) fn acquire(path: &Path, for_file: &Path, patience: Duration) -> io::Result<Option<File>> {
    let start = Instant::now();
    loop {
        let file = open(path, for_file)?;
        match try_lock(&file) {
            // Somebody may have removed the file after all: others may hold a lock on a new one.
            Ok(true) if system::is_at(&file, path)? => return Ok(Some(file)),
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

/// 1 to 10 ms, at random: those who wait in step would leave the lock to whoever comes first each time.
fn pause() -> Duration {
    Duration::from_micros(1000 + RandomState::new().hash_one(()) % 9000)
}

/// The file of the lock, made if need be.
fn open(path: &Path, for_file: &Path) -> io::Result<File> {
    let options = system::lock_options();
    let (file, is_new) = match system::patiently(|| options.clone().create_new(true).open(path)) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            (system::patiently(|| options.open(path))?, false)
        }
        Err(error) => return Err(error),
    };
    system::share_lock(&file, for_file, is_new);
    Ok(file)
}
