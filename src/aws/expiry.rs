//! Sessions end, and whoever signs on gets an error from AWS that does not say why.

use std::time::SystemTime;

use super::time;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result, quoted};

pub(super) fn check_not_expired(credentials: &Credentials, now: SystemTime) -> Result<()> {
    match credentials.expires().filter(|_| credentials.is_expired(now)) {
        None => Ok(()),
        Some(end) => {
            let name = quoted(credentials.name().as_str());
            let message = format!("the session of the record {name} expired at {}", time::format(end));
            Err(Error::new(ErrorKind::Expired, message))
        }
    }
}
