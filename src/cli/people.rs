//! The words of `comments`, `users` and `refresh`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::{ApiArgs, values};

/// `cotag comments`
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("whose").args(["tag", "query", "ids"]).required(true)),
    after_help = "The posts with the most comments come first. Each page is stored before the next is asked for; the
same command goes on where it stopped and asks nothing twice. Comments of a hashtag's posts go to
DATA/<tag>/comments, those of posts that are not stored to DATA/comments; in a database (--store), to
its collection `comments`, and several collectors share the posts.

Requests come off the same daily quota as a download's. While a download is at work in the same
store, comments wait for it; with --share they run beside it, on requests set aside.

Examples:
  cotag comments --for london --max-per-post 200       of all stored posts of #london
  cotag comments --for london --share 20% --wait       beside a download, a fifth of each day's quota
  cotag comments --ids posts.txt --replies             of posts by id or link, with the answers
  cotag comments --for london --dry-run                what would be asked
  cotag coverage --comments london                     what was asked, and what is missing
  cotag frequencies --in comments london               the hashtags in them"
)]
pub(crate) struct CommentsArgs {
    /// Of the stored posts of this hashtag
    #[arg(long = "for", value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Of the posts that a crawl stored under this name
    #[arg(long = "for-query", value_name = "NAME")]
    pub(crate) query: Option<String>,
    /// Of the posts in this file: ids or links, one a line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) ids: Option<PathBuf>,
    /// Most comments of a post, and answers of a comment
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<u64>)]
    pub(crate) max_per_post: Option<u64>,
    /// Ask only for posts that had at least so many comments when they were fetched
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_comments: u64,
    /// The answers to comments as well: at least a request for each comment that has some
    #[arg(long)]
    pub(crate) replies: bool,
    /// Ask again for posts whose comments were read to their end; new ones are added
    #[arg(long)]
    pub(crate) again: bool,
    /// Requests set aside for comments, such as 20% of the day's or 200: downloads leave them alone,
    /// and this run uses no others
    #[arg(long, value_name = "SHARE")]
    pub(crate) share: Option<String>,
    /// How much.
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// How much to ask in one run.
#[derive(Args, Debug)]
pub(crate) struct ExtentArgs {
    /// End after this many requests
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<u64>)]
    pub(crate) max_requests: Option<u64>,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// When the day's quota is used up, wait for the next day and go on
    #[arg(long)]
    pub(crate) wait: bool,
}

/// `cotag users`
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("who").args(["usernames", "file", "authors_of"]).multiple(true).required(true)),
    after_help = "Each list goes to DATA/users/<name>/<list>/data.json, or to the collection `users`; each time that --info is asked adds a record.
Accounts that are private, missing or banned are noted and skipped (exit code 3). Followers and
following have a quota of their own: 20,000 requests a day. TikTok lists no more than about 5,000.

The terms of the Research API forbid profiles of individuals: ask for what the project needs.

Examples:
  cotag users --usernames hive_anna,imker.jo                     what the accounts say of themselves
  cotag users --authors-of london --top 50 --info --followers    of the busiest authors
  cotag users -f names.txt --liked --pinned --reposted"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct UsersArgs {
    /// Names, separated by commas
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) usernames: Vec<String>,
    /// A file of names, one a line; `# text` is a comment
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The authors of a hashtag's stored posts, busiest first
    #[arg(long, value_name = "TAG")]
    pub(crate) authors_of: Option<String>,
    /// Only so many of the authors
    #[arg(long, value_name = "N", requires = "authors_of", value_parser = values::at_least_one::<usize>)]
    pub(crate) top: Option<usize>,
    /// What the account says of itself (the default)
    #[arg(long)]
    pub(crate) info: bool,
    /// Who follows the account
    #[arg(long)]
    pub(crate) followers: bool,
    /// Whom the account follows
    #[arg(long)]
    pub(crate) following: bool,
    /// Videos that it liked, where it shows them
    #[arg(long)]
    pub(crate) liked: bool,
    /// Videos pinned to its page
    #[arg(long)]
    pub(crate) pinned: bool,
    /// Videos that it reposted
    #[arg(long)]
    pub(crate) reposted: bool,
    /// Most records of a list
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<u64>)]
    pub(crate) max_per_list: Option<u64>,
    /// Ask again for what was read, private or missing
    #[arg(long)]
    pub(crate) again: bool,
    /// How much.
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// `cotag refresh`
#[derive(Args, Debug)]
#[command(
    after_help = "The terms of the Research API want stored posts refreshed, and deleted ones dropped, within 15 days
(newer terms: 30). This asks for stored posts of the Research API by their ids, 100 a request.
Old figures go to posts/history.jsonl. A post that is not found is removed when it was missing on
two different days, or when batch compliance does not list it; then its id and the dates stay in
posts/tombstones.jsonl, and no download or import brings it back. Stored posts that were found lately
are asked for together with the missing ones: an answer that lacks most of these removes nothing.
A post of several hashtags is asked for once. In a database these files are collections: history, missing, tombstones.

Examples:
  cotag refresh                           every hashtag, posts fetched more than 15 days ago
  cotag refresh -t london --older-than 30d --wait
  cotag refresh --compliance              confirm at once what is missing
  cotag refresh --dry-run                 what would be asked, and what is waiting for a second look
  cotag refresh --store mongodb://localhost/tiktok"
)]
pub(crate) struct RefreshArgs {
    /// Only these hashtags
    #[arg(short, long = "tag", value_name = "TAG", num_args = 1.., action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,
    /// Posts fetched longer ago than this: 15d, 12h
    #[arg(long, value_name = "TIME", default_value = "15d")]
    pub(crate) older_than: String,
    /// Ask batch compliance about posts that are not found, instead of looking again on another day
    #[arg(long)]
    pub(crate) compliance: bool,
    /// How much.
    #[command(flatten)]
    pub(crate) extent: ExtentArgs,
    /// The API.
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

/// What to count hashtags in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum InArg {
    /// Posts
    #[default]
    Posts,
    /// Comments under them
    Comments,
}
