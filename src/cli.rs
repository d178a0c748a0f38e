//! The command line, as typed. No behaviour: `commands` gives the words their meaning.

mod browser;
mod chart;
mod copy;
mod media;
mod parse;
mod people;
mod posts;
mod sandbox;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

pub(crate) use browser::{BROWSER_ONLY, BrowserArgs, RESEARCH_ONLY, flag};
pub(crate) use chart::{ChartArgs, MeasureArg, PlotArg, ThemeArg};
pub(crate) use copy::CopyArgs;
pub(crate) use media::{DoctorArgs, MediaArgs, UrlsArgs};
pub(crate) use parse::parse;
pub(crate) use people::{CommentsArgs, InArg, RefreshArgs, UsersArgs};
pub(crate) use posts::{ListArgs, PostsArgs};
pub(crate) use sandbox::{SandboxArgs, SandboxCommand, ServeArgs};
pub(crate) use values::duration;

pub(crate) const DATA_DIR: &str = "./data";

/// Collects TikTok posts per hashtag and shows which hashtags appear together.
#[derive(Debug, Parser)]
#[command(
    name = "cotag",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:
  cotag download -t london paris -p           collect posts from the Research API
  cotag import captured.ndjson -t london      take posts over from another tool's file
  cotag frequencies london 20 -d              rank the hashtags on the posts of #london
  cotag posts london --with fyp               list the posts behind a number

Exit codes: 0 done · 1 failed · 2 usage · 3 done, but partly · 4 quota or blocked, try later ·
5 credentials · 6 stored data damaged or verification failed · 130 interrupted, all fetched saved")]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that stand before or after the command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// Directory of stored posts
    #[arg(long, global = true, value_name = "DIR", env = "COTAG_DATA_DIR", default_value = DATA_DIR)]
    pub(crate) data_dir: PathBuf,
    /// Where the posts are: mongodb://HOST/DATABASE, or a directory [default: the data directory]
    #[arg(
        long,
        global = true,
        value_name = "STORE",
        env = "COTAG_STORE",
        hide_env_values = true
    )]
    pub(crate) store: Option<String>,
    /// How long to wait while another cotag writes there
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) lock_timeout: u64,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "made once, read once")]
pub(crate) enum Command {
    /// Take posts over from files of other tools
    Import(ImportArgs),
    /// Rank the hashtags that appear together with one
    #[command(visible_alias = "freq")]
    Frequencies(FrequenciesArgs),
    /// List the posts behind a number: ids, dates, authors, links
    Posts(PostsArgs),
    /// Print the links of posts' pages for other tools, one a line
    Urls(UrlsArgs),
    /// Collect posts from TikTok's Research API, or from the pages that a browser shows
    Download(DownloadArgs),
    /// Collect what any Research API query finds, and store it under a name
    Crawl(CrawlArgs),
    /// Collect the comments under stored posts, or under posts by id
    Comments(CommentsArgs),
    /// Collect what accounts say of themselves, who follows them, what they like
    Users(UsersArgs),
    /// Read stored posts anew by their ids: new figures, and posts that are gone removed
    Refresh(RefreshArgs),
    /// Credentials of the Research API
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Which days were asked for, how far each search came, and why it stopped
    Coverage(CoverageArgs),
    /// How much of today's Research API quota is used
    Quota(QuotaArgs),
    /// Look at what first-time users trip over: rights, credentials, programs, fonts, clock, disk
    Doctor(DoctorArgs),
    /// Copy posts from one store to another, either way, and compare them
    Copy(CopyArgs),
    /// Check that the stored data is whole and as it was written
    Verify,
    /// Mend damaged data; no post is deleted, a backup is kept, and lost posts are asked for again
    Repair,
    /// Practise the download before the credentials are there: the Research API with made-up posts
    Sandbox(SandboxArgs),
}

/// `cotag import`
#[derive(Args, Debug)]
#[command(
    after_help = "Reads plain, gzip and zstd files of: TikTokApi, bellingcat's tiktok-hashtag-analysis (data
directories of version 1 and 2 are taken over whole), Zeeschuimer, 4CAT, gallery-dl, HAR recordings,
saved pages, tiktok-scraper, the Research API and its clients, yt-dlp, pyktok, traktok, Apify, the
app API. What a file is, is told from its content.

