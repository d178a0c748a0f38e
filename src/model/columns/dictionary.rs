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
pub(super) fn hash(text: &[u8]) -> u32 {
    let hash = HASHER.hash_one(text);
    let [a, b, c, d, ..] = (hash ^ (hash >> 32)).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// As many bits as the table asks for, the first and the last of which it uses.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Texts and their numbers, from 0 in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    names: Names,
    /// Hash and number: the text of another hash need not be looked at.
    numbers: HashTable<(u32, u32)>,
    /// A text did not fit.
    is_full: bool,
}

impl Dictionary {
    /// A text's number, and whether it is new; `None` where it does not fit.
    pub(super) fn number(&mut self, text: &str) -> Option<(u32, bool)> {
        self.hashed(text.as_bytes(), hash(text.as_bytes()))
    }

    /// As [`Dictionary::number`], of a text whose hash is known.
    pub(super) fn hashed(&mut self, text: &[u8], hash: u32) -> Option<(u32, bool)> {
        let Self { names, .. } = self;
        let is_same = |&(other, number): &(u32, u32)| other == hash && names.bytes(number) == text;
        let entry = self
            .numbers
            .entry(spread(hash), is_same, |&(hash, _)| spread(hash));
        match entry {
            Entry::Occupied(entry) => Some((entry.get().1, false)),
            Entry::Vacant(entry) => {
                let Some(number) = names.push_bytes(text) else {
                    self.is_full = true;
                    return None;
                };
                entry.insert((hash, number));
                Some((number, true))
            }
        }
    }

    /// The numbers of texts, looked up together so that memory is waited for once; `None` where one does not fit.
    pub(super) fn numbers<'t>(
        &mut self,
        mut texts: impl Iterator<Item = &'t [u8]>,
    ) -> Option<Vec<u32>> {
        const TOGETHER: usize = 64;
        let mut numbers = Vec::with_capacity(texts.size_hint().0);
        let mut some: Vec<(&[u8], u32)> = Vec::with_capacity(TOGETHER);
        let mut known = Vec::with_capacity(TOGETHER);
        loop {
            let hashed = |text: &'t [u8]| (text, hash(text));
            some.clear();
            some.extend(texts.by_ref().take(TOGETHER).map(hashed));
            if some.is_empty() {
                return Some(numbers);
            }
            self.look_up(some.iter().map(|&text| Some(text)), &mut known);
            for (&known, &(text, hash)) in known.iter().zip(&some) {
                numbers.push(match known {
                    Some(number) => number,
                    // It may have become known meanwhile.
                    None => self.hashed(text, hash)?.0,
                });
            }
        }
    }

    /// The number of each text, with its hash, that has one; in two rounds, where it may stand and whether
    /// it does.
    pub(super) fn look_up<'t>(
        &self,
        texts: impl Iterator<Item = Option<(&'t [u8], u32)>> + Clone,
        numbers: &mut Vec<Option<u32>>,
    ) {
        numbers.clear();
        numbers.extend(texts.clone().map(|text| self.guess(text?.1)));
        for (number, text) in numbers.iter_mut().zip(texts) {
            *number = number.filter(|&number| text.is_some_and(|(text, _)| self.is(number, text)));
        }
    }

    /// The number of a text that has the hash, most likely the one that is meant. Several can be looked for
    /// without waiting for one after the other.
    fn guess(&self, hash: u32) -> Option<u32> {
        let found = self.numbers.find(spread(hash), |&(other, _)| other == hash);
        found.map(|&(_, number)| number)
    }

    /// Whether a number is that of a text.
    fn is(&self, number: u32, text: &[u8]) -> bool {
        self.names.bytes(number) == text
    }

    /// The number from 1 of a text whose hash is known; 0 without a text.
    pub(super) fn optional(&mut self, text: Option<(&[u8], u32)>) -> u32 {
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
