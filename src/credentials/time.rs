//! Times in the file: whole Unix seconds of the years 1 to 9999, the range of RFC 3339.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const FIRST: i64 = -62_135_596_800;
pub(crate) const LAST: i64 = 253_402_300_799;

/// Converts a time to whole seconds, rounded down. A time outside the range becomes its nearest end.
pub(crate) fn unix_seconds(time: SystemTime) -> i64 {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(LAST),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(LAST);
            -whole - i64::from(before.subsec_nanos() > 0)
        }
    };
    seconds.clamp(FIRST, LAST)
}

/// Converts Unix seconds to a time. Returns the epoch if the system's clock cannot represent the time:
/// Windows counts from the year 1601.
pub(crate) fn system_time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

pub(crate) fn now() -> i64 {
    unix_seconds(SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_down_and_read_back() {
        for seconds in [-11_644_473_600, -1, 0, 1, 1_700_000_000, LAST] {
            assert_eq!(unix_seconds(system_time(seconds)), seconds);
        }
        let clock_reaches_it = UNIX_EPOCH.checked_sub(Duration::from_secs(FIRST.unsigned_abs())).is_some();
        assert_eq!(unix_seconds(system_time(FIRST)), if clock_reaches_it { FIRST } else { 0 });
        assert_eq!(unix_seconds(UNIX_EPOCH - Duration::from_millis(1)), -1);
        assert_eq!(unix_seconds(UNIX_EPOCH + Duration::from_millis(1)), 0);
        assert_eq!(unix_seconds(UNIX_EPOCH + Duration::from_secs(1 << 39)), LAST);
    }
}
