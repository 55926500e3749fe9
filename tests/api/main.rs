//! What a program does with a vault, and what each mistake is answered with.

#[path = "../common/mod.rs"]
mod common;
mod copying;
mod errors;
mod strength;
mod vault;
