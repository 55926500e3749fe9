//! Only for tests: opening a vault without the key derivation, and reading what was parsed from its bytes.

use crate::crypto::keys::Kek;
use crate::error::Result;
use crate::format::slot::{Hint, Slot};
use crate::storage::InMemory;
use crate::vault::handle::Vault;
use crate::vault::open::OpenOptions;
use crate::vault::open::load::open;
use crate::vault::open::slot_search::Choice;
use crate::vault::pinned_storage::PinnedStorage;

/// Opens a vault as with a passphrase. `kek_of` replaces Argon2id: it returns the key-encryption key of a slot.
pub(crate) fn open_below_kdf(
    storage: InMemory,
    options: OpenOptions,
    kek_of: &(dyn Fn(&Slot) -> Kek + Sync),
) -> Result<Vault> {
    let OpenOptions { settings, pinning } = options;
    let pinned = PinnedStorage::new(Box::new(storage), &pinning)?;
    let choice = Choice { role: settings.role, slot: settings.slot, last: None };
    let (unlocked, time) =
        open(&*pinned.storage, Hint::Passphrase, choice, settings.pages, &|keys, slot| {
            keys.set_kek(&kek_of(slot));
            Ok(())
        })?;
    Vault::new(pinned, settings, unlocked, Some(time))
}

impl Vault {
    /// Returns the header, encoded again, and the decrypted body.
    pub(crate) fn header_and_body(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.snapshot()?;
        Ok((snapshot.header.encode(), snapshot.body().to_vec()))
    }
}
