//! Making a `data.json` whole again: cutting off an unfinished record, or writing the file anew.
//!
//! A file is only ever replaced by a complete one, and kept under another name where the new one
//! leaves anything out.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::append::{Tail, tail};
use super::runs::hex;
use super::scan::{Verdict, scan};
use super::walk::walk_records;
use super::{Kind, Opened, Segment, StoreError, atomic};
use crate::record::Unreadable;

/// Cuts an unfinished record off the end of a file of lines and closes the array; returns the bytes cut.
///
/// # Errors
/// [`StoreError::Damaged`] where more than an unfinished record is wrong: other damage, or an end
/// before the byte that the ledger vouches for. The file is then left as it is.
pub(super) fn close(path: &Path, kind: Kind, vouched: u64) -> Result<Option<u64>, StoreError> {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    if tail(&mut file)? != Tail::Torn {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    let (_, end) = scan(
        path,
        &|| (),
        &|(): &mut (), line| match kind.entry(line.text) {
            Err(Unreadable::Json(_)) => Verdict::NotJson,
            _ => Verdict::Read,
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(damaged(path, damage.offset, &damage.why));
    }
    let torn = end.torn.unwrap_or(length);
    let keep = last_end(&mut file, torn, torn == length)?;
    let Some(keep) = keep.filter(|&keep| keep >= vouched) else {
        return Err(damaged(
            path,
            torn,
            "it ends before what the ledger says was stored",
        ));
    };
    file.set_len(keep)?;
    file.seek(SeekFrom::Start(keep))?;
    file.write_all(b"\n]\n")?;
    file.sync_data()?;
    Ok(Some(length.saturating_sub(keep)))
}

/// Where the last whole record before a byte ends, or the opening bracket; `None` if neither stands there.
fn last_end(file: &mut fs::File, before: u64, at_end: bool) -> io::Result<Option<u64>> {
    let start = before.saturating_sub(1 << 16);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::by_ref(file)
        .take(before - start)
        .read_to_end(&mut bytes)?;
    let mut bytes = bytes.trim_ascii_end();
    if at_end && let Some(rest) = bytes.strip_suffix(b",]") {
        bytes = rest;
    }
    let bytes = bytes.strip_suffix(b",").unwrap_or(bytes).trim_ascii_end();
    let whole = bytes.ends_with(b"}") || (start == 0 && bytes.ends_with(b"[") && bytes.len() <= 4);
    Ok(whole.then_some(start + bytes.len() as u64))
}

pub(super) fn damaged(path: &Path, offset: u64, why: &str) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        why: format!("at byte {offset}: {why}"),
    }
}

/// Rewrites a file of another layout line by line, each post once.
///
/// The old file is kept if the new one leaves anything out.
///
/// # Errors
/// [`StoreError::Damaged`] where the file has damage before its end; it is then left as it is.
pub(super) fn convert(path: &Path, kind: Kind, opened: &mut Opened) -> Result<(), StoreError> {
    let backup = backup(path)?;
    let rewritten = match rewrite_once(path, kind, Damages::Refuse) {
        Ok(rewritten) => rewritten,
        Err(error) => {
            fs::remove_file(backup)?;
            return Err(error);
        }
    };
    opened.rewritten = Some(rewritten.duplicates);
    if rewritten.duplicates > 0 || rewritten.lost {
        opened.backup = Some(backup);
    } else {
        fs::remove_file(backup)?;
    }
    Ok(())
}

/// Keeps a file as it is now, under a dated name beside it.
pub(super) fn backup(path: &Path) -> Result<PathBuf, StoreError> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let extension = path
        .extension()
        .map(|ext| ext.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut number = 0;
    loop {
        let suffix = if number == 0 {
            String::new()
        } else {
            format!("-{number}")
        };
        let copy = path.with_file_name(format!("{name}.backup-{now}{suffix}.{extension}"));
        if !copy.exists() {
            // A second name costs no space; where the file system has none, copy.
            fs::hard_link(path, &copy).or_else(|_| fs::copy(path, &copy).map(|_| ()))?;
            return Ok(copy);
        }
        number += 1;
    }
}

