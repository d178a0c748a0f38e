//! A ranking of hashtags in every format.

use serde_json::{Value, json};

use super::footnote::{footnote, ranking_footnote, sources, total_line};
use super::printable;
use super::sheet::{Cell, Heading, Sheet};
use crate::analysis::{FrequencyTable, Row, Sample, Unit, Weight};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/frequencies/1";

/// Columns on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Distinct authors.
    Authors,
    /// The busiest author's share.
    TopAuthor,
    /// Wilson 95 % interval.
    Interval,
    /// Views: sum and median.
    Views,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableFormat {
    /// For reading.
    #[default]
    Table,
    /// Comma-separated; for spreadsheets too.
    Csv {
        /// Byte order mark, ids as text, formulas disarmed.
        excel: bool,
    },
    /// Tab-separated.
    Tsv {
        /// As for CSV.
        excel: bool,
    },
    /// One document.
    Json,
    /// One object per row.
    Ndjson,
    /// Markdown.
    Markdown,
}

/// A ranking and what it is of: `#london`, or a file's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// As shown to people.
    pub subject: String,
    /// The rows.
    pub table: FrequencyTable,
    /// What was asked of posts and rows, in words; empty where all were taken.
    pub conditions: Vec<String>,
    /// The queries that collected the posts, in words; empty where all asked for the hashtag alone.
    pub asked: Vec<String>,
}

impl Ranking {
    /// The same with at most so many rows.
    #[must_use]
    pub fn cut(&self, rows: usize) -> Self {
        let mut cut = self.clone();
        cut.table.rows.truncate(rows);
        cut
    }
}

/// Writes rankings, one after the other.
pub fn frequencies(rankings: &[Ranking], columns: &[Column], format: TableFormat) -> Vec<u8> {
    match format {
        TableFormat::Table => tables(rankings, columns).into_bytes(),
        TableFormat::Csv { excel } => combined(rankings, columns).separated(b',', excel),
        TableFormat::Tsv { excel } => combined(rankings, columns).separated(b'\t', excel),
        TableFormat::Ndjson => combined(rankings, columns).lines().into_bytes(),
        TableFormat::Markdown => markdown(rankings, columns).into_bytes(),
        TableFormat::Json => {
            let document = json!({
                "schema": SCHEMA,
                "version": env!("CARGO_PKG_VERSION"),
                "tables": rankings.iter().map(|ranking| table_json(ranking, columns)).collect::<Vec<_>>(),
            });
            format!("{document:#}\n").into_bytes()
        }
    }
}

/// The seed tool's table: rank, hashtag, occurrences, frequency, and the total below.
fn tables(rankings: &[Ranking], columns: &[Column]) -> String {
    let mut text = String::new();
    for (number, ranking) in rankings.iter().enumerate() {
        if rankings.len() > 1 {
            if number > 0 {
                text.push('\n');
            }
            let subject = printable(&ranking.subject);
            text += &match ranking.table.sample.unit {
                Unit::Posts => format!("Co-occurring hashtags for {subject} posts\n"),
                Unit::Comments => format!("Hashtags in comments of {subject}\n"),
            };
        }
        text += &sheet(&ranking.table.rows, columns, None).table();
        text += &total_line(&ranking.table);
        text.push('\n');
    }
    text
}

fn markdown(rankings: &[Ranking], columns: &[Column]) -> String {
    let parts: Vec<String> = rankings
        .iter()
        .map(|ranking| {
            let lines = ranking_footnote(&ranking.subject, ranking).join(" ");
            format!(
                "{}\n{}. {}\n",
                sheet(&ranking.table.rows, columns, None).markdown(),
                total_line(&ranking.table),
                super::sheet::markdown(&lines)
            )
        })
        .collect();
    parts.join("\n")
}

/// All rankings in one sheet, each row with what it is of and the total that its frequency is a share of.
fn combined(rankings: &[Ranking], columns: &[Column]) -> Sheet {
    let mut all = sheet(&[], columns, Some(("", 0, "")));
    for ranking in rankings {
        let sources = sources(&ranking.table.sample);
        let of = (
            ranking.subject.as_str(),
            ranking.table.total,
            sources.as_str(),
        );
        all.rows
            .extend(sheet(&ranking.table.rows, columns, Some(of)).rows);
    }
    all
}

