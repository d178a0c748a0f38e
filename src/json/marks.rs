//! Where the quotes, brackets and commas of JSON text stand: bit masks, 64 bytes at a time.
//!
//! Nothing is checked here. Who follows the masks from token to token sees where the text is not
//! what it should be, and hands it to the parser that checks everything.
//!
//! The masks are made with the widest vectors that the processor has.

#![expect(
    clippy::inline_always,
    reason = "only so is it made of the wide instructions"
)]

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x64};

/// The marks of one text.
#[derive(Debug)]
pub struct Marks {
    level: Level,
    /// Those that are in use are the first.
    words: Vec<Word>,
    used: usize,
    /// Whether a byte below 0x20 was met, and a backslash.
    controls: bool,
    escapes: bool,
}

/// The marks of 64 bytes, the first in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    /// Quotes that begin or end a string.
    pub(super) quotes: u64,
    /// `{` and `[` outside of strings.
    pub(super) opens: u64,
    /// `}` and `]` outside of strings.
    pub(super) closes: u64,
    /// All brackets and commas outside of strings.
    pub(super) breaks: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            level: Level::new(),
            words: Vec::new(),
            used: 0,
            controls: false,
            escapes: false,
        }
    }
}

impl Marks {
    /// Marks the first `length` bytes of a text, or all if it has fewer, which begin outside of strings.
    pub fn mark(&mut self, text: &[u8], length: usize) {
        let length = length.min(text.len());
        self.used = length.div_ceil(64);
        let words = room(&mut self.words, self.used);
        let met = dispatch!(self.level, simd => mark(simd, words, text, length));
        self.controls = met.controls != 0;
        self.escapes = met.backslashes != 0;
    }

    /// Marks a text up to its first byte below 0x20, which is the line's end if it is a line feed, and
    /// returns where it stands; `None` if there is none.
    pub fn mark_line(&mut self, text: &[u8]) -> Option<usize> {
        let words = room(&mut self.words, text.len().div_ceil(64));
        let (end, met) = dispatch!(self.level, simd => mark_line(simd, words, text));
        self.used = end.unwrap_or(text.len()).div_ceil(64);
        self.controls = false;
        self.escapes = met.backslashes != 0;
        end
    }

    /// Calls `work` where the compiler may use all instructions of the processor in what it inlines.
    #[inline]
    pub fn widely<R>(&self, work: impl FnOnce() -> R) -> R {
        dispatch!(self.level, _simd => work())
    }

    /// Whether the marked text has bytes below 0x20, line ends among them.
    #[inline]
    pub fn has_controls(&self) -> bool {
        self.controls
    }

    /// Whether there may be a backslash in the marked text.
    #[inline]
    pub fn has_escapes(&self) -> bool {
        self.escapes
    }

    #[inline(always)]
    pub(super) fn words(&self) -> &[Word] {
        self.words.get(..self.used).unwrap_or_default()
    }

    /// The first quote at or behind a place.
    #[inline(always)]
    pub(super) fn quote(&self, from: usize) -> Option<usize> {
        let words = self.words();
        let mut index = from >> 6;
        let mut bits = words.get(index)?.quotes & (!0 << (from & 63));
        while bits == 0 {
            index += 1;
            bits = words.get(index)?.quotes;
        }
        Some(index << 6 | bits.trailing_zeros() as usize)
    }

    /// The bracket that closes the one that stands here.
    #[inline(always)]
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let words = self.words();
        let mut index = (open + 1) >> 6;
        let mut mask = !0 << ((open + 1) & 63);
        let mut depth = 1;
        loop {
            let word = words.get(index)?;
            let (mut opens, mut closes) = (word.opens & mask, word.closes & mask);
            if closes == 0 {
                if opens != 0 {
                    depth += opens.count_ones();
                }
            } else if depth > 64 || closes.count_ones() < depth {
                depth = depth + opens.count_ones() - closes.count_ones();
            } else {
                // Here it may end: go from one closing bracket to the next.
                while closes != 0 {
                    let before = (closes & closes.wrapping_neg()) - 1;
                    if opens & before != 0 {
                        depth += (opens & before).count_ones();
                        opens &= !before;
                    }
                    depth -= 1;
                    if depth == 0 {
                        return Some(index << 6 | closes.trailing_zeros() as usize);
                    }
                    closes &= closes - 1;
                }
                if opens != 0 {
                    depth += opens.count_ones();
                }
            }
            mask = !0;
            index += 1;
        }
    }
}

