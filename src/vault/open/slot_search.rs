//! Opening, in the order of `docs/format.md`, section 5: nothing is believed before what comes first holds.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::crypto::seal::Unopened;
use crate::crypto::signature::{self, Digested, VerificationKey};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::{self, UnverifiedHeader};
use crate::format::slot::{Hint, Role, Slot, SlotId};
use crate::format::{MAX_FILE, damaged, open_payload};
use crate::memory::{Guarded, WipedBytes, is_room_beside, with_scrubbed_stack};
use crate::passphrase::Passphrase;
use crate::storage::{Storage, Version};
use crate::vault::UnlockTime;
use crate::vault::spread::Spread;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// An unlocked vault: what it holds and the keys to it.
pub(in crate::vault) struct Opened {
    pub(in crate::vault) snapshot: Arc<Snapshot>,
    /// The same, for those who look up.
    pub(in crate::vault) spread: Spread,
    pub(in crate::vault) keys: Guarded<Keys>,
}

impl Opened {
    pub(in crate::vault) fn new(snapshot: Arc<Snapshot>, keys: Guarded<Keys>) -> Self {
        Self { spread: Spread::new(&snapshot), snapshot, keys }
    }
}

/// A file as it was read, its header within all limits. No key has touched it yet.
pub(in crate::vault) struct Loaded {
    header: UnverifiedHeader,
    bytes: WipedBytes,
}

/// Opens with a passphrase: the slow way, up to one Argon2id run for each slot.
pub(in crate::vault) fn open_with_passphrase(
    storage: &dyn Storage,
    passphrase: &Passphrase,
    choice: Choice,
    secret_memory: bool,
) -> Result<(Opened, UnlockTime)> {
    passphrase.check_len()?;
    let hint = if passphrase.is_recovery_code() { Hint::RecoveryCode } else { Hint::Passphrase };
    open(storage, hint, choice, secret_memory, &|keys, slot| keys.derive_kek(passphrase, slot))
}

/// Opens with whatever `derive` says is the key-encryption key of a slot.
pub(in crate::vault) fn open(
    storage: &dyn Storage,
    hint: Hint,
    choice: Choice,
    secret_memory: bool,
    derive: &Derive<'_>,
) -> Result<(Opened, UnlockTime)> {
    let header = load_header(storage)?;
    let attempt = Attempt { hint, choice, secret_memory, derive };
    let candidates = attempt.candidates(&header)?;
    if !is_room_beside(header.file_len().saturating_add(memory_of(&candidates))) {
        let (loaded, digested) = load_and_digest(storage)?;
        let slot = attempt.first_that_opens(&loaded.header, &attempt.candidates(&loaded.header)?)?;
        return loaded.finish(slot, &digested);
    }
    let (slot, loaded) = thread::scope(|scope| {
        // Reading and hashing the file needs no key, so it goes on beside Argon2id.
        let loading = thread::Builder::new().spawn_scoped(scope, || load_and_digest(storage));
        let slot = attempt.first_that_opens(&header, &candidates);
        let loaded = loading.ok().and_then(|loading| loading.join().ok());
        (slot, loaded.unwrap_or_else(|| load_and_digest(storage)))
    });
    let (loaded, digested) = loaded?;
    if loaded.header.has_slots_of(&header) {
        return loaded.finish(slot?, &digested);
    }
    // Between the two an administrator changed who can open it.
    let slot = attempt.first_that_opens(&loaded.header, &attempt.candidates(&loaded.header)?)?;
    loaded.finish(slot, &digested)
}

/// Reads the vault. What is no vault is refused after its first few kilobytes.
pub(in crate::vault) fn load(storage: &dyn Storage) -> Result<Loaded> {
    load_header(storage)?;
    load_whole(storage)
}

fn load_header(storage: &dyn Storage) -> Result<UnverifiedHeader> {
    let prefix = storage.load_prefix(header::MAX_LEN)?;
    UnverifiedHeader::parse(&prefix.bytes, prefix.total_len)
}

