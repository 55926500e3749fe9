//! The adversary's own program: the suite as `docs/format.md` writes it down. Nothing here asks the library, so
//! whatever the library's interface refuses is done all the same.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

pub(crate) type Key = [u8; 32];
/// A slot as encoded in the header.
pub(crate) type Slot = [u8; 176];

const SLOT: &[u8] = b"aumbry1 slot";
pub(crate) const PAYLOAD: &[u8] = b"aumbry1 payload";
const ESCROW: &[u8] = b"aumbry1 escrow";

pub(crate) fn sha256(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn hkdf<const N: usize>(key: &Key, salt: &[u8], info: &[u8]) -> [u8; N] {
    let mut okm = [0; N];
    Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut okm).unwrap();
    okm
}

/// Two keys out of one.
fn pair(key: &Key, salt: &[u8], info: &[u8]) -> (Key, Key) {
    let okm: [u8; 64] = hkdf(key, salt, info);
    (okm[..32].try_into().unwrap(), okm[32..].try_into().unwrap())
}

/// Section 2. The salt of a message depends on all of it, so no random bytes are needed here.
pub(crate) fn seal(key: &Key, label: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let salt = hmac(key, &[b"aumbry1 salt", &[0; 32], &(aad.len() as u64).to_le_bytes(), aad, plain]);
    let (one_time, commit) = pair(key, &salt, label);
    let mut text = plain.to_vec();
    let tag = Aes256Gcm::new(&one_time.into())
        .encrypt_inout_detached(&Nonce::default(), aad, text.as_mut_slice().into())
        .unwrap();
    [&salt, &commit, text.as_slice(), &tag].concat()
}

/// What was sealed; nothing for another key, or if it does not authenticate.
pub(crate) fn open(key: &Key, label: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (one_time, commit) = pair(key, &sealed[..32], label);
    if sealed[32..64] != commit {
        return None;
    }
    let (text, tag) = sealed[64..].split_last_chunk::<16>()?;
    let mut text = text.to_vec();
    Aes256Gcm::new(&one_time.into())
        .decrypt_inout_detached(&Nonce::default(), aad, text.as_mut_slice().into(), &Tag::from(*tag))
        .ok()?;
    Some(text)
}

/// Section 4.1: RK and NK.
fn record_keys(vault_key: &Key, vault_id: &[u8; 16]) -> (Key, Key) {
    pair(vault_key, vault_id, b"aumbry1 records")
}

pub(crate) fn seal_secret(vault_key: &Key, vault_id: &[u8; 16], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let (record_key, nonce_key) = record_keys(vault_key, vault_id);
    let long = hmac(&nonce_key, &[&[0; 32], &(aad.len() as u64).to_le_bytes(), aad, plain]);
    let nonce: [u8; 12] = long[..12].try_into().unwrap();
    let mut text = plain.to_vec();
    let tag = Aes256Gcm::new(&record_key.into())
        .encrypt_inout_detached(&Nonce::from(nonce), aad, text.as_mut_slice().into())
        .unwrap();
    [&nonce, text.as_slice(), &tag].concat()
}

pub(crate) fn open_secret(
    vault_key: &Key,
    vault_id: &[u8; 16],
    aad: &[u8],
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let (record_key, _) = record_keys(vault_key, vault_id);
    let (nonce, rest) = sealed.split_first_chunk::<12>()?;
    let (text, tag) = rest.split_last_chunk::<16>()?;
    let mut text = text.to_vec();
    Aes256Gcm::new(&record_key.into())
        .decrypt_inout_detached(&Nonce::from(*nonce), aad, text.as_mut_slice().into(), &Tag::from(*tag))
        .ok()?;
    Some(text)
}

/// Section 3.2: a new slot, of the least cost, with nothing in it yet.
pub(crate) fn empty_slot(role: u8, hint: u8, salt: [u8; 16]) -> Slot {
    let mut slot = [0; 176];
    slot[..2].copy_from_slice(&[role, hint]);
    slot[4..8].copy_from_slice(&8192_u32.to_le_bytes());
    slot[8..12].copy_from_slice(&1_u32.to_le_bytes());
    slot[12..16].copy_from_slice(&1_u32.to_le_bytes());
    slot[16..32].copy_from_slice(&salt);
    slot
}

/// The key-encryption key of a slot of the least cost.
pub(crate) fn kek(passphrase: &str, salt: &[u8; 16]) -> Key {
    let params = Params::new(8192, 1, 1, Some(32)).unwrap();
    let (mut kek, mut blocks) = ([0; 32], vec![Block::new(); params.block_count()]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut kek, blocks.as_mut_slice())
        .unwrap();
    kek
}

fn slot_aad(vault_id: &[u8; 16], slot: &Slot) -> Vec<u8> {
    [b"AUMBRY\x1a\n\x01\0\x01\0", vault_id.as_slice(), &slot[..32]].concat()
}

/// Puts K ‖ X into a slot.
pub(crate) fn wrap(slot: &mut Slot, vault_id: &[u8; 16], kek: &Key, vault_key: &Key, x: &Key) {
    let sealed = seal(kek, SLOT, &slot_aad(vault_id, slot), &[*vault_key, *x].concat());
    slot[32..].copy_from_slice(&sealed);
}

/// K and X of a slot.
pub(crate) fn unwrap(slot: &Slot, vault_id: &[u8; 16], kek: &Key) -> Option<(Key, Key)> {
    let plain = open(kek, SLOT, &slot_aad(vault_id, slot), &slot[32..])?;
    Some((plain[..32].try_into().unwrap(), plain[32..].try_into().unwrap()))
}

/// Section 4.2: what a seed opens of a person's escrow, which is that person's key-encryption key.
pub(crate) fn open_escrow(seed: &Key, vault_id: &[u8; 16], slot_id: &[u8; 16], escrow: &[u8]) -> Option<Key> {
    let key = hkdf(seed, vault_id, b"aumbry1 administrator");
    open(&key, ESCROW, &[*vault_id, *slot_id].concat(), escrow)?.try_into().ok()
}

pub(crate) fn public_key(seed: &Key) -> Key {
    SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// Section 3.4: signs a file, whose last 64 bytes are replaced.
pub(crate) fn sign(seed: &Key, file: &mut [u8]) {
    let (signed, signature) = file.split_last_chunk_mut::<64>().unwrap();
    let message = [b"aumbry1 signature".as_slice(), &sha256(signed)].concat();
    *signature = SigningKey::from_bytes(seed).sign(&message).to_bytes();
}

/// The same signature with S + L in the place of S: equal to a verifier that does not insist on S < L.
pub(crate) fn with_larger_s(signature: &[u8; 64]) -> [u8; 64] {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (mut larger, mut carry) = (*signature, 0);
    for (byte, l) in larger[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    larger
}
