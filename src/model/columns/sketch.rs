//! Telling quickly which texts of a long list are not among a few.

/// A bit for each of some texts, by which nearly all other texts are told not to be one of them without
/// hashing them well.
#[derive(Debug)]
pub struct Sketch(Vec<bool>);

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![false; 1 << 16])
    }
}

impl Sketch {
    /// Takes a text.
    pub fn add(&mut self, text: &[u8]) {
        self.0[Self::place(text)] = true;
    }

    /// Whether a text may have been taken; if not, it was not.
    #[inline]
    pub fn may_have(&self, text: &[u8]) -> bool {
        self.0[Self::place(text)]
    }

    #[inline]
    fn place(text: &[u8]) -> usize {
        // Eight bytes at either end; of shorter texts all.
        let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => {
                let all = text.iter();
                (all.fold(0, |bytes, &byte| bytes << 8 | u64::from(byte)), 0)
            }
        };
        let mixed = (first ^ (text.len() as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ last).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        usize::try_from(mixed >> 48).unwrap_or(0)
    }
}