/// It may be another version than the one whose header was read, so nothing of that is kept.
fn load_whole(storage: &dyn Storage) -> Result<Loaded> {
    // The bytes become the plaintext's place: they are wiped when the vault is locked.
    let bytes = Zeroizing::new(storage.load(MAX_FILE)?);
    let header = UnverifiedHeader::parse(&bytes, bytes.len() as u64)?;
    Ok(Loaded { header, bytes })
}

fn load_and_digest(storage: &dyn Storage) -> Result<(Loaded, Digested)> {
    let loaded = load_whole(storage)?;
    let digested = loaded.digest();
    Ok((loaded, digested))
}

/// What it takes to find the slot of a passphrase.
struct Attempt<'a> {
    hint: Hint,
    choice: Choice,
    secret_memory: bool,
    derive: &'a Derive<'a>,
}

impl Attempt<'_> {
    /// What a correct passphrase most likely opens comes first, so that the common case is one Argon2id run.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchPerson`] if there is no slot such as the caller named.
    fn candidates<'h>(&self, header: &'h UnverifiedHeader) -> Result<Vec<&'h Slot>> {
        let Choice { role, slot, last } = self.choice;
        let chosen =
            |of: &&Slot| role.is_none_or(|role| role == of.role) && slot.is_none_or(|slot| slot == of.id);
        let mut slots: Vec<&Slot> = header.slots().iter().filter(chosen).collect();
        if slots.is_empty() {
            let message = match role {
                Some(role) if slot.is_none() => format!("the vault has no {role}"),
                _ => "the vault has no such slot".to_owned(),
            };
            return Err(Error::new(ErrorKind::NoSuchPerson, message));
        }
        slots.sort_by_key(|slot| (slot.hint != self.hint, Some(slot.id) != last)); // stable: else file order
        Ok(slots)
    }

    /// The most likely one is tried alone, the others side by side where cores and memory allow; which one decides does
    /// not depend on that.
    fn first_that_opens(&self, header: &UnverifiedHeader, candidates: &[&Slot]) -> Result<OpenSlot> {
        let start = Instant::now();
        let mut rest = candidates;
        let mut at_once = 1;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(at_once.min(rest.len()));
            for tried in self.try_together(header, now) {
                if let Some(mut slot) = tried? {
                    slot.kdf = start.elapsed();
                    return Ok(slot);
                }
            }
            rest = later;
            at_once = side_by_side(rest);
        }
        let message = "the passphrase is wrong: no slot of the vault opens with it";
        Err(Error::new(ErrorKind::WrongPassphrase, message))
    }

    /// Tries some slots at the same time; what came of each, in their order.
    fn try_together(&self, header: &UnverifiedHeader, slots: &[&Slot]) -> Vec<Result<Option<OpenSlot>>> {
        let Some((first, others)) = slots.split_first() else { return Vec::new() };
        thread::scope(|scope| {
            let attempt = |slot| move || self.try_one(header, slot);
            let running: Vec<_> = others
                .iter()
                .map(|slot| (slot, thread::Builder::new().spawn_scoped(scope, attempt(slot))))
                .collect();
            let first = self.try_one(header, first);
            // What found no thread of its own is tried in this one.
            let others = running.into_iter().map(|(slot, running)| {
                let result = running.ok().and_then(|running| running.join().ok());
                result.unwrap_or_else(|| self.try_one(header, slot))
            });
            std::iter::once(first).chain(others).collect()
        })
    }

    /// One Argon2id run. `None` if it is another passphrase that opens this slot.
    fn try_one(&self, header: &UnverifiedHeader, slot: &Slot) -> Result<Option<OpenSlot>> {
        let mut keys = Guarded::<Keys>::new(self.secret_memory)?;
        (self.derive)(&mut keys, slot)?;
        match keys.open_slot(slot, header.vault_id()) {
            Err(Unopened::WrongKey) => Ok(None),
            Err(Unopened::Forged | Unopened::Length) => Err(altered_slot()),
            Ok(trusted) => Ok(Some(OpenSlot { keys, id: slot.id, trusted, kdf: Duration::ZERO })),
        }
    }
}

