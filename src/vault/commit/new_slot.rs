//! Somebody about to get a slot.

use subtle::ConstantTimeEq;

use crate::credentials::{check_text, now};
use crate::crypto::kdf::{KdfParameters, derive_kek};
use crate::crypto::keys::Kek;
use crate::crypto::random;
use crate::error::{ErrorKind, Result};
use crate::format::people::{MAX_LABEL, SlotMeta};
use crate::format::slot::{Hint, Role, Slot, SlotId};
use crate::memory::{Guarded, with_scrubbed_stack};
use crate::passphrase::Passphrase;
use crate::vault::commit::next_revision::Administrator;

/// # Errors
/// [`ErrorKind::InvalidInput`], saying which rule the label breaks.
pub(in crate::vault) fn check_label(label: &str) -> Result<()> {
    check_text("a label", ErrorKind::InvalidInput, MAX_LABEL, label)
}

/// A person about to get a slot: the passphrase is derived, the vault's keys are not wrapped yet.
pub(in crate::vault) struct Newcomer {
    slot: Slot,
    label: Box<str>,
    created: i64,
    kek: Guarded<Kek>,
}

impl Newcomer {
    /// Derives the passphrase under a fresh salt: the slow step, done before any lock is taken.
    pub(in crate::vault) fn make(
        label: &str,
        (role, hint): (Role, Hint),
        kdf: KdfParameters,
        passphrase: &Passphrase,
        secret_memory: bool,
    ) -> Result<Self> {
        let slot = Slot::new(role, hint, kdf, random::make()?);
        let mut kek = Guarded::<Kek>::new(secret_memory)?;
        derive_kek(passphrase.bytes(), &slot.id, &slot.kdf, &mut kek)?;
        Ok(Self { slot, label: label.into(), created: now(), kek })
    }

    /// Somebody who was here before, under another passphrase.
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

    /// The slot with the vault's keys in it, and what the body says of it.
    pub(in crate::vault) fn admit(
        &self,
        by: &Administrator<'_>,
        vault_id: &[u8; 16],
    ) -> Result<(Slot, SlotMeta)> {
        let mut slot = self.slot.clone();
        by.wrap(&mut slot, vault_id, &self.kek)?;
        let escrow_key = by.derive_escrow_key(vault_id);
        let random = random::make()?;
        let meta = with_scrubbed_stack(|| {
            SlotMeta::new(slot.id, &self.label, self.created, vault_id, &self.kek, &escrow_key, &random)
        })?;
        Ok((slot, meta))
    }
}

/// Whether this passphrase opens the slot whose key is `kek`: a key derivation, compared in constant time.
pub(in crate::vault) fn is_kek_of(
    kek: &Kek,
    passphrase: &Passphrase,
    slot: &Slot,
    secret_memory: bool,
) -> Result<bool> {
    let mut derived = Guarded::<Kek>::new(secret_memory)?;
    derive_kek(passphrase.bytes(), &slot.id, &slot.kdf, &mut derived)?;
    Ok(derived.bytes().ct_eq(kek.bytes()).into())
}
