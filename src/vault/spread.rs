//! One version of a vault, counted in several places: threads that look up side by side, and take and drop it each time,
//! would else wait for each other's count.

use std::ops::Deref;
use std::sync::Arc;

use crate::vault::sharded::{PLACES, place_of_this_thread};
use crate::vault::unlocked::snapshot::Snapshot;

/// A version, by one of its counts. Each is allocated apart, on cache lines of its own: two, for processors fetch them in
/// pairs.
#[repr(align(128))]
pub(super) struct Counted(Arc<Snapshot>);

impl Counted {
    pub(super) fn new(snapshot: &Arc<Snapshot>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(snapshot)))
    }
}

impl Deref for Counted {
    type Target = Snapshot;
    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

pub(super) struct Spread([Arc<Counted>; PLACES]);

impl Spread {
    pub(super) fn new(snapshot: &Arc<Snapshot>) -> Self {
        Self(std::array::from_fn(|_| Counted::new(snapshot)))
    }

    /// By the count of this thread, which it shares with few others.
    pub(super) fn here(&self) -> Arc<Counted> {
        let [first, ..] = &self.0;
        Arc::clone(self.0.get(place_of_this_thread()).unwrap_or(first))
    }
}
