//! What AWS clients are handed, and what is signed for them.

mod aws_config;
#[path = "../common/mod.rs"]
mod common;
mod handed_out;
mod serve;
mod sessions;
mod sign;
