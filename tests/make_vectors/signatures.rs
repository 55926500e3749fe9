//! Signatures that lenient verifiers accept, and signatures of something else.

use aumbry::Role::Administrator;
use aumbry::testing::{Forge, keys_of};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use sha2::{Digest, Sha256, Sha512};

use crate::plan::{ANNA, Outcome, SERVER, Vectors, kdf, with};
use crate::refused::{DAMAGED, good};

const LABEL: &[u8] = b"aumbry1 signature";

fn digest(file: &[u8]) -> Vec<u8> {
    Sha256::digest(file.get(..file.len() - 64).unwrap_or_default()).to_vec()
}

fn message(file: &[u8]) -> Vec<u8> {
    [LABEL, &digest(file)].concat()
}

fn with_signature(file: &[u8], signature: &[u8]) -> Vec<u8> {
    with(file, file.len() - 64, signature)
}

/// Whether a verifier that knows nothing of small order and of S < L would accept it.
fn leniently(key: &[u8; 32], file: &[u8]) -> bool {
    let signature = file.last_chunk::<64>().copied().unwrap_or([0; 64]);
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify(&message(file), &Signature::from_bytes(&signature)).is_ok())
}

pub(crate) fn add(vectors: &mut Vectors) -> Outcome {
    let (_, file) = good()?;
    let seed = keys_of(&file, ANNA)?.x;
    let key = SigningKey::from_bytes(&seed);
    let mut refuse = |name: &str, signature: &[u8]| {
        vectors.refused(name, &with_signature(&file, signature), ANNA, DAMAGED);
    };
    refuse("signature-without-label", &key.sign(&digest(&file)).to_bytes());
    let signed = file.get(..file.len() - 64).unwrap_or_default();
    refuse("signature-over-the-bytes-themselves", &key.sign(&[LABEL, signed].concat()).to_bytes());
    let whole = [LABEL, &Sha256::digest(&file)].concat();
    refuse("signature-over-the-whole-file", &key.sign(&whole).to_bytes());

    // S + L is S to whoever does not insist on S < L.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut larger = file.last_chunk::<64>().copied().unwrap_or([0; 64]);
    let mut carry = 0;
    for (byte, l) in larger.iter_mut().skip(32).zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    refuse("signature-s-plus-group-order", &larger);

    // Whoever holds the seed can sign with R neutral and S = h·a.
    let r: [u8; 32] = std::array::from_fn(|n| u8::from(n == 0));
    let half = Sha512::digest(seed).first_chunk::<32>().copied().ok_or("a digest")?;
    let a = Scalar::from_bytes_mod_order(clamp_integer(half));
    let public = key.verifying_key().to_bytes();
    let h = Sha512::new().chain_update(r).chain_update(public).chain_update(message(&file)).finalize();
    let s = Scalar::from_bytes_mod_order_wide(&h.into()) * a;
    let neutral = [r, s.to_bytes()].concat();
    assert!(leniently(&public, &with_signature(&file, &neutral)), "a lenient verifier accepts it");
    refuse("signature-r-of-small-order", &neutral);

    small_orders(vectors)
}

/// A reader's slot whose verification key has order 2, 4 or 8: with S zero and the right R, lenient verifiers accept.
fn small_orders(vectors: &mut Vectors) -> Outcome {
    for (order, point) in [(2, EIGHT_TORSION[4]), (4, EIGHT_TORSION[2]), (8, EIGHT_TORSION[1])] {
        let key = point.compress().to_bytes();
        let forged = (0..100).find_map(|generation| {
            let file = Forge::new(130 + order)
                .generation(generation + 1)
                .misled_reader("build server", SERVER, kdf(), key)
                .and_then(|forge| forge.person("Anna", Administrator, ANNA, kdf()))
                .and_then(|forge| forge.build())
                .ok()?;
            EIGHT_TORSION
                .iter()
                .map(|r| with_signature(&file, &[r.compress().to_bytes(), [0; 32]].concat()))
                .find(|file| leniently(&key, file))
        });
        let forged = forged.ok_or("no signature that a lenient verifier accepts")?;
        vectors.refused(&format!("reader-trusts-key-of-order-{order}"), &forged, SERVER, DAMAGED);
    }
    Ok(())
}
