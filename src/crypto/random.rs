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
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::OutOfResources, "the system's random generator gave nothing").with_source(error)
    })
}
