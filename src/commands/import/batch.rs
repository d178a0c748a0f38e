//! What an import makes of posts on the threads that read them: lines as they are stored, rows for the
//! index, and whether they carry the hashtags asked for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use crate::analysis::{TagsFrom, for_each_tag};
use crate::model::{Hashtag, Origin, Post, PostId, Rows};
use crate::record::Envelope;
use crate::source::files::{Made, Make};

/// Bytes of lines that a batch mostly has.
const ROOM: usize = 320 << 10;
/// Posts that a batch mostly has, if they are not large.
const POSTS: usize = 300;

/// What is asked of the posts of a job.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) tags: Vec<Hashtag>,
    pub(super) from: TagsFrom,
    /// The run that stores them.
    pub(super) run: String,
    /// Posts are stored whatever they carry.
    pub(super) whole: bool,
    /// Whether the hashtags of the posts are wanted still, to tell the commonest.
    pub(super) sample: AtomicBool,
}

impl Make for Asked {
    fn batch(self: Arc<Self>) -> Box<dyn Made> {
        Box::new(Batch::new(&self))
    }
}

/// Some posts.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) asked: Arc<Asked>,
    posts: Vec<Entry>,
    /// Of each post, whether it carries each of the hashtags asked for.
    carried: Vec<bool>,
    /// Lines behind each other.
    lines: String,
    pub(super) rows: Rows,
}

#[derive(Debug)]
struct Entry {
    id: PostId,
    origin: Origin,
    fetched: Option<Timestamp>,
    line: Option<Range<usize>>,
    row: usize,
    tags: Vec<Hashtag>,
}

/// One of them.
pub(super) struct Taken<'b> {
    pub(super) id: PostId,
    pub(super) origin: Origin,
    pub(super) fetched: Option<Timestamp>,
    /// As it is stored; `None` where no hashtag wants it.
    pub(super) line: Option<&'b str>,
    /// Which row it is, if it has a line.
    pub(super) row: usize,
    /// Whether it carries each of the hashtags asked for.
    pub(super) carried: &'b [bool],
    /// Its hashtags, as long as they are wanted.
    pub(super) tags: &'b [Hashtag],
}

impl Batch {
    pub(super) fn new(asked: &Arc<Asked>) -> Self {
        Self {
            asked: Arc::clone(asked),
            posts: Vec::new(),
            carried: Vec::new(),
            lines: String::new(),
            rows: Rows::default(),
        }
    }

    /// Forgets all posts.
    pub(super) fn clear(&mut self) {
        self.posts.clear();
        self.carried.clear();
        self.lines.clear();
        self.rows.clear();
    }

    pub(super) fn get(&self, number: usize) -> Option<Taken<'_>> {
        let entry = self.posts.get(number)?;
        let tags = self.asked.tags.len();
        let line = entry.line.clone();
        Some(Taken {
            id: entry.id,
            origin: entry.origin,
            fetched: entry.fetched,
            line: line.and_then(|range| self.lines.get(range)),
            row: entry.row,
            carried: self.carried.get(number * tags..(number + 1) * tags)?,
            tags: &entry.tags,
        })
    }
}

impl Made for Batch {
    fn take(
        &mut self,
        post: &Post<'_>,
        raw: &str,
        fetched: Option<Timestamp>,
        origin: Option<Origin>,
    ) {
        let asked = &self.asked;
        let origin = origin.unwrap_or(Origin::Import);
        let from = self.carried.len();
        self.carried.resize(from + asked.tags.len(), false);
        let carried = self.carried.get_mut(from..).unwrap_or_default();
        let mut tags = Vec::new();
        let wanted = asked.sample.load(Ordering::Relaxed);
        let mut missing = asked.tags.len();
        for_each_tag(post, asked.from, |text| {
            if missing > 0 {
                for (tag, carried) in asked.tags.iter().zip(&mut *carried) {
                    if !*carried && tag.is_spelled(text) {
                        *carried = true;
                        missing -= 1;
                    }
                }
            }
            if wanted {
                tags.extend(Hashtag::new(text));
            }
        });
        if self.lines.capacity() == 0 {
            // About what a thread is given, so that little has to be moved.
            self.lines.reserve(ROOM);
            self.posts.reserve(POSTS);
            self.rows.reserve(POSTS);
        }
        let line = (asked.whole || carried.contains(&true)).then(|| {
            let from = self.lines.len();
            let how = (origin, post.format, fetched);
            Envelope::seal_behind(raw, how, &asked.run, &mut self.lines);
            from..self.lines.len()
        });
        let row = self.rows.len();
        if line.is_some() {
            self.rows.push(post, Some(origin));
        }
        self.posts.push(Entry {
            id: post.id,
            origin,
            fetched,
            line,
            row,
            tags,
        });
    }
}
