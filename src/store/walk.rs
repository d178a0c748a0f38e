//! Reading a `data.json` of any layout record by record, past whatever is damaged.
//!
//! Slower than the scan by lines and the way for everything that it cannot read: a damaged bracket,
//! byte or record must not hide the posts around it.

use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::Path;

use fs_err as fs;

use super::StoreError;
use super::scan::{Damage, Line, Verdict};
use crate::json::{Kind, Walk, WalkError, one_line};

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

/// Bytes read at a time.
const BUFFER: usize = 1 << 18;

/// Where the line break stands before the next line that starts with an object.
fn next_record_line(path: &Path, from: u64) -> io::Result<Option<u64>> {
    let mut file = fs::File::open(path)?;
    file.seek(io::SeekFrom::Start(from))?;
    let mut bytes = BufReader::with_capacity(BUFFER, file);
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
