//! What columns ask of posts, made on any thread, to be taken into a table in turn.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::dictionary::hash;
use super::{Class, Dated, TagSource};
use crate::model::{Created, Origin, Post, caption_tags, spelling};

/// What a table asks of some posts.
#[derive(Debug)]
pub struct Rows {
    /// Another for all others, and once they were forgotten.
    stamp: u64,
    posts: Vec<Row>,
    /// Spellings of the posts' hashtags, post after post, repeats included.
    tags: Vec<Text>,
    texts: String,
}

/// What a table asks of a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) class: Class,
    /// Second and nanosecond.
    pub(super) created: Option<(i64, u32)>,
    pub(super) region: Option<Text>,
    pub(super) language: Option<Text>,
    pub(super) author: Option<Text>,
    pub(super) views: Option<u64>,
    /// Behind its last tag.
    tags: usize,
}

/// A text and its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) hash: u32,
    from: usize,
    to: usize,
}

/// Second and nanosecond of a time, the nanosecond never negative.
fn parts(at: Timestamp) -> (i64, u32) {
    let (second, nanosecond) = (at.as_second(), at.subsec_nanosecond());
    match u32::try_from(nanosecond) {
        Ok(nanosecond) => (second, nanosecond),
        Err(_) => (second - 1, (nanosecond + 1_000_000_000).unsigned_abs()),
    }
}

/// A number that was given to nobody else.
fn stamp() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            stamp: stamp(),
            posts: Vec::new(),
            tags: Vec::new(),
            texts: String::new(),
        }
    }
}

impl Rows {
    /// How many posts were taken.
    pub fn len(&self) -> usize {
        self.posts.len()
    }

    /// Whether none was taken.
    pub fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    /// Makes room for about so many posts, so that little has to be moved.
    pub fn reserve(&mut self, posts: usize) {
        self.posts.reserve(posts);
        self.tags.reserve(posts * 8);
        self.texts.reserve(posts * 96);
    }

    /// Forgets all posts.
    pub fn clear(&mut self) {
        self.stamp = stamp();
        self.posts.clear();
        self.tags.clear();
        self.texts.clear();
    }

    /// Takes a post.
    pub fn push(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        let mut source = TagSource::None;
        for tag in &post.listed_tags {
            source = TagSource::Listed;
            self.push_tag(tag);
        }
        if source == TagSource::None
            && let Some(caption) = &post.caption
        {
            for tag in caption_tags(caption) {
                source = TagSource::Caption;
                self.push_tag(tag);
            }
        }
        let row = Row {
            class: Class {
                origin,
                format: post.format,
                dated: match post.created {
                    None => Dated::No,
                    Some(Created::Stated(_)) => Dated::Stated,
                    Some(Created::FromId(_)) => Dated::ById,
                },
                has_author: post.author.is_some(),
                tags: source,
            },
            created: post.created.map(|created| parts(created.at())),
            region: post.region.as_deref().map(|text| self.text(text)),
            language: post.language.as_deref().map(|text| self.text(text)),
            author: post.author.as_deref().map(|text| self.text(text)),
            views: post.counts.views,
            tags: self.tags.len(),
        };
        self.posts.push(row);
    }

    fn push_tag(&mut self, tag: &str) {
        let text = spelling(tag);
        if !text.is_empty() {
            let text = self.text(text);
            self.tags.push(text);
        }
    }

    fn text(&mut self, text: &str) -> Text {
        let from = self.texts.len();
        self.texts.push_str(text);
        Text {
            hash: hash(text.as_bytes()),
            from,
            to: self.texts.len(),
        }
    }

    /// What tells these rows from all others, as long as none are forgotten.
    pub(super) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A row and the numbers of its tags among all.
    pub(super) fn get(&self, number: usize) -> Option<(&Row, Range<usize>)> {
        let row = self.posts.get(number)?;
        let before = number
            .checked_sub(1)
            .and_then(|before| self.posts.get(before));
        Some((row, before.map_or(0, |row| row.tags)..row.tags))
    }

    /// A tag by its number among all.
    pub(super) fn tag(&self, number: usize) -> Option<Text> {
        self.tags.get(number).copied()
    }

    /// What a text says.
    pub(super) fn str(&self, text: Text) -> &str {
        self.texts.get(text.from..text.to).unwrap_or_default()
    }
}
