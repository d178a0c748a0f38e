//! The options of `cotag copy`.

use clap::{ArgAction, Args};

/// `cotag copy`
#[derive(Args, Debug)]
#[command(
    after_help = "What is there already stays as it is, so the same command goes on after an interruption. Windows
of downloads are copied too: a download goes on in the other store where it stopped in this one. So
are comments, users, and what was asked for (with -t, the comments of these hashtags only).
In the end ids and records are compared; exit code 6 says that they differ.

Examples:
  cotag copy --from ./data --to mongodb://localhost/tiktok
  cotag copy --from mongodb://ann:PASSWORD@db.example/tiktok --to ./data -t london"
)]
pub(crate) struct CopyArgs {
    /// Where the posts are: mongodb://HOST/DATABASE, or a directory
    #[arg(long, value_name = "STORE")]
    pub(crate) from: String,
    /// Where they are to be as well
    #[arg(long, value_name = "STORE")]
    pub(crate) to: String,
    /// Only the posts of these hashtags, and the comments under them [default: all]
    #[arg(short, long = "tag", value_name = "TAG", num_args = 1.., action = ArgAction::Append)]
    pub(crate) tags: Vec<String>,
}
