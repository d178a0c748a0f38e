//! Where an axis has its ticks and how their numbers are written.

use super::Unit;

/// The round values from 0 up to `reach` that lie at least `least` apart, in the axis's unit.
pub(super) fn ticks(unit: Unit, reach: f64, least: f64) -> Vec<f64> {
    let reach = match unit {
        Unit::Percent => reach.min(100.0),
        Unit::Count => reach,
    };
    let step = step(unit, least);
    (0_u32..=50)
        .map(|number| f64::from(number) * step)
        .take_while(|&tick| tick <= reach * (1.0 + 1e-9))
        .collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`; whole for counts.
fn step(unit: Unit, least: f64) -> f64 {
    let mut power = 10_f64.powf(least.max(1e-9).log10().floor());
    if unit == Unit::Count {
        power = power.max(1.0);
    }
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// A tick's number: `20 %`, `0.5 %`, `1500`, `20K`, `1.5M`, `1B`.
pub(super) fn written(unit: Unit, tick: f64) -> String {
    match unit {
        Unit::Percent => format!("{} %", short(tick)),
        Unit::Count => {
            for (size, letter) in [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "K")] {
                if tick >= size {
                    let size = if letter == "K" { 1e3 } else { size };
                    return format!("{}{letter}", short(tick / size));
                }
            }
            short(tick)
        }
    }
}

/// A number without the noise at its end.
fn short(number: f64) -> String {
    let digits = format!("{number:.6}");
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(unit: Unit, reach: f64, least: f64) -> Vec<String> {
        ticks(unit, reach, least)
            .into_iter()
            .map(|tick| written(unit, tick))
            .collect()
    }

    #[test]
    fn ticks_are_round_and_start_at_zero() {
        assert_eq!(
            names(Unit::Percent, 63.0, 12.0),
            ["0 %", "20 %", "40 %", "60 %"]
        );
        assert_eq!(names(Unit::Percent, 1.4, 0.41), ["0 %", "0.5 %", "1 %"]);
        assert_eq!(names(Unit::Count, 2.5, 0.3), ["0", "1", "2"]);
        assert_eq!(names(Unit::Count, 1.2e9, 3e8), ["0", "500M", "1B"]);
        assert_eq!(
            names(Unit::Count, 16_000.0, 4_000.0),
            ["0", "5000", "10K", "15K"]
        );
    }

    #[test]
    fn a_percent_axis_ends_at_a_hundred() {
        assert_eq!(ticks(Unit::Percent, 140.0, 20.0).last(), Some(&100.0));
    }
}
