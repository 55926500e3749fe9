//! Who can open the vault: naming, adding and removing people.

mod passphrases;

use std::time::SystemTime;

use crate::credentials::system_time;
use crate::crypto::kdf::KdfParameters;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::header::MAX_SLOTS;
use crate::format::slot::{Hint, Role, Slot};
use crate::passphrase::Passphrase;
use crate::vault::commit::new_slot::{NewSlot, check_label};
use crate::vault::commit::next_revision::{Administrator, NextRevision, Sealed};
use crate::vault::commit::rekey::{Departure, rewrap};
use crate::vault::handle::Vault;
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::snapshot::Snapshot;

/// Somebody who can open the vault.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Person {
    /// What they are called in this vault.
    pub label: String,
    /// What they may do.
    pub role: Role,
    /// Whether a recovery code opens this slot, rather than a passphrase.
    pub is_recovery_code: bool,
    /// When they were added. Whole seconds.
    pub created: SystemTime,
    /// What a guess at their passphrase costs.
    pub kdf: KdfParameters,
    /// Whether the vault was opened through this slot.
    pub is_self: bool,
}

impl Vault {
    /// Who can open the vault, in the order of their slots. It is known to whoever can open it, and to nobody else.
    ///
    /// # Errors
    /// [`Locked`](ErrorKind::Locked).
    pub fn people(&self) -> Result<Vec<Person>> {
        Ok(people(&*self.snapshot()?).collect())
    }

    /// Gives somebody a way in of their own. Nobody else's passphrase is needed, and nobody notices.
    ///
    /// Blocks for the key derivation.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator) for a reader, before any work.
    /// * [`AlreadyExists`](ErrorKind::AlreadyExists): there is somebody of this label.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the label is not 1 to 128 bytes
    ///   of text without control characters, or the passphrase not 1 to 1024 bytes.
    /// * [`Refused`](ErrorKind::Refused): 32 can open the vault already, or a wrong passphrase would cost more than
    ///   the format allows.
    /// * What keeps it from being saved, as [`edit`](Self::edit).
    pub fn add_person(&self, label: &str, role: Role, passphrase: impl Into<Passphrase>) -> Result<()> {
        self.add(label, (role, Hint::Passphrase), &passphrase.into())
    }

    pub(super) fn add(&self, label: &str, what: (Role, Hint), passphrase: &Passphrase) -> Result<()> {
        let snapshot = self.newest_to_change()?;
        passphrase.check_len()?;
        check_label(label)?;
        let kdf = self.settings().new_kdf()?;
        let may_come = |snapshot: &Snapshot| match position(snapshot, label) {
            Ok(_) => {
                let message = format!("the vault already has a person named {}", quoted(label));
                Err(Error::new(ErrorKind::AlreadyExists, message))
            }
            Err(_) => check_room(snapshot, kdf),
        };
        may_come(&snapshot)?;
        let new_slot = NewSlot::derive(label, what, kdf, passphrase, self.pages())?;
        self.commit(
            |base| may_come(base),
            |(), opened, generation| seal_added(opened, &new_slot, generation).map(Some),
        )
    }

    /// Takes a reader's way in away: neither their passphrase nor what they kept opens any later version. Everybody else
    /// keeps their passphrase; every record is sealed anew.
    ///
    /// What they could read they may have copied: change those secrets at AWS.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator) for a reader, before any work.
    /// * [`NoSuchPerson`](ErrorKind::NoSuchPerson): there is nobody of this label.
    /// * [`Refused`](ErrorKind::Refused): it is an administrator, who has known the key that signs: see
    ///   [`rekey`](Self::rekey) and [`remove_person_keeping_seed`](Self::remove_person_keeping_seed).
    /// * What keeps it from being saved, as [`edit`](Self::edit).
    pub fn remove_person(&self, label: &str) -> Result<()> {
        self.remove(label, |slot| {
            if slot.role == Role::Reader {
                return Ok(());
            }
            let message = format!(
                "{} is an administrator and knows the signing key of the vault: rekey the vault, unless no other \
                 person has seen this passphrase or code",
                quoted(label)
            );
            Err(Error::new(ErrorKind::Refused, message))
        })
    }

