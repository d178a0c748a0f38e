//! The command line, as typed. No behaviour: `commands` gives the words their meaning.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;

/// Directory of stored posts unless told otherwise.
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
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Directory of stored posts
    #[arg(long, global = true, value_name = "DIR", env = "COTAG_DATA_DIR", default_value = DATA_DIR)]
    pub(crate) data_dir: PathBuf,
    /// How long to wait while another cotag writes there
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) lock_timeout: u64,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take posts over from files of other tools
    Import(ImportArgs),
    /// Rank the hashtags that appear together with one
    #[command(visible_alias = "freq")]
    Frequencies(FrequenciesArgs),
    /// List the posts behind a number: ids, dates, authors, links
    Posts(PostsArgs),
    /// Check that the stored data is whole and as it was written
    Verify,
    /// Mend damaged data; no post is deleted, and a backup is kept
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

/// `cotag frequencies`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cotag frequencies london 20 -d                        the table
  cotag frequencies london 20 --plot                    a picture in data/img
  cotag frequencies london paris 15 --compare --plot -o both.svg
  cotag frequencies london 20 --exclude-tags generic    without fyp, viral and their like
  cotag frequencies london paris --format csv -o both.csv --excel
  cotag frequencies captured.ndjson 50                  a file, without storing it
  cotag frequencies london --since 2024-05-01 --until 2024-05-07 --columns authors,interval

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
    /// Print the table (done anyway unless --plot is given)
    #[arg(short = 'd', long)]
    pub(crate) print: bool,
    /// Draw a bar chart into DATA/img, or where -o says; `--plot -` draws on the terminal
    #[arg(short, long, value_name = "-", num_args = 0..=1, require_equals = true)]
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(["-"]))]
    pub(crate) plot: Option<Option<String>>,
    /// How to draw.
    #[command(flatten)]
    pub(crate) chart: ChartArgs,
    /// How to write the result.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Further columns: authors, top-author, interval, views, or all
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub(crate) columns: Vec<ColumnArg>,
    /// Which posts to count.
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
}

/// How to draw a chart.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chart")]
pub(crate) struct ChartArgs {
    /// What the bars measure
    #[arg(long, value_enum, default_value_t)]
    pub(crate) measure: MeasureArg,
    /// Whiskers: the 95 % interval of every share
    #[arg(long)]
    pub(crate) ci: bool,
    /// One picture of two hashtags, their bars in pairs
    #[arg(long)]
    pub(crate) compare: bool,
    /// Size in inches; the height grows with the rows unless given [default: 5]
    #[arg(long, value_name = "WIDTH[xHEIGHT]")]
    pub(crate) size: Option<String>,
    /// Pixels per inch [default: 300]
    #[arg(long, value_name = "DPI")]
    pub(crate) dpi: Option<u32>,
    /// Colours
    #[arg(long, value_enum, default_value_t)]
    pub(crate) theme: ThemeArg,
    /// Fail if a character has no glyph in any font
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What the bars of a chart measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MeasureArg {
    /// Posts with the hashtag, as a share of all
    #[default]
    Share,
    /// Posts with the hashtag
    Count,
    /// Distinct authors who used it
    Authors,
    /// Views of its posts
    Views,
}

/// Colours of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// For screens and paper
    #[default]
    Light,
    /// For dark pages
    Dark,
    /// For black ink
    Print,
}

/// How a result is written.
#[derive(Args, Debug)]
pub(crate) struct OutputArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: OutputFormat,
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
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<Date>,
    /// Last day (UTC), inclusive
    #[arg(long, value_name = "DATE")]
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

/// `cotag posts`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cotag posts london --with fyp                    the posts behind the row `fyp`
  cotag posts london --with fyp --without viral --format csv -o posts.csv")]
pub(crate) struct PostsArgs {
    /// A hashtag, or a file of posts
    #[arg(value_name = "TAG|FILE")]
    pub(crate) subject: String,
    /// Only posts that carry all of these hashtags
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub(crate) with: Vec<String>,
    /// Only posts that carry none of these hashtags
    #[arg(long, value_name = "TAG,…", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// Which posts to list.
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// How to write the result.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `cotag sandbox`
#[derive(Args, Debug)]
pub(crate) struct SandboxArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

/// The commands of the sandbox.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Answer as the Research API does, with made-up posts, until Ctrl-C
    Serve(ServeArgs),
}

/// `cotag sandbox serve`
#[derive(Args, Debug)]
#[command(
    after_help = "Speaks the protocol of TikTok's Research API (tokens and video queries) on this machine only, with
made-up posts of #london, #paris and #newyork from 2018 until two days ago.

Faults, each as seen of the real API; a client that does what it should gets every post all the same:
  fresh-search    the next page is refused twice: search id invalid, count or cursor invalid
  storm-500       three failures with status 500 in a row (--storm: more)
  html-504        a gateway's HTML page, for windows longer than 4 days always
  rate-limit      429 rate_limit_exceeded, the first time with Retry-After
  short-pages     fewer rows than asked for, and more to come
  empty-page      pages without a row, and more to come
  expired-token   a token is no good after 8 requests
  lost-search     every third search is forgotten after its first page
  renamed-search  every page gives the search another id
  duplicates      posts that come twice
  off-query       posts that the query did not ask for
  nul             NUL characters in names and captions
  drop            the connection ends amid an answer
  truncate        an answer ends amid its JSON
  all             all of these

Examples:
  cotag sandbox serve --port 8765
  cotag sandbox serve --port 8765 --fault storm-500,fresh-search --quota 50"
)]
pub(crate) struct ServeArgs {
    /// TCP port on 127.0.0.1; 0 takes one that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// What goes wrong: names as below, separated by commas, or `all`
    #[arg(long, value_name = "FAULT,…", value_delimiter = ',')]
    pub(crate) fault: Vec<String>,
    /// Requests per day (UTC)
    #[arg(long, value_name = "REQUESTS", default_value_t = 1_000)]
    pub(crate) quota: u64,
    /// How long a token is good
    #[arg(long, value_name = "SECONDS", default_value_t = 7_200)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) token_life: u64,
    /// Posts per hashtag in two months, 1 to 20000
    #[arg(long, value_name = "POSTS", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) posts: u32,
    /// Failures in a row of `storm-500`; more than 3 make one storm, from the fourth request on
    #[arg(long, value_name = "REQUESTS", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) storm: u64,
    /// Days that always fail, as some do at TikTok
    #[arg(long, value_name = "DATE..DATE")]
    pub(crate) unavailable: Option<String>,
    /// Moves the pattern of the faults
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u32,
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

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For reading
    #[default]
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

/// The arguments with spellings that a parser of short flags would take apart made its own:
/// the seed tool's `-ht` and `-plt`, and `--plot -`.
pub(crate) fn seed_spellings(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut ours: Vec<OsString> = Vec::new();
    let mut literal = false;
    for arg in args {
        literal |= arg == "--";
        let plot_before = ours
            .last()
            .is_some_and(|last| last == "--plot" || last == "-p");
        let plotting = ours.iter().any(|arg| arg == "frequencies" || arg == "freq");
        match arg.to_str() {
            _ if literal => ours.push(arg),
            Some("-ht") => ours.push("--hashtag".into()),
            Some("-plt") => ours.push("--plot".into()),
            Some("-") if plot_before && plotting => {
                ours.pop();
                ours.push("--plot=-".into());
            }
            _ => ours.push(arg),
        }
    }
    ours
}
