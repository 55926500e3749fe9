//! For tests alone: the way of opening with the key derivation left out.

use super::Vault;
use super::opening::load;
use super::options::OpenOptions;
use super::place::Place;
use crate::crypto::keys::Kek;
use crate::error::Result;
use crate::format::slot::{Hint, Slot};
use crate::storage::InMemory;

/// Opens a vault as a passphrase would, if `kek_of` says what Argon2id makes of it.
pub(crate) fn open_below_kdf(file: Vec<u8>, kek_of: &(dyn Fn(&Slot) -> Kek + Sync)) -> Result<Vault> {
    let place = Place::new(Box::new(InMemory::from_bytes(file)), OpenOptions::new())?;
    let (choice, secret_memory) = (place.options.choice(), place.secret_memory());
    let (opened, _) =
        load(&*place.storage)?.open(Hint::Passphrase, choice, secret_memory, &|keys, slot| {
            keys.set_kek(&kek_of(slot));
            Ok(())
        })?;
    Vault::unlocked(place, opened)
}
