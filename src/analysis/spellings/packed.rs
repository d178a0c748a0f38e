//! Short names in three words, so that comparing, hashing and keeping one needs no loop and no heap.

/// The longest name that has room.
pub(super) const INLINE: usize = 23;

/// Three words that tell a name from every other (of long names with the table's help).
pub(super) type Packed = [u64; 3];

/// A name of at most [`INLINE`] bytes in three words, zeros behind it; the length is in the highest byte.
pub(super) fn pack(name: &[u8]) -> Packed {
    let mut bytes = [0; INLINE + 1];
    bytes[..name.len()].copy_from_slice(name);
    packed(&bytes, name.len())
}

/// Ones where a name of so many bytes has any.
const MASKS: [Packed; INLINE + 1] = {
    let mut masks = [[0; 3]; INLINE + 1];
    let mut length = 0;
    while length <= INLINE {
        let mut byte = 0;
        while byte < length {
            masks[length][byte / 8] |= 0xff << (byte % 8 * 8);
            byte += 1;
        }
        length += 1;
    }
    masks
};

/// The name of so many bytes, at most [`INLINE`], that a text begins with.
#[inline]
pub(super) fn packed(text: &[u8; INLINE + 1], length: usize) -> Packed {
    let (words, _) = text.as_chunks::<8>();
    let [first, second, third] = MASKS[length];
    [
        u64::from_le_bytes(words[0]) & first,
        u64::from_le_bytes(words[1]) & second,
        u64::from_le_bytes(words[2]) & third | (length as u64) << 56,
    ]
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// High bits of the bytes, all of ASCII, that are in a range.
#[inline]
const fn among(word: u64, first: u8, last: u8) -> u64 {
    (word + (0x80 - first as u64) * ONES) & !(word + (0x7f - last as u64) * ONES)
}

/// Whether a name surely is short and of nothing but digits, small letters of ASCII and `_`: then it is
/// its hashtag's identity, and stands in JSON as it is.
#[inline]
pub(super) fn is_plain(name: &Packed) -> bool {
    let length = (name[2] >> 56) as usize;
    if length > INLINE || length == 0 {
        return false;
    }
    let mut odd = 0;
    for (part, used) in MASKS[length].into_iter().enumerate() {
        // What is behind the name becomes a letter.
        let word = name[part] & used | !used & (0x61 * ONES);
        let ascii = word & !HIGH;
        // `_` and '`' stand right before the letters.
        odd |= word | !(among(ascii, b'0', b'9') | among(ascii, b'_', b'z'));
    }
    odd & HIGH == 0
}

/// Whether a backslash stands in a name that has room.
#[inline]
pub(super) fn has_backslash(name: &Packed) -> bool {
    let mut met = 0;
    for word in *name {
        let differs = word ^ (0x5c * ONES);
        // The lowest byte that is zero is told rightly, and whether there is any.
        met |= differs.wrapping_sub(ONES) & !differs;
    }
    met & HIGH != 0
}

/// Undoes [`pack`]: the name, and how many bytes it has.
#[inline]
pub(super) fn unpack(packed: &Packed) -> ([u8; INLINE + 1], usize) {
    let [first, second, third] = *packed;
    let name: [u8; INLINE + 1] = bytemuck::cast([first.to_le(), second.to_le(), third.to_le()]);
    let length = usize::from(name[INLINE]);
    (name, length.min(INLINE))
}
