//! The cryptographic suite, and the label of every use of a key.
//!
//! Apart from [`random`], nothing in this module reads files, clocks or the random generator. Random bytes
//! are arguments, so that the functions can be tested with known answers. `docs/format.md` specifies the
//! constructions.

#[cfg(test)]
mod dead_generator;
mod gcm;
pub(crate) mod kdf;
pub(crate) mod keys;
#[cfg(test)]
mod known_answers;
pub(crate) mod random;
pub(crate) mod record;
pub(crate) mod seal;
pub(crate) mod signature;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The labels of the suite. Each use of a key has its own label.
mod label {
    pub(super) const SALT: &[u8] = b"aumbry1 salt";
    pub(super) const SLOT: &[u8] = b"aumbry1 slot";
    pub(super) const PAYLOAD: &[u8] = b"aumbry1 payload";
    pub(super) const ESCROW: &[u8] = b"aumbry1 escrow";
    pub(super) const RECORDS: &[u8] = b"aumbry1 records";
    pub(super) const ADMINISTRATOR: &[u8] = b"aumbry1 administrator";
    pub(super) const SIGNATURE: &[u8] = b"aumbry1 signature";
    pub(super) const NEW_KEY: &[u8] = b"aumbry1 new key";
}

/// Length in bytes of every symmetric key of the suite.
pub(crate) const KEY_LEN: usize = 32;

/// Returns the SHA-256 of `bytes` (FIPS 180-4, section 6.2).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Writes the HMAC-SHA256 (RFC 2104, section 2) of the concatenated `parts` into `out`.
fn hmac_sha256(key: &[u8; KEY_LEN], parts: &[&[u8]], out: &mut [u8; 32]) {
    // RFC 2104, section 2: a key shorter than the hash's block is padded with zeros.
    let mut block = Zeroizing::new([0; 64]);
    for (padded, byte) in block.iter_mut().zip(key) {
        *padded = *byte;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    let mut tag = mac.finalize().into_bytes();
    out.copy_from_slice(&tag);
    zeroize::Zeroize::zeroize(tag.as_mut_slice());
}

/// Returns `N` bytes of HKDF-SHA256, extract and expand (RFC 5869, sections 2.2 and 2.3).
fn hkdf_sha256<const N: usize>(ikm: &[u8; KEY_LEN], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869, section 2.3: L <= 255 * HashLen") };
    let mut okm = Zeroizing::new([0; N]);
    let expanded = hkdf_sha256_into(ikm, salt, info, okm.as_mut_slice());
    debug_assert!(expanded.is_some(), "the length was checked at compile time");
    okm
}

/// Like [`hkdf_sha256`], for a length known at run time. `None` if `okm` is longer than HKDF allows.
fn hkdf_sha256_into(ikm: &[u8], salt: &[u8], info: &[u8], okm: &mut [u8]) -> Option<()> {
    hkdf::Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, okm).ok()
}

/// Returns the length of `bytes` as HMAC inputs contain it: a little-endian `u64`.
fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}
