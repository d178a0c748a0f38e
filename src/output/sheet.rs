//! Rows and columns, written as a table for reading, as CSV, TSV, Markdown or JSON objects.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Map, Value};

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::printable;

/// Columns of a terminal that one cell of a table may take: wider than any link to a post.
const WIDEST: usize = 100;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Foreign or other text.
    Text(String),
    /// A post's id: always a string, since 64 bits do not survive a spreadsheet or JavaScript.
    Id(String),
    /// A whole number.
    Count(u64),
    /// A number; the second value is how many decimals are written.
    Number(f64, usize),
    /// Not known, which is not zero.
    Missing,
}

/// A column's name for programs (stable) and for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    /// As in CSV, TSV and JSON.
    pub(super) key: &'static str,
    /// As in tables.
    pub(super) title: &'static str,
}

/// A result laid out in rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sheet {
    /// One per column.
    pub(super) headings: Vec<Heading>,
    /// Each as long as the headings.
    pub(super) rows: Vec<Vec<Cell>>,
    /// The rows go on below those of another sheet, which has the headings.
    pub(super) goes_on: bool,
}

/// How the columns of a table are laid out, where its rows are written in several parts.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Width of the widest cell, and whether all are numbers.
    columns: Vec<(usize, bool)>,
}

impl Cell {
    /// A number that may be missing.
    pub(super) fn number(value: Option<f64>, decimals: usize) -> Self {
        value.map_or(Self::Missing, |value| Self::Number(value, decimals))
    }

    /// A count that may be missing.
    pub(super) fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Missing, Self::Count)
    }

    /// A text that may be missing.
    pub(super) fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Missing, |value| Self::Text(value.to_owned()))
    }

    /// As in a table for reading.
    fn shown(&self) -> String {
        match self {
            Self::Missing => "–".to_owned(),
            cell => fitted(&cell.plain()),
        }
    }

    /// What moves a cursor or reorders text is written out: files end up on terminals, too.
    fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Id(text) => printable(text).into_owned(),
            Self::Count(count) => count.to_string(),
            Self::Number(number, decimals) => format!("{number:.decimals$}"),
            Self::Missing => String::new(),
        }
    }

    /// For Excel: ids that stay text, and no cell that it would run as a formula.
    fn for_excel(&self) -> String {
        match self {
            Self::Id(id) => format!("=\"{id}\""),
            Self::Text(text)
                if text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) =>
            {
                format!("'{}", printable(text))
            }
            other => other.plain(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) | Self::Id(text) => Value::from(text.as_str()),
            Self::Count(count) => Value::from(*count),
            Self::Number(number, _) => Value::from(*number),
            Self::Missing => Value::Null,
        }
    }
}

impl Layout {
    /// Widens the columns for another part of the table.
    pub(super) fn make_room_for(&mut self, sheet: &Sheet) {
        let titles = sheet.headings.iter().map(|heading| heading.title.width());
        self.columns.resize(sheet.headings.len(), (0, true));
        for (column, title) in self.columns.iter_mut().zip(titles) {
            column.0 = column.0.max(title);
        }
        for row in &sheet.rows {
            for ((width, numeric), cell) in self.columns.iter_mut().zip(row) {
                *width = (*width).max(cell.shown().width());
                *numeric &= !matches!(cell, Cell::Text(_) | Cell::Id(_));
            }
        }
    }
}

impl Sheet {
    /// A whole sheet.
    pub(super) fn new(headings: Vec<Heading>, rows: Vec<Vec<Cell>>) -> Self {
        Self {
            headings,
            rows,
            goes_on: false,
        }
    }

    /// A table for reading: columns aligned by display width, hostile characters written out.
    pub(super) fn table(&self) -> String {
        let mut layout = Layout::default();
        layout.make_room_for(self);
        self.table_in(&layout)
    }

    /// A table, or a part of one, in a layout that has room for it.
    pub(super) fn table_in(&self, layout: &Layout) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if !self.goes_on {
            table.set_header(self.headings.iter().map(|heading| heading.title));
        }
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::shown));
        }
        for (number, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            let Some(&(width, numeric)) = layout.columns.get(number) else {
                continue;
            };
            let width = u16::try_from(width + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            if numeric && number > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text: String = table
            .lines()
            .flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()])
            .collect();
        if text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// Comma- or tab-separated values with a header row; RFC 4180, LF line ends.
    pub(super) fn separated(&self, delimiter: u8, excel: bool) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .from_writer(Vec::new());
        // Writing into memory cannot fail, and all rows are as long as the header.
        if !self.goes_on {
            let _ = writer.write_record(self.headings.iter().map(|heading| heading.key));
        }
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(|cell| {
                if excel {
                    cell.for_excel()
                } else {
                    cell.plain()
                }
            }));
        }
        let mut bytes = if excel && !self.goes_on {
            "\u{feff}".as_bytes().to_vec()
        } else {
            Vec::new()
        };
        bytes.extend(writer.into_inner().unwrap_or_default());
        bytes
    }

    /// A Markdown table.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = String::new();
        if !self.goes_on {
            let titles = self.headings.iter().map(|heading| heading.title.to_owned());
            text += &line(titles.collect());
            text += &line(self.headings.iter().map(|_| "---".to_owned()).collect());
        }
        for row in &self.rows {
            text += &line(row.iter().map(|cell| markdown(&cell.plain())).collect());
        }
        text
    }

    /// The rows as JSON objects, keys in the order of the columns.
    pub(super) fn objects(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|row| {
            let fields: Map<String, Value> = self
                .headings
                .iter()
                .zip(row)
                .map(|(heading, cell)| (heading.key.to_owned(), cell.json()))
                .collect();
            Value::Object(fields)
        })
    }

    /// One JSON object per line.
    pub(super) fn lines(&self) -> String {
        let mut lines = String::new();
        for object in self.objects() {
            lines += &object.to_string();
            lines.push('\n');
        }
        lines
    }
}

