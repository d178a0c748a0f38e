//! Counting hashtags over posts. Counters of parts merge to the counter of the whole.

use hashbrown::HashMap;

use super::rank::Tallied;
use super::spellings::Spellings;
use super::{Decode, Sample, TagsFrom, for_each_tag};
use crate::model::{Brief, Hashtag, Origin, Post, caption_tags};

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
    spellings: Spellings,
    authors: HashMap<Box<str>, u32>,
    /// What is kept beside the counts, by the hashtag's number.
    tallies: Vec<Tally>,
}

/// What [`Extras`] ask for of one hashtag.
#[derive(Debug, Default)]
struct Tally {
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
    pub(super) tallied: Tallied,
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
        self.spellings.begin_post();
        let author = self.author(post.author.as_deref().map(str::as_bytes));
        let views = post.counts.views.filter(|_| self.extras.views);
        let met = for_each_tag(post, self.from, |text| self.count_of(text, author, views));
        self.sample.tag_sources.note(met);
    }

    /// Whether a post's [`Brief`] says everything that is counted here.
    pub fn takes_briefs(&self) -> bool {
        matches!(self.from, TagsFrom::Auto | TagsFrom::Structured) && !self.extras.views
    }

    /// As [`Counter::add`], of a post that was read in brief; only where [`Counter::takes_briefs`].
    pub fn add_brief(&mut self, post: &Brief<'_>, origin: Option<Origin>, decode: Decode) {
        self.sample.add_brief(post, origin);
        self.spellings.begin_post();
        let listed = !post.listed.is_empty();
        let author = self.author(post.author);
        if self.extras.authors {
            for name in post.names() {
                self.count_of(&decode(name), author, None);
            }
        } else {
            self.spellings
                .count_raw(post.text, post.listed, post.escaped, decode);
        }
        let mut captioned = false;
        if self.from.asks_caption(listed)
            && let Some(caption) = &post.caption
        {
            for tag in caption_tags(caption) {
                captioned = true;
                self.count_of(tag, author, None);
            }
        }
        self.sample.tag_sources.note((listed, captioned));
    }

    /// The number of a post's author, where authors are kept.
    fn author(&mut self, name: Option<&[u8]>) -> Option<u32> {
        let name = name.filter(|_| self.extras.authors)?;
        Some(intern(&mut self.authors, &String::from_utf8_lossy(name)))
    }

    /// Counts a hashtag of a post, and notes of the post what is kept.
    fn count_of(&mut self, text: &str, author: Option<u32>, views: Option<u64>) {
        let counted = self.spellings.count(text);
        if let Some(slot) = counted
            && (author.is_some() || views.is_some())
        {
            let tally = tally(&mut self.tallies, self.spellings.number(slot));
            tally.authors.extend(author);
            tally.views.extend(views);
        }
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
    pub fn merge(&mut self, mut other: Self) {
        if self.sample.posts == 0 && self.extras == other.extras && self.from == other.from {
            std::mem::swap(self, &mut other);
        }
        let mut author_here = vec![0; other.authors.len()];
        for (author, index) in other.authors {
            author_here[index as usize] = intern(&mut self.authors, &author);
        }
        let Self {
            spellings, tallies, ..
        } = self;
        other.spellings.each_numbered(|identity, number| {
            let Some(here) = spellings.number_of(identity) else {
                return;
            };
            let mut theirs = std::mem::take(&mut other.tallies[number as usize]);
            for author in &mut theirs.authors {
                *author = author_here[*author as usize];
            }
            let ours = tally(tallies, here);
            append(&mut ours.authors, theirs.authors);
            append(&mut ours.views, theirs.views);
        });
        self.spellings.merge(&mut other.spellings);
        self.sample.merge(&other.sample);
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

    /// How many hashtags there are, and their counts with their commonest spellings (of equally
    /// common ones the first by code point), in no order; at least those with the most posts, so
    /// many as are asked for.
    pub(crate) fn into_counted(mut self, most: Option<usize>) -> (usize, Vec<Counted>) {
        let (distinct, totals) = self.spellings.totals(most);
        let extras = self.extras.authors || self.extras.views;
        let mut counted = Vec::new();
        for total in &totals {
            let Some((tag, spelling)) = self.spellings.names(total) else {
                continue;
            };
            let tally = if extras {
                let number = self.spellings.number(total.slot);
                std::mem::take(tally(&mut self.tallies, number))
            } else {
                Tally::default()
            };
            counted.push(Counted {
                tag,
                spelling,
                posts: total.posts,
                tallied: Tallied::Lists {
                    authors: tally.authors,
                    views: tally.views,
                },
            });
        }
        (distinct, counted)
    }
}

/// Adds to a list, which mostly is empty.
fn append<T>(ours: &mut Vec<T>, mut theirs: Vec<T>) {
    if ours.is_empty() {
        *ours = theirs;
    } else {
        ours.append(&mut theirs);
    }
}

/// The tally of a hashtag by its number.
fn tally(tallies: &mut Vec<Tally>, number: u32) -> &mut Tally {
    let index = number as usize;
    if index >= tallies.len() {
        tallies.resize_with(index + 1, Tally::default);
    }
    &mut tallies[index]
}

fn intern(names: &mut HashMap<Box<str>, u32>, name: &str) -> u32 {
    if let Some(&known) = names.get(name) {
        return known;
    }
    // Four billion distinct authors do not fit into a machine's memory before this fails.
    let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
    names.insert(name.into(), next);
    next
}
