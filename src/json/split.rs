//! Checking a JSON object in one pass over its bytes, and splitting it into its fields on the way.
//!
//! What is taken here serde_json takes too, with the same parts; a property test holds both together.
//! What is unusual (keys with escapes, control characters, deep nesting) and what is no JSON is left
//! to serde_json, which also says what is wrong with it. Ends of strings and numbers are found with the
//! widest vectors of the processor, keys mostly by comparing them with those that stood there last time.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

mod keys;

use std::sync::LazyLock;

use fearless_simd::{Simd, dispatch, prelude::*, u8x32, u8x64};

use super::{Vectors, redact};
pub(super) use keys::mark;
use keys::{Key, Keys, NOWHERE, UNKNOWN};

/// Containers around a value; with more the other parser is asked.
const DEEPEST: u32 = 64;

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::default);

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    /// A key whose value [`redact`](super::redact) would blank, at whatever depth. Not noticed where it has
    /// escapes.
    pub(super) secret: bool,
    /// A key with escapes.
    pub(super) escaped_key: bool,
    /// The number of the row of the object's own keys, where it has one: another row has another.
    pub(super) row: Option<u64>,
}

/// Splits an object: `each` is given the keys, their [`mark`] and their text without quotes, and the values,
/// without white space around them. `None` where the other parser has to be asked; what was given before is
/// worth nothing then.
pub(super) fn object<'t>(text: &'t str, mut each: impl FnMut(u8, &'t str, &'t str)) -> Option<Met> {
    let mut each = |key: Key, value: Span| {
        each(
            key.mark,
            text.get(key.text.0..key.text.1)?,
            text.get(value.0..value.1)?,
        );
        Some(())
    };
    keys::with(|keys| {
        dispatch!(VECTORS.0, simd => {
            let mut check = Check::new(simd, text, keys);
            let end = check.members::<true>(check.blank(0), DEEPEST, NOWHERE, &mut each)?;
            (check.blank(end) == text.len()).then_some(check.met)
        })
    })
}

/// Splits an array into the texts of its members; `None` where the other parser has to be asked.
pub(super) fn array(text: &str) -> Option<Vec<&str>> {
    // Most arrays are short lists of hashtags.
    let mut parts = Vec::with_capacity(16);
    let mut each = |value: Span| {
        parts.push(text.get(value.0..value.1)?);
        Some(())
    };
    let whole = keys::with(|keys| {
        dispatch!(VECTORS.0, simd => {
            let mut check = Check::new(simd, text, keys);
            let end = check.items(check.blank(0), DEEPEST, NOWHERE, &mut each)?;
            Some(check.blank(end) == text.len())
        })
    })?;
    whole.then_some(parts)
}

/// The value of one key of an object, of a repeated key the last. The outer `None`: the other parser
/// has to be asked.
#[expect(clippy::option_option, reason = "not known, or known not to be there")]
pub(super) fn member<'t>(text: &'t str, wanted: &str) -> Option<Option<&'t str>> {
    let mut found = None;
    object(text, |_, key, value| {
        if key == wanted {
            found = Some(value);
        }
    })?;
    Some(found)
}

/// Whether a text surely has no control characters, none that is written as `\u` and its number, and none
/// that leads to a parameter of a link.
pub(super) fn is_plain(text: &str) -> bool {
    dispatch!(VECTORS.0, simd => is_plain_by(simd, text.as_bytes()))
}

#[inline(always)]
fn is_plain_by<S: Simd>(simd: S, text: &[u8]) -> bool {
    let (chunks, rest) = text.as_chunks::<64>();
    for (number, chunk) in (1..).zip(chunks) {
        let behind = text.get(number * 64).copied();
        if is_odd(simd, chunk, behind.unwrap_or(b' ')) {
            return false;
        }
    }
    let mut last = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    !is_odd(simd, &last, b' ')
}

/// Whether anything stands here that is not plain, before the byte that follows.
#[inline(always)]
fn is_odd<S: Simd>(simd: S, chunk: &[u8; 64], next: u8) -> bool {
    let bytes = u8x64::from_slice(simd, chunk);
    let equals = bytes.simd_eq(u8x64::splat(simd, b'='));
    let percents = bytes.simd_eq(u8x64::splat(simd, b'%'));
    let controls = bytes.simd_le(u8x64::splat(simd, 0x1f));
    if (equals | percents | controls).any_true() {
        return true;
    }
    let escapes = bytes.simd_eq(u8x64::splat(simd, b'\\')).to_bitmask();
    if escapes == 0 {
        return false;
    }
    let letters = bytes.simd_eq(u8x64::splat(simd, b'u')).to_bitmask();
    escapes & (letters >> 1 | u64::from(next == b'u') << 63) != 0
}

/// From the first byte to behind the last.
type Span = (usize, usize);

/// What stands where another member may.
enum Step {
    Member(Key),
    /// None; behind the object's bracket.
    End(usize),
}

/// The text, and what was met in it.
struct Check<'t, 'k, S> {
    simd: S,
    text: &'t [u8],
    met: Met,
    keys: &'k mut Keys,
}

