//! AWS credentials, sealed in one file, unlocked by a passphrase, looked up by name.
//!
//! A *vault* holds credential records: a unique [`Name`], a [`Provider`] kind, an access key id, a secret access
//! key, for sessions a session token, and attributes such as a region. It is one file, sealed with AES-256-GCM and
//! signed with Ed25519; a passphrase (Argon2id) opens it. Opening reads and checks the whole vault, but opens no
//! secret: each is sealed on its own until it is asked for.
//!
//! ```
//! use aumbry::{CreateOptions, NewRecord, ExposeSecret};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, state) = (folder.path().join("credentials.aumbry"), folder.path().join("state"));
//! # let open_options = || aumbry::OpenOptions::new().state_folder(&state);
//! // Once: Vault::create, or with options.
//! let vault = CreateOptions::new().open_options(open_options()).create(&path, "correct horse battery staple")?;
//! vault.edit(|edit| {
//!     let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
//!     edit.add(&NewRecord::new_static("s3-uploads", "AKIAIOSFODNN7EXAMPLE", secret)?)
//! })?;
//!
//! // At every start: Vault::open, or with options.
//! let vault = open_options().open(&path, "correct horse battery staple")?;
//! if let Some(credentials) = vault.get_credentials("s3-uploads")? {
//!     let secret: &str = credentials.secret_access_key().expose_secret();
//!     println!("signing as {} with {} characters", credentials.access_key_id(), secret.len());
//! }
//! # Ok(()) }
//! ```
//!
//! # Where to look
//! * [`Vault`]: open, look up, list, edit, lock. [`OpenOptions`] and [`CreateOptions`] for what has no place in one
//!   line.
//! * [`startup`]: one vault for a whole program.
//! * [`interchange`]: the files of other programs, such as `~/.aws/credentials` and the exports of password managers.
//! * `aws`, with features: clients that sign with a record.
//! * [`storage`]: where a vault's bytes are stored, if not in a file.
//! * [`Error`] and [`ErrorKind`]: what went wrong, sorted by what to do about it.
//! * [`harden_process`], [`MemoryProtection`]: what guards the keys while the vault is unlocked.
//!
//! # Debug builds
//! Unlocking is Argon2id, which takes about 15 times as long without optimisation, and the profiles of this crate do not
//! reach a program that embeds it. These lines in its `Cargo.toml`, or in that of its workspace's root, make debug builds
//! unlock as fast as release builds do:
//!
//! ```toml
//! [profile.dev.package]
//! aes.opt-level = 3
//! argon2.opt-level = 3
//! aumbry.opt-level = 3
//! curve25519-dalek.opt-level = 3
//! polyval.opt-level = 3
//! sha2.opt-level = 3
//! ```
//!
//! The file format is written down in `docs/format.md`, what it protects against and what not in
//! `docs/threat-model.md`, both in the repository.
//!
//! # Words of the AWS authentication module
//! For readers who know the low-code module that this crate descends from:
//!
//! | there | here |
//! |---|---|
//! | `Credentials` object | [`Credentials`] |
//! | `Credentials.Name` | [`Name`], unique |
//! | `Credentials.Provider`, always `_STATIC` | [`Provider::Static`]; `_STATIC` is read as an alias |
//! | `StaticCredentials.AccessKey` | [`StaticCredentials::access_key_id`] |
//! | `StaticCredentials.SecretKey` | [`StaticCredentials::secret_access_key`] |
//! | `GET_Credentials(name)` | [`Vault::get_credentials`], [`startup::get_credentials`] |
//! | an empty object where no name matches | `Ok(None)` |
//! | `AfterStartup` microflow | [`startup::after_startup`] |
//! | administrator role | a person whose slot is an administrator's: [`Role::Administrator`] |
//! | overview and detail pages | [`Vault::records`], [`Vault::edit`] |
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

#[cfg(any(feature = "aws-sdk", feature = "object-store", feature = "sigv4"))]
pub mod aws;
mod credentials;
mod crypto;
mod error;
mod format;
mod hex;
mod id;
pub mod interchange;
mod memory;
mod passphrase;
mod pin;
pub mod startup;
pub mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod vault;

// Cargo unites the features of a whole tree of crates, so a test dependency could weaken the vault of a program that is
// shipped. This repository's `.cargo/config.toml` sets the variable for its own optimised tests.
#[cfg(feature = "testing")]
const _: () = assert!(
    cfg!(debug_assertions) || option_env!("AUMBRY_TESTING").is_some(),
    "the feature `testing` of aumbry weakens a vault and is not for optimised programs: remove it, or set the environment \
     variable AUMBRY_TESTING=1 while compiling tests"
);

pub use secrecy::{ExposeSecret, SecretString};

pub use credentials::{
    Credentials, Name, NewRecord, Provider, RecordChange, SessionCredentials, StaticCredentials,
};
pub use crypto::kdf::{KdfParameters, Lanes, MemoryKib, Passes};
pub use error::{Error, ErrorKind, Mismatch, RefusedRevision, Result, SeenRevision};
pub use format::slot::Role;
pub use id::{ParseIdError, Revision, SlotId, VaultId};
pub use memory::{MemoryProtection, harden_process};
pub use passphrase::{Passphrase, RecoveryCode};
pub use vault::{
    Advice, CreateOptions, Edit, OpenOptions, Person, Record, Records, Remembered, Rotation, RotationStage,
    SlotInfo, UnlockTime, Vault, VaultInfo, Verified, inspect, inspect_in,
};

#[cfg(feature = "strength")]
pub use passphrase::Weakness;

/// The examples of the README and the book. Those that need the AWS SDK are compiled in `interop/`.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/embedding.md")]
    struct Embedding;
}
