//! Cutting a span of days into windows that the API takes and its servers bear. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::{Condition, Operation, Query};

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

/// A share of one day's posts, where a day is too much for the API.
///
/// The parts of a cut are disjoint and complete: the last one is all that the others are not, so
/// posts whose length or region the API does not know are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Shorter than 15 seconds.
    Short,
    /// Up to a minute.
    Mid,
    /// Up to five minutes.
    Long,
    /// Any other length.
    OtherLength,
    /// Authors of the regions with most posts.
    LargeRegions,
    /// Authors of all other regions.
    OtherRegions,
}

/// Where most accounts are registered.
const LARGE: [&str; 20] = [
    "US", "ID", "BR", "MX", "VN", "RU", "PK", "PH", "TR", "SA", "TH", "BD", "EG", "GB", "FR", "DE",
    "IT", "ES", "JP", "NG",
];

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

impl Part {
    const ALL: [Self; 6] = [
        Self::Short,
        Self::Mid,
        Self::Long,
        Self::OtherLength,
        Self::LargeRegions,
        Self::OtherRegions,
    ];

    /// How the posts of a day can be divided, given what the query already says; none if it says both.
    pub fn of_day(query: &Query) -> &'static [Self] {
        if !query.asks_for("video_length") {
            &Self::ALL[..4]
        } else if !query.asks_for("region_code") {
            &Self::ALL[4..]
        } else {
            &[]
        }
    }

    /// The query for this share of its posts.
    #[must_use]
    pub fn of(self, query: &Query) -> Query {
        let mut query = query.clone();
        let lengths = |names: &[&str]| condition("video_length", names);
        match self {
            Self::Short => query.and.push(lengths(&["SHORT"])),
            Self::Mid => query.and.push(lengths(&["MID"])),
            Self::Long => query.and.push(lengths(&["LONG"])),
            Self::OtherLength => query.not.push(lengths(&["SHORT", "MID", "LONG"])),
            Self::LargeRegions => query.and.push(condition("region_code", &LARGE)),
            Self::OtherRegions => query.not.push(condition("region_code", &LARGE)),
        }
        query
    }

    fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Mid => "mid",
            Self::Long => "long",
            Self::OtherLength => "other-length",
            Self::LargeRegions => "large-regions",
            Self::OtherRegions => "other-regions",
        }
    }
}

fn condition(field: &str, values: &[&str]) -> Condition {
    Condition {
        operation: Operation::In,
        field_name: field.to_owned(),
        field_values: values.iter().map(|&value| value.to_owned()).collect(),
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|part| part.name() == text)
            .ok_or(())
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

    #[test]
    fn the_parts_of_a_day_leave_nothing_out() {
        let query = Query::default();
        let parts = Part::of_day(&query);
        assert_eq!(parts.len(), 4);
        let last = parts[3].of(&query);
        assert_eq!(last.not[0].field_values, ["SHORT", "MID", "LONG"]);
        let short = parts[0].of(&query);
        assert_eq!(
            Part::of_day(&short),
            [Part::LargeRegions, Part::OtherRegions]
        );
        assert!(Part::of_day(&Part::LargeRegions.of(&short)).is_empty());
        for part in Part::ALL {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
    }
}
