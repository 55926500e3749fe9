//! The formats that AWS users have.

pub mod console_csv;
pub mod credential_process;
pub mod json;
pub mod profiles;

mod plaintext;
mod raw_json;
mod time;
