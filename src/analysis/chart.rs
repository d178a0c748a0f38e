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

/// A hashtag's rows in two tables; it may be missing from one.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Row of the first table.
    pub first: Option<Row>,
    /// Row of the second table.
    pub second: Option<Row>,
}

impl Pair {
    /// The row that is there, the first if both are.
    pub fn either(&self) -> Option<&Row> {
        self.first.as_ref().or(self.second.as_ref())
    }
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
pub fn pairs(
    first: &FrequencyTable,
    second: &FrequencyTable,
    own: &[Hashtag],
    measure: Measure,
    limit: usize,
) -> Vec<Pair> {
    let mut all: BTreeMap<&Hashtag, (Option<&Row>, Option<&Row>)> = BTreeMap::new();
    for row in &first.rows {
        all.entry(&row.hashtag).or_default().0 = Some(row);
    }
    for row in &second.rows {
        all.entry(&row.hashtag).or_default().1 = Some(row);
    }
    let size = |(a, b): &(Option<&Row>, Option<&Row>)| {
        let of = |row: Option<&Row>| row.and_then(|row| measure.of(row)).unwrap_or(0.0);
        Some(of(*a) + of(*b))
    };
    let mut rows: Vec<_> = all
        .into_iter()
        .filter(|(tag, _)| !own.contains(tag))
        .collect();
    rows.sort_by(|a, b| larger(size(&a.1), size(&b.1)).then_with(|| a.0.cmp(b.0)));
    rows.truncate(limit);
    rows.into_iter()
        .map(|(_, (first, second))| Pair {
            first: first.cloned(),
            second: second.cloned(),
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
        let pairs = pairs(&first, &second, &[tag("x"), tag("y")], Measure::Share, 9);
        let shown: Vec<(String, Option<u64>, Option<u64>)> = pairs
            .iter()
            .map(|pair| {
                let count = |row: &Option<Row>| row.as_ref().map(|row| row.occurrences);
                (
                    pair.either().unwrap().hashtag.to_string(),
                    count(&pair.first),
                    count(&pair.second),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("b".into(), Some(1), Some(1)),
                ("c".into(), None, Some(1)),
                ("a".into(), Some(1), None)
            ]
        );
    }
}
