//! The only unsafe code: a page of memory that the operating system guards.
#![allow(unsafe_code, reason = "mapping, locking and unmapping memory has no safe interface")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use zeroize::Zeroize;

use super::{MemoryProtection, out_of_memory};
use crate::error::{Error, ErrorKind, Result};

/// A `T` in pages of its own, which the system guards as well as it can; wiped and unmapped when dropped.
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
    use std::ffi::{c_int, c_void};

    impl Pages {
        pub(super) fn map(len: usize, secret_memory: bool) -> Result<Self> {
            let len = len.max(1).next_multiple_of(page_size());
            let secret = if secret_memory { map_secret(len) } else { None };
            let (start, protection) = match secret {
                Some(start) => (start, MemoryProtection::Secret),
                None => map_locked(len).ok_or_else(|| out_of_memory(len))?,
            };
            keep_private(start.as_ptr().cast(), len);
            Ok(Self { start, len, protection })
        }

        pub(super) fn unmap(&mut self) {
            // SAFETY: exactly the mapping that `map` made, and nobody holds a reference into it: `Pages` is being
            // dropped.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }

    /// Zeroed pages, locked in RAM if the system permits.
    fn map_locked(len: usize) -> Option<(NonNull<u8>, MemoryProtection)> {
        let start = map_new(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        // SAFETY: the range is our own fresh mapping; locking does not change its content.
        let locked = unsafe { libc::mlock(start.as_ptr().cast(), len) } == 0;
        Some((start, if locked { MemoryProtection::Locked } else { MemoryProtection::None }))
    }

    /// A new mapping where the kernel likes, so that one that fails has touched nothing.
    fn map_new(len: usize, flags: c_int, fd: c_int) -> Option<NonNull<u8>> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: without MAP_FIXED a mapping replaces no other; it is private to us, and zero at first.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, fd, 0) };
        if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
    }

    fn page_size() -> usize {
        // SAFETY: sysconf reads a constant of the system.
        usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
    }

    /// Pages of `memfd_secret`, or `None` where the kernel or the limit on locked memory gives none.
    #[cfg(target_os = "linux")]
    fn map_secret(len: usize) -> Option<NonNull<u8>> {
        let size = libc::off_t::try_from(len).ok()?;
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a valid rlimit for the duration of the call.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
        // Beyond this limit ftruncate would end the program by SIGXFSZ, secret memory or not.
        if !known || u64::try_from(len).is_ok_and(|len| limit.rlim_cur < len) {
            return None;
        }
        // SAFETY: the system call takes a flag and gives a new descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let fd = c_int::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: `fd` is ours, just made, and not used after it is closed; a mapping outlives its descriptor.
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
