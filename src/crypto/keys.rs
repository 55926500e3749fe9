//! The kinds of key. Each is a type of its own, and only the derivations in this file lead from one to
//! another.

use crate::id::VaultId;
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

/// Implements access to the bytes of keys that are filled in place and sealed into a key slot or an escrow.
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
    /// The key-encryption key (KEK) of one slot, derived from its passphrase.
    Kek
}
key! {
    /// The vault key (K). Opens the payload and the records; every reader and administrator has it.
    VaultKey
}
key! {
    /// The Ed25519 private seed. Signs the file; only administrators have it.
    Seed
}
key! {
    /// The administrator key (AK). Opens the escrowed key-encryption keys; derived from the seed.
    AdministratorKey
}

/// A key that SEAL accepts, with the one label that it is used with.
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
    /// Derives the administrator key, which opens the escrows.
    pub(crate) fn derive_administrator_key(&self, vault_id: &VaultId) -> AdministratorKey {
        let mut key = AdministratorKey::default();
        key.0.copy_from_slice(
            hkdf_sha256::<KEY_LEN>(&self.0, vault_id.as_bytes(), label::ADMINISTRATOR).as_slice(),
        );
        key
    }

    /// Derives the vault key that follows `old` in generation `generation`. It is a new key even if `random`
    /// repeats.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who has the old vault key but not the seed must not be able to compute the next one.
    #[test]
    fn the_next_vault_key_is_keyed_by_the_seed() {
        let next = |seed: u8, old: u8, random: u8, generation: u64| {
            let mut next = VaultKey::default();
            Seed([seed; KEY_LEN]).derive_next_vault_key(
                &VaultKey([old; KEY_LEN]),
                &[random; 32],
                generation,
                &mut next,
            );
            next.0
        };
        // docs/format.md, section 6: HMAC-SHA256(seed, "aumbry1 new key" ‖ K ‖ random ‖ generation).
        let mut expected = [0; KEY_LEN];
        hmac_sha256(
            &[1; KEY_LEN],
            &[b"aumbry1 new key", &[2; 32], &[3; 32], &4_u64.to_le_bytes()],
            &mut expected,
        );
        assert_eq!(next(1, 2, 3, 4), expected);
        for other in [next(9, 2, 3, 4), next(1, 9, 3, 4), next(1, 2, 9, 4), next(1, 2, 3, 9)] {
            assert_ne!(other, expected);
        }
    }
}
