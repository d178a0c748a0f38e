//! Which days were asked for, in every format.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::sheet::{Cell, Heading, Sheet};
use super::{TableFormat, counted};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/coverage/1";

/// One window of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageRow {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Share of the day's posts, where a day was cut.
    pub part: Option<String>,
    /// Hash of the query.
    pub query: String,
    /// `open`, `done`, `failed`, `unavailable`, `inside-lag`, `split`.
    pub state: &'static str,
    /// Positions asked for.
    pub asked: u64,
    /// Posts returned.
    pub returned: u64,
    /// Posts stored.
    pub new: u64,
    /// Posts stored before.
    pub known: u64,
    /// Posts that were not asked for.
    pub off_query: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Requests, failed ones included.
    pub requests: u64,
    /// Pages received.
    pub pages: u64,
    /// Why it stopped.
    pub why: String,
    /// The source's name for its last answer.
    pub log_id: Option<String>,
    /// When that was.
    pub at: Timestamp,
}

/// Writes a coverage ledger.
pub fn coverage(subject: &str, rows: &[CoverageRow], format: TableFormat) -> Vec<u8> {
    match format {
        TableFormat::Table => {
            let sum = |value: fn(&CoverageRow) -> u64| rows.iter().map(value).sum::<u64>();
            let mut text = sheet(rows, true).table();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "#{subject}: {}, {} returned, {} new",
                counted(sum(|row| row.requests), "request"),
                counted(sum(|row| row.returned), "post"),
                sum(|row| row.new)
            );
            text.into_bytes()
        }
        TableFormat::Csv { excel } => sheet(rows, false).separated(b',', excel),
        TableFormat::Tsv { excel } => sheet(rows, false).separated(b'\t', excel),
        TableFormat::Ndjson => sheet(rows, false).lines().into_bytes(),
        TableFormat::Markdown => sheet(rows, true).markdown().into_bytes(),
        TableFormat::Json => {
            let document = json!({
                "schema": SCHEMA,
                "version": env!("CARGO_PKG_VERSION"),
                "of": subject,
                "windows": sheet(rows, false).objects().collect::<Vec<_>>(),
            });
            format!("{document:#}\n").into_bytes()
        }
    }
}

fn sheet(rows: &[CoverageRow], for_reading: bool) -> Sheet {
    let heading = |key, title| Heading { key, title };
    let mut headings = vec![
        heading("from", "From"),
        heading("to", "To"),
        heading("part", "Part"),
        heading("state", "State"),
        heading("asked", "Asked"),
        heading("returned", "Returned"),
        heading("new", "New"),
        heading("known", "Known"),
        heading("off_query", "Off-query"),
        heading("requests", "Requests"),
        heading("why", "Why it stopped"),
    ];
    if !for_reading {
        headings.extend([
            heading("rejected", "Rejected"),
            heading("pages", "Pages"),
            heading("query", "Query"),
            heading("log_id", "Log id"),
            heading("at", "At"),
        ]);
    }
    let cells = |row: &CoverageRow| {
        let mut cells = vec![
            Cell::Text(row.from.to_string()),
            Cell::Text(row.to.to_string()),
            Cell::text(row.part.as_deref()),
            Cell::Text(row.state.to_owned()),
            Cell::Count(row.asked),
            Cell::Count(row.returned),
            Cell::Count(row.new),
            Cell::Count(row.known),
            Cell::Count(row.off_query),
            Cell::Count(row.requests),
            Cell::Text(row.why.clone()),
        ];
        if !for_reading {
            cells.extend([
                Cell::Count(row.rejected),
                Cell::Count(row.pages),
                Cell::Text(row.query.clone()),
                Cell::text(row.log_id.as_deref()),
                Cell::Text(row.at.to_string()),
            ]);
        }
        cells
    };
    Sheet::new(headings, rows.iter().map(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_the_reason_and_json_its_schema() {
        let row = CoverageRow {
            from: jiff::civil::date(2024, 5, 1),
            to: jiff::civil::date(2024, 5, 7),
            part: None,
            query: "0123456789abcdef".into(),
            state: "unavailable",
            asked: 200,
            returned: 120,
            new: 100,
            known: 19,
            off_query: 1,
            rejected: 0,
            requests: 7,
            pages: 2,
            why: "HTTP 500 internal_error".into(),
            log_id: None,
            at: Timestamp::UNIX_EPOCH,
        };
        for format in [
            TableFormat::Table,
            TableFormat::Csv { excel: false },
            TableFormat::Json,
            TableFormat::Ndjson,
            TableFormat::Markdown,
        ] {
            let text =
                String::from_utf8(coverage("bees", std::slice::from_ref(&row), format)).unwrap();
            assert!(text.contains("HTTP 500 internal") && text.contains("unavailable"));
        }
        let json = coverage("bees", &[row], TableFormat::Json);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["windows"][0]["returned"], 120);
    }
}
