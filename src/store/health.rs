//! A quick look at a store: ends of files against their ledgers, no hash of a byte.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;
use hashbrown::HashSet;
use jiff::Timestamp;

use super::append::{Tail, tail};
use super::lock::{self, Lock};
use super::runs::Ledger;
use super::scan::{Layout, Verdict, layout, scan};
use super::verify::{behind, said_stored};
use super::{Finding, Holder, Kind, RecordFolder, Run, Store, StoreError, intent};
use crate::model::Hashtag;
use crate::record::Stored;

/// What a quick look found.
#[derive(Clone, Debug, Default)]
pub struct QuickLook {
    /// Hashtags stored.
    pub tags: u64,
    /// Posts as the ledgers count them; of trees without ledgers as counted.
    pub posts: u64,
    /// What does not fit together.
    pub findings: Vec<Finding>,
    /// Hashtags with rows that repeat a post (trees of the seed tool): rows too many, all rows.
    pub duplicates: Vec<(Hashtag, u64, u64)>,
    /// End of the youngest run.
    pub youngest: Option<Timestamp>,
}

/// Looks at the end of every `data.json`; reads whole only files that no ledger vouches for.
///
/// # Errors
/// The disk's own.
pub fn quick_look(store: &Store) -> Result<QuickLook, StoreError> {
    let mut look = QuickLook {
        tags: store.tags()?.len() as u64,
        ..QuickLook::default()
    };
    for stored in store.tags_told_of()? {
        for posts in &stored.posts {
            let ledger = Ledger::read(posts)?;
            look.youngest = look
                .youngest
                .max(ledger.runs.iter().map(|run| run.finished).max());
            let path = posts.join("data.json");
            let mut find = |unfinished: bool, what: String| {
                look.findings.push(Finding {
                    file: path.clone(),
                    what,
                    unfinished,
                });
            };
            if !ledger.broken.is_empty() {
                let lines = ledger.broken.len();
                find(false, format!("{lines} lines of its ledger were changed"));
            }
            let last = ledger.runs.last();
            if !path.is_file() {
                let place = RecordFolder::posts(&stored.tag, posts.clone());
                if let Some(many) = stored_before(&place, last)? {
                    find(false, format!("it is missing; {many} were stored in it"));
                }
                continue;
            }
            let Some(last) = last else {
                let (rows, distinct) = counted(&path)?;
                look.posts += distinct;
                if distinct < rows {
                    look.duplicates
                        .push((stored.tag.clone(), rows - distinct, rows));
                }
                continue;
            };
            look.posts += last.posts;
            if intent::stands(posts) {
                find(true, "a rewrite of it was interrupted".into());
            }
            let mut file = fs::File::open(&path)?;
            let length = file.metadata()?.len();
            let end = match tail(&mut file)? {
                Tail::Torn if length >= last.data.to && last.posts > 0 => {
                    find(
                        true,
                        "it ends inside a post: a write was interrupted".into(),
                    );
                    continue;
                }
                Tail::Torn => length,
                Tail::Closed { end, .. } => end,
            };
            if end < last.data.to && last.posts > 0 {
                let bytes = last.data.to - end;
                find(
                    false,
                    format!("it is {bytes} bytes shorter than its ledger says"),
                );
            } else if end > last.data.to {
                let bytes = end - last.data.to;
                let interrupted = behind(&path, Kind::Posts, &ledger, (last.data.to, end))?;
                find(
                    interrupted.is_some(),
                    format!("it is {bytes} bytes longer than its ledger says"),
                );
            }
        }
    }
    Ok(look)
}

/// How many posts a ledger says were stored, in words; `None` where nothing tells of any.
fn stored_before(place: &RecordFolder, last: Option<&Run>) -> Result<Option<String>, StoreError> {
    let said = match last {
        Some(last) => Some(last.posts),
        None => Some(said_stored(place)?).filter(|&said| said > 0),
    };
    Ok(said.map(|said| match said {
        1 => "1 post".to_owned(),
        said => format!("{said} posts"),
    }))
}

/// Rows of a file and how many of them are of different posts.
fn counted(path: &std::path::Path) -> Result<(u64, u64), StoreError> {
    if layout(path)? == Layout::Empty {
        return Ok((0, 0));
    }
    let (lists, _) = scan(path, &Vec::new, &|ids: &mut Vec<u64>, line| {
        if let Ok(stored) = Stored::read(line.text) {
            ids.push(stored.post.id.get());
        }
        Verdict::Read
    })?;
    let rows = lists.iter().map(Vec::len).sum::<usize>() as u64;
    let distinct: HashSet<u64> = lists.into_iter().flatten().collect();
    Ok((rows, distinct.len() as u64))
}

/// Who writes to a data directory now, if anybody does.
///
/// # Errors
/// The disk's own.
pub fn writing(root: &std::path::Path) -> Result<Option<Holder>, StoreError> {
    match Lock::take_if_any(root, lock::POSTS, "doctor", Duration::ZERO, &mut |_| ()) {
        Ok(_) => Ok(None),
        Err(StoreError::Locked { holder, .. }) => Ok(Some(holder)),
        Err(error) => Err(error),
    }
}

/// Whether a directory can be written to, by writing to it.
///
/// # Errors
/// Why it cannot.
pub fn try_writing(folder: &std::path::Path) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::with_prefix_in(".cotag-", folder)?;
    file.write_all(b"x")?;
    file.as_file().sync_data()
}

/// The nearest directory above a path that exists, the path itself if it does.
pub fn existing_above(path: &std::path::Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors()
        .find(|folder| folder.exists())
        .map(PathBuf::from)
}
