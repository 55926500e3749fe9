//! A counting allocator. If a length in the input decides how much is allocated, that is a finding, even on a
//! machine with enough memory.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// How many bytes this thread has allocated now, and the peak since counting began.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts a request, even if the system refuses it.
fn asked_for(bytes: usize, instead_of: usize) {
    let change =
        isize::try_from(bytes).unwrap_or(isize::MAX) - isize::try_from(instead_of).unwrap_or(isize::MAX);
    // A thread that is ending may have destroyed the counter already.
    let _ = HELD.try_with(|held| {
        held.set(held.get().saturating_add(change));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call passes its arguments to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        asked_for(layout.size(), 0);
        // SAFETY: the caller satisfies the contract of `System`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        asked_for(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        asked_for(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        asked_for(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs `work` on an input of `len` bytes. It may hold `base` bytes at a time plus `factor` bytes for each
/// byte of input. Its result counts until it is returned.
pub(crate) fn within<R>(base: usize, factor: usize, len: usize, work: impl FnOnce() -> R) -> R {
    HELD.set(0);
    PEAK.set(0);
    let result = work();
    let (peak, most) = (PEAK.get(), base + factor * len);
    assert!(peak <= most.cast_signed(), "{len} bytes of input took {peak} bytes of memory, more than {most}");
    result
}
