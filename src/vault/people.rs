//! Slots: who can open the vault, and what becomes of them when somebody's passphrase changes.

use std::time::SystemTime;

use super::Vault;
use super::keys::Keys;
use super::opening::Opened;
use super::passphrase::Passphrase;
use super::snapshot::Snapshot;
use super::version::{Administrator, NextVersion, Sealed, check_role};
use crate::credentials::{check_text, now, system_time};
use crate::crypto::kdf::{KdfParameters, derive_kek};
use crate::crypto::keys::Kek;
use crate::crypto::random;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::body::{MAX_LABEL, Run, SlotMeta, seal_secret};
use crate::format::damaged;
use crate::format::slot::{Hint, Role, Slot, SlotId};
use crate::memory::{Guarded, WipedBytes, with_scrubbed_stack, zeroed};

/// # Errors
/// [`ErrorKind::InvalidInput`] or [`ErrorKind::TooLong`], saying which rule the label breaks.
pub(super) fn check_label(label: &str) -> Result<()> {
    check_text("a label", ErrorKind::InvalidInput, MAX_LABEL, label)
}

/// A person about to get a slot: the passphrase is derived, the vault's keys are not wrapped yet.
pub(super) struct Newcomer {
    slot: Slot,
    label: Box<str>,
    created: i64,
    kek: Guarded<Kek>,
}

