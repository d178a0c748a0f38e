//! Posts out of the files of other tools, told by what is in them, never by their names.
//!
//! A file is read as a stream: one record is in memory at a time. Whatever cannot be read is
//! handed out as [`Rejected`], and what was mended or left out is counted in [`Summary::notes`].

mod ahead;
mod answer;
mod bytes;
mod element;
mod error;
mod found;
mod har;
mod make;
mod notes;
mod page;
mod session;
mod table;
mod tree;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::json::{Kind, Lines, VALUE_LIMIT, Walk, WalkError, Window};
use crate::model::Format;

use answer::Base;
use bytes::{Counted, Tap, unpacked};
pub use error::FileError;
pub use found::{Found, Place, Rejected};
pub use make::{Made, Make};
pub use page::page_states;
use session::{At, Session, Stop, first_bytes};
pub use tree::{Layout, Tree, files, tree};

/// How much of a file is looked at to tell what it is.
const START: usize = 1 << 20;

/// Where a file's bytes come from.
pub enum Input<'a> {
    /// A file on disk.
    Path(&'a Path),
    /// Anything else, such as standard input.
    Reader(&'a mut dyn Read),
}

/// How to read a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// The format of the records, where the user knows better than their keys show.
    pub format: Option<Format>,
    /// The records come as they are made, from a program that may pause: none of them waits for the
    /// next, which means that none is read on another thread.
    pub live: bool,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the file is, as a person would call it.
    pub kind: String,
    /// Length as stored, compressed if the file is.
    pub bytes: u64,
    /// SHA-256 of the bytes as stored, in hexadecimal; empty if the caller stopped early.
    pub sha256: String,
    /// Posts handed out, repeats included.
    pub posts: u64,
    /// Rejected records handed out.
    pub rejected: u64,
    /// What was mended or left out, with counts.
    pub notes: Vec<String>,
}

/// Reads every post of a file. `progress` is told how many bytes were read so far.
///
/// # Errors
/// The file cannot be read, or is refused as a whole: see [`FileError`].
pub fn read(
    input: Input<'_>,
    options: &ReadOptions,
    progress: &dyn Fn(u64),
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> Result<Summary, FileError> {
    let mut summary = Summary::default();
    read_into(input, options, None, progress, each, &mut summary)?;
    Ok(summary)
}

/// As [`read`], with a summary of what was read also where an error ends the reading: its hash is
/// empty then. With `make` most posts come as [`Found::Made`].
///
/// # Errors
/// As [`read`].
pub fn read_into(
    input: Input<'_>,
    options: &ReadOptions,
    make: Option<Arc<dyn Make>>,
    progress: &dyn Fn(u64),
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
    summary: &mut Summary,
) -> Result<(), FileError> {
    let counted = Rc::new(Counted::default());
    let input: Box<dyn Read + '_> = match input {
        Input::Path(path) => Box::new(fs_err::File::open(path)?),
        Input::Reader(reader) => Box::new(reader),
    };
    let mut tap = Tap::new(input, &counted, progress);
    let mut session = Session::new(options.format, each);
    session.live = options.live;
    session.make = make;
    let result = text(&mut session, &mut tap, &counted);
    let mut result = result.and_then(|()| session.finish());
    if result.is_ok() {
        // What follows the text, such as the end of an archive, belongs to the file's hash.
        result = std::io::copy(&mut tap, &mut std::io::sink())
            .map(|_| ())
            .map_err(Stop::from);
    }
    *summary = Summary {
        kind: session.kind(),
        bytes: counted.bytes.get(),
        sha256: if result.is_ok() {
            tap.sha256()
        } else {
            String::new()
        },
        posts: session.posts,
        rejected: session.rejected,
        notes: session.notes.sentences(),
    };
    match result {
        Ok(()) | Err(Stop::Asked) => Ok(()),
        Err(Stop::Refused(why)) => Err(why),
    }
}

/// Reads the text of a file, unpacked on the way.
fn text(session: &mut Session<'_>, tap: &mut Tap<'_>, counted: &Rc<Counted>) -> Result<(), Stop> {
    let mut window = Window::new(unpacked(tap, counted)?);
    // What came before an error is not lost: reading on meets it again.
    if let Err(error) = window.fill_to(START)
        && window.unread().is_empty()
    {
        return Err(error.into());
    }
    let bom = window.unread().starts_with(b"\xEF\xBB\xBF");
    window.consume(if bom { 3 } else { 0 });
    container(session, window)?;
    if let Some(damage) = counted.damage.borrow().as_ref() {
        let reason = format!("the compressed data is damaged, what follows is lost: {damage}");
        let place = Place::byte(counted.bytes.get());
        session.reject(Rejected::new(place, reason, b""))?;
    }
    Ok(())
}