/// Text no wider than [`WIDEST`], cut between graphemes; in full it stands in every other format.
fn fitted(text: &str) -> String {
    if text.width() <= WIDEST {
        return text.to_owned();
    }
    let mut cut = String::new();
    for grapheme in text.graphemes(true) {
        if cut.width() + grapheme.width() >= WIDEST {
            break;
        }
        cut.push_str(grapheme);
    }
    cut + "…"
}

/// Escapes what Markdown and HTML would take for marks of their own.
pub(super) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            headings: vec![
                Heading {
                    key: "id",
                    title: "Post",
                },
                Heading {
                    key: "hashtag",
                    title: "Hashtag",
                },
                Heading {
                    key: "views",
                    title: "Views",
                },
            ],
            goes_on: false,
            rows: vec![
                vec![
                    Cell::Id("7189254512345678901".into()),
                    Cell::Text("東京".into()),
                    Cell::Count(5),
                ],
                vec![
                    Cell::Id("2".into()),
                    Cell::Text("=1+1|\u{1b}[2J".into()),
                    Cell::Missing,
                ],
            ],
        }
    }

    #[test]
    fn tables_are_aligned_by_display_width() {
        assert_eq!(
            sheet().table(),
            "Post                 Hashtag         Views\n\
             7189254512345678901  東京                5\n\
             2                    =1+1|\\u{1b}[2J      –\n"
        );
    }

    #[test]
    fn a_sheet_in_parts_reads_as_the_whole() {
        let whole = sheet();
        let parts: Vec<Sheet> = (0..whole.rows.len())
            .map(|row| Sheet {
                rows: vec![whole.rows[row].clone()],
                goes_on: row > 0,
                ..sheet()
            })
            .collect();
        let mut layout = Layout::default();
        for part in &parts {
            layout.make_room_for(part);
        }
        let joined = |write: &dyn Fn(&Sheet) -> String| parts.iter().map(write).collect::<String>();
        assert_eq!(joined(&|part| part.table_in(&layout)), whole.table());
        assert_eq!(joined(&Sheet::markdown), whole.markdown());
        for excel in [true, false] {
            let text = |sheet: &Sheet| String::from_utf8(sheet.separated(b',', excel)).unwrap();
            assert_eq!(joined(&text), text(&whole));
        }
    }

    #[test]
    fn a_hashtag_of_300_emoji_does_not_stretch_the_table() {
        let text = fitted(&"👩‍🍳".repeat(300));
        assert!(text.ends_with("🍳…") && text.width() <= WIDEST, "{text}");
        assert_eq!(fitted("東京"), "東京");
    }

    #[test]
    fn csv_has_controls_written_out_and_excel_is_disarmed() {
        let csv = String::from_utf8(sheet().separated(b',', false)).unwrap();
        assert_eq!(
            csv,
            "id,hashtag,views\n7189254512345678901,東京,5\n2,=1+1|\\u{1b}[2J,\n"
        );
        let excel = String::from_utf8(sheet().separated(b',', true)).unwrap();
        assert_eq!(
            excel,
            "\u{feff}id,hashtag,views\n\"=\"\"7189254512345678901\"\"\",東京,5\n\"=\"\"2\"\"\",'=1+1|\\u{1b}[2J,\n"
        );
    }

    #[test]
    fn markdown_marks_are_escaped() {
        assert!(
            sheet()
                .markdown()
                .ends_with("| 2 | =1+1\\|\\\\u{1b}\\[2J |  |\n"),
            "{}",
            sheet().markdown()
        );
    }

    #[test]
    fn ids_are_strings_and_missing_is_null() {
        let lines = sheet().lines();
        assert!(
            lines.starts_with(r#"{"id":"7189254512345678901","hashtag":"東京","views":5}"#),
            "{lines}"
        );
        assert!(lines.contains(r#""views":null"#));
    }
}
