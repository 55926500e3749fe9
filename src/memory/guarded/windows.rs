//! Guarded pages and hardened processes by `VirtualLock` and the access control list of the process.

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

use super::{Pages, refused};
use crate::error::Result;
use crate::memory::{MemoryProtection, out_of_memory};

/// Of a page on every processor that Windows runs on today.
const PAGE: usize = 4096;

impl Pages {
    /// A process may lock some forty pages before it has to ask for a larger working set. One vault needs one, and a
    /// second one while it is edited: so nothing is asked for, and nothing of the program's own settings is changed.
    pub(super) fn map(len: usize, _secret_memory: bool) -> Result<Self> {
        let len = len.max(1).next_multiple_of(PAGE);
        // SAFETY: a new allocation where the system likes; it is private to us, and zero at first.
        let start = unsafe { VirtualAlloc(null(), len, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(|| out_of_memory(len))?;
        // SAFETY: the range is our own fresh allocation; locking does not change its content.
        let locked = unsafe { VirtualLock(start.as_ptr().cast(), len) } != 0;
        let protection = if locked { MemoryProtection::Locked } else { MemoryProtection::None };
        Ok(Self { start, len, protection })
    }

    pub(super) fn unmap(&mut self) {
        // SAFETY: exactly the allocation that `map` made, and nobody holds a reference into it: `Pages` is being
        // dropped. Freeing it unlocks it.
        unsafe { VirtualFree(self.start.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}

/// Whether the system would give so many bytes now. Nothing is kept and nothing touched.
pub(in crate::memory) fn is_room_for(len: usize) -> bool {
    // SAFETY: a new allocation where the system likes, of which nobody else knows.
    let start = unsafe { VirtualAlloc(null(), len, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    if start.is_null() {
        return false;
    }
    // SAFETY: exactly the allocation just made.
    unsafe { VirtualFree(start, 0, MEM_RELEASE) };
    true
}

/// To this process: its owner may read this list, see that the process runs, wait for it and end it. Nobody gets more,
/// neither reading memory nor changing this list again, which an owner may where no entry for owners (`OW`) stands.
/// READ_CONTROL 0x20000, SYNCHRONIZE 0x100000, PROCESS_QUERY_LIMITED_INFORMATION 0x1000, PROCESS_TERMINATE 1.
const ACCESS: &str = "D:P(A;;0x121001;;;OW)\0";

/// Large pages are a privilege here, which programs of ordinary users do not have.
pub(super) fn prefer_huge_pages(_start: *mut u8, _len: usize) {}

pub(super) fn harden_process() -> Result<()> {
    // SAFETY: these calls take and give integers. Children inherit the mode, as they inherit limits elsewhere.
    unsafe {
        // Despite its name it switches error reports off, and with them dumps: the documentation of SetErrorMode says so.
        SetErrorMode(GetErrorMode() | SEM_NOGPFAULTERRORBOX);
        // Should a report be made all the same, it holds no heap. This is a second line, so it may fail.
        WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP);
    }
    let text: Vec<u16> = ACCESS.encode_utf16().collect();
    let mut descriptor = null_mut();
    // SAFETY: `text` ends with a zero and lives during the call; `descriptor` is a place for a pointer, and no size is
    // asked for.
    let made = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            null_mut(),
        )
    };
    if made == 0 {
        return Err(refused("the access rights of this process could not be written down"));
    }
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: `descriptor` was made by the call above, which succeeded; the handle stands for this process and needs
    // no closing.
    let set = unsafe { SetKernelObjectSecurity(GetCurrentProcess(), what, descriptor) };
    let result =
        if set == 0 { Err(refused("this process could not be closed to other programs")) } else { Ok(()) };
    // SAFETY: `descriptor` is the caller's to free in this way, once; nothing uses it after this.
    unsafe { LocalFree(descriptor) };
    result
}
