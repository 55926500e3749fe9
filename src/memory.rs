//! What this crate promises about memory, and what it does not.
//!
//! * The keys (vault key, signing seed, record key with its prepared cipher, key-encryption key) are born in
//!   one guarded page, are only ever borrowed from it, and are wiped there by
//!   [`Vault::lock`](crate::Vault::lock) or when the last handle goes. [`MemoryProtection`] tells how well
//!   the operating system guards that page.
//! * Everything else that held a secret is wiped when it is dropped: the memory of Argon2id, a passphrase, a secret
//!   that was looked up or is about to be sealed; and so is the decrypted body, names and all.
//! * The stack is scrubbed after work that derives or schedules keys or writes a recovery code, and on x86-64 the vector
//!   registers are.
//!
//! Not promised: names, labels and attributes that were given out, or are planned in an edit; other registers, a copy
//! that the caller made, a debugger attached as root, the kernel itself.

mod guarded;

pub(crate) use guarded::Guarded;
pub(crate) use guarded::blocks::Blocks;
pub use guarded::harden_process;

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// How the operating system guards the page that holds the keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum MemoryProtection {
    /// Wiped after use, but it may be swapped out or stand in a core dump.
    None,
    /// Locked in RAM, by `mlock` or `VirtualLock`. On Linux also kept out of core dumps and of forked children, on
    /// macOS of forked children; on Windows `harden_process` is what keeps it out of crash reports.
    Locked,
    /// As `Locked`, and taken out of the kernel's own view of memory (Linux, `memfd_secret`). While such a
    /// page exists the machine cannot hibernate.
    Secret,
}

impl fmt::Display for MemoryProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "in ordinary memory, which may reach swap or a core dump",
            Self::Locked if cfg!(target_os = "linux") => "in locked memory, kept out of swap and core dumps",
            Self::Locked => "in locked memory, kept out of swap",
            Self::Secret => "in secret memory, out of reach even for most of the kernel",
        })
    }
}

/// Bytes of a fixed size, wiped when dropped.
pub(crate) type WipedBytes = Zeroizing<Vec<u8>>;

/// `len` zero bytes that never grow, so that no grown copy stays behind.
pub(crate) fn zeroed(len: usize) -> Result<WipedBytes> {
    let mut bytes = Vec::new();
    reserve_exact(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(Zeroizing::new(bytes))
}

/// What must be left after something large was allocated, in bytes: threads are started next, with 2 MiB for the stack
/// of each, and little things are allocated. Rust ends the whole program where a little thing gets no memory.
const HEADROOM: usize = 24 << 20;
const LARGE: usize = 1 << 20;

/// Room for exactly `count` items in an empty vector, as many as a file may ask for: if there is not enough, or hardly
/// enough, that is an error and not the end of the program.
pub(crate) fn reserve_exact<T>(items: &mut Vec<T>, count: usize) -> Result<()> {
    let len = count.saturating_mul(size_of::<T>());
    items.try_reserve_exact(count).map_err(|_| out_of_memory(len))?;
    guarded::prefer_huge_pages_for(items); // in a large vault each look-up would have to find its page
    check_headroom(len).inspect_err(|_| *items = Vec::new())
}

/// Whether enough is left after `len` bytes were allocated.
fn check_headroom(len: usize) -> Result<()> {
    if len >= LARGE && !guarded::is_room_for(HEADROOM) {
        return Err(out_of_memory(len.saturating_add(HEADROOM)));
    }
    Ok(())
}

/// Beyond what some threads allocate at the same time: their stacks, and up to 64 MiB of address space that the C library's
/// allocator takes for each.
const PLENTY: usize = 1 << 30;

/// Whether large allocations, so many bytes in all, may go on beside each other. Where memory is short one of them may take
/// the last of it, only to give it back; a thread that starts at that moment would end the program.
pub(crate) fn is_room_beside(len: u64) -> bool {
    usize::try_from(len).is_ok_and(|len| guarded::is_room_for(len.saturating_add(PLENTY)))
}

pub(crate) fn out_of_memory(len: usize) -> Error {
    Error::new(ErrorKind::OutOfResources, format!("the system has no {len} bytes of memory to spare"))
}

/// How deep the stack is overwritten after work that schedules or uses keys, in bytes. Measured by
/// `tests/residue.rs`: AES with the widest vectors needs more than 6 KiB, unoptimised builds more than 16.
const SCRUBBED: usize = if cfg!(debug_assertions) { 48 * 1024 } else { 16 * 1024 };

/// Runs `work` and then overwrites the stack it used, and the vector registers, where AES leaves its last round key until
/// somebody else needs them.
pub(crate) fn with_scrubbed_stack<R>(work: impl FnOnce() -> R) -> R {
    // A frame of its own, below which everything that `work` leaves behind lies.
    #[inline(never)]
    fn call<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    let result = call(work);
    zeroize::zeroize_stack::<SCRUBBED>();
    guarded::scrub_registers();
    result
}
