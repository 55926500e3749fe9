//! The model: which versions there were, which of them each machine saw last, and the rules of the pin.

/// The last 64 bytes of a file, which distinguish two versions.
pub(crate) use aumbry::storage::Revision as Signature;
use aumbry::{ErrorKind, Mismatch};

pub(crate) type Answer<T> = Result<T, ErrorKind>;

/// A version is known by its number, in the order in which they came about.
pub(crate) type Number = usize;

#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) vault: usize,
    /// Which signing key, and so which slot and which passphrase: a rekey makes all of them new.
    pub(crate) seed: usize,
    pub(crate) generation: u64,
    pub(crate) parent: Option<Number>,
    pub(crate) signature: Signature,
    /// Nothing, if it was replaced before anybody could copy it.
    pub(crate) file: Vec<u8>,
}

pub(crate) struct Model {
    pub(crate) versions: Vec<Version>,
    /// The content of the file.
    pub(crate) now: Number,
    /// What each machine saw last.
    pub(crate) seen: [Option<Number>; 2],
}

/// What is said of a handle.
#[derive(Clone, Copy)]
pub(crate) struct Hand {
    /// `None` for one that has no pin.
    pub(crate) machine: Option<usize>,
    pub(crate) holds: Number,
    /// The version that its user accepted.
    pub(crate) accepted: Option<Number>,
}

impl Model {
    pub(crate) fn version(&self, number: Number) -> &Version {
        &self.versions[number]
    }

    pub(crate) fn push(&mut self, version: Version) -> Number {
        self.versions.push(version);
        self.versions.len() - 1
    }

    /// Whether `found` is what `seen` became, in whatever number of commits.
    pub(crate) fn comes_from(&self, found: Number, seen: Number) -> bool {
        std::iter::successors(Some(found), |number| self.version(*number).parent).any(|number| number == seen)
    }

    /// The rules, for a machine that saw `seen` and finds `found`.
    pub(crate) fn follows(&self, seen: Number, found: Number) -> Answer<()> {
        let (old, new) = (self.version(seen), self.version(found));
        if (old.vault, old.seed) != (new.vault, new.seed) {
            return Err(ErrorKind::RevisionRefused(Mismatch::VaultChanged));
        }
        match new.generation {
            generation if generation < old.generation => Err(ErrorKind::RevisionRefused(Mismatch::Rollback)),
            generation if generation == old.generation && seen != found => {
                Err(ErrorKind::RevisionRefused(Mismatch::Fork))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn seen_by(&self, machine: Option<usize>) -> Option<Number> {
        self.seen[machine?]
    }

    /// What a machine says to the current file.
    pub(crate) fn meet(&self, machine: Option<usize>, accepted: Option<Number>) -> Answer<()> {
        match self.seen_by(machine) {
            Some(seen) if accepted != Some(self.now) => self.follows(seen, self.now),
            _ => Ok(()),
        }
    }

    /// It only moves forward within one vault, and goes along to another one that was accepted.
    pub(crate) fn remember(&mut self, machine: Option<usize>, found: Number) {
        let Some(machine) = machine else { return };
        let refused = self.seen[machine].map(|seen| self.follows(seen, found));
        if !matches!(
            refused,
            Some(Err(
                ErrorKind::RevisionRefused(Mismatch::Rollback) | ErrorKind::RevisionRefused(Mismatch::Fork)
            ))
        ) {
            self.seen[machine] = Some(found);
        }
    }

    /// What a handle says to the current file; with its keys it opens its own slot alone.
    pub(crate) fn can_follow(&self, hand: &Hand) -> Answer<()> {
        let (held, found) = (self.version(hand.holds), self.version(self.now));
        if held.vault != found.vault {
            return Err(ErrorKind::RevisionRefused(Mismatch::VaultChanged));
        }
        if held.seed != found.seed {
            return Err(ErrorKind::Reopen);
        }
        self.follows(hand.holds, self.now)?;
        self.meet(hand.machine, hand.accepted.filter(|accepted| *accepted == hand.holds))
    }

    /// Whether there is something new.
    pub(crate) fn refresh(&mut self, hand: &mut Hand) -> Answer<bool> {
        self.can_follow(hand)?;
        if hand.holds == self.now {
            return Ok(false);
        }
        hand.holds = self.now;
        self.remember(hand.machine, self.now);
        Ok(true)
    }

    /// As refreshing, but with the passphrase of what it holds.
    pub(crate) fn unlock(&mut self, hand: &mut Hand) -> Answer<()> {
        let (held, found) = (self.version(hand.holds), self.version(self.now));
        if passphrase(held.seed) != passphrase(found.seed) {
            return Err(ErrorKind::WrongPassphrase);
        }
        self.follows(hand.holds, self.now)?;
        self.meet(hand.machine, hand.accepted.filter(|accepted| *accepted == hand.holds))?;
        hand.holds = self.now;
        self.remember(hand.machine, self.now);
        Ok(())
    }

    /// Above all that is known: the file, which the handle holds by now, and the pin.
    pub(crate) fn next_generation(&self, hand: &Hand) -> u64 {
        let seen = self.seen_by(hand.machine).map_or(0, |seen| self.version(seen).generation);
        self.version(hand.holds).generation.max(seen) + 1
    }
}

/// The two vaults of a walk begin with the same passphrase.
pub(crate) fn passphrase(seed: usize) -> String {
    if seed < 2 { "anna's".to_owned() } else { format!("anna's after rekey {seed}") }
}
