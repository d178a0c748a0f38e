//! What every collection has at hand: the API, what it is asked through, the terminal; and its
//! passes, day after day.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::end::{ended, wake};
use super::gate::{RunGate, day_of};
use crate::error::{Error, Exit};
use crate::model::Origin;
use crate::source::research::{Api, Stop};
use crate::ui::Ui;

/// A server that is being asked.
#[derive(Clone, Copy)]
pub(super) struct Session<'s> {
    pub(super) api: &'s Api<'s>,
    pub(super) gate: &'s RunGate<'s>,
    pub(super) ui: &'s Ui,
    /// The base of all waits.
    pub(super) retry_wait: Duration,
}

impl Session<'_> {
    /// Now, by the server's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.api.clock().now()
    }

    /// What the server gives, as its login has shown.
    pub(super) fn origin(&self) -> Origin {
        if self.api.is_synthetic() {
            Origin::Synthetic
        } else {
            Origin::Research
        }
    }

    /// What a stop means.
    pub(super) fn ended(&self, stop: &Stop) -> Error {
        ended(stop, self.gate, self.now())
    }

    /// Asks to be let in.
    ///
    /// # Errors
    /// Credentials that are not accepted; a server that is not reached.
    pub(super) async fn login(&self) -> Result<(), Error> {
        self.api.login().await.map_err(|stop| self.ended(&stop))
    }

    /// Passes until nothing is left, or nothing more may be asked today; with `wait`, on the
    /// following days too. Returns what stopped the last one.
    ///
    /// # Errors
    /// A pass's own.
    pub(super) async fn passes(
        &self,
        wait: bool,
        mut pass: impl AsyncFnMut() -> Result<Option<Stop>, Error>,
    ) -> Result<Option<Stop>, Error> {
        let mut waited_for = None;
        loop {
            match pass().await? {
                Some(Stop::Quota(_)) if wait => match self.tomorrow(waited_for).await {
                    Ok(day) => waited_for = Some(day),
                    Err(stop) => return Ok(Some(stop)),
                },
                stop => return Ok(stop),
            }
        }
    }

    /// How a command ends after its passes; `partly` where something was given up or left out.
    ///
    /// # Errors
    /// What stopped it.
    pub(super) fn end(&self, stop: Option<&Stop>, partly: bool) -> Result<Exit, Error> {
        match stop {
            Some(stop) => Err(self.ended(stop)),
            None if partly => Ok(Exit::Partly),
            None => Ok(Exit::Done),
        }
    }

    /// Waits for the day on which the API counts anew; returns the day waited for.
    async fn tomorrow(&self, waited_for: Option<Date>) -> Result<Date, Stop> {
        let until = wake(self.now(), waited_for, self.retry_wait);
        self.gate.reopen();
        self.ui.note(&format!(
            "the day's requests are used up; waiting until {}",
            until.strftime("%Y-%m-%d %H:%M UTC")
        ));
        // By the wall clock: a laptop's sleep stretches every other timer.
        while self.now() < until {
            self.api.pause(Duration::from_millis(200)).await?;
        }
        Ok(day_of(until))
    }
}
