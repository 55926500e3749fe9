//! Finding the key slot that a passphrase opens.

use std::thread;
use std::time::{Duration, Instant};

use crate::crypto::seal::Unopened;
use crate::crypto::signature::VerificationKey;
use crate::error::{Error, ErrorKind, Result};
use crate::format::damaged;
use crate::format::header::UnverifiedHeader;
use crate::format::slot::{Hint, Role, Slot};
use crate::id::SlotId;
use crate::memory::{Guarded, KeyPages, is_room_beside};
use crate::vault::unlocked::keys::Keys;

/// What is needed to find the slot of a passphrase.
pub(super) struct Attempt<'a> {
    pub(super) hint: Hint,
    pub(super) choice: Choice,
    pub(super) pages: KeyPages,
    pub(super) derive: &'a Derive<'a>,
}

impl Attempt<'_> {
    /// Returns the slots to try. The slot that a correct passphrase most likely opens comes first, so that the common case
    /// is one Argon2id run.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchPerson`] if no slot has the role and the id that the caller chose.
    pub(super) fn candidates<'h>(&self, header: &'h UnverifiedHeader) -> Result<Vec<&'h Slot>> {
        let Choice { role, slot, last } = self.choice;
        let chosen =
            |of: &&Slot| role.is_none_or(|role| role == of.role) && slot.is_none_or(|slot| slot == of.id);
        let mut slots: Vec<&Slot> = header.slots().iter().filter(chosen).collect();
        if slots.is_empty() {
            let message = match role {
                Some(role) if slot.is_none() => format!("the vault has no {role}"),
                _ => "the vault has no slot that matches the requested id".to_owned(),
            };
            return Err(Error::new(ErrorKind::NoSuchPerson, message));
        }
        slots.sort_by_key(|slot| (slot.hint != self.hint, Some(slot.id) != last)); // stable: file order among equals
        Ok(slots)
    }

    /// Tries the most likely slot alone, then the others in parallel if cores and memory allow. The result does not depend
    /// on how many are tried in parallel.
    pub(super) fn first_that_opens(
        &self,
        header: &UnverifiedHeader,
        candidates: &[&Slot],
    ) -> Result<OpenSlot> {
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
            at_once = in_parallel(rest);
        }
        let message = "the passphrase is wrong: no slot of the vault opens with it";
        Err(Error::new(ErrorKind::WrongPassphrase, message))
    }

    /// Tries some slots at the same time. Returns the result of each, in their order.
    fn try_together(&self, header: &UnverifiedHeader, slots: &[&Slot]) -> Vec<Result<Option<OpenSlot>>> {
        let Some((first, others)) = slots.split_first() else { return Vec::new() };
        thread::scope(|scope| {
            let attempt = |slot| move || self.try_one(header, slot);
            let running: Vec<_> = others
                .iter()
                .map(|slot| (slot, thread::Builder::new().spawn_scoped(scope, attempt(slot))))
                .collect();
            let first = self.try_one(header, first);
            // A slot whose thread could not start is tried in this thread.
            let others = running.into_iter().map(|(slot, running)| {
                let result = running.ok().and_then(|running| running.join().ok());
                result.unwrap_or_else(|| self.try_one(header, slot))
            });
            std::iter::once(first).chain(others).collect()
        })
    }

    /// Tries one slot: one Argon2id run. `None` if the passphrase does not open it.
    fn try_one(&self, header: &UnverifiedHeader, slot: &Slot) -> Result<Option<OpenSlot>> {
        let mut keys = Guarded::<Keys>::new(self.pages)?;
        (self.derive)(&mut keys, slot)?;
        match keys.open_slot(slot, header.vault_id()) {
            Err(Unopened::WrongKey) => Ok(None),
            Err(Unopened::Forged | Unopened::Length) => Err(altered_slot()),
            Ok(trusted) => Ok(Some(OpenSlot { keys, id: slot.id, trusted, kdf: Duration::ZERO })),
        }
    }
}

/// Puts the key-encryption key of a slot into the keys. This is the slow step, and some slots have a thread of their own.
pub(in crate::vault) type Derive<'a> = dyn Fn(&mut Keys, &Slot) -> Result<()> + Sync + 'a;

/// Which slots are tried.
#[derive(Clone, Copy)]
pub(in crate::vault) struct Choice {
    pub(in crate::vault) role: Option<Role>,
    pub(in crate::vault) slot: Option<SlotId>,
    /// The slot that opened last time. It is tried first.
    pub(in crate::vault) last: Option<SlotId>,
}

/// The maximum memory of parallel derivations, in KiB: as much as a single slot may need.
const MEMORY: u64 = 1 << 20;

/// Returns the maximum memory that the derivations for these slots use at any time, in bytes.
pub(super) fn memory_of(slots: &[&Slot]) -> u64 {
    slots.iter().map(|slot| u64::from(slot.kdf.memory().get())).sum::<u64>().min(MEMORY) << 10
}

/// Returns how many of the next slots can be tried in parallel. Each of them needs as many cores as it has lanes, and its
/// memory.
fn in_parallel(slots: &[&Slot]) -> usize {
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

/// A slot that opened, with the vault's keys. Nothing has been decrypted with these keys yet.
pub(super) struct OpenSlot {
    pub(super) keys: Guarded<Keys>,
    pub(super) id: SlotId,
    /// The key whose signatures the person of this slot trusts. `None` if it is not a valid key.
    pub(super) trusted: Option<VerificationKey>,
    /// How long the key derivations took.
    pub(super) kdf: Duration,
}

pub(super) fn altered_slot() -> Error {
    damaged("the vault is damaged: the slot of this passphrase was altered")
}
