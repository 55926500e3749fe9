//! New keys for the same vault: what becomes of slots and records when somebody must not open what comes.

use crate::crypto::keys::Kek;
use crate::crypto::random;
use crate::crypto::signature::VerificationKey;
use crate::error::{ErrorKind, Result, quoted};
use crate::format::body::{Run, seal_secret};
use crate::format::damaged;
use crate::format::people::SlotMeta;
use crate::format::slot::Slot;
use crate::id::SlotId;
use crate::memory::{Guarded, KeyPages, WipedBytes, with_scrubbed_stack, zeroed};
use crate::vault::commit::new_slot::NewSlot;
use crate::vault::commit::next_revision::{Administrator, NextRevision, Sealed};
use crate::vault::unlocked::Unlocked;
use crate::vault::unlocked::keys::Keys;
use crate::vault::unlocked::snapshot::Snapshot;

/// What happens to one slot when all records are sealed under a new K.
pub(in crate::vault) enum Departure<'a> {
    /// Every person stays. A person who was removed earlier and kept an older K cannot use it.
    Nobody,
    /// The slot goes to another person, or to the same person with another passphrase.
    Replaced(&'a NewSlot),
    Removed,
}

/// The version in which the slot at `position` is replaced or gone, everything under a new K.
///
/// The others are given the new K through their escrowed key-encryption keys, so that no other person has to type a passphrase.
pub(in crate::vault) fn rewrap(
    opened: &Unlocked,
    position: usize,
    departure: &Departure<'_>,
    generation: u64,
    pages: KeyPages,
) -> Result<Renewed> {
    let base = &*opened.snapshot;
    let vault_id = &base.header.vault_id;
    let old = Administrator::of(opened)?;
    let escrow_key = old.derive_escrow_key(vault_id);

    let mut keys = Guarded::<Keys>::new(pages)?;
    let random = random::make()?;
    keys.derive_next(old.keys(), vault_id, &random, generation);
    let own = match departure {
        Departure::Replaced(new_slot) if position == base.own_slot => {
            keys.set_kek(new_slot.kek());
            new_slot.id()
        }
        Departure::Replaced(_) | Departure::Removed | Departure::Nobody => {
            keys.set_kek(old.keys().kek());
            base.own_id()
        }
    };

    let new = Administrator::with_own(&keys);
    let mut slots = Vec::with_capacity(base.header.slots.len());
    let mut people = Vec::with_capacity(base.people.len());
    let mut kek = Guarded::<Kek>::new(pages)?;
    let mut check = Guarded::<Keys>::new(pages)?;
    for (at, (slot, person)) in base.header.slots.iter().zip(&base.people).enumerate() {
        match departure {
            Departure::Removed if at == position => {}
            Departure::Replaced(new_slot) if at == position => {
                let (slot, person) = new_slot.fill(&new, vault_id)?;
                slots.push(slot);
                people.push(person);
            }
            Departure::Replaced(_) | Departure::Removed | Departure::Nobody => {
                with_scrubbed_stack(|| person.open_escrow(vault_id, &escrow_key, &mut kek))?;
                // An escrow that opens, but is not what opens this person's slot, would lock them out.
                check.set_kek(&kek);
                check.open_slot(slot, vault_id).map_err(|_| {
                    damaged(format!(
                        "the vault is damaged: the escrow of {} contains another key",
                        quoted(&person.label)
                    ))
                })?;
                let mut slot = slot.clone();
                new.wrap(&mut slot, vault_id, &kek)?;
                slots.push(slot);
                people.push(person.clone());
            }
        }
    }
    let trusted = Some(base.verification_key);
    seal(opened, keys, Ways { slots, people, own, trusted }, generation)
}

/// The version in which `new_slot` alone has a slot, under a new K and a new seed: nothing that anybody knew or kept,
/// the caller included, opens it or signs the next one.
pub(in crate::vault) fn rekey(
    opened: &Unlocked,
    new_slot: &NewSlot,
    generation: u64,
    pages: KeyPages,
) -> Result<Renewed> {
    let vault_id = &opened.snapshot.header.vault_id;
    let mut keys = Guarded::<Keys>::new(pages)?;
    keys.make_first(vault_id)?;
    keys.set_kek(new_slot.kek());
    let (slot, person) = new_slot.fill(&Administrator::with_own(&keys), vault_id)?;
    let ways = Ways { slots: vec![slot], people: vec![person], own: new_slot.id(), trusted: None };
    seal(opened, keys, ways, generation)
}

/// A version under new keys, ready to be saved.
pub(in crate::vault) struct Renewed {
    pub(in crate::vault) snapshot: Snapshot,
    pub(in crate::vault) file: Vec<u8>,
    pub(in crate::vault) keys: Guarded<Keys>,
}

impl From<Renewed> for Sealed {
    fn from(Renewed { snapshot, file, keys }: Renewed) -> Self {
        Self { snapshot, file, keys: Some(keys) }
    }
}

/// The key slots of the next revision, and the people they belong to.
struct Ways {
    slots: Vec<Slot>,
    people: Vec<SlotMeta>,
    own: SlotId,
    trusted: Option<VerificationKey>,
}

/// The same records under new keys.
fn seal(opened: &Unlocked, keys: Guarded<Keys>, ways: Ways, generation: u64) -> Result<Renewed> {
    let base = &*opened.snapshot;
    let Ways { slots, people, own, trusted } = ways;
    let runs = vec![Run::New(seal_anew(base, &opened.keys, &keys)?)];
    let next =
        NextRevision { slots, people: &people, own, trusted, runs, ..NextRevision::after(base, generation) };
    let (snapshot, file) = next.seal(&Administrator::with_own(&keys))?;
    Ok(Renewed { snapshot, file, keys })
}

/// All encoded records with their secrets under other keys: opened and sealed one at a time. A record that does not open
/// stays as it is, and [`Vault::verify`](super::Vault::verify) reports it: an attacker who planted one must not be able to
/// prevent keys from being renewed.
pub(in crate::vault) fn seal_anew(base: &Snapshot, old: &Keys, new: &Keys) -> Result<WipedBytes> {
    let vault_id = &base.header.vault_id;
    let all = base.encoded(0..base.offsets().len());
    let mut records = zeroed(all.len())?;
    records.copy_from_slice(all);
    let mut rest = records.as_mut_slice();
    for (position, offset) in base.offsets().iter().enumerate() {
        let record = base.record(*offset);
        let random = random::make()?;
        let sealed = with_scrubbed_stack(|| match record.open_secret(vault_id, old.record_keys()) {
            Ok(secrets) => seal_secret(vault_id, record.name, &secrets, new.record_keys(), &random).map(Some),
            Err(error) if error.kind() == ErrorKind::Damaged => Ok(None),
            Err(error) => Err(error),
        })?;
        let (bytes, behind) =
            rest.split_at_mut_checked(base.encoded(position..position + 1).len()).unwrap_or_default();
        rest = behind;
        let Some(sealed) = sealed else { continue };
        // The secret is the last field of an encoded record, and as long as it was.
        match bytes.len().checked_sub(sealed.len()).and_then(|start| bytes.get_mut(start..)) {
            Some(secret) if sealed.len() == record.secret.len() => secret.copy_from_slice(&sealed),
            _ => {
                return Err(damaged(format!("could not encrypt the record {} again", quoted(record.name))));
            }
        }
    }
    Ok(records)
}
