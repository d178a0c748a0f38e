//! Adding up what several threads counted.

use std::ops::Range;
use std::panic::resume_unwind;

use super::{LONG, Seeds, Slot, Spellings, VARIANT, Variant, hash, home, index, long_name};

/// Names that are looked up together.
const BATCH: usize = 64;
/// Slots of tables that two threads add up, so few in tests that they do it there, too.
pub(super) const LARGE: usize = if cfg!(test) { 1 << 10 } else { 1 << 15 };

impl Spellings {
    /// Adds the counts of other posts.
    pub(in crate::analysis) fn merge(&mut self, other: &mut Self) {
        self.settle();
        other.settle();
        let left = self.merge_halves(other);
        let other = &*other;
        let mut batch = Vec::with_capacity(BATCH);
        for places in left.chunks(BATCH) {
            for &place in places {
                let slot = &other.slots[place as usize];
                let identity = match slot.link & VARIANT {
                    0 => None,
                    _ => {
                        let tag = other.variants[(slot.link & !VARIANT) as usize].tag;
                        let identity = &other.slots[tag as usize];
                        Some((identity, self.hash(&identity.canonical())))
                    }
                };
                batch.push((slot, self.hash(&slot.canonical()), identity));
            }
            self.fetch(
                batch.iter().flat_map(|(_, hash, identity)| {
                    [*hash, identity.map_or(*hash, |(_, hash)| hash)]
                }),
            );
            for (slot, hash, identity) in batch.drain(..) {
                self.reserve();
                let tag =
                    identity.map(|(identity, hash)| self.take_over(other, identity, hash, None));
                let place = self.take_over(other, slot, hash, tag);
                self.slots[place as usize].posts += slot.posts;
            }
        }
        // Whoever was last there, a new post is another.
        self.forget_last();
        self.post = 0;
    }

    /// Adds what needs only its own slot, in two threads; returns the slots of what is left.
    fn merge_halves(&mut self, other: &Self) -> Vec<u32> {
        if self.slots.len() != other.slots.len() || self.slots.len() < LARGE {
            let counted = strided(other.slots.len()).flatten();
            return counted
                .filter(|&place| other.slots[place].posts > 0)
                .map(index)
                .collect();
        }
        let middle = self.slots.len() / 2;
        let room = (middle * 2 / 5 * 4).saturating_sub(self.used + 3) / 2;
        let seeds = &self.seeds;
        let (low, high) = self.slots.split_at_mut(middle);
        let (other_low, other_high) = other.slots.split_at(middle);
        let (mut low, high) = std::thread::scope(|scope| {
            let high = scope.spawn(move || Half::new(seeds, middle, high, room).add(other_high));
            let low = Half::new(seeds, 0, low, room).add(other_low);
            // What a thread that failed has added is nobody's.
            (
                low,
                high.join().unwrap_or_else(|panic| resume_unwind(panic)),
            )
        });
        self.used += low.filled + high.filled;
        low.left.extend(high.left);
        low.left
    }

    /// The slot of another table's spelling. Where it is new it is entered, as its own identity or
    /// as a spelling of the hashtag whose slot here is given; room was reserved.
    fn take_over(&mut self, other: &Self, slot: &Slot, hash: u32, tag: Option<u32>) -> u32 {
        let packed = slot.canonical();
        // A short name says all in itself.
        let mut name: &[u8] = &[];
        if packed[2] >> 56 == LONG {
            name = long_name(&other.long, slot);
        }
        match self.find_hashed(&packed, hash, name) {
            Ok(place) => place,
            Err(free) => {
                let link = tag.map_or(0, |tag| self.link(Variant { spelled: free, tag }));
                self.fill_named(free, packed, name, link)
            }
        }
    }
}

/// The places of a table in batches, in an order that strides over it: in their own, names would all
/// crowd into the same end of another table.
fn strided(length: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = length / BATCH;
    // Odd, so that all parts are come to: there are a power of two of them.
    let stride = (parts / 8 * 5) | 1;
    (0..parts).map(move |number| {
        let start = number * stride % parts * BATCH;
        start..start + BATCH
    })
}

/// One half of a table.
struct Half<'t> {
    seeds: &'t Seeds,
    /// Where it begins in the table.
    start: usize,
    slots: &'t mut [Slot],
    /// Slots that may be filled.
    room: usize,
    added: Added,
}

/// What became of a half.
#[derive(Default)]
struct Added {
    /// Slots that were filled.
    filled: usize,
    /// Slots of the other table that could not be added.
    left: Vec<u32>,
}

impl<'t> Half<'t> {
    fn new(seeds: &'t Seeds, start: usize, slots: &'t mut [Slot], room: usize) -> Self {
        Self {
            seeds,
            start,
            slots,
            room,
            added: Added::default(),
        }
    }

    /// Adds the posts of the other table's same half.
    fn add(mut self, other: &[Slot]) -> Added {
        let mask = self.slots.len() * 2 - 1;
        let mut batch = Vec::with_capacity(BATCH);
        for places in strided(other.len()) {
            for place in places {
                let slot = &other[place];
                if slot.posts == 0 {
                    continue;
                }
                let is_long = slot.name[2] >> 56 == LONG;
                // Of the other half's names a few lie behind its end.
                let home = home(hash(self.seeds, &slot.name), mask).wrapping_sub(self.start);
                if slot.link & VARIANT == 0 && !is_long && home < self.slots.len() {
                    batch.push((place, home));
                } else {
                    self.added.left.push(index(self.start + place));
                }
            }
            let slots = &*self.slots;
            let fetched = batch
                .iter()
                .fold(0, |fetched, &(_, home)| fetched | slots[home].name[2]);
            std::hint::black_box(fetched);
            for (place, home) in batch.drain(..) {
                if !self.take(&other[place], home) {
                    self.added.left.push(index(self.start + place));
                }
            }
        }
        self.added
    }

    /// Whether it could be added here.
    fn take(&mut self, other: &Slot, home: usize) -> bool {
        for slot in &mut self.slots[home..] {
            if slot.name == other.name {
                slot.posts += other.posts;
                return true;
            }
            if slot.name[2] == 0 {
                if self.added.filled == self.room {
                    return false;
                }
                self.added.filled += 1;
                *slot = Slot { link: 0, ..*other };
                return true;
            }
        }
        false
    }
}
