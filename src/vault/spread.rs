//! One version of a vault, counted in several places: threads that look up side by side, and take and drop it each time,
//! would else wait for each other's count.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::snapshot::Snapshot;

/// As many as crossbeam's `ShardedLock` has locks.
const PLACES: usize = 8;

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

/// Threads take turns.
fn place_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let place = PLACE.get();
    if place < PLACES {
        return place;
    }
    let place = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
    PLACE.set(place);
    place
}
