//! The vault: open it, look records up, change them, lock it.
//!
//! A [`Vault`] is a cheap handle. Behind it stands an immutable snapshot of one version of the vault and,
//! while it is unlocked, the keys in a guarded page. Look-ups read the snapshot; an edit makes the next one and
//! swaps it in.

mod advice;
mod auto_lock;
mod commit;
mod create;
mod info;
mod open;
mod people;
mod pinned_storage;
mod refresh;
mod restore;
mod rotation;
mod sharded;
mod spread;
#[cfg(feature = "testing")]
mod testing;
mod unlocked;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{Credentials, is_reserved_name};
use crate::error::{Error, ErrorKind, Result};
use crate::format::slot::Role;
use crate::memory::MemoryProtection;

use crate::passphrase::Passphrase;
use pinned_storage::Place;
use refresh::{Shared, State, check_secrets, locked, open_record};

pub use advice::Advice;
pub use commit::edit::Edit;
pub use info::{Remembered, SlotInfo, VaultInfo, inspect, inspect_storage};
pub use open::{CreateOptions, OpenOptions};
pub use people::Person;
pub use rotation::{Rotation, RotationStage};
#[cfg(feature = "testing")]
pub(crate) use testing::open_below_kdf;
pub use unlocked::snapshot::{Record, Records};

/// A vault of credential records, unlocked.
///
/// A handle: clones are cheap, can be sent to other threads, and all see the same vault. When the last one is
/// dropped the keys are wiped.
///
/// ```
/// # fn example() -> aumbry::Result<()> {
/// use aumbry::Vault;
///
/// let vault = Vault::open("credentials.aumbry", "correct horse battery staple")?;
/// match vault.get_credentials("s3-uploads")? {
///     Some(credentials) => println!("signing as {}", credentials.access_key_id()),
///     None => println!("no such record"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
}

/// How long it took to unlock a vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnlockTime {
    /// Deriving keys from the passphrase with Argon2id; in a vault of several people it may take several runs.
    pub kdf: Duration,
    /// Verifying the signature and decrypting the file. Reading and hashing it goes on beside the key derivation.
    pub payload: Duration,
    /// Checking every record and building the index of their names.
    pub records: Duration,
    /// All of it, from reading this machine's memory of the vault to writing it.
    pub whole: Duration,
}

/// What [`Vault::verify`] looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// Records whose secrets opened.
    pub records: usize,
    /// The generation of the version that was read.
    pub generation: u64,
}

impl Vault {
    /// Opens the vault at `path`. [`OpenOptions`] has more to say.
    ///
    /// Blocks for the key derivation, a tenth of a second or so: in a program with a window, call it from a
    /// worker thread. Where it takes a second or more, [the build is not optimised](crate#debug-builds).
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; above all [`WrongPassphrase`](ErrorKind::WrongPassphrase).
    pub fn open(path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Self> {
        OpenOptions::new().open(path, passphrase)
    }

    /// Makes an empty vault at `path`, where nothing may be, and opens it. [`CreateOptions`] has more to say.
    ///
    /// # Errors
    /// As [`CreateOptions::create`].
    pub fn create(path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Self> {
        CreateOptions::new().create(path, passphrase)
    }

    /// What is known of the record of this name, without opening its secret. `None` if there is none.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn find(&self, name: &str) -> Result<Option<Record>> {
        let state = self.state();
        let opened = self.used(&state)?;
        let offset = opened.snapshot.find(name).filter(|_| !is_reserved_name(name));
        Ok(offset.map(|offset| Record::new(opened.spread.here(), offset)))
    }

    /// The record of this name with its secret, which is opened for this call. `None` if there is none.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked); [`Damaged`](ErrorKind::Damaged) if this record's secret was altered.
    pub fn get_credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let state = self.state();
        let opened = self.used(&state)?;
        match opened.snapshot.find(name) {
            Some(offset) if !is_reserved_name(name) => open_record(opened, offset).map(Some),
            _ => Ok(None),
        }
    }

