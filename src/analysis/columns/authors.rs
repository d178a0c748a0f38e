//! What authors make of hashtags: how many used each of them, and how often the busiest did.
//!
//! Most uses of a hashtag are their author's first. So they are what posts were counted as, less the
//! repeats; and a repeat takes an author with two posts and a hashtag that two posts have. Only these
//! are looked at, author by author.

use std::ops::Range;

use super::choose::{BATCH, COUNTED, Chosen, LEFT_OUT, Part, parts, side_by_side};
use super::flags::Flags;
use super::lists::Joined;
use super::numbers::{Identities, Numbers};
use crate::analysis::rank::Use;
use crate::model::{Column, Columns, Tables};

/// Authors of the posts that are counted.
#[derive(Debug, Default)]
pub(super) struct Authors {
    /// How many.
    pub(super) distinct: u64,
    /// Posts with each hashtag that name no author; empty where all do.
    without: Vec<u32>,
    /// Posts with each hashtag beside their authors' first.
    repeats: Vec<u32>,
    /// Most posts of one author with each hashtag, where it is more than one.
    most: Vec<u32>,
}

impl Authors {
    /// Those of some tables' posts; `posts` is how many posts each hashtag has. `None` where the columns
    /// contradict themselves or cannot be read.
    pub(super) fn new(
        tables: &dyn Tables,
        columns: &[Columns],
        chosen: Option<&[Chosen]>,
        numbers: &Numbers,
        posts: &[u32],
    ) -> Option<Self> {
        // Places of hashtags are kept in 32 bits.
        let fits = |table: &Columns| u32::try_from(table.tags.len()).is_ok();
        if !columns.iter().all(fits) {
            return None;
        }
        let asked = Asked {
            columns,
            chosen,
            authors: Joined::new(tables, columns, Column::Authors)?,
            numbers,
            identities: numbers.identities(),
        };
        let met = asked.met()?;
        let mut authors = Self {
            distinct: met.iter().filter(|&&posts| posts > 0).count() as u64,
            ..Self::default()
        };
        let mut lists = Vec::new();
        for (number, table) in columns.iter().enumerate() {
            let all_are_named = table.classes.iter().all(|(class, _)| class.has_author);
            if all_are_named && !met.iter().any(|&posts| posts > 1) {
                continue;
            }
            for part in side_by_side(parts(table), |part| asked.looked_at(number, &part, &met)) {
                let (places, without) = part?;
                lists.push(places);
                add(&mut authors.without, &without);
            }
        }
        if lists.iter().all(Vec::is_empty) {
            return Some(authors);
        }
        drop(met);
        let several = asked.several(posts);
        authors.repeats = vec![0; numbers.len()];
        authors.most = vec![0; numbers.len()];
        for share in side_by_side(shares(&lists), |share| {
            asked.repeats(&lists, share, &several)
        }) {
            for repeat in share? {
                let tag = repeat.tag as usize;
                authors.repeats[tag] += repeat.posts;
                authors.most[tag] = authors.most[tag].max(repeat.most);
            }
        }
        Some(authors)
    }

    /// How many authors used each hashtag.
    pub(super) fn votes(&self, posts: &[u32]) -> Option<Vec<u32>> {
        let mut votes = posts.to_vec();
        for less in [&self.without, &self.repeats] {
            for (votes, less) in votes.iter_mut().zip(less) {
                *votes = votes.checked_sub(*less)?;
            }
        }
        Some(votes)
    }

    /// Who used a hashtag that so many posts have.
    pub(super) fn of(&self, tag: u32, posts: u32) -> Option<Use> {
        let of = |counts: &[u32]| counts.get(tag as usize).copied().unwrap_or(0);
        let authored = posts.checked_sub(of(&self.without))?;
        Some(Use {
            authors: u64::from(authored.checked_sub(of(&self.repeats))?),
            busiest: of(&self.most).max(1),
            authored: u64::from(authored),
        })
    }
}

fn add(all: &mut Vec<u32>, part: &[u32]) {
    all.resize(all.len().max(part.len()), 0);
    for (all, one) in all.iter_mut().zip(part) {
        *all += one;
    }
}

