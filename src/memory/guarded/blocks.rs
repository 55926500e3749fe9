//! Memory for a key derivation: a large allocation, zero without being written, on huge pages if available.

use std::alloc::{Layout, alloc_zeroed};

use argon2::Block;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;
use zeroize::Zeroize;

use crate::error::Result;
use crate::memory::{check_headroom, out_of_memory};

/// Not aligned more strictly than allocators do by default. A [`Block`] is aligned to a cache line; for that
/// alignment Rust's allocator would write zeros over the kernel's fresh pages, which are zero already. This
/// would take a third of the derivation's time.
type Word = u128;

const WORDS: usize = Block::SIZE / size_of::<Word>();
/// The maximum number of words to skip so that the blocks start on a cache line.
const SPARE: usize = align_of::<Block>() / align_of::<Word>();

// Therefore a block consists only of integers, without padding.
const _: () = assert!(size_of::<Block>() == Block::SIZE);

/// Blocks of Argon2id's memory, initially zero, wiped when dropped.
pub(crate) struct Blocks {
    words: Vec<Word>,
    used: bool,
}

impl Blocks {
    /// Allocates `len` blocks. Returns an error where `vec!` would abort the program under a memory limit.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let failed = || out_of_memory(len.saturating_mul(Block::SIZE));
        let count = len.checked_mul(WORDS).and_then(|words| words.checked_add(SPARE)).ok_or_else(failed)?;
        let layout = Layout::array::<Word>(count).map_err(|_| failed())?;
        // SAFETY: the layout is not empty, because `SPARE` is not 0.
        let start = unsafe { alloc_zeroed(layout) }.cast::<Word>();
        if start.is_null() {
            return Err(failed());
        }
        super::prefer_huge_pages(start.cast(), layout.size());
        // SAFETY: `start` comes from the global allocator, which `Vec` also uses, with the layout of `count`
        // words. All words are initialised, because zero bytes are valid integers.
        let words = unsafe { Vec::from_raw_parts(start, count, count) };
        check_headroom(layout.size())?;
        Ok(Self { words, used: false })
    }

    /// Returns at least as many blocks as were requested.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Block] {
        self.used = true;
        // SAFETY: a block is an array of integers without padding (asserted above), so any bytes are valid.
        // The same is true of a word.
        unsafe { self.words.align_to_mut::<Block>() }.1
    }

    /// Wipes the memory with all threads of the caller's pool: one thread would take a tenth of a
    /// derivation's time.
    pub(crate) fn wipe_in_pool(&mut self) {
        const AT_ONCE: usize = 1024 * WORDS; // 1 MiB
        self.words.par_chunks_mut(AT_ONCE).for_each(Zeroize::zeroize);
        self.used = false;
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if self.used {
            self.words.as_mut_slice().zeroize();
        }
    }
}
