//! Which rows a chart shows, and what its bars measure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{FrequencyTable, Row};
use crate::model::Hashtag;

/// What a bar's length is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Occurrences as a share of the total.
    #[default]
    Share,
    /// Occurrences.
    Count,
    /// Distinct authors.
    Authors,
    /// Views together.
    Views,
}

impl Measure {
    /// A row's length: percent for shares; `None` where it is not known.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a bar's length needs no more than 53 bits"
    )]
    pub fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Share => Some(row.frequency * 100.0),
            Self::Count => Some(row.occurrences as f64),
            Self::Authors => row.authors.map(|authors| authors as f64),
            Self::Views => row.views_sum.map(|views| views as f64),
        }
    }
}

/// A hashtag's rows in two tables; where one has none, a row without occurrences.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Row of the first table.
    pub first: Row,
    /// Row of the second table.
    pub second: Row,
}

/// The largest rows of a table by a measure, those of `own` hashtags left out; rows without it come last.
pub fn chart_rows(
    table: &FrequencyTable,
    own: &[Hashtag],
    measure: Measure,
    limit: usize,
) -> Vec<Row> {
    let mut rows: Vec<&Row> = table
        .rows
        .iter()
        .filter(|row| !own.contains(&row.hashtag))
        .collect();
    rows.sort_by(|a, b| larger(measure.of(a), measure.of(b)).then_with(|| a.rank.cmp(&b.rank)));
    rows.truncate(limit);
    rows.into_iter().cloned().collect()
}

/// The hashtags that are largest in two tables taken together (by the mean of their measures).
///
/// Both tables must have all rows: one that was left out would look like none. `min_count` is met
/// where either side meets it.
pub fn pairs(
    first: &FrequencyTable,
    second: &FrequencyTable,
    own: &[Hashtag],
    measure: Measure,
    (limit, min_count): (usize, u64),
) -> Vec<Pair> {
    let mut all: BTreeMap<&Hashtag, [Option<&Row>; 2]> = BTreeMap::new();
    for (side, table) in [first, second].into_iter().enumerate() {
        for row in &table.rows {
            all.entry(&row.hashtag).or_default()[side] = Some(row);
        }
    }
    let size = |sides: &[Option<&Row>; 2]| {
        let known = sides.iter().flatten().filter_map(|row| measure.of(row));
        Some(known.sum())
    };
    let enough = |sides: &[Option<&Row>; 2]| {
        let most = sides.iter().flatten().map(|row| row.occurrences).max();
        most >= Some(min_count)
    };
    let mut rows: Vec<_> = all
        .into_iter()
        .filter(|(tag, sides)| !own.contains(tag) && enough(sides))
        .collect();
    rows.sort_by(|a, b| larger(size(&a.1), size(&b.1)).then_with(|| a.0.cmp(b.0)));
    rows.truncate(limit);
    rows.into_iter()
        .filter_map(|(tag, sides)| {
            let spelling = &sides.iter().flatten().next()?.spelling;
            let row = |side: Option<&Row>, table| {
                side.cloned()
                    .unwrap_or_else(|| Row::absent(tag.clone(), spelling.clone(), table))
            };
            Some(Pair {
                first: row(sides[0], first),
                second: row(sides[1], second),
            })
        })
        .collect()
}

/// Larger first, unknown last.
fn larger(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Counter, Extras, TableOptions, TagsFrom};
    use crate::model::{Format, Post};

    fn table(posts: &[(&[&'static str], Option<u64>)]) -> FrequencyTable {
        let mut counter = Counter::new(
            TagsFrom::Auto,
            Extras {
                authors: true,
                views: true,
            },
        );
        for ((tags, views), id) in posts.iter().zip(1_u64..) {
            let mut post = Post::new(id.to_string().parse().unwrap(), Format::Web);
            post.listed_tags = tags.iter().map(|&tag| tag.into()).collect();
            post.counts.views = *views;
            counter.add(&post, None);
        }
        FrequencyTable::new(counter, &TableOptions::default())
    }

    fn tag(text: &str) -> Hashtag {
        Hashtag::new(text).unwrap()
    }

    #[test]
    fn charts_leave_the_hashtag_itself_out_wherever_it_ranks() {
        let table = table(&[
            (&["a", "own"], None),
            (&["a"], None),
            (&["b", "own"], Some(7)),
        ]);
        let names = |measure| -> Vec<String> {
            chart_rows(&table, &[tag("Own")], measure, 5)
                .iter()
                .map(|row| row.spelling.clone())
                .collect()
        };
        assert_eq!(names(Measure::Share), ["a", "b"]);
        assert_eq!(names(Measure::Views), ["b", "a"], "unknown views come last");
        assert_eq!(
            chart_rows(&table, &[tag("own")], Measure::Count, 1).len(),
            1
        );
    }

    #[test]
    fn pairs_join_two_tables_by_hashtag() {
        let first = table(&[(&["x", "a"], None), (&["x", "b"], None)]);
        let second = table(&[(&["y", "B", "c"], None)]);
        let own = [tag("x"), tag("y")];
        let shown = |limits| -> Vec<(String, u64, u64)> {
            pairs(&first, &second, &own, Measure::Share, limits)
                .iter()
                .map(|pair| {
                    let tag = pair.first.hashtag.to_string();
                    (tag, pair.first.occurrences, pair.second.occurrences)
                })
                .collect()
        };
        assert_eq!(
            shown((9, 1)),
            [("b".into(), 1, 1), ("c".into(), 0, 1), ("a".into(), 1, 0)]
        );
        assert_eq!(shown((1, 1)).len(), 1);
        assert_eq!(shown((9, 2)), []);
    }

    #[test]
    fn a_minimum_that_one_side_misses_drew_its_bar_as_zero() {
        let first = table(&[(&["a"], None), (&["a"], None)]);
        let second = table(&[(&["a"], None)]);
        let pairs = pairs(&first, &second, &[], Measure::Count, (9, 2));
        assert_eq!(
            (pairs[0].first.occurrences, pairs[0].second.occurrences),
            (2, 1)
        );
    }
}