/// Tables, and what is counted of them.
struct Asked<'q> {
    columns: &'q [Columns],
    chosen: Option<&'q [Chosen]>,
    authors: Joined,
    numbers: &'q Numbers,
    identities: Identities,
}

/// Where the hashtags of a post stand, and whose it is.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    author: u32,
    table: u32,
    at: u32,
    length: u32,
}

/// What authors did more than once.
struct Repeat {
    tag: u32,
    /// Posts beside their authors' first.
    posts: u32,
    /// Most posts of one author.
    most: u32,
}

impl Asked<'_> {
    fn marks(&self, table: usize) -> &[u8] {
        let chosen = self.chosen.and_then(|chosen| chosen.get(table));
        chosen.map_or(&[], Chosen::marks)
    }

    /// How many posts each author has, as far as eight bits tell.
    fn met(&self) -> Option<Vec<u8>> {
        let mut all = vec![0_u8; self.authors.len()];
        for (number, table) in self.columns.iter().enumerate() {
            for part in side_by_side(parts(table), |part| self.met_in(number, &part)) {
                for (all, one) in all.iter_mut().zip(part?) {
                    *all = all.saturating_add(one);
                }
            }
        }
        Some(all)
    }

    fn met_in(&self, number: usize, part: &Part) -> Option<Vec<u8>> {
        let table = self.columns.get(number)?;
        let (marks, here) = (self.marks(number), self.authors.of_list(number));
        let mut met = vec![0_u8; self.authors.len()];
        let mut authors = [0; BATCH];
        for first in part.posts().step_by(BATCH) {
            let authors = &mut authors[..(part.posts().end - first).min(BATCH)];
            table.authors_of(first, authors)?;
            let marks = marks.get(first..).unwrap_or_default();
            for (post, &author) in authors.iter().enumerate() {
                if author == 0 || marks.get(post) == Some(&LEFT_OUT) {
                    continue;
                }
                let posts = met.get_mut(renumbered(here, author - 1)? as usize)?;
                *posts = posts.saturating_add(1);
            }
        }
        Some(met)
    }

    /// The posts of authors who have several, and how often hashtags stand in posts without an author.
    fn looked_at(&self, number: usize, part: &Part, met: &[u8]) -> Option<(Vec<Place>, Vec<u32>)> {
        let table = self.columns.get(number)?;
        let (marks, here) = (self.marks(number), self.authors.of_list(number));
        let number = u32::try_from(number).ok()?;
        let (mut places, mut without) = (Vec::new(), Vec::new());
        let mut authors = [0; BATCH];
        let mut batches = part.batches(table);
        while let Some(posts) = batches.next()? {
            let authors = &mut authors[..posts.len()];
            table.authors_of(posts.start, authors)?;
            let marks = marks.get(posts).unwrap_or_default();
            let (counts, mut at) = batches.counts();
            for (post, (&author, &length)) in authors.iter().zip(counts).enumerate() {
                let tags = at..at + length as usize;
                at = tags.end;
                if marks.get(post).is_some_and(|&mark| mark != COUNTED) {
                    continue;
                }
                if author == 0 {
                    without.resize(self.numbers.len(), 0);
                    for tag in table.tags.range(tags) {
                        let tag = self.identity(number, tag)?;
                        *without.get_mut(tag as usize)? += 1;
                    }
                    continue;
                }
                let author = renumbered(here, author - 1)?;
                if *met.get(author as usize)? > 1 {
                    places.push(Place {
                        author,
                        table: number,
                        at: u32::try_from(tags.start).ok()?,
                        length,
                    });
                }
            }
        }
        Some((places, without))
    }

    fn identity(&self, table: u32, tag: u64) -> Option<u32> {
        let tag = u32::try_from(tag).ok()?;
        let tag = renumbered(self.numbers.of_table(table as usize), tag)?;
        Some(self.identities.of(tag))
    }

    /// Spellings of hashtags that several posts have.
    fn several(&self, posts: &[u32]) -> Flags {
        let mut several = Flags::new(self.numbers.len());
        for (tag, _) in (0..).zip(posts).filter(|(_, posts)| **posts > 1) {
            several.set(tag);
        }
        for &(variant, identity) in &self.numbers.variants {
            if several.has(identity) {
                several.set(variant);
            }
        }
        several
    }

    /// What some authors repeat; `several` are the hashtags that can be.
    fn repeats(
        &self,
        lists: &[Vec<Place>],
        authors: Range<u32>,
        several: &Flags,
    ) -> Option<Vec<Repeat>> {
        // By hashtag: posts of the author at hand, and where its repeats are in the list, from 1.
        let mut posts = vec![(0_u32, 0_u32); self.numbers.len()];
        let mut repeats: Vec<Repeat> = Vec::new();
        let mut tags = Vec::new();
        let places = by_author(lists, authors);
        for group in places.chunk_by(|a, b| a.author == b.author) {
            tags.clear();
            for place in group {
                let table = self.columns.get(place.table as usize)?;
                let here = self.numbers.of_table(place.table as usize);
                let at = place.at as usize;
                for tag in table.tags.range(at..at + place.length as usize) {
                    let tag = renumbered(here, u32::try_from(tag).ok()?)?;
                    if several.has(tag) {
                        tags.push(self.identities.of(tag));
                    }
                }
            }
            for &tag in &tags {
                let (posts, repeat) = posts.get_mut(tag as usize)?;
                *posts += 1;
                if *posts == 1 {
                    continue;
                }
                if *repeat == 0 {
                    let (posts, most) = (0, 0);
                    repeats.push(Repeat { tag, posts, most });
                    *repeat = u32::try_from(repeats.len()).ok()?;
                }
                let repeat = repeats.get_mut(*repeat as usize - 1)?;
                repeat.posts += 1;
                repeat.most = repeat.most.max(*posts);
            }
            for &tag in &tags {
                posts.get_mut(tag as usize)?.0 = 0;
            }
        }
        Some(repeats)
    }
}

