//! Many threads, many handles and many processes with one vault.

#[path = "../common/mod.rs"]
mod common;
mod generations;
mod handles;
mod processes;
mod running;
