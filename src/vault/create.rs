//! Creating a vault: the options, and its first revision.

use std::path::Path;

use crate::crypto::kdf::KdfParameters;
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::slot::{Hint, Role};
use crate::id::{Revision, VaultId};
use crate::memory::Guarded;
use crate::passphrase::Passphrase;
use crate::passphrase::recovery_code::{self, RecoveryCode};
use crate::storage::{FileStorage, Storage};
use crate::vault::commit::new_slot::{NewSlot, check_label};
use crate::vault::commit::next_revision::{Administrator, NextRevision};
use crate::vault::handle::{Settings, Vault, check_floor};
use crate::vault::open::OpenOptions;
use crate::vault::pinned_storage::PinnedStorage;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;

impl Vault {
    /// Creates an empty vault at `path`, where nothing may exist yet, and opens it. [`CreateOptions`] has more settings.
    ///
    /// # Errors
    /// As [`CreateOptions::create`].
    pub fn create(path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Self> {
        CreateOptions::new().create(path, passphrase)
    }
}

/// How to create a vault, with more settings than [`Vault::create`].
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
    label: String,
    kdf: Option<KdfParameters>,
    below_floor: bool,
    open: OpenOptions,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { label: "owner".into(), kdf: None, below_floor: false, open: OpenOptions::default() }
    }
}

impl CreateOptions {
    /// Returns the defaults: one administrator labelled `owner`, Argon2id with 64 MiB, 3 passes, 4 lanes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the label of the first administrator: 1 to 128 bytes. It is stored in the sealed part of the file.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets what one guess at the passphrase or at the recovery code costs.
    #[must_use]
    pub fn kdf(mut self, parameters: KdfParameters) -> Self {
        self.kdf = Some(parameters);
        self
    }

    /// Allows KDF parameters below the floor, for tests.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn allow_kdf_below_floor(mut self) -> Self {
        self.below_floor = true;
        self
    }

    /// Sets how the vault is opened after it is created.
    #[must_use]
    pub fn open_options(mut self, options: OpenOptions) -> Self {
        self.open = options;
        self
    }

    /// Creates an empty vault at `path`, where nothing may exist yet, and opens it. If the disk does not confirm that the
    /// file would survive a power cut, that is not an error but [`Advice::NotConfirmed`](crate::Advice::NotConfirmed).
    ///
    /// # Errors
    /// * [`AlreadyExists`](ErrorKind::AlreadyExists): there is a file already, which is left as it is.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the passphrase or the label breaks a rule.
    /// * [`Refused`](ErrorKind::Refused): the KDF parameters are below the floor.
    /// * [`NotFound`](ErrorKind::NotFound), [`Io`](ErrorKind::Io), [`StorageFull`](ErrorKind::StorageFull),
    ///   [`Busy`](ErrorKind::Busy), [`OutOfResources`](ErrorKind::OutOfResources): it cannot be written.
    pub fn create(&self, path: impl AsRef<Path>, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        self.create_in(FileStorage::new(path.as_ref()), passphrase)
    }

    /// Creates an empty vault in a storage that contains none.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_in(&self, storage: impl Storage, passphrase: impl Into<Passphrase>) -> Result<Vault> {
        create(Box::new(storage), self, &passphrase.into(), None)
    }

    /// As [`create`](Self::create), with a recovery code as a second administrator. Show the code once; the user keeps it
    /// on paper.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with_recovery_code(
        &self,
        path: impl AsRef<Path>,
        passphrase: impl Into<Passphrase>,
    ) -> Result<(Vault, RecoveryCode)> {
        let code = RecoveryCode::make()?;
        let storage = Box::new(FileStorage::new(path.as_ref()));
        Ok((create(storage, self, &passphrase.into(), Some(&code))?, code))
    }

    /// Returns the KDF parameters of the first slots.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] below the writer's floor.
    fn first_kdf(&self) -> Result<KdfParameters> {
        let Settings { kdf, below_floor, .. } = self.open.settings;
        check_floor(self.kdf.or(kdf).unwrap_or_default(), self.below_floor || below_floor)
    }
}

/// Creates an empty vault with one administrator, and a second one if there is a recovery code.
fn create(
    storage: Box<dyn Storage>,
    options: &CreateOptions,
    passphrase: &Passphrase,
    code: Option<&RecoveryCode>,
) -> Result<Vault> {
    // Checks all input before the slow step.
    passphrase.check_len()?;
    let kdf = options.first_kdf()?;
    check_label(&options.label)?;
    if code.is_some() && options.label == recovery_code::LABEL {
        let message = format!(
            "the label {:?} is reserved for the recovery code: choose another label",
            recovery_code::LABEL
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let pinned = PinnedStorage::new(storage, &options.open.pinning)?;
    if pinned.storage.revision()?.is_some() {
        let at = pinned.storage.location()?.map(|at| format!(" at {}", quoted(&at))).unwrap_or_default();
        let message = format!("a vault or another file already exists{at}");
        return Err(Error::new(ErrorKind::AlreadyExists, message));
    }

    let pages = options.open.settings.pages;
    let administrator = |label: &str, hint, passphrase: &Passphrase| {
        NewSlot::derive(label, (Role::Administrator, hint), kdf, passphrase, pages)
    };
    let owner = administrator(&options.label, Hint::Passphrase, passphrase)?;
    let code =
        code.map(|code| administrator(recovery_code::LABEL, Hint::RecoveryCode, &code.into())).transpose()?;

    let vault_id = VaultId::from_bytes(random::make()?);
    let mut keys = Guarded::<Keys>::new(pages)?;
    keys.make_first(&vault_id)?;
    keys.set_kek(owner.kek());
    let founder = Administrator::with_own(&keys);
    let new_slots = std::iter::once(&owner).chain(&code);
    let (slots, people): (Vec<_>, Vec<_>) =
        new_slots.map(|slot| slot.fill(&founder, &vault_id)).collect::<Result<Vec<_>>>()?.into_iter().unzip();

    let own = owner.id();
    let next = NextRevision {
        vault_id,
        generation: 1,
        slots,
        people: &people,
        runs: Vec::new(),
        count: 0,
        own,
        trusted: None,
    };
    let (snapshot, file) = next.seal(&founder)?;
    let unlocked = Unlocked::new(snapshot.into(), keys);
    save_first(pinned, &options.open.settings, unlocked, None, &file)
}

/// Saves the first revision of a handle in place of `expected`, and returns the handle.
pub(super) fn save_first(
    pinned: PinnedStorage,
    settings: &Settings,
    unlocked: Unlocked,
    expected: Option<&Revision>,
    file: &[u8],
) -> Result<Vault> {
    let pin = unlocked.snapshot.pin();
    // Everything that can fail happens before the file is created, because an error must not lose a recovery code.
    let vault = Vault::new(pinned, settings.clone(), unlocked, None)?;
    let pinned = vault.pinned();
    let before = pinned.read_pin();
    {
        let _exclusive = pinned.storage.exclusive()?;
        match pinned.storage.replace(expected, file) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::DurabilityUnknown => pinned.set_confirmed(false),
            Err(error) => return Err(error),
        }
        // A file that a power cut may remove is remembered too: after the power cut there is no file, and so no older one.
        // If the pin of a previous vault cannot be replaced, this handle accepts the vault that it created itself.
        if !pinned.remember(&pin, &before) {
            pinned.accept(pin.revision);
        }
    }
    Ok(vault)
}
