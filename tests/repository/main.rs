//! The repository itself: which module and which file may use which, and what the library is built of.

mod architecture;
#[path = "../common/mod.rs"]
mod common;
mod dependencies;
mod imports;
mod loops;
mod mutations;
mod page;
