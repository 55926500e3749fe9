//! A walk: each step is done to the vault and to the model, and they are compared.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use aumbry::{Edit, ErrorKind, ExposeSecret, NewRecord, Role, Vault};

use super::hand::{Checked, Hand, options, same};
use super::model::{Person, Version};
use super::operation::{Change, Key, Operation, Which};
use super::shelf::Shelf;
use crate::common::KEY_ID;

/// What was counted in a walk, or in many.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) steps: usize,
    pub(crate) commits: usize,
    pub(crate) refused: usize,
    /// People who opened the vault at the end.
    pub(crate) opened: usize,
    /// Passphrases of the past that did not open it.
    pub(crate) shut_out: usize,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            commits: self.commits + other.commits,
            refused: self.refused + other.refused,
            opened: self.opened + other.opened,
            shut_out: self.shut_out + other.shut_out,
        }
    }
}

pub(crate) struct Walk {
    shelf: Shelf,
    now: Arc<Version>,
    hands: Vec<Hand>,
    /// Each version that there was, and the file that it was.
    copies: Vec<(Arc<Version>, Vec<u8>)>,
    /// Every passphrase and code that ever opened the vault.
    passphrases: Vec<String>,
    last_slot: u64,
    tally: Tally,
}

impl Walk {
    /// Begins with one handle for each of the people of this vault.
    pub(crate) fn begin(shelf: Shelf, version: &Version) -> Checked<Self> {
        let now = Arc::new(version.clone());
        let people = &version.people;
        let hands = (0..people.len()).map(|position| Hand::open(&shelf, &now, position));
        Ok(Self {
            hands: hands.collect::<Checked<_>>()?,
            copies: vec![(Arc::clone(&now), shelf.bytes())],
            shelf,
            passphrases: people.iter().map(|person| person.passphrase.clone()).collect(),
            last_slot: people.len() as u64,
            tally: Tally::default(),
            now,
        })
    }

    pub(crate) fn go(mut self, operations: &[Operation]) -> Checked<Tally> {
        for (at, operation) in operations.iter().enumerate() {
            let (before, commits) = (self.shelf.bytes(), self.tally.commits);
            let step = self.step(operation).and_then(|()| {
                let replaced = self.shelf.bytes() != before;
                same("whether the file was replaced", &replaced, &(self.tally.commits > commits))?;
                let generation = aumbry::inspect_in(&self.shelf).map(|info| info.generation);
                same("the file's generation", &generation.ok(), &Some(self.now.generation))?;
                self.hands.iter().try_for_each(Hand::check)
            });
            step.map_err(|difference| format!("step {at}, {operation:?}: {difference}"))?;
            self.tally.steps += 1;
        }
        self.end().map_err(|difference| format!("at the end: {difference}"))
    }

