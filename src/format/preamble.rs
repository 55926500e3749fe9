//! The first bytes of every file of this version. Headers begin with them, and the seals of key slots include them.

pub(super) const MAGIC: [u8; 8] = *b"AUMBRY\x1a\n";
pub(super) const VERSION: u16 = 1;
pub(super) const SUITE: u16 = 1;
/// Magic, version and suite.
pub(super) const PREAMBLE: [u8; 12] = *b"AUMBRY\x1a\n\x01\x00\x01\x00";
