//! Texts, numbered as they come, each kept once.

use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::Names;

/// Keyed anew for every process, so that no texts can be chosen to have the same hash, and the same for
/// all dictionaries, so that a text is hashed once.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The hash of a text.
pub(super) fn hash(text: &[u8]) -> u64 {
    HASHER.hash_one(text)
}

/// Texts and their numbers, from 0 in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    names: Names,
    numbers: HashTable<u32>,
    /// A text did not fit.
    is_full: bool,
}

impl Dictionary {
    /// A text's number, and whether it is new; `None` where it does not fit.
    pub(super) fn number(&mut self, text: &str) -> Option<(u32, bool)> {
        self.hashed(text, hash(text.as_bytes()))
    }

    /// As [`Dictionary::number`], of a text whose hash is known.
    pub(super) fn hashed(&mut self, text: &str, hash: u64) -> Option<(u32, bool)> {
        let Self { names, .. } = self;
        let is_same = |&number: &u32| names.bytes(number) == text.as_bytes();
        let hash_of = |&number: &u32| self::hash(names.bytes(number));
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

    /// The number from 1 of a text whose hash is known; 0 without a text.
    pub(super) fn optional(&mut self, text: Option<(&str, u64)>) -> u32 {
        text.and_then(|(text, hash)| self.hashed(text, hash))
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
