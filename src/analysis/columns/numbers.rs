//! One numbering of hashtags over several tables, each of which has its own.

use hashbrown::HashMap;

use super::choose::Chosen;
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
    /// Those that the chosen posts of some tables use, and their identities; without `chosen` all.
    pub(super) fn new(
        tables: &dyn Tables,
        columns: &[Columns],
        chosen: Option<&[Chosen]>,
    ) -> Option<Self> {
        // The first table's numbers stay, used or not.
        let used: Option<Vec<Flags>> = chosen.map(|chosen| {
            let others = columns.iter().zip(chosen).skip(1);
            others.map(|(table, chosen)| used(table, chosen)).collect()
        });
        let is_wanted = |table: usize, tag| match (&used, table.checked_sub(1)) {
            (Some(used), Some(other)) => used.get(other).is_some_and(|used| used.has(tag)),
            _ => true,
        };
        let joined = Joined::new(tables, columns, Column::Spellings, &is_wanted)?;
        let mut variants: Vec<(u32, u32)> = Vec::new();
        for (number, table) in columns.iter().enumerate() {
            let here = |tag| joined.of(number, tag);
            let pairs = table.variants.iter();
            let pairs = pairs.filter(|(variant, _)| is_wanted(number, *variant));
            variants.extend(pairs.map(|&(variant, identity)| (here(variant), here(identity))));
        }
        if columns.len() > 1 {
            // Those of each table are in order: runs that only a stable sort merges.
            variants.sort_by_key(|&pair| pair);
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

    /// The numbers of a table's spellings, where they are other ones than there.
    pub(super) fn of_table(&self, table: usize) -> Option<&[u32]> {
        self.joined.of_list(table)
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
    pub(super) fn identities(&self) -> Identities {
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

/// Spellings that chosen posts use, and their identities.
fn used(table: &Columns, chosen: &Chosen) -> Flags {
    let mut used = Flags::new(table.spelling_count);
    for (tag, _) in (0..).zip(&chosen.uses).filter(|(_, uses)| **uses > 0) {
        used.set(tag);
    }
    for &(variant, identity) in &table.variants {
        if used.has(variant) {
            used.set(identity);
        }
    }
    used
}

/// The identities of spellings, most of which are their own: what these are told by stays in a core's
/// cache.
pub(super) struct Identities {
    is_variant: Flags,
    /// Of those that are variants.
    of: Vec<u32>,
}

impl Identities {
    #[inline]
    pub(super) fn of(&self, tag: u32) -> u32 {
        if self.is_variant.has(tag) {
            self.of.get(tag as usize).copied().unwrap_or(tag)
        } else {
            tag
        }
    }
}
