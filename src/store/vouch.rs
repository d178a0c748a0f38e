//! What the ledger has to be told of a `data.json`: which posts stand in it, and what no run vouches for.

use std::io::Read as _;
use std::path::Path;

use fs_err as fs;
use hashbrown::HashSet;

use super::append::hash_range;
use super::rewrite::damaged;
use super::runs::Ledger;
use super::scan::{Readers, Verdict, scan_quickly};
use super::{Kind, Run, Segment, StoreError};
use crate::model::{Hashtag, Origin, PostId};
use crate::record::{Reader, Unreadable};

/// How much of each record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// All of it: the ledger is to vouch for it.
    Whole,
    /// The id, where that can be found quickly: the ledger has vouched for the rest.
    Ids,
}

/// Ids of the posts in a file, in its order, each once.
pub(super) fn stored_ids(path: &Path, kind: Kind, care: Care) -> Result<Vec<PostId>, StoreError> {
    type Found = (Reader, Vec<(u64, PostId)>);
    let (found, end) = scan_quickly(
        path,
        &Readers {
            new: &Found::default,
            quick: (care == Care::Ids && kind == Kind::Posts).then_some(
                &|(reader, found): &mut Found, record| {
                    let read = reader.read(record.text, record.at)?;
                    if !record.may_end(read.end) {
                        return None;
                    }
                    found.push((record.offset, read.brief.id));
                    Some(read.end)
                },
            ),
            each: &|(_, found), line| match kind.entry(line.text) {
                Ok(stored) => {
                    found.push((line.offset, stored.id));
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(_) => Verdict::Read,
            },
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(damaged(path, damage.offset, &damage.why));
    }
    let mut all: Vec<(u64, PostId)> = found.into_iter().flat_map(|(_, found)| found).collect();
    all.sort_unstable();
    let mut seen = HashSet::new();
    Ok(all
        .into_iter()
        .map(|(_, id)| id)
        .filter(|id| seen.insert(id.get()))
        .collect())
}

/// Posts that the ledger says were stored are gone: that is not to be hidden by a new entry.
pub(super) fn fewer(path: &Path, expected: u64, stored: u64) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        why: format!("of {expected} stored posts {stored} are there"),
    }
}

/// Enters bytes that no run vouches for into the ledger: those of an interrupted run, or of another tool.
pub(super) fn vouch(
    path: &Path,
    posts: &Path,
    ledger: &mut Ledger,
    (tag, kind): (&Hashtag, Kind),
    (from, end): (u64, u64),
    stored: u64,
) -> Result<(), StoreError> {
    // A file shorter than the ledger says was put there by someone else: vouch for it as a whole.
    let from = if from <= end { from } else { 0 };
    let model = model(path, ledger, tag, kind)?;
    let data = Segment {
        from,
        to: end,
        sha256: hash_range(path, from, end)?,
    };
    let why = "posts found that no finished run had entered here".to_owned();
    ledger.append(posts, Run::of_store("recover", &model, why, stored, data))
}

/// A run to take the hashtag and the origin of the posts from.
pub(super) fn model(
    path: &Path,
    ledger: &Ledger,
    tag: &Hashtag,
    kind: Kind,
) -> Result<Run, StoreError> {
    Ok(match ledger.runs.last() {
        Some(last) => last.clone(),
        None => Run {
            origin: first_origin(path, kind)?.name().into(),
            hashtag: tag.to_string(),
            ..Run::default()
        },
    })
}

/// How the first record of a file came.
fn first_origin(path: &Path, kind: Kind) -> Result<Origin, StoreError> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(1 << 20).read_to_end(&mut head)?;
    let first = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let line = String::from_utf8_lossy(first);
    let stored = kind.entry(line.trim().trim_end_matches(','));
    Ok(stored
        .ok()
        .and_then(|stored| stored.origin)
        .unwrap_or(Origin::Import))
}
