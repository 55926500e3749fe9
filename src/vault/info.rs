//! What can be known of a vault without a passphrase, and what this machine remembers of it.

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

/// What a vault's header says of it.
///
/// # Security
/// Nobody has vouched for it: whoever can write the file can write this. Only opening the vault verifies it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct VaultInfo {
    /// The id that the vault was given when it was made.
    pub vault_id: VaultId,
    /// Grows with every commit.
    pub generation: u64,
    /// The length of the file in bytes.
    pub file_len: u64,
    /// Who can open it, in the order of their slots. Labels stand in the sealed part.
    pub slots: Vec<SlotInfo>,
}

/// What a vault's header says of one way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SlotInfo {
    /// The slot's id, which is also the salt of its passphrase.
    pub id: SlotId,
    /// What whoever opens it may do.
    pub role: Role,
    /// Whether a recovery code opens it, rather than a passphrase.
    pub is_recovery_code: bool,
    /// What a guess costs.
    pub kdf: KdfParameters,
}

/// Looks at the vault at `path` without opening it.
///
/// # Errors
/// As [`Vault::open`](crate::Vault::open) before it derives a key: the kinds that say that this is no vault, or one
/// that is damaged in its header.
pub fn inspect(path: impl AsRef<Path>) -> Result<VaultInfo> {
    inspect_in(&FileStorage::new(path.as_ref()))
}

/// Looks at the vault that `storage` holds without opening it.
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

/// Which version of a vault this machine saw last, so that an older one would be noticed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Remembered {
    /// The generation of that version.
    pub generation: u64,
    /// When this machine saw it first. Whole seconds.
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
    /// What keeps the place from being named, such as a folder that does not exist.
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

    /// What this machine remembers of the vault now, read anew. `None` if it remembers nothing, because it must not or
    /// could not: then [`advice`](Self::advice) may say why.
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
