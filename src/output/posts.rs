//! The posts behind a number, in every format.

use serde_json::json;

use super::TableFormat;
use super::footnote::{day, footnote};
use super::frequencies::sample_json;
use super::sheet::{Cell, Heading, Sheet, markdown};
use crate::analysis::Sample;
use crate::model::{Created, Format, Kind, Origin, Post, PostId};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/posts/1";

/// What is listed of a post.
#[derive(Clone, Debug, PartialEq)]
pub struct PostRow {
    /// Id.
    pub id: PostId,
    /// When it was posted.
    pub created: Option<Created>,
    /// The account's handle.
    pub author: Option<String>,
    /// Views.
    pub views: Option<u64>,
    /// Video or photo.
    pub kind: Option<Kind>,
    /// Its page.
    pub link: String,
    /// How it came into the store, if that is known.
    pub origin: Option<Origin>,
    /// The format of its record.
    pub format: Format,
}

impl PostRow {
    /// The listed part of a post.
    pub fn new(post: &Post<'_>, origin: Option<Origin>) -> Self {
        Self {
            id: post.id,
            created: post.created,
            author: post.author.as_deref().map(str::to_owned),
            views: post.counts.views,
            kind: post.kind,
            link: post.link().into_owned(),
            origin,
            format: post.format,
        }
    }
}

/// Writes a list of posts.
pub fn posts(subject: &str, rows: &[PostRow], sample: &Sample, format: TableFormat) -> Vec<u8> {
    match format {
        TableFormat::Table => {
            let mut text = sheet(rows, true).table();
            text += &format!("Total posts: {}\n", rows.len());
            text.into_bytes()
        }
        TableFormat::Csv { excel } => sheet(rows, false).separated(b',', excel),
        TableFormat::Tsv { excel } => sheet(rows, false).separated(b'\t', excel),
        TableFormat::Ndjson => sheet(rows, false).lines().into_bytes(),
        TableFormat::Markdown => {
            let note = footnote(subject, sample).join(" ");
            let mut text = sheet(rows, true).markdown();
            text += &format!("\nTotal posts: {}. {}\n", rows.len(), markdown(&note));
            text.into_bytes()
        }
        TableFormat::Json => {
            let document = json!({
                "schema": SCHEMA,
                "version": env!("CARGO_PKG_VERSION"),
                "of": subject,
                "sample": sample_json(subject, sample),
                "rows": sheet(rows, false).objects().collect::<Vec<_>>(),
            });
            format!("{document:#}\n").into_bytes()
        }
    }
}

fn sheet(rows: &[PostRow], for_reading: bool) -> Sheet {
    let heading = |key, title| Heading { key, title };
    let mut headings = vec![
        heading("id", "Post"),
        heading("created", "Date"),
        heading("author", "Author"),
        heading("views", "Views"),
        heading("kind", "Kind"),
        heading("link", "Link"),
    ];
    if !for_reading {
        headings.push(heading("origin", "Origin"));
        headings.push(heading("format", "Format"));
    }
    Sheet {
        headings,
        rows: rows.iter().map(|row| cells(row, for_reading)).collect(),
    }
}

fn cells(row: &PostRow, for_reading: bool) -> Vec<Cell> {
    let mut cells = vec![
        Cell::Id(row.id.to_string()),
        match row.created {
            None => Cell::Missing,
            Some(created) if for_reading => Cell::Text(day(created.at())),
            Some(created) => Cell::Text(created.at().to_string()),
        },
        Cell::text(row.author.as_deref()),
        Cell::count(row.views),
        Cell::text(row.kind.map(Kind::name)),
        Cell::Text(row.link.clone()),
    ];
    if !for_reading {
        cells.push(Cell::text(row.origin.map(Origin::name)));
        cells.push(Cell::Text(row.format.name().to_owned()));
    }
    cells
}
