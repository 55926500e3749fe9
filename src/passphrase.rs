//! The passphrase or recovery code that opens a vault.

mod calibration;
pub(crate) mod recovery_code;
#[cfg(feature = "strength")]
mod strength;

use std::fmt;

use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorKind, Result};
use recovery_code::canonical_code;

pub use recovery_code::RecoveryCode;
#[cfg(feature = "strength")]
pub use strength::Weakness;

const MAX_LEN: usize = 1024;

/// A passphrase: 1 to 1024 bytes, used as they are, without Unicode normalisation; or a recovery code, in any
/// case and grouping.
///
/// It can be made from `&str`, `&[u8]`, `String`, `Vec<u8>` and `SecretString`. A value that is passed by value is wiped.
///
/// ```
/// use aumbry::Passphrase;
/// let passphrase = Passphrase::from("correct horse battery staple");
/// assert_eq!(format!("{passphrase:?}"), "Passphrase([redacted])");
/// ```
#[derive(Clone)]
pub struct Passphrase {
    bytes: SecretSlice<u8>,
    is_recovery_code: bool,
}

impl Passphrase {
    fn from_bytes(bytes: &[u8]) -> Self {
        match canonical_code(bytes) {
            Some(code) => Self { bytes: code, is_recovery_code: true },
            None => Self { bytes: SecretBox::new(bytes.into()), is_recovery_code: false },
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.expose_secret()
    }

    pub(crate) fn is_recovery_code(&self) -> bool {
        self.is_recovery_code
    }

    /// Checks the limits of the format. Called before any key derivation.
    pub(crate) fn check_len(&self) -> Result<()> {
        let message = match self.bytes().len() {
            0 => "invalid passphrase: it must not be empty".to_owned(),
            1..=MAX_LEN => return Ok(()),
            len => format!("invalid passphrase: it must be at most {MAX_LEN} bytes long, not {len}"),
        };
        Err(Error::new(ErrorKind::InvalidInput, message))
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes())
    }
}

impl From<&RecoveryCode> for Passphrase {
    fn from(code: &RecoveryCode) -> Self {
        Self::from(code.canonical())
    }
}

impl From<&[u8]> for Passphrase {
    fn from(bytes: &[u8]) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self::from_bytes(Zeroizing::new(text).as_bytes())
    }
}

impl From<Vec<u8>> for Passphrase {
    fn from(mut bytes: Vec<u8>) -> Self {
        let passphrase = Self::from_bytes(&bytes);
        bytes.zeroize();
        passphrase
    }
}

impl From<&SecretString> for Passphrase {
    fn from(secret: &SecretString) -> Self {
        Self::from_bytes(secret.expose_secret().as_bytes())
    }
}

impl From<SecretString> for Passphrase {
    fn from(secret: SecretString) -> Self {
        Self::from(&secret)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_accepted_in_any_case_and_grouping() {
        let code = RecoveryCode::encode(&[0x5a; 16]);
        let shown = code.to_grouped();
        let (shown, canonical) = (shown.expose_secret(), code.canonical().expose_secret());
        assert_eq!(shown.len(), canonical.len() + 7);
        assert!(shown.starts_with("AUMBR-Y1"));
        for typed in
            [shown, &shown.replace('-', " "), &shown.to_lowercase(), canonical, &format!("  {canonical}-")]
        {
            let passphrase = Passphrase::from(typed);
            assert!(passphrase.is_recovery_code(), "{typed}");
            assert_eq!(passphrase.bytes(), canonical.as_bytes());
        }
    }
}
