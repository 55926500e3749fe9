//! What names a vault, a key slot and a revision: bytes of fixed length, shown as hexadecimal digits.
//!
//! They are types of their own because all three go into associated data, where swapped bytes would go unnoticed.

use std::fmt;
use std::str::FromStr;

use crate::hex::{hex, unhex};

/// Makes an identifier of a fixed number of bytes.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident $len:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("`Display` and `FromStr` use ", $len, " bytes as lower-case hexadecimal digits.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Makes it from its bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                unhex(text).map(Self).ok_or(ParseIdError { len: $len })
            }
        }
    };
}

identifier! {
    /// Identifies a vault. It is random and stays the same for the life of the vault.
    VaultId 16
}

identifier! {
    /// Identifies a key slot, and is the salt of its passphrase. It changes when the passphrase does.
    SlotId 16
}

identifier! {
    /// Identifies one revision of a vault: two files are the same revision exactly if these bytes are equal.
    ///
    /// They are the last 64 bytes of the file, which are its Ed25519 signature.
    Revision 64
}

impl Revision {
    /// Returns the revision that the bytes of a vault are. Shorter bytes are padded with zeros.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut revision = [0; 64];
        let tail = bytes.last_chunk::<64>().map_or(bytes, <[u8; 64]>::as_slice);
        for (target, byte) in revision.iter_mut().zip(tail) {
            *target = *byte;
        }
        Self(revision)
    }
}

impl fmt::Debug for VaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultId({self})")
    }
}

impl fmt::Debug for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotId({self})")
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Revision({}…)", hex(self.0.first_chunk::<8>().unwrap_or(&[0; 8])))
    }
}

/// The error of parsing an identifier: the text does not have the right number of hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseIdError {
    len: usize,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid identifier: it must be {} hexadecimal digits", 2 * self.len)
    }
}

impl std::error::Error for ParseIdError {}
