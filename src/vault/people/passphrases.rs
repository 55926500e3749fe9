//! New passphrases, new recovery codes, new keys.

use crate::crypto::kdf::KdfParameters;
use crate::error::{Error, ErrorKind, Result, quoted};
use crate::format::slot::{Hint, Role, Slot};
use crate::passphrase::Passphrase;
use crate::passphrase::recovery_code::{self, RecoveryCode};
use crate::vault::commit::new_slot::{NewSlot, is_kek_of};
use crate::vault::commit::rekey::{Departure, rekey, rewrap};
use crate::vault::handle::Vault;
use crate::vault::people::{Person, nobody, people, position, too_costly};
use crate::vault::unlocked::snapshot::Snapshot;

impl Vault {
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
        let snapshot = self.newest_to_change()?;
        if snapshot.slot().is_some_and(|slot| slot.hint == Hint::RecoveryCode) {
            let message =
                "the vault was opened with its recovery code: name the person whose passphrase to change";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let label = snapshot.people.get(snapshot.own_slot).map(|person| person.label.clone());
        self.set_passphrase(&label.unwrap_or_default(), new)
    }

    /// Gives the person of this label a new passphrase, for instance one who forgot it.
    ///
    /// # Errors
    /// As [`change_passphrase`](Self::change_passphrase); [`NoSuchPerson`](ErrorKind::NoSuchPerson) if there is
    /// nobody of this label; [`Refused`](ErrorKind::Refused) for the recovery code, which is no passphrase.
    pub fn set_passphrase(&self, label: &str, new: impl Into<Passphrase>) -> Result<()> {
        let passphrase = new.into();
        let snapshot = self.newest_to_change()?;
        passphrase.check_len()?;
        let position = position(&snapshot, label)?;
        let both = snapshot.header.slots.get(position).zip(snapshot.people.get(position));
        let (slot, person) = both.ok_or_else(|| nobody(label))?;
        if slot.hint == Hint::RecoveryCode {
            let message = format!("{} is a recovery code, not a passphrase", quoted(label));
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let kdf = kdf_for(slot, &snapshot, self.settings().new_kdf()?)?;
        let pages = self.pages();
        let new_slot = NewSlot::derive(label, (slot.role, slot.hint), kdf, &passphrase, pages)?;
        self.replace(label, slot, &new_slot.since(person.created))
    }

    /// Gives the slot of this label, which was `old` when the caller looked, to another passphrase or code.
    fn replace(&self, label: &str, old: &Slot, new_slot: &NewSlot) -> Result<()> {
        let pages = self.pages();
        self.commit(
            |base| {
                let position = position(base, label)?;
                let now = base.header.slots.get(position);
                // Somebody else gave this person a new slot, perhaps with another role: theirs stays.
                if now.is_none_or(|now| (now.id, now.role, now.hint) != (old.id, old.role, old.hint)) {
                    let message = format!(
                        "the slot of {} was changed by another program in the meantime",
                        quoted(label)
                    );
                    return Err(Error::new(ErrorKind::Conflict, message));
                }
                Ok(position)
            },
            |position, opened, generation| {
                let departure = Departure::Replaced(new_slot);
                rewrap(opened, *position, &departure, generation, pages).map(|renewed| Some(renewed.into()))
            },
        )?;
        Ok(())
    }

    /// Makes a recovery code, to be shown once and kept on paper: it opens the vault as an administrator when a
    /// passphrase is forgotten. A code that was made before opens the vault no more.
    ///
    /// Blocks for the key derivation.
    ///
    /// # Errors
    /// That the disk did not confirm it is no error but [`Advice::NotConfirmed`](crate::Advice::NotConfirmed): the code would
    /// be lost with it. As [`add_person`](Self::add_person); [`Refused`](ErrorKind::Refused) if the vault was opened with the code that
    /// would be replaced, or if somebody is named `recovery code` and has a passphrase.
    pub fn issue_recovery_code(&self) -> Result<RecoveryCode> {
        let code = RecoveryCode::make()?;
        let (label, passphrase) = (recovery_code::LABEL, Passphrase::from(&code));
        let snapshot = self.newest_to_change()?;
        let old = position(&snapshot, label).ok();
        match old.and_then(|position| snapshot.header.slots.get(position)) {
            None => {
                shown_all_the_same(self.add(label, (Role::Administrator, Hint::RecoveryCode), &passphrase))?;
            }
            Some(slot) if slot.hint != Hint::RecoveryCode => {
                let message = format!("a person with a passphrase already has the label {}", quoted(label));
                return Err(Error::new(ErrorKind::Refused, message));
            }
            Some(_) if old == Some(snapshot.own_slot) => {
                let message = "the vault was opened with this recovery code: set a passphrase, open the vault with \
                               it, and then make a new code";
                return Err(Error::new(ErrorKind::Refused, message));
            }
            Some(slot) => {
                let kdf = kdf_for(slot, &snapshot, self.settings().new_kdf()?)?;
                let pages = self.pages();
                let new_slot = NewSlot::derive(label, (slot.role, slot.hint), kdf, &passphrase, pages)?;
                shown_all_the_same(self.replace(label, slot, &new_slot))?;
            }
        }
        Ok(code)
    }

    /// Gives the vault new keys, all of them, and a passphrase that is new too. Nobody else can open it afterwards: those
    /// who should must be added again, each with a passphrase that was never used in this vault. They are returned.
    ///
    /// This is what an administrator who leaves, or a leaked administrator's passphrase, calls for: they knew the seed
    /// that signs, and through it every slot's key. Each machine that remembers the vault will say
    /// [`RevisionRefused`](ErrorKind::RevisionRefused) once.
    ///
    /// Blocks for two key derivations.
    ///
    /// # Errors
    /// * [`NotAdministrator`](ErrorKind::NotAdministrator) for a reader, before any work.
    /// * [`InvalidInput`](ErrorKind::InvalidInput): the passphrase is empty, longer than 1024 bytes, or the old one.
    /// * [`Refused`](ErrorKind::Refused): the vault was opened with a recovery code, which is for one's pocket only.
    /// * [`Conflict`](ErrorKind::Conflict): somebody changed the caller's slot meanwhile.
    /// * What keeps it from being saved, as [`edit`](Self::edit).
    pub fn rekey(&self, new: impl Into<Passphrase>) -> Result<Vec<Person>> {
        let passphrase = new.into();
        let opened = self.with_own_keys(&self.newest_to_change()?)?;
        let snapshot = &opened.snapshot;
        passphrase.check_len()?;
        let slot = snapshot.slot().ok_or_else(|| nobody("you"))?;
        if slot.hint == Hint::RecoveryCode {
            let message = "the vault was opened with its recovery code: set a passphrase and open the vault with it, \
                           because after a rekey only that passphrase opens the vault";
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let pages = self.pages();
        if is_kek_of(opened.keys.kek(), &passphrase, slot, pages)? {
            let message = "this is the current passphrase: a person who knows it could open the vault again";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let label =
            snapshot.people.get(snapshot.own_slot).map(|person| person.label.clone()).unwrap_or_default();
        let kdf = kdf_for(slot, snapshot, self.settings().new_kdf()?)?;
        let new_slot = NewSlot::derive(&label, (slot.role, slot.hint), kdf, &passphrase, pages)?;
        let mut gone = Vec::new();
        shown_all_the_same(self.commit(
            |base| {
                if base.own_id() == slot.id {
                    gone = people(base).filter(|person| !person.is_self).collect();
                    return Ok(());
                }
                Err(Error::new(
                    ErrorKind::Conflict,
                    "another program changed your own slot in the meantime: open the vault again",
                ))
            },
            |(), opened, generation| {
                rekey(opened, &new_slot, generation, pages).map(|renewed| Some(renewed.into()))
            },
        ))?;
        Ok(gone)
    }
}

/// What is told once must not be lost with an error: the vault was saved, and [`Advice::NotConfirmed`](super::Advice)
/// says the rest.
fn shown_all_the_same(saved: Result<()>) -> Result<()> {
    match saved {
        Err(error) if error.kind() == ErrorKind::DurabilityUnknown => Ok(()),
        saved => saved,
    }
}

/// A passphrase that is set today costs at least what is the default today, if all slots together may cost that.
fn kdf_for(slot: &Slot, snapshot: &Snapshot, default: KdfParameters) -> Result<KdfParameters> {
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
    Err(too_costly())
}
