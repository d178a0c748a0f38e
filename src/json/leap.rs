//! From one end of a JSON value to the other without decoding it or noting anything on the way.
//!
//! Strings and containers are passed over with the widest vectors that the processor has. Only text
//! as programs write it is followed: no white space inside a value but blanks in containers. Anything
//! else is [`Odd`], which says nothing about its being JSON: the parser that checks everything has to be
//! asked. What is passed over is not checked but for quotes, brackets and control characters.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

use std::ops::RangeInclusive;

use fearless_simd::{Level, Simd, dispatch, mask8x32, mask8x64, prelude::*, u8x32, u8x64};

/// The text is not as programs write it; the full parser has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// The widest vectors of the processor, to be asked for once.
#[derive(Clone, Copy, Debug)]
pub struct Vectors(pub(crate) Level);

impl Default for Vectors {
    fn default() -> Self {
        Self(Level::new())
    }
}

impl Vectors {
    /// Behind the value that starts at a place.
    ///
    /// # Errors
    /// None ends as it should.
    pub fn value(self, text: &[u8], at: usize) -> Result<usize, Odd> {
        dispatch!(self.0, simd => value(simd, text, at))
    }

    /// Behind the bracket that closes the one at a place, of whichever kind it is, whatever white
    /// space stands between them.
    pub fn closing(self, text: &[u8], open: usize) -> Option<usize> {
        dispatch!(self.0, simd => closing(simd, text, open)).map(|(end, _)| end)
    }
}

/// Binds a name to the bytes of a text from a place on, with zeros behind the text's end.
macro_rules! chunk {
    ($name:ident, $text:expr, $at:expr, $length:literal) => {
        let spare;
        let $name = match $text.get($at..).and_then(<[u8]>::first_chunk::<$length>) {
            Some(chunk) => chunk,
            None => {
                spare = padded($text, $at);
                &spare
            }
        };
    };
}

#[inline(always)]
fn is<S: Simd>(simd: S, bytes: u8x32<S>, byte: u8) -> mask8x32<S> {
    bytes.simd_eq(u8x32::splat(simd, byte))
}

#[inline(always)]
fn is_wide<S: Simd>(simd: S, bytes: u8x64<S>, byte: u8) -> mask8x64<S> {
    bytes.simd_eq(u8x64::splat(simd, byte))
}

#[inline(always)]
fn among<S: Simd>(simd: S, bytes: u8x32<S>, range: RangeInclusive<u8>) -> mask8x32<S> {
    let (first, last) = (*range.start(), *range.end());
    (bytes - u8x32::splat(simd, first)).simd_le(u8x32::splat(simd, last - first))
}

/// A byte of a text.
#[inline(always)]
pub(crate) fn byte(text: &[u8], at: usize) -> Result<u8, Odd> {
    text.get(at).copied().ok_or(Odd)
}

#[inline(always)]
fn value<S: Simd>(simd: S, text: &[u8], at: usize) -> Result<usize, Odd> {
    match byte(text, at)? {
        b'"' => string(simd, text, at).map(|(end, _)| end),
        b'{' | b'[' => container(simd, text, at),
        _ => scalar(simd, text, at),
    }
}

/// Behind the string whose opening quote stands at a place, and whether there is an escape in it.
#[inline(always)]
pub(crate) fn string<S: Simd>(simd: S, text: &[u8], open: usize) -> Result<(usize, bool), Odd> {
    let from = open + 1;
    chunk!(chunk, text, from, 32);
    let bytes = u8x32::from_slice(simd, chunk);
    let stops =
        is(simd, bytes, b'"') | is(simd, bytes, b'\\') | bytes.simd_le(u8x32::splat(simd, 0x1f));
    let stops = stops.to_bitmask();
    let length = stops.trailing_zeros() as usize;
    if length < 32 && chunk[length] == b'"' {
        return Ok((from + length + 1, false));
    }
    // A function of its own: most strings are short.
    simd.vectorize(
        #[inline(always)]
        || long_string(simd, text, from),
    )
}

#[inline(always)]
fn long_string<S: Simd>(simd: S, text: &[u8], from: usize) -> Result<(usize, bool), Odd> {
    let mut escapes = Escapes::default();
    let mut escaped = false;
    let mut at = from;
    loop {
        chunk!(chunk, text, at, 64);
        let bytes = u8x64::from_slice(simd, chunk);
        let controls = bytes.simd_le(u8x64::splat(simd, 0x1f));
        let (quotes, backslashes) = (is_wide(simd, bytes, b'"'), is_wide(simd, bytes, b'\\'));
        let mut stops = (quotes | controls).to_bitmask();
        if backslashes.any_true() || escapes.goes_on {
            escaped = true;
            stops = quotes.to_bitmask() & !escapes.escaped(backslashes.to_bitmask());
            stops |= controls.to_bitmask();
        }
        if stops != 0 {
            let place = stops.trailing_zeros() as usize;
            return if chunk[place] == b'"' {
                // A backslash behind the string is none in it, but who looks for one finds none.
                Ok((at + place + 1, escaped))
            } else {
                Err(Odd)
            };
        }
        at += 64;
    }
}

