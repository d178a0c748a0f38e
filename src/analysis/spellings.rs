//! A table of hashtag spellings and how many posts have each, built for tens of millions of uses.
//!
//! One slot of 32 bytes per spelling, the name inside it where it has at most 23 bytes (98 % of
//! uses), so that a use costs one cache miss. A spelling that is its own identity holds the number
//! of the last post that had it, so that a post counts a hashtag once; any other points to the
//! slots of its decoded spelling and of its identity. Folding thus happens once per spelling.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::OnceLock;

use crate::model::{Hashtag, spelling};

/// Turns a name as it stands in a JSON string into its text.
pub type Decode = fn(&[u8]) -> Cow<'_, str>;

/// The longest name that has room in a slot.
const INLINE: usize = 23;
/// Stands for the length of a longer one.
const LONG: u64 = 0xff;
/// Set in `link` of spellings that are not their own identity.
const VARIANT: u32 = 1 << 31;
/// In place of a slot: the spelling folds to nothing.
const NOTHING: u32 = u32::MAX;

/// Three words that tell a name from every other (of long names with the table's help).
type Packed = [u64; 3];

/// Spellings and their counts.
#[derive(Debug)]
pub(super) struct Spellings {
    slots: Vec<Slot>,
    used: usize,
    long: Vec<Box<[u8]>>,
    variants: Vec<Variant>,
    /// Of each slot the number of its hashtag ([`NOTHING`] where it has none yet); empty until the
    /// first is asked for.
    numbers: Vec<u32>,
    numbered: u32,
    /// The number of the post that is counted, from 1.
    post: u32,
    seeds: [u64; 4],
}

/// A spelling. An empty slot has a name of no length.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    name: Packed,
    /// Posts that spell the hashtag so.
    posts: u32,
    /// The last post that had the hashtag; or, with [`VARIANT`], an index into `variants`.
    link: u32,
}

/// A name that is not its own identity.
#[derive(Clone, Copy, Debug)]
struct Variant {
    /// The slot of the decoded and trimmed spelling, where posts are counted.
    spelled: u32,
    /// The slot of the identity, or [`NOTHING`].
    tag: u32,
}

/// A hashtag and all its counts.
#[derive(Debug)]
pub(super) struct Total {
    /// The slot of its identity.
    pub(super) slot: u32,
    /// Posts that have it.
    pub(super) posts: u64,
    /// Its commonest spelling, of equally common ones the first by code point.
    spelled: u32,
}

impl Default for Spellings {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); 1 << 10],
            used: 0,
            long: Vec::new(),
            variants: Vec::new(),
            numbers: Vec::new(),
            numbered: 0,
            post: 0,
            seeds: seeds(),
        }
    }
}

/// Chosen anew for every process, so that nobody can choose hashtags that collide.
fn seeds() -> [u64; 4] {
    static SEEDS: OnceLock<[u64; 4]> = OnceLock::new();
    *SEEDS.get_or_init(|| {
        let state = RandomState::new();
        [0_u8, 1, 2, 3].map(|number| state.hash_one(number) | 1)
    })
}

impl Spellings {
    /// Begins a post: what is counted now is counted once until the next begins.
    pub(super) fn begin_post(&mut self) {
        self.post += 1;
        if self.post == VARIANT {
            // The numbers are used up: forget who was last.
            self.post = 1;
            for slot in &mut self.slots {
                if slot.link & VARIANT == 0 {
                    slot.link = 0;
                }
            }
        }
    }

