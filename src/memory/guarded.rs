//! All unsafe code of the library: pages that the operating system guards, vector registers, and the memory
//! of key derivations.
#![allow(unsafe_code, reason = "neither memory nor registers have a safe interface to this")]

pub(super) mod blocks;
mod pages;
mod registers;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::protection::{KeyPages, MemoryProtection};
use crate::error::Result;
use pages::Pages;
pub(super) use registers::scrub as scrub_registers;
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(super) use system::is_room_for;

/// glibc maps allocations of at least this many bytes separately and unmaps them when they are freed. Shorter
/// ones may share a heap, which would keep advice about its pages after they are freed.
const MAPPED: usize = 32 << 20;

/// Asks for huge pages for a new allocation. Must be called before the first write, which decides the page
/// size.
fn prefer_huge_pages(start: *mut u8, len: usize) {
    if len >= MAPPED {
        system::prefer_huge_pages(start, len);
    }
}

/// Like [`prefer_huge_pages`], for a vector that is still empty.
pub(super) fn prefer_huge_pages_for<T>(items: &mut Vec<T>) {
    let spare = items.spare_capacity_mut();
    prefer_huge_pages(spare.as_mut_ptr().cast(), size_of_val(spare));
}

/// A `T` in pages of its own, which the system guards as well as it can. Wiped and unmapped when dropped.
///
/// The value starts as `T::default()`, which must not contain a secret, and is filled in place.
pub(crate) struct Guarded<T> {
    value: NonNull<T>,
    pages: Pages,
}

// SAFETY: `Guarded<T>` is the only owner of its `T`, like `Box<T>`, and lends it by Rust's borrowing rules.
unsafe impl<T: Send> Send for Guarded<T> {}
// SAFETY: as above; a shared `Guarded<T>` gives only shared references.
unsafe impl<T: Sync> Sync for Guarded<T> {}

impl<T: Default> Guarded<T> {
    /// Makes a default `T` in the best protected page that is available. [`KeyPages::Secret`] permits
    /// `memfd_secret`.
    pub(crate) fn new(pages: KeyPages) -> Result<Self> {
        let pages = Pages::map(size_of::<T>(), pages)?;
        let value = pages.start.cast::<T>();
        assert!(value.is_aligned(), "a page is aligned for every type used here");
        // SAFETY: `pages` are mapped, writable and at least `size_of::<T>()` long (Pages::map), aligned
        // (asserted above), and no other code has their address.
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
        // SAFETY: `new` wrote a `T` there, only `drop` ends its life, and `&self` excludes `&mut T`.
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
        // `Pages::drop` runs next and wipes all bytes, including those that a destructor left.
    }
}

/// Asks the system not to write core dumps of this process, and not to let other processes of the same user
/// read its memory or attach a debugger.
///
/// Call it first in `main`, in a program that handles secrets. It affects the whole process, so the library
/// never calls it.
///
/// * **Linux**: no core dump, no debugger, no access to `/proc/PID/mem`.
/// * **macOS**: no core dump, no debugger. If a debugger is already attached, the system ends the program.
/// * **Windows**: no crash report. Other programs of the user may only query the process, wait for it and end
///   it; they cannot read its memory. Children inherit the error mode, so their crashes are not reported
///   either.
/// * **Other Unix systems**: no core dump.
///
/// On Unix, programs started by this one also run without core dumps, but can enable them again: only the
/// soft limit is lowered.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if the system refuses.
pub fn harden_process() -> Result<()> {
    system::harden_process()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type without a destructor that wipes it, and with padding between its fields.
    #[derive(Default)]
    struct Unwiped {
        first: u8,
        second: [u64; 4],
    }

    #[test]
    fn pages_are_wiped_including_what_no_destructor_wipes() {
        for pages in [KeyPages::Secret, KeyPages::Locked] {
            let mut guarded = Guarded::<Unwiped>::new(pages).unwrap();
            guarded.first = 0xa5;
            guarded.second = [u64::MAX; 4];
            let nonzero_bytes = |pages: &Pages| {
                let bytes = (0..size_of::<Unwiped>()).map(|at| {
                    // SAFETY: within the pages, which no other code writes meanwhile. Every byte that is read
                    // was written by `wipe` or belongs to a field.
                    unsafe { pages.start.add(at).read() }
                });
                bytes.filter(|byte| *byte != 0).count()
            };
            assert!(
                guarded.first == 0xa5 && guarded.second[3] == u64::MAX,
                "the control: the fields are written"
            );
            guarded.pages.wipe();
            assert_eq!(nonzero_bytes(&guarded.pages), 0);
        }
    }
}
