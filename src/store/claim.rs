//! Who works on a window or a list, where several collectors share a store.

use std::fmt;

use jiff::Timestamp;

use super::WindowLine;

/// Another collector that works on a window or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaseholder {
    /// Its machine.
    pub host: String,
    /// Its process there.
    pub pid: i64,
    /// Until when, unless it is renewed; by the server's clock.
    pub until: Option<Timestamp>,
    /// What tells it from every other.
    pub owner: String,
}

impl fmt::Display for Leaseholder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the collector on {} (process {})",
            self.host, self.pid
        )
    }
}

/// What became of a wish to work on a window or a list.
#[derive(Clone, Debug)]
pub enum Claim<L = WindowLine> {
    /// It is ours; its state as last written by anybody, where that may differ from what we read.
    Ours(Option<Box<L>>),
    /// Another collector works on it, or on some of a window's days.
    Theirs(Leaseholder),
}
