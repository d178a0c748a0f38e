//! Reading the records of a `data.json`, whatever its layout, on all cores where the layout allows.
//!
//! In our own layout (one post per line) blocks of whole lines go to the threads as they come.
//! Anything else, and any file in which a line turns out to be no JSON, goes through the
//! sequential walk, which understands every layout and finds its way past damage.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;

use fs_err as fs;

use super::StoreError;
use super::walk::walk_records;

/// Bytes handed to a thread at a time.
pub(super) const BLOCK: usize = 1 << 20;

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

/// The layout of a file, from its first 64 KB.
///
/// # Errors
/// The disk's own.
pub fn layout(path: &Path) -> Result<Layout, StoreError> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(1 << 16).read_to_end(&mut head)?;
    Ok(layout_of(&head))
}

fn layout_of(head: &[u8]) -> Layout {
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
fn record(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b",").unwrap_or(line).trim_ascii_end()
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
    each: &(dyn Fn(&mut S, Line<'_>) -> Verdict + Sync),
) -> Result<(Vec<S>, ScanEnd), StoreError> {
    let layout = layout(path)?;
    let end = |torn, damaged| ScanEnd {
        layout,
        torn,
        damaged,
    };
    if layout == Layout::Empty {
        return Ok((vec![new()], end(None, Vec::new())));
    }
    if layout == Layout::Lines
        && let Some((states, torn)) = scan_lines(path, new, each)?
    {
        return Ok((states, end(torn, Vec::new())));
    }
    let mut state = new();
    let (torn, damaged) = walk_records(path, &mut |line| each(&mut state, line))?;
    Ok((vec![state], end(torn, damaged)))
}

/// The file, given out in blocks of whole lines.
struct Blocks {
    file: fs::File,
    carry: Vec<u8>,
    /// Bytes before `carry`.
    offset: u64,
}

impl Blocks {
    /// Fills `block` with the next whole lines (at the end of the file with what is left) and
    /// returns their place; `None` when nothing is left.
    fn next(&mut self, block: &mut Vec<u8>) -> io::Result<Option<u64>> {
        block.clear();
        std::mem::swap(block, &mut self.carry);
        let offset = self.offset;
        loop {
            let start = block.len();
            let got = self.file.by_ref().take(BLOCK as u64).read_to_end(block)?;
            if got == 0 {
                self.offset += block.len() as u64;
                return Ok((!block.is_empty()).then_some(offset));
            }
            if let Some(end) = memchr::memrchr(b'\n', &block[start..]) {
                let whole = start + end + 1;
                self.carry.extend_from_slice(&block[whole..]);
                block.truncate(whole);
                self.offset += whole as u64;
                return Ok(Some(offset));
            }
        }
    }
}

/// What the threads found besides records.
#[derive(Default)]
struct Findings {
    /// Lines that are no JSON.
    bad: Vec<u64>,
    /// Where the last line that is not blank starts.
    last: u64,
    /// Whether that line is the closing bracket.
    closed: bool,
}

/// The states of the threads, and where the file is torn.
type Scanned<S> = (Vec<S>, Option<u64>);

/// `None` if a line before the last is no JSON.
fn scan_lines<S: Send>(
    path: &Path,
    new: &(dyn Fn() -> S + Sync),
    each: &(dyn Fn(&mut S, Line<'_>) -> Verdict + Sync),
) -> Result<Option<Scanned<S>>, StoreError> {
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(usize::try_from(length / BLOCK as u64).unwrap_or(usize::MAX) + 1);
    let blocks = Mutex::new(Blocks {
        file,
        carry: Vec::new(),
        offset: 0,
    });
    let work = || -> io::Result<(S, Findings)> {
        let mut state = new();
        let mut findings = Findings::default();
        let mut block = Vec::new();
        loop {
            let next = blocks
                .lock()
                .map_err(|_| io::Error::other("a reading thread failed"))?
                .next(&mut block)?;
            let Some(offset) = next else {
                return Ok((state, findings));
            };
            scan_block(&block, offset, &mut state, each, &mut findings);
        }
    };
    let results: Vec<io::Result<(S, Findings)>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut results = vec![work()];
        results.extend(others.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a reading thread failed")))
        }));
        results
    });
    let mut states = Vec::with_capacity(threads);
    let mut all = Findings::default();
    for result in results {
        let (state, findings) = result?;
        states.push(state);
        all.bad.extend(findings.bad);
        if findings.last >= all.last {
            (all.last, all.closed) = (findings.last, findings.closed);
        }
    }
    Ok(match all.bad.as_slice() {
        [] if all.closed => Some((states, None)),
        [] => Some((states, Some(length))),
        &[bad] if bad == all.last => Some((states, Some(bad))),
        _ => None,
    })
}

fn scan_block<S>(
    block: &[u8],
    offset: u64,
    state: &mut S,
    each: &(dyn Fn(&mut S, Line<'_>) -> Verdict + Sync),
    findings: &mut Findings,
) {
    // Checking a block at once is much cheaper than checking its lines.
    let valid = std::str::from_utf8(block).is_ok();
    let mut start = 0;
    while start < block.len() {
        let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at);
        let place = offset + start as u64;
        let mut line = record(&block[start..end]);
        if place == 0 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        start = end + 1;
        if line.is_empty() {
            continue;
        }
        findings.last = place;
        findings.closed = line == b"]";
        if findings.closed || line == b"[" {
            continue;
        }
        // The bracket may share a line with the last record; behind a comma it is what a write
        // that was interrupted after its first byte left.
        if let Some(rest) = line.strip_suffix(b"]")
            && rest.trim_ascii_end().ends_with(b"}") | rest.ends_with(b",")
        {
            findings.closed = !rest.ends_with(b",");
            line = record(rest);
        }
        let verdict = match std::str::from_utf8(line) {
            Ok(text) => each(
                state,
                Line {
                    offset: place,
                    text,
                },
            ),
            // Bytes that are no UTF-8 can only stand in another tool's file.
            Err(_) if !valid => each(
                state,
                Line {
                    offset: place,
                    text: &String::from_utf8_lossy(line),
                },
            ),
            Err(_) => Verdict::NotJson,
        };
        if verdict == Verdict::NotJson {
            findings.bad.push(place);
        }
    }
}

#[cfg(test)]
mod tests;
