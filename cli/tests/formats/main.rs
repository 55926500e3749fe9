//! Files that come in and go out.

#[path = "../common/mod.rs"]
mod common;
mod exporting;
mod importing;
mod managers;
mod transfer;
