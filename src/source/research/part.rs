//! Shares of a day's posts, for days that are too much for the API: by video length, then by region.

use std::fmt;
use std::str::FromStr;

use super::{Condition, Operation, Query};

/// A share of one day's posts.
///
/// The shares of a cut are disjoint and complete: the last of each kind is all that the others are
/// not, so posts whose length or region the API does not know are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    length: Option<Length>,
    region: Option<Region>,
}

/// Rarest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Length {
    /// Longer than five minutes, or unknown.
    Other,
    /// Up to five minutes.
    Long,
    /// Up to a minute.
    Mid,
    /// Shorter than 15 seconds.
    Short,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Region {
    /// A place in [`REGIONS`].
    Group(usize),
    /// One of such a group.
    One(&'static str),
    /// All that are in no group, or not known.
    Other,
}

/// Where most accounts are registered, in groups of similar size.
const REGIONS: [&[&str]; 3] = [
    &["US"],
    &["ID", "BR", "MX", "VN", "RU", "PK", "PH", "TR"],
    &[
        "SA", "TH", "BD", "EG", "GB", "FR", "DE", "IT", "ES", "JP", "NG", "CO",
    ],
];

const LENGTHS: [Length; 4] = [Length::Other, Length::Long, Length::Mid, Length::Short];

impl Part {
    /// How a day's posts (`None`) or a share of them can be divided further, given what the query
    /// already pins; none if nothing is left to divide by. The first one is the smallest, as a rule.
    pub fn below(above: Option<Self>, query: &Query) -> Vec<Self> {
        let above = above.unwrap_or(Self {
            length: None,
            region: None,
        });
        if above.length.is_none() && above.region.is_none() && !query.pins("video_length") {
            return LENGTHS
                .map(|length| Self {
                    length: Some(length),
                    ..above
                })
                .into();
        }
        let regions: Vec<Region> = match above.region {
            None if query.pins("region_code") => Vec::new(),
            None => groups().collect(),
            Some(Region::Group(group)) => ones(group).collect(),
            Some(Region::One(_) | Region::Other) => Vec::new(),
        };
        let within = |region| Self {
            region: Some(region),
            ..above
        };
        regions.into_iter().map(within).collect()
    }

    /// The query for this share of its posts.
    #[must_use]
    pub fn of(self, query: &Query) -> Query {
        let mut query = query.clone();
        let mut add = |not: bool, field: &str, values: &[&str]| {
            let condition = Condition {
                operation: Operation::In,
                field_name: field.to_owned(),
                field_values: values.iter().map(|&value| value.to_owned()).collect(),
            };
            if not {
                query.not.push(condition);
            } else {
                query.and.push(condition);
            }
        };
        match self.length {
            None => {}
            Some(Length::Short) => add(false, "video_length", &["SHORT"]),
            Some(Length::Mid) => add(false, "video_length", &["MID"]),
            Some(Length::Long) => add(false, "video_length", &["LONG"]),
            Some(Length::Other) => add(true, "video_length", &["SHORT", "MID", "LONG"]),
        }
        match self.region {
            None => {}
            Some(Region::Group(group)) => add(false, "region_code", REGIONS[group]),
            Some(Region::One(code)) => add(false, "region_code", &[code]),
            Some(Region::Other) => add(true, "region_code", &REGIONS.concat()),
        }
        query
    }
}

impl Length {
    fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Mid => "mid",
            Self::Long => "long",
            Self::Other => "other-length",
        }
    }
}

/// All regions, in shares.
fn groups() -> impl Iterator<Item = Region> {
    let groups = (0..REGIONS.len()).map(Region::Group);
    groups.chain([Region::Other])
}

