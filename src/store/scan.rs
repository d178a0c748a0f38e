//! Reading the records of a `data.json`, whatever its layout, on all cores where the layout allows.
//!
//! In our own layout (one post per line) blocks of whole lines go to the threads as they come, and
//! so do blocks of whole records of the seed tool's single line (see [`super::blocks`]). Anything
//! else, and any file in which a record turns out to be no JSON, goes through the sequential walk,
//! which understands every layout and finds its way past damage.

use std::io::Read as _;
use std::path::Path;

use fs_err as fs;

use super::StoreError;
use super::blocks::{Block, Cut, each_block};
use super::walk::walk_records;
use crate::json::{Vectors, one_line};

/// How a `data.json` is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No bytes, or only white space.
    Empty,
    /// `[`, one post per line, `]`: what we write.
    Lines,
    /// Any other JSON: the seed tool's single line, pretty-printed, …
    Other,
}

/// A record as it stands in the file, its place, and its text on one line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Bytes before it in the file.
    pub offset: u64,
    /// JSON text.
    pub text: &'a str,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was JSON.
    Read,
    /// It was not: the file is damaged, or not laid out as it seemed.
    NotJson,
}

/// A place in a file that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Bytes before it.
    pub offset: u64,
    /// What is wrong.
    pub why: String,
}

/// How a scan ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanEnd {
    /// The file's layout.
    pub layout: Layout,
    /// Where an unfinished record stands at the file's end: a write was interrupted or is under way.
    pub torn: Option<u64>,
    /// Other damage.
    pub damaged: Vec<Damage>,
}

/// Bytes of a file that tell its layout.
pub(super) const BEGINNING: usize = 1 << 16;

fn beginning(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut head = Vec::new();
    let file = fs::File::open(path)?;
    file.take(BEGINNING as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The layout of a file.
///
/// # Errors
/// The disk's own.
pub(super) fn layout(path: &Path) -> Result<Layout, StoreError> {
    Ok(layout_of(&beginning(path)?))
}

/// The layout of a file that begins so.
pub(super) fn layout_of(head: &[u8]) -> Layout {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.iter().all(u8::is_ascii_whitespace) {
        return Layout::Empty;
    }
    let Some(rest) = head.strip_prefix(b"[") else {
        return Layout::Other;
    };
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    let Some(first) = rest.strip_prefix(b"\n") else {
        return Layout::Other;
    };
    // The first line must be a whole record, as far as can be seen.
    match memchr::memchr(b'\n', first) {
        _ if first.starts_with(b"]") || first.is_empty() => Layout::Lines,
        Some(end) if first.starts_with(b"{") && record(&first[..end]).ends_with(b"}") => {
            Layout::Lines
        }
        None if first.starts_with(b"{\"") => Layout::Lines,
        _ => Layout::Other,
    }
}

/// A line without the white space and the comma around its record.
pub(super) fn record(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b",").unwrap_or(line).trim_ascii_end()
}

/// A record in a text, to be read quickly.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// The text in which it stands.
    pub text: &'r [u8],
    /// Where it starts there.
    pub at: usize,
    /// Whether it must end with its line, a comma maybe behind it.
    pub is_line: bool,
    /// Bytes before it in the file.
    pub offset: u64,
}

impl Record<'_> {
    /// Whether a record can end here; what is behind a record of a single line is looked at by who reads
    /// on there.
    pub fn may_end(&self, end: usize) -> bool {
        !self.is_line || matches!(self.text.get(end..), Some([b'\n', ..] | [b',', b'\n', ..]))
    }
}

