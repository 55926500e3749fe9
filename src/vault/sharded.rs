//! A lock for many readers, who do not wait for each other's cache line: each takes one lock of several, and a writer all.
//!
//! Not crossbeam's `ShardedLock`, which numbers threads by a hash table of the standard library: that asks the system for
//! random bytes, and panics where it has none.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// More cores than this look up side by side all the same, two or three at a lock.
pub(super) const PLACES: usize = 8;

/// Which place is this thread's. Threads take turns.
pub(super) fn place_of_this_thread() -> usize {
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

/// One value, reached from several places. Nobody but these places and a writer ever owns it.
pub(super) struct ManyReaders<T>([Place<T>; PLACES]);

/// On cache lines of its own: two, for processors fetch them in pairs. Empty only while somebody writes.
#[repr(align(128))]
struct Place<T>(RwLock<Option<Arc<T>>>);

// What panics elsewhere leaves no half of a value: a writer's is put back whole.
impl<T> ManyReaders<T> {
    pub(super) fn new(value: T) -> Self {
        let value = Arc::new(value);
        Self(std::array::from_fn(|_| Place(RwLock::new(Some(Arc::clone(&value))))))
    }

    pub(super) fn read(&self) -> Reading<'_, T> {
        let [first, ..] = &self.0;
        let Place(lock) = self.0.get(place_of_this_thread()).unwrap_or(first);
        Reading(lock.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for all readers.
    pub(super) fn write(&self) -> Writing<'_, T> {
        // Each writer takes them in this order, so none waits for another that waits for it.
        let mut places =
            self.0.each_ref().map(|Place(lock)| lock.write().unwrap_or_else(PoisonError::into_inner));
        let values = places.each_mut().map(|place| place.take());
        let value = values.into_iter().flatten().filter_map(Arc::into_inner).last();
        Writing { places, value }
    }
}

pub(super) struct Reading<'a, T>(RwLockReadGuard<'a, Option<Arc<T>>>);

impl<T> Deref for Reading<'_, T> {
    type Target = T;
    #[expect(clippy::expect_used, reason = "a writer puts the value back before it lets a reader in")]
    fn deref(&self) -> &T {
        self.0.as_deref().expect("a value")
    }
}

/// The value, taken out of all places until this is dropped.
pub(super) struct Writing<'a, T> {
    places: [RwLockWriteGuard<'a, Option<Arc<T>>>; PLACES],
    value: Option<T>,
}

impl<T> Deref for Writing<'_, T> {
    type Target = T;
    #[expect(clippy::expect_used, reason = "it was the last owner that the value was taken from")]
    fn deref(&self) -> &T {
        self.value.as_ref().expect("a value")
    }
}

impl<T> DerefMut for Writing<'_, T> {
    #[expect(clippy::expect_used, reason = "as above")]
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("a value")
    }
}

impl<T> Drop for Writing<'_, T> {
    fn drop(&mut self) {
        let value = self.value.take().map(Arc::new);
        for place in &mut self.places {
            place.clone_from(&value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_sees_what_was_written_and_nobody_reads_half() {
        let pair = ManyReaders::new((0_u64, 0_u64));
        std::thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let (one, other) = *pair.read();
                        assert_eq!(one, other);
                    }
                    let mut writing = pair.write();
                    writing.0 += 1;
                    std::thread::yield_now();
                    writing.1 += 1;
                });
            }
        });
        assert_eq!(*pair.read(), (16, 16));
    }

    #[test]
    fn what_is_replaced_is_dropped_before_readers_come_again() {
        let value = Arc::new(());
        let shared = ManyReaders::new(Some(Arc::clone(&value)));
        let mut writing = shared.write();
        *writing = None;
        assert_eq!(Arc::strong_count(&value), 1);
        drop(writing);
        assert!(shared.read().is_none());
    }

    #[test]
    fn a_writer_that_panics_leaves_a_value() {
        let shared = ManyReaders::new(1);
        let panicked = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut writing = shared.write();
                *writing = 2;
                std::panic::resume_unwind(Box::new(()));
            });
            writer.join().is_err()
        });
        assert!(panicked && *shared.read() == 2);
    }
}
