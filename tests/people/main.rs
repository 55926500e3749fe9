//! Who can open a vault and who can write to it: people, their passphrases, rotation and restoring.

#[path = "../common/mod.rs"]
mod common;
mod random_walk;
mod restore;
mod roles;
mod rotation;
