//! What the posts behind a number are: how many, from when, from where.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::TagSources;
use crate::model::{Brief, Created, Format, Origin, Post};

/// Where a stored record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provenance {
    /// `None` for records of other tools' trees, which do not say.
    pub origin: Option<Origin>,
    /// The record's format.
    pub format: Format,
}

/// What was counted, one record each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Posts.
    #[default]
    Posts,
    /// Comments under posts.
    Comments,
}

impl Unit {
    /// A word for one.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Posts => "post",
            Self::Comments => "comment",
        }
    }

    /// A word for several.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Posts => "posts",
            Self::Comments => "comments",
        }
    }
}

/// The posts that a table or chart was made from. Samples of parts merge to the sample of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What stands for a post here, wherever it is not posts that are counted.
    pub unit: Unit,
    /// Records read, duplicates included.
    pub rows: u64,
    /// Records left out because their post was already there.
    pub duplicates: u64,
    /// Records that are no readable post.
    pub unreadable: u64,
    /// Posts left out by filters.
    pub filtered: u64,
    /// Posts counted.
    pub posts: u64,
    /// Earliest and latest time of a counted post.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Counted posts without a time.
    pub undated: u64,
    /// Counted posts whose time was read off their id.
    pub dated_by_id: u64,
    /// Counted posts without an author.
    pub without_author: u64,
    /// Counted posts by provenance.
    pub provenance: BTreeMap<Provenance, u64>,
    /// Where the counted posts' hashtags came from.
    pub tag_sources: TagSources,
}

impl Sample {
    /// Takes a counted post in.
    pub(crate) fn add(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        let provenance = Provenance {
            origin,
            format: post.format,
        };
        self.note(post.created, post.author.is_some(), provenance);
    }

    /// As [`Sample::add`], of a post read in brief.
    pub(crate) fn add_brief(&mut self, post: &Brief<'_>, origin: Option<Origin>) {
        let provenance = Provenance {
            origin,
            format: post.format,
        };
        self.note(post.created, post.author.is_some(), provenance);
    }

    fn note(&mut self, created: Option<Created>, has_author: bool, provenance: Provenance) {
        self.posts += 1;
        match created {
            Some(created) => {
                let at = created.at();
                self.span = Some(match self.span {
                    Some((first, last)) => (first.min(at), last.max(at)),
                    None => (at, at),
                });
                self.dated_by_id += u64::from(matches!(created, Created::FromId(_)));
            }
            None => self.undated += 1,
        }
        self.without_author += u64::from(!has_author);
        // Nearly all posts are of one provenance.
        match self.provenance.first_entry() {
            Some(mut first) if *first.key() == provenance => *first.get_mut() += 1,
            _ => *self.provenance.entry(provenance).or_default() += 1,
        }
    }

    /// Adds the sample of other posts.
    pub fn merge(&mut self, other: &Self) {
        if other.unit != Unit::default() {
            self.unit = other.unit;
        }
        self.rows += other.rows;
        self.duplicates += other.duplicates;
        self.unreadable += other.unreadable;
        self.filtered += other.filtered;
        self.posts += other.posts;
        self.span = match (self.span, other.span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.undated += other.undated;
        self.dated_by_id += other.dated_by_id;
        self.without_author += other.without_author;
        for (&provenance, posts) in &other.provenance {
            *self.provenance.entry(provenance).or_default() += posts;
        }
        self.tag_sources.merge(other.tag_sources);
    }

    /// Whether any counted post was made up by cotag itself.
    pub fn is_synthetic(&self) -> bool {
        self.provenance
            .keys()
            .any(|provenance| provenance.origin == Some(Origin::Synthetic))
    }
}
