//! Columns of small numbers with as many bits as the largest needs, and lists of texts.

use std::ops::Range;

/// Numbers, each in as many bits as the largest needs, least significant first, in little-endian
/// words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    width: u32,
    length: usize,
    /// With eight bytes more than the numbers take, so that any can be read as a word.
    bytes: Vec<u8>,
}

/// Bytes behind the numbers.
const SPARE: usize = 8;

impl Packed {
    /// Zeros behind the packed numbers, in bytes.
    pub const SPARE: usize = SPARE;

    /// Packs numbers.
    pub fn new(numbers: &[u64]) -> Self {
        let largest = numbers.iter().copied().max().unwrap_or(0);
        let mut packer = Packer::new(largest, numbers.len());
        for number in numbers {
            packer.push(*number);
        }
        packer.finish()
    }

    /// Takes packed numbers back; `None` if they are not so many bytes, or of no such width.
    pub fn from_parts(bits: u32, length: usize, bytes: Vec<u8>) -> Option<Self> {
        let fits = width(bits) == bits && size(bits, length)? == bytes.len();
        fits.then_some(Self {
            width: bits,
            length,
            bytes,
        })
    }

    /// Bits of a number.
    pub fn bits(&self) -> u32 {
        self.width
    }

    /// The packed numbers, with eight bytes behind them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes so many numbers of so many bits take; `None` if more than there can be.
    pub fn byte_length(bits: u32, length: usize) -> Option<usize> {
        size(bits, length)
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// A number; 0 behind the last.
    #[inline]
    pub fn get(&self, index: usize) -> u64 {
        self.view().get(index)
    }

    /// Fills `numbers` with those from a place on, and with zeros behind the last; of numbers with
    /// more than 32 bits the lower ones.
    pub fn unpack(&self, start: usize, numbers: &mut [u32]) {
        self.view().unpack(start, numbers);
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View {
            width: self.width,
            length: self.length,
            bytes: &self.bytes,
        }
    }

    /// The numbers of a range.
    #[inline]
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = u64> {
        range.map(|index| self.get(index))
    }
}

/// Packed numbers, wherever they stand.
#[derive(Clone, Copy)]
struct View<'b> {
    width: u32,
    length: usize,
    bytes: &'b [u8],
}

impl View<'_> {
    #[inline]
    fn get(self, index: usize) -> u64 {
        let bit = index * self.width as usize;
        let word = self.bytes.get(bit / 8..).and_then(<[u8]>::first_chunk::<8>);
        let Some(word) = word else { return 0 };
        if self.width == 64 {
            return u64::from_le_bytes(*word);
        }
        (u64::from_le_bytes(*word) >> (bit % 8)) & ((1 << self.width) - 1)
    }

    fn unpack(self, start: usize, numbers: &mut [u32]) {
        // From a multiple of eight on, eight numbers take whole bytes.
        let first = numbers.len().min(start.next_multiple_of(8) - start);
        let (head, rest) = numbers.split_at_mut(first);
        let rest_at = start + first;
        let eights = self.length.saturating_sub(rest_at).min(rest.len()) / 8;
        let (eights, tail) = rest.split_at_mut(eights * 8);
        let tail_at = rest_at + eights.len();
        let bytes = self.bytes.get(rest_at / 8 * self.width as usize..);
        if !unpack_eights(self.width, bytes.unwrap_or_default(), eights) {
            self.unpack_singly(rest_at, eights);
        }
        self.unpack_singly(start, head);
        self.unpack_singly(tail_at, tail);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower bits are asked for"
    )]
    fn unpack_singly(self, start: usize, numbers: &mut [u32]) {
        for (at, number) in (start..).zip(numbers) {
            *number = if at < self.length {
                self.get(at) as u32
            } else {
                0
            };
        }
    }
}

/// Some numbers of a column that is too long to be held.
#[derive(Debug, Default)]
pub struct Window {
    /// The number of the first.
    first: usize,
    width: u32,
    length: usize,
    bytes: Vec<u8>,
    /// Where in these the first begins.
    from: usize,
}

