//! Keeping requests even: never two within the same interval.

use std::time::{Duration, Instant};

/// When the next request may leave. Slows down when a server says that it is asked too often.
#[derive(Clone, Debug)]
pub struct Pace {
    interval: Duration,
    slowest: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// At most one request per interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            slowest: interval * 16,
            next: None,
        }
    }

    /// Books the next free place and says how long to wait for it.
    pub fn book(&mut self, now: Instant) -> Duration {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.interval);
        at - now
    }

    /// From now on half as many requests.
    pub fn slow_down(&mut self) {
        self.interval = (self.interval * 2).min(self.slowest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_spaced_and_slower_after_a_complaint() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut pace = Pace::new(second);
        assert_eq!(pace.book(start), Duration::ZERO);
        assert_eq!(pace.book(start), second);
        assert_eq!(pace.book(start + second * 10), Duration::ZERO);
        pace.slow_down();
        assert_eq!(pace.book(start + second * 11), Duration::ZERO);
        assert_eq!(pace.book(start + second * 11), second * 2);
        for _ in 0..10 {
            pace.slow_down();
        }
        assert_eq!(pace.interval, second * 16);
    }
}
