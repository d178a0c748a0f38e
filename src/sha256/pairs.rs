//! Two streams hashed at once, with vectors of which each holds a word of both.
//!
//! The rounds of SHA-256 wait for each other, so that one stream leaves most of a vector empty. With one
//! stream in each half of the vectors of AVX2, two take 5 cycles a byte, one by the best code without
//! instructions for SHA-256 some 7.

/// 64 bytes of a stream.
pub(super) type Block = [u8; 64];

/// What a hash begins with (FIPS 180-4, 5.3.3).
pub(super) const FIRST: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[cfg(not(target_arch = "x86_64"))]
pub(super) use elsewhere::Pairs;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::Pairs;

/// Where nobody knows how to hash two at once.
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere {
    use super::Block;

    #[derive(Clone, Copy)]
    pub(in super::super) enum Pairs {}

    impl Pairs {
        pub(in super::super) fn if_faster() -> Option<Self> {
            None
        }

        #[cfg(test)]
        pub(in super::super) fn if_possible() -> Option<Self> {
            None
        }

        pub(in super::super) fn compress(
            self,
            _: &mut [u32; 8],
            _: &mut [u32; 8],
            _: &[Block],
            _: &[Block],
        ) {
            match self {}
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::is_x86_feature_detected;
    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_alignr_epi8, _mm256_and_si256, _mm256_extract_epi32,
        _mm256_set_epi32, _mm256_set_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8,
        _mm256_shuffle_epi32, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_srli_epi64,
        _mm256_unpackhi_epi64, _mm256_xor_si256,
    };

    use fearless_simd::{Avx2, Level};

    use super::Block;

    /// Shows that the processor has what is needed.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Pairs(Avx2);

    impl Pairs {
        /// If two streams at once are hashed faster than one after the other.
        pub(in super::super) fn if_faster() -> Option<Self> {
            // Not where the compiler does not make of it what it is made for.
            if cfg!(debug_assertions) || is_x86_feature_detected!("sha") {
                return None;
            }
            Self::if_possible()
        }

        /// If the processor can do it.
        pub(in super::super) fn if_possible() -> Option<Self> {
            Level::new().as_avx2().map(Self)
        }

        /// Adds blocks to two hashes, as many to each.
        pub(in super::super) fn compress(
            self,
            state: &mut [u32; 8],
            other: &mut [u32; 8],
            blocks: &[Block],
            others: &[Block],
        ) {
            let mut states = [*state, *other];
            compress(self.0, &mut states, blocks, others);
            [*state, *other] = states;
        }
    }

    /// The rounds' constants, two in each number.
    const CONSTANTS: [[i64; 2]; 16] = {
        let mut pairs = [[0; 2]; 16];
        let mut at = 0;
        while at < 32 {
            let [low, high] = [ROUNDS[at / 2][at % 2 * 2], ROUNDS[at / 2][at % 2 * 2 + 1]];
            pairs[at / 2][at % 2] = (low as u64 | (high as u64) << 32).cast_signed();
            at += 1;
        }
        pairs
    };

    /// The rounds' constants (FIPS 180-4, 4.2.2), four rounds a line.
    const ROUNDS: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    // In each half of a vector only the lowest word of the state counts. It stands there twice, so that shifting the
    // two of them as one number is turning the word.

    macro_rules! xor {
        ($one:expr, $($other:expr),+) => {{
            let mixed = $one;
            $(let mixed = _mm256_xor_si256(mixed, $other);)+
            mixed
        }};
    }

    macro_rules! add {
        ($one:expr, $($other:expr),+) => {{
            let sum = $one;
            $(let sum = _mm256_add_epi32(sum, $other);)+
            sum
        }};
    }

    macro_rules! twice {
        ($word:expr) => {
            _mm256_shuffle_epi32::<0b10_10_00_00>($word)
        };
    }

    /// The word turned by three widths.
    macro_rules! turned {
        ($word:expr, $first:literal, $second:literal, $third:literal) => {
            xor!(
                _mm256_srli_epi64::<$first>($word),
                _mm256_srli_epi64::<$second>($word),
                _mm256_srli_epi64::<$third>($word)
            )
        };
    }

    /// Where the words of these names stand in a round.
    const fn names(round: usize) -> [usize; 8] {
        let mut places = [0; 8];
        let mut name = 0;
        while name < 8 {
            places[name] = (name + 8 - round) % 8;
            name += 1;
        }
        places
    }

    /// A round of a number from 0 to 7: the words stay where they are, their names move on.
    macro_rules! round {
        ($state:ident, $number:literal, $word:expr) => {{
            const NAMES: [usize; 8] = names($number);
            let [a, b, c, d, e, f, g, h] = NAMES;
            let choice = xor!(
                $state[g],
                _mm256_and_si256(xor!($state[f], $state[g]), $state[e])
            );
            let first = add!($state[h], $word, choice, turned!($state[e], 6, 11, 25));
            $state[d] = twice!(add!($state[d], first));
            // Where a and b differ, b and c do in the next round, which the compiler knows.
            let differing = xor!($state[a], $state[b]);
            let differed = xor!($state[b], $state[c]);
            let majority = xor!($state[b], _mm256_and_si256(differing, differed));
            let second = add!(turned!($state[a], 2, 13, 22), majority);
            $state[h] = twice!(add!(first, second));
        }};
    }

    /// Four rounds with the words of a vector.
    macro_rules! rounds {
        ($state:ident, $words:expr, $constants:expr, [$n0:literal, $n1:literal, $n2:literal, $n3:literal]) => {{
            let [low, high] = $constants;
            let words = add!($words, _mm256_set_epi64x(high, low, high, low));
            round!($state, $n0, words);
            round!($state, $n1, _mm256_srli_epi64::<32>(words));
            let words = _mm256_unpackhi_epi64(words, words);
            round!($state, $n2, words);
            round!($state, $n3, _mm256_srli_epi64::<32>(words));
        }};
    }

    /// Puts the four words in place of the first of the sixteen that come after them.
    macro_rules! schedule {
        ($w0:expr, $w1:expr, $w2:expr, $w3:expr, $first:expr, $last:expr) => {{
            let next = _mm256_alignr_epi8::<4>($w1, $w0);
            let small = xor!(
                _mm256_srli_epi32::<7>(next),
                _mm256_slli_epi32::<25>(next),
                _mm256_srli_epi32::<18>(next),
                _mm256_slli_epi32::<14>(next),
                _mm256_srli_epi32::<3>(next)
            );
            let sum = add!($w0, small, _mm256_alignr_epi8::<4>($w3, $w2));
            // Two need the last two of those before, and two these.
            let before = _mm256_shuffle_epi32::<0b11_11_10_10>($w3);
            let sum = add!(sum, _mm256_shuffle_epi8(mixed!(before), $first));
            let before = _mm256_shuffle_epi32::<0b01_01_00_00>(sum);
            $w0 = add!(sum, _mm256_shuffle_epi8(mixed!(before), $last));
        }};
    }

    macro_rules! mixed {
        ($words:expr) => {
            xor!(
                _mm256_srli_epi64::<17>($words),
                _mm256_srli_epi64::<19>($words),
                _mm256_srli_epi32::<10>($words)
            )
        };
    }

    fearless_simd::kernel!(
        /// Adds blocks to two hashes.
        #[inline(never)]
        fn compress(avx2: Avx2, states: &mut [[u32; 8]; 2], blocks: &[Block], others: &[Block]) {
            let _ = avx2;
            // The bytes of each word the other way round.
            let [w0, w1, w2, w3] = [0x0001_0203, 0x0405_0607, 0x0809_0a0b, 0x0c0d_0e0f];
            let swap = _mm256_set_epi32(w3, w2, w1, w0, w3, w2, w1, w0);
            // The first and third word in place of the first two, or of the last two, and nothing else.
            let (one, three, none) = (0x0302_0100, 0x0b0a_0908, -1);
            let first = _mm256_set_epi32(none, none, three, one, none, none, three, one);
            let last = _mm256_set_epi32(three, one, none, none, three, one, none, none);
            let mut state = [_mm256_setzero_si256(); 8];
            let [own, other] = &*states;
            for ((word, own), other) in state.iter_mut().zip(own).zip(other) {
                let (own, other) = (own.cast_signed(), other.cast_signed());
                *word = _mm256_set_epi32(0, 0, other, other, 0, 0, own, own);
            }
            for (block, other) in blocks.iter().zip(others) {
                let mut w = [_mm256_setzero_si256(); 4];
                let (own, other) = (block.as_chunks().0, other.as_chunks().0);
                let parts = own.as_chunks().0.iter().zip(other.as_chunks().0);
                for (words, ([o0, o1], [t0, t1])) in w.iter_mut().zip(parts) {
                    let (o0, o1) = (i64::from_le_bytes(*o0), i64::from_le_bytes(*o1));
                    let (t0, t1) = (i64::from_le_bytes(*t0), i64::from_le_bytes(*t1));
                    *words = _mm256_shuffle_epi8(_mm256_set_epi64x(t1, t0, o1, o0), swap);
                }
                let before = state;
                for four in 0..3 {
                    let constants = &CONSTANTS[4 * four..];
                    rounds!(state, w[0], constants[0], [0, 1, 2, 3]);
                    schedule!(w[0], w[1], w[2], w[3], first, last);
                    rounds!(state, w[1], constants[1], [4, 5, 6, 7]);
                    schedule!(w[1], w[2], w[3], w[0], first, last);
                    rounds!(state, w[2], constants[2], [0, 1, 2, 3]);
                    schedule!(w[2], w[3], w[0], w[1], first, last);
                    rounds!(state, w[3], constants[3], [4, 5, 6, 7]);
                    schedule!(w[3], w[0], w[1], w[2], first, last);
                }
                rounds!(state, w[0], CONSTANTS[12], [0, 1, 2, 3]);
                rounds!(state, w[1], CONSTANTS[13], [4, 5, 6, 7]);
                rounds!(state, w[2], CONSTANTS[14], [0, 1, 2, 3]);
                rounds!(state, w[3], CONSTANTS[15], [4, 5, 6, 7]);
                for (word, before) in state.iter_mut().zip(before) {
                    *word = add!(*word, before);
                }
            }
            for (number, word) in state.into_iter().enumerate() {
                states[0][number] = _mm256_extract_epi32::<0>(word).cast_unsigned();
                states[1][number] = _mm256_extract_epi32::<4>(word).cast_unsigned();
            }
        }
    );
}
