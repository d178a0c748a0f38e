//! A bit for each number, which many numbers' bits leave a core's cache room for.

/// Which numbers are set.
#[derive(Debug)]
pub(super) struct Flags(Vec<u64>);

impl Flags {
    /// For numbers below `length`, none of them set.
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    /// Sets a number, unless it is too large.
    pub(super) fn set(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether a number is set.
    #[inline]
    pub(super) fn has(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}
