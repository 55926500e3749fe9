//! SEAL: AES-256-GCM with a one-time key and a key commitment (`docs/format.md`, section 2).
//!
//! ```text
//! SEAL(K, label, aad, pt) = salt 32 ‖ commit 32 ‖ ciphertext ‖ tag 16
//!   salt             = HMAC-SHA256(K, "aumbry1 salt" ‖ random 32 ‖ u64 len(aad) ‖ aad ‖ pt)
//!   key ‖ commit     = HKDF-SHA256(K, salt, label, 64)
//!   ciphertext ‖ tag = AES-256-GCM(key, nonce 0^12, aad, pt)
//! ```

use subtle::ConstantTimeEq;

use super::gcm::{Gcm, NONCE, TAG};
use super::keys::SealingKey;
use super::{hkdf_sha256, hmac_sha256, label, length};

const SALT: usize = 32;
const COMMIT: usize = 32;

/// Offset of the plaintext in the sealed bytes: it is encrypted in place and keeps its length.
pub(crate) const PREFIX: usize = SALT + COMMIT;
/// Number of bytes by which the sealed bytes are longer than the plaintext.
pub(crate) const OVERHEAD: usize = PREFIX + TAG;

/// Why sealed bytes could not be opened.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Unopened {
    /// The commitment was made by another key.
    WrongKey,
    /// The commitment matches but the bytes do not authenticate: they are damaged or forged.
    Forged,
    /// The bytes are too short for a sealed message.
    Length,
}

/// A derived key for exactly one message: `seal` and `open` consume it. This makes the constant nonce safe.
struct OneTimeKey {
    cipher: Gcm,
    commitment: [u8; COMMIT],
}

impl OneTimeKey {
    fn derive<K: SealingKey>(key: &K, salt: &[u8; SALT]) -> Self {
        let okm = hkdf_sha256::<64>(key.ikm(), salt, K::LABEL);
        let (key, commitment) = okm.split_at(32);
        let mut one_time = Self { cipher: Gcm::new(&array(key)), commitment: [0; COMMIT] };
        one_time.commitment.copy_from_slice(commitment);
        one_time
    }

    fn seal(self, aad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        self.cipher.seal(&[0; NONCE], aad, text)
    }

    fn open(self, aad: &[u8], text: &mut [u8], tag: &[u8; TAG]) -> Result<(), Unopened> {
        self.cipher.open(&[0; NONCE], aad, text, tag).ok_or(Unopened::Forged)
    }
}

fn array(key: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(key);
    array
}

/// Seals in place: `bytes` contains the plaintext between [`PREFIX`] and the last 16 bytes, which receive the
/// tag.
///
/// `None` if `bytes` is shorter than [`OVERHEAD`] or longer than AES-GCM allows (64 GiB). `bytes` may still
/// contain plaintext then.
pub(crate) fn seal_in_place<K: SealingKey>(
    key: &K,
    random: &[u8; 32],
    aad: &[u8],
    bytes: &mut [u8],
) -> Option<()> {
    let (salt, rest) = bytes.split_first_chunk_mut::<SALT>()?;
    let (commit, rest) = rest.split_first_chunk_mut::<COMMIT>()?;
    let (text, tag) = rest.split_last_chunk_mut::<TAG>()?;
    hmac_sha256(key.ikm(), &[label::SALT, random, &length(aad), aad, text], salt);
    let one_time = OneTimeKey::derive(key, salt);
    *commit = one_time.commitment;
    *tag = one_time.seal(aad, text)?;
    Some(())
}

/// Opens in place and returns the plaintext, which replaces the ciphertext.
pub(crate) fn open_in_place<'a, K: SealingKey>(
    key: &K,
    aad: &[u8],
    bytes: &'a mut [u8],
) -> Result<&'a mut [u8], Unopened> {
    let (salt, rest) = bytes.split_first_chunk_mut::<SALT>().ok_or(Unopened::Length)?;
    let (commit, rest) = rest.split_first_chunk_mut::<COMMIT>().ok_or(Unopened::Length)?;
    let (text, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Unopened::Length)?;
    let one_time = OneTimeKey::derive(key, salt);
    if !bool::from(one_time.commitment.ct_eq(commit)) {
        return Err(Unopened::WrongKey);
    }
    one_time.open(aad, text, tag)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::Kek;

    fn sealed() -> (Kek, Vec<u8>) {
        let key = Kek([7; 32]);
        let mut bytes = vec![0; PREFIX];
        bytes.extend_from_slice(b"attack at dawn");
        bytes.extend_from_slice(&[0; TAG]);
        seal_in_place(&key, &[1; 32], b"header", &mut bytes).unwrap();
        (key, bytes)
    }

    #[test]
    fn sealed_bytes_open_in_place() {
        let (key, mut bytes) = sealed();
        assert!(!bytes.windows(6).any(|window| window == b"attack"));
        assert_eq!(open_in_place(&key, b"header", &mut bytes).unwrap(), b"attack at dawn");
    }

    #[test]
    fn a_wrong_key_is_distinguished_from_damage() {
        let (_, mut bytes) = sealed();
        assert_eq!(open_in_place(&Kek([8; 32]), b"header", &mut bytes), Err(Unopened::WrongKey));
    }

    #[test]
    fn every_flipped_bit_is_refused_with_the_right_reason() {
        let (key, bytes) = sealed();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < PREFIX * 8 { Unopened::WrongKey } else { Unopened::Forged };
            assert_eq!(open_in_place(&key, b"header", &mut damaged), Err(expected), "bit {bit}");
        }
        assert_eq!(open_in_place(&key, b"another header", &mut bytes.clone()), Err(Unopened::Forged));
    }

    #[test]
    fn too_few_bytes_do_not_panic() {
        for len in 0..OVERHEAD {
            let mut bytes = vec![0; len];
            assert_eq!(open_in_place(&Kek([7; 32]), b"", &mut bytes), Err(Unopened::Length));
            assert!(seal_in_place(&Kek([7; 32]), &[0; 32], b"", &mut bytes).is_none());
        }
    }
}
