//! For tests alone: the way of opening with the key derivation left out, and what was understood of the bytes.

use crate::crypto::keys::Kek;
use crate::error::Result;
use crate::format::slot::{Hint, Slot};
use crate::storage::InMemory;
use crate::vault::handle::Vault;
use crate::vault::open::OpenOptions;
use crate::vault::open::load::open;
use crate::vault::open::slot_search::Choice;
use crate::vault::pinned_storage::PinnedStorage;

/// Opens a vault as a passphrase would, if `kek_of` says what Argon2id makes of it.
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
    /// The header, encoded anew; and the body as it stands in the file, opened.
    pub(crate) fn header_and_body(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.snapshot()?;
        Ok((snapshot.header.encode(), snapshot.body().to_vec()))
    }
}
