//! The formats that AWS users have.

pub mod console_csv;
pub mod credential_process;
pub mod env_file;
pub mod json;
pub mod profiles;

mod plaintext;
mod raw_json;
mod time;

/// What a name must be, for messages about files in which a secret may stand where the name should: they tell the
/// rule, never the text.
const NAME_RULE: &str = "1 to 1024 bytes, no control characters, no white space at either end, not beginning with \
                         \"aumbry:\"";
