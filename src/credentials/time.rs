//! Times in the file are whole Unix seconds of the years 1 to 9999: what RFC 3339 can write.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const FIRST: i64 = -62_135_596_800;
pub(crate) const LAST: i64 = 253_402_300_799;

/// The time as whole seconds, rounded down, at the nearest end of the range if it lies outside.
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

/// The time of so many Unix seconds. The epoch itself on a system whose clock cannot express it: that of Windows
/// begins in the year 1601.
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
    fn times_come_back_and_round_down() {
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
