//! For tests alone: the way of opening with the key derivation left out, and what was understood of the bytes.

use crate::crypto::keys::Kek;
use crate::error::Result;
use crate::format::slot::{Hint, Slot};
use crate::storage::InMemory;
use crate::vault::Vault;
use crate::vault::open::OpenOptions;
use crate::vault::open::slot_search::open;
use crate::vault::pinned_storage::Place;

/// Opens a vault as a passphrase would, if `kek_of` says what Argon2id makes of it.
pub(crate) fn open_below_kdf(
    storage: InMemory,
    options: OpenOptions,
    kek_of: &(dyn Fn(&Slot) -> Kek + Sync),
) -> Result<Vault> {
    let place = Place::new(Box::new(storage), options)?;
    let (choice, secret_memory) = (place.options.choice(), place.secret_memory());
    let (opened, _) = open(&*place.storage, Hint::Passphrase, choice, secret_memory, &|keys, slot| {
        keys.set_kek(&kek_of(slot));
        Ok(())
    })?;
    Vault::unlocked(place, opened)
}

impl Vault {
    /// The header, encoded anew; and the body as it stands in the file, opened.
    pub(crate) fn header_and_body(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.snapshot()?;
        Ok((snapshot.header.encode(), snapshot.body().to_vec()))
    }
}
