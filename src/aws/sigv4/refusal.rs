//! Errors about requests that cannot be signed.

use crate::error::{Error, ErrorKind};

/// Refuses the request because `aws-sigv4` or `http` refused it. Their messages are about the form of headers and URLs,
/// and repeat no part of them.
pub(super) fn unsignable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidInput, "could not sign the request").with_source(error)
}

/// Refuses the request for a reason of our own.
pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
