//! One numbering of hashtags and of authors over several tables, each of which has its own.
//!
//! The first table's numbers stay; what only the others have comes behind them. So the names of the
//! first and largest are looked through once, and only those of the others are hashed.

use hashbrown::HashMap;

use super::choose::{Chosen, parts, side_by_side};
use crate::model::{Columns, Names};

/// Numbers of spellings.
#[derive(Debug)]
pub(super) struct Numbers {
    joined: Joined,
    /// Spellings that are not their hashtag's identity, and the number of that; each once.
    pub(super) variants: Vec<(u32, u32)>,
}

/// Several lists of names as one.
#[derive(Debug, Default)]
struct Joined {
    /// Of each list but the first, its names' numbers.
    here: Vec<Vec<u32>>,
    /// Where the names stand that the first list has not: list and number there.
    others: Vec<(usize, u32)>,
    /// Names of the first list.
    first: usize,
}

/// In place of the number of a name that was not met in the first list so far.
const NOWHERE: u32 = u32::MAX;

fn texts(names: &Names) -> impl Iterator<Item = &[u8]> {
    (0..).map(|number| names.bytes(number)).take(names.len())
}

/// A few bits of each name of a short list, by which nearly all names of a long one are told not to be
/// in it without hashing them.
struct Sketch(Vec<bool>);

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![false; 1 << 16])
    }
}

impl Sketch {
    fn add(&mut self, name: &[u8]) {
        self.0[Self::place(name)] = true;
    }

    #[inline]
    fn may_have(&self, name: &[u8]) -> bool {
        self.0[Self::place(name)]
    }

    #[inline]
    fn place(name: &[u8]) -> usize {
        let byte = |at: usize| u64::from(name.get(at).copied().unwrap_or(0));
        let length = name.len();
        let bytes =
            byte(0) | byte(1) << 8 | byte(length / 2) << 16 | byte(length.saturating_sub(1)) << 24;
        let mixed = (bytes ^ (length as u64) << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        usize::try_from(mixed >> 48).unwrap_or(0)
    }
}

impl Joined {
    fn new(lists: &[&Names]) -> Option<Self> {
        let Some((first, rest)) = lists.split_first() else {
            return Some(Self::default());
        };
        let mut joined = Self {
            first: first.len(),
            ..Self::default()
        };
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut sketch = Sketch::default();
        for list in rest {
            for name in texts(list) {
                sketch.add(name);
                numbers.insert(name, NOWHERE);
            }
        }
        if !numbers.is_empty() {
            let half = u32::try_from(first.len()).ok()? / 2;
            let halves = vec![0..half, half..u32::try_from(first.len()).ok()?];
            let met = side_by_side(halves, |half| {
                let known = half.filter(|&number| {
                    let name = first.bytes(number);
                    sketch.may_have(name) && numbers.contains_key(name)
                });
                known.collect::<Vec<u32>>()
            });
            for number in met.into_iter().flatten() {
                numbers.insert(first.bytes(number), number);
            }
        }
        for (list, names) in (1..).zip(rest) {
            let mut here = Vec::with_capacity(names.len());
            for (number, name) in (0..).zip(texts(names)) {
                let entry = numbers.entry(name).or_insert(NOWHERE);
                if *entry == NOWHERE {
                    *entry = u32::try_from(joined.first + joined.others.len()).ok()?;
                    joined.others.push((list, number));
                }
                here.push(*entry);
            }
            joined.here.push(here);
        }
        Some(joined)
    }

    fn len(&self) -> usize {
        self.first + self.others.len()
    }

    #[inline]
    fn of(&self, list: usize, number: u32) -> u32 {
        match list.checked_sub(1).and_then(|list| self.here.get(list)) {
            None => number,
            Some(here) => here.get(number as usize).copied().unwrap_or(0),
        }
    }
}

impl Numbers {
    pub(super) fn new(tables: &[Columns]) -> Option<Self> {
        let lists: Vec<&Names> = tables.iter().map(|table| &table.spellings).collect();
        if tables
            .iter()
            .any(|table| table.spellings.len() != table.uses.len())
        {
            return None;
        }
        let joined = Joined::new(&lists)?;
        let mut variants: Vec<(u32, u32)> = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            let here = |tag| joined.of(number, tag);
            let pairs = table.variants.iter();
            variants.extend(pairs.map(|&(variant, identity)| (here(variant), here(identity))));
        }
        if tables.len() > 1 {
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

    pub(super) fn name<'t>(&self, tables: &'t [Columns], number: u32) -> &'t str {
        let (list, number) = match (number as usize).checked_sub(self.joined.first) {
            None => (0, number),
            Some(other) => self.joined.others.get(other).copied().unwrap_or_default(),
        };
        tables
            .get(list)
            .map_or("", |table| table.spellings.get(number))
    }

