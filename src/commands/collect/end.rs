//! How a run ended: what it means, when to come back.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::gate::{RunGate, day_of};
use crate::error::{Error, Exit};
use crate::output::counted;
use crate::source::research::Stop;

/// Whatever ended the run: what it means, and when to come back.
pub(super) fn ended(stop: &Stop, gate: &RunGate<'_>, now: Timestamp) -> Error {
    let same = "the same command goes on where this one stopped";
    let (exit, what, hint) = match stop {
        Stop::Interrupted => (
            Exit::Interrupted,
            "interrupted; all that was fetched is stored".into(),
            same.to_owned(),
        ),
        Stop::Gate => {
            return gate
                .trouble()
                .unwrap_or_else(|| Error::failed("the run ended", same));
        }
        Stop::MaxRequests => (
            Exit::Later,
            format!(
                "{} sent, as many as --max-requests allows",
                counted(gate.sent(), "request")
            ),
            format!("come back any time: {same}"),
        ),
        Stop::Quota(problem) => {
            let said = problem
                .as_ref()
                .map_or(String::new(), |problem| format!(" ({problem})"));
            let at = next_day(now);
            let left = at.duration_since(now);
            (
                Exit::Later,
                match gate.share() {
                    Some(share) if problem.is_none() => {
                        format!("the {share} requests of the day that are set aside are used up")
                    }
                    _ => format!("the day's requests are used up{said}"),
                },
                format!(
                    "come back after {} (in {} h {} min): {same}; --wait waits for it",
                    at.strftime("%Y-%m-%d %H:%M UTC"),
                    left.as_hours(),
                    left.as_mins() % 60
                ),
            )
        }
        Stop::Rate(problem) => (
            Exit::Later,
            format!("the API keeps saying that it is asked too often: {problem}"),
            format!("come back in an hour: {same}"),
        ),
        Stop::Storm(problem) => (
            Exit::Later,
            format!("the API fails every request, so no more of the quota was spent: {problem}"),
            format!("come back in a few hours: {same}"),
        ),
        Stop::Credentials(problem) => return refused(&problem.to_string()),
        Stop::Network(problem) => {
            return Error::failed(
                format!("the API cannot be reached: {problem}"),
                format!("check the network, --proxy and --api-url; {same}"),
            );
        }
    };
    Error::ended(exit, what, hint)
}

/// When the API counts from nothing again, with a margin for its clock.
fn next_day(now: Timestamp) -> Timestamp {
    midnight_after(now)
        .checked_add(5.minutes())
        .unwrap_or(Timestamp::MAX)
}

fn midnight_after(now: Timestamp) -> Timestamp {
    let zoned = now.to_zoned(jiff::tz::TimeZone::UTC);
    zoned
        .tomorrow()
        .and_then(|tomorrow| tomorrow.start_of_day())
        .map_or(Timestamp::MAX, |start| start.timestamp())
}

/// When to try again: shortly after midnight (UTC); if that was too early for the API, hours later.
/// At the usual base wait of 5 s these are 5 minutes and 4 hours.
pub(super) fn wake(now: Timestamp, waited_for: Option<Date>, retry_wait: Duration) -> Timestamp {
    let (from, wait) = if waited_for == Some(day_of(now)) {
        (now, retry_wait * 2880)
    } else {
        (midnight_after(now), retry_wait * 60)
    };
    from.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Credentials that are not accepted, with the ways on.
fn refused(problem: &str) -> Error {
    Error::ended(
        Exit::Credentials,
        format!("the API does not accept the credentials: {problem}"),
        "check key and secret, and whether the research project is still approved (it may have lapsed): \
         developers.tiktok.com; `cotag auth check` tries them; --source sandbox needs none",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_is_shortly_after_midnight_and_then_every_four_hours() {
        let now = "2026-11-22T22:10:00Z".parse().unwrap();
        let usual = Duration::from_secs(5);
        let first = wake(now, None, usual);
        assert_eq!(first.to_string(), "2026-11-23T00:05:00Z");
        let again = wake(first, Some(day_of(first)), usual);
        assert_eq!(again.to_string(), "2026-11-23T04:05:00Z");
        assert_eq!(next_day(now), first);
        let evening = "2026-11-23T20:00:00Z".parse().unwrap();
        assert_eq!(
            wake(evening, Some(jiff::civil::date(2026, 11, 22)), usual).to_string(),
            "2026-11-24T00:05:00Z"
        );
    }
}
