//! Locking a vault that nobody uses.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Shared, Vault};

/// No step is shorter: a thread that looks all the time would be no rest.
const LEAST: Duration = Duration::from_millis(10);
/// In how many steps idle time is measured: the lock comes up to one step late.
const STEPS: u32 = 4;

/// A thread that locks the vault once it has been idle; it ends when this is dropped.
pub(super) struct IdleLock {
    _until_dropped: Sender<()>,
}

impl IdleLock {
    pub(super) fn start(vault: Weak<Shared>, idle: Duration) -> Result<Self> {
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name("aumbry-lock".into())
            .spawn(move || watch(&vault, (idle / STEPS).max(LEAST), &receiver))
            .map_err(|error| {
                Error::new(ErrorKind::OutOfResources, "no thread to lock the vault by").with_source(error)
            })?;
        Ok(Self { _until_dropped: sender })
    }
}

fn watch(vault: &Weak<Shared>, step: Duration, dropped: &Receiver<()>) {
    let mut idle_steps = 0;
    while let Err(RecvTimeoutError::Timeout) = dropped.recv_timeout(step) {
        let Some(shared) = vault.upgrade() else { return };
        idle_steps = if shared.take_used() { 0 } else { idle_steps + 1 };
        if idle_steps >= STEPS {
            Vault { shared }.lock();
        }
    }
}
