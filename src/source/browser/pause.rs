//! Pauses and distances of a reader: never twice the same.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Draws pauses around a mean.
#[derive(Debug)]
pub(super) struct Pause {
    mean: Duration,
    state: u64,
}

impl Pause {
    pub(super) fn new(mean: Duration) -> Self {
        // The standard library's hashers are seeded by chance.
        let state = RandomState::new().hash_one("pause") | 1;
        Self { mean, state }
    }

    /// The next pause: half to one and a half of the mean, one in eight three times as long.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.mean.mul_f64(0.5 + self.chance());
        if self.chance() < 0.125 {
            pause * 3
        } else {
            pause
        }
    }

    /// A pause while a person is at work: seconds, not more.
    pub(super) fn of_a_wait(&self) -> Duration {
        self.mean
            .clamp(Duration::from_millis(100), Duration::from_secs(2))
    }

    /// How far to scroll, as a share of the window.
    pub(super) fn share(&mut self) -> f64 {
        0.6 + 0.8 * self.chance()
    }

    /// A number from 0 to below 1.
    fn chance(&mut self) -> f64 {
        // Xorshift: evenness is all that is asked of it.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let top = u32::try_from(self.state >> 32).unwrap_or(0);
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ_and_keep_to_their_bounds() {
        let mean = Duration::from_secs(2);
        let mut pause = Pause::new(mean);
        let drawn: Vec<Duration> = (0..1000).map(|_| pause.next()).collect();
        assert!(
            drawn
                .iter()
                .all(|&one| one >= mean / 2 && one <= mean * 9 / 2)
        );
        let all: Duration = drawn.iter().sum();
        let average = all / 1000;
        assert!(average > mean && average < mean * 2, "{average:?}");
        assert!((0..1000).all(|_| (0.6..1.4).contains(&pause.share())));
    }
}