Examples:
  cotag import zeeschuimer-export.ndjson -t london
  cotag import old/data                             a whole bellingcat directory, hashtags included
  zcat posts.json.gz | cotag import - -t london -t paris"
)]
pub(crate) struct ImportArgs {
    /// Files, directories, or `-` for standard input
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Store the posts that carry this hashtag under it
    #[arg(short, long = "tag", value_name = "TAG", num_args = 1.., action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,
    /// A file of hashtags, one a line or separated by commas
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Store the posts that carry none of the hashtags as well, under each of them
    #[arg(long)]
    pub(crate) keep_untagged: bool,
    /// What the records are, where their content does not tell
    #[arg(long, value_name = "FORMAT", value_parser = clap::builder::PossibleValuesParser::new(format_names()))]
    pub(crate) format: Option<String>,
    /// Change nothing if any record cannot be read
    #[arg(long)]
    pub(crate) strict: bool,
    /// Replace stored posts by newer fetches of them
    #[arg(long)]
    pub(crate) update: bool,
    /// Where to take a post's hashtags from
    #[arg(long, value_enum, default_value_t)]
    pub(crate) tags_from: TagsFromArg,
}

fn format_names() -> Vec<&'static str> {
    crate::model::Format::ALL
        .iter()
        .map(|format| format.name())
        .collect()
}

/// `cotag download`
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("what").args(["posts", "videos"]).multiple(true).required(true)),
    after_help = "The same command run every day goes on where it stopped and fills what is missing. Each page is
stored before the next is asked for. The API has 1,000 requests a day; a run that needs more ends
with exit code 4 and goes on the next day, or waits for it with --wait.

Without credentials: a browser of this machine shows the hashtag's page, is scrolled, and the posts that
the page gets are stored (--source browser; log in or solve a captcha in its window). What a page
shows is a ranked sample. `--source sandbox` collects made-up posts from a practice server.

Examples:
  cotag download -t london -p --source sandbox      try it out
  cotag download -t london -p --source browser      what the page of #london shows
  cotag download -p --source browser --search 'big ben' --user bbcnews --limit 500
  cotag download -t london paris newyork -p         the last 30 days, then what is new
  cotag download -f tags.txt -p --since 2024-01-01 --until 2024-06-30 --region GB,FR --wait
  cotag download -t london -p --dry-run             what would be asked
  cotag download -t london -v --min-views 100000    videos and pictures of stored posts, through yt-dlp
  cotag coverage london                             what was asked, and what is missing"
)]
pub(crate) struct DownloadArgs {
    /// Hashtags
    #[arg(short, long = "tag", value_name = "TAG", num_args = 1.., action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,
    /// A file of hashtags, one a line or separated by commas; `# text` is a comment
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Collect posts
    #[arg(short, long)]
    pub(crate) posts: bool,
    /// Fetch the videos, pictures and sounds of stored posts (with -p: after collecting)
    #[arg(short, long)]
    pub(crate) videos: bool,
    /// Only accounts registered in these regions (two-letter codes)
    #[arg(long, value_name = "CODE,…", value_delimiter = ',')]
    pub(crate) region: Vec<String>,
    /// Only posts with one of these words in their caption
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    pub(crate) keyword: Vec<String>,
    /// Only posts of these accounts
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) username: Vec<String>,
    /// When and how much.
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// Media.
    #[command(flatten)]
    pub(crate) media: MediaArgs,
    /// The browser.
    #[command(flatten)]
    pub(crate) browser: BrowserArgs,
    /// Ids of the options typed that only one source understands.
    #[arg(skip)]
    pub(crate) typed: Vec<String>,
}

/// `cotag crawl`
#[derive(Args, Debug)]
#[command(
    after_help = "Query files: the INI of tiktok-crawler (`config/query-video.ini`), TOML, or the JSON body of the
API's documentation; `examples/` has one of each. Dates in the file hold unless --since or --until
is given.

