//! What stood before values in objects that were split before, so that most keys cost one comparison.
//!
//! A guess only: what follows is compared with the text, and where it differs the key is read as any other.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use fearless_simd::{Simd, prelude::*, u8x32};

use super::super::redact;
use super::Span;

/// Bytes that are compared at once; what is longer is not remembered.
const LONGEST: usize = 32;

/// From the end of one value to the beginning of the next: comma or opening bracket, key and colon.
#[derive(Clone, Copy)]
struct Literal {
    bytes: [u8; LONGEST],
    /// How many of them; more than there are where none is remembered.
    length: u8,
    /// Where the key stands between its quotes.
    key: (u8, u8),
    mark: u8,
    secret: bool,
    /// It begins with the bracket.
    opens: bool,
    /// Which two followed the value behind it last, and which stood first inside of it.
    next: [u16; 2],
    inner: [u16; 2],
    /// Rows of keys, and those that they are with this one behind them.
    rows: [(u64, u64); 2],
}

const NONE: Literal = Literal {
    bytes: [0; LONGEST],
    length: u8::MAX,
    key: (0, 0),
    mark: 0,
    secret: false,
    opens: false,
    next: [NOWHERE; 2],
    inner: [NOWHERE; 2],
    rows: [(UNKNOWN, 0); 2],
};

/// Where nothing is remembered.
pub(super) const NOWHERE: u16 = 0;
/// In place of the number of a row of keys that are not all remembered.
pub(super) const UNKNOWN: u64 = u64::MAX;

impl Literal {
    /// Whether it stands here; what is remembered in its place may be another by now.
    #[inline(always)]
    fn stands<S: Simd>(&self, simd: S, here: u8x32<S>, inside: bool) -> bool {
        let same = here.simd_eq(u8x32::from_slice(simd, &self.bytes));
        let is_it = same.to_bitmask().trailing_ones() >= u32::from(self.length);
        is_it && self.opens == inside
    }
}

/// So many are remembered.
const PLACES: usize = 1 << 10;

/// Literals, each at one of a few places that its text tells.
pub(super) struct Keys(Box<[Literal; PLACES]>);

/// A key that was found.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Where its literal is remembered; [`NOWHERE`] where it is not.
    pub(super) place: u16,
    /// The number of the row of keys that it ends, 0 where that is not at hand.
    pub(super) row: u64,
    pub(super) mark: u8,
    /// Whether [`redact`] would blank the value.
    pub(super) secret: bool,
    /// Without the quotes.
    pub(super) text: Span,
    /// Behind the colon.
    pub(super) value: usize,
}

thread_local! {
    static KEYS: RefCell<Keys> = RefCell::new(Keys::new());
}

/// Does something with the keys of what this thread has split.
pub(super) fn with<R>(work: impl FnOnce(&mut Keys) -> R) -> R {
    KEYS.with(|keys| match keys.try_borrow_mut() {
        Ok(mut keys) => work(&mut keys),
        Err(_) => work(&mut Keys::new()),
    })
}

/// A byte that differs for most keys that differ.
pub(in super::super) const fn mark(key: &str) -> u8 {
    mark_of(key.as_bytes())
}

pub(super) const fn mark_of(key: &[u8]) -> u8 {
    let (first, last) = match key {
        [first, .., last] => (*first, *last),
        [one] => (*one, *one),
        [] => (0, 0),
    };
    let [length, ..] = key.len().to_le_bytes();
    length.wrapping_mul(37) ^ first.rotate_left(4) ^ last
}