impl Window {
    /// Puts so many numbers of so many bits, of which the first has a number that is a multiple of eight, in place of
    /// those that are there. `read` gets the memory to fill and says where in it they stand. `None` if that
    /// fails, or they are not so many bytes, or of no such width.
    pub fn refill(
        &mut self,
        first: usize,
        (bits, length): (u32, usize),
        read: impl FnOnce(&mut Vec<u8>) -> Option<Range<usize>>,
    ) -> Option<()> {
        self.length = 0;
        let bytes = read(&mut self.bytes)?;
        if width(bits) != bits || size(bits, length)? != bytes.len() + SPARE {
            return None;
        }
        self.bytes.truncate(bytes.end);
        self.bytes.extend_from_slice(&[0; SPARE]);
        (self.first, self.width, self.length, self.from) = (first, bits, length, bytes.start);
        Some(())
    }

    /// Whether some numbers are among those that are there.
    pub fn holds(&self, numbers: &Range<usize>) -> bool {
        self.first <= numbers.start && numbers.end <= self.first + self.length
    }

    /// As [`Packed::unpack`], of those that are there.
    pub fn unpack(&self, start: usize, numbers: &mut [u32]) {
        let view = View {
            width: self.width,
            length: self.length,
            bytes: self.bytes.get(self.from..).unwrap_or_default(),
        };
        match start.checked_sub(self.first) {
            Some(start) => view.unpack(start, numbers),
            None => numbers.fill(0),
        }
    }
}

/// Unpacks eight numbers at a time, by code of its own for each width; `false` where there is none.
fn unpack_eights(width: u32, bytes: &[u8], numbers: &mut [u32]) -> bool {
    macro_rules! of_width {
        ($($width:literal)*) => {
            match width {
                0 => numbers.fill(0),
                $($width => eights::<$width>(bytes, numbers),)*
                _ => return false,
            }
        };
    }
    of_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    true
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "of so many bits, 32 at most"
)]
fn eights<const WIDTH: usize>(bytes: &[u8], numbers: &mut [u32]) {
    for (group, eight) in numbers.chunks_exact_mut(8).enumerate() {
        let start = group * WIDTH;
        let Some(bytes) = bytes.get(start..start + WIDTH + SPARE) else {
            return;
        };
        for (at, number) in eight.iter_mut().enumerate() {
            let bit = at * WIDTH;
            let word = bytes[bit / 8..].first_chunk::<8>();
            let word = word.map_or(0, |word| u64::from_le_bytes(*word));
            *number = (word >> (bit % 8) & ((1 << WIDTH) - 1)) as u32;
        }
    }
}

/// Numbers being packed one after the other.
#[derive(Debug)]
pub(super) struct Packer {
    packed: Packed,
    /// Bits that are not in `packed` yet, and how many.
    waiting: u128,
    filled: u32,
}

impl Packer {
    /// For about so many numbers, none larger than `largest`.
    pub(super) fn new(largest: u64, length: usize) -> Self {
        let width = width(64 - largest.leading_zeros());
        Self {
            packed: Packed {
                width,
                length: 0,
                bytes: Vec::with_capacity(size(width, length).unwrap_or(SPARE)),
            },
            waiting: 0,
            filled: 0,
        }
    }

    /// Takes a number; of one that is larger than announced, the lower bits.
    pub(super) fn push(&mut self, number: u64) {
        let width = self.packed.width;
        let bits = u128::from(number) & ((1 << width) - 1);
        self.waiting |= bits << self.filled;
        self.filled += width;
        if let Some(left) = self.filled.checked_sub(64) {
            let word = self.waiting.to_le_bytes();
            self.packed.bytes.extend_from_slice(&word[..8]);
            self.waiting >>= 64;
            self.filled = left;
        }
        self.packed.length += 1;
    }

    /// How many were taken.
    pub(super) fn len(&self) -> usize {
        self.packed.length
    }

    /// The numbers.
    pub(super) fn finish(mut self) -> Packed {
        let rest = self.waiting.to_le_bytes();
        let bytes = self.filled.div_ceil(8) as usize;
        self.packed.bytes.extend_from_slice(&rest[..bytes]);
        self.packed.bytes.extend_from_slice(&[0; SPARE]);
        self.packed
    }
}

/// A width that can be read as one word: wider ones start at a byte.
fn width(bits: u32) -> u32 {
    if bits > 56 { 64 } else { bits }
}

fn size(width: u32, length: usize) -> Option<usize> {
    let bits = length.checked_mul(width as usize)?;
    bits.div_ceil(8).checked_add(SPARE)
}

/// Texts by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    ends: Vec<u32>,
    /// UTF-8; looked at name by name, since few of them are asked for.
    text: Vec<u8>,
}