fn sheet(rows: &[Row], columns: &[Column], of: Option<(&str, u64, &str)>) -> Sheet {
    let heading = |key, title| Heading { key, title };
    let mut headings = vec![
        heading("rank", "Rank"),
        heading("hashtag", "Hashtag"),
        heading("occurrences", "Occurrences"),
        heading("frequency", "Frequency"),
    ];
    if of.is_some() {
        headings.insert(0, heading("of", "Of"));
        headings.insert(3, heading("spelling", "Spelling"));
        headings.push(heading("total", "Total"));
    }
    for column in columns {
        match column {
            Column::Authors => headings.push(heading("authors", "Authors")),
            Column::TopAuthor => headings.push(heading("top_author_share", "Top author")),
            Column::Interval => {
                headings.push(heading("frequency_low", "95 % from"));
                headings.push(heading("frequency_high", "95 % to"));
            }
            Column::Views => {
                headings.push(heading("views_sum", "Views"));
                headings.push(heading("views_median", "Median views"));
            }
        }
    }
    if of.is_some() {
        headings.push(heading("sources", "Sources"));
    }
    Sheet::new(
        headings,
        rows.iter().map(|row| cells(row, columns, of)).collect(),
    )
}

fn cells(row: &Row, columns: &[Column], of: Option<(&str, u64, &str)>) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(12);
    if let Some((subject, ..)) = of {
        cells.push(Cell::Text(subject.to_owned()));
    }
    cells.push(Cell::count(row.rank.map(|rank| rank as u64)));
    if of.is_some() {
        cells.push(Cell::Text(row.hashtag.to_string()));
    }
    cells.extend([
        Cell::Text(row.spelling.clone()),
        Cell::Count(row.occurrences),
        Cell::Number(row.frequency, if of.is_some() { 6 } else { 4 }),
    ]);
    if let Some((_, total, _)) = of {
        cells.push(Cell::Count(total));
    }
    for column in columns {
        match column {
            Column::Authors => cells.push(Cell::count(row.authors)),
            Column::TopAuthor => cells.push(Cell::number(row.top_author_share, 4)),
            Column::Interval => {
                cells.push(Cell::Number(row.interval.0, 4));
                cells.push(Cell::Number(row.interval.1, 4));
            }
            Column::Views => {
                cells.push(Cell::count(row.views_sum));
                cells.push(Cell::number(row.views_median, 1));
            }
        }
    }
    if let Some((.., sources)) = of {
        cells.push(Cell::Text(sources.to_owned()));
    }
    cells
}

fn table_json(ranking: &Ranking, columns: &[Column]) -> Value {
    let table = &ranking.table;
    let from = sources(&table.sample);
    let rows = sheet(
        &table.rows,
        columns,
        Some((&ranking.subject, table.total, &from)),
    );
    let sources = table.sample.tag_sources;
    json!({
        "of": ranking.subject,
        "counted": match table.weight { Weight::Posts => table.sample.unit.plural(), Weight::Authors => "authors" },
        "total": table.total,
        "distinct_hashtags": table.distinct,
        "conditions": ranking.conditions,
        "asked": ranking.asked,
        "sample": sample_json(&ranking.subject, &table.sample),
        "tags_from": {
            "mode": table.tags_from.name(),
            "structured": sources.structured,
            "caption": sources.caption,
            "both": sources.both,
            "none": sources.none,
        },
        "rows": rows.objects().collect::<Vec<_>>(),
    })
}

/// What a sample is, for programs.
pub(super) fn sample_json(subject: &str, sample: &Sample) -> Value {
    let provenance: Vec<Value> = sample
        .provenance
        .iter()
        .map(|(provenance, posts)| {
            json!({
                "origin": provenance.origin.map(crate::model::Origin::name),
                "format": provenance.format.name(),
                "posts": posts,
            })
        })
        .collect();
    json!({
        "posts": sample.posts,
        "records": sample.rows,
        "duplicates": sample.duplicates,
        "unreadable": sample.unreadable,
        "filtered": sample.filtered,
        "first": sample.span.map(|(first, _)| first.to_string()),
        "last": sample.span.map(|(_, last)| last.to_string()),
        "undated": sample.undated,
        "dated_by_id": sample.dated_by_id,
        "without_author": sample.without_author,
        "synthetic": sample.is_synthetic(),
        "sources": sources(sample),
        "provenance": provenance,
        "note": footnote(subject, sample).join(" "),
    })
}
