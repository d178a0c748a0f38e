//! What stands where posts are to be added.

use std::path::Path;

use fs_err as fs;
use hashbrown::HashSet;

use super::Opened;
use crate::store::rewrite::{close, convert};
use crate::store::scan::{Layout, layout};
use crate::store::vouch::fewer;
use crate::store::{Kind, StoreError, Tombstones, intent};

/// Makes a file one of a record per line, closed, and tells how it was; a ledger vouches for so many
/// bytes and records of it.
pub(super) fn in_lines(
    path: &Path,
    kind: Kind,
    (vouched_to, expected): (u64, u64),
    opened: &mut Opened,
) -> Result<Layout, StoreError> {
    let layout = if path.exists() {
        layout(path)?
    } else {
        Layout::Empty
    };
    match layout {
        Layout::Empty if expected > 0 => return Err(fewer(path, expected, 0)),
        Layout::Empty if path.exists() => fs::write(path, b"")?,
        Layout::Empty => {}
        Layout::Lines => opened.cut = close(path, kind, vouched_to)?,
        Layout::Other => {
            let folder = path.parent().unwrap_or(path);
            intent::marked(folder, || convert(path, kind, opened))?;
        }
    }
    Ok(layout)
}

/// Posts with a tombstone.
pub(super) fn buried(posts: &Path, kind: Kind) -> Result<HashSet<u64>, StoreError> {
    if kind != Kind::Posts {
        return Ok(HashSet::new());
    }
    let stones = Tombstones::read(posts)?;
    let ids = stones.lines().filter_map(|stone| stone.id.parse().ok());
    Ok(ids.collect())
}
