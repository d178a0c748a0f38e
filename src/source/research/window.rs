//! Cutting a span of days into windows that the API takes and its servers bear. Pure.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;

/// Most days of one search: the API takes a difference of 30, one less is safe for either reading
/// of its end date.
pub const LONGEST: u16 = 30;

/// Days (UTC), first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Window {
    /// Whether a day is one of its.
    pub fn contains(&self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }

    /// How many days; at least 1.
    pub fn days(&self) -> u32 {
        let days = self.to.since(self.from).map_or(0, |span| span.get_days());
        u32::try_from(days).unwrap_or(0) + 1
    }

    /// Two halves, the earlier one at most a day longer; `None` for a single day.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let days = self.days();
        if days < 2 {
            return None;
        }
        let middle = later(self.from, days.div_ceil(2) - 1);
        Some((
            Self {
                from: self.from,
                to: middle,
            },
            Self {
                from: later(middle, 1),
                to: self.to,
            },
        ))
    }

    /// As the API wants its dates.
    pub fn dates(&self) -> (String, String) {
        let text = |day: Date| day.strftime("%Y%m%d").to_string();
        (text(self.from), text(self.to))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(formatter, "{}", self.from)
        } else {
            write!(formatter, "{} – {}", self.from, self.to)
        }
    }
}

/// Cuts a span into windows of at most so many days, the earliest first; none if it is reversed.
pub fn tile(span: Window, days: u16) -> Vec<Window> {
    let step = u32::from(days.clamp(1, LONGEST));
    let mut windows = Vec::new();
    let mut from = span.from;
    while from <= span.to {
        let to = later(from, step - 1).min(span.to);
        windows.push(Window { from, to });
        match to.tomorrow() {
            Ok(next) => from = next,
            Err(_) => break,
        }
    }
    windows
}

/// What is left of a span without the days of some windows: the gaps, in order.
pub fn remaining(span: Window, covered: &[Window]) -> Vec<Window> {
    let mut gaps = Vec::new();
    let mut start = None;
    let mut day = span.from;
    while day <= span.to {
        let is_covered = covered.iter().any(|window| window.contains(day));
        match (is_covered, start) {
            (true, Some(from)) => {
                gaps.push(Window {
                    from,
                    to: day.yesterday().unwrap_or(day),
                });
                start = None;
            }
            (false, None) => start = Some(day),
            _ => {}
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    if let Some(from) = start {
        gaps.push(Window { from, to: span.to });
    }
    gaps
}

fn later(day: Date, days: u32) -> Date {
    day.saturating_add(i64::from(days).days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn days(window: Window) -> Vec<Date> {
        window
            .from
            .series(1.day())
            .take_while(|&day| day <= window.to)
            .collect()
    }

    prop_compose! {
        fn span()(start in 0_i64..3000, length in 0_i64..400) -> Window {
            let from = date(2018, 1, 1).saturating_add(start.days());
            Window { from, to: from.saturating_add(length.days()) }
        }
    }

    proptest! {
        #[test]
        fn windows_tile_the_span_exactly_and_none_is_too_long(span in span(), length in 0_u16..60) {
            let windows = tile(span, length);
            let together: Vec<Date> = windows.iter().copied().flat_map(days).collect();
            prop_assert_eq!(together, days(span));
            for window in windows {
                prop_assert!(window.days() <= u32::from(length.clamp(1, 30)));
                prop_assert!(window.to.since(window.from).unwrap().get_days() <= 29);
            }
        }

        #[test]
        fn halves_are_the_window_and_end_at_days(span in span()) {
            match span.halves() {
                None => prop_assert_eq!(span.days(), 1),
                Some((first, second)) => {
                    let together: Vec<Date> = [first, second].into_iter().flat_map(days).collect();
                    prop_assert_eq!(together, days(span));
                    prop_assert!(first.days().abs_diff(second.days()) <= 1);
                }
            }
        }

        #[test]
        fn gaps_and_covered_days_make_the_span(span in span(), others in prop::collection::vec(span(), 0..4)) {
            let gaps = remaining(span, &others);
            for day in days(span) {
                let covered = others.iter().any(|window| window.contains(day));
                let in_gaps = gaps.iter().filter(|gap| gap.contains(day)).count();
                prop_assert_eq!(in_gaps, usize::from(!covered));
            }
        }
    }

    #[test]
    fn a_reversed_span_has_no_windows() {
        let span = Window {
            from: date(2024, 5, 2),
            to: date(2024, 5, 1),
        };
        assert!(tile(span, 7).is_empty() && remaining(span, &[]).is_empty());
    }
}
