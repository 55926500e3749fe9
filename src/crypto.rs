//! The suite, and every label that separates one use of a key from another.
//!
//! Nothing here reads files, clocks or the random generator on its own account (but for
//! [`random`]): randomness is passed in, so that known answers can be tested.
//! The constructions are written down in `docs/format.md`.

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

/// The labels of the suite. Two uses of one key never share one.
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

/// Bytes in every symmetric key of the suite.
pub(crate) const KEY_LEN: usize = 32;

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA256 (RFC 2104) over the concatenation of `parts`, written into `out`.
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

/// HKDF-SHA256 (RFC 5869), extract and expand, to 64 bytes or fewer.
fn hkdf_sha256<const N: usize>(ikm: &[u8; KEY_LEN], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "RFC 5869, section 2.3: L <= 255 * HashLen") };
    let mut okm = Zeroizing::new([0; N]);
    let expanded = hkdf_sha256_into(ikm, salt, info, okm.as_mut_slice());
    debug_assert!(expanded.is_some(), "the length was checked at compile time");
    okm
}

/// `None` if `okm` is longer than HKDF allows.
fn hkdf_sha256_into(ikm: &[u8], salt: &[u8], info: &[u8], okm: &mut [u8]) -> Option<()> {
    hkdf::Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, okm).ok()
}

/// `u64 length ‖ bytes` as HMAC input needs it: the length alone, little-endian.
fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}
