//! `rejected.jsonl`: records that could not be read, so that none is dropped in silence.

use std::io::Write;
use std::path::Path;

use fs_err as fs;
use serde::Serialize;

use super::StoreError;

/// One record that could not be read. One line of `rejected.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRecord {
    /// The run that met it.
    pub run: String,
    /// The file that it stands in.
    pub file: String,
    /// Where in the file.
    pub place: String,
    /// Why it cannot be read.
    pub reason: String,
    /// The beginning of its text.
    pub excerpt: String,
}

/// Appends records to the list beside `data.json`.
pub(super) fn append(posts: &Path, rejected: &[RejectedRecord]) -> Result<(), StoreError> {
    if rejected.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    for record in rejected {
        serde_json::to_writer(&mut lines, record).map_err(std::io::Error::from)?;
        lines.push(b'\n');
    }
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(posts.join("rejected.jsonl"))?;
    file.write_all(&lines)?;
    file.sync_data()?;
    Ok(())
}
