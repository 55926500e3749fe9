//! Keeping a handle at the newest revision: unlock it again, refresh it, verify it.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Mismatch, RefusedRevision, Result};
use crate::memory::Guarded;
use crate::passphrase::Passphrase;
use crate::pin::StoredPin;
use crate::vault::handle::{Held, Vault, locked};
use crate::vault::open::load::load;
use crate::vault::open::open_checked;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// What [`Vault::verify`] checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The number of records whose secrets opened.
    pub records: usize,
    /// The generation of the revision that was read.
    pub generation: u64,
}

/// What a handle held when a slow operation began.
enum Before<'a> {
    Refresh(&'a Arc<Snapshot>),
    /// `None` if it was locked.
    Unlock(Option<&'a Arc<Snapshot>>),
}

impl Vault {
    /// Unlocks a locked vault, for every clone of this handle. The file must not be older than what the handle held before.
    /// On an unlocked vault this checks the passphrase and reads the newest revision.
    ///
    /// Blocks for the key derivation.
    ///
    /// # Errors
    /// As [`OpenOptions::open`](crate::OpenOptions::open); [`Conflict`](ErrorKind::Conflict) or
    /// [`Locked`](ErrorKind::Locked) if another thread changed or locked the vault meanwhile;
    /// [`Misuse`](ErrorKind::Misuse) from within an edit.
    pub fn unlock(&self, passphrase: impl Into<Passphrase>) -> Result<()> {
        if self.is_edited_here() {
            return Err(Error::new(
                ErrorKind::Misuse,
                "could not unlock the vault: this thread is editing it",
            ));
        }
        self.unlock_with(&passphrase.into())
    }

    /// Reads a newer revision of the vault, if there is one. Returns whether there was one.
    ///
    /// # Errors
    /// * [`Locked`](ErrorKind::Locked).
    /// * [`Reopen`](ErrorKind::Reopen): an administrator changed or removed this passphrase. The vault continues to answer
    ///   from what it holds until it is opened again.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): the file does not follow the revision that this vault holds.
    /// * [`NotFound`](ErrorKind::NotFound), [`Damaged`](ErrorKind::Damaged), or another error of reading the vault.
    pub fn refresh(&self) -> Result<bool> {
        self.reload_if_changed()
    }

    /// Reads the vault again and opens every secret in it.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`Damaged`](ErrorKind::Damaged) names the first record that does not open.
    pub fn verify(&self) -> Result<Verified> {
        let (unlocked, _) = self.reload()?;
        unlocked.check_secrets(|| if self.is_locked() { Err(locked()) } else { Ok(()) })?;
        let records = unlocked.snapshot.offsets().len();
        Ok(Verified { records, generation: unlocked.snapshot.header.generation })
    }

    fn unlock_with(&self, passphrase: &Passphrase) -> Result<()> {
        self.mark_used();
        // Taken before anything is read: otherwise a commit of another thread meanwhile would look like a rollback.
        let (seen, snapshot) = match &*self.held() {
            Held::Unlocked(unlocked) => (unlocked.snapshot.pin(), Some(Arc::clone(&unlocked.snapshot))),
            Held::Locked(seen) => (seen.clone(), None),
        };
        let accepted = self.pinned().accepted_if(&seen.revision);
        let seen = StoredPin::Present(seen);
        let (unlocked, time) = open_checked(self.pinned(), self.settings(), passphrase, accepted, |found| {
            seen.allows(found, None)
        })?;
        *self.unlock_time_mut() = Some(time);
        self.install(unlocked, &Before::Unlock(snapshot.as_ref()))
    }

    pub(super) fn reload_if_changed(&self) -> Result<bool> {
        let held = self.snapshot()?;
        let pinned = self.pinned();
        let pin = pinned.read_pin();
        match pinned.storage.revision()? {
            // The file is unchanged, or another program put this revision back.
            Some(revision) if revision == held.revision => {
                pin.allows(&held.pin(), pinned.accepted_if(&held.revision).as_ref())?;
                Ok(false)
            }
            _ => {
                let (unlocked, held) = self.reload()?;
                pinned.remember(&unlocked.snapshot.pin(), &pin);
                self.install(unlocked, &Before::Refresh(&held))?;
                Ok(true)
            }
        }
    }

    /// Opens the current revision of the storage with the keys in memory and checks it, but does not install it. Returns it
    /// and the revision that it was checked against.
    fn reload(&self) -> Result<(Unlocked, Arc<Snapshot>)> {
        const ATTEMPTS: u32 = 100;
        let pinned = self.pinned();
        for _ in 0..ATTEMPTS {
            let held = self.snapshot()?;
            let pin = pinned.read_pin();
            let loaded = load(&*pinned.storage)?;
            let mut keys = Guarded::<Keys>::new(self.pages())?;
            match &*self.held() {
                Held::Unlocked(now) if Arc::ptr_eq(&now.snapshot, &held) => keys.set_kek(now.keys.kek()),
                // Another thread has installed a newer revision. What was loaded may be older than that.
                Held::Unlocked(_) => continue,
                Held::Locked(_) => return Err(locked()),
            }
            if loaded.vault_id() != &held.header.vault_id {
                let message = format!(
                    "another vault replaced this one, which had generation {}",
                    held.header.generation
                );
                return Err(Error::new(ErrorKind::RevisionRefused(Mismatch::VaultChanged), message)
                    .with_refused_revision(RefusedRevision {
                        revision: loaded.revision(),
                        generation: loaded.generation(),
                        changed: None,
                        seen: Some(held.pin().seen()),
                    }));
            }
            let unlocked = loaded.open_with_kek(keys, held.own_id())?;
            let found = unlocked.snapshot.pin();
            StoredPin::Present(held.pin()).allows(&found, None)?;
            pin.allows(&found, pinned.accepted_if(&held.revision).as_ref())?;
            return Ok((unlocked, held));
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "could not read the vault: other programs change it faster than it can be read",
        ))
    }

    /// Installs a revision whose opening began when the handle held `before`. If another thread has installed a newer one
    /// meanwhile, the newer one stays.
    fn install(&self, unlocked: Unlocked, before: &Before<'_>) -> Result<()> {
        let conflict = || {
            let message = "another thread changed the vault while it was being unlocked: try again";
            Err(Error::new(ErrorKind::Conflict, message))
        };
        let mut held = self.held_mut();
        match (held.get(), before) {
            (Held::Unlocked(now), Before::Refresh(base) | Before::Unlock(Some(base)))
                if Arc::ptr_eq(&now.snapshot, base) => {}
            (Held::Unlocked(now), _) => {
                let newer = now.snapshot.header.generation >= unlocked.snapshot.header.generation;
                let same_person = now.snapshot.own_id() == unlocked.snapshot.own_id();
                match before {
                    Before::Refresh(_) if newer || !same_person => return Ok(()),
                    Before::Unlock(_) if newer && same_person => return Ok(()),
                    Before::Unlock(_) if newer => return conflict(),
                    Before::Refresh(_) | Before::Unlock(_) => {}
                }
            }
            (Held::Locked(seen), Before::Unlock(None)) => {
                if seen.allows(&unlocked.snapshot.pin()).is_err() {
                    return conflict();
                }
            }
            // Another thread locked the vault while this was read: it stays locked.
            (Held::Locked(_), _) => return Err(locked()),
        }
        self.mark_used();
        held.set(|| Held::Unlocked(unlocked.for_shard()));
        // Must happen before the lock is released, because from then on `lock` must drop the last keys.
        drop(unlocked);
        Ok(())
    }

    /// Installs a revision that was made from `base` and saved, with its keys if they are new.
    pub(super) fn advance(&self, base: &Arc<Snapshot>, snapshot: Snapshot, keys: Option<Guarded<Keys>>) {
        {
            let mut held = self.held_mut();
            match held.get() {
                Held::Locked(seen) => {
                    if seen.generation < snapshot.header.generation {
                        held.set(|| Held::Locked(snapshot.pin()));
                    }
                    return;
                }
                Held::Unlocked(now) if Arc::ptr_eq(&now.snapshot, base) => {
                    let keys = keys.map_or_else(|| Arc::clone(&now.keys), Arc::new);
                    let unlocked = Unlocked::with_shared_keys(Arc::new(snapshot), keys);
                    held.set(|| Held::Unlocked(unlocked.for_shard()));
                    return;
                }
                // Another thread has unlocked it meanwhile, perhaps as another person: these keys do not belong to that
                // revision.
                Held::Unlocked(_) => {}
            }
        }
        // The revision is saved in the storage. If it cannot be read now, the next refresh returns the error.
        let _ = self.reload_if_changed();
    }
}
