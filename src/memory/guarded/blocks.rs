//! Memory for a key derivation: much of it, zero without being written, on huge pages where they are to be had.

use std::alloc::{Layout, alloc_zeroed};

use argon2::Block;
use zeroize::Zeroize;

use crate::error::Result;
use crate::memory::{check_headroom, out_of_memory};

// So a block is its 128 integers and nothing else.
const _: () = assert!(size_of::<Block>() == Block::SIZE);

/// Blocks of Argon2id's memory, zero at first, wiped when dropped.
pub(crate) struct Blocks {
    blocks: Vec<Block>,
    used: bool,
}

impl Blocks {
    /// Fallible, where `vec!` would end the program under a memory limit.
    pub(crate) fn new(len: usize) -> Result<Self> {
        let failed = || out_of_memory(len.saturating_mul(Block::SIZE));
        let layout =
            Layout::array::<Block>(len).ok().filter(|layout| layout.size() > 0).ok_or_else(failed)?;
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) }.cast::<Block>();
        if start.is_null() {
            return Err(failed());
        }
        // Before the first write, which decides by what pages the memory is backed.
        super::system::prefer_huge_pages(start.cast(), layout.size());
        // SAFETY: the global allocator, which is a Vec's too, gave `start` for this very layout; all `len` blocks are
        // initialised, for zero bytes are valid integers.
        let blocks = unsafe { Vec::from_raw_parts(start, len, len) };
        check_headroom(layout.size())?;
        Ok(Self { blocks, used: false })
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Block] {
        self.used = true;
        &mut self.blocks
    }

    /// Wipes by several threads of the caller's pool, where one would take a while.
    pub(crate) fn wipe_in_pool(&mut self) {
        use rayon::iter::ParallelIterator;
        use rayon::slice::ParallelSliceMut;
        const AT_ONCE: usize = 1024; // blocks, 1 MiB
        self.blocks.par_chunks_mut(AT_ONCE).for_each(wipe);
        self.used = false;
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if self.used {
            wipe(&mut self.blocks);
        }
    }
}

fn wipe(blocks: &mut [Block]) {
    blocks.iter_mut().for_each(Zeroize::zeroize);
}
