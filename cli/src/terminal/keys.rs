//! What the systems' terminals have in common: the bytes of control keys, and how a question ends without an answer.

use crate::failure::Failure;

/// The longest line in bytes; the buffer has this size from the start, so that it leaves no smaller copy behind.
pub(super) const MAX_LINE: usize = 4096;

pub(super) const CTRL_C: u8 = 3;
pub(super) const CTRL_D: u8 = 4;
pub(super) const BACKSPACE: u8 = 8;
pub(super) const CTRL_U: u8 = 21;
pub(super) const CTRL_Z: u8 = 26;
pub(super) const CTRL_BACKSLASH: u8 = 28;
pub(super) const DELETE: u8 = 127;

/// The question was cancelled by a key or a signal.
pub(super) fn cancelled() -> Failure {
    Failure::input_needed("cancelled")
}

/// The terminal failed.
pub(super) fn lost(error: &std::io::Error) -> Failure {
    Failure::io("could not use the terminal", error)
}