    /// Counts names that stand in JSON strings, undecoded.
    pub(super) fn count_raw<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>, decode: Decode) {
        /// More names than nearly all posts have.
        const BATCH: usize = 16;
        let mut names = names;
        loop {
            // Looking at all slots first lets the processor fetch them side by side.
            let mut batch = [([0; 3], 0, [].as_slice()); BATCH];
            let mut taken = 0;
            let mut fetched = 0;
            for (entry, name) in batch.iter_mut().zip(&mut names) {
                let packed = self.pack(name);
                let hash = self.hash(&packed);
                fetched |= self.slots[hash & (self.slots.len() - 1)].name[2];
                *entry = (packed, hash, name);
                taken += 1;
            }
            std::hint::black_box(fetched);
            for (packed, hash, name) in &batch[..taken] {
                let place = match self.find_hashed(packed, *hash, name) {
                    Ok(found) => found,
                    Err(_) => self.meet(name, &decode(name)),
                };
                self.count_slot(place);
            }
            if taken < BATCH {
                return;
            }
        }
    }

    /// Counts a text; otherwise as [`Spellings::count_raw`].
    pub(super) fn count(&mut self, text: &str) -> Option<u32> {
        self.reserve();
        let place = self.text_slot(spelling(text))?;
        self.count_slot(place)
    }

    #[inline]
    fn count_slot(&mut self, place: u32) -> Option<u32> {
        let link = self.slots[place as usize].link;
        let (spelled, tag) = if link & VARIANT == 0 {
            (place, place)
        } else {
            let variant = self.variants[(link & !VARIANT) as usize];
            (variant.spelled, variant.tag)
        };
        if tag == NOTHING {
            return None;
        }
        let last = &mut self.slots[tag as usize].link;
        if *last == self.post {
            return None;
        }
        *last = self.post;
        // The first spelling inside a post stands for the post.
        self.slots[spelled as usize].posts += 1;
        Some(tag)
    }

    /// The number of a hashtag, from 0 in the order in which they are asked for. Unlike its slot it
    /// never changes.
    pub(super) fn number(&mut self, slot: u32) -> u32 {
        self.numbers.resize(self.slots.len(), NOTHING);
        let number = &mut self.numbers[slot as usize];
        if *number == NOTHING {
            *number = self.numbered;
            self.numbered += 1;
        }
        *number
    }

    /// The number of a hashtag that was counted elsewhere; entered where it is new.
    pub(super) fn number_of(&mut self, tag: &Hashtag) -> Option<u32> {
        self.reserve();
        let slot = self.text_slot(tag.as_str())?;
        Some(self.number(slot))
    }

    /// Every hashtag that has a number.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (Hashtag, u32)> {
        let numbers = self.numbers.iter().zip(&self.slots);
        numbers
            .filter(|(number, _)| **number != NOTHING)
            .filter_map(|(number, slot)| Some((Hashtag::new(&self.text(slot))?, *number)))
    }

    /// Adds the counts of other posts.
    pub(super) fn merge(&mut self, other: &Self) {
        let counted = other.slots.iter().filter(|slot| slot.posts > 0);
        for slot in counted {
            self.reserve();
            let is_variant = slot.link & VARIANT != 0;
            let place = if slot.name[2] >> 56 == LONG || is_variant {
                let text = other.text(slot);
                self.text_slot(&text)
            } else {
                // Its own identity there is so here: no need to look at the text.
                let (from, mut bytes) = (slot.name, [0; INLINE]);
                let length = unpack(&from, &mut bytes);
                let place = self.find(&from, &bytes[..length]);
                Some(place.unwrap_or_else(|free| self.fill(free, from, 0)))
            };
            if let Some(place) = place {
                self.slots[place as usize].posts += slot.posts;
            }
        }
        // Whoever was last there, a new post is another.
        for slot in &mut self.slots {
            if slot.link & VARIANT == 0 {
                slot.link = 0;
            }
        }
        self.post = 0;
    }

    /// Every hashtag, in no order.
    pub(super) fn totals(&self) -> Vec<Total> {
        let mut totals = Vec::with_capacity(self.used);
        let mut of_slot = hashbrown::HashMap::new();
        for variant in &self.variants {
            if variant.tag != NOTHING {
                of_slot.insert(variant.tag, None);
            }
        }
        for (place, slot) in (0..).zip(&self.slots) {
            if slot.posts == 0 {
                continue;
            }
            let tag = match slot.link & VARIANT {
                0 => place,
                _ => self.variants[(slot.link & !VARIANT) as usize].tag,
            };
            let posts = u64::from(slot.posts);
            let new = Total {
                slot: tag,
                posts,
                spelled: place,
            };
            match of_slot.get_mut(&tag) {
                None => totals.push(new),
                Some(index @ None) => {
                    *index = Some(totals.len());
                    totals.push(new);
                }
                Some(Some(index)) => {
                    let total: &mut Total = &mut totals[*index];
                    total.posts += posts;
                    let best = &self.slots[total.spelled as usize];
                    if slot.posts > best.posts
                        || slot.posts == best.posts && self.text(slot) < self.text(best)
                    {
                        total.spelled = place;
                    }
                }
            }
        }
        totals
    }

    /// A total's identity and its commonest spelling.
    pub(super) fn names(&self, total: &Total) -> Option<(Hashtag, String)> {
        let tag = Hashtag::new(&self.text(&self.slots[total.slot as usize]))?;
        let spelled = self.text(&self.slots[total.spelled as usize]);
        Some((tag, spelled.into_owned()))
    }

    /// Enters a name that was not met before.
    fn meet(&mut self, name: &[u8], decoded: &str) -> u32 {
        self.reserve();
        let text = spelling(decoded);
        let key = key_of(text);
        let spelled = self.text_slot(text);
        if *key == *name
            && let Some(spelled) = spelled
        {
            return spelled;
        }
        let variant = match spelled.map(|spelled| (spelled, self.slots[spelled as usize].link)) {
            None => Variant {
                spelled: NOTHING,
                tag: NOTHING,
            },
            Some((spelled, link)) if link & VARIANT == 0 => Variant {
                spelled,
                tag: spelled,
            },
            Some((_, link)) => self.variants[(link & !VARIANT) as usize],
        };
        self.add(name, Some(variant))
    }

    /// The slot of a spelling, entered with its identity where it is new; `None` for an empty one.
    fn text_slot(&mut self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        let key = key_of(text);
        if let Ok(place) = self.find(&self.pack(&key), &key) {
            return Some(place);
        }
        let tag = match Hashtag::new(text) {
            Some(tag) if tag.as_str() == text => return Some(self.add(&key, None)),
            Some(tag) => {
                let identity = key_of(tag.as_str());
                match self.find(&self.pack(&identity), &identity) {
                    Ok(place) => place,
                    Err(_) => self.add(&identity, None),
                }
            }
            None => NOTHING,
        };
        let place = self.add(&key, Some(Variant { spelled: 0, tag }));
        if let Some(variant) = self.variants.last_mut() {
            variant.spelled = place;
        }
        Some(place)
    }

    /// Enters a name that is not there.
    fn add(&mut self, name: &[u8], variant: Option<Variant>) -> u32 {
        let mut packed = self.pack(name);
        let free = match self.find(&packed, name) {
            Ok(place) => return place,
            Err(free) => free,
        };
        if name.len() > INLINE {
            packed[2] |= self.long.len() as u64;
            self.long.push(name.into());
        }
        let link = match variant {
            None => 0,
            Some(variant) => {
                self.variants.push(variant);
                VARIANT | index(self.variants.len() - 1)
            }
        };
        self.fill(free, packed, link)
    }

    fn fill(&mut self, free: u32, name: Packed, link: u32) -> u32 {
        self.used += 1;
        self.slots[free as usize] = Slot {
            name,
            posts: 0,
            link,
        };
        free
    }

    /// The slot of a name, or the free one where it belongs.
    #[inline]
    fn find(&self, packed: &Packed, name: &[u8]) -> Result<u32, u32> {
        self.find_hashed(packed, self.hash(packed), name)
    }

    #[inline]
    fn find_hashed(&self, packed: &Packed, hash: usize, name: &[u8]) -> Result<u32, u32> {
        let mask = self.slots.len() - 1;
        let mut place = hash & mask;
        loop {
            let slot = &self.slots[place];
            let same = slot.name[0] == packed[0] && slot.name[1] == packed[1];
            if same && slot.name[2] == packed[2] {
                if packed[2] >> 56 != LONG || self.is_long(slot, name) {
                    return Ok(index(place));
                }
            } else if slot.name[2] == 0 {
                return Err(index(place));
            } else if same && packed[2] >> 56 == LONG && self.is_long(slot, name) {
                return Ok(index(place));
            }
            place = (place + 1) & mask;
        }
    }

    fn is_long(&self, slot: &Slot, name: &[u8]) -> bool {
        slot.name[2] >> 56 == LONG && *self.long[long_index(slot)] == *name
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any part of a hash is a hash"
    )]
    fn hash(&self, packed: &Packed) -> usize {
        let [first, second, third, last] = self.seeds;
        // Of a long name the third word holds its index, which is no part of it.
        let length = packed[2] >> 56;
        let rest = if length == LONG { LONG } else { packed[2] };
        let half = mixed(packed[0] ^ first, packed[1] ^ second);
        mixed(half ^ rest ^ third, last) as usize
    }

    #[inline]
    fn pack(&self, name: &[u8]) -> Packed {
        if name.len() <= INLINE {
            return pack(name);
        }
        let mut hash = [self.seeds[3], self.seeds[2]];
        for part in name.chunks(16) {
            let [a, b, _] = pack(part);
            hash = [
                mixed(hash[0] ^ a, self.seeds[0]) ^ b,
                mixed(hash[1] ^ b, self.seeds[1]) ^ a,
            ];
        }
        [hash[0], hash[1] ^ name.len() as u64, LONG << 56]
    }

    /// Makes room for a name, its spelling and its identity.
    #[inline]
    fn reserve(&mut self) {
        if (self.used + 3) * 4 > self.slots.len() * 3 {
            self.grow();
        }
    }

    fn grow(&mut self) {
        let larger = vec![Slot::default(); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, larger);
        let mask = self.slots.len() - 1;
        let mut moved = vec![NOTHING; old.len()];
        for (slot, moved) in old.iter().zip(&mut moved) {
            if slot.name[2] == 0 {
                continue;
            }
            let mut place = self.hash(&slot.name) & mask;
            while self.slots[place].name[2] != 0 {
                place = (place + 1) & mask;
            }
            self.slots[place] = *slot;
            *moved = index(place);
        }
        if !self.numbers.is_empty() {
            let mut numbers = vec![NOTHING; self.slots.len()];
            for (moved, number) in moved.iter().zip(&self.numbers) {
                if let Some(here) = numbers.get_mut(*moved as usize) {
                    *here = *number;
                }
            }
            self.numbers = numbers;
        }
        let now = |place: u32| moved.get(place as usize).copied().unwrap_or(NOTHING);
        for variant in &mut self.variants {
            *variant = Variant {
                spelled: now(variant.spelled),
                tag: now(variant.tag),
            };
        }
    }

    /// The text of a slot that holds a decoded spelling.
    fn text(&self, slot: &Slot) -> Cow<'_, str> {
        let mut bytes = [0; INLINE];
        let name = if slot.name[2] >> 56 == LONG {
            Cow::Borrowed(&*self.long[long_index(slot)])
        } else {
            let length = unpack(&slot.name, &mut bytes);
            Cow::Owned(bytes[..length].to_vec())
        };
        let text = String::from_utf8_lossy(&name);
        Cow::Owned(text.strip_prefix('"').unwrap_or(&text).to_owned())
    }
}

