//! What one raw record says: which format it has, and the post that it describes.
//!
//! Pure: text in, [`Post`] out. Files, containers and networks are `source`'s business.
//! One file per family of formats; what they share is in `values` and `lists`.

mod aweme;
mod comment;
mod envelope;
mod lists;
mod media;
mod quick;
mod recognise;
mod research;
mod scraper;
mod stored;
mod tables;
mod values;
mod web;
mod ytdlp;

#[cfg(test)]
mod properties;

pub use comment::StoredComment;
pub use envelope::Envelope;
pub use media::{MediaLinks, media_links};
pub use quick::{Read, Reader, name_text};
pub use recognise::{Recogniser, recognise, recognise_header};
pub use stored::Stored;

use crate::json::Fields;
use crate::model::{Format, Post};

/// Why a record is no post.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Not valid JSON, or no object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// No id, and no page link to take it from.
    #[error("no post id, and no link to the post's page that holds it")]
    NoId,
    /// The id cannot be trusted, and no page link holds the true one.
    #[error("{0}")]
    Id(#[from] crate::model::InvalidPostId),
    /// The id of a table's row ends in zeros, as spreadsheets write it, and no page link confirms it.
    #[error(
        "the id {0} ends in four zeros, as a spreadsheet rounds ids, and no link to the post's page \
         confirms it; take the file as the tool wrote it, not as a spreadsheet saved it"
    )]
    RoundedId(crate::model::PostId),
    /// The tool could not get the post and wrote its reason in the post's place.
    #[error("the tool wrote an error in place of a post: {0}")]
    Failed(String),
    /// Its fields are not those of a post in any known format.
    #[error("not a TikTok post in any format known")]
    Unknown,
    /// A comment, whose id and text are not a post's.
    #[error("a comment, not a post")]
    Comment,
}

/// The post that a record of a known format describes.
///
/// The post borrows from the record's text. Nothing but the id has to be there.
///
/// # Errors
/// The record is a comment or an error message, or has no id that can be trusted.
pub fn read<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    if recognise::is_comment(fields) {
        return Err(Unreadable::Comment);
    }
    match format {
        Format::Web => web::read(fields),
        Format::Scraper | Format::ScraperCsv | Format::Apify | Format::ApifyCsv => {
            scraper::read(format, fields)
        }
        Format::FourCatCsv => tables::read_4cat(fields),
        Format::PyktokCsv => tables::read_pyktok(fields),
        Format::TraktokCsv if fields.has("video_timestamp") || fields.has("video_title") => {
            tables::read_traktok(fields)
        }
        Format::Research | Format::ResearchCsv | Format::TraktokCsv => {
            research::read(format, fields)
        }
        Format::YtDlp => ytdlp::read(fields),
        Format::Aweme => aweme::read(fields),
    }
}

/// As [`read`], of what an index asks of a post, and who looks for hashtags: of the counts the views, and
/// neither sound nor length. Of some formats more.
///
/// # Errors
/// As [`read`].
pub fn read_outline<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    if format == Format::Research && !recognise::is_comment(fields) {
        return research::read_outline(format, fields);
    }
    read(format, fields)
}

/// Recognises and reads a record that is there for a test.
#[cfg(test)]
fn post(json: &'static str) -> Result<Post<'static>, Unreadable> {
    let fields = Fields::parse(json).unwrap();
    read(recognise(&fields).unwrap(), &fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_refused_by_name() {
        for json in [
            r##"{"aweme_id":"7510547582590913814","cid":"7512867504689185557","comment_language":"en","create_time":1749225786,"text":"#fyp"}"##,
            r#"{"id":7512867504689185557,"video_id":7510547582590913814,"parent_comment_id":7510547582590913814,"text":"","like_count":1,"create_time":1749225786}"#,
            r#"{"cid":"7512867504689185557","videoWebUrl":"https://www.tiktok.com/@a/video/7510547582590913814","createTimeISO":"2025-06-06T16:03:06.000Z","text":"x"}"#,
            r#"{"id":"7512867504689185557","thread_id":"7510547582590913814","author_full":"X","body":"x","comment_url":"https://www.tiktok.com/@a/video/7510547582590913814"}"#,
        ] {
            assert_eq!(post(json), Err(Unreadable::Comment), "{json}");
        }
        assert_eq!(Unreadable::Comment.to_string(), "a comment, not a post");
    }
}