/// Behind a number, `true`, `false` or `null` of at most 31 bytes: it is looked no further than to
/// the first byte that cannot be part of one.
#[inline(always)]
pub(crate) fn scalar<S: Simd>(simd: S, text: &[u8], from: usize) -> Result<usize, Odd> {
    chunk!(chunk, text, from, 32);
    let bytes = u8x32::from_slice(simd, chunk);
    let small = bytes | u8x32::splat(simd, 0x20);
    let taken = among(simd, bytes, b'-'..=b'9') | among(simd, small, b'a'..=b'z');
    let length = taken.to_bitmask().trailing_ones() as usize;
    if length == 0 || length >= 32 {
        return Err(Odd);
    }
    Ok(from + length)
}

/// Behind the bracket that closes the one at a place.
#[inline(always)]
pub(crate) fn container<S: Simd>(simd: S, text: &[u8], open: usize) -> Result<usize, Odd> {
    let (end, controls) = simd
        .vectorize(
            #[inline(always)]
            || closing(simd, text, open),
        )
        .ok_or(Odd)?;
    // `{` and `}`, `[` and `]` are two apart.
    if controls || byte(text, end - 1)? != byte(text, open)? + 2 {
        return Err(Odd);
    }
    Ok(end)
}

/// Behind the bracket that closes the one here, and whether control characters stand between them.
#[inline(always)]
fn closing<S: Simd>(simd: S, text: &[u8], open: usize) -> Option<(usize, bool)> {
    let mut escapes = Escapes::default();
    // All ones inside a string.
    let mut inside = 0_u64;
    let mut depth = 1;
    let mut lowest = u8x64::splat(simd, 0xff);
    let mut at = open + 1;
    while at < text.len() {
        chunk!(chunk, text, at, 64);
        let bytes = u8x64::from_slice(simd, chunk);
        let mut quotes = is_wide(simd, bytes, b'"').to_bitmask();
        let backslashes = is_wide(simd, bytes, b'\\');
        if backslashes.any_true() || escapes.goes_on {
            quotes &= !escapes.escaped(backslashes.to_bitmask());
        }
        // `[` and `{`, `]` and `}` differ in this bit only.
        let folded = bytes | u8x64::splat(simd, 0x20);
        let (opens, closes) = (is_wide(simd, folded, b'{'), is_wide(simd, folded, b'}'));
        if (opens | closes).any_true() {
            let strings = parity(quotes) ^ inside;
            inside = (strings.cast_signed() >> 63).cast_unsigned();
            let mut opens = opens.to_bitmask() & !strings;
            let mut closes = closes.to_bitmask() & !strings;
            // Here it may end: go from one closing bracket to the next.
            while closes.count_ones() >= depth {
                let before = (closes & closes.wrapping_neg()) - 1;
                depth += (opens & before).count_ones();
                opens &= !before;
                depth -= 1;
                if depth == 0 {
                    let controls = bytes.simd_le(u8x64::splat(simd, 0x1f)).to_bitmask();
                    let earlier = lowest.simd_le(u8x64::splat(simd, 0x1f)).any_true();
                    let end = at + closes.trailing_zeros() as usize + 1;
                    return Some((end, earlier || controls & before != 0));
                }
                closes &= closes - 1;
            }
            depth = depth + opens.count_ones() - closes.count_ones();
        } else {
            inside ^= 0_u64.wrapping_sub(u64::from(quotes.count_ones() & 1));
        }
        lowest = lowest.min(bytes);
        at += 64;
    }
    None
}

/// Calls `each` with every string of the array that starts at a place: from where to where it stands
/// between its quotes, and whether there is an escape in it. Returns what is behind the array.
///
/// # Errors
/// Something else than strings stands in it.
#[inline(always)]
pub(crate) fn strings<S: Simd>(
    simd: S,
    text: &[u8],
    open: usize,
    mut each: impl FnMut(usize, usize, bool) -> Result<(), Odd>,
) -> Result<usize, Odd> {
    let mut at = open + 1;
    if byte(text, at)? == b']' {
        return Ok(at + 1);
    }
    loop {
        if byte(text, at)? != b'"' {
            return Err(Odd);
        }
        let (end, escaped) = string(simd, text, at)?;
        each(at + 1, end - 1, escaped)?;
        match byte(text, end)? {
            b',' => at = end + 1 + usize::from(byte(text, end + 1)? == b' '),
            b']' => return Ok(end + 1),
            _ => return Err(Odd),
        }
    }
}

/// What a text has at a place, and zeros behind its end.
#[cold]
#[inline(never)]
fn padded<const LENGTH: usize>(text: &[u8], at: usize) -> [u8; LENGTH] {
    let mut padded = [0; LENGTH];
    if let Some(rest) = text.get(at..) {
        let rest = &rest[..rest.len().min(LENGTH)];
        padded[..rest.len()].copy_from_slice(rest);
    }
    padded
}

