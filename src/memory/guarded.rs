//! The only unsafe code: a page of memory that the operating system guards, by what each system has for it; registers; and
//! the memory of key derivations.
#![allow(unsafe_code, reason = "neither memory nor registers have a safe interface to this")]

pub(super) mod blocks;
mod registers;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use zeroize::Zeroize;

use super::MemoryProtection;
use crate::error::{Error, ErrorKind, Result};
pub(super) use registers::scrub as scrub_registers;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(super) use system::is_room_for;

/// What is at least so long, in bytes, glibc maps for itself and unmaps when it is freed. Of shorter pieces it may make a
/// heap, where advice on pages would outlive them.
const MAPPED: usize = 32 << 20;

/// Asks for huge pages for memory that was just allocated. Its first write decides by what pages it is backed.
fn prefer_huge_pages(start: *mut u8, len: usize) {
    if len >= MAPPED {
        system::prefer_huge_pages(start, len);
    }
}

/// The same, for a vector that is still empty.
pub(super) fn prefer_huge_pages_for<T>(items: &mut Vec<T>) {
    let place = items.spare_capacity_mut();
    prefer_huge_pages(place.as_mut_ptr().cast(), size_of_val(place));
}

/// A `T` in pages of its own, which the system guards as well as it can; wiped and unmapped when dropped.
///
/// The value starts as `T::default()`, which must hold no secret, and is filled in place.
pub(crate) struct Guarded<T> {
    value: NonNull<T>,
    pages: Pages,
}

// SAFETY: `Guarded<T>` owns its `T` alone, as a `Box<T>` does, and hands out references by Rust's rules.
unsafe impl<T: Send> Send for Guarded<T> {}
// SAFETY: as above; a shared `Guarded<T>` gives shared references only.
unsafe impl<T: Sync> Sync for Guarded<T> {}

impl<T: Default> Guarded<T> {
    /// A default `T` in the best protected page to be had. `secret_memory` permits `memfd_secret`.
    pub(crate) fn new(secret_memory: bool) -> Result<Self> {
        let pages = Pages::map(size_of::<T>(), secret_memory)?;
        let value = pages.start.cast::<T>();
        assert!(value.is_aligned(), "a page is aligned for every type used here");
        // SAFETY: `pages` are mapped, writable, at least `size_of::<T>()` long (Pages::map), aligned (just
        // checked), and nobody else knows their address.
        unsafe { value.write(T::default()) };
        Ok(Self { value, pages })
    }

    pub(crate) fn protection(&self) -> MemoryProtection {
        self.pages.protection
    }
}

impl<T> Deref for Guarded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote a `T` there, `drop` alone ends it, and `&self` excludes `&mut T`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` excludes every other reference.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: the value was written in `new` and is not used after this line.
        unsafe { self.value.drop_in_place() };
        // `Pages::drop` runs next: it wipes all bytes, also those that a destructor left.
    }
}

/// Whole pages, readable and writable, zero at first.
struct Pages {
    start: NonNull<u8>,
    len: usize,
    protection: MemoryProtection,
}

impl Pages {
    /// Overwrites all of them, also what no destructor wiped.
    fn wipe(&mut self) {
        let start = self.start.cast::<MaybeUninit<u8>>();
        // SAFETY: `start..start + len` is mapped and writable (Pages::map), and `&mut self` excludes every reference to
        // it but those of a `Guarded`, whose value has ended (Guarded::drop ran before). Bytes between the fields of a
        // value may be uninitialised, which is why these are `MaybeUninit`.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.len) }.zeroize();
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.wipe();
        self.unmap();
    }
}

/// Asks the system to write no core dump of this process and to let no other process of the same user
/// read its memory or attach a debugger.
///
/// Call it first thing in `main`, in a program that handles secrets. It affects the whole process, which is
/// why the library never calls it by itself.
///
/// * **Linux**: no core dump; no debugger, and no look into `/proc/PID/mem`.
/// * **macOS**: no core dump; no debugger. One that is attached already makes the system end the program.
/// * **Windows**: no crash report; of the rights to this process its owner keeps those to see that it runs, to
///   wait for it and to end it, and no other program of the user can read its memory. Children inherit the
///   error mode, so their crashes are not reported either.
/// * **Other Unix systems**: no core dump.
///
/// On Unix a program that this one runs begins without core dumps, and can allow itself what it could before: the soft
/// limit alone is lowered.
///
/// # Errors
/// [`ErrorKind::Io`] where the system refuses.
pub fn harden_process() -> Result<()> {
    system::harden_process()
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Io, message).with_source(std::io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no destructor wipes, and with places between its fields.
    #[derive(Default)]
    struct Careless {
        first: u8,
        second: [u64; 4],
    }

    #[test]
    fn pages_are_wiped_whatever_stood_in_them() {
        for secret_memory in [true, false] {
            let mut guarded = Guarded::<Careless>::new(secret_memory).unwrap();
            guarded.first = 0xa5;
            guarded.second = [u64::MAX; 4];
            let shown = |pages: &Pages| {
                let bytes = (0..size_of::<Careless>()).map(|at| {
                    // SAFETY: within the pages, which nobody writes meanwhile; what is read was written by `wipe`, or is
                    // the byte of a field.
                    unsafe { pages.start.add(at).read() }
                });
                bytes.filter(|byte| *byte != 0).count()
            };
            assert!(
                guarded.first == 0xa5 && guarded.second[3] == u64::MAX,
                "the control: something stands there"
            );
            guarded.pages.wipe();
            assert_eq!(shown(&guarded.pages), 0);
        }
    }
}
