//! From a wish to a new version on the disk: lock, reload, plan, seal, replace, swap.

pub(super) mod edit;
pub(super) mod new_slot;
pub(super) mod next_revision;
pub(super) mod rekey;

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::commit::edit::Edit;
use crate::vault::commit::next_revision::{Administrator, NextRevision, Sealed, check_role};
use crate::vault::handle::Vault;
use crate::vault::handle::locked;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::snapshot::Snapshot;

/// How often a commit starts over when another writer was quicker.
const ATTEMPTS: u32 = 16;

impl Vault {
    /// Changes the vault: all that `edit` does is saved as one new version, or nothing is.
    ///
    /// Other writers are kept out for the time; what they changed since this vault was last read is there when
    /// `edit` runs. It may run more than once, if a storage without a lock finds that somebody was quicker, so
    /// it should have no effect outside. Look-ups in other threads go on meanwhile and see the old version or the
    /// new one. An edit that changes nothing saves nothing.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator): the vault was opened as a reader. `edit` is not run.
    /// * [`Locked`](ErrorKind::Locked): the vault is locked, or was before anything was saved.
    /// * What `edit` itself returns.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): a record, or the vault as a whole, exceeds a limit of the format.
    /// * [`Busy`](ErrorKind::Busy), [`Conflict`](ErrorKind::Conflict): other writers do not let this one through.
    /// * [`StorageFull`](ErrorKind::StorageFull), [`Io`](ErrorKind::Io): it could not be saved; nothing changed.
    /// * [`DurabilityUnknown`](ErrorKind::DurabilityUnknown): it was saved, here and on the disk, but the disk did
    ///   not confirm it.
    /// * [`Reopen`](ErrorKind::Reopen), [`RevisionRefused`](ErrorKind::RevisionRefused), [`Damaged`](ErrorKind::Damaged): as [`refresh`](Self::refresh).
    /// * [`Refused`](ErrorKind::Refused): an edit of the same vault from within an edit.
    pub fn edit<R>(&self, mut edit: impl FnMut(&mut Edit<'_>) -> Result<R>) -> Result<R> {
        let (_, result) = self.commit(
            |base| {
                let mut planned = Edit::new(self, Arc::clone(base));
                let result = edit(&mut planned)?;
                Ok((planned, result))
            },
            |(planned, _), opened, generation| seal_edit(planned, opened, generation),
        )?;
        Ok(result)
    }

    /// The newest version, for an administrator who begins with a key derivation: what is refused before that must not
    /// be refused because of how things stood when the vault was last read.
    pub(super) fn newest_to_change(&self) -> Result<Arc<Snapshot>> {
        self.mark_used();
        check_role(&*self.snapshot()?)?;
        self.reload_if_changed()?;
        let newest = self.snapshot()?;
        check_role(&newest)?; // another thread may have unlocked it as somebody else
        Ok(newest)
    }

    /// `plan` runs while look-ups and locking go on; `seal` while the keys are borrowed.
    pub(super) fn commit<P>(
        &self,
        mut plan: impl FnMut(&Arc<Snapshot>) -> Result<P>,
        mut seal: impl FnMut(&P, &Unlocked, u64) -> Result<Option<Sealed>>,
    ) -> Result<P> {
        self.mark_used();
        check_role(&*self.snapshot()?)?;
        let _turn = Turn::take(self)?;
        let mut attempt = 0;
        loop {
            match self.try_commit(&mut plan, &mut seal) {
                Err(error) if error.kind() == ErrorKind::Conflict && attempt < ATTEMPTS => {
                    attempt += 1;
                    thread::sleep(jitter(attempt)?);
                }
                result => return result,
            }
        }
    }

    fn try_commit<P>(
        &self,
        plan: &mut impl FnMut(&Arc<Snapshot>) -> Result<P>,
        seal: &mut impl FnMut(&P, &Unlocked, u64) -> Result<Option<Sealed>>,
    ) -> Result<P> {
        let pinned = self.pinned();
        let _exclusive = pinned.storage.exclusive()?;
        // The pin before the file, as always. The lock keeps other writers from moving either.
        let pin = pinned.read_pin();
        self.reload_if_changed()?;
        let base = self.snapshot()?;
        check_role(&base)?;
        let planned = plan(&base)?;
        let newest = base.header.generation.max(pin.generation());
        let generation = newest.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the vault has had as many generations as can be counted")
        })?;
        let sealed = seal(&planned, &self.with_own_keys(&base)?, generation)?;
        let Some(Sealed { snapshot, file, keys }) = sealed else { return Ok(planned) };

        if self.is_locked() {
            return Err(locked());
        }
        let saved = pinned.storage.replace(Some(&base.revision), &file);
        let remembered = match &saved {
            Ok(()) => {
                pinned.set_confirmed(true);
                pinned.remember(&snapshot.pin(), &pin)
            }
            // It is there, so it is what this vault holds; but it is no version to insist on.
            Err(error) if error.kind() == ErrorKind::DurabilityUnknown => {
                pinned.set_confirmed(false);
                false
            }
            Err(_) => return saved.map(|()| planned),
        };
        // What follows from an accepted version is accepted too, and so is a new signing key of our own, as long as the
        // pin still speaks of another.
        let rekeyed = snapshot.verification_key != base.verification_key;
        if !remembered && (rekeyed || pinned.accepted_if(&base.revision).is_some()) {
            pinned.accept(snapshot.revision);
        }
        self.advance(&base, snapshot, keys);
        saved.map(|()| planned)
    }
}

fn seal_edit(planned: &Edit<'_>, opened: &Unlocked, generation: u64) -> Result<Option<Sealed>> {
    if planned.is_empty() {
        return Ok(None);
    }
    let administrator = Administrator::of(opened)?;
    let base = &*opened.snapshot;
    let (runs, count) = planned.encode(&opened.keys)?;
    let next = NextRevision { runs, count, ..NextRevision::after(base, generation) };
    let (snapshot, file) = next.seal(&administrator)?;
    Ok(Some(Sealed { snapshot, file, keys: None }))
}

/// One edit at a time in one program; an edit within an edit is refused, for it would wait for ever.
struct Turn<'a> {
    vault: &'a Vault,
    _writing: std::sync::MutexGuard<'a, ()>,
}

impl<'a> Turn<'a> {
    fn take(vault: &'a Vault) -> Result<Self> {
        if vault.is_edited_here() {
            return Err(Error::new(
                ErrorKind::Refused,
                "the vault is being edited already, by this very edit",
            ));
        }
        // Nothing is left half done by a panic: what is planned is dropped with the closure that panicked.
        let writing = vault.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        *vault.shared.writer() = Some(thread::current().id());
        Ok(Self { vault, _writing: writing })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.vault.shared.writer() = None;
    }
}

/// Up to 10 ms at first, up to 160 ms at last: writers that collided should not collide again.
fn jitter(attempt: u32) -> Result<Duration> {
    let [random] = random::make::<1>()?;
    Ok(Duration::from_micros(u64::from(random) * 40 * u64::from(attempt)))
}
