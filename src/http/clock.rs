//! The time as the server has it: quotas and days are counted by its clock, and ours may be wrong.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

/// Differences up to this are the network's and not worth a word.
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);

/// What two answers of a server whose clock is even may differ by.
const JITTER: SignedDuration = SignedDuration::from_secs(3);

/// Our clock, set right by the answers of one server.
#[derive(Debug, Default)]
pub struct Clock {
    ahead: Cell<SignedDuration>,
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
            .checked_add(self.ahead.get())
            .unwrap_or_else(|_| Timestamp::now())
    }

    /// Takes over the server's time where it differs by more than five minutes.
    pub fn set_by(&self, server: Timestamp) {
        let ahead = server.duration_since(Timestamp::now());
        // Headers count whole seconds: following each of them would make the clock jump.
        if (ahead - self.ahead.get()).abs() <= JITTER {
            return;
        }
        self.ahead.set(if ahead.abs() > TOLERATED {
            ahead
        } else {
            SignedDuration::ZERO
        });
    }

    /// How far the server is ahead of us; `None` where the clocks agree.
    pub fn skew(&self) -> Option<SignedDuration> {
        let ahead = self.ahead.get();
        (!ahead.is_zero()).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_set_right_and_a_good_one_left_alone() {
        let clock = Clock::default();
        clock.set_by(Timestamp::now() + SignedDuration::from_secs(100));
        assert_eq!(clock.skew(), None);
        let far = Timestamp::now() - SignedDuration::from_hours(24 * 900);
        clock.set_by(far);
        assert!(clock.now().duration_since(far).abs() < SignedDuration::from_secs(60));
        assert!(clock.skew().is_some_and(|ahead| ahead.is_negative()));
    }
}
