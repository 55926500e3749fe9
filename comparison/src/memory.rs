//! The peak memory of a piece of work, as Linux counts it.
#![allow(unsafe_code, reason = "glibc's malloc_trim has no safe door")]

use std::fs;

use crate::result::Result;

/// Returns how far resident memory rises above its current value while `work` runs. The result of `work` is
/// kept until the peak has been read.
pub fn peak_of<T>(work: impl FnOnce() -> Result<T>) -> Result<u64> {
    // Otherwise freed memory that glibc still holds would be reused without being counted. SAFETY: the
    // function may be called at any time, and takes only a number.
    unsafe { libc::malloc_trim(0) };
    fs::write("/proc/self/clear_refs", "5")?; // resets VmHWM to the current resident memory
    let before = status("VmHWM")?;
    let result = work()?;
    let peak = status("VmHWM")?;
    drop(result);
    Ok(peak.saturating_sub(before))
}

/// Reads a line of `/proc/self/status`, in bytes.
fn status(key: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib =
        line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no such line in /proc/self/status")?;
    Ok(kib.parse::<u64>()? * 1024)
}
