//! Reading the records of a `data.json`, whatever its layout, on all cores where the layout allows.
//!
//! In our own layout (one post per line) blocks of whole lines go to the threads as they come.
//! Anything else, and any file in which a line turns out to be no JSON, goes through the
//! sequential walk, which understands every layout and finds its way past damage.

use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::Path;
use std::sync::Mutex;

use fs_err as fs;

use super::StoreError;
use crate::json::{Kind, Walk, WalkError, one_line};

/// Bytes handed to a thread at a time.
const BLOCK: usize = 1 << 20;

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

/// Goes through a file of any layout record by record, in order; returns where it is torn and damaged.
///
/// # Errors
/// The disk's own.
pub(super) fn walk_records(
    path: &Path,
    each: &mut dyn FnMut(Line<'_>) -> Verdict,
) -> Result<(Option<u64>, Vec<Damage>), StoreError> {
    let mut file = fs::File::open(path)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(HEAD).read_to_end(&mut head)?;
    let not_an_array = Damage {
        offset: 0,
        why: "not a JSON array".into(),
    };
    let mut damaged = Vec::new();
    let mut left = if let Some(first) = behind_damaged_opening(&head) {
        // Posts are not lost because the bracket before them is damaged.
        damaged.push(not_an_array);
        let mut opening = vec![b'\n'; first];
        opening[0] = b'[';
        let rest = head[first..].chain(file);
        walk_array(Walk::new(opening.chain(rest)), 0, &mut damaged, each)?
    } else {
        let mut walk = Walk::new(head.chain(file));
        match walk.peek() {
            Ok(None) => return Ok((None, damaged)),
            Ok(Some(Kind::Array)) => walk_array(walk, 0, &mut damaged, each)?,
            Ok(Some(_)) => return Ok((None, vec![not_an_array])),
            Err(error) => return Err(io::Error::other(error).into()),
        }
    };
    // Where brackets are damaged the array may seem to end early, or the walk be lost: the next
    // line that starts with a record is a new beginning.
    while let Left::At { offset, why, .. } = left
        && let Some(line) = next_record_line(path, offset)?
    {
        damaged.push(Damage {
            offset,
            why: why.into(),
        });
        let mut rest = fs::File::open(path)?;
        rest.seek(io::SeekFrom::Start(line))?;
        let walk = Walk::new(b"[".chain(rest));
        left = walk_array(walk, line - 1, &mut damaged, each)?;
    }
    Ok(match left {
        Left::At {
            offset, torn: true, ..
        } => (Some(offset), damaged),
        _ => (None, damaged),
    })
}

/// Where the line break stands before the next line that starts with an object.
fn next_record_line(path: &Path, from: u64) -> io::Result<Option<u64>> {
    let mut file = fs::File::open(path)?;
    file.seek(io::SeekFrom::Start(from))?;
    let mut bytes = BufReader::with_capacity(BLOCK, file);
    let mut at = from;
    loop {
        let skipped = bytes.skip_until(b'\n')? as u64;
        at += skipped;
        match bytes.fill_buf()?.first() {
            None => return Ok(None),
            Some(b'{') if skipped > 0 && at > 1 => return Ok(Some(at - 1)),
            Some(_) => {}
        }
    }
}

/// How far into a file its first record is looked for.
const HEAD: u64 = 64;

/// Where the first record starts in a file whose opening bracket, or the white space behind it, is damaged.
fn behind_damaged_opening(head: &[u8]) -> Option<usize> {
    let first = memchr::memmem::find(head, b"{\"").filter(|&at| at > 0)?;
    let before = &head[..first];
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    let is_space = |byte: &u8| b" \t\r\n".contains(byte);
    let spaces = before.iter().take_while(|byte| is_space(byte)).count();
    let whole = before[spaces..]
        .strip_prefix(b"[")
        .is_some_and(|behind| behind.iter().all(is_space));
    (!whole).then_some(first)
}

/// What a walk over an array left behind.
enum Left {
    /// Nothing: the array and the file end together.
    Nothing,
    /// It could not go on from here.
    At {
        offset: u64,
        why: &'static str,
        /// The file ends inside the record here.
        torn: bool,
    },
}

/// Goes through the array that stands next; `base` is what to add to its places.
fn walk_array<R: Read>(
    mut walk: Walk<R>,
    base: u64,
    damaged: &mut Vec<Damage>,
    each: &mut dyn FnMut(Line<'_>) -> Verdict,
) -> Result<Left, StoreError> {
    walk.enter().map_err(io::Error::other)?;
    loop {
        let (damage, torn) = match next_record(&mut walk, base, each) {
            Ok(Next::Read) => continue,
            Ok(Next::End) => {
                let offset = base + walk.offset();
                return match walk.peek() {
                    Ok(None) => Ok(Left::Nothing),
                    Ok(Some(_)) => Ok(Left::At {
                        offset,
                        why: "the array ends here, but records follow",
                        torn: false,
                    }),
                    Err(error) => Err(io::Error::other(error).into()),
                };
            }
            Ok(Next::NotJson(offset)) => (
                Damage {
                    offset,
                    why: "not a JSON object".into(),
                },
                false,
            ),
            Err(WalkError::Io(error)) => return Err(error.into()),
            // Where others follow, it is no unfinished end, but a record that lost its own.
            Err(WalkError::Cut { .. }) => (
                Damage {
                    offset: base + walk.offset(),
                    why: "a record without an end".into(),
                },
                true,
            ),
            Err(
                ref error @ (WalkError::Malformed { offset, .. }
                | WalkError::TooLarge { offset, .. }),
            ) => (
                Damage {
                    offset: base + offset,
                    why: error.to_string(),
                },
                false,
            ),
        };
        let offset = base + walk.offset();
        let resumed = matches!(walk.resume(), Ok(true));
        if resumed || !torn {
            damaged.push(damage);
        }
        if !resumed {
            let why = "what follows could not be read as part of the array";
            return Ok(Left::At { offset, why, torn });
        }
    }
}

enum Next {
    Read,
    NotJson(u64),
    End,
}

fn next_record<R: Read>(
    walk: &mut Walk<R>,
    base: u64,
    each: &mut dyn FnMut(Line<'_>) -> Verdict,
) -> Result<Next, WalkError> {
    if !walk.next_item()? {
        return Ok(Next::End);
    }
    let offset = base + walk.offset();
    let text = String::from_utf8_lossy(walk.capture()?);
    Ok(
        match each(Line {
            offset,
            text: &one_line(&text),
        }) {
            Verdict::Read => Next::Read,
            Verdict::NotJson => Next::NotJson(offset),
        },
    )
}

#[cfg(test)]
mod tests;
