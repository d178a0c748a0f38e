//! The mark that `data.json` is being replaced, which stands until the ledger tells of it.
//!
//! A process that is killed between the two leaves a whole file that the ledger's hashes no longer
//! fit. By the mark the next writer knows that it was cotag itself, and vouches for the file anew.
//! It stands also where a rewrite failed after the file was replaced.

use std::io;
use std::path::Path;

use fs_err as fs;

use super::{StoreError, atomic};

const FILE: &str = ".rewriting";

/// Rewrites `data.json` under the mark. Where that fails and the file is the old one the mark goes,
/// unless it stood for an earlier rewrite.
pub(super) fn marked<T>(
    posts: &Path,
    rewrite: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let data = posts.join("data.json");
    let file = || {
        let meta = fs::metadata(&data).ok()?;
        Some((meta.len(), meta.modified().ok()?))
    };
    let (stood, before) = (stands(posts), file());
    write(posts)?;
    let outcome = rewrite();
    if outcome.is_err() && !stood && file() == before {
        clear(posts)?;
    }
    outcome
}

/// Sets the mark, durable before anything is replaced.
pub(super) fn write(posts: &Path) -> io::Result<()> {
    fs::File::create(posts.join(FILE))?.sync_all()?;
    atomic::sync_folder(posts)
}

/// Whether a rewrite was begun that the ledger may not tell of.
pub(super) fn stands(posts: &Path) -> bool {
    posts.join(FILE).exists()
}

/// Takes the mark away, once the ledger tells of the rewrite.
pub(super) fn clear(posts: &Path) -> io::Result<()> {
    match fs::remove_file(posts.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
