//! What happens in a walk, in terms that are meaningful at any point of a walk, so that any walk can be shortened.

use aumbry::Role;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::model::CODE;

/// One step. `hand` says through which of the handles.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Open {
        hand: Which,
        with: Key,
    },
    Unlock {
        hand: Which,
        with: Key,
    },
    Lock {
        hand: Which,
    },
    Refresh {
        hand: Which,
    },
    Verify {
        hand: Which,
    },
    Edit {
        hand: Which,
        changes: Vec<Change>,
    },
    AddPerson {
        hand: Which,
        label: &'static str,
        role: Role,
        passphrase: &'static str,
    },
    RemovePerson {
        hand: Which,
        label: &'static str,
        keeping_seed: bool,
    },
    SetPassphrase {
        hand: Which,
        label: &'static str,
        passphrase: &'static str,
    },
    ChangePassphrase {
        hand: Which,
        passphrase: &'static str,
    },
    IssueCode {
        hand: Which,
    },
    Rekey {
        hand: Which,
        passphrase: &'static str,
    },
    /// From what another handle holds, which may be old.
    RestoreFromHand {
        hand: Which,
        from: Which,
    },
    /// From an earlier copy of the file, opened by a person of that time.
    RestoreFromCopy {
        hand: Which,
        copy: Index,
        person: Index,
    },
}

/// One of the handles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    Any(Index),
    /// Of those that an administrator can write with now, if there is one.
    Able(Index),
}

/// A passphrase, right or wrong.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    /// Of a person who can open the vault now.
    Current(Index),
    /// One that opened the vault once; it may do so again.
    Former(Index),
    Wrong,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Add(String, String),
    Put(String, String),
    Secret(String, String),
    /// Another attribute; the secret stays.
    Describe(String),
    Rename(String, String),
    Remove(String),
}

pub(crate) fn walk() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(), 6..=16)
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let index = any::<Index>;
    let any_hand = || index().prop_map(Which::Any);
    let hand = || prop_oneof![1 => index().prop_map(Which::Any), 2 => index().prop_map(Which::Able)];
    // Few labels and passphrases, so that they meet: a passphrase may come back, and two people may have the same.
    let label = || select(vec!["anna", "bob", "rea", "carl", "dora", CODE]);
    let passphrase = || select(vec!["anna's", "bob's", "rea's", "first new", "second new", "third new"]);
    let role = prop_oneof![Just(Role::Administrator), Just(Role::Reader)];
    let changes = proptest::collection::vec(change(), 1..3);
    prop_oneof![
        3 => (any_hand(), key()).prop_map(|(hand, with)| Open { hand, with }),
        2 => (any_hand(), key()).prop_map(|(hand, with)| Unlock { hand, with }),
        1 => any_hand().prop_map(|hand| Lock { hand }),
        8 => any_hand().prop_map(|hand| Refresh { hand }),
        2 => any_hand().prop_map(|hand| Verify { hand }),
        24 => (hand(), changes).prop_map(|(hand, changes)| Edit { hand, changes }),
        3 => (hand(), label(), role, passphrase())
            .prop_map(|(hand, label, role, passphrase)| AddPerson { hand, label, role, passphrase }),
        4 => (hand(), label(), any::<bool>())
            .prop_map(|(hand, label, keeping_seed)| RemovePerson { hand, label, keeping_seed }),
        2 => (hand(), label(), passphrase())
            .prop_map(|(hand, label, passphrase)| SetPassphrase { hand, label, passphrase }),
        1 => (hand(), passphrase()).prop_map(|(hand, passphrase)| ChangePassphrase { hand, passphrase }),
        2 => hand().prop_map(|hand| IssueCode { hand }),
        1 => (hand(), passphrase()).prop_map(|(hand, passphrase)| Rekey { hand, passphrase }),
        3 => (hand(), any_hand()).prop_map(|(hand, from)| RestoreFromHand { hand, from }),
        1 => (hand(), index(), index())
            .prop_map(|(hand, copy, person)| RestoreFromCopy { hand, copy, person }),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        4 => any::<Index>().prop_map(Key::Current),
        1 => any::<Index>().prop_map(Key::Former),
        1 => Just(Key::Wrong),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let name = || select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned);
    let secret = || (0..100_u8).prop_map(|number| format!("secret number {number}"));
    prop_oneof![
        3 => (name(), secret()).prop_map(|(name, secret)| Change::Add(name, secret)),
        4 => (name(), secret()).prop_map(|(name, secret)| Change::Put(name, secret)),
        2 => (name(), secret()).prop_map(|(name, secret)| Change::Secret(name, secret)),
        1 => name().prop_map(Change::Describe),
        2 => (name(), name()).prop_map(|(old, new)| Change::Rename(old, new)),
        2 => name().prop_map(Change::Remove),
    ]
}
