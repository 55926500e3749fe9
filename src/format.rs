//! Format version 1: converts between bytes and headers, key slots and bodies. It uses no files, clocks or
//! random generator.
//!
//! `docs/format.md` specifies the format; only the constants that implement it repeat its offsets. All bytes
//! from a file go through one bounded reader (`codec`), and the payload is not read before the signature has
//! been verified.

pub(crate) mod body;
mod codec;
pub(crate) mod header;
pub(crate) mod people;
mod plain_file;
mod preamble;
pub(crate) mod slot;

#[cfg(feature = "testing")]
use crate::crypto::signature;
use crate::error::{Error, ErrorKind};
pub(crate) use plain_file::{PlainFile, open_payload};

/// The maximum length of a file: 1 GiB. Offsets inside it fit in 32 bits.
pub(crate) const MAX_FILE: u64 = 1 << 30;
/// The plaintext of the payload is padded to a multiple of this many bytes.
const BLOCK: usize = 1024;

/// Returns the part of a file that is signed: all bytes except the signature.
#[cfg(feature = "testing")]
pub(crate) fn signed_part(file: &[u8]) -> &[u8] {
    file.split_last_chunk::<{ signature::LEN }>().map(|(signed, _)| signed).unwrap_or_default()
}

pub(crate) fn damaged(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Damaged, message)
}
