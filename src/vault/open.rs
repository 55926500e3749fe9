//! Opening a vault: the options, and the steps from a passphrase to a handle.

pub(super) mod load;
pub(super) mod slot_search;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::crypto::kdf::KdfParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::format::slot::{Hint, Role, Slot};
use crate::id::{Revision, SlotId};
use crate::memory::KeyPages;
use crate::passphrase::Passphrase;
use crate::pin::{Pin, StoredPin};
use crate::storage::{FileStorage, Storage};
use crate::vault::handle::{Settings, UnlockTime, Vault};
use crate::vault::info::VaultInfo;
use crate::vault::open::load::open_with_passphrase;
use crate::vault::open::slot_search::Choice;
use crate::vault::pinned_storage::{PinnedStorage, Pinning};
use crate::vault::unlocked::Unlocked;

impl Vault {
    /// Opens the vault at `path`. [`OpenOptions`] has more settings.
    ///
    /// Blocks for the key derivation, about a tenth of a second: in a program with a window, call it from a worker thread.
    /// If it takes a second or more, [the build is not optimised](crate#debug-builds).
    ///
    /// # Errors
    /// As [`OpenOptions::open`]; above all [`WrongPassphrase`](ErrorKind::WrongPassphrase).
    pub fn open(path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Self> {
        OpenOptions::new().open(path, passphrase)
    }
}

/// How to open a vault, with more settings than [`Vault::open`].
///
/// ```
/// # fn example() -> aumbry::Result<()> {
/// use std::time::Duration;
/// let vault = aumbry::OpenOptions::new()
///     .lock_after(Duration::from_secs(15 * 60))
///     .open("credentials.aumbry", "correct horse battery staple")?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default, Debug)]
pub struct OpenOptions {
    pub(super) settings: Settings,
    pub(super) pinning: Pinning,
}

impl OpenOptions {
    /// Returns the defaults: pinned, never locked automatically, keys in secret memory where the system has it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the vault when no look-up or edit has happened for this long. A thread of its own locks it, at most a quarter
    /// of that time late, whether the program is busy or idle. Time in which the machine is suspended does not count.
    #[must_use]
    pub fn lock_after(mut self, idle: Duration) -> Self {
        self.settings.lock_after = Some(idle);
        self
    }

    /// Accepts this one revision although it is older than, or different from, the one that this machine saw last.
    ///
    /// The revision is in [`Error::refused_revision`]; accept it only after asking the user. An older revision that was
    /// accepted is not remembered: it must be accepted at each opening, until an administrator commits.
    #[must_use]
    pub fn accept_revision(mut self, revision: Revision) -> Self {
        self.pinning.accepted = Some(revision);
        self
    }

    /// Keeps the pins in this folder instead of `$XDG_STATE_HOME/aumbry`. A pin is this machine's note of the revision
    /// that it saw last.
    #[must_use]
    pub fn state_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pinning.state_folder = Some(folder.into());
        self
    }

    /// Does not read or write a pin. For programs that must leave no trace on the machine.
    ///
    /// # Security
    /// Without a pin, an older file is not noticed. An administrator who edits an older file encrypts new secrets under a
    /// key that a person who was removed in the meantime may know.
    #[must_use]
    pub fn without_pin(mut self) -> Self {
        self.pinning.without_pin = true;
        self
    }

    /// Keeps the keys in ordinary locked memory, because secret memory prevents a Linux machine from hibernating.
    #[must_use]
    pub fn allow_hibernation(mut self) -> Self {
        self.settings.pages = KeyPages::Locked;
        self
    }

