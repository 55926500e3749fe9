//! The formats that AWS users have.

pub mod console_csv;
pub mod credential_process;
pub mod json;

mod plaintext;
mod raw_json;
mod time;
