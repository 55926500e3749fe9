//! What administrators know about people: a label for each slot, and its escrow.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::codec::{Reader, decode};
use super::damaged;
use super::header::MAX_SLOTS;
use crate::credentials::{FIRST_TIME, LAST_TIME};
use crate::crypto::KEY_LEN;
use crate::crypto::keys::{AdministratorKey, Kek};
use crate::crypto::seal;
use crate::error::{Result, quoted};
use crate::id::{SlotId, VaultId};

pub(crate) const MAX_LABEL: usize = 128;
pub(super) const ESCROW_LEN: usize = KEY_LEN + seal::OVERHEAD;

/// [`SlotMeta`] in its encoded form. It borrows, so that no length in a file decides how much is allocated.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub(super) struct WireSlotMeta<'a> {
    pub(super) id: [u8; 16],
    pub(super) label: &'a str,
    pub(super) created: i64,
    pub(super) escrow: &'a [u8],
}

/// What an administrator knows about one slot.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct SlotMeta {
    pub(crate) id: SlotId,
    pub(crate) label: Box<str>,
    pub(crate) created: i64,
    pub(super) escrow: [u8; ESCROW_LEN],
}

/// What goes into the escrow of a slot: its key-encryption key, sealed under the administrators' key.
pub(crate) struct Escrow<'a> {
    pub(crate) vault_id: &'a VaultId,
    pub(crate) kek: &'a Kek,
    pub(crate) key: &'a AdministratorKey,
}

impl SlotMeta {
    /// Escrows `kek`, so that an administrator can give this person a new vault key. The caller scrubs the
    /// stack.
    pub(crate) fn new(
        id: SlotId,
        label: &str,
        created: i64,
        Escrow { vault_id, kek, key }: &Escrow<'_>,
        random: &[u8; 32],
    ) -> Result<Self> {
        let mut escrow = [0; ESCROW_LEN];
        for (target, byte) in escrow.iter_mut().skip(seal::PREFIX).zip(kek.bytes()) {
            *target = *byte;
        }
        seal::seal_in_place(*key, random, &escrow_aad(vault_id, &id), &mut escrow)
            .ok_or_else(|| damaged("could not encrypt an escrow"))?;
        Ok(Self { id, label: label.into(), created, escrow })
    }

    /// Opens the escrow into `kek`. The intermediate copy is wiped.
    pub(crate) fn open_escrow(
        &self,
        vault_id: &VaultId,
        key: &AdministratorKey,
        kek: &mut Kek,
    ) -> Result<()> {
        let mut escrow = Zeroizing::new(self.escrow);
        let opened = seal::open_in_place(key, &escrow_aad(vault_id, &self.id), escrow.as_mut_slice());
        let kek_bytes = opened.ok().and_then(|plain| <&[u8; KEY_LEN]>::try_from(&*plain).ok());
        *kek.bytes_mut() = *kek_bytes.ok_or_else(|| {
            damaged(format!(
                "the vault is damaged: the escrow of {} cannot be decrypted",
                quoted(&self.label)
            ))
        })?;
        Ok(())
    }

    #[cfg(feature = "testing")]
    pub(crate) fn sealed_escrow(&self) -> &[u8] {
        &self.escrow
    }

    pub(super) fn wire(&self) -> WireSlotMeta<'_> {
        WireSlotMeta {
            id: *self.id.as_bytes(),
            label: &self.label,
            created: self.created,
            escrow: &self.escrow,
        }
    }
}

fn escrow_aad(vault_id: &VaultId, slot_id: &SlotId) -> [u8; 32] {
    let mut aad = [0; 32];
    for (target, byte) in aad.iter_mut().zip(vault_id.as_bytes().iter().chain(slot_id.as_bytes())) {
        *target = *byte;
    }
    aad
}

/// Decodes the people of a body. `None` if a label is too long, empty or repeated, or an escrow has another
/// length.
pub(super) fn decode_people(bytes: &[u8]) -> Option<Vec<SlotMeta>> {
    // Counted before they are decoded: a person takes more bytes in memory than in a file.
    if Reader::new(bytes).count()? > MAX_SLOTS {
        return None;
    }
    let mut labels = BTreeSet::new();
    decode::<Vec<WireSlotMeta<'_>>>(bytes)?
        .into_iter()
        .map(|wire| {
            let holds = (1..=MAX_LABEL).contains(&wire.label.len())
                && labels.insert(wire.label)
                && (FIRST_TIME..=LAST_TIME).contains(&wire.created);
            let escrow = wire.escrow.try_into().ok().filter(|_| holds)?;
            Some(SlotMeta {
                id: SlotId::from_bytes(wire.id),
                label: wire.label.into(),
                created: wire.created,
                escrow,
            })
        })
        .collect()
}
