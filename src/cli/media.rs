//! Words of `urls`, `doctor` and `download -v`.

use std::path::PathBuf;

use clap::Args;

use super::{ApiArgs, ListArgs, OutputArgs, values};

/// `cotag urls`
#[derive(Args, Debug)]
#[command(
    after_help = "One link a line, newest posts first, in the form that yt-dlp, gallery-dl and auto-archiver take.
A post whose account is not known, or whose account's name is none that TikTok gives, has a link by
its id alone (https://www.tiktok.com/@/video/ID), which leads to the same page.

Examples:
  cotag urls london > links.txt
  cotag urls london --min-views 100000 --limit 50 | gallery-dl -i -
  cotag urls london --with protest --since 2024-05-01 | yt-dlp -a -"
)]
pub(crate) struct UrlsArgs {
    /// Which posts.
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Only posts with at least so many views; posts without a known number are left out
    #[arg(long, value_name = "N", value_parser = values::whole)]
    pub(crate) min_views: Option<u64>,
    /// Only the newest so many posts
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<usize>)]
    pub(crate) limit: Option<usize>,
}

/// `cotag doctor`
#[derive(Args, Debug)]
#[command(
    after_help = "Looks at the data directory (rights, whole, free to write, posts stored twice), disk space,
credentials (whether, never which), files with secrets that others can read, browser, yt-dlp, fonts
and clock. Asks no server unless told to. Warnings name what will not work; exit code 1 only where
cotag cannot do its work.

Examples:
  cotag doctor
  cotag doctor --online                       ask the API's server whether it answers, and its clock
  cotag doctor --format json | jq '.checks[] | select(.state != \"ok\")'"
)]
pub(crate) struct DoctorArgs {
    /// Ask the API's server too: does it answer, and what time is it there
    #[arg(long)]
    pub(crate) online: bool,
    /// The browser to look at [default: the first found]
    #[arg(long, value_name = "PATH")]
    pub(crate) chrome: Option<PathBuf>,
    /// The yt-dlp to look at [default: the first on PATH]
    #[arg(long, value_name = "PATH")]
    pub(crate) yt_dlp: Option<PathBuf>,
    /// How to write the result.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// `cotag download -v`
#[derive(Args, Debug)]
#[command(next_help_heading = "Videos and pictures (-v)")]
pub(crate) struct MediaArgs {
    /// Only media of posts with at least so many views; --limit, --since, --until, --region and
    /// --username count too
    #[arg(long, value_name = "N", value_parser = values::whole)]
    pub(crate) min_views: Option<u64>,
    /// Larger files are left out, such as 500M
    #[arg(long, value_name = "SIZE", default_value = "2G", value_parser = values::size)]
    pub(crate) max_filesize: u64,
    /// Posts fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) jobs: u8,
    /// yt-dlp [default: the first on PATH]
    #[arg(long, value_name = "PATH")]
    pub(crate) yt_dlp: Option<PathBuf>,
    /// Cookies for yt-dlp (Netscape format); yt-dlp writes to the file too, cotag does not open it
    #[arg(long, value_name = "FILE")]
    pub(crate) cookies: Option<PathBuf>,
    /// Another site that has the posts' pages, such as http://127.0.0.1:8000
    #[arg(long, value_name = "URL")]
    pub(crate) media_site: Option<String>,
}