/// A number of a list in the joint numbering.
#[inline]
fn renumbered(here: Option<&[u32]>, number: u32) -> Option<u32> {
    match here {
        None => Some(number),
        Some(here) => here.get(number as usize).copied(),
    }
}

/// The posts of some authors, those of each together.
fn by_author(lists: &[Vec<Place>], authors: Range<u32>) -> Vec<Place> {
    let mine = || {
        let all = lists.iter().flatten().copied();
        all.filter(|place| authors.contains(&place.author))
    };
    let length = mine().count();
    if authors.len() / 8 > length {
        let mut places: Vec<Place> = mine().collect();
        places.sort_unstable_by_key(|place| place.author);
        return places;
    }
    // Where the next post of each author comes.
    let mut next = vec![0_u32; authors.len()];
    let at = |place: &Place| (place.author - authors.start) as usize;
    for place in mine() {
        next[at(&place)] += 1;
    }
    let mut start = 0;
    for next in &mut next {
        start += std::mem::replace(next, start);
    }
    let mut places = vec![Place::default(); length];
    for place in mine() {
        let next = &mut next[at(&place)];
        places[*next as usize] = place;
        *next += 1;
    }
    places
}

/// Authors in shares of about as many posts, one for each core.
fn shares(lists: &[Vec<Place>]) -> Vec<Range<u32>> {
    const LOOKED_AT: usize = 1024;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let total: usize = lists.iter().map(Vec::len).sum();
    let few = if cfg!(test) { 4 } else { 1 << 12 };
    let each = lists.iter().flatten().step_by(total / LOOKED_AT + 1);
    let mut some: Vec<u32> = each.map(|place| place.author).collect();
    some.sort_unstable();
    let end = lists.iter().flatten().map(|place| place.author + 1).max();
    let mut shares = Vec::new();
    let mut start = 0;
    for core in 1..cores {
        let author = some.get(some.len() * core / cores).copied();
        if let Some(author) = author.filter(|&author| total >= few && author > start) {
            shares.push(start..author);
            start = author;
        }
    }
    shares.push(start..end.unwrap_or(start));
    shares
}
