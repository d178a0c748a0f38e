//! What was counted, by hashtag.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::resume_unwind;

use super::merge::LARGE;
use super::{NOTHING, Slot, Spellings, VARIANT, index};
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
        let slots = &*self.slots;
        let (low, high) = slots.split_at(slots.len() / 2);
        let part = |first, slots| Part::of(slots, first, &is_shared, most);
        let parts = if slots.len() < LARGE {
            [part(0, low), part(low.len(), high)]
        } else {
            std::thread::scope(|scope| {
                let high = scope.spawn(|| part(low.len(), high));
                let low = part(0, low);
                [
                    low,
                    high.join().unwrap_or_else(|panic| resume_unwind(panic)),
                ]
            })
        };
        let mut shared = hashbrown::HashMap::new();
        let (mut distinct, mut leader) = (0, Leaders::new(most));
        for part in &parts {
            distinct += part.distinct;
            for total in &part.own {
                leader.meet(total.posts);
            }
            for &(place, posts) in &part.others {
                let tag = self.tag_of(place);
                let total = shared.entry(tag).or_insert(Total {
                    slot: tag,
                    posts: 0,
                    spelled: place,
                });
                total.posts += u64::from(posts);
            }
        }
        distinct += shared.len();
        for total in shared.values() {
            leader.meet(total.posts);
        }
        let least = leader.least();
        shared.retain(|_, total| total.posts >= least);
        // Spellings are compared of those only that may be asked for.
        for &(place, posts) in parts.iter().flat_map(|part| &part.others) {
            if let Some(total) = shared.get_mut(&self.tag_of(place)) {
                let (slot, best) = (&slots[place as usize], &slots[total.spelled as usize]);
                if posts > best.posts || posts == best.posts && self.is_before(slot, best) {
                    total.spelled = place;
                }
            }
        }
        let mut totals: Vec<Total> = parts.into_iter().flat_map(|part| part.own).collect();
        totals.retain(|total| total.posts >= least);
        totals.extend(shared.into_values());
        (distinct, totals)
    }

    /// The slot of the identity of a spelling's slot.
    fn tag_of(&self, place: u32) -> u32 {
        match self.slots[place as usize].link {
            link if link & VARIANT == 0 => place,
            link => self.variants[(link & !VARIANT) as usize].tag,
        }
    }

    /// Whether a slot's text stands before another's by code point, which for UTF-8 is by byte.
    fn is_before(&self, slot: &Slot, other: &Slot) -> bool {
        let (mut ours, mut theirs) = (<_>::default(), <_>::default());
        self.text_bytes(slot, &mut ours) < self.text_bytes(other, &mut theirs)
    }

    /// A total's identity and its commonest spelling.
    pub(in crate::analysis) fn names(&self, total: &Total) -> Option<(Hashtag, String)> {
        let tag = Hashtag::new(&self.text(&self.slots[total.slot as usize]))?;
        let spelled = self.text(&self.slots[total.spelled as usize]);
        Some((tag, spelled))
    }
}

/// What a part of the table holds.
struct Part {
    /// Hashtags that have no other spelling.
    distinct: usize,
    /// Those of them that may be among the leading ones.
    own: Vec<Total>,
    /// Slots of spellings of the others, and their posts.
    others: Vec<(u32, u32)>,
}

impl Part {
    /// Of the slots from a place on; `is_shared` has a bit for each of the table.
    fn of(slots: &[Slot], first: usize, is_shared: &[u64], most: Option<usize>) -> Self {
        let mut part = Self {
            distinct: 0,
            own: Vec::new(),
            others: Vec::new(),
        };
        let mut leader = Leaders::new(most);
        for (place, slot) in (first..).zip(slots) {
            let is_counted = slot.posts > 0;
            let is_shared = is_shared[place >> 6] >> (place & 63) & 1 == 1;
            let is_own = !is_shared && slot.link & VARIANT == 0;
            part.distinct += usize::from(is_counted & is_own);
            // Hardly ever so, and a processor that guesses right need not wait.
            if is_counted & (!is_own | leader.may_meet(slot.posts)) {
                if !is_own {
                    part.others.push((index(place), slot.posts));
                } else if leader.meet(u64::from(slot.posts)) {
                    part.own.push(Total {
                        slot: index(place),
                        posts: u64::from(slot.posts),
                        spelled: index(place),
                    });
                }
            }
        }
        part
    }
}

/// The highest counts that were met.
struct Leaders {
    most: Option<usize>,
    counts: BinaryHeap<Reverse<u64>>,
    /// Lower counts are not among them.
    floor: u32,
}

impl Leaders {
    fn new(most: Option<usize>) -> Self {
        Self {
            most,
            counts: BinaryHeap::new(),
            floor: 0,
        }
    }

    #[inline]
    fn may_meet(&self, count: u32) -> bool {
        count >= self.floor
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
        let is_among = match self.counts.peek_mut() {
            Some(mut least) if count > least.0 => {
                *least = Reverse(count);
                true
            }
            Some(least) => count == least.0,
            None => false,
        };
        let least = self.counts.peek().map_or(u64::MAX, |least| least.0);
        self.floor = u32::try_from(least).unwrap_or(u32::MAX);
        is_among
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
