//! Words of `posts`.

use clap::Args;

use super::{FilterArgs, OutputArgs};

/// `cotag posts`
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cotag posts london --with fyp                    the posts behind the row `fyp`
  cotag posts london --with fyp --without viral --format csv -o posts.csv")]
pub(crate) struct PostsArgs {
    /// Which posts.
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// How to write the result.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Which posts are listed
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
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
}