    fn step(&mut self, operation: &Operation) -> Checked {
        match operation {
            Operation::Open { hand, with } => self.open(*hand, with),
            Operation::Unlock { hand, with } => self.unlock(*hand, with),
            Operation::Lock { hand } => {
                let hand = self.hand(*hand);
                hand.vault.lock();
                hand.is_locked = true;
                Ok(())
            }
            Operation::Refresh { hand } => {
                let now = Arc::clone(&self.now);
                let hand = self.hand(*hand);
                let (answer, expected) = (hand.vault.refresh(), hand.follow(&now));
                self.answered(answer, &expected)
            }
            Operation::Verify { hand } => {
                let now = Arc::clone(&self.now);
                let hand = self.hand(*hand);
                let answer = hand.vault.verify().map(|verified| (verified.records, verified.generation));
                let expected = hand.can_follow(&now).map(|()| (now.records.len(), now.generation));
                self.answered(answer, &expected)
            }
            Operation::Edit { hand, changes } => self.write(
                *hand,
                |vault| vault.edit(|edit| changes.iter().try_for_each(|change| apply(edit, change))),
                |now, _, _| now.edit(changes),
            ),
            Operation::AddPerson { hand, label, role, passphrase } => self.write(
                *hand,
                |vault| vault.add_person(label, *role, *passphrase),
                |now, _, slot| {
                    let (label, passphrase) = ((*label).to_owned(), (*passphrase).to_owned());
                    now.add(Person { slot, label, role: *role, passphrase, is_code: false }).map(Some)
                },
            ),
            Operation::RemovePerson { hand, label, keeping_seed } => self.write(
                *hand,
                |vault| {
                    if *keeping_seed {
                        vault.remove_person_keeping_seed(label)
                    } else {
                        vault.remove_person(label)
                    }
                },
                |now, by, _| now.remove(by, label, *keeping_seed).map(Some),
            ),
            Operation::SetPassphrase { hand, label, passphrase } => self.write(
                *hand,
                |vault| vault.set_passphrase(label, *passphrase),
                |now, _, slot| now.set_passphrase(label, slot, passphrase).map(Some),
            ),
            Operation::ChangePassphrase { hand, passphrase } => self.write(
                *hand,
                |vault| vault.change_passphrase(*passphrase),
                |now, by, slot| now.set_passphrase(&by.label, slot, passphrase).map(Some),
            ),
            Operation::IssueCode { hand } => {
                let code = RefCell::default(); // only the vault knows it
                self.write(
                    *hand,
                    |vault| {
                        *code.borrow_mut() =
                            vault.issue_recovery_code()?.to_grouped().expose_secret().to_owned();
                        Ok(())
                    },
                    |now, by, slot| now.issue_code(by, slot, &code.borrow()).map(Some),
                )
            }
            Operation::Rekey { hand, passphrase } => {
                let before = Arc::clone(&self.now);
                let mut gone = None;
                self.write(
                    *hand,
                    |vault| vault.rekey(*passphrase).map(|people| gone = Some(people)),
                    |now, by, slot| now.rekey(by, slot, passphrase).map(Some),
                )?;
                let Some(gone) = gone else { return Ok(()) };
                let others = before.people.iter().filter(|person| person.label != self.now.people[0].label);
                let gone = gone.iter().map(|person| &person.label).collect::<Vec<_>>();
                same("who has to be added again", &gone, &others.map(|person| &person.label).collect())
            }
            Operation::RestoreFromHand { hand, from } => {
                let is_itself = self.position(*hand) == self.position(*from);
                let from = self.hand(*from);
                let (backup, holds) = (from.vault.clone(), Arc::clone(&from.holds));
                let refused = if is_itself { Some(ErrorKind::Refused) } else { None };
                match refused.or(from.is_locked.then_some(ErrorKind::Locked)) {
                    Some(kind) => {
                        let answer = self.hand(*hand).vault.restore(&backup);
                        self.answered(answer, &Err(kind))
                    }
                    None => self.restore(*hand, &backup, &holds),
                }
            }
            Operation::RestoreFromCopy { hand, copy, person } => {
                let (version, file) = &self.copies[copy.index(self.copies.len())];
                let position = person.index(version.people.len());
                let backup = Hand::open(&Shelf::new(file.clone()), version, position)?;
                self.restore(*hand, &backup.vault, &backup.holds)
            }
        }
    }

    fn position(&self, which: Which) -> usize {
        match which {
            Which::Any(index) => index.index(self.hands.len()),
            Which::Able(index) => {
                let able = |hand: &Hand| {
                    let person = self.now.person(hand.slot);
                    !hand.is_locked && person.is_some_and(|person| person.role == Role::Administrator)
                };
                let able: Vec<_> = (0..self.hands.len()).filter(|at| able(&self.hands[*at])).collect();
                if able.is_empty() { self.position(Which::Any(index)) } else { *index.get(&able) }
            }
        }
    }

    fn hand(&mut self, which: Which) -> &mut Hand {
        let position = self.position(which);
        &mut self.hands[position]
    }

    fn passphrase(&self, key: &Key) -> String {
        match key {
            Key::Current(index) => self.now.people[index.index(self.now.people.len())].passphrase.clone(),
            Key::Former(index) => self.passphrases[index.index(self.passphrases.len())].clone(),
            Key::Wrong => "nobody's".to_owned(),
        }
    }

    /// Opens the vault again, in the place of this handle.
    fn open(&mut self, hand: Which, with: &Key) -> Checked {
        let passphrase = self.passphrase(with);
        let now = Arc::clone(&self.now);
        let expected = now.opened_by(&passphrase).map(|person| person.slot);
        let opened = options().open_in(self.shelf.clone(), passphrase.as_str());
        if let (Ok(vault), Ok(slot)) = (&opened, expected) {
            *self.hand(hand) = Hand { vault: vault.clone(), holds: now, slot, only: None, is_locked: false };
        }
        self.answered(opened.map(|_| ()), &expected.map(|_| ()))
    }

