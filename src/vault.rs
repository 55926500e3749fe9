//! The vault: open it, look records up, change them, lock it.
//!
//! A [`Vault`] is a cheap handle. Behind it stands an immutable snapshot of one version of the vault and,
//! while it is unlocked, the keys in a guarded page. Look-ups read the snapshot; an edit makes the next one and
//! swaps it in.

mod advice;
mod commit;
mod creation;
mod edit;
mod idle;
mod index;
mod keys;
mod opening;
mod options;
mod passphrase;
mod people;
mod pin;
mod recovery;
mod snapshot;
mod version;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::credentials::{Credentials, is_reserved_name};
use crate::error::{Error, ErrorKind, Result};
use crate::format::slot::Role;
use crate::memory::{Guarded, MemoryProtection, with_scrubbed_stack};
use crate::storage::{StateFile, Storage, Version};
use idle::IdleLock;
use keys::Keys;
use opening::{Loaded, Opened, load};
use pin::{Found, Pin};
use snapshot::Snapshot;

pub use advice::Advice;
pub use edit::Edit;
pub use options::{CreateOptions, OpenOptions};
pub use passphrase::Passphrase;
pub use recovery::RecoveryCode;
pub use snapshot::{Entries, Entry};

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

struct Shared {
    place: Place,
    state: RwLock<State>,
    /// Held during an edit, by `writer`.
    writing: Mutex<()>,
    writer: Mutex<Option<ThreadId>>,
    /// The highest generation this handle has held, also if an older version was accepted since.
    highest: AtomicU64,
    /// Set by every look-up, taken by the idle lock.
    used: AtomicBool,
    idle_lock: Mutex<Option<IdleLock>>,
}

enum State {
    Unlocked(Opened),
    /// What was seen last, which a later `unlock` must follow.
    Locked(Pin),
}

/// Where a vault stands, and what this machine remembers of it.
struct Place {
    storage: Box<dyn Storage>,
    options: OpenOptions,
    pin: Option<StateFile>,
    pin_trouble: Mutex<Option<String>>,
    unlock_time: Mutex<Option<UnlockTime>>,
}

