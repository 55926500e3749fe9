//! One vault for a whole program: opened after start-up, asked from anywhere.
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

enum Stage {
    NotStarted,
    Starting,
    Started(Vault),
}

static STAGE: Mutex<Stage> = Mutex::new(Stage::NotStarted);

fn stage() -> MutexGuard<'static, Stage> {
    // A stage is replaced whole, so a panic elsewhere cannot have left half of one.
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the program's vault by `open`, and keeps it until the program ends.
///
/// If `open` fails, as with a wrong passphrase, nothing has happened and it may be tried again.
///
/// A vault kept this way is never dropped: to wipe its keys before the program ends, or when the user leaves, call
/// [`vault`] and [`lock`](Vault::lock) it.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) if the vault was opened before, or is being opened by another
/// thread; else what `open` returns.
pub fn after_startup(open: impl FnOnce() -> Result<Vault>) -> Result<()> {
    let attempt = Attempt::begin()?;
    attempt.succeed(open()?);
    Ok(())
}

/// The record of this name with its secret, from the program's vault. `None` if there is none.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) before [`after_startup`] has succeeded; else as
/// [`Vault::get_credentials`].
pub fn get_credentials(name: &str) -> Result<Option<Credentials>> {
    vault()?.get_credentials(name)
}

/// The program's vault, to lock it, edit it or list it.
///
/// # Errors
/// [`Misuse`](ErrorKind::Misuse) before [`after_startup`] has succeeded.
pub fn vault() -> Result<Vault> {
    match &*stage() {
        Stage::Started(vault) => Ok(vault.clone()),
        Stage::NotStarted | Stage::Starting => {
            let message = "the program's vault is not open yet: startup::after_startup opens it";
            Err(Error::new(ErrorKind::Misuse, message))
        }
    }
}

/// A start-up under way. Unless it succeeds, the next one may try, also after a panic.
struct Attempt;

impl Attempt {
    fn begin() -> Result<Self> {
        let mut stage = stage();
        let message = match &*stage {
            Stage::NotStarted => {
                *stage = Stage::Starting;
                return Ok(Self);
            }
            Stage::Starting => "the program's vault is being opened by another thread",
            Stage::Started(_) => "the program's vault is open already",
        };
        Err(Error::new(ErrorKind::Misuse, message))
    }

    fn succeed(self, vault: Vault) {
        *stage() = Stage::Started(vault);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut stage = stage();
        if matches!(&*stage, Stage::Starting) {
            *stage = Stage::NotStarted;
        }
    }
}
