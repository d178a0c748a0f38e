//! `runs.jsonl`: what was done to a hashtag's posts, when, with what, and the hash of the bytes it added.
//!
//! Each line carries its own hash and that of the line before it, so a later change of either file shows.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MediaFile, StoreError, atomic};

/// Name of the ledger beside `data.json`.
pub(super) const FILE: &str = "runs.jsonl";

/// One collection, import or repair. One line of `runs.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Unique id, also in `_cotag.run` of every post that it stored.
    pub run: String,
    /// What was done: `import`, `repair`, …
    pub command: String,
    /// cotag's version.
    pub version: String,
    /// Where the posts came from (`import`, `research`, `browser`, `synthetic`).
    pub origin: String,
    /// The hashtag they were stored for.
    pub hashtag: String,
    /// Start of the run (UTC).
    pub started: Timestamp,
    /// End of the run (UTC).
    pub finished: Timestamp,
    /// The files read, or the query asked.
    pub inputs: Vec<RunInput>,
    /// Records read.
    pub read: u64,
    /// Posts added.
    pub new: u64,
    /// Posts that were already stored.
    pub known: u64,
    /// Stored posts replaced by a newer fetch.
    pub updated: u64,
    /// Stored posts removed since they are gone at their source.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u64,
    /// Posts not stored since they were removed before; see `tombstones.jsonl`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tombstoned: u64,
    /// Posts that do not carry the hashtag.
    pub without_tag: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// Why it ended.
    pub stopped: String,
    /// Posts stored for the hashtag after the run.
    pub posts: u64,
    /// The bytes of `data.json` that the run wrote.
    pub data: Segment,
    /// Files of media that it fetched or found; see `media`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaFile>,
    /// SHA-256 of the line before this one; `None` for the first.
    pub previous: Option<String>,
}

/// An input of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    /// The path as given, `-` for standard input.
    pub path: String,
    /// What the file was recognised as.
    pub kind: String,
    /// Size in bytes as read (compressed where it was compressed).
    pub bytes: u64,
    /// SHA-256 of those bytes; empty where the input was not read to its end.
    pub sha256: String,
    /// Why it was not read to its end; absent where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// A range of `data.json`, without the closing bracket, and its SHA-256.
///
/// Ranges of successive runs join; one that starts at 0 replaces all before it (a rewrite).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// First byte.
    pub from: u64,
    /// One past the last byte.
    pub to: u64,
    /// Hash of the bytes between, in hexadecimal.
    pub sha256: String,
}

/// A ledger as read.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) runs: Vec<Run>,
    /// Hash of the last whole line.
    pub(super) head: Option<String>,
    /// Bytes of whole lines; what follows is the rest of an interrupted write.
    pub(super) length: u64,
    /// Numbers (from 1) of lines that are no run of ours or do not follow from the line before.
    pub(super) broken: Vec<usize>,
}

impl Ledger {
    /// Reads a ledger; a missing one is empty. An unfinished last line is ignored.
    pub(super) fn read(posts: &Path) -> Result<Self, StoreError> {
        let text = match fs::read(posts.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        let mut ledger = Self {
            length: whole as u64,
            ..Self::default()
        };
        for (number, line) in text[..whole].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Run>(line) {
                Ok(run) => {
                    if run.previous != ledger.head || !is_sealed(line) {
                        ledger.broken.push(number + 1);
                    }
                    ledger.runs.push(run);
                }
                Err(_) => ledger.broken.push(number + 1),
            }
            ledger.head = Some(hex(&Sha256::digest(line)));
        }
        Ok(ledger)
    }

    /// Writes a ledger anew, each line chained to the one before.
    pub(super) fn rechained(posts: &Path, runs: Vec<Run>) -> Result<Self, StoreError> {
        let mut ledger = Self::default();
        let mut text = Vec::new();
        for run in runs {
            text.extend(ledger.chained(run)?);
        }
        // At once: a kill between two lines would lose those that follow.
        atomic::replace(&posts.join(FILE), |out| out.write_all(&text))?;
        Ok(ledger)
    }

    /// The line of a run that follows the last one.
    fn chained(&mut self, mut run: Run) -> io::Result<Vec<u8>> {
        run.previous = self.head.take();
        let mut line = serde_json::to_vec(&run)?;
        seal(&mut line);
        self.head = Some(hex(&Sha256::digest(&line)));
        line.push(b'\n');
        self.length += line.len() as u64;
        self.runs.push(run);
        Ok(line)
    }

