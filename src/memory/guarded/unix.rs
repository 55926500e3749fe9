//! Guarded pages and hardened processes on Unix, using `mmap`, `mlock` and extensions of Linux and macOS.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use super::pages::{Pages, refused};
use crate::error::Result;
use crate::memory::out_of_memory::out_of_memory;
use crate::memory::protection::{KeyPages, MemoryProtection};

impl Pages {
    pub(super) fn map(len: usize, pages: KeyPages) -> Result<Self> {
        let len = len.max(1).next_multiple_of(page_size());
        let secret = match pages {
            KeyPages::Secret => map_secret(len),
            KeyPages::Locked => None,
        };
        let (start, protection) = match secret {
            Some(start) => (start, MemoryProtection::Secret),
            None => map_locked(len).ok_or_else(|| out_of_memory(len))?,
        };
        keep_private(start.as_ptr().cast(), len);
        Ok(Self { start, len, protection })
    }

    pub(super) fn unmap(&mut self) {
        // SAFETY: exactly the mapping that `map` made; no reference into it exists, because `Pages` is being
        // dropped.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Maps zeroed pages, locked in RAM if the system permits it.
fn map_locked(len: usize) -> Option<(NonNull<u8>, MemoryProtection)> {
    let start = map_new(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
    // SAFETY: the range is our own fresh mapping; locking does not change its content.
    let locked = unsafe { libc::mlock(start.as_ptr().cast(), len) } == 0;
    Some((start, if locked { MemoryProtection::Locked } else { MemoryProtection::None }))
}

/// Makes a new mapping at an address that the kernel chooses. A failure has no effect.
fn map_new(len: usize, flags: c_int, fd: c_int) -> Option<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: without MAP_FIXED the mapping replaces no other; it is private to this process and initially
    // zero.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, fd, 0) };
    if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
}

/// Returns whether the system could map this many bytes now. The mapping is removed without being touched.
pub(in crate::memory) fn is_room_for(len: usize) -> bool {
    let Some(start) = map_new(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1) else { return false };
    // SAFETY: exactly the mapping made above; no other code has its address.
    unsafe { libc::munmap(start.as_ptr().cast(), len) };
    true
}

fn page_size() -> usize {
    // SAFETY: sysconf only reads a constant of the system.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Maps pages of `memfd_secret`. `None` if the kernel or the limit on locked memory refuses them.
#[cfg(target_os = "linux")]
fn map_secret(len: usize) -> Option<NonNull<u8>> {
    let size = libc::off_t::try_from(len).ok()?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit for the duration of the call.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    // Beyond this limit ftruncate would end the program with SIGXFSZ.
    if !known || libc::rlim_t::try_from(len).is_ok_and(|len| limit.rlim_cur < len) {
        return None;
    }
    // SAFETY: the system call takes one flag, as wide as a register, and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::c_long::from(libc::O_CLOEXEC)) };
    let fd = c_int::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: `fd` was opened above and is not used after it is closed; the mapping remains valid without it.
    let sized = unsafe { libc::ftruncate(fd, size) } == 0;
    let start = if sized { map_new(len, libc::MAP_SHARED, fd) } else { None };
    // SAFETY: as above.
    unsafe { libc::close(fd) };
    start
}

#[cfg(not(target_os = "linux"))]
fn map_secret(_len: usize) -> Option<NonNull<u8>> {
    None
}

/// Excludes the pages from core dumps and forked children, as far as the system can.
#[cfg(target_os = "linux")]
fn keep_private(start: *mut c_void, len: usize) {
    // SAFETY: advice about our own fresh mapping; neither value discards its content in this process.
    unsafe {
        libc::madvise(start, len, libc::MADV_DONTDUMP);
        libc::madvise(start, len, libc::MADV_DONTFORK);
    }
}

/// Excludes the pages from forked children, and has the kernel wipe them if the process ends before it wipes
/// them itself. This system has no way to exclude pages from a core dump.
#[cfg(target_vendor = "apple")]
fn keep_private(start: *mut c_void, len: usize) {
    // SAFETY: about our own fresh mapping; neither call changes its content while this process has it mapped.
    unsafe {
        libc::minherit(start, len, libc::VM_INHERIT_NONE);
        libc::madvise(start, len, libc::MADV_ZERO_WIRED_PAGES);
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn keep_private(_start: *mut c_void, _len: usize) {}

/// Asks for huge pages if the system has enough of them ready. Otherwise it would assemble them now, which
/// takes longer than they save.
#[cfg(target_os = "linux")]
pub(super) fn prefer_huge_pages(start: *mut u8, len: usize) {
    if !has_huge_pages(len / HUGE_PAGE) {
        return;
    }
    // Advice applies to whole pages. Memory before the first and after the last huge page uses small pages
    // anyway.
    let before = start.align_offset(HUGE_PAGE);
    let within = len.saturating_sub(before) / HUGE_PAGE * HUGE_PAGE;
    if within > 0 {
        // SAFETY: the range is inside the caller's memory; this advice changes no content.
        unsafe { libc::madvise(start.wrapping_add(before).cast(), within, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn prefer_huge_pages(_start: *mut u8, _len: usize) {}

/// Size of a huge page in bytes: on x86-64 and, with the usual small pages, on AArch64. On systems with
/// another size, the advice may have no effect.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 2 << 20;

/// Returns whether the kernel has this many free huge pages.
#[cfg(target_os = "linux")]
fn has_huge_pages(count: usize) -> bool {
    let Some(order) = (HUGE_PAGE / page_size()).checked_ilog2() else { return false };
    std::fs::read_to_string("/proc/buddyinfo").is_ok_and(|zones| free_blocks(&zones, order) >= count as u64)
}

/// Returns how many free blocks of 2^`order` small pages `/proc/buddyinfo` lists. It has one line for each
/// zone, with the number of free blocks of 2^n small pages in column n. A container may make its content up,
/// so any text must be handled.
#[cfg(target_os = "linux")]
fn free_blocks(zones: &str, order: u32) -> u64 {
    let of_zone = |zone: &str| -> u64 {
        let pieces = zone.split_whitespace().skip(4).zip(0..u64::BITS).skip(order as usize);
        pieces.fold(0, |sum: u64, (pieces, n)| {
            let pieces = pieces.parse::<u64>().unwrap_or_default();
            sum.saturating_add(pieces.saturating_mul(1 << (n - order)))
        })
    };
    zones.lines().map(of_zone).fold(0, u64::saturating_add)
}

pub(super) fn harden_process() -> Result<()> {
    // Only the soft limit counts. A lower hard limit could never be raised again, not even by programs that
    // this one starts.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit for the duration of the call.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) } == 0;
    limit.rlim_cur = 0;
    // SAFETY: as above.
    if !known || unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } != 0 {
        return Err(refused("could not disable core dumps"));
    }
    if deny_debuggers() != 0 {
        return Err(refused("could not protect this process from debuggers"));
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn deny_debuggers() -> c_int {
    const NO: libc::c_ulong = 0; // as wide as the kernel reads it: arguments of a variadic function are not converted
    // SAFETY: PR_SET_DUMPABLE takes one integer and accesses no memory of this process.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, NO, NO, NO, NO) }
}

#[cfg(target_os = "macos")]
fn deny_debuggers() -> c_int {
    // SAFETY: PT_DENY_ATTACH ignores its other arguments.
    unsafe { libc::ptrace(libc::PT_DENY_ATTACH, 0, std::ptr::null_mut(), 0) }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn deny_debuggers() -> c_int {
    0 // this system has no such request
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::free_blocks;

    #[test]
    fn free_pages_are_counted_in_any_text_that_the_system_returns() {
        let usual = "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      2      2\n\
                     Node 0, zone   Normal   9999   8888   7777   6666   5555   4444   3333   2222   1111     30     40\n";
        assert_eq!(free_blocks(usual, 9), 2 + 2 * 2 + 30 + 2 * 40);
        assert_eq!(free_blocks(usual, 10), 2 + 40);
        assert_eq!(free_blocks(usual, 11), 0);
        for nothing in ["", "\n\n", "Node 0, zone DMA", "Node 0, zone DMA 1 2 3 4 5 6 7 8 9 -1 many 0x1"] {
            assert_eq!(free_blocks(nothing, 9), 0, "{nothing:?}");
        }
        let huge = format!("Node 0, zone DMA{}\n", " 18446744073709551615".repeat(100));
        assert_eq!(free_blocks(&huge.repeat(3), 9), u64::MAX);
        let wide = format!("Node 0, zone DMA{} 1", " 0".repeat(90));
        assert_eq!(free_blocks(&wide, 9), 0, "no such piece fits into memory");
    }
}
