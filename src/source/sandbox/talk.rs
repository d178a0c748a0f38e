//! What stands under the sandbox's posts: comments and answers, as many as the post says it has.
//!
//! Nothing is kept: what is written under a post follows from the post's id alone.

use serde_json::{Map, Value, json};

use super::corpus::Entry;
use super::noise::noise;

/// All comments of a post are written within so many seconds after it: before it is searchable.
pub(super) const SPAN: u64 = 36 * 3_600;

/// One post in so many does not disclose its comments.
const UNDISCLOSED: u64 = 23;

const PHRASES: [&str; 16] = [
    "so good",
    "where is this",
    "first",
    "I was there yesterday",
    "who else came from the other video",
    "call me on ********** please",
    "😍😍😍",
    "no way",
    "c’est trop beau",
    "me encanta",
    "красота",
    "すごい",
    "part 2 when",
    "the sound is everything",
    "this is not how it works",
    "",
];

/// A comment, and where the one stands that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) id: u64,
    /// Unix seconds.
    created: u64,
    /// Index of the comment that it answers.
    parent: Option<usize>,
    replies: u64,
}

/// A post's comments, oldest first.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) video: u64,
    comments: Vec<Comment>,
    /// What the comments with hashtags are about.
    tags: Vec<String>,
}

/// Whether the comments of a post are not given out.
pub(super) fn is_undisclosed(video: u64) -> bool {
    noise(video, 41).is_multiple_of(UNDISCLOSED)
}

impl Talk {
    pub(super) fn of(post: &Entry) -> Self {
        let count = post.record.get("comment_count").and_then(Value::as_u64);
        let count = count.unwrap_or(0);
        let step = (SPAN / (count + 1)).max(1);
        let begin = u64::try_from(post.created).unwrap_or(0) + 30;
        let mut comments: Vec<Comment> = Vec::new();
        let mut thread: Option<usize> = None;
        for number in 0..count {
            let answers = noise(post.id ^ number, 42).is_multiple_of(4);
            let parent = thread.filter(|_| answers);
            match parent {
                Some(parent) => comments[parent].replies += 1,
                None => thread = Some(comments.len()),
            }
            let created = begin + (number * step).min(SPAN);
            // The number keeps those of one second apart.
            let low = (number << 8 | noise(post.id ^ number, 43) & 0xff) & u64::from(u32::MAX);
            comments.push(Comment {
                id: created << 32 | low,
                created,
                parent,
                replies: 0,
            });
        }
        Self {
            video: post.id,
            comments,
            tags: post.hashtags.iter().map(ToString::to_string).collect(),
        }
    }

    /// Places of the comments under the post itself, or of the answers to a comment.
    pub(super) fn places(&self, answers_to: Option<u64>) -> Vec<usize> {
        let of = |comment: &Comment| match (answers_to, comment.parent) {
            (None, None) => true,
            (Some(wanted), Some(parent)) => self.comments[parent].id == wanted,
            _ => false,
        };
        (0..self.comments.len())
            .filter(|&place| of(&self.comments[place]))
            .collect()
    }

    /// All ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.comments.iter().map(|comment| comment.id)
    }

    /// Ids of those under the post itself.
    pub(super) fn direct(&self) -> impl Iterator<Item = u64> {
        let direct = self.comments.iter().filter(|one| one.parent.is_none());
        direct.map(|one| one.id)
    }

    /// A comment with the fields asked for.
    pub(super) fn row(&self, place: usize, fields: &[String]) -> Option<Value> {
        let comment = self.comments.get(place)?;
        let parent = comment
            .parent
            .and_then(|parent| self.comments.get(parent))
            .map_or(self.video, |parent| parent.id);
        let mut row = Map::new();
        for field in fields {
            let value = match field.as_str() {
                "id" => json!(comment.id),
                "video_id" => json!(self.video),
                "text" => json!(self.text(comment)),
                // A key that is missing is not a zero.
                "like_count" if noise(comment.id, 44).is_multiple_of(19) => continue,
                "like_count" => json!(noise(comment.id, 45) % 90 / 7),
                "reply_count" => json!(comment.replies),
                "parent_comment_id" => json!(parent),
                "create_time" => json!(comment.created),
                _ => continue,
            };
            row.insert(field.clone(), value);
        }
        Some(Value::Object(row))
    }

    fn text(&self, comment: &Comment) -> String {
        let pick = |salt: u64, length: usize| {
            let number = noise(comment.id, salt) % length.max(1) as u64;
            usize::try_from(number).unwrap_or(0)
        };
        let mut text = PHRASES[pick(46, PHRASES.len())].to_owned();
        if noise(comment.id, 47).is_multiple_of(4) {
            let own = self.tags.get(pick(48, self.tags.len()));
            let tag = match (own, pick(49, 5)) {
                (Some(own), 0) => own.to_uppercase(),
                (Some(own), 1 | 2) => own.clone(),
                _ => "fyp".to_owned(),
            };
            let space = if text.is_empty() { "" } else { " " };
            text += &format!("{space}#{tag}");
            if noise(comment.id, 50).is_multiple_of(9) {
                text += &format!(" #{tag}");
            }
        }
        text
    }
}
