//! Files that an attacker made or altered. None is accepted, each is refused with its class, and what can be
//! refused without a key costs next to nothing.
//!
//! Most of it runs below the key derivation: [`aumbry::testing::Keks`] has what Argon2id would give, so that every bit
//! of a file can be tried in seconds by the same code that a passphrase takes.

mod bodies;
#[cfg(target_os = "linux")]
mod child;
mod fields;
mod flips;
mod lengths;
mod limits;
#[cfg(target_os = "linux")]
mod little_memory;
mod oracle;
mod scene;
mod swaps;
#[cfg(target_os = "linux")]
mod unread;
