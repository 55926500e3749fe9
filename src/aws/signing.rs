//! What must hold before anybody signs with a record: what clients make of it otherwise is a panic, or an error from AWS
//! that does not say why.

use std::time::SystemTime;

use secrecy::ExposeSecret;

use super::time;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};

/// Sessions end. Key id and token go into headers, and vaults of other writers may hold anything there.
pub(super) fn check_can_sign(credentials: &Credentials, now: SystemTime) -> Result<()> {
    let name = || quoted(credentials.name().as_str());
    if let Some(end) = credentials.expires().filter(|_| credentials.is_expired(now)) {
        let message = format!("the session of the record {} expired at {}", name(), time::format(end));
        return Err(Error::new(ErrorKind::Expired, message));
    }
    let token = credentials.session_token().map(ExposeSecret::expose_secret);
    for (what, text) in
        [("access key id", credentials.access_key_id()), ("session token", token.unwrap_or("x"))]
    {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = format!("the {what} of the record {} is none: it must be visible ASCII", name());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

/// Region and service are words between slashes, in a header whose parts are parted by commas and spaces.
pub(super) fn check_word(what: &str, word: &str) -> Result<()> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_word) {
        return Ok(());
    }
    let message = format!("the {what} may have ASCII letters, digits and -_. only, not {}", quoted(word));
    Err(Error::new(ErrorKind::InvalidInput, message))
}
