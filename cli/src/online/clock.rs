//! The time that requests are signed with: AWS refuses a signature whose time differs from its own by some minutes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use jiff::fmt::rfc2822::DateTimeParser;

/// A smaller difference is not the reason for a refusal.
const TOLERATED_SECONDS: u64 = 4 * 60;

/// By how many seconds AWS's clock is ahead of this machine's. One value for the process: it is the machine's clock that
/// is wrong, for each record and each service.
static AHEAD_SECONDS: AtomicI64 = AtomicI64::new(0);

/// The current time by AWS's clock, as far as it is known.
pub(super) fn now() -> SystemTime {
    let ahead = AHEAD_SECONDS.load(Ordering::Relaxed);
    let difference = Duration::from_secs(ahead.unsigned_abs());
    let now = SystemTime::now();
    let corrected = if ahead < 0 { now.checked_sub(difference) } else { now.checked_add(difference) };
    corrected.unwrap_or(now)
}

/// Takes AWS's time from the `Date` header of a refusal. Returns whether the request was signed with a time so different
/// that another attempt is worthwhile.
pub(super) fn learn(date: Option<&str>, signed: SystemTime) -> bool {
    let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    let Some(date) = date.map(SystemTime::from) else { return false };
    let difference = date.duration_since(signed).unwrap_or_else(|error| error.duration());
    if difference.as_secs() < TOLERATED_SECONDS {
        return false;
    }
    let ahead = match date.duration_since(SystemTime::now()) {
        Ok(ahead) => i64::try_from(ahead.as_secs()),
        Err(behind) => i64::try_from(behind.duration().as_secs()).map(|behind| -behind),
    };
    let Ok(ahead) = ahead else { return false };
    AHEAD_SECONDS.store(ahead, Ordering::Relaxed);
    true
}
