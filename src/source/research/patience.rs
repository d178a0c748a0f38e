//! How often a request that failed is sent again, where the failure is not about what it asks.

use std::time::Duration;

use super::api::Stop;
use super::wire::{Fault, Problem};
use crate::http::Backoff;

/// Tries without a connection.
const NETWORK_TRIES: u32 = 6;
/// Tries after being told to slow down.
const RATE_TRIES: u32 = 8;
/// Tries of one page that the servers fail.
const SERVER_TRIES: u32 = 5;

/// Failures of one request, by kind.
#[derive(Debug, Default)]
pub(super) struct Tries {
    server: u32,
    network: u32,
    rate: u32,
}

/// What a failure calls for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same request after a wait.
    Again(Duration),
    /// Nothing more can be asked of anything.
    Stop(Stop),
    /// This request fails; another one may not.
    GiveUp,
}

impl Tries {
    /// What to do about a problem with a request.
    pub(super) fn after(&mut self, problem: &Problem, backoff: Backoff) -> Next {
        let told = |wait: Duration| problem.retry_after.unwrap_or(wait);
        match problem.fault {
            Fault::Network => {
                self.network += 1;
                if self.network < NETWORK_TRIES {
                    Next::Again(backoff.doubling(self.network - 1))
                } else {
                    Next::Stop(Stop::Network(problem.clone()))
                }
            }
            Fault::Rate => {
                self.rate += 1;
                if self.rate < RATE_TRIES {
                    // At least ten seconds at the usual wait.
                    Next::Again(told(backoff.doubling(self.rate)))
                } else {
                    Next::Stop(Stop::Rate(problem.clone()))
                }
            }
            // A cursor that is not known yet is soon, as with searches.
            Fault::Server | Fault::Search => {
                self.server += 1;
                if self.server < SERVER_TRIES {
                    Next::Again(told(backoff.doubling(self.server - 1)))
                } else {
                    Next::GiveUp
                }
            }
            _ => Next::GiveUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_borne_for_a_while() {
        let backoff = Backoff {
            base: Duration::from_secs(5),
        };
        let waits = |fault| {
            let mut tries = Tries::default();
            let mut waits = Vec::new();
            loop {
                match tries.after(&Problem::new(fault, ""), backoff) {
                    Next::Again(wait) => waits.push(wait.as_secs()),
                    last => return (waits, last),
                }
            }
        };
        assert_eq!(waits(Fault::Server), (vec![5, 10, 20, 40], Next::GiveUp));
        assert_eq!(waits(Fault::Missing), (Vec::new(), Next::GiveUp));
        assert!(
            matches!(waits(Fault::Network), (all, Next::Stop(Stop::Network(_))) if all.len() == 5)
        );
        assert!(matches!(waits(Fault::Rate), (all, Next::Stop(Stop::Rate(_))) if all.len() == 7));
    }
}
