//! An unlocked vault: one revision of it, and its keys.

pub(super) mod index;
pub(super) mod keys;
pub(super) mod snapshot;
