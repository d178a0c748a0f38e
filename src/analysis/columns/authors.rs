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

/// Hashtags of authors with several posts that are gathered together, for each stored post. In tests so
/// few that there are several such rounds.
const GATHERED: u64 = if cfg!(test) { 1 } else { 4 };

/// In place of an author whose post is passed over.
const PASSED: u32 = u32::MAX;
/// So many times as many authors as hashtags of theirs are not worth a place for each. In tests so few
/// that it happens there.
const SPARSE: usize = if cfg!(test) { 1 } else { 8 };

/// Authors of the posts that are counted.
pub(super) struct Authors<'q> {
    asked: Asked<'q>,
    /// How many.
    pub(super) distinct: u64,
    /// Of each author how many posts there are, as far as eight bits tell.
    met: Vec<u8>,
    /// Only hashtags with at least so many posts were looked at.
    least: u32,
    /// Posts with each hashtag that name no author; empty where all do.
    without: Vec<u32>,
    /// Posts with each hashtag beside their authors' first; empty where there are none.
    repeats: Vec<u32>,
    /// Most posts of one author with each hashtag, where it is more than one.
    most: Vec<u32>,
}

impl<'q> Authors<'q> {
    /// Those of some tables' posts. `None` where the columns contradict themselves or cannot be read.
    pub(super) fn new(
        tables: &'q dyn Tables,
        columns: &'q [Columns],
        chosen: Option<&'q [Chosen]>,
        numbers: &'q Numbers,
    ) -> Option<Self> {
        let asked = Asked {
            tables,
            columns,
            chosen,
            authors: Joined::new(tables, columns, Column::Authors, &|_, _| true)?,
            numbers,
            identities: numbers.identities(),
        };
        let met = asked.met()?;
        Some(Self {
            asked,
            distinct: met.iter().filter(|&&posts| posts > 0).count() as u64,
            met,
            least: u32::MAX,
            without: Vec::new(),
            repeats: Vec::new(),
            most: Vec::new(),
        })
    }

