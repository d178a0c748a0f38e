//! The posts behind a number, in every format.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::TableFormat;
use super::footnote::{day, footnote};
use super::frequencies::sample_json;
use super::sheet::{Cell, Heading, Layout, Sheet, markdown};
use crate::analysis::Sample;
use crate::model::{Created, Format, Kind, Origin, Post, PostId, page_address};

/// Version of the JSON document, in its `schema` field.
const SCHEMA: &str = "cotag/posts/1";

/// Rows that are laid out at a time: a list may have millions.
const PART: usize = 4096;

/// What is listed of a post.
#[derive(Clone, Debug, PartialEq)]
pub struct PostRow {
    /// Id.
    pub id: PostId,
    /// When it was posted.
    pub created: Option<Created>,
    /// The account's handle.
    pub author: Option<Box<str>>,
    /// Views.
    pub views: Option<u64>,
    /// Video or photo.
    pub kind: Option<Kind>,
    /// Its page, where the source gives one.
    pub page_url: Option<Box<str>>,
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
            author: post.author.as_deref().map(Box::from),
            views: post.counts.views,
            kind: post.kind,
            page_url: post.page_url.as_deref().map(Box::from),
            origin,
            format: post.format,
        }
    }

    fn link(&self) -> String {
        match &self.page_url {
            Some(url) => url.to_string(),
            None => page_address(self.author.as_deref(), self.kind, self.id),
        }
    }
}

/// Writes a list of posts, a part after the other.
///
/// # Errors
/// The output's own.
pub fn posts(
    out: &mut dyn Write,
    subject: &str,
    rows: &[PostRow],
    sample: &Sample,
    format: TableFormat,
) -> io::Result<()> {
    match format {
        TableFormat::Table => {
            let mut layout = Layout::default();
            for sheet in sheets(rows, true) {
                layout.make_room_for(&sheet);
            }
            for sheet in sheets(rows, true) {
                out.write_all(sheet.table_in(&layout).as_bytes())?;
            }
            writeln!(out, "Total posts: {}", rows.len())
        }
        TableFormat::Csv { excel } => {
            sheets(rows, false).try_for_each(|sheet| out.write_all(&sheet.separated(b',', excel)))
        }
        TableFormat::Tsv { excel } => {
            sheets(rows, false).try_for_each(|sheet| out.write_all(&sheet.separated(b'\t', excel)))
        }
        TableFormat::Ndjson => {
            sheets(rows, false).try_for_each(|sheet| out.write_all(sheet.lines().as_bytes()))
        }
        TableFormat::Markdown => {
            for sheet in sheets(rows, true) {
                out.write_all(sheet.markdown().as_bytes())?;
            }
            let note = footnote(subject, sample).join(" ");
            let (total, note) = (rows.len(), markdown(&note));
            writeln!(out, "\nTotal posts: {total}. {note}")
        }
        TableFormat::Json => {
            let document = Document {
                schema: SCHEMA,
                version: env!("CARGO_PKG_VERSION"),
                of: subject,
                sample: sample_json(subject, sample),
                rows: Rows(rows),
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)
        }
    }
}

/// The JSON document.
#[derive(Serialize)]
struct Document<'d> {
    schema: &'static str,
    version: &'static str,
    of: &'d str,
    sample: Value,
    rows: Rows<'d>,
}

struct Rows<'d>(&'d [PostRow]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects = sheets(self.0, false).flat_map(|sheet| sheet.objects().collect::<Vec<_>>());
        serializer.collect_seq(objects)
    }
}

/// The rows in parts; where there is none, the headings alone.
fn sheets(rows: &[PostRow], for_reading: bool) -> impl Iterator<Item = Sheet> {
    let none = rows.is_empty().then_some(rows);
    let parts = rows.chunks(PART).chain(none).enumerate();
    parts.map(move |(number, part)| Sheet {
        goes_on: number > 0,
        ..sheet(part, for_reading)
    })
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
    let rows = rows.iter().map(|row| cells(row, for_reading));
    Sheet::new(headings, rows.collect())
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
        Cell::Text(row.link()),
    ];
    if !for_reading {
        cells.push(Cell::text(row.origin.map(Origin::name)));
        cells.push(Cell::Text(row.format.name().to_owned()));
    }
    cells
}