/// Tells what holds the records, and reads them.
fn container<R: Read>(session: &mut Session<'_>, mut window: Window<R>) -> Result<(), Stop> {
    let start = window.unread().trim_ascii_start();
    match start.first() {
        None if window.has_ended() => Err(Stop::Refused(FileError::Empty)),
        Some(b'<') if !start.starts_with(b"<<<<<<<") => html(session, window),
        Some(b'{') if is_lines(start, window.has_ended()) => lines(session, window),
        Some(b'{' | b'[') if may_be_json(start) => values(session, Walk::over(window)),
        _ if start.starts_with(b"window[") => html(session, window),
        _ => {
            let whole = window.unread();
            // Line breaks before the header are no part of a table.
            let blank = whole.len() - start.len();
            match table::recognise(start, session.given) {
                Ok((delimiter, told)) => {
                    let given = session.format(Some(told)).map_err(Stop::Refused)?;
                    let format = given.filter(|format| format.is_table()).unwrap_or(told);
                    window.consume(blank);
                    table::read(session, window, delimiter, format)
                }
                Err(columns) if is_header(start, &columns) => {
                    Err(Stop::Refused(table::unknown_columns(&columns)))
                }
                Err(_) => Err(Stop::Refused(FileError::Unrecognised {
                    seen: first_bytes(whole) + hint(whole),
                })),
            }
        }
    }
}

/// Whether the bracket that the text starts with is followed by what JSON allows there.
fn may_be_json(start: &[u8]) -> bool {
    match (start[0], start[1..].trim_ascii_start().first()) {
        (_, None) => true,
        (b'{', Some(next)) => matches!(next, b'"' | b'}'),
        (_, Some(next)) => matches!(
            next,
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b'n' | b't' | b'f' | b']'
        ),
    }
}

/// What to do about some files that are often tried.
fn hint(start: &[u8]) -> &'static str {
    match start {
        [b'P', b'K', ..] => "; a ZIP archive or a workbook: unpack it, or save the table as CSV",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "; UTF-16 text: save it as UTF-8",
        [b'B', b'Z', b'h', ..] | [0xFD, b'7', b'z', ..] => "; compressed in a way not known here",
        [b'P', b'A', b'R', b'1', ..] => "; Parquet: save the table as CSV or JSON",
        _ => "",
    }
}

/// Whether the columns look like those of a table, as opposed to a line of anything.
fn is_header(start: &[u8], columns: &[String]) -> bool {
    let is_name = |name: &String| {
        name.len() < 100 && !name.contains(['\0', '\u{fffd}', '{', '}']) && !name.contains("; ")
    };
    columns.len() > 1 && columns.iter().all(is_name) && memchr::memchr(0, start).is_none()
}

/// Whether each line of the text holds an object of its own.
fn is_lines(start: &[u8], is_whole: bool) -> bool {
    let end = memchr::memchr(b'\n', start);
    if end.is_none() && !is_whole {
        return false;
    }
    let (line, rest) = start.split_at(end.unwrap_or(start.len()));
    let line = line.trim_ascii();
    if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
        let is_only = is_whole && rest.trim_ascii().is_empty();
        return !is_only || !matches!(holds_list(line), Ok(true));
    }
    // The first line may be damaged, or carry a comma; an object's own lines do not look so.
    let next = rest.trim_ascii_start();
    let starts_line = rest.len() > next.len() && rest[rest.len() - next.len() - 1] == b'\n';
    starts_line
        && next.starts_with(b"{")
        && !matches!(line.last(), Some(b'{' | b'[' | b':'))
        && line != b"{"
}

fn lines<R: Read>(session: &mut Session<'_>, window: Window<R>) -> Result<(), Stop> {
    session.layout = "JSON, a record per line";
    let outcome = each_line(session, Lines::over(window));
    session.catch_up()?;
    outcome
}

fn each_line<R: Read>(session: &mut Session<'_>, mut lines: Lines<R>) -> Result<(), Stop> {
    while let Some(line) = lines.next_line()? {
        let text = line.text.trim_ascii();
        let at = At {
            is_last: !line.ended,
            ..At::new(Place::line(line.number))
        };
        if line.too_large {
            session.catch_up()?;
            session.reject(Rejected::new(at.place, "larger than 64 MiB", text))?;
        } else if !text.is_empty() {
            session.read_ahead(text.strip_suffix(b",").unwrap_or(text), at)?;
        }
    }
    Ok(())
}

