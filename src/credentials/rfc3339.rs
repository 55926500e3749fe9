//! Times as text ([RFC 3339]), as AWS's documents and aumbry's own JSON contain them.
//!
//! [RFC 3339]: https://www.rfc-editor.org/rfc/rfc3339

use std::time::SystemTime;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;

use super::time::{FIRST as FIRST_TIME, LAST as LAST_TIME, system_time, unix_seconds};

/// The epoch as a civil time in UTC. jiff's own timestamps end 26 hours before the end of the year 9999.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Returns the time as text, such as `2026-11-23T04:05:06Z`: always in UTC, in whole seconds (RFC 3339, section 5.6).
#[must_use]
pub fn format(time: SystemTime) -> String {
    let utc = EPOCH.saturating_add(SignedDuration::from_secs(unix_seconds(time)));
    format!("{utc}Z")
}

/// Parses a time and rounds it down to whole seconds. Returns `None` if the text is not a time in the years 1 to 9999.
///
/// The text must have a date, a time and an offset. It can have up to nine digits of a second. A leap second counts as the
/// second before it. AWS calls its format ISO 8601, so a little more than RFC 3339 is accepted: the short form without `-`
/// and `:`, and a time without seconds.
#[must_use]
pub fn parse(text: &str) -> Option<SystemTime> {
    let pieces = Pieces::parse(text).ok()?;
    if pieces.time_zone_annotation().is_some() {
        return None; // a time zone (RFC 9557) can contradict the offset
    }
    let offset = SignedDuration::from_secs(pieces.offset()?.to_numeric_offset().seconds().into());
    let local = pieces.date().to_datetime(pieces.time()?);
    let since_epoch = local.duration_since(EPOCH).checked_sub(offset)?;
    let seconds = since_epoch.as_secs() - i64::from(since_epoch.subsec_nanos() < 0);
    (FIRST_TIME..=LAST_TIME).contains(&seconds).then(|| system_time(seconds))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(unix_seconds)
    }

    #[test]
    fn times_are_written_in_utc_and_in_whole_seconds() {
        for (at, text) in [
            (-11_644_473_600, "1601-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_406_706, "2026-11-23T04:05:06Z"),
            (LAST_TIME, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(format(system_time(at)), text);
            assert_eq!(seconds(text), Some(at), "{text}");
        }
        let first = system_time(FIRST_TIME);
        let clock_reaches_it = first != UNIX_EPOCH;
        assert_eq!(
            format(first),
            if clock_reaches_it { "0001-01-01T00:00:00Z" } else { "1970-01-01T00:00:00Z" }
        );
        assert_eq!(seconds("0001-01-01T00:00:00Z"), Some(if clock_reaches_it { FIRST_TIME } else { 0 }));
        assert_eq!(format(UNIX_EPOCH + Duration::from_millis(999)), "1970-01-01T00:00:00Z");
        assert_eq!(format(UNIX_EPOCH - Duration::from_millis(1)), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn every_offset_and_fraction_of_rfc_3339_is_parsed() {
        for text in [
            "2026-11-23T04:05:06Z",
            "2026-11-23t04:05:06z",
            "2026-11-23T04:05:06+00:00",
            "2026-11-23T04:05:06-00:00",
            "2026-11-23T05:05:06+01:00",
            "2026-11-22T18:20:06-09:45",
            "2026-11-24T04:04:06+23:59",
            "2026-11-23T04:05:06.9Z",
            "2026-11-23T04:05:06.123456789+00:00",
            "2026-11-23 04:05:06Z",
            "20261123T040506Z",
        ] {
            assert_eq!(seconds(text), Some(1_795_406_706), "{text}");
        }
        assert_eq!(seconds("2016-12-31T23:59:60Z"), seconds("2016-12-31T23:59:59Z"), "a leap second");
        assert_eq!(seconds("1969-12-31T23:59:59.5Z"), Some(-1), "rounded down");
    }

    #[test]
    fn texts_other_than_times_in_the_years_1_to_9999_are_refused() {
        for text in [
            "",
            "tomorrow",
            "1795406706",
            "2026-11-23",
            "04:05:06Z",
            "2026-11-23T04:05:06",
            "2026-11-23T04:05:06 UTC",
            "2026-11-23T04:05:06+01:00[Europe/Berlin]",
            "2026-02-29T00:00:00Z",
            "2026-11-23T25:00:00Z",
            "2026-11-23T04:05:06Z ",
            " 2026-11-23T04:05:06Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "-002026-11-23T04:05:06Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
