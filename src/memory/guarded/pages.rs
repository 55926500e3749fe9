//! The pages of one guarded value. The file of each system maps and unmaps them.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use zeroize::Zeroize;

use crate::error::{Error, ErrorKind};
use crate::memory::protection::MemoryProtection;

/// Whole pages, readable and writable, initially zero.
pub(super) struct Pages {
    pub(super) start: NonNull<u8>,
    pub(super) len: usize,
    pub(super) protection: MemoryProtection,
}

impl Pages {
    /// Overwrites every byte, including those that no destructor wiped.
    pub(super) fn wipe(&mut self) {
        let start = self.start.cast::<MaybeUninit<u8>>();
        // SAFETY: `start..start + len` is mapped and writable (Pages::map). `&mut self` excludes every
        // reference to it except those of a `Guarded`, whose value has already been dropped (Guarded::drop
        // runs first). Bytes between the fields of a value may be uninitialised, so the slice is of
        // `MaybeUninit`.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.len) }.zeroize();
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.wipe();
        self.unmap();
    }
}

/// Returns the last error of the system.
pub(super) fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Io, message).with_source(std::io::Error::last_os_error())
}
