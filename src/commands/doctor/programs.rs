//! Programs of others that some commands need: a browser, yt-dlp.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::output::Check;
use crate::source::media::{HOW_TO_GET_YT_DLP, YtDlp};
use crate::source::programs::{find_on_path, version};

const PATIENCE: Duration = Duration::from_secs(10);
/// yt-dlp follows TikTok's changes; one older than this has missed some.
const STALE_DAYS: i32 = 180;

/// Names of browsers that speak the DevTools protocol.
const BROWSERS: [&str; 8] = [
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
];
/// Where installers put them on systems that do not use `PATH` for it.
const PLACES: [&str; 7] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
];

pub(super) fn browser(named: Option<&Path>) -> Check {
    let name = "browser";
    let advice = "install Chrome, Chromium or Edge, or name it with --chrome PATH; only `download --source browser` needs it";
    let usual = || PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
    let path = named
        .map(Path::to_owned)
        .or_else(|| find_on_path(&BROWSERS))
        .or_else(usual);
    let Some(path) = path else {
        return Check::warn(name, "no Chrome, Chromium or Edge found", advice);
    };
    let shown = path.display();
    // There it would open a window in place of telling its version.
    if cfg!(windows) {
        return Check::ok(name, format!("`{shown}`"));
    }
    match version(&path, PATIENCE) {
        Ok(version) => Check::ok(name, format!("{version}, `{shown}`")),
        Err(error) => Check::warn(name, format!("`{shown}` {error}"), advice),
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
