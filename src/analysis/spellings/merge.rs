//! Adding up what several threads counted.

use super::waiting::BATCH;
use super::{LONG, Slot, Spellings, VARIANT, Variant, long_name};

impl Spellings {
    /// Adds the counts of other posts.
    pub(in crate::analysis) fn merge(&mut self, other: &mut Self) {
        self.settle();
        other.settle();
        let other = &*other;
        let slots = &*other.slots;
        let mut batch = Vec::with_capacity(BATCH);
        // In their own order they would all crowd into the same end of this table.
        let parts = slots.len() / BATCH;
        // Odd, so that all parts are come to: there are a power of two of them.
        let stride = parts / 8 * 5 | 1;
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