impl Newcomer {
    /// Derives the passphrase under a fresh salt: the slow step, done before any lock is taken.
    pub(super) fn make(
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

    pub(super) fn kek(&self) -> &Kek {
        &self.kek
    }

    pub(super) fn id(&self) -> SlotId {
        self.slot.id
    }

    /// The slot with the vault's keys in it, and what the body says of it.
    pub(super) fn admit(&self, by: &Administrator<'_>, vault_id: &[u8; 16]) -> Result<(Slot, SlotMeta)> {
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
        let snapshot = self.snapshot()?;
        let both = snapshot.header.slots.iter().zip(&snapshot.people).enumerate();
        let people = both.map(|(position, (slot, person))| Person {
            label: person.label.to_string(),
            role: slot.role,
            is_recovery_code: slot.hint == Hint::RecoveryCode,
            created: system_time(person.created),
            kdf: slot.kdf,
            is_self: position == snapshot.own_slot,
        });
        Ok(people.collect())
    }

    /// Changes the passphrase through which this vault was opened.
    ///
    /// A new vault key is made, every record is sealed anew, and everybody else keeps their passphrase. Copies
    /// of the file from before still open with the old one.
    ///
    /// # Errors
    /// [`NotAdministrator`](ErrorKind::NotAdministrator) for a reader, whose passphrase an administrator
    /// changes; [`Refused`](ErrorKind::Refused) if the vault was opened with its recovery code: name the person
    /// in [`set_passphrase`](Self::set_passphrase); [`InvalidInput`](ErrorKind::InvalidInput) for a passphrase
    /// that is empty or longer than 1024 bytes; or as [`edit`](Self::edit).
    pub fn change_passphrase(&self, new: impl Into<Passphrase>) -> Result<()> {
        let snapshot = self.snapshot()?;
        check_role(&snapshot)?;
        if snapshot.slot().is_some_and(|slot| slot.hint == Hint::RecoveryCode) {
            let message =
                "the vault was opened with its recovery code: say whose passphrase is to be changed";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let label = snapshot.people.get(snapshot.own_slot).map(|person| person.label.clone());
        self.set_passphrase(&label.unwrap_or_default(), new)
    }

    /// Gives the person of this label a new passphrase, for instance one who forgot it.
    ///
    /// # Errors
    /// As [`change_passphrase`](Self::change_passphrase); [`NoSuchRecord`](ErrorKind::NoSuchRecord) if there is
    /// nobody of this label; [`Refused`](ErrorKind::Refused) for the recovery code, which is no passphrase.
    pub fn set_passphrase(&self, label: &str, new: impl Into<Passphrase>) -> Result<()> {
        let passphrase = new.into();
        passphrase.check_len()?;
        let snapshot = self.snapshot()?;
        check_role(&snapshot)?;
        let slot = position(&snapshot, label)
            .and_then(|position| snapshot.header.slots.get(position).ok_or_else(|| nobody(label)))?;
        if slot.hint == Hint::RecoveryCode {
            let message = format!("{} is a recovery code, not a passphrase", quoted(label));
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let kdf = kdf_for(slot, &snapshot)?;
        let secret_memory = self.place().secret_memory();
        let newcomer = Newcomer::make(label, (slot.role, slot.hint), kdf, &passphrase, secret_memory)?;
        self.commit(
            |snapshot| {
                let position = position(snapshot, label)?;
                let now = snapshot.header.slots.get(position);
                // Somebody else gave this person a new slot, perhaps with another role: theirs stays.
                if now.is_none_or(|now| (now.id, now.role, now.hint) != (slot.id, slot.role, slot.hint)) {
                    let message = format!("{} was changed elsewhere meanwhile", quoted(label));
                    return Err(Error::new(ErrorKind::Conflict, message));
                }
                Ok(position)
            },
            |position, opened, generation| {
                replace_slot(opened, *position, &newcomer, generation, secret_memory).map(Some)
            },
        )?;
        Ok(())
    }
}

/// A passphrase that is set today costs at least what is the default today, if all slots together may cost that.
fn kdf_for(slot: &Slot, snapshot: &Snapshot) -> Result<KdfParameters> {
    let default = KdfParameters::default();
    if slot.kdf.cost() >= default.cost() && slot.kdf.is_above_floor() {
        return Ok(slot.kdf);
    }
    let others: u64 = snapshot.header.slots.iter().map(|slot| slot.kdf.cost()).sum::<u64>() - slot.kdf.cost();
    if others + default.cost() <= KdfParameters::MAX_TOTAL_COST {
        return Ok(default);
    }
    if slot.kdf.is_above_floor() {
        return Ok(slot.kdf);
    }
    let message = "the slots of the vault together cost as much as the format allows: somebody with a costly one \
                   must go first";
    Err(Error::new(ErrorKind::Refused, message))
}

fn position(snapshot: &Snapshot, label: &str) -> Result<usize> {
    snapshot.people.iter().position(|person| &*person.label == label).ok_or_else(|| nobody(label))
}

fn nobody(label: &str) -> Error {
    Error::new(ErrorKind::NoSuchRecord, format!("the vault has no person named {}", quoted(label)))
}

/// The version in which `newcomer` has the slot at `position`, everything under a new K.
///
/// The others are given the new K through their escrowed key-encryption keys, so nobody else types anything.
fn replace_slot(
    opened: &Opened,
    position: usize,
    newcomer: &Newcomer,
    generation: u64,
    secret_memory: bool,
) -> Result<Sealed> {
    let base = &*opened.snapshot;
    let vault_id = &base.header.vault_id;
    let old = Administrator::of(opened)?;
    let escrow_key = old.derive_escrow_key(vault_id);

    let mut keys = Guarded::<Keys>::new(secret_memory)?;
    let random = random::make()?;
    keys.derive_next(old.keys(), vault_id, &random, generation);
    let is_own = position == base.own_slot;
    keys.set_kek(if is_own { newcomer.kek() } else { old.keys().kek() });

    let new = Administrator::with_own(&keys);
    let mut slots = Vec::with_capacity(base.header.slots.len());
    let mut people = Vec::with_capacity(base.people.len());
    let mut kek = Guarded::<Kek>::new(secret_memory)?;
    let mut check = Guarded::<Keys>::new(secret_memory)?;
    for (at, (slot, person)) in base.header.slots.iter().zip(&base.people).enumerate() {
        if at == position {
            let (slot, mut person_now) = newcomer.admit(&new, vault_id)?;
            person_now.created = person.created;
            slots.push(slot);
            people.push(person_now);
        } else {
            with_scrubbed_stack(|| person.open_escrow(vault_id, &escrow_key, &mut kek))?;
            // An escrow that opens, but is not what opens this person's slot, would lock them out.
            check.set_kek(&kek);
            check.open_slot(slot, vault_id).map_err(|_| {
                damaged(format!(
                    "the vault is damaged: the escrow of {} is another key",
                    quoted(&person.label)
                ))
            })?;
            let mut slot = slot.clone();
            new.wrap(&mut slot, vault_id, &kek)?;
            slots.push(slot);
            people.push(person.clone());
        }
    }

    let own = slots.get(base.own_slot).map_or([0; 16], |slot| slot.id);
    let records = seal_anew(base, old.keys(), &keys)?;
    let count = base.offsets().len();
    let runs = vec![Run::New(records)];
    let trusted = Some(base.verification_key);
    let vault_id = *vault_id;
    let next = NextVersion { vault_id, generation, slots, people: &people, runs, count, own, trusted };
    let (snapshot, file) = next.seal(&new)?;
    Ok(Sealed { snapshot, file, keys: Some(keys) })
}

/// All encoded records with their secrets under other keys: opened and sealed one at a time.
pub(super) fn seal_anew(base: &Snapshot, old: &Keys, new: &Keys) -> Result<WipedBytes> {
    let vault_id = &base.header.vault_id;
    let all = base.encoded(0..base.offsets().len());
    let mut records = zeroed(all.len())?;
    records.copy_from_slice(all);
    let mut rest = records.as_mut_slice();
    for (position, offset) in base.offsets().iter().enumerate() {
        let record = base.record(*offset);
        let random = random::make()?;
        let sealed = with_scrubbed_stack(|| {
            let secrets = record.open_secret(vault_id, old.record_keys())?;
            seal_secret(vault_id, record.name, &secrets, new.record_keys(), &random)
        })?;
        let (bytes, behind) =
            rest.split_at_mut_checked(base.encoded(position..position + 1).len()).unwrap_or_default();
        // The secret is the last field of an encoded record, and as long as it was.
        match bytes.len().checked_sub(sealed.len()).and_then(|start| bytes.get_mut(start..)) {
            Some(secret) if sealed.len() == record.secret.len() => secret.copy_from_slice(&sealed),
            _ => return Err(damaged(format!("the record {} could not be sealed anew", quoted(record.name)))),
        }
        rest = behind;
    }
    Ok(records)
}
