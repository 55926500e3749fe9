//! The most memory that a piece of work takes, as Linux counts it.
#![allow(unsafe_code, reason = "glibc's malloc_trim has no safe door")]

use std::fs;

use crate::Result;

/// How far resident memory rises above where it stands now, at most, while `work` runs. What `work` returns lives until
/// the end is read.
pub fn peak_of<T>(work: impl FnOnce() -> Result<T>) -> Result<u64> {
    // Freed memory that glibc still holds would be used without a trace.
    // SAFETY: it may be called at any time, and takes a number only.
    unsafe { libc::malloc_trim(0) };
    fs::write("/proc/self/clear_refs", "5")?; // VmHWM falls to what is resident now
    let before = status("VmHWM")?;
    let result = work()?;
    let peak = status("VmHWM")?;
    drop(result);
    Ok(peak.saturating_sub(before))
}

/// A line of `/proc/self/status`, in bytes.
fn status(key: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib =
        line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no such line in /proc/self/status")?;
    Ok(kib.parse::<u64>()? * 1024)
}
