//! The storage of a vault together with its pin: the note of this machine about the revision that it last saw there.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::id::Revision;
use crate::pin::{self, Pin, StoredPin};
use crate::storage::{StateFile, Storage};

/// How this machine remembers a vault.
#[derive(Clone, Default, Debug)]
pub(super) struct Pinning {
    pub(super) state_folder: Option<PathBuf>,
    pub(super) without_pin: bool,
    /// The revision that the user accepted, although it differs from the pin.
    pub(super) accepted: Option<Revision>,
}

pub(super) struct PinnedStorage {
    pub(super) storage: Box<dyn Storage>,
    pin: Option<StateFile>,
    pin_problem: Mutex<Option<String>>,
    accepted: Mutex<Option<Revision>>,
    /// Whether the disk did not confirm that the last saved revision is durable.
    unconfirmed: AtomicBool,
}

impl PinnedStorage {
    pub(super) fn new(storage: Box<dyn Storage>, pinning: &Pinning) -> Result<Self> {
        let location = if pinning.without_pin { None } else { storage.location()? };
        let folder = pinning.state_folder.as_deref();
        let pin = location.as_deref().and_then(|location| pin::state_file(folder, location));
        let problem =
            (location.is_some() && pin.is_none()).then(|| "there is no home folder for the pin".to_owned());
        Ok(Self {
            storage,
            pin,
            pin_problem: Mutex::new(problem),
            accepted: Mutex::new(pinning.accepted),
            unconfirmed: AtomicBool::new(false),
        })
    }

    pub(super) fn read_pin(&self) -> StoredPin {
        pin::read(self.pin.as_ref())
    }

    /// Moves the pin forward to a revision that is known to be durable. `before` is the pin that was stored when the
    /// revision was read or planned.
    ///
    /// Returns whether that worked. If not, the vault is still usable, and [`pin_problem`](Self::pin_problem) returns the
    /// reason.
    pub(super) fn remember(&self, pin: &Pin, before: &StoredPin) -> bool {
        let Some(file) = &self.pin else { return true };
        let problem = pin::remember(file, pin, before)
            .err()
            .map(|error| format!("could not write {} ({error})", file.path().display()));
        let remembered = problem.is_none();
        *self.pin_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        remembered
    }

    pub(super) fn pin_problem(&self) -> Option<String> {
        self.pin_problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the revision that the user accepted.
    pub(super) fn accepted(&self) -> Option<Revision> {
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the revision that the user accepted if it is still `held`. The user accepted it for this handle, not for
    /// every later time that another program puts it back.
    pub(super) fn accepted_if(&self, held: &Revision) -> Option<Revision> {
        self.accepted().filter(|accepted| accepted == held)
    }

    pub(super) fn accept(&self, revision: Revision) {
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision);
    }

    /// Stores whether the last saved revision is known to survive a power cut.
    pub(super) fn set_confirmed(&self, confirmed: bool) {
        self.unconfirmed.store(!confirmed, Ordering::Relaxed);
    }

    pub(super) fn is_confirmed(&self) -> bool {
        !self.unconfirmed.load(Ordering::Relaxed)
    }
}
