//! The storage of a vault, and the pin: what this machine remembers of the revision that it saw there.

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
    /// The one revision that the pin must not refuse.
    pub(super) accepted: Option<Revision>,
}

pub(super) struct PinnedStorage {
    pub(super) storage: Box<dyn Storage>,
    pin: Option<StateFile>,
    pin_problem: Mutex<Option<String>>,
    accepted: Mutex<Option<Revision>>,
    /// Whether the last revision was saved without the disk confirming it.
    unconfirmed: AtomicBool,
}

impl PinnedStorage {
    pub(super) fn new(storage: Box<dyn Storage>, pinning: &Pinning) -> Result<Self> {
        let location = if pinning.without_pin { None } else { storage.location()? };
        let folder = pinning.state_folder.as_deref();
        let pin = location.as_deref().and_then(|location| pin::state_file(folder, location));
        let problem = (location.is_some() && pin.is_none())
            .then(|| "there is no home folder to remember it in".to_owned());
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
    /// Returns whether that worked. If not, the vault is usable all the same, and [`pin_problem`](Self::pin_problem) says
    /// why.
    pub(super) fn remember(&self, pin: &Pin, before: &StoredPin) -> bool {
        let Some(file) = &self.pin else { return true };
        let problem = pin::remember(file, pin, before)
            .err()
            .map(|error| format!("{} cannot be written ({error})", file.path().display()));
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

    /// Returns the revision that the user accepted, as long as it is `held`: it was accepted for this handle, not for
    /// every later time that it is put back.
    pub(super) fn accepted_if(&self, held: &Revision) -> Option<Revision> {
        self.accepted().filter(|accepted| accepted == held)
    }

    pub(super) fn accept(&self, revision: Revision) {
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision);
    }

    /// Notes whether the revision that was saved last is known to survive a power cut.
    pub(super) fn set_confirmed(&self, confirmed: bool) {
        self.unconfirmed.store(!confirmed, Ordering::Relaxed);
    }

    pub(super) fn is_confirmed(&self) -> bool {
        !self.unconfirmed.load(Ordering::Relaxed)
    }
}
