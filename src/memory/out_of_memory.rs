//! The error of every allocation that the system refuses.

use crate::error::{Error, ErrorKind};

pub(crate) fn out_of_memory(len: usize) -> Error {
    Error::new(ErrorKind::OutOfResources, format!("the system has no {len} bytes of memory to spare"))
}
