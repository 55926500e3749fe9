//! What the importers leave in freed memory. The allocator of this binary searches every block that is freed.

#[path = "../common/mod.rs"]
mod common;
mod json;
mod managers;
mod searching;
