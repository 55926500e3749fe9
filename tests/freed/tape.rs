//! An allocator that keeps the content of each block that was freed, to be searched once all keys are known.
#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// In words of eight bytes. Taken from the system once; what is never written costs nothing.
const ROOM: usize = 48 << 20;

struct Tape;

#[global_allocator]
static TAPE: Tape = Tape;
static RECORDS: AtomicBool = AtomicBool::new(false);
static START: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with what it was given. `realloc` is the trait's own: it allocates,
// copies and frees, so a block that grows is kept like any other.
unsafe impl GlobalAlloc for Tape {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) } // so that all of a block can be read when it is freed
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if RECORDS.load(Ordering::Relaxed) {
            BLOCKS.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the block is alive, of this size, initialised since `alloc`, and no longer used by other code.
            keep(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: the block came from `alloc` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Writes a block to the tape: first how many words follow. Of words that are zero, as wiped memory is, one is kept.
fn keep(block: &[u8]) {
    let mut len = 0;
    shortened(block, |_| len += 1);
    if len == 1 && block.iter().all(|byte| *byte == 0) {
        return;
    }
    let at = USED.fetch_add(1 + len, Ordering::Relaxed);
    if at + 1 + len > ROOM {
        return; // which the end of the recording complains of
    }
    let tape = START.load(Ordering::Relaxed) as *mut u64;
    // SAFETY: `at..at + 1 + len` is within the tape and belongs only to this block; no other code reads it meanwhile.
    unsafe { tape.add(at).write(len as u64) };
    let mut next = at + 1;
    shortened(block, |word| {
        // SAFETY: as above, because there are as many words as were counted.
        unsafe { tape.add(next).write(word) };
        next += 1;
    });
}

fn shortened(block: &[u8], mut each: impl FnMut(u64)) {
    let (words, rest) = block.as_chunks::<8>();
    let mut last = 1;
    let mut at = 0;
    // Not a `for`: this is not optimised, and what Argon2 frees has millions of words.
    while at < words.len() {
        let word = u64::from_ne_bytes(words[at]);
        if word | last != 0 {
            each(word);
        }
        last = word;
        at += 1;
    }
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    each(u64::from_ne_bytes(word));
}

/// The freed bytes, in order, for the owner of this value.
pub(crate) struct Recording {
    _turn: MutexGuard<'static, ()>,
}

impl Recording {
    /// Waits until no other test has one: a test must not record what another frees.
    pub(crate) fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        static ROOM_FOR_IT: OnceLock<usize> = OnceLock::new();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let start = *ROOM_FOR_IT.get_or_init(|| {
            let layout = Layout::array::<u64>(ROOM).unwrap();
            // SAFETY: the layout has a size. It is never freed.
            let start = unsafe { System.alloc_zeroed(layout) };
            assert!(!start.is_null(), "there is no memory for the tape");
            start as usize
        });
        START.store(start, Ordering::SeqCst);
        USED.store(0, Ordering::SeqCst);
        BLOCKS.store(0, Ordering::SeqCst);
        Self { _turn: turn }
    }

    /// Keeps what this frees, in whatever thread.
    pub(crate) fn of<R>(&self, work: impl FnOnce() -> R) -> R {
        RECORDS.store(true, Ordering::SeqCst);
        let result = work();
        RECORDS.store(false, Ordering::SeqCst);
        result
    }

    /// How many blocks were freed.
    pub(crate) fn freed(&self) -> usize {
        BLOCKS.load(Ordering::SeqCst)
    }

    /// The content of the blocks that were not empty.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        let used = USED.load(Ordering::SeqCst);
        assert!(used <= ROOM, "the tape is too short: {used} words were freed");
        let start = START.load(Ordering::SeqCst) as *const u64;
        // SAFETY: so much was allocated, is initialised, and is not written to any more: nothing records.
        let tape = unsafe { std::slice::from_raw_parts(start, used) };
        let mut rest = tape;
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first()?;
            let (block, behind) = behind.split_at(usize::try_from(*len).unwrap());
            rest = behind;
            // SAFETY: words are bytes, eight times as many.
            Some(unsafe { std::slice::from_raw_parts(block.as_ptr().cast(), 8 * block.len()) })
        })
    }
}
