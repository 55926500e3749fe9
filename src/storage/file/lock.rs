//! A lock that other programs respect and that dies with its holder.

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::system;

/// Between two attempts, at most: those who wait in step would leave the lock to whoever comes first each time.
const PAUSE_MICROS: u64 = 5000;
/// How long whoever comes new leaves the lock to those who wait: a little longer than their pause.
const COURTESY: Duration = Duration::from_millis(6);
/// Who waits says so at each attempt. After this time nobody does.
const STILL_WAITING: Duration = Duration::from_millis(25);

/// Waits for the lock on `path`, a file that is made if need be and never removed or renamed. Whoever may write
/// `for_file` may take it. `None` if another program held it all the time.
///
/// Those who wait say so by the file's time, and whoever comes then waits too: a program that writes without a break
/// would else have the lock again before anybody else could look, and keep them all out.
pub(super) fn acquire(path: &Path, for_file: &Path, patience: Duration) -> io::Result<Option<File>> {
    let start = Instant::now();
    let mut comes_new = true;
    loop {
        let (file, is_new) = open(path, for_file)?;
        if comes_new && !is_new && is_waited_for(&file) {
            comes_new = false;
            std::thread::sleep(COURTESY);
            continue;
        }
        comes_new = false;
        match try_lock(&file) {
            // Somebody may have removed the file after all: others may hold a lock on a new one.
            Ok(true) if system::is_at(&file, path)? => return Ok(Some(file)),
            Ok(_) if start.elapsed() >= patience => return Ok(None),
            Ok(_) => {
                // Its owner alone may, and root; whoever else waits is not waited for.
                let _ = file.set_modified(SystemTime::now());
                std::thread::sleep(pause());
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_waited_for(file: &File) -> bool {
    let said = file.metadata().and_then(|metadata| metadata.modified());
    said.is_ok_and(|said| SystemTime::now().duration_since(said).is_ok_and(|ago| ago < STILL_WAITING))
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

/// Another one for each who waits, and each time. Not by random bytes, which the system may refuse.
fn pause() -> Duration {
    let mut hasher = DefaultHasher::new();
    (SystemTime::now(), std::process::id(), std::thread::current().id()).hash(&mut hasher);
    Duration::from_micros(PAUSE_MICROS / 5 + hasher.finish() % (PAUSE_MICROS / 5 * 4))
}

/// The file of the lock, made if need be, and whether it was.
fn open(path: &Path, for_file: &Path) -> io::Result<(File, bool)> {
    let options = system::lock_options();
    let (file, is_new) = match system::patiently(|| options.clone().create_new(true).open(path)) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            (system::patiently(|| options.open(path))?, false)
        }
        Err(error) => return Err(error),
    };
    system::share_lock(&file, for_file, is_new);
    Ok((file, is_new))
}
