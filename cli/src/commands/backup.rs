//! Copies of the vault.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::session::Session;

/// Writes the vault's sealed bytes to a new file, once all of them are known to be sound.
pub(super) fn backup(session: &Session, target: &Path) -> Outcome {
    let path = session.path()?;
    let vault = session.open()?;
    let verified = session.waiting("Verifying", || vault.verify())?;
    let bytes =
        fs::read(&path).map_err(|error| Failure::io(format!("could not read {}", path.display()), &error))?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::conflict(format!("there is a file at {} already", target.display()))
                .advise("name another one: a backup replaces none")
        }
        _ => Failure::io(format!("could not write {}", target.display()), &error),
    };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(target).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = fs::remove_file(target); // half a backup is none
        failed(error)
    })?;
    session.note(&format!(
        "Wrote {} records, generation {}, to {}. It opens with the passphrases of today.",
        verified.records,
        verified.generation,
        target.display()
    ));
    Ok(())
}
