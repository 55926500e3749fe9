//! A handle of the vault, and what the model says of it.

use std::fmt::Debug;
use std::sync::Arc;

use aumbry::{ErrorKind, ExposeSecret, Mismatch, OpenOptions, Vault};

use super::model::Version;
use super::shelf::Shelf;
use crate::common::cheap;

/// What differed between the vault and the model.
pub(crate) type Checked<T = ()> = Result<T, String>;

pub(crate) fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, not {expected:?}")) }
}

/// Passphrases that are set are as cheap as the first ones.
pub(crate) fn options() -> OpenOptions {
    OpenOptions::new().kdf(cheap()).allow_kdf_below_floor()
}

pub(crate) struct Hand {
    pub(crate) vault: Vault,
    /// The version that it holds; while it is locked, the one it saw last.
    pub(crate) holds: Arc<Version>,
    pub(crate) slot: u64,
    /// The one slot that it may be unlocked through, if it was opened so.
    pub(crate) only: Option<u64>,
    pub(crate) is_locked: bool,
}

impl Hand {
    /// Opens a vault that is this version as the person at this position, with one key derivation.
    pub(crate) fn open(shelf: &Shelf, version: &Arc<Version>, position: usize) -> Checked<Self> {
        let person = &version.people[position];
        let opened = aumbry::inspect_in(shelf).and_then(|info| {
            let slot = info.slots.get(position).map(|slot| slot.id).unwrap();
            options().slot(slot).open_in(shelf.clone(), person.passphrase.as_str())
        });
        let vault = opened.map_err(|error| format!("{} is shut out: {error:?}", person.label))?;
        Ok(Self {
            vault,
            holds: Arc::clone(version),
            slot: person.slot,
            only: Some(person.slot),
            is_locked: false,
        })
    }

    /// As whom this passphrase unlocks it.
    pub(crate) fn unlocked_by(&self, now: &Version, passphrase: &str) -> Result<u64, ErrorKind> {
        let person = match self.only {
            None => now.opened_by(passphrase)?,
            Some(slot) => match now.person(slot).ok_or(ErrorKind::NoSuchPerson)? {
                person if person.passphrase == passphrase => person,
                _ => return Err(ErrorKind::WrongPassphrase),
            },
        };
        if now.seed == self.holds.seed {
            Ok(person.slot)
        } else {
            Err(ErrorKind::RevisionRefused(Mismatch::VaultChanged))
        }
    }

    /// Whether it may go on to the newest version.
    pub(crate) fn can_follow(&self, now: &Version) -> Result<(), ErrorKind> {
        match now.person(self.slot) {
            _ if self.is_locked => Err(ErrorKind::Locked),
            Some(_) => Ok(()),
            None => Err(ErrorKind::Reopen),
        }
    }

    /// Goes on to the newest version, if it may; says whether that is another.
    pub(crate) fn follow(&mut self, now: &Arc<Version>) -> Result<bool, ErrorKind> {
        self.can_follow(now)?;
        let is_new = self.holds.generation != now.generation;
        self.holds = Arc::clone(now);
        Ok(is_new)
    }

    /// The handle answers from the version that the model says, for the person that the model says.
    pub(crate) fn check(&self) -> Checked {
        same("whether a handle is locked", &self.vault.is_locked(), &self.is_locked)?;
        if self.is_locked {
            let refused = self.vault.find("a").map(|_| ()).map_err(|error| error.kind());
            return same("a locked handle's answer", &refused, &Err(ErrorKind::Locked));
        }
        self.see().map_err(|error| format!("a look-up fails: {error:?}"))?
    }

    fn see(&self) -> aumbry::Result<Checked> {
        let names: Vec<_> = self.vault.records()?.map(|entry| entry.name().to_owned()).collect();
        let mut seen = Vec::new();
        for name in &names {
            let secret = self
                .vault
                .get_credentials(name)?
                .map(|found| found.secret_access_key().expose_secret().to_owned());
            seen.push((name.as_str(), secret.unwrap_or_default()));
        }
        let records: Vec<_> =
            self.holds.records.iter().map(|(name, secret)| (name.as_str(), secret.clone())).collect();
        let found = self.vault.people()?;
        let people: Vec<_> = found
            .iter()
            .map(|person| (person.label.as_str(), person.role, person.is_recovery_code, person.is_self))
            .collect();
        let expected: Vec<_> = self
            .holds
            .people
            .iter()
            .map(|person| (person.label.as_str(), person.role, person.is_code, person.slot == self.slot))
            .collect();
        let role = self.holds.person(self.slot).map(|person| person.role);
        let (found_role, generation) = (self.vault.role()?, self.vault.generation()?);
        Ok(same("what a handle holds", &seen, &records)
            .and_then(|()| same("who can open the vault", &people, &expected))
            .and_then(|()| same("the role of a handle", &Some(found_role), &role))
            .and_then(|()| same("the generation of a handle", &generation, &self.holds.generation)))
    }
}
