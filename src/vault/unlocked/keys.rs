//! The keys of an unlocked vault, in one guarded page.

use zeroize::Zeroize;

use crate::crypto::kdf::derive_kek;
use crate::crypto::keys::{Kek, Seed, VaultKey};
use crate::crypto::record::RecordKeys;
use crate::crypto::seal::Unopened;
use crate::crypto::signature::VerificationKey;
use crate::error::Result;
use crate::format::slot::{Role, SEALED_LEN, Slot};
use crate::id::VaultId;
use crate::memory::{Guarded, KeyPages, with_scrubbed_stack};

use crate::passphrase::Passphrase;

/// The content of the guarded page. Every field is filled in place.
pub(in crate::vault) struct Keys {
    kek: Kek,
    vault_key: VaultKey,
    /// For a reader, all zero.
    seed: Seed,
    record_keys: RecordKeys,
    /// The bytes of a slot while it is opened.
    scratch: [u8; SEALED_LEN],
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            kek: Kek::default(),
            vault_key: VaultKey::default(),
            seed: Seed::default(),
            record_keys: RecordKeys::default(),
            scratch: [0; SEALED_LEN],
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.scratch.zeroize(); // the other fields wipe themselves
    }
}

impl Keys {
    /// Derives the caller's key-encryption key from a passphrase: the slow step.
    pub(in crate::vault) fn derive_kek(&mut self, passphrase: &Passphrase, slot: &Slot) -> Result<()> {
        derive_kek(passphrase.bytes(), slot.id.as_bytes(), &slot.kdf, &mut self.kek)
    }

    /// Copies the caller's key-encryption key from another guarded page.
    pub(in crate::vault) fn set_kek(&mut self, kek: &Kek) {
        self.kek.bytes_mut().copy_from_slice(kek.bytes());
    }

    fn copy_from(&mut self, from: &Self, vault_id: &VaultId) {
        self.set_kek(&from.kek);
        self.vault_key.bytes_mut().copy_from_slice(from.vault_key.bytes());
        self.seed.bytes_mut().copy_from_slice(from.seed.bytes());
        with_scrubbed_stack(|| self.record_keys.derive_from(&self.vault_key, vault_id));
    }

    /// Returns a copy of the keys in a guarded page of its own.
    pub(in crate::vault) fn clone_of(
        from: &Self,
        vault_id: &VaultId,
        pages: KeyPages,
    ) -> Result<Guarded<Self>> {
        let mut keys = Guarded::<Self>::new(pages)?;
        keys.copy_from(from, vault_id);
        Ok(keys)
    }

    /// Opens a slot and takes all its keys. Returns the verification key that the person of this slot trusts, or `None` if
    /// it is not a valid key.
    pub(in crate::vault) fn open_slot(
        &mut self,
        slot: &Slot,
        vault_id: &VaultId,
    ) -> std::result::Result<Option<VerificationKey>, Unopened> {
        with_scrubbed_stack(|| {
            let Self { kek, vault_key, seed, scratch, record_keys } = self;
            slot.open(vault_id, kek, scratch, vault_key, seed.bytes_mut())?;
            record_keys.derive_from(vault_key, vault_id);
            scratch.zeroize();
            Ok(match slot.role {
                Role::Administrator => Some(VerificationKey::derive(seed)),
                Role::Reader => {
                    let key = VerificationKey::parse(seed.bytes());
                    seed.zeroize();
                    key
                }
            })
        })
    }

    pub(in crate::vault) fn vault_key(&self) -> &VaultKey {
        &self.vault_key
    }

    pub(in crate::vault) fn record_keys(&self) -> &RecordKeys {
        &self.record_keys
    }

    pub(in crate::vault) fn kek(&self) -> &Kek {
        &self.kek
    }

    /// Returns the seed. Only [`Administrator`](crate::vault::commit::next_revision::Administrator) calls this.
    pub(in crate::vault) fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Makes the keys of a new vault in place: a random K and a random seed.
    pub(in crate::vault) fn make_first(&mut self, vault_id: &VaultId) -> Result<()> {
        crate::crypto::random::fill(self.vault_key.bytes_mut())?;
        crate::crypto::random::fill(self.seed.bytes_mut())?;
        with_scrubbed_stack(|| self.record_keys.derive_from(&self.vault_key, vault_id));
        Ok(())
    }

    /// Derives the keys of the next generation: the same seed, a new K.
    pub(in crate::vault) fn derive_next(
        &mut self,
        from: &Self,
        vault_id: &VaultId,
        random: &[u8; 32],
        generation: u64,
    ) {
        with_scrubbed_stack(|| {
            self.seed.bytes_mut().copy_from_slice(from.seed.bytes());
            from.seed.derive_next_vault_key(&from.vault_key, random, generation, &mut self.vault_key);
            self.record_keys.derive_from(&self.vault_key, vault_id);
        });
    }
}
