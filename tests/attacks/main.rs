//! Files that an attacker made or altered, and an adversary who is a reader of the vault.

mod adversary;
#[path = "../common/mod.rs"]
mod common;
mod dead_generator;
mod hostile;
