//! Facts about a vault that need no passphrase, and what this machine remembers of it.

use std::path::Path;
use std::time::SystemTime;

use crate::credentials::system_time;
use crate::crypto::kdf::KdfParameters;
use crate::error::Result;
use crate::format::header::{self, UnverifiedHeader};
use crate::format::slot::{Hint, Role, Slot};
use crate::id::{SlotId, VaultId};
use crate::memory::MemoryProtection;
use crate::pin::StoredPin;
use crate::storage::{FileStorage, Storage};
use crate::vault::handle::{UnlockTime, Vault};

/// What a vault's header says about the vault.
///
/// # Security
/// None of it is verified: any program that can write the file can change it. Only opening the vault verifies it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct VaultInfo {
    /// The id of the vault, chosen when it was created.
    pub vault_id: VaultId,
    /// Grows with every commit.
    pub generation: u64,
    /// The length of the file in bytes.
    pub file_len: u64,
    /// The key slots, in file order. Their labels are not here, because they are stored in the encrypted part.
    pub slots: Vec<SlotInfo>,
}

/// What a vault's header says about one key slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SlotInfo {
    /// The slot's id, which is also the salt of its passphrase.
    pub id: SlotId,
    /// What the person who opens this slot may do.
    pub role: Role,
    /// Whether a recovery code opens it, rather than a passphrase.
    pub is_recovery_code: bool,
    /// What one guess at the passphrase costs.
    pub kdf: KdfParameters,
}

/// Reads the header of the vault at `path` without opening the vault.
///
/// # Errors
/// As [`Vault::open`](crate::Vault::open) before it derives a key: the file cannot be read, is not a vault, or has a
/// damaged header.
pub fn inspect(path: impl AsRef<Path>) -> Result<VaultInfo> {
    inspect_in(&FileStorage::new(path.as_ref()))
}

/// Reads the header of the vault in `storage` without opening the vault.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_in(storage: &dyn Storage) -> Result<VaultInfo> {
    let prefix = storage.load_prefix(header::MAX_LEN)?;
    let header = UnverifiedHeader::parse(&prefix.bytes, prefix.total_len)?;
    Ok(VaultInfo::of(*header.vault_id(), header.generation(), prefix.total_len, header.slots()))
}

impl VaultInfo {
    pub(super) fn of(vault_id: VaultId, generation: u64, file_len: u64, slots: &[Slot]) -> Self {
        let slots = slots.iter().map(|slot| SlotInfo {
            id: slot.id,
            role: slot.role,
            is_recovery_code: slot.hint == Hint::RecoveryCode,
            kdf: slot.kdf,
        });
        Self { vault_id, generation, file_len, slots: slots.collect() }
    }
}

/// The revision of a vault that this machine saw last. With it, this machine notices an older one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Remembered {
    /// The generation of that revision.
    pub generation: u64,
    /// When this machine first saw it. Whole seconds.
    pub seen: SystemTime,
}

impl Vault {
    /// Returns the role of the person that opened the vault.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn role(&self) -> Result<Role> {
        Ok(self.snapshot()?.role())
    }

    /// Returns the generation of the revision in memory. It grows with every commit.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked).
    pub fn generation(&self) -> Result<u64> {
        Ok(self.snapshot()?.header.generation)
    }

    /// Returns the name of the place that contains the vault, such as a resolved path. `None` if the storage does not
    /// outlive the program.
    ///
    /// # Errors
    /// An error of the storage, for example because the folder does not exist.
    pub fn location(&self) -> Result<Option<String>> {
        self.pinned().storage.location()
    }

    /// Returns how well the operating system guards the keys.
    ///
    /// # Errors
    /// [`Locked`](crate::ErrorKind::Locked): there are no keys to guard.
    pub fn memory_protection(&self) -> Result<MemoryProtection> {
        Ok(self.held().unlocked()?.keys.protection())
    }

    /// Returns how long the last unlocking took. `None` for a vault that was made and never opened.
    #[must_use]
    pub fn unlock_time(&self) -> Option<UnlockTime> {
        *self.unlock_time_mut()
    }

    /// Reads again what this machine remembers of the vault. `None` if it remembers nothing, because it must not or could
    /// not. In the second case [`advice`](Self::advice) has the reason.
    #[must_use]
    pub fn remembered(&self) -> Option<Remembered> {
        match self.pinned().read_pin() {
            StoredPin::Present(pin) => {
                Some(Remembered { generation: pin.generation, seen: system_time(pin.seen) })
            }
            StoredPin::Absent | StoredPin::Damaged(_) => None,
        }
    }
}
