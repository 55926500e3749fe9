//! How to open a vault, and how to make one.

pub(super) mod slot_search;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::crypto::kdf::KdfParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::format::slot::{Hint, Role, Slot, SlotId};
use crate::passphrase::Passphrase;
use crate::passphrase::recovery_code::RecoveryCode;
use crate::storage::{FileStorage, Storage};
use crate::vault::create;
use crate::vault::open::slot_search::Choice;
use crate::vault::{Place, Vault, VaultInfo};

/// How to open a vault, for those who need more than [`Vault::open`].
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
    pub(super) lock_after: Option<Duration>,
    pub(super) accepted: Option<[u8; 64]>,
    pub(super) state_folder: Option<PathBuf>,
    pub(super) without_pin: bool,
    pub(super) allow_hibernation: bool,
    role: Option<Role>,
    slot: Option<SlotId>,
    kdf: Option<KdfParameters>,
    below_floor: bool,
}

impl OpenOptions {
    /// The defaults: pinned, never locked by itself, keys in secret memory where the system has it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the vault when nothing was looked up or edited for this long. A thread of its own does it, at the
    /// latest a quarter of that time late, whether the program is busy or idle. Time in which the machine is suspended
    /// does not count.
    #[must_use]
    pub fn lock_after(mut self, idle: Duration) -> Self {
        self.lock_after = Some(idle);
        self
    }

    /// Accepts this one version although it is older than, or not, the one that this machine saw last.
    ///
    /// The version is what [`Error::refused_revision`] gives; accept it only after asking the user. An older version
    /// that was accepted is not remembered: it must be accepted at each opening, until an administrator commits.
    #[must_use]
    pub fn accept_revision(mut self, version: [u8; 64]) -> Self {
        self.accepted = Some(version);
        self
    }

    /// Where this machine remembers which version it saw last, instead of `$XDG_STATE_HOME/aumbry`.
    #[must_use]
    pub fn state_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_folder = Some(folder.into());
        self
    }

    /// Neither remembers which version was seen nor compares: for those who must leave no trace.
    ///
    /// # Security
    /// An older file is then not noticed. An administrator who edits one writes new secrets under a key that a
    /// person who was removed since may know.
    #[must_use]
    pub fn without_pin(mut self) -> Self {
        self.without_pin = true;
        self
    }

    /// Keeps the keys in ordinary locked memory: secret memory keeps a machine from hibernating.
    #[must_use]
    pub fn allow_hibernation(mut self) -> Self {
        self.allow_hibernation = true;
        self
    }

    /// Opens the vault in this role, or not at all. In a vault of many people it saves the key derivations of the others.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Opens the vault through the slot of this id, as [`SlotInfo::id`](crate::SlotInfo::id) gives it, or not at all: one
    /// key derivation, also if the passphrase is wrong. The id changes when the passphrase does.
    #[must_use]
    pub fn slot(mut self, id: [u8; 16]) -> Self {
        self.slot = Some(id);
        self
    }

    /// What one guess costs at passphrases and recovery codes that are set through this handle, instead of the default.
    #[must_use]
    pub fn kdf(mut self, parameters: KdfParameters) -> Self {
        self.kdf = Some(parameters);
        self
    }

    /// Lets tests use KDF parameters that no real vault may have.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn allow_kdf_below_floor(mut self) -> Self {
        self.below_floor = true;
        self
    }

    /// Whether a recovery code still opens the vault at `path`: all of it is read and verified, nothing is changed, and
    /// nothing remembered. Who found the code in a drawer learns whether to keep it.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) if `code` is no recovery code, which its checksum tells; or as
    /// [`open`](Self::open), above all [`WrongPassphrase`](ErrorKind::WrongPassphrase).
    pub fn check_recovery_code(
        self,
        path: impl AsRef<Path>,
        code: impl Into<Passphrase>,
    ) -> Result<VaultInfo> {
        let code = code.into();
        if !code.is_recovery_code() {
            let message = "that is no recovery code: it begins with AUMBRY1, and its checksum must be right";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let storage = FileStorage::new(path.as_ref());
        let place = Place::new(Box::new(storage), self)?;
        let (opened, _) = place.look(&code, &place.read_pin(), place.accepted(), |_| Ok(()))?;
        let is_of_code = |slot: &Slot| slot.role == Role::Administrator && slot.hint == Hint::RecoveryCode;
        if !opened.snapshot.slot().is_some_and(is_of_code) {
            let message = "the code opens a slot that is none of a recovery code";
            return Err(Error::new(ErrorKind::WrongPassphrase, message));
        }
        let header = &opened.snapshot.header;
        Ok(VaultInfo::of(header.vault_id, header.generation, header.file_len(), &header.slots))
    }

    /// Opens the vault at `path`. Blocks for the key derivation, a tenth of a second or so: in a program with a
    /// window, call it from a worker thread.
    ///
    /// # Errors
    /// * [`WrongPassphrase`](ErrorKind::WrongPassphrase): ask again.
    /// * [`NotFound`](ErrorKind::NotFound), [`InvalidFile`](ErrorKind::InvalidFile), [`Unsupported`](ErrorKind::Unsupported),
    ///   [`Io`](ErrorKind::Io): it is another file that is meant, or it cannot be read.
    /// * [`Damaged`](ErrorKind::Damaged): restore a backup.
    /// * [`RevisionRefused`](ErrorKind::RevisionRefused): ask the user whether that is as it should be, then
    ///   [`accept_revision`](Self::accept_revision).
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the passphrase is empty or longer than 1024 bytes.
    /// * [`OutOfResources`](ErrorKind::OutOfResources): no memory or thread for the key derivation.
    pub fn open(self, path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        self.open_storage(FileStorage::new(path.as_ref()), passphrase)
    }

    /// Opens the vault that `storage` holds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_storage(self, storage: impl Storage, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        Place::new(Box::new(storage), self)?.open(&passphrase.into())
    }
}