impl Loaded {
    /// Opens the caller's own slot with the key-encryption key in `keys`: the quick way, for a newer version.
    pub(in crate::vault) fn open_with_kek(self, mut keys: Guarded<Keys>, own: SlotId) -> Result<Opened> {
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

    pub(in crate::vault) fn signature(&self) -> [u8; 64] {
        *Version::of(&self.bytes).signature()
    }

    pub(in crate::vault) fn vault_id(&self) -> &[u8; 16] {
        self.header.vault_id()
    }

    pub(in crate::vault) fn generation(&self) -> u64 {
        self.header.generation()
    }

    /// What the signature covers: all bytes but its own.
    fn digest(&self) -> Digested {
        let end = self.bytes.len().saturating_sub(signature::LEN);
        Digested::of(self.bytes.get(..end).unwrap_or_default())
    }

    /// All that follows once a slot has opened. The whole time is not known yet.
    fn finish(self, slot: OpenSlot, digested: &Digested) -> Result<(Opened, UnlockTime)> {
        let start = Instant::now();
        let OpenSlot { keys, id, trusted, kdf } = slot;
        let trusted =
            trusted.ok_or_else(|| damaged("the vault is damaged: its verification key is not valid"))?;
        let signature = self.signature();
        let Self { header, bytes } = self;
        let header = header.verify(digested, &signature, &trusted)?;
        let plain = with_scrubbed_stack(|| open_payload(bytes, &header, keys.vault_key()))?;
        let payload = start.elapsed();
        let snapshot = Snapshot::new(plain, header, trusted, signature, id)?;
        let records = start.elapsed() - payload;
        let time = UnlockTime { kdf, payload, records, whole: Duration::ZERO };
        Ok((Opened::new(Arc::new(snapshot), keys), time))
    }
}

/// Puts the key-encryption key of a slot into the keys: the slow step, in a thread of its own for some slots.
pub(in crate::vault) type Derive<'a> = dyn Fn(&mut Keys, &Slot) -> Result<()> + Sync + 'a;

/// Which slots come into question.
#[derive(Clone, Copy)]
pub(in crate::vault) struct Choice {
    pub(in crate::vault) role: Option<Role>,
    pub(in crate::vault) slot: Option<SlotId>,
    /// The one that opened last time: it is tried first.
    pub(in crate::vault) last: Option<SlotId>,
}

/// What is derived at the same time takes no more memory than this, in KiB: as much as a single slot may need.
const MEMORY: u64 = 1 << 20;

/// The most memory that the derivations for these slots take at any time, in bytes.
fn memory_of(slots: &[&Slot]) -> u64 {
    slots.iter().map(|slot| u64::from(slot.kdf.memory().get())).sum::<u64>().min(MEMORY) << 10
}

/// How many of the slots that come next can be tried at the same time: each of them keeps as many cores busy as it has
/// lanes, and needs its memory.
fn side_by_side(slots: &[&Slot]) -> usize {
    let mut cores = thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let mut memory = MEMORY;
    let fitting = slots.iter().take_while(|slot| {
        let (lanes, kib) = (u64::from(slot.kdf.lanes().get()), u64::from(slot.kdf.memory().get()));
        let fits = lanes <= cores && kib <= memory;
        cores = cores.saturating_sub(lanes);
        memory = memory.saturating_sub(kib);
        fits
    });
    let count = fitting.count().max(1);
    if count > 1 && !is_room_beside(memory_of(slots)) { 1 } else { count }
}

/// A slot that opened, with the vault's keys; nothing that they open has been looked at yet.
struct OpenSlot {
    keys: Guarded<Keys>,
    id: SlotId,
    /// Whose signature this slot's person trusts. `None` if that is no valid key.
    trusted: Option<VerificationKey>,
    /// How long the key derivations took.
    kdf: Duration,
}

fn altered_slot() -> Error {
    damaged("the vault is damaged: the slot of this passphrase was altered")
}

fn reopen() -> Error {
    let message =
        "an administrator changed or removed this passphrase since the vault was opened: open it again";
    Error::new(ErrorKind::Reopen, message)
}
