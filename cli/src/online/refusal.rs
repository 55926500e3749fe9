//! Why a call came to nothing, and whether anybody can know what it did.

use std::error::Error;

use aws_sdk_iam::config::http::HttpResponse;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use crate::failure::Failure;
use crate::output::is_plain;

/// As much of a server's words as is repeated.
const WORDS: usize = 300;

pub(crate) enum Refusal {
    /// AWS said no, with this code: nothing was done.
    Answered { code: String, failure: Failure },
    /// Nobody knows whether it was done.
    Lost(Failure),
}

impl Refusal {
    pub(super) fn of<E: ProvideErrorMetadata + Error + 'static>(
        call: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        match (error, status) {
            (SdkError::ServiceError(answer), Some(status)) => match (answer.err().code(), status) {
                (Some(code), 400..=499) => {
                    let said = answer.err().message().unwrap_or("no more than that");
                    let message = format!("AWS refused {call}: {}: {}", plain(code), plain(said));
                    Self::Answered { code: code.to_owned(), failure: Failure::aws_refused(message) }
                }
                (Some(code), 500..) => {
                    let message = format!("AWS failed at {call}: {} (HTTP {status})", plain(code));
                    Self::Lost(Failure::network(message))
                }
                (_, status) => {
                    Self::not_understood(call, &format!("HTTP {status}, and no error that AWS has"))
                }
            },
            (SdkError::TimeoutError(_), _) => {
                Self::Lost(Failure::network(format!("AWS did not answer {call} in time")))
            }
            (SdkError::ResponseError(_), Some(status)) => {
                Self::not_understood(call, &format!("HTTP {status}, and what came with it cannot be read"))
            }
            _ => Self::Lost(Failure::network(format!("the call {call} to AWS failed: {}", root(error)))),
        }
    }

    pub(crate) fn not_understood(call: &str, why: &str) -> Self {
        Self::Lost(Failure::bad_answer(format!("the answer to {call} is not understood: {why}")))
    }

    /// AWS knows nothing of what was to be changed.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Answered { code, .. } if code == "NoSuchEntity")
    }

    /// AWS does not know yet, or no more, the key that signs.
    pub(crate) fn is_unknown_key(&self) -> bool {
        const UNKNOWN: [&str; 3] = ["InvalidClientTokenId", "InvalidAccessKeyId", "AuthFailure"];
        matches!(self, Self::Answered { code, .. } if UNKNOWN.contains(&code.as_str()))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Answered { failure, .. } | Refusal::Lost(failure) => failure,
        }
    }
}

/// Words of a server, without what could move a cursor or turn the line around.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| is_plain(*letter)).take(WORDS).collect()
}

/// What lies at the bottom of it: the layers above only say that there is something below.
fn root(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    plain(&root.to_string())
}