/// How to make a vault, for those who need more than [`Vault::create`].
///
/// ```
/// # fn example() -> aumbry::Result<()> {
/// let (vault, code) = aumbry::CreateOptions::new()
///     .label("Anna")
///     .create_with_recovery_code("credentials.aumbry", "correct horse battery staple")?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct CreateOptions {
    pub(super) label: String,
    kdf: Option<KdfParameters>,
    below_floor: bool,
    pub(super) open: OpenOptions,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { label: "owner".into(), kdf: None, below_floor: false, open: OpenOptions::default() }
    }
}

impl CreateOptions {
    /// The defaults: one administrator named `owner`, Argon2id with 64 MiB, 3 passes, 4 lanes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the first administrator is called: 1 to 128 bytes. It stands inside the sealed part of the file.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What one guess at the passphrase costs, also with the recovery code.
    #[must_use]
    pub fn kdf(mut self, parameters: KdfParameters) -> Self {
        self.kdf = Some(parameters);
        self
    }

    /// Lets tests use KDF parameters that no real vault may have.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn allow_kdf_below_floor(mut self) -> Self {
        self.below_floor = true;
        self
    }

    /// How the vault is opened once it is made.
    #[must_use]
    pub fn open_options(mut self, options: OpenOptions) -> Self {
        self.open = options;
        self
    }

    /// Makes an empty vault at `path`, where nothing may be, and opens it. If the disk does not confirm that the file
    /// would survive a power cut, that is no error but [`Advice::NotConfirmed`](crate::Advice::NotConfirmed).
    ///
    /// # Errors
    /// * [`AlreadyExists`](ErrorKind::AlreadyExists): there is a file already; it is left alone.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the passphrase or the label
    ///   breaks a rule.
    /// * [`Refused`](ErrorKind::Refused): the KDF parameters are below the floor.
    /// * [`NotFound`](ErrorKind::NotFound), [`Io`](ErrorKind::Io), [`StorageFull`](ErrorKind::StorageFull),
    ///   [`Busy`](ErrorKind::Busy), [`OutOfResources`](ErrorKind::OutOfResources): it cannot be written.
    pub fn create(self, path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        self.create_in_storage(FileStorage::new(path.as_ref()), passphrase)
    }

    /// As [`create`](Self::create), with a second way in: a recovery code, to be shown once and kept on paper.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with_recovery_code(
        self,
        path: impl AsRef<Path>,
        passphrase: impl Into<Passphrase>,
    ) -> Result<(Vault, RecoveryCode)> {
        let code = RecoveryCode::make()?;
        let storage = Box::new(FileStorage::new(path.as_ref()));
        Ok((create::create(storage, self, &passphrase.into(), Some(&code))?, code))
    }

    /// Makes an empty vault in a storage that holds none.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_in_storage(
        self,
        storage: impl Storage,
        passphrase: impl Into<Passphrase>,
    ) -> Result<Vault> {
        create::create(Box::new(storage), self, &passphrase.into(), None)
    }
}

impl OpenOptions {
    /// Which slots come into question, if it is not known which one opened last time.
    pub(super) fn choice(&self) -> Choice {
        Choice { role: self.role, slot: self.slot, last: None }
    }

    /// What new slots cost.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] below the writer's floor.
    pub(super) fn new_kdf(&self) -> Result<KdfParameters> {
        check_floor(self.kdf.unwrap_or_default(), self.below_floor)
    }
}

impl CreateOptions {
    /// What the first slots cost.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] below the writer's floor.
    pub(super) fn first_kdf(&self) -> Result<KdfParameters> {
        let kdf = self.kdf.or(self.open.kdf).unwrap_or_default();
        check_floor(kdf, self.below_floor || self.open.below_floor)
    }
}

fn check_floor(kdf: KdfParameters, below_floor: bool) -> Result<KdfParameters> {
    if kdf.is_above_floor() || below_floor {
        return Ok(kdf);
    }
    let message = "the Argon2id parameters are below the floor: at least 19 MiB of memory, and memory times \
                   passes at least 38 MiB";
    Err(Error::new(ErrorKind::Refused, message))
}
