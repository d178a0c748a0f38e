//! A circuit breaker: a server that fails every request is left alone for a while, then given up.

use std::time::Duration;

/// Counts failures in a row over all requests to one server.
#[derive(Clone, Debug)]
pub struct Breaker {
    row: u32,
    pauses: u32,
    pause: Duration,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// Go on.
    No,
    /// Ask nothing for so long.
    Pause(Duration),
    /// The server has failed for too long: end the run.
    GiveUp,
}

impl Breaker {
    /// Failures in a row before the first pause.
    pub const FIRST: u32 = 10;
    /// Failures in a row before each further pause.
    pub const NEXT: u32 = 5;
    /// Pauses without a single success before it is given up.
    pub const PAUSES: u32 = 3;

    /// A breaker whose first pause is so long; each further one is twice as long.
    pub fn new(pause: Duration) -> Self {
        Self {
            row: 0,
            pauses: 0,
            pause,
        }
    }

    /// The server answered.
    pub fn success(&mut self) {
        self.row = 0;
        self.pauses = 0;
    }

    /// The server failed.
    pub fn failure(&mut self) -> Trip {
        self.row += 1;
        let allowed = if self.pauses == 0 {
            Self::FIRST
        } else {
            Self::NEXT
        };
        if self.row < allowed {
            return Trip::No;
        }
        self.row = 0;
        self.pauses += 1;
        if self.pauses > Self::PAUSES {
            Trip::GiveUp
        } else {
            Trip::Pause(self.pause * 2_u32.pow(self.pauses - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_costs_25_requests_and_not_the_quota() {
        let second = Duration::from_secs(1);
        let mut breaker = Breaker::new(second);
        let trips: Vec<Trip> = (0..25).map(|_| breaker.failure()).collect();
        let told: Vec<(usize, Trip)> = trips
            .into_iter()
            .enumerate()
            .filter(|(_, trip)| *trip != Trip::No)
            .collect();
        assert_eq!(
            told,
            [
                (9, Trip::Pause(second)),
                (14, Trip::Pause(second * 2)),
                (19, Trip::Pause(second * 4)),
                (24, Trip::GiveUp)
            ]
        );
    }

    #[test]
    fn one_success_closes_it() {
        let mut breaker = Breaker::new(Duration::from_secs(1));
        for _ in 0..200 {
            for _ in 0..9 {
                assert_eq!(breaker.failure(), Trip::No);
            }
            breaker.success();
        }
    }
}