    fn unlock(&mut self, hand: Which, with: &Key) -> Checked {
        let passphrase = self.passphrase(with);
        let now = Arc::clone(&self.now);
        let hand = self.hand(hand);
        let expected = hand.unlocked_by(&now, &passphrase);
        let answer = hand.vault.unlock(passphrase.as_str());
        if let (Ok(()), Ok(slot)) = (&answer, expected) {
            (hand.slot, hand.holds, hand.is_locked) = (slot, now, false);
        }
        self.answered(answer, &expected.map(|_| ()))
    }

    fn restore(&mut self, hand: Which, backup: &Vault, holds: &Version) -> Checked {
        self.write(hand, |vault| vault.restore(backup), |now, _, _| Ok(Some(now.restore(holds))))
    }

    /// Something that only an administrator does, and that makes the next version. The model is told the newest one,
    /// whatever the handle holds, who does it, and the number of a new slot.
    fn write(
        &mut self,
        hand: Which,
        act: impl FnOnce(&Vault) -> aumbry::Result<()>,
        model: impl FnOnce(&Version, &Person, u64) -> Result<Option<Version>, ErrorKind>,
    ) -> Checked {
        self.last_slot += 1;
        let (now, new_slot) = (Arc::clone(&self.now), self.last_slot);
        let hand = self.hand(hand);
        let by = hand.holds.person(hand.slot).cloned().ok_or("a handle of nobody")?;
        let answer = act(&hand.vault);
        let expected = match by.role {
            _ if hand.is_locked => Err(ErrorKind::Locked),
            Role::Administrator => hand.follow(&now).and_then(|_| model(&now, &by, new_slot)),
            _ => Err(ErrorKind::NotAdministrator),
        };
        if let (Ok(()), Ok(Some(next))) = (&answer, &expected) {
            // Whoever is gone by their own doing is who came.
            if next.person(hand.slot).is_none() {
                hand.slot = new_slot;
            }
            let next = Arc::new(next.clone());
            hand.holds = Arc::clone(&next);
            self.passphrases.extend(next.person(new_slot).map(|person| person.passphrase.clone()));
            self.copies.push((Arc::clone(&next), self.shelf.bytes()));
            self.now = next;
            self.tally.commits += 1;
        }
        self.answered(answer, &expected.map(|_| ()))
    }

    fn answered<T: PartialEq + Debug>(
        &mut self,
        answer: aumbry::Result<T>,
        expected: &Result<T, ErrorKind>,
    ) -> Checked {
        self.tally.refused += usize::from(expected.is_err());
        same("the answer", &answer.map_err(|error| error.kind()), expected)
    }

    /// Everybody opens the vault and sees all of it, and no passphrase of the past opens it.
    fn end(mut self) -> Checked<Tally> {
        for position in 0..self.now.people.len() {
            let hand = Hand::open(&self.shelf, &self.now, position)?;
            hand.check()?;
            let records = hand.vault.verify().map(|verified| verified.records);
            same("how many records open", &records.ok(), &Some(self.now.records.len()))?;
            self.tally.opened += 1;
        }
        for passphrase in self.passphrases.iter().collect::<BTreeSet<_>>() {
            if self.now.opened_by(passphrase).is_err() {
                let opened = options().open_in(self.shelf.clone(), passphrase.as_str());
                let opened = opened.map(|_| ()).map_err(|error| error.kind());
                same("what a former passphrase opens", &opened, &Err(ErrorKind::WrongPassphrase))?;
                self.tally.shut_out += 1;
            }
        }
        Ok(self.tally)
    }
}

fn apply(edit: &mut Edit<'_>, change: &Change) -> aumbry::Result<()> {
    let draft = |name: &str, secret: &str| NewRecord::new_static(name, KEY_ID, secret);
    match change {
        Change::Add(name, secret) => edit.add(&draft(name, secret)?),
        Change::Put(name, secret) => {
            edit.put(&draft(name, secret)?)?;
            Ok(())
        }
        Change::Secret(name, secret) => {
            edit.change(name, &aumbry::RecordChange::new().secret_access_key(secret.as_str()))
        }
        Change::Describe(name) => {
            edit.change(name, &aumbry::RecordChange::new().attribute("region", Some("eu-central-1")))
        }
        Change::Rename(old, new) => edit.rename(old, &aumbry::Name::new(new)?),
        Change::Remove(name) => edit.remove(name),
    }
}
