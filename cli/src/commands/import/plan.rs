//! What becomes of each record where the vault has one of its name already.

use std::borrow::Cow;
use std::collections::BTreeSet;

use aumbry::{Name, NewRecord, Result};

use crate::arguments::transfer::OnConflict;

/// What becomes of one record.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Add,
    Replace,
    Skip,
    Rename,
    /// It keeps everything from being imported.
    Conflict,
}

/// A record, under the name that it will have.
pub(super) struct Planned<'a> {
    pub(super) fate: Fate,
    pub(super) draft: Cow<'a, NewRecord>,
}

impl Planned<'_> {
    pub(super) fn name(&self) -> &str {
        self.draft.name().as_str()
    }
}

/// `is_taken` says whether the vault has a record of a name.
pub(super) fn plan(
    drafts: &[NewRecord],
    on_conflict: OnConflict,
    is_taken: impl Fn(&str) -> Result<bool>,
) -> Result<Vec<Planned<'_>>> {
    let mut names: BTreeSet<String> = drafts.iter().map(|draft| draft.name().as_str().to_owned()).collect();
    let mut planned = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let name = draft.name().as_str();
        let (fate, draft) = match on_conflict {
            _ if !is_taken(name)? => (Fate::Add, Cow::Borrowed(draft)),
            OnConflict::Fail => (Fate::Conflict, Cow::Borrowed(draft)),
            OnConflict::Skip => (Fate::Skip, Cow::Borrowed(draft)),
            OnConflict::Replace => (Fate::Replace, Cow::Borrowed(draft)),
            OnConflict::Rename => {
                let mut number = 2;
                let free = loop {
                    let candidate = format!("{name}-{number}");
                    if !is_taken(&candidate)? && names.insert(candidate.clone()) {
                        break candidate;
                    }
                    number += 1;
                };
                (Fate::Rename, Cow::Owned(draft.clone().renamed(Name::new(free)?)))
            }
        };
        planned.push(Planned { fate, draft });
    }
    Ok(planned)
}

/// The names of the records that keep all of them from being imported.
pub(super) fn conflicts<'a>(planned: &'a [Planned<'_>]) -> impl Iterator<Item = &'a str> {
    planned.iter().filter(|planned| planned.fate == Fate::Conflict).map(Planned::name)
}
