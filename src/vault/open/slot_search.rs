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

/// What it takes to find the slot of a passphrase.
pub(super) struct Attempt<'a> {
    pub(super) hint: Hint,
    pub(super) choice: Choice,
    pub(super) pages: KeyPages,
    pub(super) derive: &'a Derive<'a>,
}

impl Attempt<'_> {
    /// What a correct passphrase most likely opens comes first, so that the common case is one Argon2id run.
    ///
    /// # Errors
    /// [`ErrorKind::NoSuchPerson`] if there is no slot such as the caller named.
    pub(super) fn candidates<'h>(&self, header: &'h UnverifiedHeader) -> Result<Vec<&'h Slot>> {
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
        let mut keys = Guarded::<Keys>::new(self.pages)?;
        (self.derive)(&mut keys, slot)?;
        match keys.open_slot(slot, header.vault_id()) {
            Err(Unopened::WrongKey) => Ok(None),
            Err(Unopened::Forged | Unopened::Length) => Err(altered_slot()),
            Ok(trusted) => Ok(Some(OpenSlot { keys, id: slot.id, trusted, kdf: Duration::ZERO })),
        }
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
pub(super) fn memory_of(slots: &[&Slot]) -> u64 {
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
pub(super) struct OpenSlot {
    pub(super) keys: Guarded<Keys>,
    pub(super) id: SlotId,
    /// Whose signature this slot's person trusts. `None` if that is no valid key.
    pub(super) trusted: Option<VerificationKey>,
    /// How long the key derivations took.
    pub(super) kdf: Duration,
}

pub(super) fn altered_slot() -> Error {
    damaged("the vault is damaged: the slot of this passphrase was altered")
}
