//! Names that wait until there are many: looked up side by side, they wait for memory together.

use super::escapes::{ROOM, unescape};
use super::packed::{INLINE, Packed, unpack};
use super::{Decode, LONG, Spellings, count_in, find_in};
use crate::model::Name;

/// Names that are looked up together.
pub(super) const BATCH: usize = 64;

/// Names that were met and are not counted yet.
#[derive(Debug, Default)]
pub(super) struct WaitingNames {
    names: Vec<Waiting>,
    /// The text of those that have no room in a slot.
    long: Vec<u8>,
    /// How they are decoded, if there are any.
    decode: Option<Decode>,
}

/// A name that is not counted yet.
#[derive(Debug)]
struct Waiting {
    packed: Packed,
    hash: usize,
    /// The number of the post that has it.
    post: u32,
    /// Its place in `long`, if it is there.
    long: (usize, usize),
}

impl Spellings {
    /// Counts names that stand in JSON strings of a text, undecoded.
    ///
    /// They wait until there are many: looked up side by side they wait for memory together. Unless
    /// `escaped`, there are no escapes in them.
    pub(in crate::analysis) fn count_raw(
        &mut self,
        text: &[u8],
        names: &[Name],
        escaped: bool,
        decode: Decode,
    ) {
        self.waiting.decode = Some(decode);
        let mut undone = [0; ROOM];
        for &name in names {
            let (from, to) = (name.0 as usize, name.1 as usize);
            let mut packed = self.pack_at(text, name);
            let mut long = &text[from..from];
            if escaped && let Some(length) = unescape(&text[from..to], &mut undone) {
                packed = self.pack(&undone[..length]);
                if length > INLINE {
                    long = &undone[..length];
                }
            } else if to - from > INLINE {
                long = &text[from..to];
            }
            let start = self.waiting.long.len();
            self.waiting.long.extend_from_slice(long);
            self.waiting.names.push(Waiting {
                packed,
                hash: self.hash(&packed),
                post: self.post,
                long: (start, start + long.len()),
            });
        }
        if self.waiting.names.len() >= BATCH {
            self.settle();
        }
    }

    /// Counts what waits.
    pub(super) fn settle(&mut self) {
        let Some(decode) = self.waiting.decode.take() else {
            return;
        };
        let mut waiting = std::mem::take(&mut self.waiting);
        self.fetch(waiting.names.iter().map(|name| name.hash));
        for name in &waiting.names {
            let packed = &name.packed;
            let long = &waiting.long[name.long.0..name.long.1];
            let slots = &mut *self.slots;
            let found = find_in(slots, &self.long, packed, name.hash, long);
            match found {
                Ok(found) => {
                    count_in(slots, &self.variants, name.post, found);
                }
                Err(free) => {
                    let (bytes, length) = unpack(packed);
                    let text = match packed[2] >> 56 {
                        LONG => long,
                        _ => &bytes[..length],
                    };
                    let place = self.meet(text, (packed, name.hash, free), decode);
                    count_in(&mut self.slots, &self.variants, name.post, place);
                }
            }
        }
        waiting.names.clear();
        waiting.long.clear();
        self.waiting = waiting;
    }
}
