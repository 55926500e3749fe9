//! Foreign formats, from their bytes into a vault and back.

#[path = "../common/mod.rs"]
mod common;
mod console_csv;
mod env_file;
mod json;
mod managers;
mod profiles;
