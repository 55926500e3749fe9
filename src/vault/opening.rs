//! Opening, in the order of `docs/format.md`, section 5: nothing is believed before what comes first holds.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::keys::Keys;
use super::passphrase::Passphrase;
use super::pin::Found;
use super::snapshot::Snapshot;
use crate::crypto::seal::Unopened;
use crate::crypto::signature::VerificationKey;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{self, UnverifiedHeader};
use crate::format::slot::{Hint, Slot, SlotId};
use crate::format::{MAX_FILE, damaged, open_payload};
use crate::memory::{Guarded, WipedBytes, with_scrubbed_stack};
use crate::storage::{Storage, Version};

/// An unlocked vault: what it holds and the keys to it.
pub(super) struct Opened {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) keys: Guarded<Keys>,
}

/// A file as it was read, its header within all limits. No key has touched it yet.
pub(super) struct Loaded {
    header: UnverifiedHeader,
    bytes: WipedBytes,
}

/// Reads the vault. What is no vault is refused after its first few kilobytes.
pub(super) fn load(storage: &dyn Storage) -> Result<Loaded> {
    let prefix = storage.load_prefix(header::MAX_LEN)?;
    UnverifiedHeader::parse(&prefix.bytes, prefix.total_len)?;
    // The bytes become the plaintext's place: they are wiped when the vault is locked. It may be another
    // version by now, so nothing of the prefix is kept.
    let bytes = Zeroizing::new(storage.load(MAX_FILE)?);
    let header = UnverifiedHeader::parse(&bytes, bytes.len() as u64)?;
    Ok(Loaded { header, bytes })
}

impl Loaded {
    /// Opens with a passphrase: the slow way, up to one Argon2id run for each slot.
    pub(super) fn open_with_passphrase(
        self,
        passphrase: &Passphrase,
        pin: &Found,
        secret_memory: bool,
    ) -> Result<Opened> {
        passphrase.check_len()?;
        let mut keys = Guarded::<Keys>::new(secret_memory)?;
        for slot in self.candidates(passphrase, pin.slot()) {
            keys.derive_kek(passphrase, slot)?;
            match keys.open_slot(slot, self.header.vault_id()) {
                Err(Unopened::WrongKey) => {}
                Err(Unopened::Forged | Unopened::Length) => return Err(altered_slot()),
                Ok(verification_key) => {
                    let id = slot.id;
                    return self.finish(keys, id, verification_key);
                }
            }
        }
        Err(Error::new(
            ErrorKind::WrongPassphrase,
            "the passphrase is wrong: no slot of the vault opens with it",
        ))
    }

    /// Opens the caller's own slot with the key-encryption key in memory: the quick way, for a newer version.
    pub(super) fn open_with_keys(self, current: &Keys, own: SlotId, secret_memory: bool) -> Result<Opened> {
        let mut keys = Guarded::<Keys>::new(secret_memory)?;
        keys.set_kek(current.kek());
        let slot = self.header.slots().iter().find(|slot| slot.id == own).ok_or_else(reopen)?;
        match keys.open_slot(slot, self.header.vault_id()) {
            Err(Unopened::WrongKey) => Err(reopen()),
            Err(Unopened::Forged | Unopened::Length) => Err(altered_slot()),
            Ok(verification_key) => self.finish(keys, own, verification_key),
        }
    }

    pub(super) fn vault_id(&self) -> &[u8; 16] {
        self.header.vault_id()
    }

    /// What a correct passphrase most likely opens comes first, so that the common case is one Argon2id run.
    fn candidates(&self, passphrase: &Passphrase, last: Option<SlotId>) -> Vec<&Slot> {
        let hint = if passphrase.is_recovery_code() { Hint::RecoveryCode } else { Hint::Passphrase };
        let mut slots: Vec<&Slot> = self.header.slots().iter().collect();
        slots.sort_by_key(|slot| (slot.hint != hint, Some(slot.id) != last)); // stable: else file order
        slots
    }

    /// All that follows once a slot has opened.
    fn finish(
        self,
        keys: Guarded<Keys>,
        own: SlotId,
        verification_key: Option<VerificationKey>,
    ) -> Result<Opened> {
        let verification_key = verification_key
            .ok_or_else(|| damaged("the vault is damaged: its verification key is not valid"))?;
        let Self { header, bytes } = self;
        let header = header.verify(&bytes, &verification_key)?;
        let signature = *Version::of(&bytes).signature();
        let plain = with_scrubbed_stack(|| open_payload(bytes, &header, keys.vault_key()))?;
        let snapshot = Snapshot::new(plain, header, verification_key, signature, own)?;
        Ok(Opened { snapshot: Arc::new(snapshot), keys })
    }
}

fn altered_slot() -> Error {
    damaged("the vault is damaged: the slot of this passphrase was altered")
}

fn reopen() -> Error {
    let message =
        "an administrator changed or removed this passphrase since the vault was opened: open it again";
    Error::new(ErrorKind::Reopen, message)
}
