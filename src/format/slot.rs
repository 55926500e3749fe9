//! Key slots: a slot of the header contains the vault key, sealed under one person's key-encryption key.

use std::fmt;

use crate::crypto::kdf::{KdfParameters, Lanes, MemoryKib, Passes};
use crate::crypto::keys::{Kek, VaultKey};
use crate::crypto::seal::{self, Unopened};
use crate::error::Result;
use crate::id::{SlotId, VaultId};

use super::damaged;
use super::preamble::PREAMBLE;

pub(crate) const LEN: usize = 176;
/// Length of the plaintext fields before the sealed keys. They are authenticated with the keys.
const OPEN_LEN: usize = 32;
/// K ‖ X: the vault key, and the key that the role adds to it.
const PLAIN_LEN: usize = 64;
pub(crate) const SEALED_LEN: usize = PLAIN_LEN + seal::OVERHEAD;

/// What a person may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Role {
    /// Reads, writes, and manages people. Has the signing key of the vault.
    Administrator,
    /// Reads. Has the key that verifies the signature, but cannot sign.
    Reader,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrator => "administrator",
            Self::Reader => "reader",
        })
    }
}

/// What kind of passphrase opens a slot. It only decides which slot to try first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hint {
    Passphrase,
    RecoveryCode,
}

#[derive(Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) role: Role,
    pub(crate) hint: Hint,
    pub(crate) kdf: KdfParameters,
    pub(crate) id: SlotId,
    pub(crate) sealed: [u8; SEALED_LEN],
}

impl Slot {
    /// Makes a slot that does not contain keys yet; [`seal`](Self::seal) adds them.
    pub(crate) fn new(role: Role, hint: Hint, kdf: KdfParameters, id: SlotId) -> Self {
        Self { role, hint, kdf, id, sealed: [0; SEALED_LEN] }
    }

    pub(super) fn parse(bytes: &[u8; LEN]) -> Result<Self> {
        let wrong = |what: &'static str| damaged(what);
        let (open, sealed) = bytes.split_at(OPEN_LEN);
        let field = |at: usize| {
            let bytes = open.get(at..).and_then(<[u8]>::first_chunk::<4>);
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let [role, hint, zero @ ..] = field(0).to_le_bytes();
        let out_of_range = |_| wrong("the vault is damaged: a slot's Argon2id parameters are out of range");
        let kdf = MemoryKib::new(field(4))
            .and_then(|memory| KdfParameters::new(memory, Passes::new(field(8))?, Lanes::new(field(12))?))
            .map_err(out_of_range)?;
        let mut slot = Self::new(
            match role {
                1 => Role::Administrator,
                2 => Role::Reader,
                _ => return Err(wrong("the vault is damaged: a slot's role is unknown")),
            },
            match hint {
                0 => Hint::Passphrase,
                1 => Hint::RecoveryCode,
                _ => return Err(wrong("the vault is damaged: a slot's hint is unknown")),
            },
            kdf,
            SlotId::from_bytes(open.last_chunk().copied().unwrap_or_default()),
        );
        if zero != [0, 0] {
            return Err(wrong("the vault is damaged: a reserved field of a slot is not zero"));
        }
        slot.sealed.copy_from_slice(sealed);
        Ok(slot)
    }

    pub(super) fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let (open, sealed) = bytes.split_at_mut(OPEN_LEN);
        open.copy_from_slice(&self.open_part());
        sealed.copy_from_slice(&self.sealed);
        bytes
    }

    fn open_part(&self) -> [u8; OPEN_LEN] {
        let mut open = [0; OPEN_LEN];
        let role = match self.role {
            Role::Administrator => 1,
            Role::Reader => 2,
        };
        let hint = match self.hint {
            Hint::Passphrase => 0,
            Hint::RecoveryCode => 1,
        };
        let fields = [
            &[role, hint, 0, 0],
            &self.kdf.memory().get().to_le_bytes(),
            &self.kdf.passes().get().to_le_bytes(),
            &self.kdf.lanes().get().to_le_bytes(),
        ];
        for (target, field) in open.chunks_exact_mut(4).zip(fields) {
            target.copy_from_slice(field);
        }
        if let Some(id) = open.last_chunk_mut() {
            *id = *self.id.as_bytes();
        }
        open
    }

    /// Returns `file[0..12] ‖ vault id ‖ slot[0..32]`.
    fn associated_data(&self, vault_id: &VaultId) -> [u8; PREAMBLE.len() + 16 + OPEN_LEN] {
        let mut aad = [0; PREAMBLE.len() + 16 + OPEN_LEN];
        let open = self.open_part();
        for (target, byte) in aad.iter_mut().zip(PREAMBLE.iter().chain(vault_id.as_bytes()).chain(&open)) {
            *target = *byte;
        }
        aad
    }

    /// Seals K and X (the seed for an administrator, the verification key for a reader) into the slot. The
    /// caller scrubs the stack.
    pub(crate) fn seal(
        &mut self,
        vault_id: &VaultId,
        kek: &Kek,
        vault_key: &VaultKey,
        x: &[u8; 32],
        random: &[u8; 32],
    ) -> Result<()> {
        let aad = self.associated_data(vault_id);
        let keys = self.sealed.iter_mut().skip(seal::PREFIX);
        for (target, byte) in keys.zip(vault_key.bytes().iter().chain(x)) {
            *target = *byte;
        }
        seal::seal_in_place(kek, random, &aad, &mut self.sealed)
            .ok_or_else(|| damaged("could not encrypt a key slot"))
    }

    /// Opens the slot into `vault_key` and `x`, using `scratch`. All three are in guarded memory.
    pub(crate) fn open(
        &self,
        vault_id: &VaultId,
        kek: &Kek,
        scratch: &mut [u8; SEALED_LEN],
        vault_key: &mut VaultKey,
        x: &mut [u8; 32],
    ) -> std::result::Result<(), Unopened> {
        *scratch = self.sealed;
        let plain = seal::open_in_place(kek, &self.associated_data(vault_id), scratch)?;
        let (k, rest) = plain.split_first_chunk().ok_or(Unopened::Length)?;
        *vault_key.bytes_mut() = *k;
        *x = rest.try_into().map_err(|_| Unopened::Length)?;
        Ok(())
    }
}
