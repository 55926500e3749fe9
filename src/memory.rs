//! Secrets in memory: guarded pages, wiped buffers, a scrubbed stack, and bounded allocations.
//!
//! Guaranteed:
//!
//! * The keys (vault key, signing seed, record key with its prepared cipher, key-encryption key) are created
//!   in one guarded page and are only borrowed from it. [`Vault::lock`](crate::Vault::lock), or dropping the
//!   last handle, wipes them there. [`MemoryProtection`] says how well the operating system guards that page.
//! * Everything else that contained a secret is wiped when it is dropped: the memory of Argon2id, a
//!   passphrase, and a secret that was looked up or is about to be sealed. So is the decrypted body,
//!   including the names.
//! * The stack is scrubbed after work that derives or expands keys or writes a recovery code. On x86-64, so
//!   are the vector registers.
//!
//! Not guaranteed: names, labels and attributes that were returned or are part of a pending edit; other
//! registers; copies that the caller made; a debugger attached as root; the kernel itself.

mod guarded;
mod out_of_memory;
mod protection;

pub(crate) use guarded::Guarded;
pub(crate) use guarded::blocks::Blocks;
pub use guarded::harden_process;
pub(crate) use out_of_memory::out_of_memory;
pub(crate) use protection::KeyPages;
pub use protection::MemoryProtection;

use zeroize::Zeroizing;

use crate::error::Result;

/// Bytes of a fixed size, wiped when dropped.
pub(crate) type WipedBytes = Zeroizing<Vec<u8>>;

/// Allocates `len` zero bytes that never grow, because a growing buffer leaves copies behind.
pub(crate) fn zeroed(len: usize) -> Result<WipedBytes> {
    let mut bytes = Vec::new();
    reserve_exact(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(Zeroizing::new(bytes))
}

/// How many bytes must still be available after a large allocation. Threads start next, with 2 MiB of stack
/// each, and small allocations follow. Rust aborts the program if a small allocation fails.
const HEADROOM: usize = 24 << 20;
const LARGE: usize = 1 << 20;

/// Reserves room for exactly `count` items in an empty vector. A file may choose `count`, so too little
/// memory, or too little left afterwards, is an error and does not abort the program.
pub(crate) fn reserve_exact<T>(items: &mut Vec<T>, count: usize) -> Result<()> {
    let len = count.saturating_mul(size_of::<T>());
    items.try_reserve_exact(count).map_err(|_| out_of_memory(len))?;
    guarded::prefer_huge_pages_for(items); // otherwise each look-up in a large vault misses the TLB
    check_headroom(len).inspect_err(|_| *items = Vec::new())
}

/// Checks that enough memory is left after `len` bytes were allocated.
fn check_headroom(len: usize) -> Result<()> {
    if len >= LARGE && !guarded::is_room_for(HEADROOM) {
        return Err(out_of_memory(len.saturating_add(HEADROOM)));
    }
    Ok(())
}

/// More than a few threads allocate at the same time: their stacks, and up to 64 MiB of address space that
/// the C library's allocator reserves for each thread.
const PLENTY: usize = 1 << 30;

/// Returns whether several large allocations, `len` bytes in total, may run at the same time. If memory is
/// short, one of them may take the last of it before it fails and frees it. A thread that starts at that
/// moment would abort the program.
pub(crate) fn is_room_beside(len: u64) -> bool {
    usize::try_from(len).is_ok_and(|len| guarded::is_room_for(len.saturating_add(PLENTY)))
}

/// How many bytes of stack are overwritten after work that expands or uses keys. Measured by
/// `tests/residue.rs`: AES with the widest vectors needs more than 6 KiB, unoptimised builds more than 16
/// KiB.
const SCRUBBED: usize = if cfg!(debug_assertions) { 48 * 1024 } else { 16 * 1024 };

/// Runs `work`, then overwrites the stack that it used and the vector registers. AES leaves its last round
/// key in a register until other code overwrites it.
pub(crate) fn with_scrubbed_stack<R>(work: impl FnOnce() -> R) -> R {
    // A separate stack frame: everything that `work` leaves behind is below it.
    #[inline(never)]
    fn call<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    let result = call(work);
    zeroize::zeroize_stack::<SCRUBBED>();
    guarded::scrub_registers();
    result
}
