//! CSV: each row becomes an object of its columns, all values strings.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};

use super::error::FileError;
use super::found::{Place, Rejected, excerpt};
use super::session::{At, Session, Stop};
use crate::json::{VALUE_LIMIT, Window};
use crate::model::Format;
use crate::record;

/// What separates cells.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// How much of a file is looked at for its header.
const HEADER: usize = 1 << 20;

/// Which table starts here: its delimiter and format (the one given where its columns do not
/// show any), or the columns of one that is not known.
pub(super) fn recognise(start: &[u8], given: Option<Format>) -> Result<(u8, Format), Vec<String>> {
    let headers = DELIMITERS.map(|delimiter| (delimiter, header(start, delimiter)));
    for (delimiter, columns) in &headers {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        if let Some(format) = record::recognise_header(&columns) {
            return Ok((*delimiter, format));
        }
    }
    let widest = headers
        .into_iter()
        .rev()
        .max_by_key(|(_, columns)| columns.len());
    let (delimiter, columns) = widest.unwrap_or_default();
    match given.filter(|format| format.is_table()) {
        Some(format) => Ok((delimiter, format)),
        None => Err(columns),
    }
}

fn header(start: &[u8], delimiter: u8) -> Vec<String> {
    let start = &start[..start.len().min(HEADER)];
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(start);
    let mut row = ByteRecord::new();
    match reader.read_byte_record(&mut row) {
        Ok(true) => row
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).into_owned())
            .collect(),
        _ => Vec::new(),
    }
}

/// Why a table of unknown columns is refused.
pub(super) fn unknown_columns(columns: &[String]) -> FileError {
    let names: Vec<String> = columns
        .iter()
        .take(12)
        .map(|name| format!("\"{}\"", excerpt(name.as_bytes())))
        .collect();
    let more = if columns.len() > 12 { ", …" } else { "" };
    FileError::Columns {
        columns: names.join(", ") + more,
    }
}

/// Reads all rows.
pub(super) fn read<R: Read>(
    session: &mut Session<'_>,
    window: Window<R>,
    delimiter: u8,
    format: Format,
) -> Result<(), Stop> {
    session.name_kind(match (format, delimiter) {
        (Format::FourCatCsv, b';') => "Zeeschuimer CSV",
        (Format::FourCatCsv, _) => "4CAT CSV",
        (Format::ResearchCsv, _) => "Research API CSV",
        (Format::ScraperCsv, _) => "tiktok-scraper CSV",
        (Format::ApifyCsv, _) => "Apify CSV",
        (Format::PyktokCsv, _) => "pyktok CSV",
        (Format::TraktokCsv, _) => "traktok CSV",
        _ => "CSV",
    });
    let since_row = Rc::new(Cell::new(0));
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(Bounded {
            input: window,
            since_row: Rc::clone(&since_row),
        });
    let mut row = ByteRecord::new();
    if !read_row(&mut reader, &mut row, session, 1)? {
        return Ok(());
    }
    let columns = keys(&row);
    let mut object = String::new();
    let mut number = 1;
    loop {
        since_row.set(0);
        number += 1;
        if !read_row(&mut reader, &mut row, session, number)? {
            return Ok(());
        }
        let place = Place::row(number);
        if row.len() != columns.len() {
            let reason = format!(
                "{} cells where the header has {} columns",
                row.len(),
                columns.len()
            );
            let cells: Vec<&[u8]> = row.iter().take(20).collect();
            let record = cells.join(&delimiter);
            session.reject(Rejected::new(place, reason, &record))?;
            continue;
        }
        to_object(session, &columns, &row, &mut object);
        session.row(&object, format, At::new(place))?;
    }
}

/// The columns' names as JSON keys. A name that stands there again gets a number: most programs keep
/// only one value of a key.
fn keys(header: &ByteRecord) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let names: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
    let all: HashSet<&str> = names.iter().map(AsRef::as_ref).collect();
    names
        .iter()
        .map(|name| {
            let mut key = name.clone().into_owned();
            let mut number = 1;
            while taken.contains(&key) || (number > 1 && all.contains(key.as_str())) {
                number += 1;
                key = format!("{name}.{number}");
            }
            let json = serde_json::to_string(&key).unwrap_or_default();
            taken.insert(key);
            json
        })
        .collect()
}

/// The next row; false at the end, and where the rest cannot be read.
fn read_row<R: Read>(
    reader: &mut csv::Reader<Bounded<R>>,
    row: &mut ByteRecord,
    session: &mut Session<'_>,
    number: u64,
) -> Result<bool, Stop> {
    match reader.read_byte_record(row) {
        Ok(more) => Ok(more),
        Err(error) => match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let reason = "this row is larger than 64 MiB, most likely because a quote is never \
                              closed; the rest of the file is not read";
                session.reject(Rejected::new(Place::row(number), reason, b""))?;
                Ok(false)
            }
            csv::ErrorKind::Io(error) => Err(error.into()),
            other => {
                let reason = format!("not CSV: {other:?}; the rest of the file is not read");
                session.reject(Rejected::new(Place::row(number), reason, b""))?;
                Ok(false)
            }
        },
    }
}

fn to_object(session: &mut Session<'_>, columns: &[String], row: &ByteRecord, object: &mut String) {
    object.clear();
    object.push('{');
    for (column, cell) in columns.iter().zip(row) {
        if object.len() > 1 {
            object.push(',');
        }
        object.push_str(column);
        object.push(':');
        let text = session.utf8(cell);
        match serde_json::to_string(text.as_ref()) {
            Ok(quoted) => object.push_str(&quoted),
            Err(_) => object.push_str("\"\""),
        }
    }
    object.push('}');
}

/// A reader that fails once a row has taken more than a record may.
struct Bounded<R> {
    input: R,
    since_row: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > VALUE_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = self.input.read(into)?;
        self.since_row.set(self.since_row.get() + count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_named_twice_made_objects_with_a_key_twice() {
        let header = ByteRecord::from(vec!["id", "text", "text", "text.2", "text", ""]);
        let keys = keys(&header);
        assert_eq!(
            keys,
            ["id", "text", "text.3", "text.2", "text.4", ""].map(|key| format!("\"{key}\""))
        );
    }
}
