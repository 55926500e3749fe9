//! Random bytes from the operating system.

use crate::error::{Error, ErrorKind, Result};

/// Returns `N` random bytes.
pub(crate) fn make<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes` in place, so that a key does not pass through the stack.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    #[cfg(feature = "testing")]
    if let Some(byte) = dead::output() {
        bytes.fill(byte);
        return Ok(());
    }
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::OutOfResources, "could not get random bytes from the system").with_source(error)
    })
}

/// A random generator that always returns the same byte, for tests of what is still guaranteed then.
#[cfg(feature = "testing")]
pub(crate) mod dead {
    use std::cell::Cell;

    thread_local! {
        static OUTPUT: Cell<Option<u8>> = const { Cell::new(None) };
    }

    pub(super) fn output() -> Option<u8> {
        OUTPUT.get()
    }

    /// Runs `work`; meanwhile every random byte of this thread is `byte`.
    pub(crate) fn at<R>(byte: u8, work: impl FnOnce() -> R) -> R {
        OUTPUT.set(Some(byte));
        let result = work();
        OUTPUT.set(None);
        result
    }
}
