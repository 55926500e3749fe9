//! What exists once in a process. No other test of this binary opens the program's vault.

#[path = "../common/mod.rs"]
mod common;
mod hardening;
mod startup;