/// Where a literal is remembered first of all, by its text.
fn place_of(literal: &[u8]) -> usize {
    let mix = |mixed: u32, byte: &u8| (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let mixed = literal.iter().fold(0x811C_9DC5, mix);
    // One of them is nowhere.
    1 + (mixed ^ mixed >> 15) as usize % (PLACES - 1)
}

/// The number of a row of keys that had none before.
fn new_row() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Keys {
    #[expect(clippy::large_stack_arrays, reason = "100 KB, once for each thread")]
    fn new() -> Self {
        Self(Box::new([NONE; PLACES]))
    }

    #[inline]
    fn get(&self, place: u16) -> &Literal {
        &self.0[usize::from(place) % PLACES]
    }

    fn get_mut(&mut self, place: u16) -> &mut Literal {
        &mut self.0[usize::from(place) % PLACES]
    }

    /// The number of a row of keys with another behind it: no other row has it, though a row may come to have
    /// another number. [`UNKNOWN`] where one is not remembered.
    #[inline(never)]
    pub(super) fn row(&mut self, before: u64, place: u16) -> u64 {
        if before == UNKNOWN || place == NOWHERE {
            return UNKNOWN;
        }
        let literal = self.get_mut(place);
        let known = literal.rows.iter().find(|row| row.0 == before);
        let row = known.copied().unwrap_or_else(|| (before, new_row()));
        if literal.rows[0] != row {
            literal.rows = [row, literal.rows[0]];
        }
        row.1
    }

    /// The key that stands here if it is one of those that mostly follow the one `before`, or stand first
    /// inside of its value.
    #[inline(always)]
    pub(super) fn follow<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        at: usize,
        (before, inside): (u16, bool),
        row: u64,
    ) -> Option<Key> {
        let before = self.get(before);
        let [first, second] = if inside { before.inner } else { before.next };
        let chunk = text.get(at..)?.first_chunk::<LONGEST>()?;
        let here = u8x32::from_slice(simd, chunk);
        let mut place = first;
        let mut literal = self.get(first);
        if !literal.stands(simd, here, inside) {
            place = second;
            literal = self.get(second);
            if !literal.stands(simd, here, inside) {
                return None;
            }
        }
        let [(before, after), _] = literal.rows;
        Some(Key {
            place,
            row: if before == row { after } else { 0 },
            mark: literal.mark,
            secret: literal.secret,
            text: (
                at + usize::from(literal.key.0),
                at + usize::from(literal.key.1),
            ),
            value: at + usize::from(literal.length),
        })
    }

    /// Where a literal is or may be remembered: of some places the one that has it or the first that has none,
    /// else the first.
    fn place(&self, bytes: &[u8; LONGEST], length: u8, opens: bool) -> u16 {
        /// A few more than are ever taken in a file of one source.
        const TRIED: usize = 8;

        let first = place_of(bytes);
        let mut found = first;
        for place in first..PLACES.min(first + TRIED) {
            let literal = &self.0[place];
            let is_it =
                literal.length == length && literal.opens == opens && literal.bytes == *bytes;
            if is_it || literal.length == NONE.length {
                found = place;
                break;
            }
        }
        u16::try_from(found).unwrap_or(0)
    }

    /// Takes what stands between a place and a value, whose key has no escapes; `None` where it is too long
    /// to be remembered.
    pub(super) fn learn(
        &mut self,
        text: &[u8],
        at: usize,
        (from, to): Span,
        value: usize,
        (before, inside): (u16, bool),
    ) -> Option<Key> {
        let key = text.get(from..to)?;
        let bytes = padded(text.get(at..value)?)?;
        let small = |place: usize| u8::try_from(place - at).ok();
        let (length, start, end) = (small(value)?, small(from)?, small(to)?);
        let (mark, secret) = (mark_of(key), redact::is_secret_key(key));
        let place = self.place(&bytes, length, inside);
        let here = self.get_mut(place);
        if here.length != length || here.bytes != bytes || here.opens != inside {
            *here = Literal {
                bytes,
                length,
                key: (start, end),
                mark,
                secret,
                opens: inside,
                ..NONE
            };
        }
        let before = self.get_mut(before);
        let followers = if inside {
            &mut before.inner
        } else {
            &mut before.next
        };
        if followers[0] != place {
            *followers = [place, followers[0]];
        }
        Some(Key {
            place,
            row: 0,
            mark,
            secret,
            text: (from, to),
            value,
        })
    }
}

fn padded(literal: &[u8]) -> Option<[u8; LONGEST]> {
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..literal.len())?.copy_from_slice(literal);
    Some(bytes)
}
