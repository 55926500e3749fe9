//! Reading a vault and opening it, in the order of `docs/format.md`, section 5: each check runs only after the previous one
//! has passed.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::crypto::seal::Unopened;
use crate::crypto::signature::{self, Digested};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{self, UnverifiedHeader};
use crate::format::slot::Hint;
use crate::format::{MAX_FILE, damaged, open_payload};
use crate::id::{Revision, SlotId, VaultId};
use crate::memory::{Guarded, KeyPages, WipedBytes, is_room_beside, with_scrubbed_stack};
use crate::passphrase::Passphrase;
use crate::storage::Storage;
use crate::vault::handle::UnlockTime;
use crate::vault::open::slot_search::{Attempt, Choice, Derive, OpenSlot, altered_slot, memory_of};
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// A file as it was read. Its header is within all limits, but nothing is decrypted or verified yet.
pub(in crate::vault) struct Loaded {
    header: UnverifiedHeader,
    bytes: WipedBytes,
}

/// Opens with a passphrase. This is slow: up to one Argon2id run for each slot.
pub(in crate::vault) fn open_with_passphrase(
    storage: &dyn Storage,
    passphrase: &Passphrase,
    choice: Choice,
    pages: KeyPages,
) -> Result<(Unlocked, UnlockTime)> {
    passphrase.check_len()?;
    let hint = if passphrase.is_recovery_code() { Hint::RecoveryCode } else { Hint::Passphrase };
    open(storage, hint, choice, pages, &|keys, slot| keys.derive_kek(passphrase, slot))
}

/// Opens with the key-encryption key that `derive` puts into the keys for each slot.
pub(in crate::vault) fn open(
    storage: &dyn Storage,
    hint: Hint,
    choice: Choice,
    pages: KeyPages,
    derive: &Derive<'_>,
) -> Result<(Unlocked, UnlockTime)> {
    let header = load_header(storage)?;
    let attempt = Attempt { hint, choice, pages, derive };
    let candidates = attempt.candidates(&header)?;
    if !is_room_beside(header.file_len().saturating_add(memory_of(&candidates))) {
        let (loaded, digested) = load_and_digest(storage)?;
        let slot = attempt.first_that_opens(&loaded.header, &attempt.candidates(&loaded.header)?)?;
        return loaded.finish(slot, &digested);
    }
    let (slot, loaded) = thread::scope(|scope| {
        // Reading and hashing the file needs no key, so it runs in parallel with Argon2id.
        let loading = thread::Builder::new().spawn_scoped(scope, || load_and_digest(storage));
        let slot = attempt.first_that_opens(&header, &candidates);
        let loaded = loading.ok().and_then(|loading| loading.join().ok());
        (slot, loaded.unwrap_or_else(|| load_and_digest(storage)))
    });
    let (loaded, digested) = loaded?;
    if loaded.header.has_slots_of(&header) {
        return loaded.finish(slot?, &digested);
    }
    // Between the two reads an administrator changed the slots.
    let slot = attempt.first_that_opens(&loaded.header, &attempt.candidates(&loaded.header)?)?;
    loaded.finish(slot, &digested)
}

/// Reads the vault. A file that is not a vault is refused after its first few kilobytes.
pub(in crate::vault) fn load(storage: &dyn Storage) -> Result<Loaded> {
    load_header(storage)?;
    load_whole(storage)
}

fn load_header(storage: &dyn Storage) -> Result<UnverifiedHeader> {
    let prefix = storage.load_prefix(header::MAX_LEN)?;
    UnverifiedHeader::parse(&prefix.bytes, prefix.total_len)
}

/// Reads the whole file. Its revision may differ from the one whose header was read before, so the header
/// is parsed again.
fn load_whole(storage: &dyn Storage) -> Result<Loaded> {
    // The plaintext will replace these bytes in place, so they are wiped when the vault is locked.
    let bytes = Zeroizing::new(storage.load(MAX_FILE)?);
    let header = UnverifiedHeader::parse(&bytes, bytes.len() as u64)?;
    Ok(Loaded { header, bytes })
}

fn load_and_digest(storage: &dyn Storage) -> Result<(Loaded, Digested)> {
    let loaded = load_whole(storage)?;
    let digested = loaded.digest();
    Ok((loaded, digested))
}

impl Loaded {
    /// Opens the caller's own slot with the key-encryption key in `keys`. This is fast: a newer revision needs no Argon2id.
    pub(in crate::vault) fn open_with_kek(self, mut keys: Guarded<Keys>, own: SlotId) -> Result<Unlocked> {
        let slot = self.header.slots().iter().find(|slot| slot.id == own).ok_or_else(reopen)?;
        match keys.open_slot(slot, self.header.vault_id()) {
            Err(Unopened::WrongKey) => Err(reopen()),
            Err(Unopened::Forged | Unopened::Length) => Err(altered_slot()),
            Ok(trusted) => {
                let digested = self.digest();
                let slot = OpenSlot { keys, id: own, trusted, kdf: Duration::ZERO };
                self.finish(slot, &digested).map(|(opened, _)| opened)
            }
        }
    }

    pub(in crate::vault) fn revision(&self) -> Revision {
        Revision::of(&self.bytes)
    }

    pub(in crate::vault) fn vault_id(&self) -> &VaultId {
        self.header.vault_id()
    }

    pub(in crate::vault) fn generation(&self) -> u64 {
        self.header.generation()
    }

    /// Hashes what the signature covers: all bytes except the signature itself.
    fn digest(&self) -> Digested {
        let end = self.bytes.len().saturating_sub(signature::LEN);
        Digested::of(self.bytes.get(..end).unwrap_or_default())
    }

    /// Verifies and decrypts the rest after a slot has opened. [`UnlockTime::whole`] stays zero, because it is not known
    /// yet.
    fn finish(self, slot: OpenSlot, digested: &Digested) -> Result<(Unlocked, UnlockTime)> {
        let start = Instant::now();
        let OpenSlot { keys, id, trusted, kdf } = slot;
        let trusted =
            trusted.ok_or_else(|| damaged("the vault is damaged: its verification key is not valid"))?;
        let revision = self.revision();
        let Self { header, bytes } = self;
        let header = header.verify(digested, revision.as_bytes(), &trusted)?;
        let plain = with_scrubbed_stack(|| open_payload(bytes, &header, keys.vault_key()))?;
        let payload = start.elapsed();
        let snapshot = Snapshot::new(plain, header, trusted, revision, id)?;
        let records = start.elapsed() - payload;
        let time = UnlockTime { kdf, payload, records, whole: Duration::ZERO };
        Ok((Unlocked::new(Arc::new(snapshot), keys), time))
    }
}

fn reopen() -> Error {
    let message =
        "an administrator changed or removed this passphrase since the vault was opened: open it again";
    Error::new(ErrorKind::Reopen, message)
}
