//! Which days are asked for, and which cannot be.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Request;
use super::plan::Wish;
use crate::error::Error;
use crate::settings::ApiSettings;
use crate::source::research::Window;
use crate::store::WindowLine;

/// Days of a first run.
const FIRST_RUN: i64 = 30;
/// TikTok's posts begin here.
const BEGINNING: Date = jiff::civil::date(2018, 1, 1);

impl Request<'_> {
    /// The youngest day that is asked for unless told otherwise.
    pub(super) fn last_day(&self, today: Date) -> Date {
        today.saturating_sub(i64::from(self.span.lag).days())
    }

    /// The days that are wanted, given what is known of the query's windows.
    pub(super) fn wish(&self, known: &[WindowLine], today: Date) -> Wish {
        let to = self.until.unwrap_or_else(|| self.last_day(today));
        // What was posted on the evening of that day may still be missing: it is asked again
        // tomorrow.
        let complete = self.last_day(today).saturating_sub(1.day());
        let first = to.saturating_sub((FIRST_RUN - 1).days());
        // What was ever asked for is kept complete: the gaps are found by the plan.
        let before = known.iter().map(|line| line.from).min();
        let from = self.since.or(before).unwrap_or(first);
        Wish {
            span: Window { from, to },
            complete,
            today,
            days: self.span.window,
            retry_failed: self.span.retry_failed,
            end_left_out: false,
        }
    }

    /// # Errors
    /// Days that cannot be asked for.
    pub(super) fn check_dates(&self, today: Date, settings: &ApiSettings) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Usage(what));
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            return wrong(format!("--since {since} is after --until {until}"));
        }
        for (name, day) in [("--since", self.since), ("--until", self.until)] {
            let Some(day) = day else { continue };
            if day < BEGINNING {
                return wrong(format!(
                    "{name} {day} is before 2018, when there was no TikTok"
                ));
            }
            // A practice server may have another day than we.
            if day > today && !settings.sandbox {
                return wrong(format!(
                    "{name} {day} is in the future: today is {today} (UTC), if this computer's clock is right"
                ));
            }
        }
        let complete = self.last_day(today);
        if let (Some(since), None) = (self.since, self.until)
            && since > complete
        {
            return wrong(format!(
                "--since {since} is after {complete}, the last day that the API should have; \
                 name --until to ask for younger days"
            ));
        }
        Ok(())
    }
}
