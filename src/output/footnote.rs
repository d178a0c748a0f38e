//! What every number says about itself: how many posts, from when, from where, and that they are a sample.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Ranking, counted};
use crate::analysis::{FrequencyTable, Sample, Weight};
use crate::model::Origin;

/// The footnote of a ranking: of its posts, under which conditions they and the rows were chosen,
/// and what the shares are of where that is not posts.
pub fn ranking_footnote(subject: &str, ranking: &Ranking) -> Vec<String> {
    let table = &ranking.table;
    let mut lines = footnote(subject, &table.sample);
    let standing = lines.pop();
    if !ranking.conditions.is_empty() {
        lines.push(format!("Only {}.", ranking.conditions.join("; ")));
    }
    if !ranking.asked.is_empty() {
        lines.push(format!("Asked of the API: {}.", ranking.asked.join("; ")));
    }
    if table.weight == Weight::Authors {
        let mut line = format!(
            "Shares are of {}, one vote each",
            counted(table.total, "author")
        );
        if table.sample.without_author > 0 {
            let silent = counted(table.sample.without_author, table.sample.unit.noun());
            line += &format!("; {silent} without an author have no vote");
        }
        lines.push(line + ".");
    }
    lines.extend(standing);
    lines
}

/// The footnote of a table or chart, a sentence or two per line, without final line break.
///
/// The subject stands in it as given: whoever shows it makes it safe for that place.
pub fn footnote(subject: &str, sample: &Sample) -> Vec<String> {
    let mut lines = vec![count_line(subject, sample)];
    let mut left_out = Vec::new();
    if sample.duplicates > 0 {
        left_out.push(format!(
            "{} of {} that repeat a {}",
            sample.duplicates,
            counted(sample.rows, "record"),
            sample.unit.noun()
        ));
    }
    if sample.unreadable > 0 {
        left_out.push(format!(
            "{} that cannot be read",
            counted(sample.unreadable, "record")
        ));
    }
    if sample.filtered > 0 {
        left_out.push(format!(
            "{} that the filters exclude",
            counted(sample.filtered, sample.unit.noun())
        ));
    }
    if !left_out.is_empty() {
        lines.push(format!("Left out: {}.", left_out.join("; ")));
    }
    lines.push(standing(subject, sample));
    lines
}

fn count_line(subject: &str, sample: &Sample) -> String {
    let mut line = format!(
        "n = {} of {subject}",
        counted(sample.posts, sample.unit.noun())
    );
    if let Some((first, last)) = sample.span {
        let (first, last) = (day(first), day(last));
        line += &if first == last {
            format!(", {first} (UTC)")
        } else {
            format!(", {first} to {last} (UTC)")
        };
    }
    let mut undated = Vec::new();
    if sample.undated > 0 {
        undated.push(format!("{} without a date", sample.undated));
    }
    if sample.dated_by_id > 0 {
        undated.push(format!("{} dated by their id", sample.dated_by_id));
    }
    if !undated.is_empty() {
        line += &format!(" ({})", undated.join(", "));
    }
    let sources = sources(sample);
    if !sources.is_empty() {
        line += &format!(", from {sources}");
    }
    line + "."
}

/// `the Research API, 4CAT/Zeeschuimer CSV (imported)`, commonest first.
pub(super) fn sources(sample: &Sample) -> String {
    let mut posts: BTreeMap<String, u64> = BTreeMap::new();
    for (provenance, count) in &sample.provenance {
        let name = match provenance.origin {
            Some(Origin::Research) => "the Research API".to_owned(),
            Some(Origin::Browser) => "a browser (ranked pages)".to_owned(),
            Some(Origin::Synthetic) => "cotag's generator (synthetic)".to_owned(),
            Some(Origin::Import) | None => format!("{} (imported)", provenance.format.title()),
        };
        *posts.entry(name).or_default() += count;
    }
    let mut posts: Vec<(String, u64)> = posts.into_iter().collect();
    posts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    posts
        .into_iter()
        .map(|(name, _)| name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the posts may be taken for.
fn standing(subject: &str, sample: &Sample) -> String {
    if sample.is_synthetic() {
        format!(
            "Synthetic: these {} were made up by cotag for practice and say nothing about TikTok.",
            sample.unit.plural()
        )
    } else {
        format!("A sample of {subject}, not all of TikTok.")
    }
}

/// What the total at the end of a table counts.
pub(super) fn total_line(table: &FrequencyTable) -> String {
    match table.weight {
        Weight::Posts => format!("Total {}: {}", table.sample.unit.plural(), table.total),
        Weight::Authors => format!("Total authors: {}", table.total),
    }
}

/// A day as `2024-05-01`.
pub(super) fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).date().to_string()
}
