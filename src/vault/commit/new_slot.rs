//! A key slot in the making: its passphrase is derived, but it does not contain the vault key yet.

use subtle::ConstantTimeEq;

use crate::credentials::{check_text, now};
use crate::crypto::kdf::{KdfParameters, derive_kek};
use crate::crypto::keys::Kek;
use crate::crypto::random;
use crate::error::{ErrorKind, Result};
use crate::format::people::{Escrow, MAX_LABEL, SlotMeta};
use crate::format::slot::{Hint, Role, Slot};
use crate::id::{SlotId, VaultId};
use crate::memory::{Guarded, KeyPages, with_scrubbed_stack};
use crate::passphrase::Passphrase;
use crate::vault::commit::next_revision::Administrator;

/// # Errors
/// [`ErrorKind::InvalidInput`], saying which rule the label breaks.
pub(in crate::vault) fn check_label(label: &str) -> Result<()> {
    check_text("label", ErrorKind::InvalidInput, MAX_LABEL, label)
}

/// A key slot whose passphrase is derived but which does not contain the vault key yet.
pub(in crate::vault) struct NewSlot {
    slot: Slot,
    label: Box<str>,
    created: i64,
    kek: Guarded<Kek>,
}

impl NewSlot {
    /// Derives the key-encryption key of the passphrase under a fresh salt: the slow step, done before any lock is taken.
    pub(in crate::vault) fn derive(
        label: &str,
        (role, hint): (Role, Hint),
        kdf: KdfParameters,
        passphrase: &Passphrase,
        pages: KeyPages,
    ) -> Result<Self> {
        let slot = Slot::new(role, hint, kdf, SlotId::from_bytes(random::make()?));
        let mut kek = Guarded::<Kek>::new(pages)?;
        derive_kek(passphrase.bytes(), slot.id.as_bytes(), &slot.kdf, &mut kek)?;
        Ok(Self { slot, label: label.into(), created: now(), kek })
    }

    /// Keeps the time at which this person was added, for a new passphrase of the same person.
    pub(in crate::vault) fn since(mut self, created: i64) -> Self {
        self.created = created;
        self
    }

    pub(in crate::vault) fn kek(&self) -> &Kek {
        &self.kek
    }

    pub(in crate::vault) fn id(&self) -> SlotId {
        self.slot.id
    }

    /// Returns the slot with the vault's keys in it, and what the body stores about it.
    pub(in crate::vault) fn fill(
        &self,
        by: &Administrator<'_>,
        vault_id: &VaultId,
    ) -> Result<(Slot, SlotMeta)> {
        let mut slot = self.slot.clone();
        by.wrap(&mut slot, vault_id, &self.kek)?;
        let escrow_key = by.derive_escrow_key(vault_id);
        let random = random::make()?;
        let meta = with_scrubbed_stack(|| {
            let escrow = Escrow { vault_id, kek: &self.kek, key: &escrow_key };
            SlotMeta::new(slot.id, &self.label, self.created, &escrow, &random)
        })?;
        Ok((slot, meta))
    }
}

/// Returns whether this passphrase opens the slot whose key-encryption key is `kek`: one key derivation, then a comparison
/// in constant time.
pub(in crate::vault) fn is_kek_of(
    kek: &Kek,
    passphrase: &Passphrase,
    slot: &Slot,
    pages: KeyPages,
) -> Result<bool> {
    let mut derived = Guarded::<Kek>::new(pages)?;
    derive_kek(passphrase.bytes(), slot.id.as_bytes(), &slot.kdf, &mut derived)?;
    Ok(derived.bytes().ct_eq(kek.bytes()).into())
}