/// The regions of a group of several, the last of them, with the fewest accounts, first.
fn ones(group: usize) -> impl Iterator<Item = Region> {
    let codes = REGIONS[group].iter().rev();
    codes
        .filter(move |_| REGIONS[group].len() > 1)
        .map(|code| Region::One(code))
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => write!(formatter, "regions-{}", group + 1),
            Self::One(code) => write!(formatter, "region-{code}"),
            Self::Other => formatter.write_str("other-regions"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length.map(Length::name).unwrap_or_default();
        match (self.length, self.region) {
            (Some(_), Some(region)) => write!(formatter, "{length}/{region}"),
            (None, Some(region)) => region.fmt(formatter),
            _ => formatter.write_str(length),
        }
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.is_empty() {
            return Err(());
        }
        let regions = groups().chain((0..REGIONS.len()).flat_map(ones));
        let regions: Vec<_> = [None].into_iter().chain(regions.map(Some)).collect();
        let lengths = [None].into_iter().chain(LENGTHS.map(Some));
        let mut all = lengths.flat_map(|length| {
            let within = move |&region| Self { length, region };
            regions.iter().map(within)
        });
        all.find(|part| part.to_string() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: &str, value: &str) -> Query {
        let mut query = Query::default();
        query.and_any_of(field, &[value.to_owned()]).unwrap();
        query
    }

    fn names(above: Option<Part>, query: &Query) -> Vec<String> {
        let parts = Part::below(above, query);
        for part in &parts {
            assert_eq!(part.to_string().parse(), Ok(*part));
        }
        parts.iter().map(Part::to_string).collect()
    }

    #[test]
    fn a_day_is_cut_by_length_then_by_region_whatever_the_query_pins() {
        let lengths = ["other-length", "long", "mid", "short"];
        let regions = ["regions-1", "regions-2", "regions-3", "other-regions"];
        let free = Query::default();
        assert_eq!(names(None, &free), lengths);
        let short = "short".parse().unwrap();
        assert_eq!(
            names(Some(short), &free),
            regions.map(|region| format!("short/{region}"))
        );
        let group = Some("short/regions-2".parse().unwrap());
        let codes = ["TR", "PH", "PK", "RU", "VN", "MX", "BR", "ID"];
        assert_eq!(
            names(group, &free),
            codes.map(|code| format!("short/region-{code}"))
        );
        for deepest in ["short/region-TR", "short/regions-1", "short/other-regions"] {
            let deepest = Some(deepest.parse().unwrap());
            assert_eq!(names(deepest, &free), [""; 0]);
        }
        let pinned = with("video_length", "MID");
        assert_eq!(names(None, &pinned), regions);
        let group = Some("regions-3".parse().unwrap());
        assert_eq!(names(group, &pinned)[..2], ["region-CO", "region-NG"]);
        assert_eq!("".parse::<Part>(), Err(()));
        assert_eq!(names(None, &with("region_code", "GB")), lengths);
        assert_eq!(names(Some(short), &with("region_code", "GB")), [""; 0]);
        // A query that only leaves something out, or names several, can be cut by the same field.
        let mut several = Query::default();
        let regions_of_query = ["GB".to_owned(), "US".to_owned()];
        several
            .and_any_of("region_code", &regions_of_query)
            .unwrap();
        assert_eq!(names(Some(short), &several).len(), 4);
    }

    #[test]
    fn the_parts_of_a_cut_leave_nothing_out() {
        let free = Query::default();
        let parts = Part::below(None, &free);
        assert_eq!(
            parts[0].of(&free).not[0].field_values,
            ["SHORT", "MID", "LONG"]
        );
        let named: Vec<String> = parts[1..]
            .iter()
            .flat_map(|part| part.of(&free).and[0].field_values.clone())
            .collect();
        assert_eq!(named, ["LONG", "MID", "SHORT"]);
        let regions = Part::below(Some(parts[3]), &free);
        let others = regions[3].of(&free);
        assert_eq!(others.and[0].field_values, ["SHORT"]);
        let named: Vec<String> = regions[..3]
            .iter()
            .flat_map(|part| part.of(&free).and[1].field_values.clone())
            .collect();
        assert_eq!(others.not[0].field_values, named);
        assert!(named.iter().all(|region| super::super::is_region(region)));
        for group in &regions[1..3] {
            let ones = Part::below(Some(*group), &free);
            let mut ones: Vec<String> = ones
                .iter()
                .flat_map(|part| part.of(&free).and[1].field_values.clone())
                .collect();
            ones.reverse();
            assert_eq!(ones, group.of(&free).and[1].field_values);
        }
    }
}
