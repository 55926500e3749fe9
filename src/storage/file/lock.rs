//! A lock that other programs respect. The system releases it when the program that holds it ends.

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::system;

/// The maximum pause between two attempts. Each pause is random, because with equal pauses the same waiting program would
/// always be first.
const PAUSE_MICROS: u64 = 5000;
/// How long a program that has just arrived leaves the lock to the waiting programs: a little longer than their pause.
const COURTESY: Duration = Duration::from_millis(6);
/// A waiting program sets the file's time at each attempt. If the time is older than this, no program is waiting.
const STILL_WAITING: Duration = Duration::from_millis(25);

/// Waits for the lock on `path`, a file that is created if it does not exist, and never removed or renamed. Every user
/// who may write `for_file` may take the lock. `None` if other programs held it the whole time.
///
/// A waiting program sets the file's modification time, and a program that sees a recent time lets the waiting program go
/// first. Otherwise a program that writes without a break would take the lock again before any other program could try.
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
            // A user may have removed the file, and another program may hold a lock on a new one.
            Ok(true) if system::is_at(&file, path)? => return Ok(Some(file)),
            Ok(_) if start.elapsed() >= patience => return Ok(None),
            Ok(_) => {
                // Only the file's owner and root may set the time. Other users get no such precedence.
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

/// Returns a different pause for each thread and each attempt. It uses no random bytes, because the system may refuse
/// them.
fn pause() -> Duration {
    let mut hasher = DefaultHasher::new();
    (SystemTime::now(), std::process::id(), std::thread::current().id()).hash(&mut hasher);
    Duration::from_micros(PAUSE_MICROS / 5 + hasher.finish() % (PAUSE_MICROS / 5 * 4))
}

/// Opens the lock file, and creates it if it does not exist. Returns whether it was created.
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
