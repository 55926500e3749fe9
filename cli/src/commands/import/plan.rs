//! Decides what happens to each record, depending on the names in the vault.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aumbry::{Name, NewRecord, Result};

use crate::arguments::transfer::OnConflict;

/// What happens to one record.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Add,
    Replace,
    Skip,
    Rename,
    /// The vault has a record of this name, so nothing is imported.
    Conflict,
}

/// A record with its final name.
pub(super) struct Planned<'a> {
    pub(super) fate: Fate,
    pub(super) record: Cow<'a, NewRecord>,
}

impl Planned<'_> {
    pub(super) fn name(&self) -> &str {
        self.record.name().as_str()
    }
}

/// Plans an import. `is_taken` tells whether the vault has a record of a name.
pub(super) fn plan(
    records: &[NewRecord],
    on_conflict: OnConflict,
    is_taken: impl Fn(&str) -> Result<bool>,
) -> Result<Vec<Planned<'_>>> {
    let mut names: BTreeSet<String> =
        records.iter().map(|record| record.name().as_str().to_owned()).collect();
    let mut planned = Vec::with_capacity(records.len());
    for record in records {
        let name = record.name().as_str();
        let (fate, record) = match on_conflict {
            _ if !is_taken(name)? => (Fate::Add, Cow::Borrowed(record)),
            OnConflict::Fail => (Fate::Conflict, Cow::Borrowed(record)),
            OnConflict::Skip => (Fate::Skip, Cow::Borrowed(record)),
            OnConflict::Replace => (Fate::Replace, Cow::Borrowed(record)),
            OnConflict::Rename => {
                let mut number = 2;
                let free = loop {
                    let candidate = format!("{name}-{number}");
                    if !is_taken(&candidate)? && names.insert(candidate.clone()) {
                        break candidate;
                    }
                    number += 1;
                };
                (Fate::Rename, Cow::Owned(record.clone().renamed(Name::new(free)?)))
            }
        };
        planned.push(Planned { fate, record });
    }
    Ok(planned)
}

/// Returns the names that the vault has already, so that nothing is imported.
pub(super) fn conflicts<'a>(planned: &'a [Planned<'_>]) -> impl Iterator<Item = &'a str> {
    planned.iter().filter(|planned| planned.fate == Fate::Conflict).map(Planned::name)
}