impl<'t, 'k, S: Simd> Check<'t, 'k, S> {
    #[inline(always)]
    fn new(simd: S, text: &'t str, keys: &'k mut Keys) -> Self {
        Self {
            simd,
            text: text.as_bytes(),
            met: Met::default(),
            keys,
        }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// Behind the white space here.
    #[inline(always)]
    fn blank(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte(at) {
            at += 1;
        }
        at
    }

    /// Behind the object here, whose key is remembered at a place; `each` is given each key and its value.
    #[inline(always)]
    fn members<const STRICT: bool>(
        &mut self,
        open: usize,
        depth: u32,
        place: u16,
        each: &mut impl FnMut(Key, Span) -> Option<()>,
    ) -> Option<usize> {
        let mut before = (place, true);
        let mut at = open;
        let mut row = 0;
        loop {
            if !before.1 && self.byte(at) == Some(b'}') {
                if STRICT && row != UNKNOWN {
                    self.met.row = Some(row);
                }
                return Some(at + 1);
            }
            let followed = self.keys.follow(self.simd, self.text, at, before, row);
            let key = match followed {
                Some(key) => key,
                None => match self.key::<STRICT>(at, before)? {
                    Step::Member(key) => key,
                    Step::End(end) => {
                        if STRICT && row != UNKNOWN {
                            self.met.row = Some(row);
                        }
                        return Some(end);
                    }
                },
            };
            if STRICT {
                row = if key.row == 0 {
                    self.keys.row(row, key.place)
                } else {
                    key.row
                };
            }
            self.met.secret |= key.secret;
            let value = self.blank(key.value);
            at = self.value(value, depth, key.place)?;
            each(key, (value, at))?;
            before = (key.place, false);
        }
    }

    /// The key behind an opening bracket or a value.
    #[inline(never)]
    fn key<const STRICT: bool>(&mut self, at: usize, before: (u16, bool)) -> Option<Step> {
        let first = before.1;
        let here = if first { at } else { self.blank(at) };
        let here = match self.byte(here)? {
            b'{' if first => {
                let inside = self.blank(here + 1);
                if self.byte(inside)? == b'}' {
                    return Some(Step::End(inside + 1));
                }
                inside
            }
            b',' if !first => self.blank(here + 1),
            b'}' if !first => return Some(Step::End(here + 1)),
            _ => return None,
        };
        if self.byte(here)? != b'"' {
            return None;
        }
        let from = here + 1;
        let plain = self.plain(from);
        let close = match plain {
            Some(close) => close,
            None if STRICT => return None,
            None => {
                self.met.escaped_key = true;
                self.string_slowly(from)? - 1
            }
        };
        let colon = self.blank(close + 1);
        if self.byte(colon)? != b':' {
            return None;
        }
        let value = self.blank(colon + 1);
        if plain.is_some()
            && let Some(key) = self.keys.learn(self.text, at, (from, close), value, before)
        {
            return Some(Step::Member(key));
        }
        let key = self.text.get(from..close)?;
        Some(Step::Member(Key {
            place: NOWHERE,
            row: 0,
            mark: keys::mark_of(key),
            secret: redact::is_secret_key(key),
            text: (from, close),
            value,
        }))
    }

    /// Behind the array here; `each` is given each member.
    #[inline(always)]
    fn items(
        &mut self,
        open: usize,
        depth: u32,
        place: u16,
        each: &mut impl FnMut(Span) -> Option<()>,
    ) -> Option<usize> {
        if self.byte(open)? != b'[' {
            return None;
        }
        let mut at = self.blank(open + 1);
        if self.byte(at)? == b']' {
            return Some(at + 1);
        }
        loop {
            let end = self.value(at, depth, place)?;
            each((at, end))?;
            at = self.blank(end);
            match self.byte(at)? {
                b',' => at = self.blank(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// Behind the value here, whose key is remembered at a place.
    #[inline(always)]
    fn value(&mut self, at: usize, depth: u32, place: u16) -> Option<usize> {
        match self.byte(at)? {
            b'"' => self.string(at + 1),
            b'-' => self.number(at + 1),
            b'0'..=b'9' => self.number(at),
            b'{' => self.nested_object(at, depth.checked_sub(1)?, place),
            b'[' => self.nested_array(at, depth.checked_sub(1)?, place),
            b'n' => self.word(at, b"null"),
            b't' => self.word(at, b"true"),
            b'f' => self.word(at, b"false"),
            _ => None,
        }
    }

    /// Behind an object of which nobody asks for the parts.
    fn nested_object(&mut self, open: usize, depth: u32, place: u16) -> Option<usize> {
        self.simd.vectorize(
            #[inline(always)]
            || self.members::<false>(open, depth, place, &mut |_, _| Some(())),
        )
    }

    /// Behind an array of which nobody asks for the members.
    fn nested_array(&mut self, open: usize, depth: u32, place: u16) -> Option<usize> {
        self.simd.vectorize(
            #[inline(always)]
            || self.items(open, depth, place, &mut |_| Some(())),
        )
    }

    #[inline(always)]
    fn word(&self, at: usize, word: &[u8]) -> Option<usize> {
        let end = at + word.len();
        (self.text.get(at..end)? == word).then_some(end)
    }

    /// Behind a number whose sign was met.
    #[inline(always)]
    fn number(&self, at: usize) -> Option<usize> {
        let Some(chunk) = self.text.get(at..).and_then(<[u8]>::first_chunk::<32>) else {
            return self.number_slowly(at);
        };
        let bytes = u8x32::from_slice(self.simd, chunk);
        let values = bytes - u8x32::splat(self.simd, b'0');
        let digits = values.simd_le(u8x32::splat(self.simd, 9));
        let length = digits.to_bitmask().trailing_ones() as usize;
        match chunk.get(length) {
            Some(b'.' | b'e' | b'E') | None => self.number_slowly(at),
            Some(_) if length == 0 || length > 1 && chunk[0] == b'0' => None,
            Some(_) => Some(at + length),
        }
    }

    /// As [`Check::number`], of any number.
    #[inline(never)]
    fn number_slowly(&self, at: usize) -> Option<usize> {
        let mut end = self.digits(at)?;
        if self.byte(at) == Some(b'0') && end > at + 1 {
            return None;
        }
        if self.byte(end) == Some(b'.') {
            end = self.digits(end + 1)?;
        }
        if let Some(b'e' | b'E') = self.byte(end) {
            let signed = matches!(self.byte(end + 1), Some(b'+' | b'-'));
            end = self.digits(end + 1 + usize::from(signed))?;
        }
        Some(end)
    }

    /// Behind at least one digit.
    fn digits(&self, at: usize) -> Option<usize> {
        let mut end = at;
        while self.byte(end).is_some_and(|byte| byte.is_ascii_digit()) {
            end += 1;
        }
        (end > at).then_some(end)
    }

    /// Behind the string whose inside begins here.
    #[inline(always)]
    fn string(&self, at: usize) -> Option<usize> {
        if let Some(chunk) = self.text.get(at..).and_then(<[u8]>::first_chunk::<32>) {
            let stops = stops(self.simd, chunk);
            let length = stops.trailing_zeros() as usize;
            if chunk.get(length) == Some(&b'"') {
                return Some(at + length + 1);
            }
        }
        // A function of its own: most strings are short.
        self.simd.vectorize(
            #[inline(always)]
            || self.long_string(at),
        )
    }

    #[inline(always)]
    fn long_string(&self, mut at: usize) -> Option<usize> {
        loop {
            let Some(chunk) = self.text.get(at..).and_then(<[u8]>::first_chunk::<32>) else {
                return self.string_slowly(at);
            };
            let length = stops(self.simd, chunk).trailing_zeros() as usize;
            match chunk.get(length) {
                None => at += 32,
                Some(b'"') => return Some(at + length + 1),
                Some(b'\\') => at = self.escape(at + length + 1)?,
                Some(_) => return None,
            }
        }
    }

    /// As [`Check::string`], also near to the end of the text.
    #[inline(never)]
    fn string_slowly(&self, mut at: usize) -> Option<usize> {
        loop {
            at = self.special(at)?;
            match self.byte(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at = self.escape(at + 1)?,
                _ => return None,
            }
        }
    }

    /// The closing quote of a string without escapes whose inside begins here.
    fn plain(&self, at: usize) -> Option<usize> {
        let at = self.special(at)?;
        (self.byte(at)? == b'"').then_some(at)
    }

    /// Behind what follows a backslash.
    fn escape(&self, at: usize) -> Option<usize> {
        match self.byte(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
            b'u' => {
                let digits = self.text.get(at + 1..at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
            }
            _ => None,
        }
    }

    /// The next quote, backslash or control character.
    fn special(&self, mut at: usize) -> Option<usize> {
        while let Some(eight) = self.text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let marks = specials(u64::from_le_bytes(*eight));
            if marks != 0 {
                return Some(at + (marks.trailing_zeros() >> 3) as usize);
            }
            at += 8;
        }
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        Some(at + self.text.get(at..)?.iter().position(is_special)?)
    }
}

/// A bit for each byte that is a quote, a backslash or a control character.
#[inline(always)]
fn stops<S: Simd>(simd: S, chunk: &[u8; 32]) -> u64 {
    let bytes = u8x32::from_slice(simd, chunk);
    let quotes = bytes.simd_eq(u8x32::splat(simd, b'"'));
    let escapes = bytes.simd_eq(u8x32::splat(simd, b'\\'));
    let controls = bytes.simd_le(u8x32::splat(simd, 0x1f));
    (quotes | escapes | controls).to_bitmask()
}

/// The highest bit of each byte that is a quote, a backslash or a control character, up to the first
/// of them; what follows that may be wrong.
#[inline]
fn specials(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let quotes = bytes ^ (ONES * 0x22);
    let escapes = bytes ^ (ONES * 0x5c);
    let found = quotes.wrapping_sub(ONES) & !quotes
        | escapes.wrapping_sub(ONES) & !escapes
        | bytes.wrapping_sub(ONES * 0x20) & !bytes;
    found & (ONES * 0x80)
}

#[cfg(test)]
mod tests;
