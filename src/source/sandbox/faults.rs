//! What the sandbox does wrong on request, as the real API does now and then.
//!
//! Every fault follows a fixed pattern over the number of the request, search or row, moved by the
//! seed, so that a client that does what the API demands always gets everything.

use std::fmt;
use std::str::FromStr;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The second page of a search is refused twice, as if its search id were not there yet.
    FreshSearch,
    /// Three requests in a row fail with status 500.
    Storm500,
    /// Status 504 with an HTML page: always for more than 4 days at once, and now and then.
    Html504,
    /// Status 429 `rate_limit_exceeded`, the first time with `Retry-After: 1`.
    RateLimit,
    /// Pages with fewer rows than asked for and as there are positions.
    ShortPages,
    /// Pages without a row amid a search, and one at its end.
    EmptyPage,
    /// A token is refused after eight requests.
    ExpiredToken,
    /// Every third search is forgotten after its first page, for ever.
    LostSearch,
    /// Every page gives the search another id; the old one is no good for the next page.
    RenamedSearch,
    /// Rows come again, in the same page and in the next.
    Duplicates,
    /// Rows that the query does not find.
    OffQuery,
    /// NUL characters in user names and captions.
    Nul,
    /// The connection ends in the middle of an answer.
    Drop,
    /// An answer ends in the middle of its JSON though HTTP says it is whole.
    Truncate,
}

impl Fault {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 14] = [
        Self::FreshSearch,
        Self::Storm500,
        Self::Html504,
        Self::RateLimit,
        Self::ShortPages,
        Self::EmptyPage,
        Self::ExpiredToken,
        Self::LostSearch,
        Self::RenamedSearch,
        Self::Duplicates,
        Self::OffQuery,
        Self::Nul,
        Self::Drop,
        Self::Truncate,
    ];

    /// The faults of a list of names; `all` stands for all of them.
    ///
    /// # Errors
    /// A name that no fault has.
    pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Vec<Self>, UnknownFault> {
        let mut faults = Vec::new();
        for name in names.into_iter().map(str::trim) {
            if name == "all" {
                faults.extend(Self::ALL);
            } else {
                faults.push(name.parse()?);
            }
        }
        faults.sort_unstable();
        faults.dedup();
        Ok(faults)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::FreshSearch => "fresh-search",
            Self::Storm500 => "storm-500",
            Self::Html504 => "html-504",
            Self::RateLimit => "rate-limit",
            Self::ShortPages => "short-pages",
            Self::EmptyPage => "empty-page",
            Self::ExpiredToken => "expired-token",
            Self::LostSearch => "lost-search",
            Self::RenamedSearch => "renamed-search",
            Self::Duplicates => "duplicates",
            Self::OffQuery => "off-query",
            Self::Nul => "nul",
            Self::Drop => "drop",
            Self::Truncate => "truncate",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let known = Self::ALL.into_iter().find(|fault| fault.name() == name);
        known.ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// A name that no fault has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fault; there are {names}, and `all`", names = Fault::ALL.map(Fault::name).join(", "))]
pub struct UnknownFault(String);

/// Requests after which the pattern of the faults of single requests begins anew.
const PERIOD: u64 = 20;

/// Longest window, as a difference of days, that [`Fault::Html504`] answers.
const ANSWERED_DAYS: i64 = 3;

/// Which faults are on, and where their pattern stands.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    faults: Vec<Fault>,
    seed: u64,
    storm_length: u64,
}

impl Plan {
    pub(super) fn new(faults: &[Fault], seed: u64, storm_length: u64) -> Self {
        Self {
            faults: faults.to_vec(),
            seed,
            storm_length,
        }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The fault of the request with this number, counted from 1.
    ///
    /// Far enough apart that a client that tries three times gets through any two of them.
    pub(super) fn of_request(&self, number: u64) -> Option<Fault> {
        let long_storm = self.storm_length > 3;
        if long_storm && self.has(Fault::Storm500) && (4..4 + self.storm_length).contains(&number) {
            return Some(Fault::Storm500);
        }
        let fault = match (number - 1 + self.seed % PERIOD) % PERIOD + 1 {
            2 => Fault::RateLimit,
            at @ 4..=6 if !long_storm && at - 4 < self.storm_length => Fault::Storm500,
            9 => Fault::Html504,
            12 => Fault::Drop,
            15 => Fault::Truncate,
            _ => return None,
        };
        self.has(fault).then_some(fault)
    }

    /// The fault that more pages than the matches need are put down to.
    pub(super) fn of_rows(&self) -> Option<Fault> {
        let faults = [
            Fault::EmptyPage,
            Fault::ShortPages,
            Fault::OffQuery,
            Fault::Duplicates,
        ];
        faults.into_iter().find(|&fault| self.has(fault))
    }

    /// Whether so many days are too much for the backend.
    pub(super) fn is_overloaded(&self, difference: i64) -> bool {
        self.has(Fault::Html504) && difference > ANSWERED_DAYS
    }
}
