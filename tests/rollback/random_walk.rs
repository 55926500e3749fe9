//! Random walks of a file on the disk: saved, copied, put back, forked, restored, rekeyed, and its writers killed; on
//! two machines that each remember what they saw last, beside a model of what each of them must say.
#![cfg(unix)]

mod killed;
mod model;
mod operation;
mod staged;
mod walk;

use std::cell::Cell;
use std::sync::LazyLock;

use aumbry::testing::Forge;
use aumbry::{ErrorKind, Mismatch, Role};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::common::{cheap, full};
use walk::{Difference, Walk};

/// Two vaults of generation 1, which anna administers alone.
static BEGINNINGS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    [1, 2].map(|number| {
        let forge = Forge::new(number).person("anna", Role::Administrator, &model::passphrase(0), cheap());
        forge.unwrap().build().unwrap()
    })
});

/// How the two machines remember.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pins {
    /// Each for itself.
    Sound,
    /// Not at all, which the model does not know.
    Off,
    /// Each what the other one saw too, which the model does not know.
    Shared,
}

/// What was counted in a walk, or in many.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    steps: usize,
    commits: usize,
    kills: usize,
    kills_before_the_pin: usize,
    rollbacks: usize,
    forks: usize,
    changed: usize,
    unequal_forks: usize,
    alarms_after_power_cuts: usize,
}

impl Tally {
    fn count(&mut self, kind: ErrorKind) {
        match kind {
            ErrorKind::RevisionRefused(Mismatch::Rollback) => self.rollbacks += 1,
            ErrorKind::RevisionRefused(Mismatch::Fork) => self.forks += 1,
            ErrorKind::RevisionRefused(Mismatch::VaultChanged) => self.changed += 1,
            _ => {}
        }
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            commits: self.commits + other.commits,
            kills: self.kills + other.kills,
            kills_before_the_pin: self.kills_before_the_pin + other.kills_before_the_pin,
            rollbacks: self.rollbacks + other.rollbacks,
            forks: self.forks + other.forks,
            changed: self.changed + other.changed,
            unequal_forks: self.unequal_forks + other.unequal_forks,
            alarms_after_power_cuts: self.alarms_after_power_cuts + other.alarms_after_power_cuts,
        }
    }
}

/// The walks that come from this number: always the same ones, except for the moments at which programs are killed.
fn runner(seed: u8, cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

#[test]
fn every_rollback_and_every_fork_of_equal_generation_is_found_and_nothing_else() {
    const SEED: u8 = 1;
    let share = if full() { 1 } else { 4 };
    let sum = Cell::new(Tally::default());
    let result = runner(SEED, 60 / share).run(&operation::walk(), |operations| {
        let tally = Walk::begin(Pins::Sound).go(&operations);
        sum.set(sum.get() + tally.map_err(|difference| TestCaseError::fail(format!("{difference:?}")))?);
        Ok(())
    });
    if let Err(error) = result {
        panic!("seed {SEED}: {error}");
    }
    let Tally { steps, commits, kills, rollbacks, forks, changed, .. } = sum.get();
    crate::common::tell(&format!(
        "pin walk: {steps} steps, {rollbacks} rollbacks found, {forks} forks found, 0 missed, 0 false alarms"
    ));
    crate::common::tell(&format!(
        "{commits} commits; {kills} writers killed, {} of them between commit and pin; {changed} changed vaults found; \
         of what is documented as not told apart: {} forks of higher generation, {} versions read and lost in a power cut",
        sum.get().kills_before_the_pin,
        sum.get().unequal_forks,
        sum.get().alarms_after_power_cuts
    ));
    let least = |number| number / share as usize;
    assert!(steps >= least(1_000) && rollbacks >= least(100) && forks >= least(50), "too little happened");
    assert!(commits >= least(150) && kills >= least(50) && changed >= least(50), "too little happened");
    assert!(sum.get().unequal_forks > 0 && sum.get().alarms_after_power_cuts > 0, "the limits were not met");
}

/// The control: what the walks look for is not there without pins, and not only there with those of another machine.
#[test]
fn without_pins_walks_find_what_is_missed_and_with_the_pins_of_others_false_alarms() {
    for (pins, is_expected) in [
        (Pins::Off, (|difference| matches!(difference, Difference::Missed(_))) as fn(&Difference) -> bool),
        (Pins::Shared, |difference| matches!(difference, Difference::FalseAlarm(_))),
    ] {
        let mut runner = runner(2, 1);
        let mut found = 0;
        for _ in 0..10 {
            let operations = operation::walk().new_tree(&mut runner).unwrap().current();
            let kills =
                |operation: &operation::Operation| matches!(operation, operation::Operation::Kill { .. });
            let operations: Vec<_> = operations.into_iter().filter(|operation| !kills(operation)).collect();
            let difference = Walk::begin(pins).go(&operations).err();
            found += usize::from(difference.as_ref().is_some_and(is_expected));
        }
        crate::common::tell(&format!("pins {pins:?}: {found} of 10 walks found it"));
        assert!(found >= 3, "{pins:?}: too little was found");
    }
}