    /// As [`remove_person`](Self::remove_person), administrators too: for a slot that nobody else has seen, such as that
    /// of a recovery code which was never out of your hands.
    ///
    /// # Security
    /// Who has known an administrator's passphrase, and kept a copy of the vault from then, holds the seed that signs
    /// every later version, and through it each passphrase's key. [`rekey`](Self::rekey) is the answer to that, this is
    /// not.
    ///
    /// # Errors
    /// As [`remove_person`](Self::remove_person); [`Refused`](ErrorKind::Refused) for the caller, and for the last
    /// administrator who has a passphrase.
    pub fn remove_person_keeping_seed(&self, label: &str) -> Result<()> {
        self.remove(label, |_| Ok(()))
    }

    fn remove(&self, label: &str, may_go: impl Fn(&Slot) -> Result<()>) -> Result<()> {
        let pages = self.pages();
        self.commit(
            |base| {
                let position = position(base, label)?;
                let slot = base.header.slots.get(position).ok_or_else(|| nobody(label))?;
                check_last(base, position)?;
                may_go(slot)?;
                Ok(position)
            },
            |position, opened, generation| {
                rewrap(opened, *position, &Departure::Removed, generation, pages)
                    .map(|renewed| Some(renewed.into()))
            },
        )?;
        Ok(())
    }
}

pub(super) fn people(snapshot: &Snapshot) -> impl Iterator<Item = Person> {
    let both = snapshot.header.slots.iter().zip(&snapshot.people).enumerate();
    both.map(|(position, (slot, person))| Person {
        label: person.label.to_string(),
        role: slot.role,
        is_recovery_code: slot.hint == Hint::RecoveryCode,
        created: system_time(person.created),
        kdf: slot.kdf,
        is_self: position == snapshot.own_slot,
    })
}

/// The version with one slot more. K stays: whoever comes may read what is there.
fn seal_added(opened: &Unlocked, new_slot: &NewSlot, generation: u64) -> Result<Sealed> {
    let administrator = Administrator::of(opened)?;
    let base = &*opened.snapshot;
    let (slot, person) = new_slot.fill(&administrator, &base.header.vault_id)?;
    let mut slots = base.header.slots.clone();
    slots.push(slot);
    let mut people = base.people.clone();
    people.push(person);
    let next = NextRevision { slots, people: &people, ..NextRevision::after(base, generation) };
    let (snapshot, file) = next.seal(&administrator)?;
    Ok(Sealed { snapshot, file, keys: None })
}

fn check_room(snapshot: &Snapshot, kdf: KdfParameters) -> Result<()> {
    let slots = &snapshot.header.slots;
    if slots.len() >= MAX_SLOTS {
        let message = format!("the vault already has {MAX_SLOTS} key slots, which is the maximum");
        return Err(Error::new(ErrorKind::Refused, message));
    }
    let cost: u64 = slots.iter().map(|slot| slot.kdf.cost()).sum();
    if cost + kdf.cost() > KdfParameters::MAX_TOTAL_COST {
        return Err(too_costly());
    }
    Ok(())
}

/// Somebody must be left who can write.
fn check_last(snapshot: &Snapshot, leaving: usize) -> Result<()> {
    let keeps = |slot: &Slot| slot.role == Role::Administrator && slot.hint == Hint::Passphrase;
    let slots = &snapshot.header.slots;
    let others = slots.iter().enumerate().filter(|(position, _)| *position != leaving);
    let message = if slots.get(leaving).is_some_and(keeps) && !others.map(|(_, slot)| slot).any(keeps) {
        "the last administrator with a passphrase cannot be removed, because otherwise the vault could no longer be \
         changed"
    } else if leaving == snapshot.own_slot {
        "you cannot remove yourself: ask another administrator"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Refused, message))
}

pub(super) fn too_costly() -> Error {
    let message = "the key derivations of the slots cost as much as the format allows: first remove a person whose \
                   slot has a high cost";
    Error::new(ErrorKind::Refused, message)
}

pub(super) fn position(snapshot: &Snapshot, label: &str) -> Result<usize> {
    snapshot.people.iter().position(|person| &*person.label == label).ok_or_else(|| nobody(label))
}

pub(super) fn nobody(label: &str) -> Error {
    Error::new(ErrorKind::NoSuchPerson, format!("the vault has no person named {}", quoted(label)))
}
