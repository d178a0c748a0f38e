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

/// The name of so many bytes, at most [`INLINE`], that a text begins with.
#[inline]
pub(super) fn packed(text: &[u8; INLINE + 1], length: usize) -> Packed {
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
    let (words, _) = text.as_chunks::<8>();
    let [first, second, third] = MASKS[length];
    [
        u64::from_le_bytes(words[0]) & first,
        u64::from_le_bytes(words[1]) & second,
        u64::from_le_bytes(words[2]) & third | (length as u64) << 56,
    ]
}

/// Whether a name surely is short and of nothing but visible ASCII characters without capitals, number
/// signs, at signs, quotes and backslashes: then it is its hashtag's identity, and stands in JSON as it is.
#[inline]
pub(super) fn is_plain(name: &Packed) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    /// High bits of the bytes from a letter on (of ASCII).
    const fn from(word: u64, byte: u8) -> u64 {
        (word & !HIGH) + (0x80 - byte as u64) * ONES
    }
    let length = (name[2] >> 56) as u32;
    if length > 23 || length == 0 {
        return false;
    }
    let mut odd = 0;
    for (word, from_byte) in [(name[0], 0), (name[1], 8), (name[2] & !(0xff << 56), 16)] {
        // What is behind the name becomes a letter.
        let used = length.saturating_sub(from_byte).min(8) * 8;
        let unused = (!0_u64).checked_shl(used).unwrap_or(0);
        let word = word | (unused & (0x61 * ONES));
        odd |= word | !from(word, b'!') | (from(word, b'A') & !from(word, b'Z' + 1));
        for byte in [b'"', b'#', b'@', b'\\', 0x7f] {
            odd |= from(word, byte) & !from(word, byte + 1);
        }
    }
    odd & HIGH == 0
}

/// Undoes [`pack`]: the name, and how many bytes it has.
#[inline]
pub(super) fn unpack(packed: &Packed) -> ([u8; INLINE + 1], usize) {
    let mut name = [0; INLINE + 1];
    let (words, _) = name.as_chunks_mut::<8>();
    for (word, packed) in words.iter_mut().zip(packed) {
        *word = packed.to_le_bytes();
    }
    let length = usize::from(name[INLINE]);
    (name, length.min(INLINE))
}
