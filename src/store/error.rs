//! What can go wrong with stored posts.

use std::io;
use std::path::PathBuf;

use super::Holder;

/// An error of the store. Messages say what and where; what to try is the caller's to add.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Reading or writing failed; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is no data directory.
    #[error("no data directory at `{}`", .0.display())]
    Missing(PathBuf),
    /// The directory holds other things.
    #[error("`{}` is not a cotag data directory: it holds {found}", root.display())]
    NotAStore {
        /// The directory.
        root: PathBuf,
        /// The first few names in it.
        found: String,
    },
    /// The directory is tiktok-hashtag-analysis v2's.
    #[error("`{}` is a data directory of tiktok-hashtag-analysis 2", .0.display())]
    OtherTool(PathBuf),
    /// A later version of cotag wrote it.
    #[error("`{}` was written by a later version of cotag (store format {version})", root.display())]
    NewerFormat {
        /// The directory.
        root: PathBuf,
        /// Its format version.
        version: u64,
    },
    /// A file of the store is not what we wrote.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process writes, and did not finish in time.
    #[error("`{}` is being written by {holder}", root.display())]
    Locked {
        /// The directory.
        root: PathBuf,
        /// Who holds the lock.
        holder: Holder,
    },
    /// No posts of this hashtag are stored.
    #[error("no posts stored for #{tag} in `{}`", root.display())]
    NotStored {
        /// The hashtag asked for.
        tag: String,
        /// The directory.
        root: PathBuf,
        /// The hashtags that are stored.
        stored: Vec<String>,
    },
    /// Real posts for a synthetic hashtag, or the other way round.
    #[error("{name} in `{}` holds {stored} posts; {offered} ones must not be mixed with them", root.display())]
    Mixed {
        /// The place: `#london`.
        name: String,
        /// The directory.
        root: PathBuf,
        /// What is there.
        stored: &'static str,
        /// What was to be added.
        offered: &'static str,
    },
    /// A database, where it is, and what it or the way to it says.
    #[error("`{place}`: {what}")]
    Database {
        /// Its address without the password.
        place: String,
        /// What kind of trouble.
        trouble: Trouble,
        /// What happened.
        what: String,
    },
    /// This program was built without the driver.
    #[error("`{0}`: this cotag was built without its feature `mongodb`")]
    NoDriver(String),
}

/// What is the matter with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The address is malformed.
    Address,
    /// No server answers.
    Unreachable,
    /// The server does not let us in.
    Refused,
    /// The connection broke off, or the server did not confirm.
    Lost,
    /// It is no MongoDB server, or the collection is another tool's.
    Foreign,
    /// The schema is not one that this version knows.
    Schema,
    /// A document is not what was stored.
    Damaged,
    /// Anything else that the server says.
    Other,
}
