//! What a program does with a vault, and what each mistake is answered with.

#[path = "../common/mod.rs"]
mod common;
mod copying;
mod errors;
mod own_errors;
mod strength;
mod vault;
