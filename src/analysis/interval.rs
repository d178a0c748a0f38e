//! Shares, and how far one may be off by chance alone.

/// The standard normal's 97.5 % point.
const Z: f64 = 1.959_963_984_540_054;

/// The share of `successes` among `trials`, from 0 to 1; without trials 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of posts are far below 2^53"
)]
pub(super) fn share(successes: u64, trials: u64) -> f64 {
    if trials == 0 {
        return 0.0;
    }
    successes as f64 / trials as f64
}

/// The Wilson score interval (95 %) of `successes` among `trials`, as shares from 0 to 1.
///
/// It covers sampling noise only, not what TikTok chose to show. Without trials it is (0, 1).
/// Source: E. B. Wilson, JASA 22 (1927), 209-212.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of posts are far below 2^53"
)]
pub fn wilson(successes: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let z2 = Z * Z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // The formula gives exactly 0 and 1 at the ends; rounding must not pass them.
    let low = if successes == 0 {
        0.0
    } else {
        (centre - half).max(0.0)
    };
    let high = if successes >= trials {
        1.0
    } else {
        (centre + half).min(1.0)
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263, and the extremes 0 of 20 and 29 of 29.
        for (successes, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
            (29, 29, 0.8830, 1.0),
        ] {
            let (l, h) = wilson(successes, trials);
            assert!(
                (l - low).abs() < 5e-5 && (h - high).abs() < 5e-5,
                "{successes}/{trials}: {l} {h}"
            );
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}
