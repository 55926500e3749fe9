//! Bugs planted on purpose, to show that the fuzzers find such bugs. `AUMBRY_PLANTED` selects one.

use std::sync::OnceLock;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Bytes after the body are accepted.
    Trailing,
    /// The number of records decides how much is allocated.
    Allocation,
    /// A length in the body is not checked.
    Panic,
    /// An import loses the characters of a secret that are not ASCII.
    Ascii,
}

/// Returns whether this bug is planted.
pub(crate) fn has(bug: Bug) -> bool {
    static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();
    let planted = PLANTED.get_or_init(|| match std::env::var("AUMBRY_PLANTED").ok()?.as_str() {
        "trailing" => Some(Bug::Trailing),
        "allocation" => Some(Bug::Allocation),
        "panic" => Some(Bug::Panic),
        "ascii" => Some(Bug::Ascii),
        "" => None,
        other => panic!("no such bug: {other}"),
    });
    *planted == Some(bug)
}

/// Returns the part of the body that a decoder with this bug would decode.
pub(crate) fn decoded(input: &[u8]) -> &[u8] {
    if has(Bug::Trailing)
        && let Some(accepted) = (1..input.len()).rev().filter_map(|end| input.get(..end)).find(is_body)
    {
        return accepted;
    }
    if has(Bug::Allocation)
        && let [1, 252, a, b, c, d, ..] = input
    {
        let count = u32::from_le_bytes([*a, *b, *c, *d]);
        drop(Vec::<u8>::with_capacity(count as usize));
    }
    if has(Bug::Panic)
        && let [1, records, len, rest @ ..] = input
        && *records > 0
    {
        std::hint::black_box(&rest[..usize::from(*len)]);
    }
    input
}

fn is_body(input: &&[u8]) -> bool {
    aumbry::testing::fuzzing::check_body(input).is_ok()
}
