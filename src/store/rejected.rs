//! `rejected.jsonl`: records that could not be read, so that none is dropped in silence.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

use fs_err as fs;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::StoreError;

const FILE: &str = "rejected.jsonl";

/// How many listed records are remembered, at some 16 bytes each; what is met again beyond them is
/// listed again.
const REMEMBERED: usize = 400_000;

/// One record that could not be read. One line of `rejected.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The list beside `data.json`, open for adding.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Hashes of the records listed; `None` until the first is added.
    listed: Option<HashSet<u64>>,
    hasher: RandomState,
}

impl List {
    /// Appends records, synced to disk, but not those that an earlier import of the same file listed.
    pub(super) fn append(
        &mut self,
        posts: &Path,
        rejected: &[RejectedRecord],
    ) -> Result<(), StoreError> {
        if rejected.is_empty() {
            return Ok(());
        }
        let path = posts.join(FILE);
        let listed = match &mut self.listed {
            Some(listed) => listed,
            none => none.insert(read(&path, &self.hasher)?),
        };
        let mut lines = Vec::new();
        for record in rejected {
            let hash = hash(record, &self.hasher);
            if listed.contains(&hash) {
                continue;
            }
            if listed.len() < REMEMBERED {
                listed.insert(hash);
            }
            serde_json::to_writer(&mut lines, record).map_err(io::Error::from)?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?;
        file.write_all(&lines)?;
        file.sync_data()?;
        Ok(())
    }
}

/// What is listed already; an unfinished last line of a writer that was killed is cut off.
fn read(path: &Path, hasher: &RandomState) -> Result<HashSet<u64>, StoreError> {
    let mut listed = HashSet::new();
    let file = match fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
        Err(error) => return Err(error.into()),
    };
    let mut reader = io::BufReader::new(&file);
    let mut line = Vec::new();
    let mut whole = 0;
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() != Some(&b'\n') {
            file.set_len(whole)?;
            break;
        }
        whole += line.len() as u64;
        if listed.len() < REMEMBERED
            && let Ok(record) = serde_json::from_slice(&line)
        {
            listed.insert(hash(&record, hasher));
        }
        line.clear();
    }
    Ok(listed)
}

/// A record's identity: all but the run that met it.
fn hash(record: &RejectedRecord, hasher: &RandomState) -> u64 {
    hasher.hash_one((&record.file, &record.place, &record.reason, &record.excerpt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(numbers: std::ops::Range<u64>, run: &str) -> Vec<RejectedRecord> {
        numbers
            .map(|number| RejectedRecord {
                run: run.into(),
                file: "posts.ndjson".into(),
                place: format!("line {number}"),
                reason: "not JSON".into(),
                excerpt: "{".into(),
            })
            .collect()
    }

    #[test]
    fn reading_a_file_again_listed_its_records_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = List::default();
        list.append(folder.path(), &records(0..2, "a")).unwrap();
        list.append(folder.path(), &records(2..3, "a")).unwrap();
        let path = folder.path().join(FILE);
        let mut text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        // The next import meets them again, and one more, behind the rest of a torn line.
        fs::write(&path, text.clone() + &text[..20]).unwrap();
        let mut list = List::default();
        list.append(folder.path(), &records(0..4, "b")).unwrap();
        let last = serde_json::to_string(&records(3..4, "b")[0]).unwrap();
        text.push_str(&last);
        text.push('\n');
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
