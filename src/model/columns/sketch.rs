//! Telling quickly which texts of a long list are not among a few.

/// A bit for each of some texts, by which nearly all other texts are told not to be one of them without
/// hashing them well.
#[derive(Debug)]
pub struct Sketch(Vec<u64>);

/// Two to the power of this are the bits: so many that of some thousand texts few are mistaken for one
/// another, and so few that they stay close to the processor.
const BITS: u32 = 19;

impl Default for Sketch {
    fn default() -> Self {
        Self(vec![0; 1 << (BITS - 6)])
    }
}

impl Sketch {
    /// Takes a text.
    pub fn add(&mut self, text: &[u8]) {
        let (word, bit) = place(edges(text), text.len());
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether a text may have been taken; if not, it was not.
    #[inline]
    pub fn may_have(&self, text: &[u8]) -> bool {
        self.has(edges(text), text.len())
    }

    /// Calls `each` with those of some texts, by their places, that may have been taken: texts of these
    /// lengths that stand behind each other.
    pub fn sift<'t>(
        &self,
        lengths: &[u32],
        texts: &'t [u8],
        mut each: impl FnMut(usize, &'t [u8]),
    ) {
        let mut from = 0;
        for (place, &length) in lengths.iter().enumerate() {
            let length = length as usize;
            let text = || texts.get(from..from + length).unwrap_or_default();
            let edges = edges_within(texts, from, length).unwrap_or_else(|| edges(text()));
            if self.has(edges, length) {
                each(place, text());
            }
            from += length;
        }
    }

    #[inline]
    fn has(&self, edges: (u64, u64), length: usize) -> bool {
        let (word, bit) = place(edges, length);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Eight bytes at either end of a text; of a shorter one all it has, twice.
#[inline]
fn edges(text: &[u8]) -> (u64, u64) {
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => {
            let bytes = text.iter().rev();
            let all = bytes.fold(0, |all, &byte| all << 8 | u64::from(byte));
            (all, all)
        }
    }
}

/// As [`edges`], of a text among others, whether short or long without asking; `None` too near to their end.
#[inline]
fn edges_within(texts: &[u8], from: usize, length: usize) -> Option<(u64, u64)> {
    const KEPT: [u64; 9] = {
        let mut kept = [u64::MAX; 9];
        let mut length = 0;
        while length < 8 {
            kept[length] = (1 << (8 * length)) - 1;
            length += 1;
        }
        kept
    };
    let kept = KEPT[length.min(8)];
    let last = from + length.saturating_sub(8);
    let first = texts.get(from..)?.first_chunk::<8>()?;
    let last = texts.get(last..)?.first_chunk::<8>()?;
    Some((
        u64::from_le_bytes(*first) & kept,
        u64::from_le_bytes(*last) & kept,
    ))
}

/// A word and a bit in it.
#[inline]
fn place((first, last): (u64, u64), length: usize) -> (usize, u64) {
    let mixed = (first ^ (length as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ last).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    let place = mixed >> (64 - BITS);
    (usize::try_from(place >> 6).unwrap_or(0), 1 << (place & 63))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_taken_is_found_alone_and_among_others(
            texts in prop::collection::vec("[a-cé]{0,20}", 0..40),
            taken in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mut sketch = Sketch::default();
            for index in taken {
                if !texts.is_empty() {
                    sketch.add(index.get(&texts).as_bytes());
                }
            }
            let all = texts.concat();
            let lengths: Vec<u32> = texts.iter().map(|text| u32::try_from(text.len()).unwrap()).collect();
            let mut found = Vec::new();
            sketch.sift(&lengths, all.as_bytes(), |place, text| found.push((place, text)));
            let expected: Vec<(usize, &[u8])> = texts
                .iter()
                .map(String::as_bytes)
                .enumerate()
                .filter(|(_, text)| sketch.may_have(text))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn few_others_are_mistaken_for_what_was_taken() {
        let mut sketch = Sketch::default();
        for number in 0..1000 {
            sketch.add(format!("tag{number}").as_bytes());
        }
        assert!((0..1000).all(|number| sketch.may_have(format!("tag{number}").as_bytes())));
        let others =
            (1000..21_000).filter(|number| sketch.may_have(format!("tag{number}").as_bytes()));
        assert!(others.count() < 400);
    }
}
