//! Sizes, durations and times as a person says them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use slipway_core::words::{bytes, count};

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, span.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `just now`, `5 min ago`, `3 h ago`, `12 days ago`.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `2026-11-21 10:45` where the person is.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `11-21 10:45:07` where the person is, for log lines.
pub(crate) fn second(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%m-%d %H:%M:%S").to_string()
}

/// A timestamp in RFC 3339, as a person says it; the text itself when it is none.
pub(crate) fn moment_of(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| super::text::visible(text), moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_words() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(2, "process"), "2 processes");
        assert_eq!(count(2, "directory"), "2 directories");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(16 << 30), "16 GiB");
        assert_eq!(duration(Duration::from_millis(440)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(duration(Duration::from_secs(7500)), "2 h 5 min");
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!(ago(at(0), at(30)), "just now");
        assert_eq!(ago(at(0), at(3 * 86_400)), "3 days ago");
    }
}
