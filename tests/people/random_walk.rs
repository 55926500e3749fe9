//! Random walks: what people do to one vault through handles that are new, old or locked, beside a model.
//!
//! Each walk begins with the same vault of three people. After each step every handle is asked what it holds; after
//! the last, each person opens the vault again, and every passphrase of the past is tried.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed step fails the test")]

mod hand;
mod model;
mod operation;
mod shelf;
mod walk;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::thread;

use aumbry::Role;
use aumbry::testing::Forge;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::common::{KEY_ID, cheap, full};
use model::{Person, Version};
use shelf::{Fault, Shelf};
use walk::{Tally, Walk};

/// Anna and Bob administer, Rea reads, two records: as a model and as a file.
static BEGINNING: LazyLock<(Version, Vec<u8>)> = LazyLock::new(|| {
    let people = [("anna", Role::Administrator), ("bob", Role::Administrator), ("rea", Role::Reader)];
    let records = [("a", "the first secret"), ("b", "the second secret")];
    let mut forge = Forge::new(1);
    let mut version = Version { generation: 1, seed: 0, people: Vec::new(), records: BTreeMap::new() };
    for (slot, (label, role)) in people.into_iter().enumerate() {
        let passphrase = format!("{label}'s");
        forge = forge.person(label, role, &passphrase, cheap()).unwrap();
        let (slot, label) = (slot as u64, label.to_owned());
        version.people.push(Person { slot, label, role, passphrase, is_code: false });
    }
    for (name, secret) in records {
        let draft = aumbry::NewRecord::new_static(name, KEY_ID, secret).unwrap();
        forge = forge.record(&draft, 1, 1).unwrap();
        version.records.insert(name.to_owned(), secret.to_owned());
    }
    (version, forge.build().unwrap())
});

fn go(fault: Fault, operations: &[operation::Operation]) -> Result<Tally, String> {
    let (version, file) = &*BEGINNING;
    Walk::begin(Shelf::with(fault, file.clone()), version)?.go(operations)
}

/// The walks that come from this number: always the same ones.
fn runner(seed: u8, cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

#[test]
fn whatever_people_do_only_they_see_the_vault_and_as_the_model_predicts() {
    const SEEDS: u8 = 2;
    let share = if full() { 1 } else { 10 };
    let walks = 500 / share;
    let walk = |seed| {
        let sum = std::cell::Cell::new(Tally::default());
        let result = runner(seed, walks).run(&operation::walk(), |operations| {
            let tally = go(Fault::Nothing, &operations).map_err(TestCaseError::fail)?;
            sum.set(sum.get() + tally);
            Ok(())
        });
        result.map(|()| sum.get()).map_err(|error| format!("seed {seed}: {error}"))
    };
    let sums: Vec<_> = thread::scope(|scope| {
        let walking: Vec<_> = (1..=SEEDS).map(|seed| scope.spawn(move || walk(seed))).collect();
        walking.into_iter().map(|walking| walking.join().unwrap()).collect()
    });
    let sums = sums.into_iter().map(|sum| sum.unwrap_or_else(|error| panic!("{error}")));
    let sum = sums.fold(Tally::default(), |sum, tally| sum + tally);
    let Tally { steps, commits, refused, opened, shut_out } = sum;
    crate::common::tell(&format!(
        "walks: {}, steps: {steps}, commits: {commits}, refused: {refused}",
        u32::from(SEEDS) * walks
    ));
    crate::common::tell(&format!(
        "at the end: {opened} people let in, {shut_out} former passphrases shut out"
    ));
    let least = |number| number / share as usize;
    assert!(
        steps >= least(10_000) && commits >= least(3_000) && refused >= least(2_000),
        "too little happened"
    );
    assert!(opened >= least(2_500) && shut_out >= least(500), "too little was tried");
}

#[test]
fn a_walk_over_a_storage_that_forgets_finds_it_out() {
    for fault in [Fault::LosesASave, Fault::ServesAnOldVersion] {
        let (mut runner, mut found) = (runner(1, 1), 0);
        for _ in 0..20 {
            let operations = operation::walk().new_tree(&mut runner).unwrap().current();
            // What saves less than twice does not meet the fault.
            match go(Fault::Nothing, &operations).map(|tally| tally.commits) {
                Ok(0..2) => {}
                saves => {
                    go(fault, &operations).expect_err(&format!("{fault:?} was not found in {saves:?} saves"));
                    found += 1;
                }
            }
        }
        assert!(found >= 10, "{fault:?} was met by {found} walks alone");
    }
}
