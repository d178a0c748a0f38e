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

/// Undoes [`pack`]; returns the length.
pub(super) fn unpack(packed: &Packed, name: &mut [u8; INLINE]) -> usize {
    let [first, second, third] = packed.map(u64::to_le_bytes);
    name[..8].copy_from_slice(&first);
    name[8..16].copy_from_slice(&second);
    name[16..].copy_from_slice(&third[..7]);
    usize::from(third[7])
}
