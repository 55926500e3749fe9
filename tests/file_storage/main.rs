//! Where a vault is stored: the suite for every storage, and what files of each system need.

#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod files;
mod windows;
