//! What refreshing posts leaves behind: old figures, posts that were not found once, and tombstones.
//!
//! ```text
//! data/london/posts/history.jsonl     figures that a newer fetch replaced
//! data/london/posts/missing.jsonl     posts that were not found, and when
//! data/london/posts/tombstones.jsonl  posts that were removed since they are gone
//! ```

use std::io::{self, Write as _};
use std::path::Path;

use fs_err as fs;
use hashbrown::HashSet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::journal::{Journal, JournalLine};
use crate::model::Counts;

const HISTORY: &str = "history.jsonl";

/// A post that was not found. A line of `missing.jsonl`; the last one about a post counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLine {
    /// The post.
    pub id: String,
    /// When it was first not found, since it was last found.
    pub first: Timestamp,
    /// When it was last looked for.
    pub last: Timestamp,
    /// It has been found again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
}

impl JournalLine for MissingLine {
    type Key = String;
    const FILE: &'static str = "missing.jsonl";

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// The posts of a folder that were not found.
pub type Missing = Journal<MissingLine>;

/// A post that was removed. A line of `tombstones.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The post.
    pub id: String,
    /// When it was removed.
    pub removed: Timestamp,
    /// When it was last fetched, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// How it is known to be gone.
    pub why: String,
    /// The run that removed it.
    pub run: String,
}

impl JournalLine for Tombstone {
    type Key = String;
    const FILE: &'static str = "tombstones.jsonl";

    fn key(&self) -> String {
        self.id.clone()
    }
}

/// The posts of a folder that were removed.
pub type Tombstones = Journal<Tombstone>;

/// A post's figures as they were. A line of `history.jsonl`; after a crash the same may stand there twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The post.
    pub id: String,
    /// When it had these figures, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// When it was fetched anew.
    pub until: Timestamp,
    /// Plays; what was missing is missing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_count: Option<u64>,
    /// Likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like_count: Option<u64>,
    /// Comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_count: Option<u64>,
    /// Shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_count: Option<u64>,
    /// Times saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favorites_count: Option<u64>,
}

impl HistoryLine {
    /// Figures that are about to be replaced.
    pub fn new(id: String, fetched: Option<Timestamp>, until: Timestamp, counts: Counts) -> Self {
        Self {
            id,
            fetched,
            until,
            view_count: counts.views,
            like_count: counts.likes,
            comment_count: counts.comments,
            share_count: counts.shares,
            favorites_count: counts.saves,
        }
    }
}

/// Appends figures in one write, synced to disk.
pub(super) fn append_history(posts: &Path, lines: &[HistoryLine]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut text = Vec::new();
    let path = posts.join(HISTORY);
    let mut file = fs::OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(&path)?;
    if !ends_whole(&path)? {
        // The rest of an interrupted write becomes a line that readers pass over.
        text.push(b'\n');
    }
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(io::Error::from)?;
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_data()?;
    Ok(())
}

/// What a refresh has left behind about a hashtag's posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Posts that were removed.
    pub tombstones: Vec<Tombstone>,
    /// Posts that were not found when they were last looked for.
    pub missing: Vec<MissingLine>,
    /// Figures that were replaced.
    pub history: Vec<HistoryLine>,
}

impl Gone {
    /// That of a folder. A line of the history that cannot be read is passed over.
    pub(super) fn read(posts: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            tombstones: Tombstones::read(posts)?.lines().cloned().collect(),
            missing: Missing::read(posts)?
                .lines()
                .filter(|line| !line.found)
                .cloned()
                .collect(),
            history: read_history(posts)?,
        })
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.tombstones.is_empty() && self.missing.is_empty() && self.history.is_empty()
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.tombstones.extend(other.tombstones);
        self.missing.extend(other.missing);
        self.history.extend(other.history);
    }
}

fn read_history(posts: &Path) -> Result<Vec<HistoryLine>, StoreError> {
    let text = match fs::read(posts.join(HISTORY)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Figures that a folder's history does not have yet.
pub(super) fn new_figures(
    posts: &Path,
    lines: Vec<HistoryLine>,
) -> Result<Vec<HistoryLine>, StoreError> {
    let known: HashSet<(String, Option<Timestamp>)> = read_history(posts)?
        .into_iter()
        .map(|line| (line.id, line.fetched))
        .collect();
    let is_new = |line: &HistoryLine| !known.contains(&(line.id.clone(), line.fetched));
    Ok(lines.into_iter().filter(is_new).collect())
}

fn ends_whole(path: &Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = fs::File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
