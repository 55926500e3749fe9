//! Memory for a key derivation: much of it, zero without being written, on huge pages where they are to be had.

use std::alloc::{Layout, alloc_zeroed};

use argon2::Block;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;
use zeroize::Zeroize;

use crate::error::Result;
use crate::memory::{check_headroom, out_of_memory};

/// Aligned no more than allocators do of themselves. For a [`Block`], which is aligned to a cache line, Rust's would write
/// all the zeros that the kernel's fresh pages are made of anyway: a third of a derivation's time.
type Word = u128;

const WORDS: usize = Block::SIZE / size_of::<Word>();
/// Skipped at most, so that the blocks begin on a cache line.
const SPARE: usize = align_of::<Block>() / align_of::<Word>();

// So a block is integers and nothing else, as many as it has bytes for.
const _: () = assert!(size_of::<Block>() == Block::SIZE);

/// Blocks of Argon2id's memory, zero at first, wiped when dropped.
pub(crate) struct Blocks {
    words: Vec<Word>,
    used: bool,
}

impl Blocks {
    /// Fallible, where `vec!` would end the program under a memory limit.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let failed = || out_of_memory(len.saturating_mul(Block::SIZE));
        let count = len.checked_mul(WORDS).and_then(|words| words.checked_add(SPARE)).ok_or_else(failed)?;
        let layout = Layout::array::<Word>(count).map_err(|_| failed())?;
        // SAFETY: the layout has a size, for `SPARE` is not 0.
        let start = unsafe { alloc_zeroed(layout) }.cast::<Word>();
        if start.is_null() {
            return Err(failed());
        }
        super::prefer_huge_pages(start.cast(), layout.size());
        // SAFETY: the global allocator, which is a Vec's too, gave `start` for the layout of `count` words; all of them are
        // initialised, for zero bytes are valid integers.
        let words = unsafe { Vec::from_raw_parts(start, count, count) };
        check_headroom(layout.size())?;
        Ok(Self { words, used: false })
    }

    /// At least as many blocks as were asked for.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Block] {
        self.used = true;
        // SAFETY: a block is an array of integers without padding (asserted above), for which all bytes are valid, and so is
        // a word.
        unsafe { self.words.align_to_mut::<Block>() }.1
    }

    /// Wipes by all threads of the caller's pool: one alone would take a tenth of a derivation's time.
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
