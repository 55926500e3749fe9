//! Traces of keys and texts: the byte sequences by which a search recognises them in memory.

#![allow(clippy::indexing_slicing, reason = "arrays and blocks of known length; a wrong index fails a test")]

use sha2::{Digest, Sha256, Sha512};

use super::open_slot_of;
use crate::crypto::keys::SealingKey;
use crate::crypto::record::derive_bytes;
use crate::crypto::seal;
use crate::error::Result;
use crate::format::body::scan;
use crate::format::header::{self, UnverifiedHeader};
use crate::format::slot::Role;
use crate::format::{damaged, signed_part};

/// Bytes to search for, each with its name.
pub type Traces = Vec<(String, Vec<u8>)>;

/// Returns every key that this passphrase leads to, in halves of 16 bytes: the keys of the slot, of the
/// vault, of its records and of each message; the round keys of every AES key, for encryption and decryption;
/// the intermediate keys of HKDF; and the keys that Ed25519 derives from the seed.
///
/// # Errors
/// As for opening the vault.
pub fn traces_of(file: &[u8], passphrase: &str) -> Result<Traces> {
    let header = UnverifiedHeader::parse(file, file.len() as u64)?;
    let vault_id = header.vault_id();
    let opened = open_slot_of(&header, passphrase)?;
    let mut traces = Traces::new();

    whole(&mut traces, "KEK", opened.kek.bytes());
    whole(&mut traces, "K", opened.vault_key.bytes());
    one_time(&mut traces, "slot", &opened.kek, &opened.slot.sealed);
    let record_keys = derive_bytes(&opened.vault_key, vault_id);
    let (rk, nk) = record_keys.split_at(32);
    whole(&mut traces, "RK and NK extracted", &extracted(opened.vault_key.bytes(), vault_id.as_bytes()));
    schedule(&mut traces, "RK", &half(rk));
    whole(&mut traces, "NK", nk);

    let mut payload = signed_part(file).get(header::len(header.slots().len())..).unwrap_or_default().to_vec();
    one_time(&mut traces, "payload", &opened.vault_key, &payload);
    let Role::Administrator = opened.slot.role else { return Ok(traces) };

    whole(&mut traces, "seed", opened.x.bytes());
    signing(&mut traces, opened.x.bytes());
    let escrow_key = opened.x.derive_administrator_key(vault_id);
    whole(&mut traces, "AK", escrow_key.ikm());
    whole(&mut traces, "AK extracted", &extracted(opened.x.bytes(), vault_id.as_bytes()));
    let head = signed_part(file).get(..header::len(header.slots().len())).unwrap_or_default();
    let plaintext = seal::open_in_place(&opened.vault_key, head, &mut payload)
        .map_err(|_| damaged("the payload does not open"))?;
    let (len, body) = plaintext.split_first_chunk().ok_or_else(|| damaged("there is no body"))?;
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
    for person in scan(body.get(..len).unwrap_or_default())?.people {
        let name = format!("escrow of {}", person.label);
        one_time(&mut traces, &name, &escrow_key, person.sealed_escrow());
    }
    Ok(traces)
}

/// Returns the encodings of a secret text (as it is, base64, hexadecimal, UTF-16), cut into pieces, so that a
/// search also finds a part of it.
#[must_use]
pub fn forms_of(name: &str, text: &str) -> Traces {
    const PIECE: usize = 12;
    let bytes = text.as_bytes();
    let mut forms = Traces::new();
    for (n, piece) in bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.len() >= 8) {
        let mut push = |form: &str, bytes: Vec<u8>| forms.push((format!("{name}, piece {n}{form}"), bytes));
        let digits: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        push("", piece.to_vec());
        push(" in hex", digits.to_uppercase().into_bytes());
        push(" in hex", digits.into_bytes());
        push(" in UTF-16", piece.iter().flat_map(|byte| [*byte, 0]).collect());
    }
    // The text may start at any of three offsets. The digits at both ends depend on the adjacent bytes.
    for shift in 0..3 {
        let digits = base64(&[&vec![0; shift], bytes].concat());
        let inner = &digits.as_bytes()[if shift == 0 { 0 } else { 4 }..digits.len() - 4];
        let pieces = inner.chunks(2 * PIECE).filter(|piece| piece.len() >= PIECE);
        forms.extend(pieces.map(|piece| (format!("{name} in base64"), piece.to_vec())));
    }
    forms
}

fn whole(traces: &mut Traces, name: &str, key: &[u8]) {
    let halves = key.chunks(16).enumerate();
    traces.extend(halves.map(|(n, half)| (format!("{name}, part {n}"), half.to_vec())));
}

fn half(bytes: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(bytes);
    key
}

