//! The handle: the state that all clones of a [`Vault`] share, and access to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLockReadGuard};
use std::thread;
use std::time::Duration;

use crate::crypto::kdf::KdfParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::format::slot::Role;
use crate::id::SlotId;
use crate::memory::KeyPages;
use crate::pin::Pin;
use crate::vault::auto_lock::AutoLock;
use crate::vault::pinned_storage::PinnedStorage;
use crate::vault::sharded::{Sharded, Writing};
use crate::vault::turns::Turns;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// A vault of credential records, unlocked.
///
/// It is a handle: clones are cheap, can be sent to other threads, and all see the same vault. Dropping the last one wipes
/// the keys.
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
    pub(super) shared: Arc<Shared>,
}

/// What all clones of a handle share.
pub(super) struct Shared {
    pinned: PinnedStorage,
    settings: Settings,
    held: Sharded<Held>,
    pub(super) turns: Turns,
    /// Set by every look-up and edit, taken by the auto-lock thread.
    used: AtomicBool,
    unlock_time: Mutex<Option<UnlockTime>>,
    auto_lock: Mutex<Option<AutoLock>>,
}

/// What a handle holds.
pub(super) enum Held {
    Unlocked(Unlocked),
    /// The last revision that it held. A later `unlock` must not find an older one.
    Locked(Pin),
}

/// How a handle unlocks and writes, without the place it writes to.
#[derive(Clone, Default, Debug)]
pub(super) struct Settings {
    pub(super) lock_after: Option<Duration>,
    pub(super) pages: KeyPages,
    /// If set, only slots of this role may open the vault.
    pub(super) role: Option<Role>,
    /// If set, only this slot may open the vault.
    pub(super) slot: Option<SlotId>,
    pub(super) kdf: Option<KdfParameters>,
    pub(super) below_floor: bool,
}

impl Settings {
    /// Returns the KDF parameters of new slots.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] below the writer's floor.
    pub(super) fn new_kdf(&self) -> Result<KdfParameters> {
        check_floor(self.kdf.unwrap_or_default(), self.below_floor)
    }
}

/// # Errors
/// [`ErrorKind::Refused`] for parameters below the writer's floor, unless `below_floor` permits them.
pub(super) fn check_floor(kdf: KdfParameters, below_floor: bool) -> Result<KdfParameters> {
    if kdf.is_above_floor() || below_floor {
        return Ok(kdf);
    }
    let message = "the Argon2id parameters are too weak: memory must be at least 19 MiB, and memory times passes at \
                   least 38 MiB";
    Err(Error::new(ErrorKind::Refused, message))
}

/// How long it took to unlock a vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnlockTime {
    /// Deriving keys from the passphrase with Argon2id. A vault of several people may need several runs.
    pub kdf: Duration,
    /// Verifying the signature and decrypting the file. Reading and hashing the file runs in parallel with the
    /// key derivation.
    pub payload: Duration,
    /// Checking every record and building the index of their names.
    pub records: Duration,
    /// The whole time, from reading the pin to writing it.
    pub whole: Duration,
}

impl Shared {
    fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}

impl Vault {
    /// Makes the handle of a vault that was opened or created.
    pub(super) fn new(
        pinned: PinnedStorage,
        settings: Settings,
        unlocked: Unlocked,
        time: Option<UnlockTime>,
    ) -> Result<Self> {
        let lock_after = settings.lock_after;
        let shared = Arc::new(Shared {
            pinned,
            settings,
            held: Sharded::new(|| Held::Unlocked(unlocked.for_shard())),
            turns: Turns::default(),
            used: AtomicBool::new(true),
            unlock_time: Mutex::new(time),
            auto_lock: Mutex::new(None),
        });
        // Must happen before any thread can lock the vault, because from then on `lock` must drop the last keys.
        drop(unlocked);
        if let Some(idle) = lock_after {
            // Weak, because a thread must not keep the keys of a vault that the program has dropped.
            let (weak, weak_to_lock) = (Arc::downgrade(&shared), Arc::downgrade(&shared));
            let lock = AutoLock::start(
                idle,
                move || weak.upgrade().map(|shared| shared.take_used()),
                move || {
                    if let Some(shared) = weak_to_lock.upgrade() {
                        Self { shared }.lock();
                    }
                },
            )?;
            *shared.auto_lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        Ok(Self { shared })
    }

    /// Wipes the keys at once, for every clone of this handle, and releases the records.
    ///
    /// Waits for look-ups in progress, which take microseconds. An edit in progress fails with
    /// [`Locked`](ErrorKind::Locked) before it begins to save. Edits, refreshes and verifications have keys of their own,
    /// which are wiped when they end. The memory of the records, their names and sealed secrets, is wiped when the last
    /// [`Record`](crate::Record) is dropped.
    pub fn lock(&self) {
        let mut held = self.held_mut();
        if let Held::Unlocked(unlocked) = held.get() {
            let seen = unlocked.snapshot.pin();
            held.set(|| Held::Locked(seen.clone()));
        }
    }

    /// Returns whether the vault is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(&*self.held(), Held::Locked(_))
    }

    pub(super) fn pinned(&self) -> &PinnedStorage {
        &self.shared.pinned
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn pages(&self) -> KeyPages {
        self.shared.settings.pages
    }

    pub(super) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.shared.held.read()
    }

    pub(super) fn held_mut(&self) -> Writing<'_, Held> {
        self.shared.held.write()
    }

    pub(super) fn unlock_time_mut(&self) -> MutexGuard<'_, Option<UnlockTime>> {
        self.shared.unlock_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts the idle time of the auto-lock thread.
    pub(super) fn mark_used(&self) {
        // Reads first, because many threads that write one flag wait for each other's cache line.
        if !self.shared.used.load(Ordering::Relaxed) {
            self.shared.used.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        Ok(Arc::clone(&self.held().unlocked()?.snapshot))
    }

    /// Returns whether this thread is editing the vault.
    pub(super) fn is_edited_here(&self) -> bool {
        self.shared.turns.is_editing(thread::current().id())
    }

    /// Returns a revision that this vault holds, with keys of its own, for work that takes longer than a look-up: locking
    /// does not have to wait for it.
    pub(super) fn with_own_keys(&self, base: &Arc<Snapshot>) -> Result<Unlocked> {
        let keys = Keys::clone_of(&self.held().unlocked_as(base)?.keys, &base.header.vault_id, self.pages())?;
        Ok(Unlocked::new(Arc::clone(base), keys))
    }
}

impl Held {
    pub(super) fn unlocked(&self) -> Result<&Unlocked> {
        match self {
            Self::Unlocked(unlocked) => Ok(unlocked),
            Self::Locked(_) => Err(locked()),
        }
    }

    /// Returns what is unlocked, if it is still this revision.
    pub(super) fn unlocked_as(&self, base: &Arc<Snapshot>) -> Result<&Unlocked> {
        let unlocked = self.unlocked()?;
        if Arc::ptr_eq(&unlocked.snapshot, base) {
            return Ok(unlocked);
        }
        Err(Error::new(ErrorKind::Conflict, "another thread reloaded the vault during the edit"))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("locked", &self.is_locked()).finish_non_exhaustive()
    }
}

pub(super) fn locked() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked: unlock it with the passphrase")
}
