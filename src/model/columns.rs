//! Many posts as columns of numbers: what a count of hashtags asks of each, packed.
//!
//! Texts stand in dictionaries and rows hold their numbers, so that a million posts take a few tens
//! of megabytes and a filter looks at nothing but the columns that it asks about.

mod builder;
mod dictionary;
mod leading;
mod merge;
mod packed;
mod rows;
mod sketch;

pub use builder::Builder;
pub use leading::{Lead, Leading};
pub use merge::merge;
pub use packed::{Names, Packed, Window};
pub use rows::Rows;
pub use sketch::Sketch;

use std::ops::Range;

use super::{Format, Hashtag, Origin};

/// What is the same for many posts of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// How the record came; `None` where it does not say.
    pub origin: Option<Origin>,
    /// The record's format.
    pub format: Format,
    /// Whether and how the time is known.
    pub dated: Dated,
    /// Whether the author is known.
    pub has_author: bool,
    /// Where its hashtags are from.
    pub tags: TagSource,
}

/// Whether and how a post's time is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dated {
    /// It is not.
    No,
    /// The source states it.
    Stated,
    /// It was read off the post's id.
    ById,
}

/// Where a post's hashtags are from: its list where it has one that is not empty, else its caption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagSource {
    /// It has none.
    None,
    /// The source's list.
    Listed,
    /// The caption.
    Caption,
}

/// One of a table's columns, or a part of it that is read on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The commonest hashtags, and how many there are.
    Leading,
    /// Posts per spelling.
    Uses,
    /// Which spellings are other ones' variants.
    Variants,
    /// Each post's class.
    Class,
    /// Each post's time in seconds.
    Created,
    /// What of a second each post's time has beside them.
    Nanosecond,
    /// Each post's region.
    Region,
    /// Each post's language.
    Language,
    /// Each post's author, as a number.
    Author,
    /// The authors' names.
    Authors,
    /// Each post's views.
    Views,
    /// How many hashtags each post has.
    TagCounts,
    /// Which hashtags the posts have.
    Tags,
    /// The hashtags' spellings.
    Spellings,
}

impl Column {
    /// All of them, in the order in which they are stored.
    pub const ALL: [Self; 14] = [
        Self::Leading,
        Self::Uses,
        Self::Variants,
        Self::Class,
        Self::Created,
        Self::Nanosecond,
        Self::Region,
        Self::Language,
        Self::Author,
        Self::Authors,
        Self::Views,
        Self::TagCounts,
        Self::Tags,
        Self::Spellings,
    ];
}

/// A table of posts, each of them once. Columns that were not asked for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// How many posts.
    pub posts: usize,
    /// The classes, and how many posts are of each.
    pub classes: Vec<(Class, u64)>,
    /// Earliest and latest time: second of the unix era and nanosecond in it.
    pub span: Option<((i64, u32), (i64, u32))>,
    /// How many spellings there are.
    pub spelling_count: usize,
    /// How many authors there are.
    pub author_count: usize,
    /// The commonest hashtags.
    pub leading: Leading,
    /// Of each spelling, commonest first, how many posts have it as their first of the hashtag.
    pub uses: Vec<u32>,
    /// Spellings that are not their hashtag's identity, with the number of the spelling that is, by
    /// the former.
    pub variants: Vec<(u32, u32)>,
    /// Region codes as met.
    pub regions: Vec<String>,
    /// Language codes as met.
    pub languages: Vec<String>,
    /// The second that `created` counts from.
    pub epoch: i64,

    /// Each post's class.
    pub class: Packed,
    /// Each post's second since `epoch`, from 1; 0 where it is not known.
    pub created: Packed,
    /// Each post's nanosecond in that second.
    pub nanosecond: Packed,
    /// Each post's region, from 1; 0 where it is not known.
    pub region: Packed,
    /// Each post's language, from 1; 0 where it is not known.
    pub language: Packed,
    /// The post's number from 1, less its author's number from 1 (0 where the author is not known).
    /// Authors are numbered in the order in which they appear, so this is small where all differ.
    pub author: Packed,
    /// The authors' names.
    pub authors: Names,
    /// Each post's views, from 1; 0 where they are not known.
    pub views: Packed,
    /// How many different hashtags each post has.
    pub tag_counts: Packed,
    /// Numbers of their spellings, post after post.
    pub tags: Packed,
    /// The spellings, trimmed, without `#`.
    pub spellings: Names,
}

/// Takes some texts of a list: the number of the first, their lengths in bytes, and what they say behind each
/// other; says whether it takes more.
pub type EachTexts<'e> = dyn FnMut(u32, &[u32], &[u8]) -> bool + 'e;

/// Tables of posts that have no post in common, the largest first, read as far as is asked for.
pub trait Tables: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// How many hashtags they have together; `None` where nobody counted.
    fn distinct(&self) -> Option<u64>;

    /// Columns of a table, and what stands beside them; `None` where they cannot be read.
    fn read(&self, table: usize, wanted: &[Column]) -> Option<Columns>;

    /// Puts hashtags ([`Column::Tags`]) into `window`, those in some numbers at least and as many behind
    /// them as are worth reading at once; `None` where there are fewer or they cannot be read.
    fn tags(&self, table: usize, numbers: Range<usize>, window: &mut Window) -> Option<()>;

    /// Hands over the texts of a list ([`Column::Spellings`] or [`Column::Authors`]) in some
    /// numbers, some at a time, for as long as `each` says so; `None` where they cannot be read.
    fn scan(
        &self,
        table: usize,
        list: Column,
        numbers: Range<u32>,
        each: &mut EachTexts<'_>,
    ) -> Option<()>;

    /// Texts of a list, whose numbers ascend.
    fn texts(&self, table: usize, list: Column, numbers: &[u32]) -> Option<Vec<String>>;
}

