//! What this machine remembers of a vault, and what it refuses because of that.

#[path = "../common/mod.rs"]
mod common;
mod pin;
mod pin_races;
mod random_walk;
