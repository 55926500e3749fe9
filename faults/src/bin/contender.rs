//! Writes to the vault of a folder against others, and says after each step, never before, what came of it.
//!
//! ```text
//! contender FOLDER add PREFIX COUNT        adds PREFIX-0 … in COUNT commits, 0 for no end: "NAME GENERATION" after each
//! contender FOLDER BROKEN PREFIX COUNT     the same with a storage that is broken on purpose: `heedless` takes no lock and
//!                                          ignores the version expected; `orphaned` has a lock that outlives its holder
//! contender FOLDER replace PREFIX COUNT    replaces the bytes of a storage COUNT times under its lock: "won OLD NEW"
//! contender FOLDER replace-at-will PREFIX COUNT    the same without the lock
//! ```
//! In `replace` what is expected was read before the lock was taken, so it may be stale: "conflict OLD" says that it was
//! refused. After each attempt comes one that is stale for certain: "stale conflict", or "stale won". Any error ends it:
//! "error KIND: message", exit code 1.
#![forbid(unsafe_code)]

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use aumbry::storage::{FileStorage, Revision, Storage};
use aumbry::{Error, ErrorKind, OpenOptions, Result, Vault};
use aumbry_faults::broken::{Broken, Defect};
use aumbry_faults::{PASSPHRASE, draft, open};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [folder, task, prefix, count] = *words else { return usage() };
    let (Ok(count), folder) = (count.parse::<u64>(), Path::new(folder)) else { return usage() };
    let count = if count == 0 { u64::MAX } else { count };
    let done = match task {
        "add" => open(folder).and_then(|vault| add(&vault, prefix, count)),
        "heedless" => add_heedlessly(folder, prefix, count),
        "orphaned" => broken(folder, Defect::OrphanedLock).and_then(|vault| add(&vault, prefix, count)),
        "replace" => replace(folder, prefix, count, true),
        "replace-at-will" => replace(folder, prefix, count, false),
        _ => return usage(),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    say(&format!("error {}: {error}", error.kind().code()));
    ExitCode::FAILURE
}

fn usage() -> ExitCode {
    eprintln!("contender FOLDER add|heedless|orphaned|replace|replace-at-will PREFIX COUNT");
    ExitCode::from(2)
}

/// Writes a line with one call: once a part of it is printed, the commit is acknowledged.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush());
}

fn add(vault: &Vault, prefix: &str, count: u64) -> Result<()> {
    for number in 0..count {
        let name = format!("{prefix}-{number}");
        let draft = draft(&name)?;
        vault.edit(|edit| edit.add(&draft))?;
        say(&format!("{name} {}", vault.generation()?));
    }
    Ok(())
}

fn broken(folder: &Path, defect: Defect) -> Result<Vault> {
    let storage = Broken::new(folder.join("vault.aumbry"), defect);
    OpenOptions::new().open_in(storage, PASSPHRASE)
}

/// Adds records with a broken storage. An error that another contender caused is printed, and the next commit
/// uses a new handle.
fn add_heedlessly(folder: &Path, prefix: &str, count: u64) -> Result<()> {
    let mut vault = broken(folder, Defect::Heedless)?;
    for number in 0..count {
        let name = format!("{prefix}-{number}");
        let draft = draft(&name)?;
        match vault.edit(|edit| edit.add(&draft)) {
            Ok(()) => say(&format!("{name} {}", vault.generation()?)),
            Err(error) => {
                say(&format!("noticed {}", error.kind().code()));
                vault = broken(folder, Defect::Heedless)?;
            }
        }
    }
    Ok(())
}

fn replace(folder: &Path, prefix: &str, count: u64, locks: bool) -> Result<()> {
    let storage = FileStorage::new(folder.join("raced"));
    let gone = || Error::new(ErrorKind::NotFound, "nothing is there");
    let mut number = 0_u64;
    while number < count {
        let expected = storage.revision()?.ok_or_else(gone)?;
        thread::yield_now();
        let lock = if locks { Some(storage.exclusive()?) } else { None };
        number += 1;
        let bytes = content(prefix, number);
        match storage.replace(Some(&expected), &bytes) {
            Ok(()) => say(&format!("won {expected:?} {:?}", Revision::of(&bytes))),
            Err(error) if error.kind() == ErrorKind::Conflict => say(&format!("conflict {expected:?}")),
            // Both use a temporary file of the same name.
            Err(_) if !locks => say("clash"),
            Err(error) => return Err(error),
        }
        drop(lock);
        // The expected version has been replaced, by this contender or another one, and never comes back.
        let lock = if locks { Some(storage.exclusive()?) } else { None };
        match storage.replace(Some(&expected), &bytes) {
            Ok(()) => say("stale won"),
            Err(error) if error.kind() == ErrorKind::Conflict => say("stale conflict"),
            Err(_) if !locks => say("clash"),
            Err(error) => return Err(error),
        }
        drop(lock);
    }
    Ok(())
}

/// Returns 4 KiB that no other contender writes.
fn content(prefix: &str, number: u64) -> Vec<u8> {
    let tail = format!("{prefix}-{number}-").into_bytes();
    let mut bytes = vec![b'.'; 4096 - 64];
    bytes.extend(tail.iter().cycle().take(64));
    bytes
}
