//! placeholder
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod aws;
mod credentials;
mod crypto;
mod error;
mod format;
mod memory;
pub mod startup;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod vault;

pub use secrecy::{ExposeSecret, SecretString};

pub use credentials::{
    Attributes, Change, Credentials, Draft, Name, Provider, SessionCredentials, StaticCredentials,
};
pub use crypto::kdf::{KdfParameters, Lanes, MemoryKib, Passes};
pub use error::{Error, ErrorKind, Result};
pub use format::slot::Role;
pub use memory::{MemoryProtection, harden_process};
pub use vault::{
    Advice, CreateOptions, Edit, Entries, Entry, OpenOptions, Passphrase, RecoveryCode, Vault, Verified,
};
