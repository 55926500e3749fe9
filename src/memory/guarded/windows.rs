//! Guarded pages and hardened processes on Windows, using `VirtualLock` and the access control list of the
//! process.

use std::ptr::{NonNull, null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, SetKernelObjectSecurity,
};
use windows_sys::Win32::System::Diagnostics::Debug::{GetErrorMode, SEM_NOGPFAULTERRORBOX, SetErrorMode};
use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_READWRITE, VirtualAlloc, VirtualFree, VirtualLock,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::pages::{Pages, refused};
use crate::error::Result;
use crate::memory::out_of_memory::out_of_memory;
use crate::memory::protection::{KeyPages, MemoryProtection};

/// The page size of every processor that Windows supports.
const PAGE: usize = 4096;

impl Pages {
    /// A process may lock about forty pages before it has to enlarge its working set. One vault needs one
    /// page, and a second one during an edit. So the working set, which is the program's own setting, is left
    /// as it is.
    pub(super) fn map(len: usize, _pages: KeyPages) -> Result<Self> {
        let len = len.max(1).next_multiple_of(PAGE);
        // SAFETY: a new allocation at an address that the system chooses; it is private to this process and
        // initially zero.
        let start = unsafe { VirtualAlloc(null(), len, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(|| out_of_memory(len))?;
        // SAFETY: the range is our own fresh allocation; locking does not change its content.
        let locked = unsafe { VirtualLock(start.as_ptr().cast(), len) } != 0;
        let protection = if locked { MemoryProtection::Locked } else { MemoryProtection::None };
        Ok(Self { start, len, protection })
    }

    pub(super) fn unmap(&mut self) {
        // SAFETY: exactly the allocation that `map` made; no reference into it exists, because `Pages` is
        // being dropped. Freeing it also unlocks it.
        unsafe { VirtualFree(self.start.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}

/// Returns whether the system could allocate this many bytes now. The allocation is freed without being
/// touched.
pub(in crate::memory) fn is_room_for(len: usize) -> bool {
    // SAFETY: a new allocation at an address that the system chooses; no other code has its address.
    let start = unsafe { VirtualAlloc(null(), len, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    if start.is_null() {
        return false;
    }
    // SAFETY: exactly the allocation made above.
    unsafe { VirtualFree(start, 0, MEM_RELEASE) };
    true
}

/// The rights to this process. Its owner may read this list, query the process, wait for it and end it. No
/// account has more rights, such as reading memory. The owner cannot change this list either, which owners
/// may do unless the list has an entry for owners (`OW`). READ_CONTROL 0x20000, SYNCHRONIZE 0x100000,
/// PROCESS_QUERY_LIMITED_INFORMATION 0x1000, PROCESS_TERMINATE 1.
const ACCESS: &str = "D:P(A;;0x121001;;;OW)\0";

/// Does nothing: large pages need a privilege that ordinary users do not have.
pub(super) fn prefer_huge_pages(_start: *mut u8, _len: usize) {}

pub(super) fn harden_process() -> Result<()> {
    // SAFETY: these calls take and return integers. Child processes inherit the error mode, as they inherit
    // limits on Unix.
    unsafe {
        // Despite its name, this flag disables error reports and therefore dumps: see the documentation of
        // SetErrorMode.
        SetErrorMode(GetErrorMode() | SEM_NOGPFAULTERRORBOX);
        // If a report is made nevertheless, it does not contain the heap. This is only a second barrier, so
        // it may fail.
        WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP);
    }
    let text: Vec<u16> = ACCESS.encode_utf16().collect();
    let mut descriptor = null_mut();
    // SAFETY: `text` ends with a zero and outlives the call; `descriptor` is valid for writing a pointer, and
    // no size is requested.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    if made == 0 {
        return Err(refused("could not prepare the access rights of this process"));
    }
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: `descriptor` was made by the call above, which succeeded; the handle is a constant that means
    // this process and is not closed.
    let set = unsafe { SetKernelObjectSecurity(GetCurrentProcess(), what, descriptor) };
    let result =
        if set == 0 { Err(refused("could not protect this process from other programs")) } else { Ok(()) };
    // SAFETY: the caller must free `descriptor` in this way, once; it is not used afterwards.
    unsafe { LocalFree(descriptor) };
    result
}
