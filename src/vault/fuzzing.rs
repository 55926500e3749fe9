//! Doors for `testing::fuzzing`: into a vault without its key derivation, and to what was understood of its bytes.

use super::Vault;
use super::keys::Keys;
use super::opening::load;
use super::options::OpenOptions;
use super::place::Place;
use crate::crypto::keys::Kek;
use crate::error::Result;
use crate::format::slot::SlotId;
use crate::memory::Guarded;
use crate::storage::InMemory;

impl Vault {
    /// Opens these bytes by one of their slots, with the key that a passphrase would give.
    pub(crate) fn open_below_kdf(storage: InMemory, slot: SlotId, kek: &Kek) -> Result<Self> {
        // Without secret memory, for which the kernel waits some milliseconds.
        let options = OpenOptions::new().without_pin().allow_hibernation();
        let place = Place::new(Box::new(storage), options)?;
        let mut keys = Guarded::<Keys>::new(place.secret_memory())?;
        keys.set_kek(kek);
        let opened = load(&*place.storage)?.open_with_kek(keys, slot)?;
        Self::unlocked(place, opened)
    }

    /// The header, encoded anew; and the body as it stands in the file, opened.
    pub(crate) fn header_and_body(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let snapshot = self.snapshot()?;
        Ok((snapshot.header.encode(), snapshot.body().to_vec()))
    }
}
