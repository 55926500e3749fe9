//! What a handle holds: a version and its keys, or, when locked, what was seen last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Mismatch, RefusedRevision, Result};
use crate::memory::{Guarded, with_scrubbed_stack};
use crate::passphrase::Passphrase;
use crate::pin::{Found, Pin};
use crate::vault::Vault;
use crate::vault::auto_lock::IdleLock;
use crate::vault::open::slot_search::{Opened, load};
use crate::vault::pinned_storage::Place;
use crate::vault::sharded::{ManyReaders, Reading, Writing};
use crate::vault::spread::Spread;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

pub(super) struct Shared {
    place: Place,
    /// Of several locks, of which a look-up takes one: threads that look up side by side would else wait for one lock's
    /// count.
    state: ManyReaders<State>,
    /// Held during an edit, by `writer`.
    pub(super) writing: Mutex<()>,
    writer: Mutex<Option<ThreadId>>,
    /// Set by every look-up and edit, taken by the idle lock.
    used: AtomicBool,
    idle_lock: Mutex<Option<IdleLock>>,
}

pub(super) enum State {
    Unlocked(Opened),
    /// What was seen last, which a later `unlock` must follow.
    Locked(Pin),
}

/// What a handle held when something began that takes a while.
enum During<'a> {
    Refresh(&'a Arc<Snapshot>),
    /// Nothing, if it was locked.
    Unlock(Option<&'a Arc<Snapshot>>),
}

impl Shared {
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault {
    pub(super) fn unlocked(place: Place, opened: Opened) -> Result<Self> {
        let shared = Arc::new(Shared {
            place,
            state: ManyReaders::new(State::Unlocked(opened)),
            writing: Mutex::new(()),
            writer: Mutex::new(None),
            used: AtomicBool::new(true),
            idle_lock: Mutex::new(None),
        });
        if let Some(idle) = shared.place.options.lock_after {
            let lock = IdleLock::start(Arc::downgrade(&shared), idle)?;
            *shared.idle_lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        Ok(Self { shared })
    }

    pub(super) fn place(&self) -> &Place {
        &self.shared.place
    }

    pub(super) fn state(&self) -> Reading<'_, State> {
        self.shared.state.read()
    }

    pub(super) fn state_mut(&self) -> Writing<'_, State> {
        self.shared.state.write()
    }

    /// What is unlocked, for somebody who uses it: the idle lock begins to count anew.
    pub(super) fn used<'a>(&self, state: &'a State) -> Result<&'a Opened> {
        self.mark_used();
        state.opened()
    }

    pub(super) fn mark_used(&self) {
        // Read first: many threads that write one flag wait for each other.
        if !self.shared.used.load(Ordering::Relaxed) {
            self.shared.used.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>> {
        Ok(Arc::clone(&self.state().opened()?.snapshot))
    }

    /// Whether this very thread is editing the vault.
    pub(super) fn is_edited_here(&self) -> bool {
        *self.shared.writer() == Some(thread::current().id())
    }

    /// Opens one record of a snapshot that this vault holds.
    pub(super) fn open_record(&self, base: &Arc<Snapshot>, offset: u32) -> Result<Credentials> {
        open_record(self.state().opened_as(base)?, offset)
    }

    /// A version that this vault holds with keys of its own, for work that takes longer than a look-up: locking
    /// need not wait for it.
    pub(super) fn borrowed(&self, base: &Arc<Snapshot>) -> Result<Opened> {
        let secret_memory = self.place().secret_memory();
        let keys = Keys::clone_of(&self.state().opened_as(base)?.keys, &base.header.vault_id, secret_memory)?;
        Ok(Opened::new(Arc::clone(base), keys))
    }

    pub(super) fn unlock_with(&self, passphrase: &Passphrase) -> Result<()> {
        self.mark_used();
        // Held before anything is read: what another thread commits meanwhile is no rollback.
        let (held, snapshot) = match &*self.state() {
            State::Unlocked(opened) => (opened.snapshot.pin(), Some(Arc::clone(&opened.snapshot))),
            State::Locked(seen) => (seen.clone(), None),
        };
        let accepted = self.still_accepted(&held.signature);
        let held = Found::Pin(held);
        let opened = self.place().open_checked(passphrase, accepted, |found| held.allows(found, None))?;
        self.install(opened, &During::Unlock(snapshot.as_ref()))
    }

    /// The version that the user accepted, as long as that is what this handle holds: it was accepted once, not
    /// for whenever it is put back.
    pub(super) fn still_accepted(&self, held: &[u8; 64]) -> Option<[u8; 64]> {
        self.place().accepted().filter(|accepted| accepted == held)
    }

    /// Whether the pin `found`, read before the file was looked at, agrees with what this vault holds.
    pub(super) fn check_pin(&self, found: &Found, held: &Snapshot) -> Result<()> {
        found.allows(&held.pin(), self.still_accepted(&held.signature).as_ref())
    }

    pub(super) fn reload_if_changed(&self) -> Result<bool> {
        let held = self.snapshot()?;
        let pin = self.place().read_pin();
        match self.place().storage.version()? {
            // Nobody changed it, or somebody put this very version back.
            Some(version) if *version.signature() == held.signature => {
                self.check_pin(&pin, &held)?;
                Ok(false)
            }
            _ => {
                let (opened, held) = self.reload()?;
                self.place().remember(&opened.snapshot.pin(), &pin);
                self.install(opened, &During::Refresh(&held))?;
                Ok(true)
            }
        }
    }

    /// The version that is in the storage now, opened with the keys in memory; checked, not installed. And
    /// the version that it was checked against.
    pub(super) fn reload(&self) -> Result<(Opened, Arc<Snapshot>)> {
        const ATTEMPTS: u32 = 100;
        let place = self.place();
        for _ in 0..ATTEMPTS {
            let held = self.snapshot()?;
            let pin = place.read_pin();
            let loaded = load(&*place.storage)?;
            let mut keys = Guarded::<Keys>::new(place.secret_memory())?;
            match &*self.state() {
                State::Unlocked(now) if Arc::ptr_eq(&now.snapshot, &held) => keys.set_kek(now.keys.kek()),
                // Another thread went on meanwhile; what was loaded may be older than that.
                State::Unlocked(_) => continue,
                State::Locked(_) => return Err(locked()),
            }
            if loaded.vault_id() != &held.header.vault_id {
                let message = format!(
                    "another vault stands where this one was, which was generation {}",
                    held.header.generation
                );
                return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::VaultChanged), message)
                    .with_refused_revision(RefusedRevision {
                        revision: loaded.signature(),
                        generation: loaded.generation(),
                        changed: None,
                        seen: Some(held.pin().seen()),
                    }));
            }
            let opened = loaded.open_with_kek(keys, held.own_id())?;
            let found = opened.snapshot.pin();
            Found::Pin(held.pin()).allows(&found, None)?;
            pin.allows(&found, self.still_accepted(&held.signature).as_ref())?;
            return Ok((opened, held));
        }
        Err(Error::new(ErrorKind::Conflict, "the vault is changed faster than it can be read"))
    }

    /// Swaps in a version that was opened while the handle was as `during` says. If another thread got further
    /// meanwhile, what it did stands.
    fn install(&self, opened: Opened, during: &During<'_>) -> Result<()> {
        let conflict = || {
            let message = "the vault was changed while it was being unlocked: try again";
            Err(Error::new(ErrorKind::Conflict, message))
        };
        let mut state = self.state_mut();
        match (&*state, during) {
            (State::Unlocked(now), During::Refresh(held) | During::Unlock(Some(held)))
                if Arc::ptr_eq(&now.snapshot, held) => {}
            (State::Unlocked(now), _) => {
                let newer = now.snapshot.header.generation >= opened.snapshot.header.generation;
                let same_person = now.snapshot.own_id() == opened.snapshot.own_id();
                match during {
                    During::Refresh(_) if newer || !same_person => return Ok(()),
                    During::Unlock(_) if newer && same_person => return Ok(()),
                    During::Unlock(_) if newer => return conflict(),
                    During::Refresh(_) | During::Unlock(_) => {}
                }
            }
            (State::Locked(seen), During::Unlock(None)) => {
                if seen.allows(&opened.snapshot.pin()).is_err() {
                    return conflict();
                }
            }
            // Locked while this was read: then it stays so.
            (State::Locked(_), _) => return Err(locked()),
        }
        self.mark_used();
        *state = State::Unlocked(opened);
        Ok(())
    }

    /// Swaps in a version that was made from `base` and saved, with its keys where they are new ones.
    pub(super) fn advance(&self, base: &Arc<Snapshot>, snapshot: Snapshot, keys: Option<Guarded<Keys>>) {
        {
            let mut state = self.state_mut();
            match &mut *state {
                State::Locked(seen) => {
                    if seen.generation < snapshot.header.generation {
                        *seen = snapshot.pin();
                    }
                    return;
                }
                State::Unlocked(opened) if Arc::ptr_eq(&opened.snapshot, base) => {
                    opened.snapshot = Arc::new(snapshot);
                    opened.spread = Spread::new(&opened.snapshot);
                    if let Some(keys) = keys {
                        opened.keys = keys;
                    }
                    return;
                }
                // Unlocked anew meanwhile, perhaps as somebody else: these keys do not belong to this version.
                State::Unlocked(_) => {}
            }
        }
        // What was saved is in the storage; if it cannot be read now, the next refresh says why.
        let _ = self.reload_if_changed();
    }
}