/// JSON values after each other: mostly a single array or object.
fn values<R: Read>(session: &mut Session<'_>, mut walk: Walk<R>) -> Result<(), Stop> {
    let base = Base {
        place: None,
        fetched: None,
        depth: 0,
    };
    let mut number = 0;
    loop {
        number += 1;
        let kind = match walk.peek() {
            Ok(None) => return Ok(()),
            Ok(Some(kind)) => kind,
            Err(error) => return session.reject_walk(error, base.at(number, 0), b"", true),
        };
        let at = base.at(number, walk.offset());
        let goes_on = match kind {
            Kind::Array => {
                session.layout = "JSON array";
                answer::list(session, &mut walk, base)?.complete
            }
            Kind::Object => object(session, &mut walk, at)?,
            _ => {
                let rest = walk
                    .look_ahead(1000)
                    .map(<[u8]>::to_vec)
                    .unwrap_or_default();
                let reason = "not JSON; what follows cannot be read";
                session.reject(Rejected::new(at.place, reason, &rest))?;
                false
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
}

/// An object of any size; false where nothing can be read behind it.
fn object<R: Read>(session: &mut Session<'_>, walk: &mut Walk<R>, at: At) -> Result<bool, Stop> {
    match is_container(walk) {
        Err(error) => session.reject_walk(error, at, b"", true).map(|()| false),
        Ok(true) => {
            let base = Base {
                place: None,
                fetched: None,
                depth: 1,
            };
            let start = walk
                .look_ahead(1000)
                .map(<[u8]>::to_vec)
                .unwrap_or_default();
            let from = walk.offset();
            let mut answer = answer::read(session, walk, base)?;
            answer.large = walk.offset() - from > VALUE_LIMIT as u64;
            let complete = answer.complete;
            answer::settle(session, answer, at, &start[..start.len().min(1000)])?;
            Ok(complete)
        }
        Ok(false) => match walk.capture() {
            Ok(record) => session.element(record, at).map(|_| true),
            Err(error) => {
                let start = walk
                    .look_ahead(1000)
                    .map(<[u8]>::to_vec)
                    .unwrap_or_default();
                session.reject_walk(error, at, &start, true).map(|()| false)
            }
        },
    }
}

/// Whether the object that stands next holds a list of posts, as opposed to being one post.
///
/// Looks only as far as needed, at the most as far as a record may be long.
fn is_container<R: Read>(walk: &mut Walk<R>) -> Result<bool, WalkError> {
    let mut size = START;
    loop {
        let start = walk.look_ahead(size)?;
        let is_all = start.len() < size;
        match holds_list(start) {
            Ok(answer) => return Ok(answer),
            Err(WalkError::Cut { .. }) if !is_all && size < VALUE_LIMIT => size *= 4,
            // Too large for one record, so it can only be a container; or cut, so it is read as far
            // as it goes.
            Err(_) => return Ok(!is_all),
        }
    }
}

/// Whether a list of posts stands in the object, by as much of its text as is there.
fn holds_list(text: &[u8]) -> Result<bool, WalkError> {
    let mut walk = Walk::new(text);
    walk.enter()?;
    let mut enveloped = false;
    while let Some(key) = walk.next_key()? {
        let kind = walk.peek()?;
        match (key.as_str(), kind) {
            ("source_platform", _) => enveloped = true,
            ("data", Some(Kind::Object | Kind::Array)) if !enveloped => return Ok(true),
            ("log" | "ItemModule" | "__DEFAULT_SCOPE__" | "props", Some(Kind::Object)) => {
                return Ok(true);
            }
            (list, Some(Kind::Array)) if answer::is_list(list) => return Ok(true),
            _ => {}
        }
        walk.skip()?;
    }
    Ok(false)
}

fn html<R: Read>(session: &mut Session<'_>, window: Window<R>) -> Result<(), Stop> {
    session.layout = "TikTok page";
    let mut page = Vec::new();
    window.take(VALUE_LIMIT as u64).read_to_end(&mut page)?;
    let at = At::new(Place::byte(0));
    session.name_kind("TikTok page (HTML)");
    if page::read(session, &page, at)? {
        return Ok(());
    }
    Err(Stop::Refused(FileError::NoPageState))
}

#[cfg(test)]
mod tests;
