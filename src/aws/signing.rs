//! The checks before a client signs with a record. Without them, some clients panic, and AWS returns errors without a
//! reason.

use std::time::SystemTime;

use secrecy::ExposeSecret;

use crate::credentials::{Credentials, rfc3339};
use crate::error::{Error, ErrorKind, Result, quoted};

/// Refuses an expired session, and a key id or token that an HTTP header cannot contain. Another program can have written
/// any text to the vault.
pub(super) fn check_can_sign(credentials: &Credentials, now: SystemTime) -> Result<()> {
    let name = || quoted(credentials.name());
    if let Some(end) = credentials.expires().filter(|_| credentials.is_expired(now)) {
        let message = format!("the session of the record {} expired at {}", name(), rfc3339::format(end));
        return Err(Error::new(ErrorKind::Expired, message));
    }
    let token = credentials.session_token().map(ExposeSecret::expose_secret);
    for (what, text) in
        [("access key id", credentials.access_key_id()), ("session token", token.unwrap_or("x"))]
    {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!(
                "invalid {what} in the record {}: it must contain only visible ASCII characters",
                name()
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

/// Checks a region or service. Slashes separate these words in a header whose parts are separated by commas and spaces.
pub(super) fn check_word(what: &str, word: &str) -> Result<()> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_word) {
        return Ok(());
    }
    let message =
        format!("invalid {what}: only ASCII letters, digits and -_. are allowed, not {}", quoted(word));
    Err(Error::new(ErrorKind::InvalidInput, message))
}