    /// Opens the vault only in this role. In a vault of many people this saves the key derivations for the other slots.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.settings.role = Some(role);
        self
    }

    /// Opens the vault only through the slot with this id (see [`SlotInfo::id`](crate::SlotInfo::id)): one key derivation,
    /// even if the passphrase is wrong. The id changes together with the passphrase.
    #[must_use]
    pub fn slot(mut self, id: SlotId) -> Self {
        self.settings.slot = Some(id);
        self
    }

    /// Sets what one guess costs, for passphrases and recovery codes that are set through this handle.
    #[must_use]
    pub fn kdf(mut self, parameters: KdfParameters) -> Self {
        self.settings.kdf = Some(parameters);
        self
    }

    /// Allows KDF parameters below the floor, for tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn allow_kdf_below_floor(mut self) -> Self {
        self.settings.below_floor = true;
        self
    }

    /// Opens the vault at `path`. Blocks for the key derivation, about a tenth of a second: in a program with a window,
    /// call it from a worker thread.
    ///
    /// # Errors
    /// * [`WrongPassphrase`](ErrorKind::WrongPassphrase): ask again.
    /// * [`NotFound`](ErrorKind::NotFound), [`InvalidFile`](ErrorKind::InvalidFile),
    ///   [`Unsupported`](ErrorKind::Unsupported), [`Io`](ErrorKind::Io): it is the wrong file, or unreadable.
    /// * [`Damaged`](ErrorKind::Damaged): restore a backup.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): ask the user whether that is intended, then
    ///   [`accept_revision`](Self::accept_revision).
    /// * [`NoSuchPerson`](ErrorKind::NoSuchPerson): no slot has the role or the id that was chosen.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the passphrase is empty or longer than 1024 bytes.
    /// * [`OutOfResources`](ErrorKind::OutOfResources): there is no memory or thread for the key derivation.
    pub fn open(&self, path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        self.open_in(FileStorage::new(path.as_ref()), passphrase)
    }

    /// Opens the vault that `storage` contains.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in(&self, storage: impl Storage, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        let pinned = PinnedStorage::new(Box::new(storage), &self.pinning)?;
        let accepted = pinned.accepted();
        let (unlocked, time) =
            open_checked(&pinned, &self.settings, &passphrase.into(), accepted, |_| Ok(()))?;
        Vault::new(pinned, self.settings.clone(), unlocked, Some(time))
    }

    /// Checks whether a recovery code still opens the vault at `path`. Reads and verifies the whole vault. Changes nothing
    /// and writes no pin.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `code` is not a recovery code, which its checksum shows; or as
    /// [`open`](Self::open), above all [`WrongPassphrase`](ErrorKind::WrongPassphrase).
    pub fn check_recovery_code(
        &self,
        path: impl AsRef<Path>,
        code: impl Into<Passphrase>,
    ) -> Result<VaultInfo> {
        let code = code.into();
        if !code.is_recovery_code() {
            let message =
                "invalid recovery code: it must begin with AUMBRY1, and its checksum must be correct";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let storage = FileStorage::new(path.as_ref());
        let pinned = PinnedStorage::new(Box::new(storage), &self.pinning)?;
        let pin = pinned.read_pin();
        let (unlocked, _) = look(&pinned, &self.settings, &code, &pin, pinned.accepted(), |_| Ok(()))?;
        let is_of_code = |slot: &Slot| slot.role == Role::Administrator && slot.hint == Hint::RecoveryCode;
        if !unlocked.snapshot.slot().is_some_and(is_of_code) {
            let message = "the slot that this code opens is not the slot of a recovery code";
            return Err(Error::new(ErrorKind::WrongPassphrase, message));
        }
        let header = &unlocked.snapshot.header;
        Ok(VaultInfo::of(header.vault_id, header.generation, header.file_len(), &header.slots))
    }
}

/// Opens the current revision and remembers it. `accepted` is a revision that is allowed even if the pin differs.
/// `may_follow` checks the revision that was found.
pub(super) fn open_checked(
    pinned: &PinnedStorage,
    settings: &Settings,
    passphrase: &Passphrase,
    accepted: Option<Revision>,
    may_follow: impl FnOnce(&Pin) -> Result<()>,
) -> Result<(Unlocked, UnlockTime)> {
    let start = Instant::now();
    // Reads the pin before the file. Otherwise a commit between the two reads would look like a rollback.
    let pin = pinned.read_pin();
    let (unlocked, time) = look(pinned, settings, passphrase, &pin, accepted, may_follow)?;
    pinned.remember(&unlocked.snapshot.pin(), &pin);
    Ok((unlocked, UnlockTime { whole: start.elapsed(), ..time }))
}

/// Opens the current revision without writing a pin.
fn look(
    pinned: &PinnedStorage,
    settings: &Settings,
    passphrase: &Passphrase,
    pin: &StoredPin,
    accepted: Option<Revision>,
    may_follow: impl FnOnce(&Pin) -> Result<()>,
) -> Result<(Unlocked, UnlockTime)> {
    let choice = Choice { role: settings.role, slot: settings.slot, last: pin.slot() };
    let (unlocked, time) = open_with_passphrase(&*pinned.storage, passphrase, choice, settings.pages)?;
    let found = unlocked.snapshot.pin();
    may_follow(&found)?;
    pin.allows(&found, accepted.as_ref())?;
    Ok((unlocked, time))
}
