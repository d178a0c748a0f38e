//! What stood before values in objects that were split before, so that most keys cost one comparison.
//!
//! A guess only: what follows is compared with the text, and where it differs the key is read as any other.

use std::cell::RefCell;

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
    /// Which followed the value behind it last, and which stood first inside of it.
    next: u8,
    inner: u8,
}

const NONE: Literal = Literal {
    bytes: [0; LONGEST],
    length: u8::MAX,
    key: (0, 0),
    mark: 0,
    secret: false,
    opens: false,
    next: 0,
    inner: 0,
};

/// Literals, each at a place that its text tells: of two at the same place the later stays.
pub(super) struct Keys([Literal; 256]);

/// A key that was found.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Where its literal is remembered.
    pub(super) place: u8,
    pub(super) mark: u8,
    /// Whether [`redact`] would blank the value.
    pub(super) secret: bool,
    /// Without the quotes.
    pub(super) text: Span,
    /// Behind the colon.
    pub(super) value: usize,
}

thread_local! {
    static KEYS: RefCell<Keys> = const { RefCell::new(Keys([NONE; 256])) };
}

/// Does something with the keys of what this thread has split.
pub(super) fn with<R>(work: impl FnOnce(&mut Keys) -> R) -> R {
    KEYS.with(|keys| match keys.try_borrow_mut() {
        Ok(mut keys) => work(&mut keys),
        Err(_) => work(&mut Keys([NONE; 256])),
    })
}

/// A byte that differs for most keys that differ.
pub(in super::super) const fn mark(key: &str) -> u8 {
    mark_of(key.as_bytes())
}

const fn mark_of(key: &[u8]) -> u8 {
    let (first, last) = match key {
        [first, .., last] => (*first, *last),
        [one] => (*one, *one),
        [] => (0, 0),
    };
    let [length, ..] = key.len().to_le_bytes();
    length.wrapping_mul(37) ^ first.rotate_left(4) ^ last
}

impl Keys {
    /// The key that stands here if it is the one that mostly follows the one `before`, or stands first inside
    /// of its value.
    #[inline]
    pub(super) fn follow<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        at: usize,
        (before, inside): (u8, bool),
    ) -> Option<Key> {
        let before = &self.0[usize::from(before)];
        let place = if inside { before.inner } else { before.next };
        let literal = &self.0[usize::from(place)];
        let chunk = text.get(at..)?.first_chunk::<LONGEST>()?;
        let here = u8x32::from_slice(simd, chunk);
        let same = here.simd_eq(u8x32::from_slice(simd, &literal.bytes));
        let is_it = same.to_bitmask().trailing_ones() >= u32::from(literal.length);
        // What is remembered there may be another by now.
        if !is_it || literal.opens != inside {
            return None;
        }
        Some(Key {
            place,
            mark: literal.mark,
            secret: literal.secret,
            text: (
                at + usize::from(literal.key.0),
                at + usize::from(literal.key.1),
            ),
            value: at + usize::from(literal.length),
        })
    }

    /// Takes what stands between a place and a value, whose key has no escapes.
    pub(super) fn learn(
        &mut self,
        text: &[u8],
        at: usize,
        (from, to): Span,
        value: usize,
        (before, inside): (u8, bool),
    ) -> Key {
        let key = text.get(from..to).unwrap_or_default();
        let mark = mark_of(key);
        let place = mark.wrapping_add(u8::from(inside) << 7);
        let secret = redact::is_secret_key(key);
        let known = Key {
            place,
            mark,
            secret,
            text: (from, to),
            value,
        };
        let literal = text.get(at..value).unwrap_or_default();
        let small = |place: usize| u8::try_from(place - at).ok();
        if let (Some(bytes), Some(length), Some(start), Some(end)) =
            (padded(literal), small(value), small(from), small(to))
        {
            let here = &mut self.0[usize::from(place)];
            if here.length != length || here.bytes != bytes || here.opens != inside {
                *here = Literal {
                    bytes,
                    length,
                    key: (start, end),
                    mark,
                    secret,
                    opens: inside,
                    next: here.next,
                    inner: here.inner,
                };
            }
        }
        let before = &mut self.0[usize::from(before)];
        *(if inside {
            &mut before.inner
        } else {
            &mut before.next
        }) = place;
        known
    }
}

fn padded(literal: &[u8]) -> Option<[u8; LONGEST]> {
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..literal.len())?.copy_from_slice(literal);
    Some(bytes)
}