/// Which bytes are escaped, 64 at a time.
#[derive(Default)]
struct Escapes {
    /// The next byte is escaped.
    goes_on: bool,
}

impl Escapes {
    /// The bytes behind a run of backslashes of odd length.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let before = u64::from(self.goes_on);
        let runs = backslashes & !before;
        let starts = runs & !(runs << 1);
        // Adding a run's first bit to it carries into the byte behind it.
        let even = runs.wrapping_add(starts & EVEN) & !runs;
        let (odd, goes_on) = runs.overflowing_add(starts & !EVEN);
        self.goes_on = goes_on;
        (even & !EVEN) | (odd & !runs & EVEN) | before
    }
}

/// Bit n tells whether an odd number of the bits up to n are set.
#[inline(always)]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Behind the value, byte by byte; `None` where there is no end or a control character before it.
    fn slowly(text: &[u8], at: usize) -> Option<usize> {
        let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
        let mut opened = Vec::new();
        for (place, &byte) in text.iter().enumerate().skip(at) {
            if byte < 0x20 {
                return None;
            }
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\\' if inside => escaped = !is_escaped,
                b'"' if !is_escaped => inside = !inside,
                b'{' | b'[' if !inside => {
                    depth += 1;
                    opened.push(byte);
                }
                b'}' | b']' if !inside => {
                    depth -= 1;
                    // Only the outermost pair is compared.
                    let open = opened.pop()?;
                    if depth == 0 && byte != open + 2 {
                        return None;
                    }
                }
                _ => {}
            }
            if depth == 0 && !inside {
                return Some(place + 1);
            }
        }
        None
    }

    proptest! {
        #[test]
        fn values_end_where_a_walk_byte_by_byte_says(
            before in "[a-z\"\\\\]{0,70}",
            open in "[\"\\[{]",
            text in "([\"{}\\[\\],]|[a-z :]{1,9}|é|\\\\\"|\\\\\\\\|\"\\\\\\\\{0,70}\"|\"[a-z{}\\\\\"]{1,70}|\\{{60,80}|\\}{60,80}){0,40}",
            control in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut text = format!("{before}{open}{text}").into_bytes();
            if let Some(at) = control {
                let at = at.index(text.len());
                if at > before.len() {
                    text[at] = b'\n';
                }
            }
            // Backslashes outside of strings are no JSON, and not told apart by a leap.
            let at = before.len();
            let expected = slowly(&text, at);
            let free = |end: Option<usize>| {
                let (mut inside, mut escaped) = (false, false);
                text[at..end.unwrap_or(text.len())].iter().all(|&byte| {
                    let is_escaped = std::mem::take(&mut escaped);
                    escaped = byte == b'\\' && !is_escaped;
                    inside ^= byte == b'"' && !is_escaped;
                    inside || byte != b'\\'
                })
            };
            if !free(expected) {
                return Ok(());
            }
            for level in [Level::new(), Level::baseline()] {
                let found = Vectors(level).value(&text, at).ok();
                prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(&text));
                if open != "\"" && expected.is_some() {
                    prop_assert_eq!(Vectors(level).closing(&text, at), expected);
                }
            }
        }

        #[test]
        fn scalars_end_before_what_cannot_be_in_one(text in "[-0-9.a-zE]{0,40}", behind in "[,}\\] \"+\n]?") {
            let all = format!("x{text}{behind}");
            let expected = (1..32).contains(&text.len()).then_some(1 + text.len());
            for level in [Level::new(), Level::baseline()] {
                let found = dispatch!(level, simd => scalar(simd, all.as_bytes(), 1)).ok();
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn strings_of_a_list_are_found_with_their_escapes(
            names in prop::collection::vec("([a-zé]|\\\\\"|\\\\u0444){0,40}", 0..6),
            blank in " ?",
            behind in "(x|,|\\]|)",
        ) {
            let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let list = format!("[{}]", quoted.join(&format!(",{blank}")));
            let text = format!("{list}{behind}");
            for level in [Level::new(), Level::baseline()] {
                let mut found = Vec::new();
                let end = dispatch!(level, simd => strings(simd, text.as_bytes(), 0, |from, to, escaped| {
                    found.push((text[from..to].to_owned(), escaped));
                    Ok(())
                }));
                prop_assert_eq!(end, Ok(list.len()));
                let texts: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
                prop_assert_eq!(&texts, &names);
                for (name, escaped) in found {
                    prop_assert!(escaped || !name.contains('\\'));
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_of_strings_is_odd() {
        for text in [
            "[5]",
            "[\"a\" ]",
            "[\"a\",]",
            "[\"a\",5]",
            "[\"a\"",
            "[",
            "[\"a\tb\"]",
            "[\"a\"}",
        ] {
            let level = Level::new();
            let found =
                dispatch!(level, simd => strings(simd, text.as_bytes(), 0, |_, _, _| Ok(())));
            assert_eq!(found, Err(Odd), "{text}");
        }
    }
}