    /// Adds a table's counts to those of all.
    pub(super) fn add(&self, table: usize, counts: &[u32], all: &mut [u32]) {
        if table == 0 {
            for (all, count) in all.iter_mut().zip(counts) {
                *all += count;
            }
            return;
        }
        for (tag, count) in (0..).zip(counts) {
            if let Some(all) = all.get_mut(self.of(table, tag) as usize) {
                *all += count;
            }
        }
    }

    /// How many of all posts spell each hashtag so.
    pub(super) fn uses(&self, tables: &[Columns]) -> Vec<u32> {
        let mut uses = vec![0; self.len()];
        for (number, table) in tables.iter().enumerate() {
            self.add(number, &table.uses, &mut uses);
        }
        uses
    }
}

/// Numbers of authors.
#[derive(Debug)]
pub(super) struct Authors {
    joined: Joined,
    /// How many authors the counted posts have.
    pub(super) distinct: u64,
    /// Of each author how many counted posts.
    posts: Vec<u32>,
}

impl Authors {
    pub(super) fn new(tables: &[Columns], chosen: Option<&Chosen>) -> Option<Self> {
        let joined = if tables.len() > 1 {
            let lists: Vec<&Names> = tables.iter().map(|table| &table.authors).collect();
            Joined::new(&lists)?
        } else {
            Joined::default()
        };
        let mut authors = Self {
            joined,
            distinct: 0,
            posts: Vec::new(),
        };
        for (number, table) in tables.iter().enumerate() {
            for post in 0..table.posts {
                if chosen.is_some_and(|chosen| !chosen.has(number, post)) {
                    continue;
                }
                if let Some(author) = authors.of(number, table, post) {
                    let author = author as usize;
                    if author >= authors.posts.len() {
                        authors.posts.resize(author + 1, 0);
                    }
                    authors.posts[author] += 1;
                }
            }
        }
        authors.distinct = authors.posts.iter().filter(|&&posts| posts > 0).count() as u64;
        Some(authors)
    }

    #[inline]
    pub(super) fn of(&self, number: usize, table: &Columns, post: usize) -> Option<u32> {
        Some(self.joined.of(number, table.author_of(post)?))
    }

    /// How many authors used each hashtag.
    pub(super) fn votes(
        &self,
        tables: &[Columns],
        chosen: Option<&Chosen>,
        numbers: &Numbers,
    ) -> Vec<u32> {
        let mut identities: Vec<u32> = (0..).take(numbers.len()).collect();
        for &(variant, identity) in &numbers.variants {
            identities[variant as usize] = identity;
        }
        let mut votes = vec![0; numbers.len()];
        // What authors with several posts used, as author and hashtag in one number.
        let mut several: Vec<Vec<u64>> = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            let mask = chosen.map_or(&[][..], |chosen| chosen.of(number));
            let found = side_by_side(parts(table), |part| {
                let mut votes = vec![0_u32; numbers.len()];
                let mut several = Vec::new();
                part.each(table, mask, |post, tags| {
                    let Some(author) = self.of(number, table, post) else {
                        return;
                    };
                    let tags = tags.map(|tag| identities[numbers.of(number, tag) as usize]);
                    if self.posts.get(author as usize) == Some(&1) {
                        tags.for_each(|tag| votes[tag as usize] += 1);
                    } else {
                        several.extend(tags.map(|tag| u64::from(author) << 32 | u64::from(tag)));
                    }
                });
                several.sort_unstable();
                several.dedup();
                (votes, several)
            });
            for (part, used) in found {
                votes
                    .iter_mut()
                    .zip(part)
                    .for_each(|(all, one)| *all += one);
                several.push(used);
            }
        }
        let mut several = several.concat();
        several.sort_unstable();
        several.dedup();
        for used in several {
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            let tag = used as u32;
            votes[tag as usize] += 1;
        }
        votes
    }
}
