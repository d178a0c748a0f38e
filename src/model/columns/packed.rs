//! Columns of small numbers with as many bits as the largest needs, and lists of texts.

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
    /// Packs numbers.
    pub fn new(numbers: &[u64]) -> Self {
        let largest = numbers.iter().copied().max().unwrap_or(0);
        let width = width(64 - largest.leading_zeros());
        let mut bytes = vec![0; size(width, numbers.len()).unwrap_or(SPARE)];
        let mut bit = 0_usize;
        for number in numbers {
            let place = bit / 8;
            if let Some(word) = bytes
                .get_mut(place..)
                .and_then(<[u8]>::first_chunk_mut::<8>)
            {
                let old = u64::from_le_bytes(*word);
                *word = (old | number << (bit % 8)).to_le_bytes();
            }
            bit += width as usize;
        }
        Self {
            width,
            length: numbers.len(),
            bytes,
        }
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
        let bit = index * self.width as usize;
        let word = self.bytes.get(bit / 8..).and_then(<[u8]>::first_chunk::<8>);
        let Some(word) = word else { return 0 };
        if self.width == 64 {
            return u64::from_le_bytes(*word);
        }
        (u64::from_le_bytes(*word) >> (bit % 8)) & ((1 << self.width) - 1)
    }

    /// The numbers of a range.
    #[inline]
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = u64> {
        range.map(|index| self.get(index))
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
            list.text.extend_from_slice(name.as_bytes());
            list.ends.push(u32::try_from(list.text.len()).ok()?);
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
            numbers in prop::collection::vec(any::<u64>(), 0..40),
        ) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let numbers: Vec<u64> = numbers.iter().map(|number| number & mask).collect();
            let packed = Packed::new(&numbers);
            prop_assert_eq!(packed.range(0..numbers.len()).collect::<Vec<_>>(), numbers.clone());
            prop_assert_eq!(packed.get(numbers.len() + 100), 0);
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
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), names);
            let lengths = Packed::new(&list.lengths());
            let again = Names::from_parts(&lengths, list.text().to_vec());
            prop_assert_eq!(again, Some(list));
        }
    }
}