impl Names {
    /// A list of texts; `None` if they are more than four gigabytes.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let mut list = Self::default();
        for name in names {
            list.push(name)?;
        }
        Some(list)
    }

    /// Adds a text, whose number is given back; `None` if the texts are more than four gigabytes.
    pub fn push(&mut self, name: &str) -> Option<u32> {
        self.push_bytes(name.as_bytes())
    }

    /// As [`Names::push`], of a text's bytes.
    pub(super) fn push_bytes(&mut self, name: &[u8]) -> Option<u32> {
        let number = u32::try_from(self.ends.len()).ok()?;
        let end = u32::try_from(self.text.len().checked_add(name.len())?).ok()?;
        self.text.extend_from_slice(name);
        self.ends.push(end);
        Some(number)
    }

    /// The texts of some numbers as a list of their own.
    pub(super) fn chosen(&self, numbers: &[u32]) -> Option<Self> {
        let mut list = Self {
            ends: Vec::with_capacity(numbers.len()),
            text: Vec::with_capacity(self.text.len()),
        };
        for &number in numbers {
            list.push_bytes(self.bytes(number))?;
        }
        Some(list)
    }

    /// Takes a list back: the texts behind each other, and the length of each; `None` if they do not
    /// fit each other.
    pub fn from_parts(lengths: &Packed, text: Vec<u8>) -> Option<Self> {
        let mut end = 0_u64;
        let mut ends = Vec::with_capacity(lengths.len());
        for length in lengths.range(0..lengths.len()) {
            end = end.checked_add(length)?;
            ends.push(u32::try_from(end).ok()?);
        }
        (end == text.len() as u64).then_some(Self { ends, text })
    }

    /// The texts behind each other.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The length of each text in bytes.
    pub fn lengths(&self) -> Vec<u64> {
        let mut start = 0;
        let length = |&end: &u32| u64::from(end - std::mem::replace(&mut start, end));
        self.ends.iter().map(length).collect()
    }

    /// How many texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A text; empty where there is none of that number.
    #[inline]
    pub fn get(&self, number: u32) -> &str {
        std::str::from_utf8(self.bytes(number)).unwrap_or_default()
    }

    /// A text's bytes.
    #[inline]
    pub fn bytes(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = number
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let end = self.ends.get(number).map_or(0, |&end| end as usize);
        let start = start.map_or(0, |&start| start as usize);
        self.text.get(start..end).unwrap_or_default()
    }

    /// All texts' bytes in order.
    #[inline]
    pub fn each_bytes(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let from = std::mem::replace(&mut start, end as usize);
            self.text.get(from..end as usize).unwrap_or_default()
        })
    }

    /// All texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..).map(|number| self.get(number)).take(self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out(
            width in 0..=64_u32,
            numbers in prop::collection::vec(any::<u64>(), 0..60),
        ) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let numbers: Vec<u64> = numbers.iter().map(|number| number & mask).collect();
            let packed = Packed::new(&numbers);
            prop_assert_eq!(packed.range(0..numbers.len()).collect::<Vec<_>>(), numbers.clone());
            prop_assert_eq!(packed.get(numbers.len() + 100), 0);
            #[expect(clippy::cast_possible_truncation, reason = "the lower bits")]
            for start in 0..numbers.len() + 2 {
                let mut unpacked = vec![7; (numbers.len() + 3).saturating_sub(start)];
                packed.unpack(start, &mut unpacked);
                for (at, number) in (start..).zip(unpacked) {
                    prop_assert_eq!(number, numbers.get(at).map_or(0, |&number| number as u32));
                }
            }
            let bytes = packed.bytes().to_vec();
            let again = Packed::from_parts(packed.bits(), numbers.len(), bytes.clone());
            prop_assert_eq!(again, Some(packed.clone()));
            if packed.bits() > 0 {
                prop_assert_eq!(Packed::from_parts(packed.bits(), numbers.len() + 8, bytes), None);
            }
        }

        #[test]
        fn names_come_out(names in prop::collection::vec("[a-zé東]{0,5}", 0..20)) {
            let list = Names::new(names.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), names.clone());
            let bytes: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
            prop_assert_eq!(list.each_bytes().collect::<Vec<_>>(), bytes);
            let lengths = Packed::new(&list.lengths());
            let again = Names::from_parts(&lengths, list.text().to_vec());
            prop_assert_eq!(again, Some(list));
        }
    }
}