/// All that a table tells of one post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'t> {
    /// Its class.
    pub class: Option<Class>,
    /// Second and nanosecond.
    pub created: Option<(i64, u32)>,
    /// Region code.
    pub region: Option<&'t str>,
    /// Language code.
    pub language: Option<&'t str>,
    /// The author's handle.
    pub author: Option<&'t str>,
    /// Views.
    pub views: Option<u64>,
    /// Spellings of its hashtags, each hashtag once.
    pub tags: Vec<&'t str>,
}

impl Columns {
    /// A post's author's number, from 0; needs [`Column::Author`].
    pub fn author_of(&self, post: usize) -> Option<u32> {
        let number = (post as u64 + 1).checked_sub(self.author.get(post))?;
        u32::try_from(number.checked_sub(1)?).ok()
    }

    /// Fills `numbers` with the numbers, from 1, of the authors of posts from a place on; 0 where a post's
    /// is not known. Needs [`Column::Author`]; `None` where it contradicts itself.
    pub fn authors_of(&self, first: usize, numbers: &mut [u32]) -> Option<()> {
        let last = u32::try_from(first.checked_add(numbers.len())?).ok()?;
        if self.author.bits() > u32::BITS || last as usize > self.author.len() {
            return None;
        }
        self.author.unpack(first, numbers);
        let first = last - u32::try_from(numbers.len()).ok()?;
        for (post, number) in (first + 1..).zip(numbers) {
            *number = post.saturating_sub(*number);
        }
        Some(())
    }

    /// Second and nanosecond of a post; needs [`Column::Created`] and [`Column::Nanosecond`].
    pub fn created_of(&self, post: usize) -> Option<(i64, u32)> {
        let since = self.created.get(post).checked_sub(1)?;
        let nanosecond = u32::try_from(self.nanosecond.get(post)).unwrap_or(0);
        Some((self.epoch.wrapping_add_unsigned(since), nanosecond))
    }

    /// All that is told of a post, in words; `tag` is where its hashtags begin, and is moved behind
    /// them. Needs all columns.
    pub fn row<'t>(&'t self, post: usize, tag: &mut usize) -> Row<'t> {
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let name = |names: &'t [String], number: u64| {
            let at = index(number).checked_sub(1)?;
            names.get(at).map(String::as_str)
        };
        let start = *tag;
        *tag += index(self.tag_counts.get(post));
        let tags = self.tags.range(start..*tag);
        let spelled = |tag: u64| self.spellings.get(u32::try_from(tag).unwrap_or(u32::MAX));
        Row {
            class: self.classes.get(index(self.class.get(post))).map(|of| of.0),
            created: self.created_of(post),
            region: name(&self.regions, self.region.get(post)),
            language: name(&self.languages, self.language.get(post)),
            author: self.author_of(post).map(|author| self.authors.get(author)),
            views: self.views_of(post),
            tags: tags.map(spelled).collect(),
        }
    }

    /// Numbers of the hashtags, by their identities. Needs [`Column::Uses`] and [`Column::Variants`].
    pub fn hashtags(&self) -> Vec<u32> {
        let posts = leading::identities(&self.uses, &self.variants);
        let counted = (0..).zip(posts).filter(|(_, posts)| *posts > 0);
        counted.map(|(tag, _)| tag).collect()
    }

    /// Whether the totals are those of the rows. Needs all columns.
    pub fn adds_up(&self) -> bool {
        let mut uses = vec![0_u32; self.uses.len()];
        for tag in self.tags.range(0..self.tags.len()) {
            match usize::try_from(tag).ok().and_then(|tag| uses.get_mut(tag)) {
                Some(posts) => *posts += 1,
                None => return false,
            }
        }
        let mut classes = vec![0_u64; self.classes.len()];
        let mut span = None;
        for post in 0..self.posts {
            let class = usize::try_from(self.class.get(post)).ok();
            match class.and_then(|class| classes.get_mut(class)) {
                Some(posts) => *posts += 1,
                None => return false,
            }
            if let Some(at) = self.created_of(post) {
                span = Some(match span {
                    Some((first, last)) => (at.min(first), at.max(last)),
                    None => (at, at),
                });
            }
        }
        let mut variants = Vec::new();
        for (number, text) in (0..).zip(self.spellings.iter()) {
            if let Some(tag) = Hashtag::new(text)
                && tag.as_str() != text
            {
                variants.push((number, tag));
            }
        }
        let told = self.variants.iter();
        let variants_fit = variants.len() == self.variants.len()
            && told
                .zip(&variants)
                .all(|(&(variant, identity), (number, tag))| {
                    variant == *number && self.spellings.get(identity) == tag.as_str()
                });
        let posts_of_classes = self.classes.iter().map(|(_, posts)| *posts);
        uses == self.uses
            && classes.into_iter().eq(posts_of_classes)
            && span == self.span
            && variants_fit
            && self.spellings.len() == self.spelling_count
            && self.authors.len() == self.author_count
            && Leading::of(&self.uses, &self.variants, &self.spellings) == self.leading
    }

    /// A post's views; needs [`Column::Views`].
    pub fn views_of(&self, post: usize) -> Option<u64> {
        self.views.get(post).checked_sub(1)
    }
}