Examples:
  cotag crawl query-video.ini --print-query         check the file, ask nothing
  cotag crawl query-video.ini --name funny-shorts   collect, store as `funny-shorts`
  cotag frequencies funny-shorts 20                 rank its hashtags"
)]
pub(crate) struct CrawlArgs {
    /// The query: .ini, .toml or .json
    #[arg(value_name = "QUERY")]
    pub(crate) query: PathBuf,
    /// Store the posts under this name [default: the file's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the query as it would be sent, and ask nothing
    #[arg(long)]
    pub(crate) print_query: bool,
    /// When and how much.
    #[command(flatten)]
    pub(crate) span: SpanArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// When and how much to collect.
#[derive(Args, Debug)]
pub(crate) struct SpanArgs {
    /// First day (UTC) [default: where the last run ended; 30 days on the first]
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub(crate) since: Option<Date>,
    /// Last day (UTC) [default: today less the lag]
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub(crate) until: Option<Date>,
    /// Days after which the API has all posts of a day
    #[arg(long, value_name = "DAYS", default_value_t = 2)]
    pub(crate) lag: u16,
    /// Longest search in days; shorter ones are easier on the API
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=30))]
    pub(crate) window: u16,
    /// End after the page that brings this many new posts of a hashtag
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<u64>)]
    pub(crate) limit: Option<u64>,
    /// End after this many requests
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<u64>)]
    pub(crate) max_requests: Option<u64>,
    /// Ask again for windows that failed or are unavailable
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// When the day's quota is used up, wait for the next day and go on
    #[arg(long)]
    pub(crate) wait: bool,
    /// Searches at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) concurrency: u8,
}

/// How to reach the API.
#[derive(Args, Debug)]
#[command(next_help_heading = "Research API")]
pub(crate) struct ApiArgs {
    /// Where posts come from [default: research; `download` without credentials: browser]
    #[arg(long, value_enum)]
    pub(crate) source: Option<SourceArg>,
    /// Another server that speaks the API
    #[arg(long, value_name = "URL", env = "TIKTOK_API_URL")]
    pub(crate) api_url: Option<String>,
    /// Proxy, such as http://host:port [default: the system's]
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// Credentials file (`api-credentials.ini`)
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// Configuration file [default: `cotag/config.toml` in the platform's configuration folder]
    #[arg(long, value_name = "FILE", env = "COTAG_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// First wait after a failure; the others and the pace follow from it [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) retry_wait: Option<Duration>,
    /// Requests a day that the approval allows [default: 1000]
    #[arg(long, value_name = "N", value_parser = values::whole)]
    pub(crate) daily_quota: Option<u64>,
}

/// Where posts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SourceArg {
    /// TikTok's Research API
    Research,
    /// A Chrome, Chromium or Edge of this machine, which shows the hashtag's page
    Browser,
    /// A practice server in this process, with made-up posts; needs no credentials
    Sandbox,
}

/// `cotag auth`
#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Ask for a token and one post, and explain what is wrong
    Check(AuthArgs),
}

/// `cotag auth check`
#[derive(Args, Debug)]
pub(crate) struct AuthArgs {
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// `cotag coverage`
#[derive(Args, Debug)]
pub(crate) struct CoverageArgs {
    /// A hashtag, or the name of a crawl
    #[arg(value_name = "TAG")]
    pub(crate) tag: String,
    /// Of its posts' comments: how many there are, how many are stored, what is missing
    #[arg(long)]
    pub(crate) comments: bool,
    /// How to write the result.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `cotag quota`
#[derive(Args, Debug)]
pub(crate) struct QuotaArgs {
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// `cotag frequencies`
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "flags")]
#[command(after_help = "Examples:
  cotag frequencies london 20 -d                        the table
  cotag frequencies london 20 --plot                    a picture in data/img
  cotag frequencies london paris 15 --compare --plot -o both.svg
  cotag frequencies london 20 --exclude-tags generic    without fyp, viral and their like
  cotag frequencies london paris --format csv -o both.csv --excel
  cotag frequencies captured.ndjson 50                  a file, without storing it
  cotag frequencies london --since 2024-05-01 --until 2024-05-07 --columns authors,interval
  cotag frequencies --in comments london 20             the hashtags in its comments

The options of the seed tool are understood too: -ht TAG -n N -plt. A number behind the hashtags is
N; for a hashtag that is a number write --hashtag 2024.")]
pub(crate) struct FrequenciesArgs {
    /// Hashtags or files of posts, then how many rows
    #[arg(value_name = "TAG|FILE… [N]")]
    pub(crate) words: Vec<String>,
    /// Hashtags
    #[arg(long = "hashtag", value_name = "TAG", num_args = 1.., action = ArgAction::Append)]
    pub(crate) hashtags: Vec<String>,
    /// A file of hashtags, one a line or separated by commas
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How many rows [default: 20]
    #[arg(short, long, value_name = "N")]
    pub(crate) number: Option<String>,
    /// Count the hashtags in this
    #[arg(long = "in", value_enum, value_name = "WHAT", default_value_t)]
    pub(crate) within: InArg,
    /// Print the table (done anyway unless --plot is given)
    #[arg(short = 'd', long)]
    pub(crate) print: bool,
    /// Draw a bar chart into DATA/img, or where -o says; `--plot -` draws on the terminal
    #[arg(short, long, value_enum, value_name = "-", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "picture", hide_possible_values = true)]
    pub(crate) plot: Option<PlotArg>,
    #[command(flatten)]
    pub(crate) chart: ChartArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Further columns: authors, top-author, interval, views, or all
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub(crate) columns: Vec<ColumnArg>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Leave these rows out: a file of hashtags, or `generic` for fyp, viral and their like
    #[arg(long, value_name = "FILE|generic")]
    pub(crate) exclude_tags: Option<String>,
    /// Only rows with at least so many occurrences
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) min_count: u64,
    /// Count accounts instead of posts: one vote per author
    #[arg(long)]
    pub(crate) one_per_author: bool,
    /// Read the posts themselves, not the index beside them; the answer is the same
    #[arg(long)]
    pub(crate) no_index: bool,
    /// Print what would be asked of a database (aggregation pipelines), and ask nothing
    #[arg(long)]
    pub(crate) explain_query: bool,
}

