//! A file that AWS clients and other programs read and write too.

use std::path::{Path, PathBuf};

use aumbry::storage::{FileStorage, Revision, Storage};
use aumbry::{Error, ErrorKind, ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::context::make_folder;
use crate::failure::{Failure, Outcome};

/// The largest config file that is read.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// How often to start again when another program, which does not know our lock, was quicker.
const ATTEMPTS: u32 = 16;

/// Puts what `change` makes of its text into the place of a file, which is saved as a vault is: under a lock, links
/// followed, owner and permissions kept, and a crash leaves the old one or the new one. Gives the file that links lead
/// to.
pub(super) fn edit(path: &Path, change: impl Fn(&str) -> aumbry::Result<SecretString>) -> Outcome<PathBuf> {
    make_folder(path)?;
    let file = FileStorage::new(path);
    let failed = |error| failed(path, error);
    let _others_wait = file.exclusive().map_err(failed)?;
    let target = file.location().map_err(failed)?.map_or_else(|| path.to_owned(), PathBuf::from);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let old = match file.load(MAX_FILE) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            old => Some(Zeroizing::new(old.map_err(failed)?)),
        };
        let bytes = old.as_ref().map_or(&[][..], |old| old);
        let new = change(text(bytes)?)?;
        let new = new.expose_secret().as_bytes();
        if new == bytes {
            return Ok(target);
        }
        refuse_read_only(path)?;
        match file.replace(old.as_ref().map(|old| Revision::of(old)).as_ref(), new) {
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists)
                    && attempt < ATTEMPTS => {}
            replaced => return replaced.map(|()| target).map_err(failed),
        }
    }
}

fn text(bytes: &[u8]) -> Outcome<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let message = format!("could not read line {line} of the config file: it is not UTF-8 text");
        Error::new(ErrorKind::InvalidFile, message).into()
    })
}

/// A user who makes a file read-only does not want it replaced either, which the folder's rights would allow.
fn refuse_read_only(path: &Path) -> Outcome {
    match path.metadata() {
        Ok(metadata) if metadata.permissions().readonly() => {
            let message = format!("{} is read-only, and was not changed", path.display());
            let advice = if cfg!(windows) { "attrib -r" } else { "chmod u+w" };
            Err(Failure::from(Error::new(ErrorKind::Io, message))
                .advise(format!("allow it with `{advice} {}`, or leave --write out", path.display())))
        }
        _ => Ok(()),
    }
}

/// What the library says of a vault, said of this file.
fn failed(path: &Path, error: Error) -> Failure {
    let path = path.display();
    let message = match error.kind() {
        ErrorKind::Busy => {
            format!("another program has been writing to {path} all the time: try again later")
        }
        ErrorKind::Conflict | ErrorKind::AlreadyExists => {
            format!("another program keeps changing {path}: try again later")
        }
        ErrorKind::DurabilityUnknown => format!("{path} was saved, but the disk did not confirm it"),
        ErrorKind::NotFound => {
            return Failure::from(error).advise("links lead there: make the folder, or remove the link");
        }
        _ => return error.into(),
    };
    let kind = match error.kind() {
        ErrorKind::AlreadyExists => ErrorKind::Conflict,
        kind => kind,
    };
    Error::new(kind, message).into()
}