/// How long it took to unlock a vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnlockTime {
    /// Deriving keys from the passphrase with Argon2id; in a vault of several people it may take several runs.
    pub kdf: Duration,
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
    /// worker thread.
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
    pub fn find(&self, name: &str) -> Result<Option<Entry>> {
        let state = self.state();
        let snapshot = &self.use_unlocked(&state)?.snapshot;
        let offset = snapshot.find(name).filter(|_| !is_reserved_name(name));
        Ok(offset.map(|offset| Entry::new(Arc::clone(snapshot), offset)))
    }

    /// The record of this name with its secret, which is opened for this call. `None` if there is none.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked); [`Damaged`](ErrorKind::Damaged) if this record's secret was altered.
    pub fn get_credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let state = self.state();
        let opened = self.use_unlocked(&state)?;
        match opened.snapshot.find(name) {
            Some(offset) if !is_reserved_name(name) => open_record(opened, offset).map(Some),
            _ => Ok(None),
        }
    }

    /// All records in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn entries(&self) -> Result<Entries> {
        self.entries_with_prefix("")
    }

    /// The records whose names begin with `prefix`, in name order, without their secrets.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn entries_with_prefix(&self, prefix: &str) -> Result<Entries> {
        Ok(Entries::with_prefix(self.snapshot()?, prefix))
    }

    /// Wipes the keys, at once for every clone of this handle, and lets go of the records.
    ///
    /// Waits for look-ups in flight (microseconds) and for an edit that is sealing its version at this moment; an edit
    /// that has not begun to save then fails with [`Locked`](ErrorKind::Locked). The memory of the records, names and
    /// sealed secrets, is wiped when the last [`Entry`] goes.
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
    /// As [`OpenOptions::open`].
    pub fn unlock(&self, passphrase: impl Into<Passphrase>) -> Result<()> {
        // Held before anything is read: what another thread commits meanwhile is no rollback.
        let (held, snapshot) = match &*self.state() {
            State::Unlocked(opened) => (opened.snapshot.pin(), Some(Arc::clone(&opened.snapshot))),
            State::Locked(seen) => (seen.clone(), None),
        };
        let opened = self.place().open_checked(&passphrase.into(), |found| self.may_follow(held, found))?;
        self.install(opened, snapshot.as_ref());
        self.shared.used.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Picks up a newer version of the vault, if there is one. `true` if there was.
    ///
    /// # Errors
    /// * [`Locked`](ErrorKind::Locked).
    /// * [`Reopen`](ErrorKind::Reopen): an administrator changed or removed this passphrase; the vault goes on
    ///   answering from what it holds until it is opened again.
    /// * [`Rollback`](ErrorKind::Rollback), [`Fork`](ErrorKind::Fork), [`VaultChanged`](ErrorKind::VaultChanged): what
    ///   stands there now cannot follow what this vault holds.
    /// * [`NotFound`](ErrorKind::NotFound), [`Damaged`](ErrorKind::Damaged) and what else keeps it from being read.
    pub fn refresh(&self) -> Result<bool> {
        self.use_unlocked(&self.state())?;
        self.reload_if_changed()
    }

    /// Reads the vault anew and opens every single secret in it.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`Damaged`](ErrorKind::Damaged) names the first record that does not open.
    pub fn verify(&self) -> Result<Verified> {
        let (opened, _) = self.reload()?;
        for offset in opened.snapshot.offsets() {
            open_record(&opened, *offset)?;
        }
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
        let pin_trouble = self.place().pin_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok([
            snapshot.slot().and_then(|slot| Advice::on_kdf(slot.kdf)),
            (administrators < 2).then_some(Advice::NoSecondAdministrator),
            Advice::on_memory(opened.keys.protection()),
            pin_trouble.map(Advice::PinNotWritten),
        ]
        .into_iter()
        .flatten()
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
        *self.place().unlock_time.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What the parts of this module share.
impl Vault {
    fn unlocked(place: Place, opened: Opened) -> Result<Self> {
        let highest = AtomicU64::new(opened.snapshot.header.generation);
        let shared = Shared {
            place,
            highest,
            state: RwLock::new(State::Unlocked(opened)),
            writing: Mutex::new(()),
            writer: Mutex::new(None),
            used: AtomicBool::new(true),
            idle_lock: Mutex::new(None),
        };
        let shared = Arc::new(shared);
        if let Some(idle) = shared.place.options.lock_after {
            let lock = IdleLock::start(Arc::downgrade(&shared), idle)?;
            *shared.idle_lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        Ok(Self { shared })
    }

    fn place(&self) -> &Place {
        &self.shared.place
    }

    // A state is replaced whole, so a panic elsewhere cannot have left half of one.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.shared.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.shared.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn use_unlocked<'a>(&self, state: &'a State) -> Result<&'a Opened> {
        // Read first: many threads that write one flag wait for each other.
        if !self.shared.used.load(Ordering::Relaxed) {
            self.shared.used.store(true, Ordering::Relaxed);
        }
        match state {
            State::Unlocked(opened) => Ok(opened),
            State::Locked(_) => Err(locked()),
        }
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>> {
        Ok(Arc::clone(&self.use_unlocked(&self.state())?.snapshot))
    }

    /// Opens one record of a snapshot that this vault holds.
    fn open_record(&self, base: &Arc<Snapshot>, offset: u32) -> Result<Credentials> {
        match &*self.state() {
            State::Unlocked(opened) if Arc::ptr_eq(&opened.snapshot, base) => open_record(opened, offset),
            State::Unlocked(_) => {
                Err(Error::new(ErrorKind::Conflict, "the vault was reloaded during the edit"))
            }
            State::Locked(_) => Err(locked()),
        }
    }

    /// Whether `found` may follow what this handle held before `found` was read.
    fn may_follow(&self, held: Pin, found: &Pin) -> Result<()> {
        Found::Pin(held).allows(found, self.place().options.accepted.as_ref())
    }

    fn reload_if_changed(&self) -> Result<bool> {
        let signature = self.snapshot()?.signature;
        match self.place().storage.version()? {
            Some(version) if *version.signature() == signature => Ok(false),
            _ => {
                let (opened, held) = self.reload()?;
                self.place().remember(&opened.snapshot.pin());
                if !self.install(opened, Some(&held)) && self.is_locked() {
                    return Err(locked());
                }
                Ok(true)
            }
        }
    }

    /// The version that is in the storage now, opened with the keys in memory; checked, not installed. And
    /// the version that it was checked against.
    fn reload(&self) -> Result<(Opened, Arc<Snapshot>)> {
        const ATTEMPTS: u32 = 100;
        let place = self.place();
        for _ in 0..ATTEMPTS {
            let held = self.snapshot()?;
            let pin = pin::read(place.pin.as_ref());
            let loaded = load(&*place.storage)?;
            let opened = {
                let state = self.state();
                let State::Unlocked(now) = &*state else { return Err(locked()) };
                if !Arc::ptr_eq(&now.snapshot, &held) {
                    continue; // another thread went on meanwhile; what was loaded may be older than that
                }
                if loaded.vault_id() != &held.header.vault_id {
                    let message = "another vault stands where this one was";
                    return Err(
                        Error::new(ErrorKind::VaultChanged, message).with_signature(loaded.signature())
                    );
                }
                let own = held.slot().map_or([0; 16], |slot| slot.id);
                loaded.open_with_keys(&now.keys, own, place.secret_memory())?
            };
            let found = opened.snapshot.pin();
            self.may_follow(held.pin(), &found)?;
            pin.allows(&found, place.options.accepted.as_ref())?;
            return Ok((opened, held));
        }
        Err(Error::new(ErrorKind::Conflict, "the vault is changed faster than it can be read"))
    }

    /// Swaps in a version that was opened while the handle held `held` (nothing, if it was locked), unless
    /// another thread got further meanwhile. `false` if it did.
    fn install(&self, opened: Opened, held: Option<&Arc<Snapshot>>) -> bool {
        let mut state = self.state_mut();
        let unchanged = match (&*state, held) {
            (State::Unlocked(now), Some(held)) => Arc::ptr_eq(&now.snapshot, held),
            (State::Locked(_), None) => true,
            (State::Locked(_), Some(_)) => return false,
            (State::Unlocked(_), None) => false,
        };
        if let State::Unlocked(now) = &*state
            && !unchanged
            && now.snapshot.header.generation >= opened.snapshot.header.generation
        {
            return false;
        }
        self.shared.highest.fetch_max(opened.snapshot.header.generation, Ordering::Relaxed);
        *state = State::Unlocked(opened);
        true
    }

    /// Swaps in a version that was saved.
    fn advance(&self, snapshot: Snapshot, keys: Option<Guarded<Keys>>) {
        self.shared.highest.fetch_max(snapshot.header.generation, Ordering::Relaxed);
        let mut state = self.state_mut();
        match &mut *state {
            State::Locked(seen) => *seen = snapshot.pin(),
            State::Unlocked(opened) if opened.snapshot.header.generation >= snapshot.header.generation => {}
            State::Unlocked(opened) => {
                opened.snapshot = Arc::new(snapshot);
                if let Some(keys) = keys {
                    opened.keys = keys;
                }
            }
        }
    }
}

impl Shared {
    fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}

impl Place {
    fn new(storage: Box<dyn Storage>, options: OpenOptions) -> Result<Self> {
        let location = if options.without_pin { None } else { storage.location()? };
        let pin = location.and_then(|location| pin::state_file(options.state_folder.as_deref(), &location));
        Ok(Self { storage, options, pin, pin_trouble: Mutex::new(None), unlock_time: Mutex::new(None) })
    }

    fn secret_memory(&self) -> bool {
        !self.options.allow_hibernation
    }

    fn open(self, passphrase: &Passphrase) -> Result<Vault> {
        let opened = self.open_checked(passphrase, |_| Ok(()))?;
        Vault::unlocked(self, opened)
    }

    fn open_checked(
        &self,
        passphrase: &Passphrase,
        may_follow: impl FnOnce(&Pin) -> Result<()>,
    ) -> Result<Opened> {
        let start = Instant::now();
        // The pin before the file: read after it, a commit in between would look like a rollback.
        let pin = pin::read(self.pin.as_ref());
        let loaded: Loaded = load(&*self.storage)?;
        let (opened, kdf) = loaded.open_with_passphrase(passphrase, &pin, self.secret_memory())?;
        let found = opened.snapshot.pin();
        may_follow(&found)?;
        pin.allows(&found, self.options.accepted.as_ref())?;
        self.remember(&found);
        *self.unlock_time.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(UnlockTime { kdf, whole: start.elapsed() });
        Ok(opened)
    }

    /// Remembers a version that is known to be durable. Failing is a matter of advice, not of errors.
    fn remember(&self, pin: &Pin) {
        let Some(file) = &self.pin else { return };
        let trouble = pin::remember(file, pin)
            .err()
            .map(|error| format!("{} cannot be written ({error})", file.path().display()));
        *self.pin_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// A look-up's worth of work.
fn open_record(opened: &Opened, offset: u32) -> Result<Credentials> {
    with_scrubbed_stack(|| {
        let snapshot = &opened.snapshot;
        snapshot.open_record(&snapshot.record(offset), opened.keys.record_keys())
    })
}

fn locked() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked: unlock it with the passphrase")
}

impl Version {
    fn of_signature(signature: [u8; 64]) -> Self {
        Self::of(&signature)
    }
}
