//! One vault for a whole program: opened after start-up, used from anywhere.
//!
//! A program that passes its [`Vault`] along does not need this module. It is for programs that ask for credentials
//! in many places, as the low-code module did that this crate descends from.
//!
//! ```
//! # fn example() -> aumbry::Result<()> {
//! use aumbry::{Vault, startup};
//!
//! startup::after_startup(|| Vault::open("credentials.aumbry", "correct horse battery staple"))?;
//! // … and anywhere else in the program:
//! let credentials = startup::get_credentials("s3-uploads")?;
//! # Ok(()) }
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Vault;

/// The program's vault, and whether a thread is opening one.
struct Program {
    vault: Option<Vault>,
    is_opening: bool,
}

static PROGRAM: Mutex<Program> = Mutex::new(Program { vault: None, is_opening: false });

fn program() -> MutexGuard<'static, Program> {
    // Each change is one assignment, so a panic elsewhere cannot leave a half-finished one.
    PROGRAM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the program's vault with `open` and keeps it until [`close`] or the end of the program.
///
/// If `open` fails, for example because the passphrase is wrong, nothing has changed and the program can try again.
///
/// A static is never dropped. To wipe the keys before the program ends, or when the user leaves, call [`close`], or call
/// [`vault`] and [`lock`](Vault::lock) it.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) if the vault is open already or another thread is opening it; otherwise what `open`
/// returns.
pub fn after_startup(open: impl FnOnce() -> Result<Vault>) -> Result<()> {
    let opening = Opening::begin(|program| match program.vault {
        Some(_) => Err(misuse("the program's vault is already open: startup::replace opens another one")),
        None => Ok(()),
    })?;
    opening.finish(open()?);
    Ok(())
}

/// Opens another vault with `open`, keeps it in place of the program's vault, and locks the previous one.
///
/// While `open` runs, and if it fails, the previous vault stays in use. Without a previous vault this is
/// [`after_startup`].
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) if another thread is opening a vault; otherwise what `open` returns.
pub fn replace(open: impl FnOnce() -> Result<Vault>) -> Result<()> {
    let opening = Opening::begin(|_| Ok(()))?;
    if let Some(previous) = opening.finish(open()?) {
        previous.lock();
    }
    Ok(())
}

/// Locks the program's vault, which wipes its keys for every clone of the handle, and lets go of it.
///
/// Afterwards [`after_startup`] can open a vault again. Without a vault this does nothing.
pub fn close() {
    let vault = program().vault.take();
    if let Some(vault) = vault {
        vault.lock();
    }
}

/// Returns the record of this name with its secret, from the program's vault. `None` if there is no such record.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) while the program has no open vault; otherwise as [`Vault::get_credentials`].
pub fn get_credentials(name: &str) -> Result<Option<Credentials>> {
    vault()?.get_credentials(name)
}

/// Returns a handle to the program's vault, to lock, edit or list it.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) while the program has no open vault.
pub fn vault() -> Result<Vault> {
    let vault = program().vault.clone();
    vault.ok_or_else(|| misuse("the program's vault is not open yet: startup::after_startup opens it"))
}

fn misuse(message: &'static str) -> Error {
    Error::new(ErrorKind::Misuse, message)
}

/// An opening in progress. Dropping it lets the next one begin, also after an error or a panic.
struct Opening;

impl Opening {
    fn begin(may_begin: impl FnOnce(&Program) -> Result<()>) -> Result<Self> {
        let mut program = program();
        if program.is_opening {
            return Err(misuse("another thread is opening the program's vault"));
        }
        may_begin(&program)?;
        program.is_opening = true;
        Ok(Self)
    }

    /// Puts the vault in its place and returns the previous one.
    fn finish(self, vault: Vault) -> Option<Vault> {
        program().vault.replace(vault)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        program().is_opening = false;
    }
}
