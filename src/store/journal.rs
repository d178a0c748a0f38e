//! Ledgers of which the last line about a thing counts: lines are only appended, each the whole
//! state of what it is about. An unfinished last line is ignored.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// A line of a [`Journal`].
pub trait JournalLine: Serialize + DeserializeOwned {
    /// What tells the things apart that lines are about.
    type Key: Ord;
    /// The file's name.
    const FILE: &'static str;

    /// What the line is about.
    fn key(&self) -> Self::Key;
}

/// A ledger as read, open for adding.
#[derive(Debug)]
pub struct Journal<L: JournalLine> {
    path: PathBuf,
    lines: BTreeMap<L::Key, L>,
    /// Bytes of whole lines; what follows is the rest of an interrupted write.
    length: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
}

impl<L: JournalLine> Journal<L> {
    /// Reads the ledger of a folder; an empty one where there is no file.
    ///
    /// # Errors
    /// The disk's own.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(L::FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        let mut journal = Self {
            path,
            lines: BTreeMap::new(),
            length: whole as u64,
            unreadable: 0,
        };
        for line in text[..whole].split(|&byte| byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<L>(line) {
                Ok(line) => {
                    journal.lines.insert(line.key(), line);
                }
                Err(_) => journal.unreadable += 1,
            }
        }
        Ok(journal)
    }

    /// Appends lines in one write and syncs them to disk.
    ///
    /// # Errors
    /// The disk's own; what was there before is unharmed.
    pub fn put(&mut self, lines: Vec<L>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for line in &lines {
            serde_json::to_writer(&mut text, line).map_err(io::Error::from)?;
            text.push(b'\n');
        }
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?;
        // The rest of an interrupted write would make our first line unreadable.
        file.set_len(self.length)?;
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // Best effort: an unfinished line is also ignored by every reader.
            let _ = file.set_len(self.length);
            return Err(error.into());
        }
        self.length += text.len() as u64;
        for line in lines {
            self.lines.insert(line.key(), line);
        }
        Ok(())
    }

    /// The last line about a thing.
    pub fn get(&self, key: &L::Key) -> Option<&L> {
        self.lines.get(key)
    }

    /// The last line about each thing, in the order of their keys.
    pub fn lines(&self) -> impl Iterator<Item = &L> {
        self.lines.values()
    }
}
