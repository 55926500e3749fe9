//! Ed25519 (RFC 8032, section 5.1) over the whole file, verified strictly.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::keys::Seed;
use super::{label, sha256};

/// Length of a signature. Its bytes also identify a version of a file.
pub(crate) const LEN: usize = 64;

/// The public key that a person trusts. Weak keys (of small order, or not on the curve) cannot be
/// constructed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VerificationKey(VerifyingKey);

impl VerificationKey {
    /// Parses the key in a reader's slot. `None` if it is not a point on the curve, is of small order, or its
    /// encoding does not have y < 2^255 - 19 as RFC 8032, section 5.1.3, requires.
    pub(crate) fn parse(bytes: &[u8; 32]) -> Option<Self> {
        let [low, middle @ .., high] = bytes;
        let beyond_p = *low >= 0xed && middle.iter().all(|byte| *byte == 0xff) && high & 0x7f == 0x7f;
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!beyond_p && !key.is_weak()).then_some(Self(key))
    }

    pub(crate) fn derive(seed: &Seed) -> Self {
        Self(SigningKey::from_bytes(&seed.0).verifying_key())
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Returns whether `signature` is valid for the file with this digest: S < L, and neither R nor the key
    /// is of small order (RFC 8032, section 5.1.7, and the "strict" rules of `docs/format.md`, section 3.4).
    pub(crate) fn accepts(&self, signed: &Digested, signature: &[u8; LEN]) -> bool {
        self.accepts_message(&signed.message(), signature)
    }

    fn accepts_message(&self, message: &[u8], signature: &[u8; LEN]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Signs `signed`, the bytes of a file before its signature. The caller scrubs the stack.
pub(crate) fn sign(seed: &Seed, signed: &[u8]) -> [u8; LEN] {
    SigningKey::from_bytes(&seed.0).sign(&Digested::of(signed).message()).to_bytes()
}

/// SHA-256 of the bytes of a file before its signature: the part of verification that needs no key.
pub(crate) struct Digested([u8; 32]);

impl Digested {
    pub(crate) fn of(signed: &[u8]) -> Self {
        Self(sha256(signed))
    }

    fn message(&self) -> [u8; label::SIGNATURE.len() + 32] {
        let mut message = [0; label::SIGNATURE.len() + 32];
        let (text, digest) = message.split_at_mut(label::SIGNATURE.len());
        text.copy_from_slice(label::SIGNATURE);
        digest.copy_from_slice(&self.0);
        message
    }
}

/// Returns whether `signature` is valid under the encoded `key` for a bare message.
#[cfg(test)]
pub(super) fn is_accepted(key: &[u8; 32], message: &[u8], signature: &[u8; LEN]) -> bool {
    VerificationKey::parse(key).is_some_and(|key| key.accepts_message(message, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_valid_only_for_its_bytes_and_its_key() {
        let seed = Seed([5; 32]);
        let key = VerificationKey::derive(&seed);
        let signature = sign(&seed, b"file");
        assert!(key.accepts(&Digested::of(b"file"), &signature));
        assert!(!key.accepts(&Digested::of(b"File"), &signature));
        assert!(!VerificationKey::derive(&Seed([6; 32])).accepts(&Digested::of(b"file"), &signature));
    }

    #[test]
    fn a_scalar_beyond_the_group_order_is_refused() {
        // Adding the group order L to S gives a second signature that lenient verifiers accept.
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let seed = Seed([5; 32]);
        let mut signature = sign(&seed, b"file");
        let mut carry = 0;
        for (s, l) in signature[32..].iter_mut().zip(L) {
            let sum = u16::from(*s) + u16::from(l) + carry;
            *s = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!VerificationKey::derive(&seed).accepts(&Digested::of(b"file"), &signature));
    }

    #[test]
    fn a_commitment_of_small_order_is_refused_under_an_honest_key() {
        // An administrator who has the seed can sign with a neutral R and S = h·a, which lenient verifiers
        // accept.
        use curve25519_dalek::scalar::{Scalar, clamp_integer};
        use sha2::{Digest as _, Sha512};
        let seed = Seed([5; 32]);
        let key = VerificationKey::derive(&seed);
        let r: [u8; 32] = std::array::from_fn(|n| u8::from(n == 0));
        let half = |digest: &[u8]| -> [u8; 32] { digest[..32].try_into().unwrap() };
        let a = Scalar::from_bytes_mod_order(clamp_integer(half(&Sha512::digest(seed.0))));
        let message = Digested::of(b"file").message();
        let h = Sha512::new().chain_update(r).chain_update(key.to_bytes()).chain_update(message).finalize();
        let s = Scalar::from_bytes_mod_order_wide(&h.into()) * a;
        let mut signature = [0; LEN];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(s.as_bytes());
        let lenient = ed25519_dalek::Verifier::verify(&key.0, &message, &Signature::from_bytes(&signature));
        assert!(lenient.is_ok(), "the control: this is a signature in the lenient sense");
        assert!(!key.accepts(&Digested::of(b"file"), &signature));
    }

    #[test]
    fn keys_with_a_y_outside_the_field_are_refused() {
        let mut points = 0;
        for low in 0xed..=0xff {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            bytes[31] = 0x7f;
            points += usize::from(VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak()));
            assert!(VerificationKey::parse(&bytes).is_none());
        }
        assert!(points > 0, "the control: some of these are points to a lenient reader");
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        let identity = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        assert!(VerificationKey::parse(&identity).is_none());
        assert!(VerificationKey::parse(&[0; 32]).is_none());
    }
}
