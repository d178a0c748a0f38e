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

/// Bytes that are marked at a time.
const BATCH: usize = 256;

/// The marks of one text.
#[derive(Debug)]
pub struct Marks {
    level: Level,
    /// Those that are in use are the first; there are more.
    words: Vec<Word>,
    used: usize,
    /// Whether a byte below 0x20 was met, and a backslash.
    controls: bool,
    escapes: bool,
}

/// The marks of 64 bytes, the first in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// Quotes that begin or end a string.
    quotes: u64,
    /// Brackets and commas outside of strings.
    breaks: u64,
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
        let text = &text[..length.min(text.len())];
        self.controls = dispatch!(self.level, simd => self.mark_with(simd, text, false)).is_some();
    }

    /// Marks a text up to its first byte below 0x20, which is the line's end if it is a line feed, and
    /// returns where it stands; `None` if there is none.
    pub fn mark_line(&mut self, text: &[u8]) -> Option<usize> {
        self.controls = false;
        dispatch!(self.level, simd => self.mark_with(simd, text, true))
    }

    /// Marks a text, or only what stands before its first byte below 0x20; returns where that stands.
    #[inline(always)]
    fn mark_with<S: Simd>(&mut self, simd: S, text: &[u8], stop: bool) -> Option<usize> {
        let words = text.len().div_ceil(BATCH) * (BATCH / 64) + 1;
        if self.words.len() < words {
            self.words.resize(words, Word::default());
        }
        let mut state = State::default();
        let (batches, rest) = text.as_chunks::<BATCH>();
        let (places, _) = self.words.as_chunks_mut::<{ BATCH / 64 }>();
        let mut end = None;
        let mut places = places.iter_mut();
        for (number, (batch, place)) in batches.iter().zip(&mut places).enumerate() {
            let start = number * BATCH;
            if state.mark(simd, batch, start, place) && end.is_none() {
                end = first_control(simd, batch).map(|at| start + at);
                if stop {
                    break;
                }
            }
        }
        if (end.is_none() || !stop)
            && !rest.is_empty()
            && let Some(place) = places.next()
        {
            let mut batch = [b' '; BATCH];
            batch[..rest.len()].copy_from_slice(rest);
            let start = text.len() - rest.len();
            if state.mark(simd, &batch, start, place) && end.is_none() {
                end = first_control(simd, &batch).map(|at| start + at);
            }
        }
        let length = end.filter(|_| stop).unwrap_or(text.len());
        self.escapes = state.first_escape.is_some_and(|at| at < length);
        self.used = length.div_ceil(64);
        if let Some(last) = self.words.get_mut(length >> 6) {
            // Nothing was met behind the length, or it is no longer of interest.
            let keep = (1 << (length & 63)) - 1;
            last.quotes &= keep;
            last.breaks &= keep;
        }
        self.words[self.used] = Word::default();
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

    /// The marks, and behind them a word without any.
    #[inline(always)]
    fn words(&self) -> &[Word] {
        self.words.get(..=self.used).unwrap_or_default()
    }

    /// To look for them.
    #[inline(always)]
    pub(super) fn found(&self) -> Found<'_> {
        Found(self.words())
    }

    /// The bracket that closes the one that stands here in the marked text.
    #[inline]
    pub(super) fn closing(&self, text: &[u8], open: usize) -> Option<usize> {
        dispatch!(self.level, simd => self.closing_with(simd, text, open))
    }

    #[inline(always)]
    fn closing_with<S: Simd>(&self, simd: S, text: &[u8], open: usize) -> Option<usize> {
        let words = self.words();
        let mut at = open + 1;
        let mut depth = 1;
        loop {
            let breaks = window(words, at, &|word| word.breaks)?;
            if breaks != 0 {
                let (opens, closes) = brackets(simd, text.get(at..)?);
                let (mut opens, mut closes) = (opens & breaks, closes & breaks);
                // Here it may end: go from one closing bracket to the next.
                while closes.count_ones() >= depth {
                    let before = (closes & closes.wrapping_neg()) - 1;
                    depth += (opens & before).count_ones();
                    opens &= !before;
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + closes.trailing_zeros() as usize);
                    }
                    closes &= closes - 1;
                }
                depth = depth + opens.count_ones() - closes.count_ones();
            }
            at += 64;
        }
    }
}

/// The marks of a text, to look for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'m>(&'m [Word]);

impl Found<'_> {
    /// The first quote at or behind a place.
    #[inline(always)]
    pub(super) fn quote(self, from: usize) -> Option<usize> {
        first(self.0, from, |word| word.quotes)
    }

    /// The first bracket or comma outside of strings at or behind a place.
    #[inline(always)]
    pub(super) fn break_at(self, from: usize) -> Option<usize> {
        first(self.0, from, |word| word.breaks)
    }
}

