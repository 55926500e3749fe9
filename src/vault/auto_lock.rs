//! The thread that locks an idle vault.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// The shortest step. It limits how often the thread wakes up.
const MIN_STEP: Duration = Duration::from_millis(10);
/// The number of steps in which idle time is measured. The vault is locked up to one step late.
const STEPS: u32 = 4;

/// A thread that calls a closure once a vault has been idle. It ends when this is dropped.
pub(super) struct AutoLock {
    _until_dropped: Sender<()>,
}

impl AutoLock {
    /// Starts the thread. `take_used` returns whether the vault was used since the last call, or `None` if the vault no
    /// longer exists. `lock` locks it.
    pub(super) fn start(
        idle: Duration,
        take_used: impl Fn() -> Option<bool> + Send + 'static,
        lock: impl Fn() + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name("aumbry-lock".into())
            .spawn(move || watch((idle / STEPS).max(MIN_STEP), &receiver, take_used, lock))
            .map_err(|error| {
                Error::new(ErrorKind::OutOfResources, "could not start the auto-lock thread")
                    .with_source(error)
            })?;
        Ok(Self { _until_dropped: sender })
    }
}

fn watch(step: Duration, dropped: &Receiver<()>, take_used: impl Fn() -> Option<bool>, lock: impl Fn()) {
    let mut idle_steps = 0;
    while let Err(RecvTimeoutError::Timeout) = dropped.recv_timeout(step) {
        let Some(used) = take_used() else { return };
        idle_steps = if used { 0 } else { idle_steps + 1 };
        if idle_steps >= STEPS {
            lock();
        }
    }
}