    /// Looks at hashtags with at least so many posts; `posts` is how many each has. `None` where the
    /// columns contradict themselves.
    pub(super) fn look(&mut self, posts: &[u32], least: u32) -> Option<()> {
        let asked = &self.asked;
        self.least = least;
        self.without.clear();
        self.repeats.clear();
        self.most.clear();
        let has_repeats = self.met.iter().any(|&posts| posts > 1);
        let wanted = asked.spellings(posts, least);
        let uses = posts.iter().filter(|&&posts| posts >= least);
        let uses: u64 = uses.map(|&posts| u64::from(posts)).sum();
        let stored: usize = asked.columns.iter().map(|table| table.posts).sum();
        let rounds = usize::try_from(uses / (GATHERED * stored.max(1) as u64)).ok()? + 1;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shares = asked.shares(cores.checked_mul(rounds)?);
        for (round, shares) in shares.chunks(cores).enumerate() {
            let mut gathered: Vec<Vec<Pairs>> = vec![Vec::new(); shares.len()];
            for (number, table) in asked.columns.iter().enumerate() {
                let is_named = table.classes.iter().all(|(class, _)| class.has_author);
                // Posts without an author are counted once.
                let counts_nameless = !is_named && round == 0;
                if !has_repeats && !counts_nameless {
                    continue;
                }
                let found = side_by_side(parts(table), |part| {
                    asked.gather(number, &part, (&self.met, &wanted), shares)
                });
                for part in found {
                    let (pairs, without) = part?;
                    if counts_nameless {
                        add(&mut self.without, &without);
                    }
                    for (gathered, pairs) in gathered.iter_mut().zip(pairs) {
                        gathered.push(pairs);
                    }
                }
            }
            let gathered = shares.iter().zip(gathered).collect();
            let found = side_by_side(gathered, |(authors, pairs)| asked.repeats(authors, pairs));
            for repeat in found.into_iter().flatten() {
                self.repeats.resize(asked.numbers.len(), 0);
                self.most.resize(asked.numbers.len(), 0);
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
            for (votes, less) in votes.iter_mut().zip(less) {
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

/// Authors and hashtags of theirs, one for each post with it.
type Pairs = Vec<(u32, u32)>;

/// What authors did more than once.
struct Repeat {
    tag: u32,
    /// Posts beside their authors' first.
    posts: u32,
    /// Most posts of one author.
    most: u32,
}

/// Tables, and what is counted of them.
struct Asked<'q> {
    tables: &'q dyn Tables,
    columns: &'q [Columns],
    chosen: Option<&'q [Chosen]>,
    authors: Joined,
    numbers: &'q Numbers,
    identities: Identities,
}

impl Asked<'_> {
    fn marks(&self, table: usize) -> &[u8] {
        let chosen = self.chosen.and_then(|chosen| chosen.get(table));
        chosen.map_or(&[], Chosen::marks)
    }

    /// How many posts each author has, as far as eight bits tell.
    fn met(&self) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        for (number, table) in self.columns.iter().enumerate() {
            for part in side_by_side(parts(table), |part| self.met_in(number, &part)) {
                let part = part?;
                if all.is_empty() {
                    all = part;
                    continue;
                }
                for (all, one) in all.iter_mut().zip(&part) {
                    *all = u8::saturating_add(*all, *one);
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

    /// All authors, in at most so many shares of about as many posts.
    fn shares(&self, most: usize) -> Vec<Range<u32>> {
        let posts: usize = self.columns.iter().map(|table| table.posts).sum();
        let step = posts / most.saturating_mul(64).max(1) + 1;
        let mut some = Vec::new();
        for (number, table) in self.columns.iter().enumerate() {
            let here = self.authors.of_list(number);
            let authors = (0..table.posts).step_by(step);
            let authors = authors.filter_map(|post| table.author_of(post));
            some.extend(authors.filter_map(|author| renumbered(here, author)));
        }
        some.sort_unstable();
        let mut shares = Vec::new();
        let mut start = 0;
        for share in 1..most {
            let end = some.get(some.len() * share / most).copied();
            if let Some(end) = end.filter(|&end| end > start) {
                shares.push(start..end);
                start = end;
            }
        }
        // An author whose post is passed over is in none.
        shares.push(start..number(self.authors.len()));
        shares
    }

    /// Wanted hashtags of authors who have several posts, for each share of authors, and how often
    /// hashtags stand in posts without an author.
    fn gather(
        &self,
        number: usize,
        part: &Part,
        (met, wanted): (&[u8], &Flags),
        shares: &[Range<u32>],
    ) -> Option<(Vec<Pairs>, Vec<u32>)> {
        let table = self.columns.get(number)?;
        let (marks, here) = (self.marks(number), self.authors.of_list(number));
        let spelled = self.numbers.of_table(number);
        let mut pairs = vec![Pairs::new(); shares.len()];
        let mut without = Vec::new();
        let mut authors = [0; BATCH];
        let mut batches = part.batches((self.tables, number), table);
        while let Some(posts) = batches.next() {
            let authors = &mut authors[..posts.len()];
            table.authors_of(posts.start, authors)?;
            let marks = marks.get(posts).unwrap_or_default();
            pass_over(authors, marks, (here, met))?;
            if authors.iter().all(|&author| author == PASSED) {
                continue;
            }
            let (counts, mut rest) = batches.unpacked()?;
            for (&author, &count) in authors.iter().zip(counts) {
                let (tags, others) = rest.split_at(count as usize);
                rest = others;
                let mut place = None;
                if let Some(author) = author.checked_sub(1) {
                    let share = shares.partition_point(|share| share.end <= author);
                    let share = shares
                        .get(share)
                        .filter(|share| share.contains(&author))
                        .and(Some(share));
                    match share.and_then(|share| pairs.get_mut(share)) {
                        Some(pairs) => place = Some((author, pairs)),
                        None => continue,
                    }
                }
                for &tag in tags {
                    let tag = renumbered(spelled, tag)?;
                    if !wanted.has(tag) {
                        continue;
                    }
                    let tag = self.identities.of(tag);
                    match &mut place {
                        Some((author, pairs)) => pairs.push((*author, tag)),
                        None => {
                            without.resize(self.numbers.len(), 0);
                            *without.get_mut(tag as usize)? += 1;
                        }
                    }
                }
            }
        }
        Some((pairs, without))
    }

    /// What some authors repeat.
    fn repeats(&self, authors: &Range<u32>, lists: Vec<Pairs>) -> Vec<Repeat> {
        let mut counted = Counted {
            posts: Vec::new(),
            repeat_of: Vec::new(),
            repeats: Vec::new(),
        };
        let length: usize = lists.iter().map(Vec::len).sum();
        if length == 0 {
            return counted.repeats;
        }
        counted.posts.resize(self.numbers.len(), 0);
        counted.repeat_of.resize(self.numbers.len(), 0);
        if authors.len() / SPARSE > length || u32::try_from(length).is_err() {
            let mut pairs = lists.concat();
            pairs.sort_unstable();
            let mut tags = Vec::new();
            for pairs in pairs.chunk_by(|a, b| a.0 == b.0) {
                tags.clear();
                tags.extend(pairs.iter().map(|(_, tag)| *tag));
                counted.author(&tags);
            }
            return counted.repeats;
        }
        // Where the next hashtag of each author comes.
        let mut next = vec![0_u32; authors.len()];
        let all = || {
            lists
                .iter()
                .flatten()
                .map(|&(author, tag)| ((author - authors.start) as usize, tag))
        };
        for (author, _) in all() {
            next[author] += 1;
        }
        let mut start = 0;
        for next in &mut next {
            start += std::mem::replace(next, start);
        }
        let mut tags = vec![0; length];
        for (author, tag) in all() {
            let next = &mut next[author];
            tags[*next as usize] = tag;
            *next += 1;
        }
        drop(lists);
        let mut start = 0;
        for end in next {
            counted.author(tags.get(start..end as usize).unwrap_or_default());
            start = end as usize;
        }
        counted.repeats
    }
}

/// Repeats being counted author by author.
struct Counted {
    /// Posts with each hashtag of the author at hand.
    posts: Vec<u32>,
    /// Where each hashtag's repeats are in the list, from 1.
    repeat_of: Vec<u32>,
    repeats: Vec<Repeat>,
}

impl Counted {
    /// Takes all hashtags of an author.
    fn author(&mut self, tags: &[u32]) {
        for &tag in tags {
            let posts = &mut self.posts[tag as usize];
            *posts += 1;
            if *posts == 1 {
                continue;
            }
            let place = &mut self.repeat_of[tag as usize];
            if *place == 0 {
                let (posts, most) = (0, 0);
                self.repeats.push(Repeat { tag, posts, most });
                *place = number(self.repeats.len());
            }
            if let Some(repeat) = self.repeats.get_mut(*place as usize - 1) {
                repeat.posts += 1;
                repeat.most = repeat.most.max(*posts);
            }
        }
        for &tag in tags {
            self.posts[tag as usize] = 0;
        }
    }
}

/// Of the authors, from 1, of some posts of a table leaves those who have several posts, by their
/// numbers among all authors, and 0 for posts without one.
fn pass_over(
    authors: &mut [u32],
    marks: &[u8],
    (here, met): (Option<&[u32]>, &[u8]),
) -> Option<()> {
    for (post, author) in authors.iter_mut().enumerate() {
        if marks.get(post).is_some_and(|&mark| mark != COUNTED) {
            *author = PASSED;
        } else if *author > 0 {
            let number = renumbered(here, *author - 1)?;
            let has_several = *met.get(number as usize)? > 1;
            *author = if has_several { number + 1 } else { PASSED };
        }
    }
    Some(())
}

/// A number of a list in the joint numbering.
#[inline]
fn renumbered(here: Option<&[u32]>, number: u32) -> Option<u32> {
    match here {
        None => Some(number),
        Some(here) => here.get(number as usize).copied(),
    }
}

/// Numbers of hashtags, of which there are fewer than four billion.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
