//! The kinds of credentials.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, quoted};

/// What kind of credentials a record contains.
///
/// As text: `static` and `session`. `_STATIC`, the word in this crate's predecessor, is also accepted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Provider {
    /// A key pair that is valid until it is deleted: [`StaticCredentials`](crate::StaticCredentials).
    Static,
    /// A key pair with a session token, from AWS STS: [`SessionCredentials`](crate::SessionCredentials).
    Session,
}

impl Provider {
    /// Returns the number in the file format.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Static => 0,
            Self::Session => 1,
        }
    }

    pub(crate) fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Static),
            1 => Some(Self::Session),
            _ => None,
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "static",
            Self::Session => "session",
        })
    }
}

impl FromStr for Provider {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "static" | "_STATIC" => Ok(Self::Static),
            "session" => Ok(Self::Session),
            _ => {
                let message = format!("invalid provider {}: it must be static or session", quoted(text));
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
        }
    }
}
