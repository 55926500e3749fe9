//! What happens in a walk.

use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// A handle opens the vault again, with the pin of its machine; what is refused is accepted, or not.
    Open {
        hand: usize,
        accept: bool,
    },
    Refresh {
        hand: usize,
    },
    Verify {
        hand: usize,
    },
    LockAndUnlock {
        hand: usize,
    },
    Commit {
        hand: usize,
    },
    Restore {
        hand: usize,
        backup: Index,
    },
    Rekey {
        hand: usize,
    },
    /// Another program on this machine commits until it is killed, so many microseconds after its first commit.
    Kill {
        machine: usize,
        after: u64,
    },
    /// A commit that the disk does not confirm.
    Unconfirmed {
        hand: usize,
    },
    /// A commit that the disk does not confirm is gone, and so are all programs, after one of them perhaps read it.
    PowerCut {
        hand: usize,
        reader: Option<usize>,
    },
    /// Some version of the past, or of another vault, is put there.
    PutBack {
        version: Index,
    },
    /// The version that a machine saw last is put there.
    Repair {
        machine: usize,
    },
    /// A copy of some version is edited elsewhere and put there.
    Fork {
        version: Index,
        edits: u64,
    },
    /// A copy of an older version is edited elsewhere until it is as new as what a machine saw last.
    ForkOfEqualGeneration {
        machine: usize,
    },
}

/// Two handles on the first machine, one on the second, and one without a pin.
pub(crate) const HANDS: [Option<usize>; 4] = [Some(0), Some(0), Some(1), None];

pub(crate) fn walk() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(), 40)
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let hand = || 0..HANDS.len();
    let machine = || 0..2_usize;
    let version = any::<Index>;
    prop_oneof![
        8 => (hand(), any::<bool>()).prop_map(|(hand, accept)| Open { hand, accept }),
        8 => hand().prop_map(|hand| Refresh { hand }),
        3 => hand().prop_map(|hand| Verify { hand }),
        3 => hand().prop_map(|hand| LockAndUnlock { hand }),
        12 => hand().prop_map(|hand| Commit { hand }),
        2 => (hand(), version()).prop_map(|(hand, backup)| Restore { hand, backup }),
        1 => hand().prop_map(|hand| Rekey { hand }),
        6 => (machine(), 0..20_000_u64).prop_map(|(machine, after)| Kill { machine, after }),
        2 => hand().prop_map(|hand| Unconfirmed { hand }),
        1 => (hand(), proptest::option::of(hand())).prop_map(|(hand, reader)| PowerCut { hand, reader }),
        4 => version().prop_map(|version| PutBack { version }),
        4 => machine().prop_map(|machine| Repair { machine }),
        2 => (version(), 1..4_u64).prop_map(|(version, edits)| Fork { version, edits }),
        5 => machine().prop_map(|machine| ForkOfEqualGeneration { machine }),
    ]
}