/// Offered every record before the full reading. Returns behind which byte the record ended that it
/// took, or `None` if it took none.
pub type Quick<'q, S> = &'q (dyn Fn(&mut S, Record<'_>) -> Option<usize> + Sync);

/// Reads a record in full.
pub(super) type Each<'e, S> = &'e (dyn Fn(&mut S, Line<'_>) -> Verdict + Sync);

/// How to read records.
pub struct Readers<'r, S> {
    /// Makes a thread's state.
    pub new: &'r (dyn Fn() -> S + Sync),
    /// Asked first, where there is one.
    pub quick: Option<Quick<'r, S>>,
    /// Reads what the quick reading did not take.
    pub each: Each<'r, S>,
}

/// Calls `each` with every record of a file, each thread with a state of its own, and returns the states.
///
/// `each` may be called again for all records with new states (when the layout turns out to be
/// another), so it must change nothing but its state.
///
/// # Errors
/// The disk's own.
pub fn scan<S: Send>(
    path: &Path,
    new: &(dyn Fn() -> S + Sync),
    each: Each<'_, S>,
) -> Result<(Vec<S>, ScanEnd), StoreError> {
    let quick = None;
    scan_quickly(path, &Readers { new, quick, each })
}

/// As [`scan`], with a quick reading that is offered every record first.
///
/// # Errors
/// The disk's own.
pub fn scan_quickly<S: Send>(
    path: &Path,
    readers: &Readers<'_, S>,
) -> Result<(Vec<S>, ScanEnd), StoreError> {
    let head = beginning(path)?;
    let layout = layout_of(&head);
    let end = |torn, damaged| ScanEnd {
        layout,
        torn,
        damaged,
    };
    let found = match layout {
        Layout::Empty => return Ok((vec![(readers.new)()], end(None, Vec::new()))),
        Layout::Lines => scan_lines(path, readers)?,
        Layout::Other => match Cut::after(&head) {
            Some(cut) => scan_array(path, cut, readers)?.map(|states| (states, None)),
            None => None,
        },
    };
    if let Some((states, torn)) = found {
        return Ok((states, end(torn, Vec::new())));
    }
    let mut state = (readers.new)();
    let (torn, damaged) = walk_records(path, &mut |line| (readers.each)(&mut state, line))?;
    Ok((vec![state], end(torn, damaged)))
}

/// Calls `each` with every record of a file in order, on one core, and holds one at a time.
///
/// # Errors
/// The disk's own.
pub fn scan_in_order(
    path: &Path,
    each: &mut dyn FnMut(Line<'_>) -> Verdict,
) -> Result<ScanEnd, StoreError> {
    let layout = layout(path)?;
    let (torn, damaged) = match layout {
        Layout::Empty => (None, Vec::new()),
        Layout::Lines | Layout::Other => walk_records(path, each)?,
    };
    Ok(ScanEnd {
        layout,
        torn,
        damaged,
    })
}

/// Reads a single line that is an array of records, all of them JSON, on all cores; `None` if the
/// file is anything else.
///
/// # Errors
/// The disk's own.
pub(super) fn scan_array<S: Send>(
    path: &Path,
    cut: Cut,
    readers: &Readers<'_, S>,
) -> Result<Option<Vec<S>>, StoreError> {
    let new = || Array {
        state: (readers.new)(),
        vectors: Vectors::default(),
        closed: false,
    };
    let scanned = each_block(path, cut, &new, &|array, block| {
        scan_records(&block, array, readers).is_some()
    })?;
    let Some(arrays) = scanned else {
        return Ok(None);
    };
    let closed = arrays.iter().any(|array| array.closed);
    Ok(closed.then(|| arrays.into_iter().map(|array| array.state).collect()))
}

struct Array<S> {
    state: S,
    vectors: Vectors,
    /// Whether the closing bracket was met.
    closed: bool,
}

/// Reads a block that is taken to begin at `[` or behind a record and to end behind a record or
/// with the file. `None` if that turns out to be wrong, so that once all blocks of a file are
/// read, the first begins where the array does, and every other where the one before it ends.
fn scan_records<S>(
    block: &Block<'_>,
    array: &mut Array<S>,
    readers: &Readers<'_, S>,
) -> Option<()> {
    let Array {
        state,
        vectors,
        closed,
    } = array;
    let bytes = block.bytes;
    let expected = if block.offset == 0 { b'[' } else { b',' };
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b']' if block.is_last && bytes[at + 1..].trim_ascii().is_empty() => {
                *closed = true;
                return Some(());
            }
            byte if byte == expected || at > 0 && byte == b',' => at += 1,
            _ => return None,
        }
        at += usize::from(bytes.get(at) == Some(&b' '));
        if bytes.get(at) != Some(&b'{') {
            return None;
        }
        let offset = block.offset + at as u64;
        let record = Record {
            text: bytes,
            at,
            is_line: false,
            offset,
        };
        if let Some(end) = readers.quick.and_then(|quick| quick(state, record)) {
            at = end;
            continue;
        }
        let end = vectors.closing(bytes, at)?;
        if bytes[end - 1] != b'}' {
            return None;
        }
        let line = String::from_utf8_lossy(&bytes[at..end]);
        let line = Line {
            offset,
            text: &one_line(&line),
        };
        if (readers.each)(state, line) == Verdict::NotJson {
            return None;
        }
        at = end;
    }
    Some(())
}

/// Reads a file of a record per line and nothing around them, all of them JSON objects, on all cores; `None` if
/// the file is anything else.
///
/// # Errors
/// The disk's own.
pub(super) fn scan_ndjson<S: Send>(
    path: &Path,
    readers: &Readers<'_, S>,
) -> Result<Option<Vec<S>>, StoreError> {
    Ok(each_block(
        path,
        Cut::Lines,
        readers.new,
        &|state, block| scan_plain_lines(&block, state, readers).is_some(),
    )?)
}

/// `None` if a line is neither blank nor a record, a comma maybe behind it.
fn scan_plain_lines<S>(block: &Block<'_>, state: &mut S, readers: &Readers<'_, S>) -> Option<()> {
    let mut start = 0;
    while start < block.bytes.len() {
        if let Some(next) = quick_line(block, start, state, readers) {
            start = next;
            continue;
        }
        let (line, next) = line_at(block, start);
        let offset = block.offset + start as u64;
        start = next;
        if line.is_empty() {
            continue;
        }
        // What is no UTF-8 is mended, and that is told, by who reads in order.
        let text = std::str::from_utf8(line)
            .ok()
            .filter(|text| text.starts_with('{'))?;
        if (readers.each)(state, Line { offset, text }) == Verdict::NotJson {
            return None;
        }
    }
    Some(())
}

/// Offers the record of the line that starts at a place to the quick reading; returns where the next line
/// starts if it was taken.
fn quick_line<S>(
    block: &Block<'_>,
    start: usize,
    state: &mut S,
    readers: &Readers<'_, S>,
) -> Option<usize> {
    let bytes = block.bytes;
    let quick = readers.quick.filter(|_| bytes[start] == b'{')?;
    let record = Record {
        text: bytes,
        at: start,
        is_line: true,
        offset: block.offset + start as u64,
    };
    let end = quick(state, record)?;
    Some(end + 1 + usize::from(bytes[end] == b','))
}

/// The record of the line that starts at a place, and where the next line starts.
fn line_at<'b>(block: &Block<'b>, start: usize) -> (&'b [u8], usize) {
    let bytes = block.bytes;
    let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |at| start + at);
    let mut line = record(&bytes[start..end]);
    if block.offset + start as u64 == 0 {
        line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    }
    (line, end + 1)
}

