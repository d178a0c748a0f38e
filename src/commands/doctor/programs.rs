//! Programs of others that some commands need: a browser, yt-dlp.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::output::Check;
use crate::source::browser;
use crate::source::media::{HOW_TO_GET_YT_DLP, YtDlp};

const PATIENCE: Duration = Duration::from_secs(10);
/// yt-dlp follows TikTok's changes; one older than this has missed some.
const STALE_DAYS: i32 = 180;

pub(super) fn browser(named: Option<&Path>) -> Check {
    let name = "browser";
    let advice = "install Chrome, Chromium or Edge, or name it with --chrome PATH; only `download --source browser` needs it";
    let found = match named {
        Some(path) => browser::at(path),
        None => browser::find(),
    };
    let Some(found) = found else {
        return Check::warn(name, "no Chrome, Chromium or Edge found", advice);
    };
    let shown = found.path.display();
    match found.version() {
        Some(version) => Check::ok(name, format!("{} {version}, `{shown}`", found.name)),
        None => Check::warn(name, format!("`{shown}` does not tell its version"), advice),
    }
}

pub(super) fn yt_dlp(named: Option<&Path>, now: Timestamp) -> Check {
    let name = "yt-dlp";
    let advice = format!("{HOW_TO_GET_YT_DLP}; only `download -v` needs it");
    let Some(program) = YtDlp::find(named) else {
        return Check::warn(name, "not found", advice);
    };
    let shown = program.path().display().to_string();
    match program.version(PATIENCE) {
        Ok(version) => match age(&version, now) {
            Some(days) if days > STALE_DAYS => Check::warn(
                name,
                format!("{version}, `{shown}`: {days} days old"),
                "update it (`yt-dlp -U`, or as it was installed): TikTok changes, and old versions fail",
            ),
            _ => Check::ok(name, format!("{version}, `{shown}`")),
        },
        Err(error) => Check::warn(name, format!("`{shown}` {error}"), advice),
    }
}

/// Days since the version was made: versions of yt-dlp are dates.
fn age(version: &str, now: Timestamp) -> Option<i32> {
    let mut parts = version.split('.');
    let mut next = || parts.next()?.parse().ok();
    let (year, month, day): (i16, i16, i16) = (next()?, next()?, next()?);
    let made = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let today = now.to_zoned(TimeZone::UTC).date();
    Some(today.since(made).ok()?.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_yt_dlp_are_dates() {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        assert_eq!(age("2026.10.26", now), Some(27));
        assert_eq!(age("2025.11.22.232731.dev0", now), Some(365));
        for none in ["1.2.3", "nightly", "2026.13.01", ""] {
            assert!(age(none, now).is_none_or(|days| days > 10_000), "{none}");
        }
    }
}
