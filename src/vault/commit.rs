//! Commits: take the turn and the lock, reload, plan the next revision, seal it, save it, install it.

pub(super) mod edit;
pub(super) mod new_slot;
pub(super) mod next_revision;
pub(super) mod rekey;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::commit::edit::Edit;
use crate::vault::commit::next_revision::{Administrator, NextRevision, Sealed, check_role};
use crate::vault::handle::Vault;
use crate::vault::handle::locked;
use crate::vault::turns;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::snapshot::Snapshot;

/// How often a commit starts again when another writer was faster.
const ATTEMPTS: u32 = 16;

impl Vault {
    /// Changes the vault: everything that `edit` does is saved as one new revision, or nothing is.
    ///
    /// Other writers wait until the edit is saved. `edit` sees what they saved before. It may run more than once, when a
    /// storage without a lock finds that another writer was faster, so it should have no effect outside. Look-ups in other
    /// threads continue meanwhile and see either the old revision or the new one. An edit that changes nothing saves
    /// nothing.
    ///
    /// A closure that fails with an error of the program's own needs [`try_edit`](Self::try_edit).
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator): the vault was opened as a reader. `edit` does not run.
    /// * [`Locked`](ErrorKind::Locked): the vault is locked, or was locked before anything was saved.
    /// * What `edit` itself returns.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): a record, or the vault as a whole, exceeds a limit of the format.
    /// * [`Busy`](ErrorKind::Busy), [`Conflict`](ErrorKind::Conflict): other writers do not let this one through. Busy also
    ///   ends an edit of a thread that the closure of another edit waits for, after ten seconds.
    /// * [`StorageFull`](ErrorKind::StorageFull), [`Io`](ErrorKind::Io): it could not be saved; nothing changed.
    /// * [`DurabilityUnknown`](ErrorKind::DurabilityUnknown): it was saved, here and on the disk, but the disk did
    ///   not confirm it.
    /// * [`Reopen`](ErrorKind::Reopen), [`RevisionRefused`](ErrorKind::RevisionRefused), [`Damaged`](ErrorKind::Damaged): as
    ///   for [`refresh`](Self::refresh).
    /// * [`Misuse`](ErrorKind::Misuse): an edit of the same vault inside an edit.
    pub fn edit<R>(&self, edit: impl FnMut(&mut Edit<'_>) -> Result<R>) -> Result<R> {
        self.try_edit(edit)
    }

    /// Changes the vault as [`edit`](Self::edit) does, with a closure that may fail with an error of the program's own.
    ///
    /// It is a method of its own because the compiler cannot infer the error of a closure that ends in `Ok(())`.
    ///
    /// ```
    /// # fn example(vault: &aumbry::Vault) -> Result<(), Box<dyn std::error::Error>> {
    /// vault.try_edit(|edit| -> Result<(), Box<dyn std::error::Error>> {
    ///     let record = edit.find("s3-uploads").ok_or("import the record first")?;
    ///     if record.attribute("region").is_none() {
    ///         let region = std::fs::read_to_string("region.txt")?;
    ///         let change = aumbry::RecordChange::new().attribute("region", Some(region.trim()));
    ///         edit.change("s3-uploads", &change)?;
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`edit`](Self::edit), converted; or what `edit` returns, unconverted.
    pub fn try_edit<R, E: From<Error>>(
        &self,
        mut edit: impl FnMut(&mut Edit<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        let mut failed = None;
        let committed = self.commit(
            |base| {
                failed = None;
                let mut planned = Edit::new(self, Arc::clone(base));
                match edit(&mut planned) {
                    Ok(result) => Ok((planned, result)),
                    Err(error) => {
                        failed = Some(error);
                        // If the handle was reloaded during the edit, that may be why it failed: it runs again.
                        self.held().unlocked_as(base)?;
                        Err(Error::new(ErrorKind::Refused, "the closure failed"))
                    }
                }
            },
            |(planned, _), opened, generation| seal_edit(planned, opened, generation),
        );
        match (committed, failed) {
            (Ok((_, result)), _) => Ok(result),
            (Err(_), Some(failed)) => Err(failed),
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Reads the newest revision, for changes that begin with a key derivation: what is checked before the derivation must
    /// be checked against the current state, not against the one that was last read.
    pub(super) fn newest_to_change(&self) -> Result<Arc<Snapshot>> {
        self.mark_used();
        check_role(&*self.snapshot()?)?;
        self.reload_if_changed()?;
        let newest = self.snapshot()?;
        check_role(&newest)?; // another thread may have unlocked it as another person
        Ok(newest)
    }

    /// Saves the next revision. Look-ups and `lock` are not blocked while `plan` runs; `seal` gets keys of its own.
    pub(super) fn commit<P>(
        &self,
        mut plan: impl FnMut(&Arc<Snapshot>) -> Result<P>,
        mut seal: impl FnMut(&P, &Unlocked, u64) -> Result<Option<Sealed>>,
    ) -> Result<P> {
        self.mark_used();
        check_role(&*self.snapshot()?)?;
        // A panic leaves nothing half done: the plan is dropped with the closure that panicked.
        let _turn = self.shared.turns.take(turns::PATIENCE)?;
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
        // The pin is always read before the file. The lock keeps other writers from changing either.
        let pin = pinned.read_pin();
        self.reload_if_changed()?;
        let base = self.snapshot()?;
        check_role(&base)?;
        let planned = plan(&base)?;
        let newest = base.header.generation.max(pin.generation());
        let generation = newest.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the generation counter has reached its maximum")
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
            // The revision is in the storage, so this handle holds it, but a power cut may still undo it: no pin is written.
            Err(error) if error.kind() == ErrorKind::DurabilityUnknown => {
                pinned.set_confirmed(false);
                false
            }
            Err(_) => return saved.map(|()| planned),
        };
        // The successor of an accepted revision is accepted too, and so is our own new signing key, as long as the pin
        // still names another one.
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

/// Returns a random delay, at most 10 ms for the first attempt and 160 ms for the last, so that writers that collided do not
/// collide again.
fn jitter(attempt: u32) -> Result<Duration> {
    let [random] = random::make::<1>()?;
    Ok(Duration::from_micros(u64::from(random) * 40 * u64::from(attempt)))
}
