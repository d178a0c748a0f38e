//! The machine: version, disk, fonts, clock, and on request a server's answer.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::http::{Client, Config};
use crate::output::{Check, plot::Fonts};
use crate::settings::ApiSettings;
use crate::store::existing_above;

/// No clock may show an earlier time: this version was not made yet.
const MADE: &str = "2026-11-22T00:00:00Z";
/// A clock that is later is more likely wrong than cotag that old.
const LATEST: &str = "2040-01-01T00:00:00Z";
/// As much as the network may take.
const TOLERATED: SignedDuration = SignedDuration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(20);
const LOW: u64 = 1 << 30;
const FULL: u64 = 50 << 20;

/// cotag's version and what it runs on.
pub(super) fn version() -> String {
    format!(
        "cotag {} on {} ({})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// Room on the disk of the data directory, or where it would be.
pub(super) fn disk_space(root: &Path) -> Check {
    let name = "disk-space";
    let Some(place) = existing_above(root) else {
        return Check::warn(
            name,
            "not known: the data directory has no place",
            "check --data-dir",
        );
    };
    match fs4::available_space(&place) {
        Ok(free) => space(free),
        Err(error) => Check::warn(name, format!("not known: {error}"), "look yourself"),
    }
}

fn space(free: u64) -> Check {
    let name = "disk-space";
    let advice = "make room, or name a directory on another disk with --data-dir";
    let what = format!("{} free", size(free));
    match free {
        ..FULL => Check::fail(name, what, advice),
        FULL..LOW => Check::warn(name, what, advice),
        _ => Check::ok(name, what),
    }
}

/// Bytes in words.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// Scripts that charts can be written in.
pub(super) fn fonts() -> Check {
    let (with, without) = Fonts::new(true).scripts();
    if without.is_empty() {
        return Check::ok(
            "fonts",
            format!("charts can show all {} scripts looked for", with.len()),
        );
    }
    Check::warn(
        "fonts",
        format!(
            "charts can show {}; no font for {}",
            with.join(", "),
            without.join(", ")
        ),
        "install fonts for those that you need, such as Noto Sans (Debian: fonts-noto-core, fonts-noto-cjk)",
    )
}

/// The clock against what cannot be, against the youngest run, and against a server where one was asked.
pub(super) fn clock(
    now: Timestamp,
    server: Option<Timestamp>,
    youngest: Option<Timestamp>,
) -> Check {
    let name = "clock";
    let shown = now.strftime("%Y-%m-%d %H:%M:%S UTC");
    let advice = "set the clock (time synchronisation): days, quota and run times follow it";
    let limit = |text: &str| text.parse::<Timestamp>().ok();
    if let Some(server) = server {
        let ahead = now.duration_since(server);
        let seconds = ahead.as_secs();
        return if ahead.abs() > TOLERATED {
            Check::warn(
                name,
                format!("{shown}, {seconds:+} s from the API's server"),
                advice,
            )
        } else {
            Check::ok(
                name,
                format!("{shown}, {seconds:+} s from the API's server"),
            )
        };
    }
    if limit(MADE).is_some_and(|made| now < made) {
        return Check::fail(
            name,
            format!("{shown}: before this version of cotag was made"),
            advice,
        );
    }
    if limit(LATEST).is_some_and(|latest| now > latest) {
        return Check::warn(name, format!("{shown}: far in the future"), advice);
    }
    match youngest {
        Some(last) if last.duration_since(now) > TOLERATED => Check::warn(
            name,
            format!(
                "{shown}: the last run ended later, at {}",
                last.strftime("%Y-%m-%d %H:%M:%S UTC")
            ),
            advice,
        ),
        _ => Check::ok(
            name,
            format!("{shown}; --online compares it with the API's server"),
        ),
    }
}

/// What the API's server said.
pub(super) struct Answer {
    pub(super) check: Check,
    pub(super) date: Option<Timestamp>,
}

/// Asks the API's server for anything, without credentials: what counts is that it answers, and its clock.
///
/// # Errors
/// The system's, before anything is asked.
pub(super) fn ask(settings: &ApiSettings) -> Result<Answer, Error> {
    let name = "api";
    let advice = "check the network, --proxy and --api-url";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let config = Config {
        proxy: settings.proxy.clone(),
        timeout: PATIENCE,
    };
    let reply = match Client::new(&config) {
        Ok(client) => runtime.block_on(client.get(&settings.base_url)),
        Err(failure) => Err(failure),
    };
    // An address may hold a name and a password.
    let shown = settings.base_url.rsplit('@').next().unwrap_or_default();
    Ok(match reply {
        Ok(reply) => Answer {
            check: Check::ok(name, format!("`{shown}` answers")),
            date: reply.date,
        },
        Err(failure) => Answer {
            check: Check::fail(name, failure.to_string(), advice),
            date: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Health;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_told() {
        let now = at("2026-12-01T12:00:00Z");
        let minute = SignedDuration::from_mins(1);
        for (now, server, youngest, health) in [
            (now, None, None, Health::Ok),
            (now, None, Some(now - minute), Health::Ok),
            (now, None, Some(now + minute), Health::Ok),
            (now, None, Some(now + minute * 10), Health::Warn),
            (at("2020-01-01T00:00:00Z"), None, None, Health::Fail),
            (at("2050-01-01T00:00:00Z"), None, None, Health::Warn),
            (now, Some(now - minute), None, Health::Ok),
            (now, Some(now - minute * 6), None, Health::Warn),
            (now, Some(now + minute * 600), None, Health::Warn),
        ] {
            let check = clock(now, server, youngest);
            assert_eq!(check.health, health, "{check:?}");
            assert_eq!(check.advice.is_empty(), health == Health::Ok);
        }
        let told = clock(now, Some(now + minute * 6), None).what;
        assert_eq!(
            told,
            "2026-12-01 12:00:00 UTC, -360 s from the API's server"
        );
    }

    #[test]
    fn little_room_is_told_before_it_runs_out() {
        for (free, health, what) in [
            (0, Health::Fail, "0 MB free"),
            (100 << 20, Health::Warn, "104 MB free"),
            (5_260_000_000, Health::Ok, "5.2 GB free"),
        ] {
            let check = space(free);
            assert_eq!((check.health, check.what.as_str()), (health, what));
        }
    }
}
