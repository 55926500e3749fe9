//! The kinds of key. Each is a type of its own, with no way from one to another but the derivations here.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{KEY_LEN, hkdf_sha256, hmac_sha256, label};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name(pub(super) [u8; KEY_LEN]);

        impl Zeroize for $name {
            fn zeroize(&mut self) {
                self.0.zeroize();
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.zeroize();
            }
        }

        impl ZeroizeOnDrop for $name {}
    };
}

/// Keys that are filled in place, and sealed for somebody who may have them.
macro_rules! lends_its_bytes {
    ($($name:ident),*) => {$(
        impl $name {
            pub(crate) fn bytes_mut(&mut self) -> &mut [u8; KEY_LEN] {
                &mut self.0
            }

            pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
                &self.0
            }
        }
    )*};
}

lends_its_bytes!(Kek, VaultKey, Seed);

key! {
    /// Key-encryption key of one slot, derived from its passphrase.
    Kek
}
key! {
    /// K: opens the payload and the records; every reader and administrator holds it.
    VaultKey
}
key! {
    /// The Ed25519 private seed: signs the file; administrators alone hold it.
    Seed
}
key! {
    /// AK: opens the escrowed key-encryption keys; derived from the seed.
    AdministratorKey
}

/// A key that may be used in SEAL, with the one label it is used under.
pub(crate) trait SealingKey {
    const LABEL: &'static [u8];
    fn ikm(&self) -> &[u8; KEY_LEN];
}

impl SealingKey for Kek {
    const LABEL: &'static [u8] = label::SLOT;
    fn ikm(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl SealingKey for VaultKey {
    const LABEL: &'static [u8] = label::PAYLOAD;
    fn ikm(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl SealingKey for AdministratorKey {
    const LABEL: &'static [u8] = label::ESCROW;
    fn ikm(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl Seed {
    /// AK, the key of the escrow.
    pub(crate) fn derive_administrator_key(&self, vault_id: &[u8; 16]) -> AdministratorKey {
        let mut key = AdministratorKey::default();
        key.0.copy_from_slice(hkdf_sha256::<KEY_LEN>(&self.0, vault_id, label::ADMINISTRATOR).as_slice());
        key
    }

    /// The K that follows `old` in generation `generation`: fresh even if `random` is not.
    pub(crate) fn derive_next_vault_key(
        &self,
        old: &VaultKey,
        random: &[u8; 32],
        generation: u64,
        next: &mut VaultKey,
    ) {
        let parts = [label::NEW_KEY, &old.0, random, &generation.to_le_bytes()];
        hmac_sha256(&self.0, &parts, &mut next.0);
    }
}
