//! `cotag download --source browser`, as typed, and which options belong to which source.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args};

use super::values;
use crate::source::browser::SITE;

/// Options that only the Research API understands, by their ids.
pub(crate) const RESEARCH_ONLY: [&str; 17] = [
    "since",
    "until",
    "lag",
    "window",
    "max_requests",
    "retry_failed",
    "dry_run",
    "wait",
    "concurrency",
    "region",
    "keyword",
    "username",
    "api_url",
    "proxy",
    "credentials",
    "retry_wait",
    "daily_quota",
];

/// Options that only a browser understands.
pub(crate) const BROWSER_ONLY: [&str; 10] = [
    "search",
    "user",
    "headless",
    "chrome",
    "profile",
    "connect",
    "site_url",
    "scroll_wait",
    "idle_scrolls",
    "timeout",
];

/// How to collect with a browser.
#[derive(Args, Debug)]
#[command(next_help_heading = "Browser")]
pub(crate) struct BrowserArgs {
    /// Collect what a search for these words shows
    #[arg(long, value_name = "WORDS", action = ArgAction::Append)]
    pub(crate) search: Vec<String>,
    /// Collect what the page of this account shows
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    pub(crate) user: Vec<String>,
    /// Without a window, so that nobody can log in or solve a captcha
    #[arg(long)]
    pub(crate) headless: bool,
    /// The browser [default: the Chrome, Chromium or Edge of this machine]
    #[arg(long, value_name = "PATH")]
    pub(crate) chrome: Option<PathBuf>,
    /// Folder for the browser's cookies and logins [default: cotag's own]
    #[arg(long, value_name = "DIR")]
    pub(crate) profile: Option<PathBuf>,
    /// Use a browser that is open already, such as http://127.0.0.1:9222
    #[arg(long, value_name = "URL", conflicts_with_all = ["headless", "chrome", "profile"])]
    pub(crate) connect: Option<String>,
    /// Another site that looks like TikTok's
    #[arg(long, value_name = "URL", default_value = SITE)]
    pub(crate) site_url: String,
    /// Mean pause between two scrolls
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = values::duration)]
    pub(crate) scroll_wait: Duration,
    /// End after so many scrolls without a new post
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) idle_scrolls: u32,
    /// End after so long on one page
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::some_time)]
    pub(crate) timeout: Duration,
}

/// The options that were typed, by their ids: neither defaults nor the environment's.
pub(super) fn typed(matches: &ArgMatches) -> Vec<String> {
    RESEARCH_ONLY
        .iter()
        .chain(&BROWSER_ONLY)
        .filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
        .map(|id| (*id).to_owned())
        .collect()
}

/// An option's id as it is typed.
pub(crate) fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}
