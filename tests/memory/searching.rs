//! An allocator that looks through every block that is freed for parts of two secrets.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Parts of the secrets, without the characters that are escaped, so that a piece of one is found too.
const PARTS: [&[u8]; 4] =
    [b"RESIDUE+part+one", b"RESIDUE+part+two", b"RESIDUE=token=one", b"RESIDUE=token=two"];
pub(crate) const SECRET_KEY: &str = "RESIDUE+part+one/\"RESIDUE+part+two";
pub(crate) const TOKEN: &str = "RESIDUE=token=one/é\u{1f511}RESIDUE=token=two";

thread_local! {
    /// Whether this thread looks, and how many freed blocks held a part.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
    static FOUND: Cell<usize> = const { Cell::new(0) };
}

struct Searching;

#[global_allocator]
static ALLOCATOR: Searching = Searching;

// SAFETY: every call goes to the system's allocator with what it was given. `realloc` is the trait's own: it allocates,
// copies and frees, so a block that grows is looked through like any other.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) } // so that all of a block can be read when it is freed
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if LOOKING.try_with(Cell::get).unwrap_or(false) {
            // SAFETY: the block is alive, of this size, initialised since `alloc`, and no longer used by other code.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if PARTS.iter().any(|part| bytes.windows(part.len()).any(|window| window == *part)) {
                FOUND.with(|found| found.set(found.get() + 1));
            }
        }
        // SAFETY: the block came from `alloc` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many blocks that `work` freed held a part of a secret.
pub(crate) fn left_behind<R>(work: impl FnOnce() -> R) -> (R, usize) {
    FOUND.set(0);
    LOOKING.set(true);
    let result = work();
    LOOKING.set(false);
    (result, FOUND.get())
}
