//! A table of hashtag spellings and how many posts have each, built for tens of millions of uses.
//!
//! One slot of 32 bytes per spelling, the name inside it where it has at most 23 bytes (98 % of
//! uses), so that a use costs one cache miss. A spelling that is its own identity holds the number
//! of the last post that had it, so that a post counts a hashtag once; any other points to the
//! slots of its decoded spelling and of its identity. Folding thus happens once per spelling.

mod escapes;
mod merge;
mod packed;
mod slots;
mod totals;
mod waiting;

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytemuck::{Pod, Zeroable};

use self::packed::{INLINE, Packed, is_plain, pack, unpack};
use self::slots::Slots;

use self::waiting::WaitingNames;
use crate::model::{Hashtag, spelling};

/// What makes hashes differ from process to process.
type Seeds = [u64; 4];

/// Turns a name as it stands in a JSON string into its text.
pub type Decode = fn(&[u8]) -> Cow<'_, str>;

/// Stands for the length of a longer one.
const LONG: u64 = 0xff;
/// Set in `link` of spellings that are not their own identity.
const VARIANT: u32 = 1 << 31;
/// In place of a slot: the spelling folds to nothing.
const NOTHING: u32 = u32::MAX;

/// Spellings and their counts.
#[derive(Debug)]
pub(super) struct Spellings {
    waiting: WaitingNames,
    slots: Slots,
    used: usize,
    /// Names that have no room in a slot, each behind its length.
    long: Vec<u8>,
    variants: Vec<Variant>,
    /// Of each slot the number of its hashtag ([`NOTHING`] where it has none yet); empty until the
    /// first is asked for.
    numbers: Vec<u32>,
    numbered: u32,
    /// The number of the post that is counted, from 1.
    post: u32,
    seeds: Seeds,
}

/// A spelling. An empty slot has a name of no length. Aligned, it never lies across two cache lines.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C, align(32))]
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

