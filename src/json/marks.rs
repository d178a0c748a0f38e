//! Where the quotes, brackets, escapes and control characters of JSON text stand: bit masks, 64 bytes at a time.
//!
//! Nothing is checked here. Who follows the masks from token to token sees where the text is not
//! what it should be, and hands it to the parser that checks everything.

use wide::u8x16;

/// The marks of one block of text.
#[derive(Debug, Default)]
pub struct Marks(Vec<Word>);

/// The marks of 64 bytes, the first in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// Quotes that begin or end a string.
    quotes: u64,
    /// `{` and `[` outside of strings.
    opens: u64,
    /// `}` and `]` outside of strings.
    closes: u64,
    /// Backslashes.
    backslashes: u64,
    /// Bytes below 0x20, line ends among them.
    controls: u64,
}

impl Marks {
    /// Marks a block that begins outside of strings. A line end ends a string that was left open.
    pub fn mark(&mut self, block: &[u8]) {
        self.0.clear();
        self.0.reserve(block.len() / 64 + 1);
        let mut state = State::default();
        let (chunks, rest) = block.as_chunks::<64>();
        for chunk in chunks {
            self.0.push(state.word(chunk));
        }
        if !rest.is_empty() {
            let mut last = [b' '; 64];
            last[..rest.len()].copy_from_slice(rest);
            self.0.push(state.word(&last));
        }
    }

    /// The first quote at or behind a place.
    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    pub(super) fn quote(&self, from: usize) -> Option<usize> {
        self.first(from, |word| word.quotes)
    }

    /// The first control character at or behind a place.
    #[inline]
    pub fn control(&self, from: usize) -> Option<usize> {
        self.first(from, |word| word.controls)
    }

    /// Whether neither backslashes nor brackets outside of strings stand between two places.
    #[inline]
    pub(super) fn is_flat(&self, from: usize, to: usize) -> bool {
        let (first, last) = (from >> 6, to >> 6);
        let Some(words) = self.0.get(first..=last) else {
            return false;
        };
        words.iter().enumerate().all(|(number, word)| {
            let mut bits = word.backslashes | word.opens | word.closes;
            if number == 0 {
                bits &= !0 << (from & 63);
            }
            if number == last - first {
                bits &= (1 << (to & 63)) - 1;
            }
            bits == 0
        })
    }

    /// The bracket that closes the one that stands here.
    #[inline]
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let mut index = (open + 1) >> 6;
        let mut mask = !0 << ((open + 1) & 63);
        let mut depth = 1;
        loop {
            let word = self.0.get(index)?;
            let (mut opens, mut closes) = (word.opens & mask, word.closes & mask);
            if closes.count_ones() >= depth {
                // Here it may end: go from one closing bracket to the next.
                while closes != 0 {
                    let before = (closes & closes.wrapping_neg()) - 1;
                    depth += (opens & before).count_ones();
                    opens &= !before;
                    depth -= 1;
                    if depth == 0 {
                        return Some(index << 6 | closes.trailing_zeros() as usize);
                    }
                    closes &= closes - 1;
                }
                depth += opens.count_ones();
            } else {
                depth = depth + opens.count_ones() - closes.count_ones();
            }
            mask = !0;
            index += 1;
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    fn first(&self, from: usize, of: impl Fn(&Word) -> u64) -> Option<usize> {
        let mut index = from >> 6;
        let mut bits = of(self.0.get(index)?) & (!0 << (from & 63));
        while bits == 0 {
            index += 1;
            bits = of(self.0.get(index)?);
        }
        Some(index << 6 | bits.trailing_zeros() as usize)
    }
}

/// What is carried from one word to the next.
#[derive(Default)]
struct State {
    /// All ones inside a string.
    inside: u64,
    /// 1 where the next byte is escaped.
    escaped: u64,
}

impl State {
    #[inline]
    fn word(&mut self, chunk: &[u8; 64]) -> Word {
        let found = Found::of(chunk);
        let quotes = if found.backslashes | self.escaped == 0 {
            found.quotes
        } else {
            found.quotes & !self.escaped(found.backslashes)
        };
        let mut inside = parity(quotes) ^ self.inside;
        if inside & found.controls != 0 {
            inside = closed_at_line_ends(chunk, inside, found.controls);
        }
        self.inside = (inside.cast_signed() >> 63).cast_unsigned();
        Word {
            quotes,
            opens: found.opens & !inside,
            closes: found.closes & !inside,
            backslashes: found.backslashes,
            controls: found.controls,
        }
    }

