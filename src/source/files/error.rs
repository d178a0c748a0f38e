//! Why a whole file is refused, and what to try instead.

use std::io;

use crate::model::Format;

/// Why nothing is read from a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is nothing in it. The seed tool leaves such files when a download fails.
    #[error("the file is empty")]
    Empty,
    /// Comments of posts.
    #[error("this file holds comments, not posts; export the posts themselves")]
    Comments,
    /// An export of another platform.
    #[error("this is an export of {platform}, not of TikTok posts")]
    OtherPlatform {
        /// As the file names it.
        platform: String,
    },
    /// The data a person gets from TikTok about themselves.
    #[error(
        "this is a person's own data export from TikTok; it lists activity, not posts with hashtags"
    )]
    PersonalExport,
    /// The seed tool's `post_ids.json` or `video_ids.json`.
    #[error("this is the id list of a bellingcat data folder; import the folder that it lies in")]
    IdList,
    /// A page saved without the data that its posts are in.
    #[error(
        "this HTML page holds no TikTok page data; save the page as the browser first got it \
         (view source), or record a HAR file"
    )]
    NoPageState,
    /// TikTok answered, but refused the question.
    #[error(
        "a blocked answer (status {status}): TikTok refused the request, so this does not mean \
         that there are no posts; collect it again"
    )]
    Blocked {
        /// TikTok's status code, or what stands for it.
        status: String,
    },
    /// The content shows another format than the one given.
    #[error(
        "given as {}, but its fields are those of {}; leave --format out, it is for records that \
         do not show their format",
        given.title(), told.title()
    )]
    OtherFormat {
        /// As given.
        given: Format,
        /// As the fields show.
        told: Format,
    },
    /// A known kind of file without any post.
    #[error("no posts in this file: {seen}")]
    NoPosts {
        /// What is there instead.
        seen: String,
    },
    /// A table of unknown columns.
    #[error("not a table of posts that is known here; its columns are {columns}")]
    Columns {
        /// The first columns.
        columns: String,
    },
    /// Nothing known.
    #[error("not recognised as a file of TikTok posts: {seen}")]
    Unrecognised {
        /// What the file starts with.
        seen: String,
    },
}