/// What a text is entered under: itself, or behind a quote where it could be taken for the inside
/// of a JSON string, in which a backslash begins an escape and no quote can stand.
fn key_of(text: &str) -> Cow<'_, [u8]> {
    if text.contains('\\') || text.starts_with('"') {
        Cow::Owned([b"\"", text.as_bytes()].concat())
    } else {
        Cow::Borrowed(text.as_bytes())
    }
}

#[inline]
fn mixed(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let halves = (product as u64, (product >> 64) as u64);
    halves.0 ^ halves.1
}

/// A name of at most [`INLINE`] bytes in three words; the length is in the highest byte.
///
/// Reads overlap, so that no length needs a loop.
#[inline]
fn pack(name: &[u8]) -> Packed {
    let length = name.len();
    let size = (length as u64) << 56;
    if let (Some((first, _)), Some((_, last))) =
        (name.split_first_chunk::<8>(), name.split_last_chunk::<8>())
    {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        if length <= 16 {
            return [first, last, size];
        }
        let middle = name[8..16].try_into().map_or(0, u64::from_le_bytes);
        return [first, middle, last >> 8 | size];
    }
    if let (Some((first, _)), Some((_, last))) =
        (name.split_first_chunk::<4>(), name.split_last_chunk::<4>())
    {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return [u64::from(first) | u64::from(last) << 32, 0, size];
    }
    let byte = |at: usize| u64::from(name.get(at).copied().unwrap_or(0));
    [byte(0) | byte(1) << 8 | byte(2) << 16, 0, size]
}

/// Undoes [`pack`]; returns the length.
fn unpack(packed: &Packed, name: &mut [u8; INLINE]) -> usize {
    let length = usize::from((packed[2] >> 56).to_le_bytes()[0]);
    let [first, second, third] = packed.map(u64::to_le_bytes);
    match length {
        0..=3 => name[..3].copy_from_slice(&first[..3]),
        4..=7 => {
            name[..4].copy_from_slice(&first[..4]);
            name[length - 4..length].copy_from_slice(&first[4..]);
        }
        8..=16 => {
            name[..8].copy_from_slice(&first);
            name[length - 8..length].copy_from_slice(&second);
        }
        _ => {
            name[..8].copy_from_slice(&first);
            name[8..16].copy_from_slice(&second);
            name[length - 7..length].copy_from_slice(&third[..7]);
        }
    }
    length
}

fn long_index(slot: &Slot) -> usize {
    usize::try_from(slot.name[2] & !(LONG << 56)).unwrap_or(usize::MAX)
}

/// Two billion distinct spellings do not fit into a machine's memory before this fails.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests;