    /// The bytes behind a run of backslashes of odd length.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        let runs = backslashes & !self.escaped;
        let starts = runs & !(runs << 1);
        // Adding a run's first bit to it carries into the byte behind it.
        let even = runs.wrapping_add(starts & EVEN) & !runs;
        let (odd, goes_on) = runs.overflowing_add(starts & !EVEN);
        let escaped = (even & !EVEN) | (odd & !runs & EVEN) | self.escaped;
        self.escaped = u64::from(goes_on);
        escaped
    }
}

/// Bit n tells whether an odd number of the bits up to n are set.
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Ends strings at line ends, which no string holds: a line that was cut must not spoil the next.
fn closed_at_line_ends(chunk: &[u8; 64], mut inside: u64, controls: u64) -> u64 {
    for (at, byte) in chunk.iter().enumerate() {
        if *byte == b'\n' && inside & controls & (1 << at) != 0 {
            inside ^= !0 << at;
        }
    }
    inside
}

/// Where bytes stand, in strings or not.
struct Found {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
    controls: u64,
}

impl Found {
    #[inline]
    fn of(chunk: &[u8; 64]) -> Self {
        let (parts, _) = chunk.as_chunks::<16>();
        let mut found = Self {
            quotes: 0,
            backslashes: 0,
            opens: 0,
            closes: 0,
            controls: 0,
        };
        for (number, part) in parts.iter().enumerate() {
            let bytes = u8x16::new(*part);
            // `[` and `{`, `]` and `}` differ in this bit only.
            let folded = bytes | u8x16::splat(0x20);
            let shift = 16 * number;
            let mask = |equal: u8x16| u64::from(equal.to_bitmask()) << shift;
            found.quotes |= mask(bytes.simd_eq(u8x16::splat(b'"')));
            found.backslashes |= mask(bytes.simd_eq(u8x16::splat(b'\\')));
            found.opens |= mask(folded.simd_eq(u8x16::splat(b'{')));
            found.closes |= mask(folded.simd_eq(u8x16::splat(b'}')));
            found.controls |= mask(bytes.min(u8x16::splat(0x1f)).simd_eq(bytes));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same marks, byte by byte: quotes, opens, closes.
    fn slowly(text: &[u8]) -> [Vec<usize>; 3] {
        let [mut quotes, mut opens, mut closes] = [const { Vec::new() }; 3];
        let (mut inside, mut escaped) = (false, false);
        for (at, &byte) in text.iter().enumerate() {
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\n' => inside = false,
                b'\\' => escaped = !is_escaped,
                b'"' if !is_escaped => {
                    quotes.push(at);
                    inside = !inside;
                }
                b'{' | b'[' if !inside => opens.push(at),
                b'}' | b']' if !inside => closes.push(at),
                _ => {}
            }
        }
        [quotes, opens, closes]
    }

    fn places(marks: &Marks, of: impl Fn(&Word) -> u64) -> Vec<usize> {
        let words = marks.0.iter().enumerate();
        words
            .flat_map(|(index, word)| {
                let bits = of(word);
                (0..64)
                    .filter(move |bit| bits >> bit & 1 == 1)
                    .map(move |bit| index * 64 + bit)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn marks_are_those_of_a_walk_byte_by_byte(text in "([\"\\\\{}\\[\\]\n]|[a-z ]{1,9}|é|\\\\{1,70}){0,120}") {
            let mut marks = Marks::default();
            marks.mark(text.as_bytes());
            let [quotes, opens, closes] = slowly(text.as_bytes());
            prop_assert_eq!(places(&marks, |word| word.quotes), quotes);
            prop_assert_eq!(places(&marks, |word| word.opens), opens.clone());
            prop_assert_eq!(places(&marks, |word| word.closes), closes.clone());
            for open in opens.iter().copied() {
                let mut depth = 0_i32;
                let partner = (open..text.len()).find(|at| {
                    depth += i32::from(opens.contains(at)) - i32::from(closes.contains(at));
                    depth == 0
                });
                prop_assert_eq!(marks.closing(open), partner);
            }
        }
    }
}