/// What a thread found besides records.
struct Lines<S> {
    state: S,
    /// Lines that are no JSON.
    bad: Vec<u64>,
    /// Where the last line that is not blank starts.
    last: u64,
    /// Whether that line is the closing bracket.
    closed: bool,
}

/// The states of the threads, and where the file is torn.
type Scanned<S> = (Vec<S>, Option<u64>);

/// `None` if a line before the last is no JSON, or one is too long.
fn scan_lines<S: Send>(
    path: &Path,
    readers: &Readers<'_, S>,
) -> Result<Option<Scanned<S>>, StoreError> {
    let new = || Lines {
        state: (readers.new)(),
        bad: Vec::new(),
        last: 0,
        closed: false,
    };
    let length = fs::metadata(path)?.len();
    let scanned = each_block(path, Cut::Lines, &new, &|lines, block| {
        scan_block(&block, lines, readers);
        true
    })?;
    let Some(scanned) = scanned else {
        return Ok(None);
    };
    let (mut states, mut bad, mut last, mut closed) = (Vec::new(), Vec::new(), 0, false);
    for lines in scanned {
        states.push(lines.state);
        bad.extend(lines.bad);
        if lines.last >= last {
            (last, closed) = (lines.last, lines.closed);
        }
    }
    Ok(match bad.as_slice() {
        [] if closed => Some((states, None)),
        [] => Some((states, Some(length))),
        &[bad] if bad == last => Some((states, Some(bad))),
        _ => None,
    })
}

fn scan_block<S>(block: &Block<'_>, lines: &mut Lines<S>, readers: &Readers<'_, S>) {
    let bytes = block.bytes;
    let mut start = 0;
    while start < bytes.len() {
        let place = block.offset + start as u64;
        if let Some(next) = quick_line(block, start, &mut lines.state, readers) {
            (lines.last, lines.closed) = (place, false);
            start = next;
            continue;
        }
        let mut line;
        (line, start) = line_at(block, start);
        if line.is_empty() {
            continue;
        }
        lines.last = place;
        lines.closed = line == b"]";
        if lines.closed || line == b"[" {
            continue;
        }
        // The bracket may share a line with the last record; behind a comma it is what a write
        // that was interrupted after its first byte left.
        if let Some(rest) = line.strip_suffix(b"]")
            && rest.trim_ascii_end().ends_with(b"}") | rest.ends_with(b",")
        {
            lines.closed = !rest.ends_with(b",");
            line = record(rest);
        }
        let line = Line {
            offset: place,
            // Bytes that are no UTF-8 can only stand in another tool's file.
            text: &String::from_utf8_lossy(line),
        };
        if (readers.each)(&mut lines.state, line) == Verdict::NotJson {
            lines.bad.push(place);
        }
    }
}

#[cfg(test)]
mod parallel;
#[cfg(test)]
mod tests;