    /// All records in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn records(&self) -> Result<Records> {
        self.records_with_prefix("")
    }

    /// The records whose names begin with `prefix`, in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn records_with_prefix(&self, prefix: &str) -> Result<Records> {
        let snapshot = self.used(&self.state())?.spread.here();
        Ok(Records::with_prefix(snapshot, prefix))
    }

    /// Wipes the keys, at once for every clone of this handle, and lets go of the records.
    ///
    /// Waits for look-ups in flight, which take microseconds. An edit in flight fails with
    /// [`Locked`](ErrorKind::Locked) before it begins to save; it, a refresh and a verification have keys of their own,
    /// wiped when they end, which is within the time that they would have needed anyway. The memory of the records,
    /// names and sealed secrets, is wiped when the last [`Record`] goes.
    pub fn lock(&self) {
        let mut state = self.state_mut();
        if let State::Unlocked(opened) = &*state {
            let seen = opened.snapshot.pin();
            *state = State::Locked(seen);
        }
    }

    /// Whether the vault is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(&*self.state(), State::Locked(_))
    }

    /// Unlocks a locked vault, for every clone of this handle. What it finds must not be older than what it
    /// held before. On an unlocked vault it checks the passphrase and reads the newest version.
    ///
    /// Blocks for the key derivation.
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; [`Conflict`](ErrorKind::Conflict) or [`Locked`](ErrorKind::Locked) if another thread
    /// changed or locked the vault meanwhile; [`Refused`](ErrorKind::Refused) from within an edit.
    pub fn unlock(&self, passphrase: impl Into<Passphrase>) -> Result<()> {
        if self.is_edited_here() {
            return Err(Error::new(
                ErrorKind::Refused,
                "the vault cannot be unlocked from within an edit of it",
            ));
        }
        self.unlock_with(&passphrase.into())
    }

    /// Picks up a newer version of the vault, if there is one. `true` if there was.
    ///
    /// # Errors
    /// * [`Locked`](ErrorKind::Locked).
    /// * [`Reopen`](ErrorKind::Reopen): an administrator changed or removed this passphrase; the vault goes on
    ///   answering from what it holds until it is opened again.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): what
    ///   stands there now cannot follow what this vault holds.
    /// * [`NotFound`](ErrorKind::NotFound), [`Damaged`](ErrorKind::Damaged) and what else keeps it from being read.
    pub fn refresh(&self) -> Result<bool> {
        self.reload_if_changed()
    }

    /// Reads the vault anew and opens every single secret in it.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`Damaged`](ErrorKind::Damaged) names the first record that does not open.
    pub fn verify(&self) -> Result<Verified> {
        let (opened, _) = self.reload()?;
        check_secrets(
            &opened.snapshot,
            &opened.keys,
            || {
                if self.is_locked() { Err(locked()) } else { Ok(()) }
            },
        )?;
        let records = opened.snapshot.offsets().len();
        Ok(Verified { records, generation: opened.snapshot.header.generation })
    }

    /// What could be better: an empty list is good news.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn advice(&self) -> Result<Vec<Advice>> {
        let state = self.state();
        let State::Unlocked(opened) = &*state else { return Err(locked()) };
        let snapshot = &opened.snapshot;
        let administrators =
            snapshot.header.slots.iter().filter(|slot| slot.role == Role::Administrator).count();
        Ok([
            snapshot.slot().and_then(|slot| Advice::on_kdf(slot.kdf)),
            (administrators < 2).then_some(Advice::NoSecondAdministrator),
            Advice::on_memory(opened.keys.protection()),
        ]
        .into_iter()
        .flatten()
        .chain(self.place().advice())
        .collect())
    }

    /// How well the operating system guards the keys.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked): there are no keys to guard.
    pub fn memory_protection(&self) -> Result<MemoryProtection> {
        match &*self.state() {
            State::Unlocked(opened) => Ok(opened.keys.protection()),
            State::Locked(_) => Err(locked()),
        }
    }

    /// How long the last unlocking took. `None` for a vault that was made and never opened.
    #[must_use]
    pub fn unlock_time(&self) -> Option<UnlockTime> {
        self.place().unlock_time()
    }

    /// What whoever opened the vault may do.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn role(&self) -> Result<Role> {
        Ok(self.snapshot()?.role())
    }

    /// The generation of the version in memory: it grows with every commit.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn generation(&self) -> Result<u64> {
        Ok(self.snapshot()?.header.generation)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("locked", &self.is_locked()).finish_non_exhaustive()
    }
}
