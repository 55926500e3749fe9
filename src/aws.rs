//! The formats that AWS users have.

pub mod console_csv;
pub mod credential_process;
pub mod env_file;
pub mod json;
pub mod profiles;

mod plaintext;
pub(crate) mod raw_json;
pub(crate) mod rows;
pub(crate) mod time;

/// What a name must be, for messages about files in which a secret may stand where the name should: they tell the
/// rule, never the text.
pub(crate) const NAME_RULE: &str = "1 to 1024 bytes, no control characters, no white space at either end, not beginning with \
                         \"aumbry:\"";
