//! Why a call failed, and whether AWS may have done what was asked.

use crate::failure::Failure;
use crate::output::is_plain;

/// How many characters of a server's text a message repeats.
const MOST_CHARACTERS: usize = 300;

pub(crate) enum Refusal {
    /// AWS refused with this code, and did nothing.
    Answered { code: String, failure: Failure },
    /// AWS may have done it.
    Lost(Failure),
}

impl Refusal {
    pub(super) fn answered(call: &str, code: &str, said: Option<&str>) -> Self {
        let said = plain(said.unwrap_or("no reason given"));
        let message = format!("AWS refused {call}: {}: {said}", plain(code));
        Self::Answered { code: code.to_owned(), failure: Failure::aws_refused(message) }
    }

    pub(super) fn failed(call: &str, code: &str, status: u16) -> Self {
        Self::Lost(Failure::network(format!("AWS failed at {call}: {} (HTTP {status})", plain(code))))
    }

    pub(super) fn late(call: &str) -> Self {
        Self::Lost(Failure::network(format!("AWS did not answer {call} in time")))
    }

    pub(super) fn not_reached(call: &str, why: &str) -> Self {
        Self::Lost(Failure::network(format!("the call {call} to AWS failed: {}", plain(why))))
    }

    pub(crate) fn not_understood(call: &str, why: &str) -> Self {
        Self::Lost(Failure::bad_answer(format!("could not understand the answer to {call}: {why}")))
    }

    /// AWS does not have what was to be changed.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Answered { code, .. } if code == "NoSuchEntity")
    }

    /// AWS does not know the key that signs, not yet or no longer.
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

/// A server's text without characters that move a cursor or reverse a line.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| is_plain(*letter)).take(MOST_CHARACTERS).collect()
}