impl State {
    pub(super) fn opened(&self) -> Result<&Opened> {
        match self {
            Self::Unlocked(opened) => Ok(opened),
            Self::Locked(_) => Err(locked()),
        }
    }

    /// What is unlocked, if it is still this version.
    fn opened_as(&self, base: &Arc<Snapshot>) -> Result<&Opened> {
        let opened = self.opened()?;
        if Arc::ptr_eq(&opened.snapshot, base) {
            return Ok(opened);
        }
        Err(Error::new(ErrorKind::Conflict, "the vault was reloaded during the edit"))
    }
}

/// A look-up's worth of work.
pub(super) fn open_record(opened: &Opened, offset: u32) -> Result<Credentials> {
    with_scrubbed_stack(|| {
        let snapshot = &opened.snapshot;
        snapshot.open_record(&snapshot.record(offset), opened.keys.record_keys())
    })
}

/// Opens every secret, and says which is the first that does not open. `go_on` is asked before each.
pub(super) fn check_secrets(snapshot: &Snapshot, keys: &Keys, go_on: impl Fn() -> Result<()>) -> Result<()> {
    snapshot.offsets().iter().try_for_each(|offset| {
        go_on()?;
        with_scrubbed_stack(|| {
            snapshot.record(*offset).open_secret(&snapshot.header.vault_id, keys.record_keys()).map(drop)
        })
    })
}

pub(super) fn locked() -> Error {
    Error::new(ErrorKind::Locked, "the vault is locked: unlock it with the passphrase")
}