/// Adds the key that sealed one message, and the key that it was expanded from.
fn one_time<K: SealingKey>(traces: &mut Traces, name: &str, key: &K, sealed: &[u8]) {
    let salt = sealed.get(..32).unwrap_or_default();
    let mut okm = [0; 64];
    let expanded = hkdf::Hkdf::<Sha256>::new(Some(salt), key.ikm()).expand(K::LABEL, &mut okm);
    debug_assert!(expanded.is_ok(), "64 bytes are few");
    whole(traces, &format!("{name} extracted"), &extracted(key.ikm(), salt));
    schedule(traces, name, &half(&okm[..32]));
}

/// Returns the pseudo-random key of RFC 5869, section 2.2, from which all keys with that salt follow.
fn extracted(ikm: &[u8; 32], salt: &[u8]) -> [u8; 32] {
    hkdf::Hkdf::<Sha256>::extract(Some(salt), ikm).0.into()
}

/// Adds what RFC 8032, section 5.1.5, derives from the seed: the clamped scalar, and the prefix that makes
/// each nonce.
fn signing(traces: &mut Traces, seed: &[u8; 32]) {
    let mut expanded: [u8; 64] = Sha512::digest(seed).into();
    whole(traces, "SHA-512 of the seed", &expanded);
    expanded[0] &= 0xf8;
    expanded[31] = expanded[31] & 0x7f | 0x40;
    whole(traces, "scalar of the seed", &expanded[..32]);
}

/// Adds all round keys of AES-256 (FIPS 197, section 5.2), and those of the equivalent inverse cipher
/// (section 5.3.5).
fn schedule(traces: &mut Traces, name: &str, key: &[u8; 32]) {
    for (round, round_key) in round_keys(key).iter().enumerate() {
        traces.push((format!("{name}, round key {round}"), round_key.to_vec()));
        if (1..14).contains(&round) {
            traces.push((
                format!("{name}, round key {round} to open"),
                inverse_mix_columns(round_key).to_vec(),
            ));
        }
    }
}

fn round_keys(key: &[u8; 32]) -> [[u8; 16]; 15] {
    let mut words = [[0; 4]; 60];
    let (given, _) = key.as_chunks::<4>();
    words[..8].copy_from_slice(given);
    let mut constant = 1;
    for n in 8..60 {
        let [a, b, c, d] = words[n - 1];
        let mut word = match n % 8 {
            0 => [b, c, d, a].map(substitute),
            4 => [a, b, c, d].map(substitute),
            _ => [a, b, c, d],
        };
        if n % 8 == 0 {
            word[0] ^= constant;
            constant = times(constant, 2);
        }
        words[n] = std::array::from_fn(|at| word[at] ^ words[n - 8][at]);
    }
    std::array::from_fn(|round| std::array::from_fn(|at| words[4 * round + at / 4][at % 4]))
}

/// Multiplies in GF(2^8) (FIPS 197, section 4.2).
fn times(a: u8, b: u8) -> u8 {
    let (mut product, mut a) = (0, a);
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b };
    }
    product
}

/// Returns the value of the S-box (FIPS 197, section 5.1.1).
fn substitute(byte: u8) -> u8 {
    let inverse = (1..=255).find(|other| times(byte, *other) == 1).unwrap_or_default();
    (0..5).fold(0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
}

/// InvMixColumns (FIPS 197, section 5.3.3).
fn inverse_mix_columns(block: &[u8; 16]) -> [u8; 16] {
    const FACTORS: [u8; 4] = [0x0e, 0x0b, 0x0d, 0x09];
    std::array::from_fn(|at| {
        let (column, row) = (at / 4, at % 4);
        (0..4).fold(0, |sum, n| sum ^ times(FACTORS[(4 + n - row) % 4], block[4 * column + n]))
    })
}

/// Encodes base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three
            .iter()
            .chain([0; 2].iter())
            .take(3)
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn round_keys_equal_those_of_the_standard() {
        // FIPS 197, appendix A.3, and the keys of the inverse cipher in appendix C.3 of its first edition.
        let mut key = [0; 32];
        key.copy_from_slice(&[
            0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
            0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
        ]);
        let keys = round_keys(&key);
        assert_eq!(keys.concat()[..32], key);
        assert_eq!(hex(&keys[2]), "9ba354118e6925afa51a8b5f2067fcde");
        assert_eq!(hex(&keys[14]), "fe4890d1e6188d0b046df344706c631e");
        let keys = round_keys(&std::array::from_fn(|n| u8::try_from(n).unwrap()));
        assert_eq!(hex(&inverse_mix_columns(&keys[13])), "34f1d1ffbfceaa2ffce9e25f2558016e");
    }

    #[test]
    fn base64_equals_the_examples_of_the_rfc() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn a_text_is_found_at_every_offset_in_base64() {
        let text = "not-a-word-of-english/0123456789+abcdef";
        for before in ["", "a", "bc"] {
            let encoded = base64(format!("{before}{text}and more").as_bytes());
            let forms = forms_of("text", text);
            let found = forms.iter().filter(|(_, form)| {
                encoded.as_bytes().windows(form.len()).any(|window| window == form.as_slice())
            });
            assert!(found.count() > 0, "{before:?}");
        }
    }
}
