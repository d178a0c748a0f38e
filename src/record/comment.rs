//! A comment under a post, as the Research API gives it.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Unreadable;
use super::values::time;
use crate::json::Fields;
use crate::model::{Created, Format, Origin, Post, PostId};

/// A stored comment and what is known of how it came.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredComment<'a> {
    /// Its id.
    pub id: PostId,
    /// The post that it stands under.
    pub video: Option<PostId>,
    /// The comment that it answers; `None` for one that stands under the post itself.
    pub parent: Option<PostId>,
    /// What it says.
    pub text: Option<Cow<'a, str>>,
    /// When it was written.
    pub created: Option<Timestamp>,
    /// Likes; a missing count is not zero.
    pub likes: Option<u64>,
    /// Answers to it.
    pub replies: Option<u64>,
    /// How it came.
    pub origin: Option<Origin>,
    /// When it was fetched.
    pub fetched: Option<Timestamp>,
}

impl<'a> StoredComment<'a> {
    /// Reads a comment's record, with or without its envelope.
    ///
    /// # Errors
    /// [`Unreadable::Json`] if the text is no JSON object; [`Unreadable::NoId`] and
    /// [`Unreadable::Id`] where there is no id that can be trusted; [`Unreadable::Unknown`] for what is no comment.
    pub fn read(line: &'a str) -> Result<Self, Unreadable> {
        let fields = Fields::parse(line).map_err(|error| Unreadable::Json(error.to_string()))?;
        let id = |key: &str| {
            let literal = fields.literal(key)?;
            literal.parse::<PostId>().ok()
        };
        let own = fields.literal("id").ok_or(Unreadable::NoId)?.parse()?;
        // A post's record has an id too; a comment has a text, or belongs to a video.
        if !fields.has("text") && !fields.has("video_id") && !fields.has("parent_comment_id") {
            return Err(Unreadable::Unknown);
        }
        let video = id("video_id");
        let envelope = fields.object("_cotag");
        Ok(Self {
            id: own,
            video,
            // Of a comment under the post itself the API says that the post is its parent.
            parent: id("parent_comment_id").filter(|parent| Some(*parent) != video),
            text: fields.text("text"),
            created: time(fields.get("create_time")),
            likes: fields.count("like_count"),
            replies: fields.count("reply_count"),
            origin: envelope.text("origin").and_then(|name| name.parse().ok()),
            fetched: envelope.text("fetched").and_then(|text| text.parse().ok()),
        })
    }

    /// The comment as what is counted: its text in a caption's place, its own id and time.
    pub fn as_post(&self) -> Post<'_> {
        let mut post = Post::new(self.id, Format::Research);
        post.caption.clone_from(&self.text);
        post.created = self.created.map(Created::Stated);
        post.counts.likes = self.likes;
        post.counts.comments = self.replies;
        post
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InvalidPostId;

    #[test]
    fn a_direct_comment_has_no_parent_and_a_reply_has() {
        let direct = r#"{"id":7516170000000000123,"video_id":7516160338215837051,"parent_comment_id":7516160338215837051,"text":"so #cute","reply_count":2}"#;
        let direct = StoredComment::read(direct).unwrap();
        assert_eq!(direct.parent, None);
        assert_eq!(direct.video, PostId::new(7_516_160_338_215_837_051));
        assert_eq!((direct.likes, direct.replies), (None, Some(2)));
        assert_eq!(direct.as_post().caption.as_deref(), Some("so #cute"));
        let reply = r#"{"id":"7516170000000000999","video_id":"7516160338215837051","parent_comment_id":7516170000000000123,"text":"","create_time":1750000000}"#;
        let reply = StoredComment::read(reply).unwrap();
        assert_eq!(reply.parent, PostId::new(7_516_170_000_000_000_123));
        assert_eq!(reply.created.unwrap().as_second(), 1_750_000_000);
    }

    #[test]
    fn what_is_no_comment_is_refused() {
        for (line, why) in [
            (r#"{"text":"x"}"#, Unreadable::NoId),
            (
                r#"{"id":7.5e18,"text":"x"}"#,
                Unreadable::Id(InvalidPostId::Float),
            ),
            (
                r#"{"id":7516170000000000999,"username":"x"}"#,
                Unreadable::Unknown,
            ),
        ] {
            assert_eq!(StoredComment::read(line), Err(why), "{line}");
        }
        assert!(matches!(
            StoredComment::read("[]"),
            Err(Unreadable::Json(_))
        ));
    }
}
