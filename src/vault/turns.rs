//! The queue of the threads that want to edit one vault: one edits at a time, in the order of arrival.
//!
//! The wait is bounded. A closure that waits for another thread's edit of the same vault would otherwise wait forever,
//! because that thread waits for the closure.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// How long a thread waits for one edit of another thread, as for the lock of the file.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    editing: Option<(ThreadId, Instant)>,
    waiting: VecDeque<ThreadId>,
}

impl Turns {
    /// Waits until no other thread is editing.
    ///
    /// # Errors
    /// [`Misuse`](ErrorKind::Misuse) if this thread is editing already; [`Busy`](ErrorKind::Busy) if one edit of another
    /// thread takes longer than `patience`.
    pub(super) fn take(&self, patience: Duration) -> Result<Turn<'_>> {
        let own = thread::current().id();
        if self.is_editing(own) {
            let message =
                "an edit of the vault contains another edit of it: make all changes through the outer one";
            return Err(Error::new(ErrorKind::Misuse, message));
        }
        let mut queue = self.queue();
        queue.waiting.push_back(own);
        loop {
            let left = match queue.editing {
                None if queue.waiting.front() == Some(&own) => {
                    queue.waiting.pop_front();
                    queue.editing = Some((own, Instant::now()));
                    return Ok(Turn { turns: self });
                }
                None => patience, // the first in the queue is waking up
                Some((_, since)) => patience.saturating_sub(since.elapsed()),
            };
            if left.is_zero() {
                queue.waiting.retain(|waiting| *waiting != own);
                self.changed.notify_all();
                let message = format!(
                    "another thread has been editing the vault for {} seconds: try again later, and do not wait \
                     for another thread inside an edit",
                    patience.as_secs()
                );
                return Err(Error::new(ErrorKind::Busy, message));
            }
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns whether `thread` is editing.
    pub(super) fn is_editing(&self, thread: ThreadId) -> bool {
        self.queue().editing.is_some_and(|(editing, _)| editing == thread)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to edit. Dropping it, also by a panic, lets the next thread edit.
#[must_use]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.queue().editing = None;
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_inside_a_turn_is_misuse() {
        let turns = Turns::default();
        let turn = turns.take(PATIENCE).unwrap();
        assert_eq!(turns.take(PATIENCE).err().unwrap().kind(), ErrorKind::Misuse);
        drop(turn);
        drop(turns.take(PATIENCE).unwrap());
    }

    #[test]
    fn waiting_for_a_thread_that_waits_for_the_turn_ends() {
        let turns = Turns::default();
        let turn = turns.take(PATIENCE).unwrap();
        let refused = thread::scope(|scope| {
            let other = scope.spawn(|| turns.take(Duration::from_millis(50)).map(drop));
            other.join().unwrap() // the other thread waits for `turn`, and this one for the other thread
        });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
        drop(turn);
        drop(turns.take(PATIENCE).unwrap());
    }

    #[test]
    fn every_waiting_thread_gets_its_turn() {
        let (turns, editing) = (Turns::default(), Mutex::new(()));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _turn = turns.take(PATIENCE).unwrap();
                        let _alone = editing.try_lock().unwrap();
                    }
                });
            }
        });
    }
}
