//! Numbers that look random and are the same on every machine: what happens to a post or a request
//! depends on nothing but its number and the seed.

/// A number of 64 even bits for two numbers (the finaliser of SplitMix64).
pub(super) fn noise(number: u64, salt: u64) -> u64 {
    let mut bits = number ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
