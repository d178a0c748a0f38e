//! What stands between a search and the network: the person's wish to end, and the quota.

use std::cell::{Cell, RefCell};

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use crate::commands::interrupt;
use crate::error::Error;
use crate::source::research::{Bucket, Fault, Gate, Problem, Stop};
use crate::store::{Quota, StoreError};
use crate::ui::Ui;

/// What the count of followers and following is named.
pub(in crate::commands) const RELATIONS: &str = "relations";
/// Requests a day for followers and following that TikTok grants beside the others.
pub(in crate::commands) const RELATIONS_A_DAY: u64 = 20_000;

/// Counts requests, per run and per day.
pub(super) struct RunGate<'u> {
    ui: &'u Ui,
    /// `None` where a practice server of our own counts.
    quota: Option<Quota>,
    daily: u64,
    /// Of followers and following.
    relations: Option<Quota>,
    /// So many of the day's requests are set aside for this run, and it takes no others.
    share: Option<u64>,
    max_requests: Option<u64>,
    sent: Cell<u64>,
    left_today: Cell<Option<u64>>,
    halted: Cell<bool>,
    told: Cell<u32>,
    trouble: RefCell<Option<Error>>,
}

impl<'u> RunGate<'u> {
    pub(super) fn new(
        ui: &'u Ui,
        quota: Option<Quota>,
        daily: u64,
        max_requests: Option<u64>,
    ) -> Self {
        Self {
            ui,
            relations: quota.as_ref().map(|quota| quota.beside(RELATIONS)),
            quota,
            daily,
            share: None,
            max_requests,
            sent: Cell::new(0),
            left_today: Cell::new(None),
            halted: Cell::new(false),
            told: Cell::new(0),
            trouble: RefCell::new(None),
        }
    }

    /// Sets requests aside for this run, which takes no others.
    #[must_use]
    pub(super) fn with_share(mut self, requests: Option<u64>) -> Self {
        self.share = requests;
        self
    }

    /// Requests set aside for this run.
    pub(super) fn share(&self) -> Option<u64> {
        self.share
    }

    /// Requests sent by this run.
    pub(super) fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Requests that are left today, as far as we have counted.
    pub(super) fn left_today(&self) -> Option<u64> {
        self.left_today.get()
    }

    /// Ends all searches after the page that they are at.
    pub(super) fn halt(&self) {
        self.halted.set(true);
    }

    /// Lets requests through again, after a wait.
    pub(super) fn reopen(&self) {
        self.halted.set(false);
    }

    /// Keeps an error that a search met, and ends the run.
    pub(super) fn fail(&self, error: impl Into<Error>) -> Stop {
        self.trouble.borrow_mut().get_or_insert(error.into());
        self.halt();
        Stop::Gate
    }

    /// The error kept.
    pub(super) fn trouble(&self) -> Option<Error> {
        self.trouble.borrow_mut().take()
    }

    fn count(&self, now: Timestamp, bucket: Bucket) -> Result<bool, StoreError> {
        let Some(quota) = self.quota(bucket) else {
            return Ok(true);
        };
        let day = day_of(now);
        let (before, left) = match (bucket, self.share) {
            (Bucket::Relations, _) => (quota.take(day, RELATIONS_A_DAY)?, RELATIONS_A_DAY),
            (Bucket::All, None) => (quota.take(day, self.daily)?, self.daily),
            (Bucket::All, Some(share)) => {
                (quota.take_from_reserve(day, self.daily, share)?, self.daily)
            }
        };
        let left = before.map_or(0, |used| match self.share {
            Some(share) if bucket == Bucket::All => share.saturating_sub(used.from_reserve + 1),
            _ => left.saturating_sub(used.requests + 1),
        });
        self.left_today.set(Some(left));
        Ok(before.is_some())
    }

    fn quota(&self, bucket: Bucket) -> Option<&Quota> {
        match bucket {
            Bucket::All => self.quota.as_ref(),
            Bucket::Relations => self.relations.as_ref(),
        }
    }
}

impl Gate for RunGate<'_> {
    fn ending(&self) -> bool {
        self.halted.get() || interrupt::asked()
    }

    fn is_awaited(&self) -> bool {
        interrupt::asked()
    }

    fn before(&self, now: Timestamp, bucket: Bucket) -> Result<(), Stop> {
        if self.ending() {
            return Err(Stop::Interrupted);
        }
        if self
            .max_requests
            .is_some_and(|most| self.sent.get() >= most)
        {
            return Err(Stop::MaxRequests);
        }
        match self.count(now, bucket) {
            Ok(true) => {
                self.sent.set(self.sent.get() + 1);
                Ok(())
            }
            Ok(false) => Err(Stop::Quota(None)),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn after(&self, now: Timestamp, bucket: Bucket, problem: Option<&Problem>) {
        let Some(problem) = problem else {
            return;
        };
        if let Some(quota) = self.quota(bucket)
            && let Err(error) = quota.failed(day_of(now), problem.fault == Fault::Quota)
        {
            self.fail(error);
        }
        // What is private or gone is an answer.
        if matches!(problem.fault, Fault::Withheld | Fault::Missing) {
            return;
        }
        // A few lines show what is going on; a storm of them would hide it. All are in the ledger.
        self.told.set(self.told.get() + 1);
        if self.told.get() <= 5 {
            self.ui.note(&format!("the API: {problem}"));
        } else if self.told.get() == 6 {
            self.ui
                .note("the API: further failures are counted in the ledger");
        }
    }

    fn tell(&self, text: &str) {
        self.ui.note(text);
    }
}

/// The day (UTC) by which requests are counted.
pub(super) fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}
