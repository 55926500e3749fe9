//! The bytes of a vault: the vectors, the fuzzers' corpus, and what a commit seals again.

#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod resealing;
mod vectors;
