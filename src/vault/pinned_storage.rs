//! Where a vault stands, and what this machine remembers of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::Result;
use crate::passphrase::Passphrase;
use crate::pin::{self, Found, Pin};
use crate::storage::{StateFile, Storage};
use crate::vault::open::OpenOptions;
use crate::vault::open::slot_search::{Choice, Opened, open_with_passphrase};
use crate::vault::{Advice, UnlockTime, Vault};

pub(super) struct Place {
    pub(super) storage: Box<dyn Storage>,
    pub(super) options: OpenOptions,
    pin: Option<StateFile>,
    pin_trouble: Mutex<Option<String>>,
    /// The one version that the pin must not refuse.
    accepted: Mutex<Option<[u8; 64]>>,
    /// The last version was saved, but the disk did not confirm it.
    unconfirmed: AtomicBool,
    unlock_time: Mutex<Option<UnlockTime>>,
}

impl Place {
    pub(super) fn new(storage: Box<dyn Storage>, options: OpenOptions) -> Result<Self> {
        let location = if options.without_pin { None } else { storage.location()? };
        let folder = options.state_folder.as_deref();
        let pin = location.as_deref().and_then(|location| pin::state_file(folder, location));
        let nowhere = location.is_some() && pin.is_none();
        let trouble = nowhere.then(|| "there is no home folder to remember it in".to_owned());
        let accepted = Mutex::new(options.accepted);
        Ok(Self {
            storage,
            options,
            accepted,
            pin,
            pin_trouble: Mutex::new(trouble),
            unconfirmed: AtomicBool::new(false),
            unlock_time: Mutex::new(None),
        })
    }

    pub(super) fn secret_memory(&self) -> bool {
        !self.options.allow_hibernation
    }

    pub(super) fn open(self, passphrase: &Passphrase) -> Result<Vault> {
        let opened = self.open_checked(passphrase, self.accepted(), |_| Ok(()))?;
        Vault::unlocked(self, opened)
    }

    /// Opens what stands there now, and remembers it; `accepted` is a version that the pin must not refuse.
    pub(super) fn open_checked(
        &self,
        passphrase: &Passphrase,
        accepted: Option<[u8; 64]>,
        may_follow: impl FnOnce(&Pin) -> Result<()>,
    ) -> Result<Opened> {
        let start = Instant::now();
        // The pin before the file: read after it, a commit in between would look like a rollback.
        let pin = self.read_pin();
        let (opened, time) = self.look(passphrase, &pin, accepted, may_follow)?;
        self.remember(&opened.snapshot.pin(), &pin);
        let time = UnlockTime { whole: start.elapsed(), ..time };
        *self.unlock_time.lock().unwrap_or_else(PoisonError::into_inner) = Some(time);
        Ok(opened)
    }

    /// Opens what stands there now and leaves no trace.
    pub(super) fn look(
        &self,
        passphrase: &Passphrase,
        pin: &Found,
        accepted: Option<[u8; 64]>,
        may_follow: impl FnOnce(&Pin) -> Result<()>,
    ) -> Result<(Opened, UnlockTime)> {
        let choice = Choice { last: pin.slot(), ..self.options.choice() };
        let (opened, time) = open_with_passphrase(&*self.storage, passphrase, choice, self.secret_memory())?;
        let found = opened.snapshot.pin();
        may_follow(&found)?;
        pin.allows(&found, accepted.as_ref())?;
        Ok((opened, time))
    }

    pub(super) fn unlock_time(&self) -> Option<UnlockTime> {
        *self.unlock_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read_pin(&self) -> Found {
        pin::read(self.pin.as_ref())
    }

    pub(super) fn accepted(&self) -> Option<[u8; 64]> {
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn accept(&self, version: [u8; 64]) {
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
    }

    /// Remembers a version that is known to be durable; `before` is the pin that was there when it was read or
    /// planned. `false` if that failed, which is a matter of advice, not of errors.
    pub(super) fn remember(&self, pin: &Pin, before: &Found) -> bool {
        let Some(file) = &self.pin else { return true };
        let trouble = pin::remember(file, pin, before)
            .err()
            .map(|error| format!("{} cannot be written ({error})", file.path().display()));
        let remembered = trouble.is_none();
        *self.pin_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        remembered
    }

    /// Whether the last version that was saved is known to survive a power cut.
    pub(super) fn set_confirmed(&self, confirmed: bool) {
        self.unconfirmed.store(!confirmed, Ordering::Relaxed);
    }

    pub(super) fn advice(&self) -> impl Iterator<Item = Advice> {
        let trouble = self.pin_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unconfirmed = self.unconfirmed.load(Ordering::Relaxed).then_some(Advice::NotConfirmed);
        trouble.map(Advice::PinNotWritten).into_iter().chain(unconfirmed)
    }
}