/// The first of the marks that `of` takes from a word, at or behind a place.
#[inline(always)]
fn first(words: &[Word], from: usize, of: impl Fn(&Word) -> u64) -> Option<usize> {
    let near = window(words, from, &of)?;
    if near != 0 {
        return Some(from + near.trailing_zeros() as usize);
    }
    let mut index = (from >> 6) + 1;
    loop {
        let bits = of(words.get(index)?);
        if bits != 0 {
            return Some(index << 6 | bits.trailing_zeros() as usize);
        }
        index += 1;
    }
}

/// The 64 marks from a place on, in one word or two.
#[inline(always)]
fn window(words: &[Word], from: usize, of: &impl Fn(&Word) -> u64) -> Option<u64> {
    let (index, shift) = (from >> 6, from & 63);
    let second = words.get(index + 1)?;
    let first = words.get(index)?;
    Some(of(first) >> shift | (of(second) << 1) << (63 - shift))
}

/// What is carried from one word to the next.
#[derive(Default)]
struct State {
    /// All ones inside a string.
    inside: u64,
    /// 1 where the next byte is escaped.
    escaped: u64,
    /// Where the first backslash stands.
    first_escape: Option<usize>,
}

impl State {
    /// Marks the bytes from a place on, and says whether there are any below 0x20.
    #[inline(always)]
    fn mark<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8; BATCH],
        start: usize,
        words: &mut [Word; BATCH / 64],
    ) -> bool {
        let (chunks, _) = text.as_chunks::<64>();
        let mut lowest = u8x64::splat(simd, 0xff);
        let mut backslashes = lowest.simd_eq(u8x64::splat(simd, 0));
        for (word, chunk) in words.iter_mut().zip(chunks) {
            let bytes = u8x64::from_slice(simd, chunk);
            let at = |byte: u8| bytes.simd_eq(u8x64::splat(simd, byte));
            // `[`, `]`, `{` and `}` differ from each other in these two bits only.
            let bracket = (bytes - u8x64::splat(simd, b'[')) & u8x64::splat(simd, !0x22);
            let bracket = bracket.simd_eq(u8x64::splat(simd, 0));
            *word = Word {
                quotes: at(b'"').to_bitmask(),
                breaks: (bracket | at(b',')).to_bitmask(),
            };
            lowest = lowest.min(bytes);
            backslashes |= at(b'\\');
        }
        // Backslashes are rare where text is written as it is.
        if backslashes.any_true() || self.escaped != 0 {
            let mut at = start;
            for (word, chunk) in words.iter_mut().zip(chunks) {
                let bytes = u8x64::from_slice(simd, chunk);
                let backslashes = bytes.simd_eq(u8x64::splat(simd, b'\\')).to_bitmask();
                if backslashes != 0 && self.first_escape.is_none() {
                    self.first_escape = Some(at + backslashes.trailing_zeros() as usize);
                }
                word.quotes &= !self.escaped(backslashes);
                at += 64;
            }
        }
        for word in words {
            let inside = parity(word.quotes) ^ self.inside;
            self.inside = (inside.cast_signed() >> 63).cast_unsigned();
            word.breaks &= !inside;
        }
        lowest.simd_lt(u8x64::splat(simd, b' ')).any_true()
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

/// Where brackets open and close in the first 64 bytes of a text, in strings or not.
#[inline(always)]
fn brackets<S: Simd>(simd: S, text: &[u8]) -> (u64, u64) {
    let mut padded = [0; 64];
    let chunk = match text.first_chunk::<64>() {
        Some(chunk) => chunk,
        None => {
            padded[..text.len()].copy_from_slice(text);
            &padded
        }
    };
    // `[` and `{`, `]` and `}` differ in this bit only.
    let folded = u8x64::from_slice(simd, chunk) | u8x64::splat(simd, 0x20);
    let at = |byte: u8| folded.simd_eq(u8x64::splat(simd, byte)).to_bitmask();
    (at(b'{'), at(b'}'))
}

/// Where the first byte below 0x20 stands.
#[inline(always)]
fn first_control<S: Simd>(simd: S, batch: &[u8; BATCH]) -> Option<usize> {
    let (chunks, _) = batch.as_chunks::<64>();
    let mut start = 0;
    for chunk in chunks {
        let bytes = u8x64::from_slice(simd, chunk);
        let low = bytes.simd_lt(u8x64::splat(simd, b' ')).to_bitmask();
        if low != 0 {
            return Some(start + low.trailing_zeros() as usize);
        }
        start += 64;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same marks, byte by byte: quotes, opens, closes, both with commas.
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
                prop_assert_eq!(marks.closing(text.as_bytes(), open), partner);
            }
        }
    }
}