    /// Appends a run, chained to the last one, and syncs it to disk.
    pub(super) fn append(&mut self, posts: &Path, run: Run) -> Result<(), StoreError> {
        let whole = self.length;
        let line = self.chained(run)?;
        let path = posts.join(FILE);
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)?;
        file.set_len(whole)?;
        file.write_all(&line)?;
        Ok(file.sync_data()?)
    }
}

impl Run {
    /// A run that the store itself makes, to vouch for what it mended.
    pub(super) fn of_store(
        command: &str,
        model: &Self,
        stopped: String,
        posts: u64,
        data: Segment,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            run: new_id(now),
            command: command.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: model.origin.clone(),
            hashtag: model.hashtag.clone(),
            started: now,
            finished: now,
            stopped,
            posts,
            data,
            ..Self::default()
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Adds a line's own hash as its last field, so that a change of the last line shows too.
fn seal(line: &mut Vec<u8>) {
    let hash = hex(&Sha256::digest(&line));
    line.pop();
    line.extend_from_slice(SEAL);
    line.extend_from_slice(hash.as_bytes());
    line.extend_from_slice(b"\"}");
}

const SEAL: &[u8] = b",\"sha256\":\"";

/// Whether a line is as it was written.
fn is_sealed(line: &[u8]) -> bool {
    let inside = line.strip_suffix(b"\"}").unwrap_or_default();
    let Some((fields, hash)) = inside.split_at_checked(inside.len().saturating_sub(64)) else {
        return false;
    };
    let Some(fields) = fields.strip_suffix(SEAL) else {
        return false;
    };
    let written = Sha256::new().chain_update(fields).chain_update(b"}");
    hex(&written.finalize()).as_bytes() == hash
}

/// A new run's id: its start to the microsecond. Only one run at a time can write to a store.
pub fn new_id(start: Timestamp) -> String {
    start.strftime("%Y%m%dT%H%M%S%.6fZ").to_string()
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger of three runs and its text.
    fn written() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::default();
        for number in 1..=3 {
            let run = Run {
                run: format!("run{number}"),
                read: number,
                ..Run::default()
            };
            ledger.append(folder.path(), run).unwrap();
        }
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        (folder, text)
    }

    fn broken(folder: &Path, text: &str) -> Vec<usize> {
        fs::write(folder.join(FILE), text).unwrap();
        Ledger::read(folder).unwrap().broken
    }

    #[test]
    fn a_change_of_the_last_line_went_unseen() {
        let (folder, text) = written();
        assert!(broken(folder.path(), &text).is_empty());
        let changed = text.replace("\"read\":3", "\"read\":4");
        assert_eq!(broken(folder.path(), &changed), [3]);
    }

    #[test]
    fn every_change_of_a_byte_shows() {
        let (folder, text) = written();
        for at in (0..text.len() - 1).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!broken(folder.path(), &changed).is_empty(), "byte {at}");
        }
    }

    #[test]
    fn lines_removed_or_moved_show() {
        let (folder, text) = written();
        let lines: Vec<&str> = text.lines().collect();
        for (order, found) in [
            (&[1, 2][..], vec![1]),
            (&[0, 2], vec![2]),
            (&[1, 0, 2], vec![1, 2, 3]),
            (&[0, 0, 1, 2], vec![2]),
        ] {
            let changed: Vec<&str> = order.iter().map(|&at| lines[at]).collect();
            let changed = changed.join("\n") + "\n";
            assert_eq!(broken(folder.path(), &changed), found, "{order:?}");
        }
    }

    #[test]
    fn an_unfinished_line_is_written_over_by_the_next_run() {
        let (folder, text) = written();
        for cut in 1..200 {
            fs::write(folder.path().join(FILE), &text[..text.len() - cut]).unwrap();
            let mut ledger = Ledger::read(folder.path()).unwrap();
            assert_eq!((ledger.runs.len(), ledger.broken.len()), (2, 0));
            ledger.append(folder.path(), Run::default()).unwrap();
            let ledger = Ledger::read(folder.path()).unwrap();
            assert_eq!((ledger.runs.len(), ledger.broken.len()), (3, 0));
        }
    }
}
