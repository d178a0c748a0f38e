//! The options of `cotag sandbox`.

use clap::{Args, Subcommand};

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
    after_help = "Speaks the protocol of TikTok's Research API (video queries, comments, users, batch compliance) on this
machine only, with made-up posts of #london, #paris and #newyork from 2018 until two days ago.

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
    /// Requests per day (UTC) for followers and following
    #[arg(long, value_name = "REQUESTS", default_value_t = 20_000)]
    pub(crate) relations_quota: u64,
    /// One post in so many is gone, whatever asks for it; 0 keeps all
    #[arg(long, value_name = "POSTS", default_value_t = 0)]
    pub(crate) gone: u64,
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
    /// Most posts that a search may find; those that find more fail with status 504, as big ones do
    #[arg(long, value_name = "POSTS")]
    pub(crate) heavy: Option<usize>,
    /// Leave out the day of `end_date`, as some clients believe of the real API
    #[arg(long)]
    pub(crate) exclusive_end: bool,
    /// How long each answer takes
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub(crate) delay: u64,
    /// Moves the pattern of the faults
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u32,
}