impl Default for Spellings {
    fn default() -> Self {
        Self {
            waiting: WaitingNames::default(),
            slots: Slots::new(1 << 10),
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
fn seeds() -> Seeds {
    static SEEDS: OnceLock<Seeds> = OnceLock::new();
    *SEEDS.get_or_init(new_seeds)
}

fn new_seeds() -> Seeds {
    let state = RandomState::new();
    [0_u8, 1, 2, 3].map(|number| state.hash_one(number) | 1)
}

impl Spellings {
    /// Begins a post: what is counted now is counted once until the next begins.
    pub(super) fn begin_post(&mut self) {
        self.post += 1;
        if self.post == VARIANT {
            self.post -= 1;
            self.settle();
            // The numbers are used up: forget who was last.
            self.post = 1;
            self.forget_last();
        }
    }

    /// Forgets which post was the last to have each hashtag.
    fn forget_last(&mut self) {
        for slot in &mut *self.slots {
            if slot.link & VARIANT == 0 {
                slot.link = 0;
            }
        }
    }

    /// Counts a text; otherwise as `count_raw`.
    pub(super) fn count(&mut self, text: &str) -> Option<u32> {
        self.settle();
        self.reserve();
        let place = self.text_slot(spelling(text))?;
        self.count_slot(place)
    }

    #[inline]
    fn count_slot(&mut self, place: u32) -> Option<u32> {
        count_in(&mut self.slots, &self.variants, self.post, place)
    }

    /// The number of a hashtag, from 0 in the order in which they are asked for. Unlike its slot it
    /// never changes.
    pub(super) fn number(&mut self, slot: u32) -> u32 {
        self.settle();
        self.numbers.resize(self.slots.len(), NOTHING);
        let number = &mut self.numbers[slot as usize];
        if *number == NOTHING {
            *number = self.numbered;
            self.numbered += 1;
        }
        *number
    }

    /// The number of a hashtag by its identity; entered where it is new.
    pub(super) fn number_of(&mut self, identity: &str) -> Option<u32> {
        self.settle();
        self.reserve();
        let slot = self.text_slot(identity)?;
        Some(self.number(slot))
    }

    /// Calls `each` with the identity and the number of every hashtag that has one.
    pub(super) fn each_numbered(&self, mut each: impl FnMut(&str, u32)) {
        for (&number, slot) in self.numbers.iter().zip(&*self.slots) {
            if number != NOTHING {
                let mut bytes = [0; INLINE + 1];
                each(
                    &String::from_utf8_lossy(self.text_bytes(slot, &mut bytes)),
                    number,
                );
            }
        }
    }

    /// Enters a name that was not met before and belongs into a free slot.
    fn meet(
        &mut self,
        name: &[u8],
        (packed, hash, free): (&Packed, u32, u32),
        decode: Decode,
    ) -> u32 {
        let grown = self.reserve();
        if is_own_key(packed, name) {
            let place = if grown {
                self.find_hashed(packed, hash, name)
            } else {
                Err(free)
            };
            return match place {
                Ok(place) => place,
                Err(free) => self.fill_named(free, *packed, name, 0),
            };
        }
        let decoded = decode(name);
        let text = spelling(&decoded);
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
        if Hashtag::is_identity(text) {
            return Some(self.add(&key, None));
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
        let packed = self.pack(name);
        let free = match self.find(&packed, name) {
            Ok(place) => return place,
            Err(free) => free,
        };
        let link = match variant {
            None => 0,
            Some(variant) => self.link(variant),
        };
        self.fill_named(free, packed, name, link)
    }

    /// What links to a variant.
    fn link(&mut self, variant: Variant) -> u32 {
        self.variants.push(variant);
        VARIANT | index(self.variants.len() - 1)
    }

    /// Fills a free slot, and keeps a name for which it has no room.
    fn fill_named(&mut self, free: u32, mut packed: Packed, name: &[u8], link: u32) -> u32 {
        if name.len() > INLINE {
            packed[2] |= self.long.len() as u64;
            self.long.extend_from_slice(&name.len().to_le_bytes());
            self.long.extend_from_slice(name);
        }
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
    fn find_hashed(&self, packed: &Packed, hash: u32, name: &[u8]) -> Result<u32, u32> {
        find_in(&self.slots, &self.long, packed, hash, name)
    }

    /// Begins to read the slots that some hashes lead to, all side by side.
    #[inline]
    fn fetch(&self, hashes: impl Iterator<Item = u32>) {
        let slots = &*self.slots;
        let mask = slots.len() - 1;
        let fetched = hashes.fold(0, |fetched, hash| fetched | slots[home(hash, mask)].name[2]);
        std::hint::black_box(fetched);
    }

    #[inline]
    fn hash(&self, packed: &Packed) -> u32 {
        hash(&self.seeds, packed)
    }

    fn pack(&self, name: &[u8]) -> Packed {
        packed_name(&self.seeds, name)
    }

    /// Makes room for a name, its spelling and its identity; says whether all slots have moved.
    #[inline]
    fn reserve(&mut self) -> bool {
        let is_full = (self.used + 3) * 5 > self.slots.len() * 4;
        if is_full {
            self.grow();
        }
        is_full
    }

    fn grow(&mut self) {
        /// Slots of a table of 8 MB.
        const LARGE: usize = 1 << 18;
        /// Old and new tables of all threads at once would take half as much memory again.
        static TURN: Mutex<()> = Mutex::new(());

        let _turn = (self.slots.len() >= LARGE)
            .then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        // Tables of few megabytes are hardly worth being moved often.
        let factor = if self.slots.len() < 1 << 18 { 4 } else { 2 };
        let mut larger = Slots::new(self.slots.len() * factor);
        let slots = &mut *larger;
        let mask = slots.len() - 1;
        let mut moved = vec![NOTHING; self.slots.len()];
        for (slot, moved) in self.slots.iter().zip(&mut moved) {
            if slot.name[2] == 0 {
                continue;
            }
            let mut place = home(self.hash(&slot.canonical()), mask);
            while slots[place].name[2] != 0 {
                place = (place + 1) & mask;
            }
            slots[place] = *slot;
            *moved = index(place);
        }
        self.slots = larger;
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

    /// The text of a slot that holds a decoded spelling, maybe in the bytes given.
    fn text_bytes<'s>(&'s self, slot: &Slot, bytes: &'s mut [u8; INLINE + 1]) -> &'s [u8] {
        let key = if slot.name[2] >> 56 == LONG {
            long_name(&self.long, slot)
        } else {
            let length;
            (*bytes, length) = unpack(&slot.name);
            &bytes[..length]
        };
        key.strip_prefix(b"\"").unwrap_or(key)
    }

    /// The same as a string.
    fn text(&self, slot: &Slot) -> String {
        let mut bytes = [0; INLINE + 1];
        String::from_utf8_lossy(self.text_bytes(slot, &mut bytes)).into_owned()
    }
}

/// Whether a name surely is its own identity and its own key, so that it need not be decoded, folded and
/// looked up again; no quote stands inside a JSON string.
///
/// Each question says so wherever those before it do, and costs more: of three words for most names of ASCII, of
/// bytes for most of the commonest scripts, of characters for those with other letters and signs, such
/// as the virama of Hindi and the tones of Vietnamese.
fn is_own_key(packed: &Packed, name: &[u8]) -> bool {
    is_plain(packed)
        || Hashtag::is_identity_in_json(name)
        || memchr::memchr(b'\\', name).is_none()
            && std::str::from_utf8(name).is_ok_and(Hashtag::is_identity)
}

/// Any name: of one that has no room two words of hash, and what stands for its length.
fn packed_name(seeds: &Seeds, name: &[u8]) -> Packed {
    if name.len() <= INLINE {
        return pack(name);
    }
    let mut hash = [seeds[3], seeds[2]];
    for part in name.chunks(16) {
        let [a, b, _] = pack(part);
        hash = [
            mixed(hash[0] ^ a, seeds[0]) ^ b,
            mixed(hash[1] ^ b, seeds[1]) ^ a,
        ];
    }
    [hash[0], hash[1] ^ name.len() as u64, LONG << 56]
}

/// The hash of a name that does not say where it is kept.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "any part of a hash is a hash"
)]
fn hash(seeds: &Seeds, packed: &Packed) -> u32 {
    let [first, second, third, last] = *seeds;
    let half = mixed(packed[0] ^ first, packed[1] ^ second);
    mixed(half ^ packed[2] ^ third, last) as u32
}

/// Where looking for a name begins: slots lie in pairs, and a pair is read at once.
#[inline]
fn home(hash: u32, mask: usize) -> usize {
    hash as usize & mask & !1
}

/// Counts a post for the hashtag of a spelling's slot; returns the slot of the hashtag, unless the
/// post was counted for it already.
#[inline]
fn count_in(slots: &mut [Slot], variants: &[Variant], post: u32, place: u32) -> Option<u32> {
    let slot = &mut slots[place as usize];
    if slot.link & VARIANT == 0 {
        if slot.link == post {
            return None;
        }
        slot.link = post;
        slot.posts += 1;
        return Some(place);
    }
    let Variant { spelled, tag } = variants[(slot.link & !VARIANT) as usize];
    if tag == NOTHING {
        return None;
    }
    let last = &mut slots[tag as usize].link;
    if *last == post {
        return None;
    }
    *last = post;
    // The first spelling inside a post stands for the post.
    slots[spelled as usize].posts += 1;
    Some(tag)
}

/// The slot of a name, or the free one where it belongs.
#[expect(
    clippy::inline_always,
    reason = "measured: a call costs as much as the work"
)]
#[inline(always)]
fn find_in(
    slots: &[Slot],
    long: &[u8],
    packed: &Packed,
    hash: u32,
    name: &[u8],
) -> Result<u32, u32> {
    let mask = slots.len() - 1;
    let mut place = home(hash, mask);
    loop {
        let slot = &slots[place & mask];
        if slot.name == *packed {
            return Ok(index(place));
        }
        if slot.name[2] == 0 {
            return Err(index(place));
        }
        if slot.name[2] >> 56 == LONG
            && slot.canonical() == *packed
            && *long_name(long, slot) == *name
        {
            return Ok(index(place));
        }
        place = (place + 1) & mask;
    }
}

impl Slot {
    /// The name without the place where it is kept, if it has no room here.
    #[inline]
    fn canonical(&self) -> Packed {
        let mut name = self.name;
        if name[2] >> 56 == LONG {
            name[2] = LONG << 56;
        }
        name
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

/// A name that has no room in its slot.
fn long_name<'l>(long: &'l [u8], slot: &Slot) -> &'l [u8] {
    let place = usize::try_from(slot.name[2] & !(LONG << 56)).unwrap_or(usize::MAX);
    let kept = long.get(place..).and_then(<[u8]>::split_first_chunk);
    kept.and_then(|(length, rest)| rest.get(..usize::from_le_bytes(*length)))
        .unwrap_or_default()
}

/// Two billion distinct spellings do not fit into a machine's memory before this fails.
fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests;
