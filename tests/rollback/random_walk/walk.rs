//! A walk: each step is done to a file on the disk and to the model, and they are compared.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aumbry::storage::FileStorage;
use aumbry::{Error, ErrorKind, Mismatch, OpenOptions, Vault};

use super::killed::start_and_kill;
use super::model::{Answer, Hand, Model, Number, Signature, Version, passphrase};
use super::operation::{HANDS, Operation};
use super::staged::Staged;
use super::{BEGINNINGS, Pins, Tally};
use crate::common::{cheap, draft};

/// How the vault and the model differ.
#[derive(Debug)]
pub(crate) enum Difference {
    /// An older, forked or swapped file was taken for sound.
    Missed(String),
    FalseAlarm(String),
    Other(String),
}

type Checked<T = ()> = Result<T, Difference>;

pub(crate) struct Walk {
    folder: tempfile::TempDir,
    pins: Pins,
    storage: Staged,
    model: Model,
    hands: [Option<(Vault, Hand)>; HANDS.len()],
    seeds: usize,
    tally: Tally,
}

impl Walk {
    pub(crate) fn begin(pins: Pins) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let versions = BEGINNINGS.iter().enumerate().map(|(vault, file)| Version {
            vault,
            seed: vault,
            generation: 1,
            parent: None,
            signature: Signature::of(file),
            file: file.clone(),
        });
        let model = Model { versions: versions.collect(), now: 0, seen: [None; 2] };
        let file = FileStorage::new(folder.path().join("vault.aumbry"));
        fs::write(file.path(), &BEGINNINGS[0]).unwrap();
        let storage = Staged { file, is_confirmed: Arc::new(AtomicBool::new(true)) };
        let hands = [const { None }; HANDS.len()];
        Self { folder, pins, storage, model, hands, seeds: 2, tally: Tally::default() }
    }

    pub(crate) fn go(mut self, operations: &[Operation]) -> Checked<Tally> {
        for (at, operation) in operations.iter().enumerate() {
            let told = |text| format!("step {at}, {operation:?}: {text}");
            self.step(operation).and_then(|()| self.check()).map_err(|difference| match difference {
                Difference::Missed(text) => Difference::Missed(told(text)),
                Difference::FalseAlarm(text) => Difference::FalseAlarm(told(text)),
                Difference::Other(text) => Difference::Other(told(text)),
            })?;
            self.tally.steps += 1;
        }
        Ok(self.tally)
    }

    fn step(&mut self, operation: &Operation) -> Checked {
        match operation {
            Operation::Open { hand, accept } => self.open(*hand, *accept),
            Operation::Refresh { hand } => self.ask(*hand, Vault::refresh, Model::refresh),
            Operation::Verify { hand } => self.ask(
                *hand,
                |vault| vault.verify().map(|verified| verified.generation),
                |model, hand| model.can_follow(hand).map(|()| model.version(model.now).generation),
            ),
            Operation::LockAndUnlock { hand } => {
                let held = self.hands[*hand].as_ref().map_or(self.model.now, |(_, held)| held.holds);
                let passphrase = passphrase(self.model.version(held).seed);
                self.ask(
                    *hand,
                    |vault| {
                        vault.lock();
                        vault.unlock(passphrase.as_str())
                    },
                    Model::unlock,
                )?;
                // What stays locked is let go.
                self.hands[*hand].take_if(|(vault, _)| vault.is_locked());
                Ok(())
            }
            Operation::Commit { hand } => self.commit(*hand, None, commit, |_, _| Ok(())),
            Operation::Restore { hand, backup } => {
                let backup = self.some_version(*backup);
                let vault = self.copy_elsewhere(backup);
                let Version { vault: backup, generation, .. } = *self.model.version(backup);
                self.commit(
                    *hand,
                    None,
                    |held| held.restore(&vault),
                    |model, hand| {
                        let held = model.version(hand.holds);
                        // Into an older vault, whose people may have been removed since, nothing newer is restored.
                        let may_come = held.vault == backup && held.generation >= generation;
                        if may_come { Ok(()) } else { Err(ErrorKind::Refused) }
                    },
                )
            }
            Operation::Rekey { hand } => {
                let seed = self.seeds;
                self.seeds += 1;
                self.commit(*hand, Some(seed), |vault| vault.rekey(passphrase(seed)).map(drop), |_, _| Ok(()))
            }
            Operation::Kill { machine, after } => self.kill(*machine, Duration::from_micros(*after)),
            Operation::Unconfirmed { hand } => self.commit_unconfirmed(*hand).map(drop),
            Operation::PowerCut { hand, reader } => {
                let before = self.model.now;
                let lost = self.commit_unconfirmed(*hand)?;
                reader.map_or(Ok(()), |reader| self.open(reader, false))?;
                self.hands = [const { None }; HANDS.len()];
                if lost == before {
                    return Ok(());
                }
                self.put(before);
                // The limit that is documented: a machine that read the lost version keeps insisting on it.
                let insisting = self.model.seen.iter().filter(|seen| **seen == Some(lost)).count();
                self.tally.alarms_after_power_cuts += insisting;
                Ok(())
            }
            Operation::PutBack { version } => {
                self.put(self.some_version(*version));
                Ok(())
            }
            Operation::Repair { machine } => {
                let seen =
                    self.model.seen[*machine].filter(|seen| !self.model.version(*seen).file.is_empty());
                seen.into_iter().for_each(|seen| self.put(seen));
                Ok(())
            }
            Operation::Fork { version, edits } => {
                self.fork(self.some_version(*version), *edits);
                Ok(())
            }
            Operation::ForkOfEqualGeneration { machine } => {
                let Some(seen) = self.model.seen[*machine] else { return Ok(()) };
                let ancestors =
                    std::iter::successors(Some(seen), |number| self.model.version(*number).parent);
                let mut older =
                    ancestors.skip(1).filter(|number| !self.model.version(*number).file.is_empty());
                if let Some(older) = older.next() {
                    let generation = |number| self.model.version(number).generation;
                    self.fork(older, generation(seen) - generation(older));
                }
                Ok(())
            }
        }
    }

    fn open(&mut self, at: usize, accept: bool) -> Checked {
        let machine = HANDS[at];
        let expected = self.model.meet(machine, None);
        let passphrase = passphrase(self.model.version(self.model.now).seed);
        let opened = self.options(machine).open_in(self.storage.clone(), passphrase.as_str());
        self.count_alarm(machine, &expected)?;
        let refused = opened.as_ref().err().and_then(Error::refused_revision).map(|refused| refused.revision);
        compare(opened.as_ref().map(|_| &()), &expected)?;
        let mut accepted = None;
        let vault = match (opened, refused) {
            (Ok(vault), _) => vault,
            (Err(_), Some(refused)) if accept => {
                let now = self.model.now;
                same("the refused version", &refused, &self.model.version(now).signature)?;
                let options = self.options(machine).accept_revision(refused);
                accepted = Some(now);
                let opened = options.open_in(self.storage.clone(), passphrase.as_str());
                opened.map_err(|error| Difference::FalseAlarm(format!("an accepted version: {error:?}")))?
            }
            (Err(_), _) => return Ok(()),
        };
        self.model.remember(machine, self.model.now);
        self.hands[at] = Some((vault, Hand { machine, holds: self.model.now, accepted }));
        Ok(())
    }

    /// Something that a handle says, and what the model says of it. Where there is none, one is opened.
    fn ask<T: PartialEq + Debug>(
        &mut self,
        at: usize,
        act: impl FnOnce(&Vault) -> aumbry::Result<T>,
        model: impl FnOnce(&mut Model, &mut Hand) -> Answer<T>,
    ) -> Checked {
        let Some((vault, mut hand)) = self.hands[at].take() else { return self.open(at, false) };
        let (answer, expected) = (act(&vault), model(&mut self.model, &mut hand));
        self.hands[at] = Some((vault, hand));
        if let Err(kind) = expected {
            self.tally.count(kind);
        }
        compare(answer.as_ref(), &expected)
    }

    /// Something that makes the next version, if the newest one allows it.
    fn commit(
        &mut self,
        at: usize,
        new_seed: Option<usize>,
        act: impl FnOnce(&Vault) -> aumbry::Result<()>,
        may: impl FnOnce(&Model, &Hand) -> Answer<()>,
    ) -> Checked {
        let is_confirmed = self.storage.is_confirmed.load(Ordering::Relaxed);
        let mut made = None;
        let file = self.storage.file.path().to_owned();
        self.ask(
            at,
            |vault| match act(vault) {
                Err(error) if error.kind() == ErrorKind::DurabilityUnknown => Ok(()),
                acted => acted,
            },
            |model, hand| {
                model.refresh(hand)?;
                may(model, hand)?;
                let base = model.version(hand.holds);
                let file = fs::read(&file).unwrap();
                let next = Version {
                    vault: base.vault,
                    seed: new_seed.unwrap_or(base.seed),
                    generation: model.next_generation(hand),
                    parent: Some(hand.holds),
                    signature: Signature::of(&file),
                    file,
                };
                let next = model.push(next);
                // What follows from an accepted version is accepted, where the pin does not say so.
                hand.accepted = hand
                    .accepted
                    .map(|accepted| if accepted == hand.holds && !is_confirmed { next } else { accepted });
                (hand.holds, model.now) = (next, next);
                if is_confirmed {
                    model.remember(hand.machine, next);
                }
                made = Some(next);
                Ok(())
            },
        )?;
        self.tally.commits += usize::from(made.is_some());
        Ok(())
    }

    /// The content of the file then.
    fn commit_unconfirmed(&mut self, at: usize) -> Checked<Number> {
        self.storage.is_confirmed.store(false, Ordering::Relaxed);
        let committed = self.commit(at, None, commit, |_, _| Ok(()));
        self.storage.is_confirmed.store(true, Ordering::Relaxed);
        committed.map(|()| self.model.now)
    }

    fn kill(&mut self, machine: usize, after: Duration) -> Checked {
        let expected = self.model.meet(Some(machine), None);
        let base = self.model.now;
        let passphrase = passphrase(self.model.version(base).seed);
        let said = start_and_kill(self.folder.path(), &self.state_folder(machine), &passphrase, after);
        let said: Vec<_> = said.iter().map(String::as_str).collect();
        let acknowledged: Vec<u64> = said.iter().map_while(|said| said.parse().ok()).collect();
        self.count_alarm(Some(machine), &expected)?;
        if let Err(kind) = expected {
            let refused = format!("refused {kind:?}");
            return match &*said {
                [said] if *said == refused => Ok(()),
                _ if !acknowledged.is_empty() => Err(Difference::Missed(format!("{said:?}, not {refused}"))),
                _ => Err(Difference::Other(format!("{said:?}, not {refused}"))),
            };
        }
        if acknowledged.is_empty() {
            return Err(Difference::FalseAlarm(format!("{said:?}")));
        }
        self.model.remember(Some(machine), base);
        let hand = Hand { machine: Some(machine), holds: base, accepted: None };
        let first = self.model.next_generation(&hand);
        let last = first + acknowledged.len() as u64 - 1;
        same("what was acknowledged", &acknowledged, &(first..=last).collect())?;

        // The last commit may be there although it was not acknowledged, and the pin may not know of it yet.
        let file = fs::read(self.storage.file.path()).unwrap();
        let generation = aumbry::inspect(self.storage.file.path()).unwrap().generation;
        if !(last..=last + 1).contains(&generation) {
            return Err(Difference::Other(format!("generation {generation}, and {last} was acknowledged")));
        }
        let Version { vault, seed, .. } = *self.model.version(base);
        let (pinned, pin) = self.pin(machine).ok_or_else(|| Difference::Other("there is no pin".into()))?;
        let mut parent = base;
        if generation > first {
            // No person copied it. Its signature is known if it is what the pin speaks of.
            let generation = generation - 1;
            let signature = if pinned == generation { pin } else { Signature::of(&[]) };
            parent = self.model.push(Version {
                vault,
                seed,
                generation,
                parent: Some(base),
                signature,
                file: vec![],
            });
        }
        let signature = Signature::of(&file);
        let now = self.model.push(Version { vault, seed, generation, parent: Some(parent), signature, file });
        self.model.now = now;
        self.model.seen[machine] = Some(if pinned == generation { now } else { parent });
        self.tally.kills += 1;
        self.tally.kills_before_the_pin += usize::from(pinned < generation);
        if pinned >= last {
            Ok(())
        } else {
            Err(Difference::Other(format!("{last} was acknowledged, and not pinned")))
        }
    }

    /// The file is edited elsewhere, and put here.
    fn fork(&mut self, version: Number, edits: u64) {
        let vault = self.copy_elsewhere(version);
        let mut number = version;
        for _ in 0..edits {
            commit(&vault).unwrap();
            let file = fs::read(self.elsewhere()).unwrap();
            let base = self.model.version(number);
            let (generation, parent) = (base.generation + 1, Some(number));
            let signature = Signature::of(&file);
            let next = Version { generation, parent, signature, file, ..base.clone() };
            number = self.model.push(next);
        }
        self.put(number);
    }

    fn copy_elsewhere(&self, version: Number) -> Vault {
        let Version { file, seed, .. } = self.model.version(version);
        fs::write(self.elsewhere(), file).unwrap();
        OpenOptions::new().without_pin().open(self.elsewhere(), passphrase(*seed)).unwrap()
    }

    fn elsewhere(&self) -> PathBuf {
        self.folder.path().join("elsewhere.aumbry")
    }

    fn put(&mut self, version: Number) {
        fs::write(self.storage.file.path(), &self.model.version(version).file).unwrap();
        self.model.now = version;
    }

    /// One of which there is a copy.
    fn some_version(&self, index: proptest::sample::Index) -> Number {
        let copied = |number: &Number| !self.model.version(*number).file.is_empty();
        *index.get(&(0..self.model.versions.len()).filter(copied).collect::<Vec<_>>())
    }

    fn state_folder(&self, machine: usize) -> PathBuf {
        let machine = if self.pins == Pins::Shared { 0 } else { machine };
        self.folder.path().join(format!("machine {machine}"))
    }

    fn options(&self, machine: Option<usize>) -> OpenOptions {
        let options = OpenOptions::new().kdf(cheap()).allow_kdf_below_floor();
        match machine {
            Some(machine) if self.pins != Pins::Off => options.state_folder(self.state_folder(machine)),
            _ => options.without_pin(),
        }
    }

    /// Generation and signature of the pin, as anybody can read them.
    fn pin(&self, machine: usize) -> Option<(u64, Signature)> {
        let files = fs::read_dir(self.state_folder(machine)).ok()?.map(|entry| entry.unwrap().path());
        let pin = files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pin"))?;
        let text = fs::read_to_string(pin).unwrap();
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim();
        let digits = value("signature");
        let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
        Some((value("generation").parse().unwrap(), Signature::of(&std::array::from_fn::<_, 64, _>(byte))))
    }

    /// The file is what it should be, and so is each pin.
    fn check(&self) -> Checked {
        let now = self.model.version(self.model.now);
        let generation = aumbry::inspect(self.storage.file.path()).unwrap().generation;
        same("the file's generation", &generation, &now.generation)?;
        if fs::read(self.storage.file.path()).unwrap() != now.file {
            return Err(Difference::Other("the file is another".into()));
        }
        for machine in (0..2).filter(|_| self.pins == Pins::Sound) {
            let seen = self.model.seen[machine].map(|seen| self.model.version(seen));
            same("a pin", &self.pin(machine), &seen.map(|seen| (seen.generation, seen.signature)))?;
        }
        Ok(())
    }

    /// Counts what a machine should say at an opening, and holds it against where the file comes from.
    fn count_alarm(&mut self, machine: Option<usize>, expected: &Answer<()>) -> Checked {
        let Some(seen) = self.model.seen_by(machine) else { return Ok(()) };
        let now = self.model.now;
        let is_later = self.model.comes_from(now, seen);
        match expected {
            Ok(()) if is_later => {}
            // The limit that is documented: a fork of a higher generation is not told from a later version.
            Ok(()) => self.tally.unequal_forks += 1,
            Err(ErrorKind::RevisionRefused(Mismatch::VaultChanged)) => {
                self.tally.count(ErrorKind::RevisionRefused(Mismatch::VaultChanged));
            }
            Err(kind) if is_later => {
                return Err(Difference::Other(format!("the model says {kind:?} of a later version")));
            }
            Err(kind) => self.tally.count(*kind),
        }
        Ok(())
    }
}

/// One version more, of the same records.
pub(crate) fn commit(vault: &Vault) -> aumbry::Result<()> {
    vault.edit(|edit| edit.put(&draft("a record")))
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(Difference::Other(format!("{what} is {found:?}, not {expected:?}")))
}

fn compare<T: PartialEq + Debug>(answer: Result<&T, &Error>, expected: &Answer<T>) -> Checked {
    let answer = answer.map_err(Error::kind);
    let expected = expected.as_ref().map_err(|kind| *kind);
    let is_alarm = |kind| {
        matches!(
            kind,
            ErrorKind::RevisionRefused(Mismatch::Rollback)
                | ErrorKind::RevisionRefused(Mismatch::Fork)
                | ErrorKind::RevisionRefused(Mismatch::VaultChanged)
        )
    };
    let text = format!("the answer is {answer:?}, not {expected:?}");
    match (answer, expected) {
        (answer, expected) if answer == expected => Ok(()),
        (Ok(_), Err(kind)) if is_alarm(kind) => Err(Difference::Missed(text)),
        (Err(kind), Ok(_)) if is_alarm(kind) => Err(Difference::FalseAlarm(text)),
        _ => Err(Difference::Other(text)),
    }
}
