//! Texts, numbered as they come, each kept once.

use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::Names;

/// Texts and their numbers, from 0 in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    names: Names,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// A text did not fit.
    is_full: bool,
}

impl Dictionary {
    /// A text's number, and whether it is new; `None` where it does not fit.
    pub(super) fn number(&mut self, text: &str) -> Option<(u32, bool)> {
        let Self { names, hasher, .. } = self;
        let is_same = |&number: &u32| names.bytes(number) == text.as_bytes();
        let hash_of = |&number: &u32| hasher.hash_one(names.bytes(number));
        let hash = hasher.hash_one(text.as_bytes());
        match self.numbers.entry(hash, is_same, hash_of) {
            Entry::Occupied(entry) => Some((*entry.get(), false)),
            Entry::Vacant(entry) => {
                let Some(number) = names.push(text) else {
                    self.is_full = true;
                    return None;
                };
                entry.insert(number);
                Some((number, true))
            }
        }
    }

    /// A text's number from 1; 0 without a text.
    pub(super) fn optional(&mut self, text: Option<&str>) -> u32 {
        text.and_then(|text| self.number(text))
            .map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// How many texts.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The texts; `None` where one of them did not fit.
    pub(super) fn names(self) -> Option<Names> {
        (!self.is_full).then_some(self.names)
    }
}
