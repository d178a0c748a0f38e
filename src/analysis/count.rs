//! Counting hashtags over posts. Counters of parts merge to the counter of the whole.

use hashbrown::HashMap;

use super::{Sample, TagsFrom, for_each_tag};
use crate::model::{Hashtag, Origin, Post};

/// What a row's occurrences are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Posts with the hashtag, among all posts.
    #[default]
    Posts,
    /// Accounts that used the hashtag, among all accounts: one vote per author.
    /// Posts without an author have no vote.
    Authors,
}

/// What to keep beside the counts; each costs memory per use of a hashtag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Who used the hashtag.
    pub authors: bool,
    /// How often the posts with it were seen.
    pub views: bool,
}

/// Hashtag counts over the posts added so far.
#[derive(Debug, Default)]
pub struct Counter {
    from: TagsFrom,
    extras: Extras,
    sample: Sample,
    /// Spelling as met → its entry in `spellings`. Folding happens once per distinct spelling.
    /// hashbrown's own hasher is seeded per process, so chosen tags cannot flood it.
    by_spelling: HashMap<Box<str>, u32>,
    by_tag: HashMap<Hashtag, u32>,
    authors: HashMap<Box<str>, u32>,
    spellings: Vec<Spelling>,
    tags: Vec<Tally>,
}

/// A spelling and whose it is.
#[derive(Debug)]
struct Spelling {
    /// Entry in `tags`; `None` for a text that folds to nothing.
    tag: Option<u32>,
    /// Posts that spell it so.
    posts: u64,
}

/// What is known of one hashtag.
#[derive(Debug)]
struct Tally {
    posts: u64,
    /// The last post that was counted, by number, so that a repeat inside it is not.
    last: u64,
    /// One entry per post that has an author.
    authors: Vec<u32>,
    /// One entry per post whose views are known.
    views: Vec<u64>,
}

/// One hashtag's counts, ready to be ranked.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) tag: Hashtag,
    pub(crate) spelling: String,
    pub(crate) posts: u64,
    pub(crate) authors: Vec<u32>,
    pub(crate) views: Vec<u64>,
}

impl Counter {
    /// A counter that takes tags from where `from` says and keeps what `extras` asks for.
    pub fn new(from: TagsFrom, extras: Extras) -> Self {
        Self {
            from,
            extras,
            ..Self::default()
        }
    }

    /// Counts a post. It is the caller's duty not to count a post twice.
    pub fn add(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        self.sample.add(post, origin);
        let number = self.sample.posts;
        let author = match &post.author {
            Some(author) if self.extras.authors => Some(intern(&mut self.authors, author)),
            _ => None,
        };
        let mut sources = std::mem::take(&mut self.sample.tag_sources);
        for_each_tag(post, self.from, &mut sources, |text| {
            let spelling = self.spelling(text);
            let entry = &mut self.spellings[spelling as usize];
            let Some(tag) = entry.tag else { return };
            let tally = &mut self.tags[tag as usize];
            if tally.last == number {
                return;
            }
            // The first spelling inside a post stands for the post.
            entry.posts += 1;
            tally.last = number;
            tally.posts += 1;
            tally.authors.extend(author);
            if self.extras.views {
                tally.views.extend(post.counts.views);
            }
        });
        self.sample.tag_sources = sources;
    }

    /// The posts counted, and what was left out of them.
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// For callers that leave records out before they can be counted.
    pub fn sample_mut(&mut self) -> &mut Sample {
        &mut self.sample
    }

    /// Adds the counts of other posts, which must all be different from those counted here.
    pub fn merge(&mut self, other: Self) {
        let mut author_here = vec![0; other.authors.len()];
        for (author, index) in other.authors {
            author_here[index as usize] = intern(&mut self.authors, &author);
        }
        let mut tag_here = vec![None; other.tags.len()];
        for (text, index) in &other.by_spelling {
            let theirs = &other.spellings[*index as usize];
            let ours = self.spelling(text);
            let ours = &mut self.spellings[ours as usize];
            ours.posts += theirs.posts;
            if let Some(tag) = theirs.tag {
                tag_here[tag as usize] = ours.tag;
            }
        }
        for (theirs, here) in other.tags.into_iter().zip(tag_here) {
            let Some(here) = here else { continue };
            let ours = &mut self.tags[here as usize];
            ours.posts += theirs.posts;
            ours.authors.extend(
                theirs
                    .authors
                    .iter()
                    .map(|&author| author_here[author as usize]),
            );
            ours.views.extend(theirs.views);
        }
        // Numbers of posts go on from the merged total, so no tally's `last` can be met again.
        self.sample.merge(&other.sample);
        for tally in &mut self.tags {
            tally.last = 0;
        }
    }

    /// Distinct authors of counted posts (only with [`Extras::authors`]).
    pub(crate) fn author_count(&self) -> u64 {
        self.authors.len() as u64
    }

    pub(crate) fn tags_from(&self) -> TagsFrom {
        self.from
    }

    pub(crate) fn extras(&self) -> Extras {
        self.extras
    }

    /// Every hashtag with its counts and its commonest spelling (of equally common ones the first
    /// by code point), in no order.
    pub(crate) fn into_counted(self) -> Vec<Counted> {
        let mut display: Vec<Option<(u64, Box<str>)>> = vec![None; self.tags.len()];
        for (text, index) in self.by_spelling {
            let spelling = &self.spellings[index as usize];
            let Some(tag) = spelling.tag else { continue };
            let best = &mut display[tag as usize];
            let better = best
                .as_ref()
                .is_none_or(|(posts, other)| (spelling.posts, &**other) > (*posts, &*text));
            if better {
                *best = Some((spelling.posts, text));
            }
        }
        let mut tallies: Vec<Option<Tally>> = self.tags.into_iter().map(Some).collect();
        let mut counted = Vec::with_capacity(tallies.len());
        for (tag, index) in self.by_tag {
            let index = index as usize;
            let Some(tally) = tallies[index].take() else {
                continue;
            };
            let spelling = display[index]
                .take()
                .map_or_else(|| tag.to_string(), |(_, text)| text.into_string());
            counted.push(Counted {
                tag,
                spelling,
                posts: tally.posts,
                authors: tally.authors,
                views: tally.views,
            });
        }
        counted
    }

    fn spelling(&mut self, text: &str) -> u32 {
        let text = crate::model::spelling(text);
        if let Some(&known) = self.by_spelling.get(text) {
            return known;
        }
        let tag = Hashtag::new(text).map(|tag| {
            let next = index(self.tags.len());
            let entry = *self.by_tag.entry(tag).or_insert(next);
            if entry == next {
                self.tags.push(Tally {
                    posts: 0,
                    last: 0,
                    authors: Vec::new(),
                    views: Vec::new(),
                });
            }
            entry
        });
        let next = index(self.spellings.len());
        self.spellings.push(Spelling { tag, posts: 0 });
        self.by_spelling.insert(text.into(), next);
        next
    }
}

fn intern(names: &mut HashMap<Box<str>, u32>, name: &str) -> u32 {
    if let Some(&known) = names.get(name) {
        return known;
    }
    let next = index(names.len());
    names.insert(name.into(), next);
    next
}

/// Four billion distinct hashtags do not fit into a machine's memory before this fails.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