/// How a result is written.
#[derive(Args, Debug)]
pub(crate) struct OutputArgs {
    /// Output format [default: as the ending of --output says, else table]
    #[arg(long, value_enum)]
    pub(crate) format: Option<OutputFormat>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// CSV and TSV for Excel: byte order mark, ids as text, formulas disarmed
    #[arg(long)]
    pub(crate) excel: bool,
}

/// Which posts to count.
#[derive(Args, Debug)]
pub(crate) struct FilterArgs {
    /// First day (UTC), inclusive
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub(crate) since: Option<Date>,
    /// Last day (UTC), inclusive
    #[arg(long, value_name = "DATE", value_parser = values::day)]
    pub(crate) until: Option<Date>,
    /// Only posts of these regions (two-letter codes)
    #[arg(long, value_name = "CODE,…", value_delimiter = ',')]
    pub(crate) region: Vec<String>,
    /// Only posts in these languages (codes as the source gives them)
    #[arg(long, value_name = "CODE,…", value_delimiter = ',')]
    pub(crate) lang: Vec<String>,
    /// Only posts of these authors
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) author: Vec<String>,
    /// Only posts that carry all of these hashtags
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub(crate) require_tags: Vec<String>,
    /// One of the required hashtags is enough
    #[arg(long, requires = "require_tags")]
    pub(crate) any_tags: bool,
    /// Where to take a post's hashtags from
    #[arg(long, value_enum, default_value_t)]
    pub(crate) tags_from: TagsFromArg,
}

/// Where to take a post's hashtags from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TagsFromArg {
    /// The source's own list where it has one, else the caption
    #[default]
    Auto,
    /// Only the source's own list
    Structured,
    /// Only the caption
    Caption,
    /// Both together
    Both,
}

impl OutputArgs {
    /// The format that was asked for, by name or by the ending of the file.
    pub(crate) fn format(&self) -> OutputFormat {
        let ending = || {
            Some(
                self.output
                    .as_deref()?
                    .extension()?
                    .to_str()?
                    .to_lowercase(),
            )
        };
        self.format.unwrap_or_else(|| match ending().as_deref() {
            Some("csv") => OutputFormat::Csv,
            Some("tsv") => OutputFormat::Tsv,
            Some("json") => OutputFormat::Json,
            Some("ndjson" | "jsonl") => OutputFormat::Ndjson,
            Some("md") => OutputFormat::Md,
            _ => OutputFormat::Table,
        })
    }
}

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For reading
    Table,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// One JSON document with the sample it is about
    Json,
    /// One JSON object per row
    Ndjson,
    /// A Markdown table
    Md,
}

/// Columns on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColumnArg {
    /// Distinct authors who used the hashtag
    Authors,
    /// The busiest author's share of its posts
    TopAuthor,
    /// Wilson 95 % interval of the frequency
    Interval,
    /// Views of its posts: sum and median
    Views,
    /// All of these
    All,
}
