//! Which posts' comments were asked for, and what is missing, in every format.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;

use super::sheet::{Cell, Heading, Sheet};
use super::{TableFormat, counted};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/comment-coverage/1";

/// A post and what is known of its comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedRow {
    /// The post's id.
    pub post: String,
    /// How many comments it had when it was fetched; unknown is `None`. Answers are among them.
    pub comments: Option<u64>,
    /// `not-asked`, `open`, `done`, `enough`, `withheld`, `missing`, `failed`.
    pub state: &'static str,
    /// Comments under the post itself that are stored.
    pub stored: u64,
    /// Answers that are stored.
    pub answers: u64,
    /// Requests, failed ones included.
    pub requests: u64,
    /// Why it stopped.
    pub why: String,
    /// When that was.
    pub at: Option<Timestamp>,
}

impl AskedRow {
    /// How many comments the post had that are not stored; `None` where that is not known.
    fn lacking(&self) -> Option<u64> {
        let stored = self.stored + self.answers;
        self.comments.map(|count| count.saturating_sub(stored))
    }
}

/// Writes what was asked about comments.
pub fn asked(subject: &str, rows: &[AskedRow], format: TableFormat) -> Vec<u8> {
    match format {
        TableFormat::Table => {
            let mut text = sheet(rows).table();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{subject}: {}", summary(rows));
            text.into_bytes()
        }
        TableFormat::Csv { excel } => sheet(rows).separated(b',', excel),
        TableFormat::Tsv { excel } => sheet(rows).separated(b'\t', excel),
        TableFormat::Ndjson => sheet(rows).lines().into_bytes(),
        TableFormat::Markdown => sheet(rows).markdown().into_bytes(),
        TableFormat::Json => {
            let document = json!({
                "schema": SCHEMA,
                "version": env!("CARGO_PKG_VERSION"),
                "of": subject,
                "posts": sheet(rows).objects().collect::<Vec<_>>(),
            });
            format!("{document:#}\n").into_bytes()
        }
    }
}

fn summary(rows: &[AskedRow]) -> String {
    let mut states: Vec<(&str, u64)> = Vec::new();
    for row in rows {
        match states.iter_mut().find(|(state, _)| *state == row.state) {
            Some((_, count)) => *count += 1,
            None => states.push((row.state, 1)),
        }
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let stored: u64 = rows.iter().map(|row| row.stored + row.answers).sum();
    let known: u64 = rows.iter().filter_map(|row| row.comments).sum();
    format!(
        "{}: {}; {} stored of {known} that the posts had when they were fetched",
        counted(rows.len() as u64, "post"),
        states.join(", "),
        counted(stored, "comment")
    )
}

fn sheet(rows: &[AskedRow]) -> Sheet {
    let heading = |key, title| Heading { key, title };
    let cells = |row: &AskedRow| {
        vec![
            Cell::Id(row.post.clone()),
            row.comments.map_or(Cell::Missing, Cell::Count),
            Cell::Text(row.state.to_owned()),
            Cell::Count(row.stored),
            Cell::Count(row.answers),
            row.lacking().map_or(Cell::Missing, Cell::Count),
            Cell::Count(row.requests),
            Cell::Text(row.why.clone()),
            row.at
                .map_or(Cell::Missing, |at| Cell::Text(at.to_string())),
        ]
    };
    Sheet::new(
        vec![
            heading("post", "Post"),
            heading("comments", "Comments"),
            heading("state", "State"),
            heading("stored", "Stored"),
            heading("answers", "Answers"),
            heading("lacking", "Lacking"),
            heading("requests", "Requests"),
            heading("why", "Why it stopped"),
            heading("at", "At"),
        ],
        rows.iter().map(cells).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told_and_what_is_unknown_is_no_zero() {
        let row = |comments, stored, state| AskedRow {
            post: "7516160338215837051".into(),
            comments,
            state,
            stored,
            answers: 1,
            requests: 1,
            why: String::new(),
            at: None,
        };
        let rows = [row(Some(10), 4, "open"), row(None, 0, "not-asked")];
        let text = String::from_utf8(asked("#bees", &rows, TableFormat::Json)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["posts"][0]["lacking"], 5);
        assert!(json["posts"][1]["lacking"].is_null());
        assert_eq!(json["posts"][0]["post"], "7516160338215837051");
        let table = String::from_utf8(asked("#bees", &rows, TableFormat::Table)).unwrap();
        assert!(
            table.contains("2 posts: 1 open, 1 not-asked; 6 comments stored of 10"),
            "{table}"
        );
    }
}
