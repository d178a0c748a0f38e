//! What may be asked again, and when. Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The longest wait that a server may ask of us before we rather end the run.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(15);

/// Whether a status says that the server or something before it had a bad moment.
pub fn status_is_transient(status: u16) -> bool {
    matches!(
        status,
        408 | 425 | 500 | 502 | 503 | 504 | 507 | 520..=527 | 529
    )
}

/// Waits that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub base: Duration,
}

impl Backoff {
    /// No wait is longer than so many times the first one.
    const CAP: u32 = 24;

    /// 1, 2, 4, … times the base, at most 24 times; `attempt` counts from 0.
    pub fn doubling(self, attempt: u32) -> Duration {
        self.base * 2_u32.saturating_pow(attempt).min(Self::CAP)
    }

    /// 1, 2, 3, … times the base: for what gets ready by itself.
    pub fn rising(self, attempt: u32) -> Duration {
        self.base * (attempt + 1).min(Self::CAP)
    }
}

/// `Retry-After` in both of its forms, seconds or a date; capped at 15 minutes.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let at = parse_http_date(value)?;
        Duration::try_from(at.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The date of an HTTP header.
pub(super) fn parse_http_date(value: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn these_statuses_are_asked_again_and_no_others() {
        let transient: Vec<u16> = (100..600).filter(|&s| status_is_transient(s)).collect();
        assert_eq!(
            transient,
            [
                408, 425, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 525, 526, 527, 529
            ]
        );
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("7", Some(7)),
            ("Sun, 22 Nov 2026 00:00:30 GMT", Some(30)),
            ("Sat, 21 Nov 2026 00:00:30 GMT", Some(0)),
            ("86400", Some(900)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                parse_retry_after(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
    }

    #[test]
    fn waits_grow_and_end_at_two_minutes() {
        let backoff = Backoff {
            base: Duration::from_secs(5),
        };
        let seconds = |wait: Duration| wait.as_secs();
        assert_eq!(
            [0, 1, 2, 3, 9, 99].map(|n| seconds(backoff.doubling(n))),
            [5, 10, 20, 40, 120, 120]
        );
        assert_eq!(
            [0, 1, 2, 4].map(|n| seconds(backoff.rising(n))),
            [5, 10, 15, 25]
        );
    }
}
