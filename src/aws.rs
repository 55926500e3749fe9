//! The formats that AWS users have; and, with features, clients that sign with a record.

pub mod console_csv;
pub mod credential_process;
pub mod env_file;
pub mod json;
pub mod profiles;
#[cfg(feature = "sigv4")]
pub mod sigv4;
pub mod time;

mod plaintext;
#[cfg(any(feature = "aws-sdk", feature = "object-store"))]
mod provider;
pub(crate) mod raw_json;
pub(crate) mod rows;
#[cfg(any(feature = "aws-sdk", feature = "object-store", feature = "sigv4"))]
mod signing;

#[cfg(any(feature = "aws-sdk", feature = "object-store"))]
pub use provider::CredentialsProvider;
#[cfg(feature = "sigv4")]
pub use sigv4::{presign, sign};

/// What a name must be, for messages about files in which a secret may stand where the name should: they tell the
/// rule, never the text.
pub(crate) const NAME_RULE: &str = "1 to 1024 bytes, no control characters, no white space at either end, not beginning with \
                         \"aumbry:\"";
