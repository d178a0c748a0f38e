//! What an import did, a row per hashtag.

use super::sheet::{Cell, Heading, Sheet};

/// What happened for one hashtag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// Without `#`.
    pub hashtag: String,
    /// Records read.
    pub read: u64,
    /// Posts stored.
    pub new: u64,
    /// Posts that were stored before.
    pub known: u64,
    /// Stored posts replaced by a newer fetch.
    pub updated: u64,
    /// Posts that do not carry the hashtag.
    pub without_tag: u64,
    /// Records that could not be read.
    pub rejected: u64,
}

/// The summary as a table.
pub fn import_summary(rows: &[ImportRow]) -> String {
    let heading = |key, title| Heading { key, title };
    Sheet::new(
        vec![
            heading("hashtag", "Hashtag"),
            heading("read", "Read"),
            heading("new", "New"),
            heading("known", "Already stored"),
            heading("updated", "Updated"),
            heading("without_tag", "Without the tag"),
            heading("rejected", "Rejected"),
        ],
        rows.iter()
            .map(|row| {
                let counts = [
                    row.read,
                    row.new,
                    row.known,
                    row.updated,
                    row.without_tag,
                    row.rejected,
                ];
                std::iter::once(Cell::Text(row.hashtag.clone()))
                    .chain(counts.map(Cell::Count))
                    .collect()
            })
            .collect(),
    )
    .table()
}
