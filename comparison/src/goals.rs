//! aumbry's goals, and whether this run reached them.

use crate::kdf::{Compared, OTHERS};
use crate::rounds::{Figure, Measured};
use crate::tables::number;

/// Unlocking 10,000 records without the KDF: each peer's time divided by aumbry's, at least.
const UNLOCK: [(&str, f64); 4] =
    [("age", 2.0), ("cocoon", 2.0), ("stronghold-store", 4.0), ("keepass", 150.0)];
const RECORDS: usize = 10_000;

/// The required range of a ratio.
#[derive(Clone, Copy)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    /// Returns a line of the list: the goal, the measured value, and whether it is enough. `NaN` means not
    /// measured.
    pub fn line(self, what: &str, of: &str, seen: f64) -> String {
        let (words, limit, met) = match self {
            Self::AtMost(limit) => ("at most", limit, seen <= limit),
            Self::AtLeast(limit) => ("at least", limit, seen >= limit),
        };
        let met = if met { "met" } else { "MISSED" };
        format!("* {what}: {words} {limit:.2} x {of}; seen {seen:.2} x: {met}.\n")
    }
}

pub fn stores(all: &[Measured]) -> String {
    let find = |id| all.iter().find(|one| one.size == RECORDS && one.peer.id() == id);
    let Some(aumbry) = find("aumbry").and_then(|aumbry| aumbry.median("beyond")) else {
        let records = number(RECORDS);
        return format!("\nGoals are set for {records} records, which this run has not measured.\n");
    };
    let mut text = format!("\n## Goals: unlock of {} records beyond the KDF\n\n", number(RECORDS));
    for (id, goal) in UNLOCK {
        let seen = match find(id).map(|one| one.figure("beyond")) {
            Some(Figure::Median(value) | Figure::MoreThan(value)) => value / aumbry,
            _ => f64::NAN,
        };
        text += &Limit::AtLeast(goal).line(id, "aumbry", seen);
    }
    text
}

pub fn kdf(compared: &Compared) -> String {
    let mut text = String::from("\n## Goals: Argon2id with 64 MiB, t 3, p 4\n\n");
    let Some(row) = compared.rows.first() else { return text };
    for (contender, limit) in [(0, 0.70), (3, 1.10)] {
        let Some(Some(time)) = row.others.get(contender) else { continue };
        let seen = row.aumbry.median / time.median;
        text += &Limit::AtMost(limit).line("aumbry", OTHERS[contender].name, seen);
    }
    text
}
