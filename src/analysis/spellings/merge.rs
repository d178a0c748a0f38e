//! Adding up what several threads counted.

use std::panic::resume_unwind;

use super::{LONG, Seeds, Slot, Spellings, VARIANT, Variant, hash, home, long_name};

/// Names that are looked up together.
const BATCH: usize = 64;
/// Slots of tables that two threads add up, so few in tests that they do it there, too.
const LARGE: usize = if cfg!(test) { 1 << 10 } else { 1 << 15 };

impl Spellings {
    /// Adds the counts of other posts.
    pub(in crate::analysis) fn merge(&mut self, other: &mut Self) {
        self.settle();
        other.settle();
        self.merge_halves(other);
        let other = &*other;
        let slots = &*other.slots;
        let mut batch = Vec::with_capacity(BATCH);
        // In their own order they would all crowd into the same end of this table.
        let parts = slots.len() / BATCH;
        // Odd, so that all parts are come to: there are a power of two of them.
        let stride = (parts / 8 * 5) | 1;
        for number in 0..parts {
            let start = number * stride % parts * BATCH;
            let counted = slots[start..start + BATCH]
                .iter()
                .filter(|slot| slot.posts > 0);
            batch.extend(counted.map(|slot| (slot, self.hash(&slot.canonical()))));
            self.fetch(batch.iter().map(|(_, hash)| *hash));
            for (slot, hash) in batch.drain(..) {
                self.reserve();
                let place = if slot.link & VARIANT == 0 {
                    self.take_over(other, slot, hash, None)
                } else {
                    let tag = other.variants[(slot.link & !VARIANT) as usize].tag;
                    let identity = &slots[tag as usize];
                    let tag =
                        self.take_over(other, identity, self.hash(&identity.canonical()), None);
                    self.take_over(other, slot, hash, Some(tag))
                };
                self.slots[place as usize].posts += slot.posts;
            }
        }
        // Whoever was last there, a new post is another.
        self.forget_last();
        self.post = 0;
    }

    /// Adds what needs only its own slot, in two threads, and forgets it there. What it leaves is
    /// added one by one.
    fn merge_halves(&mut self, other: &mut Self) {
        if self.slots.len() != other.slots.len() || self.slots.len() < LARGE {
            return;
        }
        let middle = self.slots.len() / 2;
        let room = (middle * 2 / 5 * 4).saturating_sub(self.used + 3) / 2;
        let seeds = &self.seeds;
        let (low, high) = self.slots.split_at_mut(middle);
        let (other_low, other_high) = other.slots.split_at_mut(middle);
        let filled = std::thread::scope(|scope| {
            let high = scope.spawn(move || Half::new(seeds, middle, high, room).add(other_high));
            let filled = Half::new(seeds, 0, low, room).add(other_low);
            // What a thread that failed has added is gone from the other table.
            filled + high.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        self.used += filled;
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

/// One half of a table.
struct Half<'t> {
    seeds: &'t Seeds,
    /// Where it begins in the table.
    start: usize,
    slots: &'t mut [Slot],
    /// Slots that may be filled.
    room: usize,
    filled: usize,
}

impl<'t> Half<'t> {
    fn new(seeds: &'t Seeds, start: usize, slots: &'t mut [Slot], room: usize) -> Self {
        Self {
            seeds,
            start,
            slots,
            room,
            filled: 0,
        }
    }

    /// Adds the posts of the other table's same half, and returns how many slots were filled.
    fn add(mut self, other: &mut [Slot]) -> usize {
        let mask = self.slots.len() * 2 - 1;
        let parts = other.len() / BATCH;
        let stride = (parts / 8 * 5) | 1;
        let mut batch = Vec::with_capacity(BATCH);
        for number in 0..parts {
            let start = number * stride % parts * BATCH;
            for (place, slot) in (start..).zip(&other[start..start + BATCH]) {
                let is_long = slot.name[2] >> 56 == LONG;
                if slot.posts > 0 && slot.link & VARIANT == 0 && !is_long {
                    // Of the other half's names a few lie behind its end.
                    let home = home(hash(self.seeds, &slot.name), mask).wrapping_sub(self.start);
                    if home < self.slots.len() {
                        batch.push((place, home));
                    }
                }
            }
            let slots = &*self.slots;
            let fetched = batch
                .iter()
                .fold(0, |fetched, &(_, home)| fetched | slots[home].name[2]);
            std::hint::black_box(fetched);
            for (place, home) in batch.drain(..) {
                let slot = &mut other[place];
                if self.take(slot, home) {
                    slot.posts = 0;
                }
            }
        }
        self.filled
    }

    /// Whether it could be added here.
    fn take(&mut self, other: &Slot, home: usize) -> bool {
        for slot in &mut self.slots[home..] {
            if slot.name == other.name {
                slot.posts += other.posts;
                return true;
            }
            if slot.name[2] == 0 {
                if self.filled == self.room {
                    return false;
                }
                self.filled += 1;
                *slot = Slot { link: 0, ..*other };
                return true;
            }
        }
        false
    }
}