/// What becomes of text in a file that is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damages {
    /// The file is left as it is.
    Refuse,
    /// The new file goes without it.
    LeaveOut,
}

/// What [`rewrite_once`] did.
pub(super) struct Rewritten {
    pub(super) segment: Segment,
    pub(super) duplicates: u64,
    /// Text was left out: an unfinished record, damage, or a record that is no post.
    pub(super) lost: bool,
}

/// Rewrites a file line by line, the first record of each post kept, and whatever is no post left out.
pub(super) fn rewrite_once(
    path: &Path,
    kind: Kind,
    damages: Damages,
) -> Result<Rewritten, StoreError> {
    let mut seen = HashSet::new();
    let mut duplicates = 0;
    let mut unreadable = false;
    let (segment, lost) = rewrite_where(path, kind, damages, |line| {
        let Ok(stored) = kind.entry(line) else {
            unreadable = true;
            return Ok(None);
        };
        let first = seen.insert(stored.id.get());
        duplicates += u64::from(!first);
        Ok(first.then(|| line.to_owned()))
    })?;
    Ok(Rewritten {
        segment,
        duplicates,
        lost: lost || unreadable,
    })
}

/// What becomes of a record when its file is written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Keep,
    /// This line takes its place.
    Replace(String),
    /// It goes.
    Remove,
}

/// Rewrites a file with some lines replaced or removed.
///
/// # Errors
/// [`StoreError::Damaged`] where there is damage, which would be left out; the file is left as it is.
pub(super) fn rewrite(
    path: &Path,
    kind: Kind,
    mut fate: impl FnMut(&str) -> io::Result<Fate>,
) -> Result<Segment, StoreError> {
    rewrite_where(path, kind, Damages::Refuse, |line| {
        Ok(match fate(line)? {
            Fate::Keep => Some(line.to_owned()),
            Fate::Replace(newer) => Some(newer),
            Fate::Remove => None,
        })
    })
    .map(|(segment, _)| segment)
}

/// Rewrites a file with the lines that `keep` returns, atomically; tells whether text was left out that is no record.
fn rewrite_where(
    path: &Path,
    kind: Kind,
    damages: Damages,
    keep: impl FnMut(&str) -> io::Result<Option<String>>,
) -> Result<(Segment, bool), StoreError> {
    let mut keep = keep;
    let mut segment = Segment::default();
    let mut end = Ok((None, Vec::new()));
    let mut failed = Ok(());
    let replaced = atomic::replace(path, |out| {
        let mut hash = Sha256::new();
        let mut length = 0;
        let mut put = |part: &[u8]| {
            hash.update(part);
            length += part.len() as u64;
            out.write_all(part)
        };
        put(b"[")?;
        let mut separator: &[u8] = b"\n";
        end = walk_records(path, &mut |line| {
            if matches!(kind.entry(line.text), Err(Unreadable::Json(_))) {
                return Verdict::NotJson;
            }
            if failed.is_ok() {
                failed = keep(line.text).and_then(|kept| {
                    let Some(kept) = kept else { return Ok(()) };
                    put(separator)?;
                    separator = b",\n";
                    put(kept.as_bytes())
                });
            }
            Verdict::Read
        });
        std::mem::replace(&mut failed, Ok(()))?;
        match &end {
            Err(_) => return Err(io::Error::other("the old file could not be read")),
            Ok((_, found)) if damages == Damages::Refuse && !found.is_empty() => {
                return Err(io::Error::other("the old file is damaged"));
            }
            Ok(_) => {}
        }
        segment = Segment {
            from: 0,
            to: length,
            sha256: hex(&hash.finalize()),
        };
        out.write_all(b"\n]\n")
    });
    let (torn, found) = end?;
    if damages == Damages::Refuse
        && let Some(first) = found.first()
    {
        return Err(damaged(path, first.offset, &first.why));
    }
    replaced?;
    Ok((segment, torn.is_some() || !found.is_empty()))
}
