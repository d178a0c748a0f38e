//! Which hashtags a post has: from the source's own list, from the caption, or both.

use std::borrow::Cow;

use crate::model::{Post, caption_tags};

/// Where to take a post's hashtags from (`--tags-from`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagsFrom {
    /// The source's list where it has one that is not empty, else the caption.
    #[default]
    Auto,
    /// Only the source's list.
    Structured,
    /// Only the caption.
    Caption,
    /// The union of the two.
    Both,
}

impl TagsFrom {
    /// The name as typed and as written to JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Structured => "structured",
            Self::Caption => "caption",
            Self::Both => "both",
        }
    }

    /// Whether the caption is asked for hashtags, of a post whose source's list has some or not.
    pub(super) fn asks_caption(self, listed: bool) -> bool {
        match self {
            Self::Auto => !listed,
            Self::Structured => false,
            Self::Caption | Self::Both => true,
        }
    }
}

/// For how many posts the hashtags came from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagSources {
    /// From the source's list only.
    pub structured: u64,
    /// From the caption only.
    pub caption: u64,
    /// From both (only with [`TagsFrom::Both`]).
    pub both: u64,
    /// Posts without any hashtag.
    pub none: u64,
}

impl TagSources {
    pub(crate) fn merge(&mut self, other: Self) {
        self.structured += other.structured;
        self.caption += other.caption;
        self.both += other.both;
        self.none += other.none;
    }

    /// Takes in what [`for_each_tag`] said of a post.
    pub(super) fn note(&mut self, (listed, captioned): (bool, bool)) {
        *match (listed, captioned) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.structured,
            (false, true) => &mut self.caption,
            (false, false) => &mut self.none,
        } += 1;
    }
}

/// Calls `each` with every spelling of a hashtag on the post, repeats included; returns whether any came
/// from the source's list, and whether any from the caption.
pub fn for_each_tag<'p>(
    post: &'p Post<'_>,
    from: TagsFrom,
    mut each: impl FnMut(&'p str),
) -> (bool, bool) {
    let mut listed = false;
    if from != TagsFrom::Caption {
        for tag in &post.listed_tags {
            listed = true;
            each(tag);
        }
    }
    let mut captioned = false;
    if from.asks_caption(listed)
        && let Some(caption) = &post.caption
    {
        for tag in caption_tags(caption) {
            captioned = true;
            each(tag);
        }
    }
    (listed, captioned)
}

/// A post's spellings as a list; see [`for_each_tag`].
pub fn tags_of<'p>(post: &'p Post<'_>, from: TagsFrom) -> Vec<Cow<'p, str>> {
    let mut tags = Vec::new();
    for_each_tag(post, from, |tag| tags.push(Cow::Borrowed(tag)));
    tags
}
