//! The only unsafe code: a page of memory that the operating system guards.
#![allow(unsafe_code, reason = "mapping, locking and unmapping memory has no safe interface")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use zeroize::Zeroize;

use super::{MemoryProtection, out_of_memory};
use crate::error::{Error, ErrorKind, Result};

/// A `T` in pages of its own, between two pages that cannot be touched; wiped and unmapped when dropped.
///
/// The value starts as `T::default()`, which must hold no secret, and is filled in place.
pub(crate) struct Guarded<T> {
    value: NonNull<T>,
    pages: Pages,
}

// SAFETY: `Guarded<T>` owns its `T` alone, as a `Box<T>` does, and hands out references by Rust's rules.
unsafe impl<T: Send> Send for Guarded<T> {}
// SAFETY: as above; a shared `Guarded<T>` gives shared references only.
unsafe impl<T: Sync> Sync for Guarded<T> {}

impl<T: Default> Guarded<T> {
    /// A default `T` in the best protected page to be had. `secret_memory` permits `memfd_secret`.
    pub(crate) fn new(secret_memory: bool) -> Result<Self> {
        let pages = Pages::map(size_of::<T>(), secret_memory)?;
        let value = pages.start.cast::<T>();
        assert!(value.is_aligned(), "a page is aligned for every type used here");
        // SAFETY: `pages` are mapped, writable, at least `size_of::<T>()` long (Pages::map), aligned (just
        // checked), and nobody else knows their address.
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
        // SAFETY: `new` wrote a `T` there, `drop` alone ends it, and `&self` excludes `&mut T`.
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
        // `Pages::drop` runs next: it wipes all bytes, also those that a destructor left.
    }
}

/// Whole pages, readable and writable, zero at first.
struct Pages {
    start: NonNull<u8>,
    len: usize,
    protection: MemoryProtection,
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: `start..start + len` is mapped and writable (Pages::map), holds no live value any more
        // (Guarded::drop ran before), and every byte of it is initialised (fresh pages are zero).
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }.zeroize();
        self.unmap();
    }
}

#[cfg(unix)]
mod unix {
    use super::{MemoryProtection, NonNull, Pages, Result, out_of_memory};
    use std::ffi::c_void;

    impl Pages {
        pub(super) fn map(len: usize, secret_memory: bool) -> Result<Self> {
            let page = page_size();
            let len = len.max(1).next_multiple_of(page);
            let whole = len.checked_add(2 * page).ok_or_else(|| out_of_memory(len))?;
            let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: a new private mapping at an address of the kernel's choice touches no memory of ours.
            let fence = unsafe { libc::mmap(std::ptr::null_mut(), whole, libc::PROT_NONE, anonymous, -1, 0) };
            if fence == libc::MAP_FAILED {
                return Err(out_of_memory(whole));
            }
            let start = fence.wrapping_byte_add(page);
            let give_up = || {
                // SAFETY: this is the mapping made above, and no reference into it exists.
                unsafe { libc::munmap(fence, whole) };
                out_of_memory(len)
            };

            let secret = secret_memory && map_secret(start, len);
            if !secret {
                // SAFETY: the range lies inside the mapping made above, which nobody uses yet.
                if unsafe { libc::mprotect(start, len, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
                    return Err(give_up());
                }
            }
            // SAFETY: `start..start + len` is our own fresh mapping; locking does not change its content.
            let locked = secret || unsafe { libc::mlock(start, len) } == 0;
            keep_private(start, len);

            let protection = match (secret, locked) {
                (true, _) => MemoryProtection::Secret,
                (false, true) => MemoryProtection::Locked,
                (false, false) => MemoryProtection::None,
            };
            match NonNull::new(start.cast::<u8>()) {
                Some(start) => Ok(Self { start, len, protection }),
                None => Err(give_up()),
            }
        }

        pub(super) fn unmap(&mut self) {
            let page = page_size();
            let fence = self.start.as_ptr().wrapping_sub(page).cast::<c_void>();
            // SAFETY: exactly the mapping that `map` made: one page before, `len`, one page after. Nobody
            // holds a reference into it: `Pages` is being dropped.
            unsafe { libc::munmap(fence, self.len + 2 * page) };
        }
    }

    fn page_size() -> usize {
        // SAFETY: sysconf reads a constant of the system.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
    }

    /// Puts a `memfd_secret` mapping at `start`, inside the fence. False where the kernel has none to give.
    #[cfg(target_os = "linux")]
    fn map_secret(start: *mut c_void, len: usize) -> bool {
        let Ok(size) = libc::off_t::try_from(len) else { return false };
        // SAFETY: the system call takes a flag and gives a new descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let Ok(fd) = libc::c_int::try_from(fd) else { return false };
        if fd < 0 {
            return false;
        }
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: `fd` is ours, just made; MAP_FIXED replaces only `start..start + len`, which lies inside
        // the fence that `Pages::map` has just mapped and nobody else knows. The mapping outlives the
        // descriptor, which is closed whatever happened.
        unsafe {
            let mapped =
                libc::ftruncate(fd, size) == 0 && libc::mmap(start, len, access, flags, fd, 0) == start;
            libc::close(fd);
            mapped
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn map_secret(_start: *mut c_void, _len: usize) -> bool {
        false
    }

    /// Out of core dumps and out of forked children, as far as the system allows.
    #[cfg(target_os = "linux")]
    fn keep_private(start: *mut c_void, len: usize) {
        // SAFETY: advice on our own fresh mapping; neither value discards its content in this process.
        unsafe {
            libc::madvise(start, len, libc::MADV_DONTDUMP);
            libc::madvise(start, len, libc::MADV_DONTFORK);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn keep_private(_start: *mut c_void, _len: usize) {}
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{MemoryProtection, NonNull, Pages, Result, out_of_memory};
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    const PAGE: usize = 4096;

    impl Pages {
        pub(super) fn map(len: usize, _secret_memory: bool) -> Result<Self> {
            let len = len.max(1).next_multiple_of(PAGE);
            let layout = Layout::from_size_align(len, PAGE).map_err(|_| out_of_memory(len))?;
            // SAFETY: the layout's size is not zero.
            let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| out_of_memory(len))?;
            Ok(Self { start, len, protection: MemoryProtection::None })
        }

        pub(super) fn unmap(&mut self) {
            if let Ok(layout) = Layout::from_size_align(self.len, PAGE) {
                // SAFETY: allocated in `map` with this very layout, and not used after this.
                unsafe { dealloc(self.start.as_ptr(), layout) };
            }
        }
    }
}

/// Asks the system to write no core dump of this process and to let no other process of the same user
/// read its memory or attach a debugger.
///
/// Call it first thing in `main`, in a program that handles secrets. It affects the whole process, which is
/// why the library never calls it by itself.
///
/// # Errors
/// [`ErrorKind::Io`] where the system refuses. On systems other than Linux only core dumps are switched off;
/// on systems other than Unix nothing is done and nothing fails.
pub fn harden_process() -> Result<()> {
    #[cfg(unix)]
    {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `none` is a valid rlimit for the duration of the call.
        if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) } != 0 {
            return Err(refused("core dumps could not be switched off"));
        }
    }
    #[cfg(target_os = "linux")]
    // SAFETY: PR_SET_DUMPABLE takes one integer and touches no memory of ours.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(refused("this process could not be closed to debuggers"));
    }
    Ok(())
}

#[cfg(unix)]
fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::Io, message).with_source(std::io::Error::last_os_error())
}