/// At least so many words; what they hold is to be overwritten.
fn room(words: &mut Vec<Word>, count: usize) -> &mut [Word] {
    if words.len() < count {
        words.resize(count, Word::default());
    }
    &mut words[..count]
}

/// Fills the words that are there.
#[inline(always)]
fn mark<S: Simd>(simd: S, words: &mut [Word], text: &[u8], length: usize) -> State {
    let mut state = State::default();
    let (chunks, rest) = text.as_chunks::<64>();
    // What stands behind the length is looked at with its last word, and masked.
    let keep = match length & 63 {
        0 => !0,
        kept => (1 << kept) - 1,
    };
    let last = words.len().saturating_sub(1);
    for (index, (word, chunk)) in words.iter_mut().zip(chunks).enumerate() {
        let keep = if index == last { keep } else { !0 };
        let found = Found::of(simd, chunk);
        state.controls |= found.controls & keep;
        *word = state.word(&found, keep);
    }
    if words.len() > chunks.len()
        && let Some(word) = words.last_mut()
    {
        let mut chunk = [b' '; 64];
        chunk[..rest.len()].copy_from_slice(rest);
        let found = Found::of(simd, &chunk);
        state.controls |= found.controls & keep;
        *word = state.word(&found, keep);
    }
    state
}

/// Fills words up to the first control character, and returns where that stands.
#[inline(always)]
fn mark_line<S: Simd>(simd: S, words: &mut [Word], text: &[u8]) -> (Option<usize>, State) {
    let mut state = State::default();
    let (chunks, rest) = text.as_chunks::<64>();
    for (index, (word, chunk)) in words.iter_mut().zip(chunks).enumerate() {
        let found = Found::of(simd, chunk);
        if found.controls != 0 {
            let end = found.controls.trailing_zeros();
            *word = state.word(&found, (1 << end) - 1);
            return (Some(index << 6 | end as usize), state);
        }
        *word = state.word(&found, !0);
    }
    if !rest.is_empty()
        && let Some(word) = words.last_mut()
    {
        let mut chunk = [b' '; 64];
        chunk[..rest.len()].copy_from_slice(rest);
        let found = Found::of(simd, &chunk);
        let end = found.controls.trailing_zeros();
        *word = state.word(&found, 1_u64.checked_shl(end).map_or(!0, |bit| bit - 1));
        let end = (end < 64).then(|| (text.len() - rest.len()) + end as usize);
        return (end, state);
    }
    (None, state)
}

/// What is carried from one word to the next.
#[derive(Default)]
struct State {
    /// All ones inside a string.
    inside: u64,
    /// 1 where the next byte is escaped.
    escaped: u64,
    /// Not zero if one was met.
    backslashes: u64,
    controls: u64,
}

impl State {
    #[inline(always)]
    fn word(&mut self, found: &Found, keep: u64) -> Word {
        self.backslashes |= found.backslashes;
        let quotes = if found.backslashes | self.escaped == 0 {
            found.quotes
        } else {
            found.quotes & !self.escaped(found.backslashes)
        };
        let inside = parity(quotes) ^ self.inside;
        self.inside = (inside.cast_signed() >> 63).cast_unsigned();
        let outside = !inside & keep;
        let (opens, closes) = (found.opens & outside, found.closes & outside);
        Word {
            quotes: quotes & keep,
            opens,
            closes,
            breaks: found.commas & outside | opens | closes,
        }
    }

