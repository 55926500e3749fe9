//! How well the page that contains the keys is guarded, and how well it should be.

use std::fmt;

/// How the operating system guards the page that contains the keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum MemoryProtection {
    /// Wiped after use, but the page may be swapped out or written to a core dump.
    None,
    /// Locked in RAM, by `mlock` or `VirtualLock`. On Linux the page is also excluded from core dumps and
    /// forked children, on macOS from forked children. On Windows only `harden_process` keeps it out of crash
    /// reports.
    Locked,
    /// As `Locked`, and removed from the kernel's own view of memory (Linux, `memfd_secret`). While such a
    /// page exists the machine cannot hibernate.
    Secret,
}

/// Which pages the keys are to be kept in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum KeyPages {
    /// [`MemoryProtection::Secret`] where the system has it, otherwise as `Locked`.
    #[default]
    Secret,
    /// [`MemoryProtection::Locked`], which lets the machine hibernate.
    Locked,
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
