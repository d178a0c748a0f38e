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
pub(super) struct Authors<'q> {
    asked: Asked<'q>,
    /// How many.
    pub(super) distinct: u64,
    /// Posts with each hashtag that name no author; empty where all do.
    without: Vec<u32>,
    /// Posts of authors who have several.
    places: Vec<Vec<Place>>,
    /// Only hashtags with at least so many posts were looked at.
    least: u32,
    /// Posts with each hashtag beside their authors' first.
    repeats: Vec<u32>,
    /// Most posts of one author with each hashtag, where it is more than one.
    most: Vec<u32>,
}

impl<'q> Authors<'q> {
    /// Those of some tables' posts. `None` where the columns contradict themselves or cannot be read.
    pub(super) fn new(
        tables: &dyn Tables,
        columns: &'q [Columns],
        chosen: Option<&'q [Chosen]>,
        numbers: &'q Numbers,
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
        let (mut without, mut places) = (Vec::new(), Vec::new());
        for (number, table) in columns.iter().enumerate() {
            let all_are_named = table.classes.iter().all(|(class, _)| class.has_author);
            if all_are_named && !met.iter().any(|&posts| posts > 1) {
                continue;
            }
            for part in side_by_side(parts(table), |part| asked.looked_at(number, &part, &met)) {
                let (found, nameless) = part?;
                places.push(found);
                add(&mut without, &nameless);
            }
        }
        Some(Self {
            asked,
            distinct: met.iter().filter(|&&posts| posts > 0).count() as u64,
            without,
            places,
            least: u32::MAX,
            repeats: Vec::new(),
            most: Vec::new(),
        })
    }

    /// Looks for repeats of hashtags with at least so many posts; `posts` is how many each has. `None`
    /// where the columns contradict themselves.
    pub(super) fn look(&mut self, posts: &[u32], least: u32) -> Option<()> {
        let asked = &self.asked;
        self.least = least;
        if self.places.iter().all(Vec::is_empty) {
            return Some(());
        }
        // Nobody repeats what a single post has.
        let wanted = asked.spellings(posts, least.max(2));
        self.repeats = vec![0; asked.numbers.len()];
        self.most = vec![0; asked.numbers.len()];
        let found = side_by_side(shares(&self.places), |share| {
            asked.repeats(&self.places, share, &wanted)
        });
        for share in found {
            for repeat in share? {
                let tag = repeat.tag as usize;
                self.repeats[tag] += repeat.posts;
                self.most[tag] = self.most[tag].max(repeat.most);
            }
        }
        Some(())
    }

    /// How many authors used each hashtag that was looked at; 0 for the others.
    pub(super) fn votes(&self, posts: &[u32]) -> Option<Vec<u32>> {
        let looked_at = |&posts: &u32| if posts < self.least { 0 } else { posts };
        let mut votes: Vec<u32> = posts.iter().map(looked_at).collect();
        for less in [&self.without, &self.repeats] {
            for (votes, less) in votes.iter_mut().zip(less).filter(|(votes, _)| **votes > 0) {
                *votes = votes.checked_sub(*less)?;
            }
        }
        Some(votes)
    }

    /// Who used a hashtag that so many posts have, and that was looked at.
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

/// Posts that are looked for together.
const AHEAD: usize = 64;

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

    /// Spellings of hashtags that at least so many posts have.
    fn spellings(&self, posts: &[u32], least: u32) -> Flags {
        let mut wanted = Flags::new(self.numbers.len());
        for (tag, _) in (0..).zip(posts).filter(|(_, posts)| **posts >= least) {
            wanted.set(tag);
        }
        for &(variant, identity) in &self.numbers.variants {
            if wanted.has(identity) {
                wanted.set(variant);
            }
        }
        wanted
    }

    /// What some authors repeat of the spellings that are wanted.
    fn repeats(
        &self,
        lists: &[Vec<Place>],
        authors: Range<u32>,
        wanted: &Flags,
    ) -> Option<Vec<Repeat>> {
        // Of each hashtag the posts of the author at hand, and where its repeats are in the list, from 1.
        let mut posts = vec![0_u32; self.numbers.len()];
        let mut repeat_of = vec![0_u32; self.numbers.len()];
        let mut repeats: Vec<Repeat> = Vec::new();
        let mut tags = Vec::new();
        let places = by_author(lists, authors);
        let (mut done, mut awaited) = (0, 0);
        for group in places.chunk_by(|a, b| a.author == b.author) {
            if done >= awaited {
                self.await_together(places.get(done..).unwrap_or_default());
                awaited = done + AHEAD;
            }
            done += group.len();
            tags.clear();
            for place in group {
                let table = self.columns.get(place.table as usize)?;
                let here = self.numbers.of_table(place.table as usize);
                let at = place.at as usize;
                for tag in table.tags.range(at..at + place.length as usize) {
                    let tag = renumbered(here, u32::try_from(tag).ok()?)?;
                    if wanted.has(tag) {
                        tags.push(self.identities.of(tag));
                    }
                }
            }
            for &tag in &tags {
                let posts = posts.get_mut(tag as usize)?;
                *posts += 1;
                if *posts == 1 {
                    continue;
                }
                let repeat_of = repeat_of.get_mut(tag as usize)?;
                if *repeat_of == 0 {
                    let (posts, most) = (0, 0);
                    repeats.push(Repeat { tag, posts, most });
                    *repeat_of = u32::try_from(repeats.len()).ok()?;
                }
                let repeat = repeats.get_mut(*repeat_of as usize - 1)?;
                repeat.posts += 1;
                repeat.most = repeat.most.max(*posts);
            }
            for &tag in &tags {
                *posts.get_mut(tag as usize)? = 0;
            }
        }
        Some(repeats)
    }

    /// Looks where the hashtags of the next posts stand, so that memory is waited for once and not for
    /// one post after the other.
    fn await_together(&self, places: &[Place]) {
        let mut seen = 0;
        for place in places.iter().take(AHEAD) {
            if let Some(table) = self.columns.get(place.table as usize) {
                seen ^= table.tags.get(place.at as usize);
            }
        }
        std::hint::black_box(seen);
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