    /// The bytes behind a run of backslashes of odd length.
    #[inline(always)]
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
#[inline(always)]
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Where bytes stand, in strings or not.
struct Found {
    quotes: u64,
    backslashes: u64,
    opens: u64,
    closes: u64,
    commas: u64,
    controls: u64,
}

impl Found {
    #[inline(always)]
    fn of<S: Simd>(simd: S, chunk: &[u8; 64]) -> Self {
        let bytes = u8x64::from_slice(simd, chunk);
        // `[` and `{`, `]` and `}` differ in this bit only.
        let folded = bytes | u8x64::splat(simd, 0x20);
        let at = |byte: u8| bytes.simd_eq(u8x64::splat(simd, byte)).to_bitmask();
        let folded_at = |byte: u8| folded.simd_eq(u8x64::splat(simd, byte)).to_bitmask();
        Self {
            quotes: at(b'"'),
            backslashes: at(b'\\'),
            opens: folded_at(b'{'),
            closes: folded_at(b'}'),
            commas: at(b','),
            controls: bytes.simd_lt(u8x64::splat(simd, b' ')).to_bitmask(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same marks, byte by byte: quotes, opens, closes, breaks.
    fn slowly(text: &[u8]) -> [Vec<usize>; 4] {
        let [mut quotes, mut opens, mut closes, mut breaks] = [const { Vec::new() }; 4];
        let (mut inside, mut escaped) = (false, false);
        for (at, &byte) in text.iter().enumerate() {
            let is_escaped = std::mem::take(&mut escaped);
            match byte {
                b'\\' => escaped = !is_escaped,
                b'"' if !is_escaped => {
                    quotes.push(at);
                    inside = !inside;
                }
                b'{' | b'[' if !inside => opens.push(at),
                b'}' | b']' if !inside => closes.push(at),
                b',' if !inside => breaks.push(at),
                _ => {}
            }
        }
        breaks.extend(opens.iter().chain(&closes));
        breaks.sort_unstable();
        [quotes, opens, closes, breaks]
    }

    fn places(marks: &Marks, of: impl Fn(&Word) -> u64) -> Vec<usize> {
        let words = marks.words().iter().enumerate();
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
        fn marks_are_those_of_a_walk_byte_by_byte(
            text in "([\"\\\\{}\\[\\],\n]|[a-z ]{1,9}|é|\\\\{1,70}|\\{{60,80}|\\}{60,80}){0,40}",
            behind in "[\"{}, a\n]{0,130}",
        ) {
            let mut marks = Marks::default();
            // What was marked before is forgotten.
            marks.mark(&[b'"'; 5000], 5000);
            let [quotes, opens, closes, breaks] = slowly(text.as_bytes());
            let more = format!("{text}{behind}");
            for level in [Level::new(), Level::baseline()] {
                marks.level = level;
                marks.mark(more.as_bytes(), text.len());
                prop_assert_eq!(marks.has_controls(), text.contains('\n'));
                prop_assert_eq!(places(&marks, |word| word.quotes), &*quotes);
                prop_assert_eq!(places(&marks, |word| word.opens), &*opens);
                prop_assert_eq!(places(&marks, |word| word.closes), &*closes);
                prop_assert_eq!(places(&marks, |word| word.breaks), &*breaks);
            }
            let end = more.find('\n');
            let [quotes, _, _, breaks] = slowly(&more.as_bytes()[..end.unwrap_or(more.len())]);
            for level in [Level::new(), Level::baseline()] {
                marks.level = level;
                prop_assert_eq!(marks.mark_line(more.as_bytes()), end);
                prop_assert_eq!(places(&marks, |word| word.quotes), &*quotes);
                prop_assert_eq!(places(&marks, |word| word.breaks), &*breaks);
            }
            marks.mark(text.as_bytes(), text.len());
            for open in opens.iter().copied().take(8) {
                let mut depth = 0_i32;
                let partner = (open..text.len()).find(|at| {
                    depth += i32::from(opens.binary_search(at).is_ok());
                    depth -= i32::from(closes.binary_search(at).is_ok());
                    depth == 0
                });
                prop_assert_eq!(marks.closing(open), partner);
            }
        }
    }
}
