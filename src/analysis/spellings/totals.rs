//! What was counted, by hashtag.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{NOTHING, Spellings, VARIANT};
use crate::model::Hashtag;

/// A hashtag and all its counts.
#[derive(Debug)]
pub(in crate::analysis) struct Total {
    /// The slot of its identity.
    pub(in crate::analysis) slot: u32,
    /// Posts that have it.
    pub(in crate::analysis) posts: u64,
    /// Its commonest spelling, of equally common ones the first by code point.
    spelled: u32,
}

impl Spellings {
    /// How many hashtags there are, and in no order all of them, or at least the `most` that have the
    /// most posts.
    pub(in crate::analysis) fn totals(&mut self, most: Option<usize>) -> (usize, Vec<Total>) {
        self.settle();
        // Hashtags that have other spellings than their own.
        let mut is_shared = vec![0_u64; self.slots.len() / 64 + 1];
        for variant in &self.variants {
            if variant.tag != NOTHING {
                is_shared[variant.tag as usize >> 6] |= 1 << (variant.tag & 63);
            }
        }
        let is_shared = |tag: u32| is_shared[tag as usize >> 6] >> (tag & 63) & 1 == 1;
        let mut shared = hashbrown::HashMap::new();
        let (mut distinct, mut leader, mut own) = (0, Leaders::new(most), Vec::new());
        for (place, slot) in (0..).zip(&*self.slots) {
            if slot.posts == 0 {
                continue;
            }
            let tag = match slot.link & VARIANT {
                0 if !is_shared(place) => {
                    distinct += 1;
                    let posts = u64::from(slot.posts);
                    if leader.meet(posts) {
                        own.push(Total {
                            slot: place,
                            posts,
                            spelled: place,
                        });
                    }
                    continue;
                }
                0 => place,
                _ => self.variants[(slot.link & !VARIANT) as usize].tag,
            };
            let total = shared.entry(tag).or_insert(Total {
                slot: tag,
                posts: 0,
                spelled: place,
            });
            total.posts += u64::from(slot.posts);
            let best = &self.slots[total.spelled as usize];
            if slot.posts > best.posts
                || slot.posts == best.posts && self.text(slot) < self.text(best)
            {
                total.spelled = place;
            }
        }
        distinct += shared.len();
        for total in shared.values() {
            leader.meet(total.posts);
        }
        let least = leader.least();
        let mut totals = own;
        totals.extend(shared.into_values());
        totals.retain(|total| total.posts >= least);
        (distinct, totals)
    }

    /// A total's identity and its commonest spelling.
    pub(in crate::analysis) fn names(&self, total: &Total) -> Option<(Hashtag, String)> {
        let tag = Hashtag::new(&self.text(&self.slots[total.slot as usize]))?;
        let spelled = self.text(&self.slots[total.spelled as usize]);
        Some((tag, spelled))
    }
}

/// The highest counts that were met.
struct Leaders {
    most: Option<usize>,
    counts: BinaryHeap<Reverse<u64>>,
}

impl Leaders {
    fn new(most: Option<usize>) -> Self {
        Self {
            most,
            counts: BinaryHeap::new(),
        }
    }

    /// Whether it may be among the highest.
    #[inline]
    fn meet(&mut self, count: u64) -> bool {
        let Some(most) = self.most else {
            return true;
        };
        if self.counts.len() < most {
            self.counts.push(Reverse(count));
            return true;
        }
        match self.counts.peek_mut() {
            Some(mut least) if count > least.0 => {
                *least = Reverse(count);
                true
            }
            Some(least) => count == least.0,
            None => false,
        }
    }

    /// So many of the counts that were met are as high as this one, or all.
    fn least(&self) -> u64 {
        match (self.most, self.counts.peek()) {
            (Some(most), Some(least)) if self.counts.len() >= most => least.0.max(1),
            (Some(0), _) => u64::MAX,
            _ => 1,
        }
    }
}
