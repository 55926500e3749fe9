//! Random bytes from the operating system.

use crate::error::{Error, ErrorKind, Result};

/// `N` random bytes.
pub(crate) fn make<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes` in place, so that a key need not pass over the stack.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    #[cfg(feature = "testing")]
    if let Some(byte) = dead::output() {
        bytes.fill(byte);
        return Ok(());
    }
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::OutOfResources, "the system's random generator gave nothing").with_source(error)
    })
}

/// A generator that has died, for tests of what holds all the same.
#[cfg(feature = "testing")]
pub(crate) mod dead {
    use std::cell::Cell;

    thread_local! {
        static OUTPUT: Cell<Option<u8>> = const { Cell::new(None) };
    }

    pub(super) fn output() -> Option<u8> {
        OUTPUT.get()
    }

    /// Runs `work` while this thread's random bytes are all `byte`.
    pub(crate) fn at<R>(byte: u8, work: impl FnOnce() -> R) -> R {
        OUTPUT.set(Some(byte));
        let result = work();
        OUTPUT.set(None);
        result
    }
}
