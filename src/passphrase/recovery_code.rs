//! Recovery codes: 128 random bits that a person can write down and type again.

use std::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use zeroize::Zeroizing;

use crate::crypto::random;
use crate::error::Result;
use crate::memory::with_scrubbed_stack;

/// The label of the slot of a recovery code.
pub(crate) const LABEL: &str = "recovery code";

const PREFIX: Hrp = Hrp::parse_unchecked("aumbry");
const BITS: usize = 16;
/// Prefix, separator, 26 characters of data, 6 of checksum.
const LEN: usize = 6 + 1 + 26 + 6;
const GROUP: usize = 5;

/// A code that opens the vault as an administrator when the passphrase is forgotten.
///
/// It is Bech32m (BIP 350) over 128 random bits, so a typing error is noticed. It is shown once, because the vault does
/// not contain it. Print it and do not keep it together with the passphrase.
pub struct RecoveryCode {
    canonical: SecretString,
}

impl RecoveryCode {
    pub(crate) fn make() -> Result<Self> {
        let mut bits = Zeroizing::new([0; BITS]);
        random::fill(bits.as_mut_slice())?;
        Ok(Self::encode(&bits))
    }

    pub(crate) fn encode(bits: &[u8; BITS]) -> Self {
        let mut code = Zeroizing::new(String::with_capacity(LEN));
        // `bech32` writes through a buffer on the stack.
        let encoded =
            with_scrubbed_stack(|| bech32::encode_lower_to_fmt::<Bech32m, _>(&mut *code, PREFIX, bits));
        debug_assert!(encoded.is_ok() && code.len() == LEN, "16 bytes are within Bech32m's bounds");
        Self { canonical: SecretString::from(std::mem::take(&mut *code)) }
    }

    pub(crate) fn canonical(&self) -> &SecretString {
        &self.canonical
    }

    /// Returns the code as it is shown: upper case, in groups of five joined by hyphens.
    #[must_use]
    pub fn to_grouped(&self) -> SecretString {
        let canonical = self.canonical.expose_secret();
        let mut shown = String::with_capacity(LEN + LEN / GROUP);
        for (at, letter) in canonical.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(letter.to_ascii_uppercase());
        }
        shown.into()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

/// Returns the canonical form of a recovery code that was typed in any case, with any spaces and hyphens. `None` if
/// `input` is not a recovery code.
pub(crate) fn canonical_code(input: &[u8]) -> Option<SecretSlice<u8>> {
    let kept = || input.iter().filter(|byte| !matches!(byte, b' ' | b'-'));
    if kept().count() != LEN {
        return None;
    }
    let mut code: SecretSlice<u8> = SecretBox::new(vec![0; LEN].into_boxed_slice());
    for (place, byte) in secrecy::ExposeSecretMut::expose_secret_mut(&mut code).iter_mut().zip(kept()) {
        *place = byte.to_ascii_lowercase();
    }
    let text = std::str::from_utf8(code.expose_secret()).ok()?;
    let parsed = CheckedHrpstring::new::<Bech32m>(text).ok()?;
    (parsed.hrp() == PREFIX && parsed.byte_iter().len() == BITS && RecoveryCode::encodes_as(&parsed, text))
        .then_some(code)
}

impl RecoveryCode {
    /// Returns whether encoding the decoded bits again gives the same text. With padding bits that are not zero it does
    /// not.
    fn encodes_as(parsed: &CheckedHrpstring<'_>, text: &str) -> bool {
        let mut bits = Zeroizing::new([0; BITS]);
        for (place, byte) in bits.iter_mut().zip(parsed.byte_iter()) {
            *place = byte;
        }
        Self::encode(&bits).canonical.expose_secret() == text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_with_a_typing_error_is_not_accepted() {
        let code = RecoveryCode::encode(&[0x5a; 16]);
        let canonical = code.canonical.expose_secret();
        for at in 0..LEN {
            let mut typed = canonical.as_bytes().to_vec();
            typed[at] = if typed[at] == b'q' { b'p' } else { b'q' };
            assert!(canonical_code(&typed).is_none(), "position {at}");
        }
        assert!(canonical_code(b"").is_none());
        assert!(canonical_code(&[0xff; LEN]).is_none());
    }

    #[test]
    fn padding_bits_must_be_zero() {
        // The same 16 bytes with the last padding bit set, under a valid checksum of its own.
        use bech32::{ByteIterExt, Fe32, Fe32IterExt};
        let mut letters: Vec<Fe32> = [0x5a_u8; 16].into_iter().bytes_to_fes().collect();
        let last = letters.last_mut().unwrap();
        *last = Fe32::try_from(last.to_u8() | 1).unwrap();
        let typed: String = letters.into_iter().with_checksum::<Bech32m>(&PREFIX).chars().collect();
        assert_eq!(typed.len(), LEN);
        assert!(canonical_code(typed.as_bytes()).is_none());
    }
}
