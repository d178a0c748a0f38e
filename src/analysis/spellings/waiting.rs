//! Names that wait until there are many: looked up side by side, they wait for memory together.

use super::escapes::{ROOM, unescape};
use super::packed::{INLINE, Packed, has_backslash, packed, unpack};
use super::{Decode, LONG, Spellings, count_in, find_in, hash, packed_name};
use crate::model::Name;

/// Names that are looked up together.
pub(super) const BATCH: usize = 128;

/// Names that were met and are not counted yet.
#[derive(Debug, Default)]
pub(super) struct WaitingNames {
    names: Vec<Waiting>,
    /// The text of those that have no room in a slot, and where each ends, in their order.
    long: Vec<u8>,
    ends: Vec<usize>,
    /// How they are decoded, if there are any.
    decode: Option<Decode>,
}

/// A name that is not counted yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    packed: Packed,
    hash: u32,
    /// The number of the post that has it.
    post: u32,
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
        let (post, seeds) = (self.post, self.seeds);
        let WaitingNames {
            names: waiting,
            long,
            ends,
            ..
        } = &mut self.waiting;
        waiting.extend(names.iter().map(|&(from, to)| {
            let (from, to) = (from as usize, to as usize);
            let window = text.get(from..).and_then(<[u8]>::first_chunk);
            let packed = window
                .filter(|_| to - from <= INLINE)
                .map(|window| packed(window, to - from))
                .filter(|packed| !(escaped && has_backslash(packed)))
                .unwrap_or_else(|| {
                    let mut undone = [0; ROOM];
                    let mut name = &text[from..to];
                    if escaped && let Some(length) = unescape(name, &mut undone) {
                        name = &undone[..length];
                    }
                    if name.len() > INLINE {
                        long.extend_from_slice(name);
                        ends.push(long.len());
                    }
                    packed_name(&seeds, name)
                });
            Waiting {
                packed,
                hash: hash(&seeds, &packed),
                post,
            }
        }));
        self.waiting.decode = Some(decode);
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
        let mut names = waiting.names.iter();
        let mut long = Long {
            text: &waiting.long,
            ends: waiting.ends.iter(),
            from: 0,
        };
        while let Some((name, free, text)) = self.count_known(&mut names, &mut long) {
            let (bytes, length) = unpack(&name.packed);
            let text = text.unwrap_or(&bytes[..length]);
            let place = self.meet(text, (&name.packed, name.hash, free), decode);
            count_in(&mut self.slots, &self.variants, name.post, place);
        }
        waiting.names.clear();
        waiting.long.clear();
        waiting.ends.clear();
        self.waiting = waiting;
    }

    /// Counts names up to the first that was not met before, and returns it with the free slot
    /// where it belongs and its text, if it has no room in one.
    fn count_known<'w>(
        &mut self,
        names: &mut std::slice::Iter<'w, Waiting>,
        long: &mut Long<'w>,
    ) -> Option<(&'w Waiting, u32, Option<&'w [u8]>)> {
        let slots = &mut *self.slots;
        for name in names {
            let text = if name.packed[2] == LONG << 56 {
                Some(long.next())
            } else {
                None
            };
            let text_or_none = text.unwrap_or_default();
            match find_in(slots, &self.long, &name.packed, name.hash, text_or_none) {
                Ok(found) => {
                    count_in(slots, &self.variants, name.post, found);
                }
                Err(free) => return Some((name, free, text)),
            }
        }
        None
    }
}

/// The text of names that have no room in a slot, one after the other.
struct Long<'w> {
    text: &'w [u8],
    ends: std::slice::Iter<'w, usize>,
    from: usize,
}

impl<'w> Long<'w> {
    fn next(&mut self) -> &'w [u8] {
        let end = self.ends.next().copied().unwrap_or(self.from);
        let name = &self.text[self.from..end];
        self.from = end;
        name
    }
}
