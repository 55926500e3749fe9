//! A lock for many readers: several locks, each with a value of its own.
//!
//! With one lock, or one reference count, threads that look up in parallel would wait for each other's cache line. Here
//! each thread reads one shard, and a writer takes all of them.
//!
//! Crossbeam's `ShardedLock` is not used, because it numbers threads with a hash table of the standard library, which asks
//! the system for random bytes and panics if there are none.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// With more cores than this, two or three threads share a shard.
const SHARDS: usize = 8;

/// Returns the shard of this thread. Threads take turns.
fn shard_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let shard = SHARD.get();
    if shard < SHARDS {
        return shard;
    }
    let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    SHARD.set(shard);
    shard
}

/// One value per shard. All of them have the same meaning.
pub(super) struct Sharded<T>([Shard<T>; SHARDS]);

/// On two cache lines of its own, because processors fetch them in pairs.
#[repr(align(128))]
struct Shard<T>(RwLock<T>);

impl<T> Sharded<T> {
    /// Makes each shard's value with `make`.
    pub(super) fn new(make: impl Fn() -> T) -> Self {
        Self(std::array::from_fn(|_| Shard(RwLock::new(make()))))
    }

    /// Locks the shard of this thread for reading.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, T> {
        let [first, ..] = &self.0;
        let Shard(lock) = self.0.get(shard_of_this_thread()).unwrap_or(first);
        // A poisoned lock is still valid, because `set` makes all values before it replaces the first.
        lock.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks all shards, and waits for their readers.
    pub(super) fn write(&self) -> Writing<'_, T> {
        // Every writer takes them in this order, so two writers cannot wait for each other.
        Writing(self.0.each_ref().map(|Shard(lock)| lock.write().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// All shards, locked until this is dropped.
pub(super) struct Writing<'a, T>([RwLockWriteGuard<'a, T>; SHARDS]);

impl<T> Writing<'_, T> {
    /// Returns the value of one of the shards.
    pub(super) fn get(&self) -> &T {
        let [first, ..] = &self.0;
        first
    }

    /// Replaces the value of every shard, and drops all previous ones before any reader can continue.
    pub(super) fn set(&mut self, make: impl Fn() -> T) {
        let values: [T; SHARDS] = std::array::from_fn(|_| make());
        for (shard, value) in self.0.iter_mut().zip(values) {
            **shard = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_reader_sees_a_complete_value() {
        let pair = Sharded::new(|| (0_u64, 0_u64));
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let (one, other) = *pair.read();
                        assert_eq!(one, other);
                    }
                    let mut writing = pair.write();
                    let (one, other) = *writing.get();
                    writing.set(|| (one + 1, other + 1));
                });
            }
        });
        assert_eq!(*pair.read(), (16, 16));
    }

    #[test]
    fn a_replaced_value_is_dropped_before_readers_continue() {
        let value = Arc::new(());
        let sharded = Sharded::new(|| Some(Arc::clone(&value)));
        let mut writing = sharded.write();
        writing.set(|| None);
        assert_eq!(Arc::strong_count(&value), 1);
        drop(writing);
        assert!(sharded.read().is_none());
    }

    #[test]
    fn a_writer_that_panics_leaves_the_previous_value_in_every_shard() {
        let sharded = Sharded::new(|| 1);
        let panicked = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let made = Cell::new(0);
                sharded.write().set(|| {
                    made.set(made.get() + 1);
                    if made.get() == SHARDS {
                        std::panic::resume_unwind(Box::new(()));
                    }
                    2
                });
            });
            writer.join().is_err()
        });
        assert!(panicked);
        assert!(
            sharded.0.iter().all(|Shard(lock)| *lock.read().unwrap_or_else(PoisonError::into_inner) == 1)
        );
    }
}
