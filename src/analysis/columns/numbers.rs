//! One numbering of hashtags and of authors over several tables, each of which has its own.

use hashbrown::HashMap;

use super::choose::{Chosen, Part, add, parts, side_by_side};
use super::flags::Flags;
use super::lists::Joined;
use crate::model::{Column, Columns, Tables};

/// Numbers of spellings.
#[derive(Debug)]
pub(super) struct Numbers {
    joined: Joined,
    /// Spellings that are not their hashtag's identity, and the number of that; each once.
    pub(super) variants: Vec<(u32, u32)>,
}

impl Numbers {
    pub(super) fn new(tables: &dyn Tables, columns: &[Columns]) -> Option<Self> {
        let joined = Joined::new(tables, columns, Column::Spellings)?;
        let mut variants: Vec<(u32, u32)> = Vec::new();
        for (number, table) in columns.iter().enumerate() {
            let here = |tag| joined.of(number, tag);
            let pairs = table.variants.iter();
            variants.extend(pairs.map(|&(variant, identity)| (here(variant), here(identity))));
        }
        if columns.len() > 1 {
            variants.sort_unstable();
            variants.dedup();
        }
        Some(Self { joined, variants })
    }

    /// How many spellings.
    pub(super) fn len(&self) -> usize {
        self.joined.len()
    }

    /// The number of a table's spelling.
    #[inline]
    pub(super) fn of(&self, table: usize, tag: u32) -> u32 {
        self.joined.of(table, tag)
    }

    /// The texts of some spellings.
    pub(super) fn names(
        &self,
        tables: &dyn Tables,
        wanted: impl Iterator<Item = u32>,
    ) -> Option<HashMap<u32, String>> {
        let mut places = Vec::new();
        for number in wanted {
            places.push((self.joined.place(number)?, number));
        }
        places.sort_unstable();
        places.dedup();
        let mut names = HashMap::with_capacity(places.len());
        for group in places.chunk_by(|a, b| a.0.0 == b.0.0) {
            let table = group[0].0.0;
            let there: Vec<u32> = group.iter().map(|((_, number), _)| *number).collect();
            let texts = tables.texts(table, Column::Spellings, &there)?;
            names.extend(group.iter().map(|(_, number)| *number).zip(texts));
        }
        Some(names)
    }

    /// Adds a table's counts to those of all.
    pub(super) fn add(&self, table: usize, counts: Vec<u32>, all: &mut Vec<u32>) {
        if table == 0 {
            *all = counts;
            all.resize(self.len(), 0);
            return;
        }
        for (tag, count) in (0..).zip(counts) {
            if let Some(all) = all.get_mut(self.of(table, tag) as usize) {
                *all += count;
            }
        }
    }

    /// The identities of spellings.
    fn identities(&self) -> Identities {
        let mut identities = Identities {
            is_variant: Flags::new(self.len()),
            of: vec![0; self.len()],
        };
        for &(variant, identity) in &self.variants {
            if let Some(of) = identities.of.get_mut(variant as usize) {
                *of = identity;
                identities.is_variant.set(variant);
            }
        }
        identities
    }
}

/// The identities of spellings, most of which are their own: what these are told by stays in a core's
/// cache.
struct Identities {
    is_variant: Flags,
    /// Of those that are variants.
    of: Vec<u32>,
}

impl Identities {
    #[inline]
    fn of(&self, tag: u32) -> u32 {
        if self.is_variant.has(tag) {
            self.of.get(tag as usize).copied().unwrap_or(tag)
        } else {
            tag
        }
    }
}

/// Numbers of authors.
#[derive(Debug)]
pub(super) struct Authors {
    joined: Joined,
}

impl Authors {
    pub(super) fn new(tables: &dyn Tables, columns: &[Columns]) -> Option<Self> {
        let joined = Joined::new(tables, columns, Column::Authors)?;
        Some(Self { joined })
    }

    #[inline]
    pub(super) fn of(&self, number: usize, table: &Columns, post: usize) -> Option<u32> {
        Some(self.joined.of(number, table.author_of(post)?))
    }

    /// How many counted posts each author has.
    pub(super) fn posts(&self, columns: &[Columns], chosen: Option<&[Chosen]>) -> Vec<u32> {
        let mut all = Vec::new();
        for (number, table) in columns.iter().enumerate() {
            let chosen = chosen.and_then(|chosen| chosen.get(number));
            let counts = side_by_side(parts(table), |part| {
                let mut counts = vec![0_u32; self.joined.len()];
                for post in part.posts() {
                    if chosen.is_none_or(|chosen| chosen.has(post))
                        && let Some(author) = self.of(number, table, post)
                        && let Some(count) = counts.get_mut(author as usize)
                    {
                        *count += 1;
                    }
                }
                counts
            });
            for part in counts {
                add(&mut all, part);
            }
        }
        all.resize(self.joined.len(), 0);
        all
    }

