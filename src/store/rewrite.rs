//! Making a `data.json` whole again: cutting off an unfinished record, or writing the file anew.
//!
//! A file is only ever replaced by a complete one, and kept under another name where the new one
//! leaves anything out.

use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::append::{Tail, tail};
use super::runs::hex;
use super::scan::{Verdict, scan, walk_records};
use super::{Opened, Segment, StoreError, atomic};
use crate::record::{Stored, Unreadable};

/// Cuts an unfinished record off the end of a file of lines and closes the array; returns the bytes cut.
pub(super) fn close(path: &Path) -> Result<Option<u64>, StoreError> {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    if tail(&mut file)? != Tail::Torn {
        return Ok(None);
    }
    let length = file.metadata()?.len();
    // Each thread keeps the end of the last record that it read.
    let (ends, end) = scan(
        path,
        &|| 1_u64,
        &|last: &mut u64, line| match Stored::read(line.text) {
            Err(Unreadable::Json(_)) => Verdict::NotJson,
            _ => {
                *last = line.offset + line.text.len() as u64;
                Verdict::Read
            }
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(damaged(path, damage.offset, &damage.why));
    }
    let keep = ends.into_iter().max().unwrap_or(1);
    file.set_len(keep)?;
    file.seek(SeekFrom::Start(keep))?;
    file.write_all(b"\n]\n")?;
    file.sync_data()?;
    Ok(Some(length.saturating_sub(keep)))
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
pub(super) fn convert(path: &Path, opened: &mut Opened) -> Result<(), StoreError> {
    let backup = backup(path)?;
    let rewritten = rewrite_once(path)?;
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

/// What [`rewrite_once`] did.
pub(super) struct Rewritten {
    pub(super) segment: Segment,
    pub(super) duplicates: u64,
    /// Text was left out: an unfinished record, damage, or a record that is no post.
    pub(super) lost: bool,
}

/// Rewrites a file line by line, the first record of each post kept, and whatever is no post left out.
pub(super) fn rewrite_once(path: &Path) -> Result<Rewritten, StoreError> {
    let mut seen = HashSet::new();
    let mut duplicates = 0;
    let mut unreadable = false;
    let (segment, lost) = rewrite_where(path, |line| {
        let Ok(stored) = Stored::read(line) else {
            unreadable = true;
            return Ok(None);
        };
        let first = seen.insert(stored.post.id.get());
        duplicates += u64::from(!first);
        Ok(first.then(|| line.to_owned()))
    })?;
    Ok(Rewritten {
        segment,
        duplicates,
        lost: lost || unreadable,
    })
}

/// Rewrites a file with some lines replaced (`None` keeps a line).
pub(super) fn rewrite(
    path: &Path,
    mut newer: impl FnMut(&str) -> io::Result<Option<String>>,
) -> Result<Segment, StoreError> {
    rewrite_where(path, |line| {
        Ok(Some(newer(line)?.unwrap_or_else(|| line.to_owned())))
    })
    .map(|(segment, _)| segment)
}

/// Rewrites a file with the lines that `keep` returns, atomically; tells whether text was left out that is no record.
fn rewrite_where(
    path: &Path,
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
            if matches!(Stored::read(line.text), Err(Unreadable::Json(_))) {
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
        if end.is_err() {
            return Err(io::Error::other("the old file could not be read"));
        }
        segment = Segment {
            from: 0,
            to: length,
            sha256: hex(&hash.finalize()),
        };
        out.write_all(b"\n]\n")
    });
    let (torn, damaged) = end?;
    replaced?;
    Ok((segment, torn.is_some() || !damaged.is_empty()))
}
