//! The error of every allocation that the system refuses.

use crate::error::{Error, ErrorKind};

pub(crate) fn out_of_memory(len: usize) -> Error {
    const MIB: usize = 1 << 20;
    let message = format!("not enough memory: {} MiB needed", len.div_ceil(MIB).max(1));
    Error::new(ErrorKind::OutOfResources, message)
}