    /// How many authors used each hashtag; `posts` is how many posts each author has. `None` where the
    /// columns contradict themselves.
    pub(super) fn votes(
        &self,
        columns: &[Columns],
        chosen: Option<&[Chosen]>,
        numbers: &Numbers,
        posts: &[u32],
    ) -> Option<Vec<u32>> {
        // Their places are kept in 32 bits.
        if columns
            .iter()
            .any(|table| u32::try_from(table.tags.len()).is_err())
        {
            return None;
        }
        let identities = numbers.identities();
        let mut votes = Vec::new();
        // What has several authors' posts is looked at author by author.
        let mut several = Several::new(posts)?;
        for (number, table) in columns.iter().enumerate() {
            let marks = chosen.and_then(|chosen| chosen.get(number));
            let marks = marks.map_or(&[][..], Chosen::marks);
            let found = side_by_side(parts(table), |part: Part| {
                let mut votes = vec![0_u32; numbers.len()];
                let mut several = Vec::new();
                part.each(table, marks, |post, at, tags| {
                    let Some(author) = self.of(number, table, post) else {
                        return;
                    };
                    if posts.get(author as usize) != Some(&1) {
                        #[expect(clippy::cast_possible_truncation, reason = "looked at above")]
                        several.push((author, at as u32, tags.len() as u32));
                        return;
                    }
                    for &tag in tags {
                        let tag = identities.of(numbers.of(number, tag));
                        if let Some(votes) = votes.get_mut(tag as usize) {
                            *votes += 1;
                        }
                    }
                })?;
                Some((votes, several))
            });
            for part in found {
                let (counts, places) = part?;
                add(&mut votes, counts);
                several.add(number, places)?;
            }
        }
        let found = side_by_side(several.shares(), |authors| {
            let mut votes = vec![0_u32; numbers.len()];
            // The last author who was met with each hashtag, from 1.
            let mut last = vec![0_u32; numbers.len()];
            for (turn, author) in (1..).zip(authors) {
                for (number, at, length) in several.of(author) {
                    let Some(table) = columns.get(number) else {
                        continue;
                    };
                    for tag in table.tags.range(at..at + length) {
                        let Ok(tag) = u32::try_from(tag) else {
                            continue;
                        };
                        let tag = identities.of(numbers.of(number, tag));
                        if let Some(last) = last.get_mut(tag as usize)
                            && *last != turn
                        {
                            *last = turn;
                            votes[tag as usize] += 1;
                        }
                    }
                }
            }
            votes
        });
        for part in found {
            add(&mut votes, part);
        }
        votes.resize(numbers.len(), 0);
        Some(votes)
    }
}

/// Posts of authors who have several, by author.
struct Several {
    /// Where each author's posts begin, and the last one's end.
    starts: Vec<u32>,
    /// How many of each are there already.
    filled: Vec<u32>,
    /// Table, first hashtag, and how many.
    posts: Vec<(u32, u32, u32)>,
}

impl Several {
    /// For authors with so many posts each.
    fn new(posts: &[u32]) -> Option<Self> {
        let mut starts = Vec::with_capacity(posts.len() + 1);
        let mut end = 0_u32;
        for &posts in posts {
            starts.push(end);
            end = end.checked_add(if posts > 1 { posts } else { 0 })?;
        }
        starts.push(end);
        Some(Self {
            filled: starts.clone(),
            starts,
            posts: vec![(0, 0, 0); end as usize],
        })
    }

    fn add(&mut self, table: usize, places: Vec<(u32, u32, u32)>) -> Option<()> {
        let table = u32::try_from(table).ok()?;
        for (author, at, length) in places {
            let next = self.filled.get_mut(author as usize)?;
            let place = self.posts.get_mut(*next as usize)?;
            *place = (table, at, length);
            *next += 1;
        }
        Some(())
    }

    /// An author's posts: table, first hashtag, and how many.
    fn of(&self, author: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let start = self.starts.get(author).map_or(0, |&start| start as usize);
        let end = self.filled.get(author).map_or(start, |&end| end as usize);
        let posts = self.posts.get(start..end).unwrap_or_default();
        let wide =
            |&(table, at, length): &(u32, u32, u32)| (table as usize, at as usize, length as usize);
        posts.iter().map(wide)
    }

    /// Authors in shares of about as many posts, one for each core.
    fn shares(&self) -> Vec<std::ops::Range<usize>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let each = self.posts.len().div_ceil(cores).max(1);
        let authors = self.starts.len() - 1;
        let mut shares = Vec::new();
        let mut start = 0;
        for core in 1..=cores {
            let posts = u32::try_from(core * each).unwrap_or(u32::MAX);
            let end = self.starts.partition_point(|&at| at < posts).min(authors);
            let end = if core == cores { authors } else { end };
            shares.push(start..end.max(start));
            start = end.max(start);
        }
        shares
    }
}
