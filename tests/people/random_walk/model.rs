//! The model: a vault is a list of people and a map of records, and each rule of the documentation is a line or two.

use std::collections::{BTreeMap, BTreeSet};

use aumbry::{ErrorKind, Role};

use super::operation::Change;

/// What the slot of a recovery code is called.
pub(crate) const CODE: &str = "recovery code";

type Answer<T> = Result<T, ErrorKind>;

/// One version of the vault.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Version {
    pub(crate) generation: u64,
    /// Which signing key it has: a rekey makes another one.
    pub(crate) seed: u64,
    /// In the order of their slots.
    pub(crate) people: Vec<Person>,
    /// Names and secrets.
    pub(crate) records: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Person {
    /// A number that is never used again: each new passphrase gets a new one.
    pub(crate) slot: u64,
    pub(crate) label: String,
    pub(crate) role: Role,
    pub(crate) passphrase: String,
    pub(crate) is_code: bool,
}

impl Version {
    fn next(&self) -> Self {
        Self { generation: self.generation + 1, ..self.clone() }
    }

    fn position(&self, label: &str) -> Answer<usize> {
        self.people.iter().position(|person| person.label == label).ok_or(ErrorKind::NoSuchPerson)
    }

    pub(crate) fn person(&self, slot: u64) -> Option<&Person> {
        self.people.iter().find(|person| person.slot == slot)
    }

    /// The person whom this passphrase lets in: the first in the order of slots, if two have the same.
    pub(crate) fn opened_by(&self, passphrase: &str) -> Answer<&Person> {
        self.people.iter().find(|person| person.passphrase == passphrase).ok_or(ErrorKind::WrongPassphrase)
    }

    pub(crate) fn add(&self, person: Person) -> Answer<Self> {
        if self.position(&person.label).is_ok() {
            return Err(ErrorKind::AlreadyExists);
        }
        let mut next = self.next();
        next.people.push(person);
        Ok(next)
    }

    pub(crate) fn remove(&self, by: &Person, label: &str, keeping_seed: bool) -> Answer<Self> {
        let position = self.position(label)?;
        let mut next = self.next();
        let gone = next.people.remove(position);
        let can_write = |person: &Person| person.role == Role::Administrator && !person.is_code;
        let nobody_left = can_write(&gone) && !next.people.iter().any(can_write);
        let known_seed = gone.role == Role::Administrator && !keeping_seed;
        if nobody_left || gone.slot == by.slot || known_seed {
            return Err(ErrorKind::Refused);
        }
        Ok(next)
    }

    pub(crate) fn set_passphrase(&self, label: &str, slot: u64, passphrase: &str) -> Answer<Self> {
        let position = self.position(label)?;
        let mut next = self.next();
        let person = &mut next.people[position];
        if person.is_code {
            return Err(ErrorKind::Refused);
        }
        (person.slot, person.passphrase) = (slot, passphrase.to_owned());
        Ok(next)
    }

    pub(crate) fn issue_code(&self, by: &Person, slot: u64, code: &str) -> Answer<Self> {
        let (label, passphrase, role) = (CODE.to_owned(), code.to_owned(), Role::Administrator);
        let code = Person { slot, label, role, passphrase, is_code: true };
        let Ok(position) = self.position(CODE) else { return self.add(code) };
        let mut next = self.next();
        let old = std::mem::replace(&mut next.people[position], code);
        if !old.is_code || old.slot == by.slot { Err(ErrorKind::Refused) } else { Ok(next) }
    }

    pub(crate) fn rekey(&self, by: &Person, slot: u64, passphrase: &str) -> Answer<Self> {
        if by.is_code {
            return Err(ErrorKind::Refused);
        }
        if by.passphrase == passphrase {
            return Err(ErrorKind::InvalidInput);
        }
        let alone = Person { slot, passphrase: passphrase.to_owned(), ..by.clone() };
        Ok(Self { seed: slot, people: vec![alone], ..self.next() })
    }

    pub(crate) fn restore(&self, backup: &Self) -> Self {
        Self { records: backup.records.clone(), ..self.next() }
    }

    /// The next version, or nothing if these changes together change nothing.
    pub(crate) fn edit(&self, changes: &[Change]) -> Answer<Option<Self>> {
        let mut next = self.next();
        let records = &mut next.records;
        let mut touched = BTreeSet::new();
        for change in changes {
            match change {
                Change::Add(name, _) if records.contains_key(name) => return Err(ErrorKind::AlreadyExists),
                Change::Secret(name, _)
                | Change::Describe(name)
                | Change::Remove(name)
                | Change::Rename(name, _)
                    if !records.contains_key(name) =>
                {
                    return Err(ErrorKind::NoSuchRecord);
                }
                Change::Rename(old, new) if old == new => {}
                Change::Rename(_, new) if records.contains_key(new) => return Err(ErrorKind::AlreadyExists),
                Change::Add(name, secret) | Change::Put(name, secret) | Change::Secret(name, secret) => {
                    records.insert(name.clone(), secret.clone());
                    touched.insert(name);
                }
                Change::Describe(name) => {
                    touched.insert(name);
                }
                Change::Rename(old, new) => {
                    let secret = records.remove(old).unwrap_or_default();
                    records.insert(new.clone(), secret);
                    touched.extend([old, new]);
                }
                Change::Remove(name) => {
                    records.remove(name);
                    touched.insert(name);
                }
            }
        }
        // What an edit adds and removes again was never there.
        let changes_something = touched
            .into_iter()
            .any(|name| self.records.contains_key(name) || next.records.contains_key(name));
        Ok(changes_something.then_some(next))
    }
}
