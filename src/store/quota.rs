//! How many requests were sent per client key and day, shared by all processes of a person.
//!
//! The key itself is never written: the file's name is a hash of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;

/// Days kept in the file.
const KEPT: usize = 60;

/// One day's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUse {
    /// Requests sent, failed ones included.
    pub requests: u64,
    /// Of these, failed.
    #[serde(default)]
    pub failed: u64,
    /// The server said that the day's quota is used up. Asking again is not forbidden by this: it
    /// may have been said too long after midnight.
    #[serde(default)]
    pub exhausted: bool,
    /// Requests set aside for comments; others may not use them.
    #[serde(default)]
    pub reserved: u64,
    /// Of these, sent.
    #[serde(default)]
    pub from_reserve: u64,
}

/// The counter of one client key.
#[derive(Clone, Debug)]
pub struct Quota {
    path: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Days {
    #[serde(default)]
    days: BTreeMap<Date, DayUse>,
}

impl Quota {
    /// The counter for whatever names the client (its key, and the server if it is not TikTok's).
    pub fn of(folder: &Path, client: &str) -> Self {
        let hash = Sha256::digest(client);
        let mut name = String::from("quota-");
        for byte in &hash[..8] {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            path: folder.join(name + ".json"),
        }
    }

    /// The counter beside this one of what has a quota of its own.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            path: self.path.with_file_name(format!("{stem}-{name}.json")),
        }
    }

    /// A day's requests so far.
    ///
    /// # Errors
    /// The disk's own.
    pub fn used(&self, day: Date) -> Result<DayUse, StoreError> {
        match fs::File::open(&self.path) {
            Ok(mut file) => {
                file.file().lock_shared()?;
                Ok(read(&mut file)?.days.get(&day).copied().unwrap_or_default())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(DayUse::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts a request unless the day's limit is reached; says what was used before it.
    ///
    /// # Errors
    /// The disk's own.
    pub fn take(&self, day: Date, limit: u64) -> Result<Option<DayUse>, StoreError> {
        self.change(day, |used| {
            let others = used.requests.saturating_sub(used.from_reserve);
            let aside = used.reserved.max(used.from_reserve);
            if used.requests >= limit || others >= limit.saturating_sub(aside) {
                return None;
            }
            let before = *used;
            used.requests += 1;
            Some(before)
        })
    }

    /// As [`Quota::take`], from so many of the day's requests as are set aside by this.
    ///
    /// # Errors
    /// The disk's own.
    pub fn take_from_reserve(
        &self,
        day: Date,
        limit: u64,
        reserve: u64,
    ) -> Result<Option<DayUse>, StoreError> {
        self.change(day, |used| {
            used.reserved = reserve.min(limit);
            if used.requests >= limit || used.from_reserve >= used.reserved {
                return None;
            }
            let before = *used;
            used.requests += 1;
            used.from_reserve += 1;
            Some(before)
        })
    }

    /// Enters that a request failed, or (`exhausted`) that the server refuses more today.
    ///
    /// # Errors
    /// The disk's own.
    pub fn failed(&self, day: Date, exhausted: bool) -> Result<(), StoreError> {
        self.change(day, |used| {
            used.failed += 1;
            used.exhausted |= exhausted;
        })
    }

    fn change<T>(&self, day: Date, change: impl FnOnce(&mut DayUse) -> T) -> Result<T, StoreError> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)?;
        // Another process waits here for a moment, never longer than one small write.
        file.file().lock()?;
        let mut days = read(&mut file)?;
        let result = change(days.days.entry(day).or_default());
        while days.days.len() > KEPT {
            days.days.pop_first();
        }
        let mut text = serde_json::to_vec(&days).map_err(io::Error::from)?;
        text.push(b'\n');
        file.rewind()?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)?;
        Ok(result)
    }
}

/// A file that a power cut has spoiled counts from nothing: the server's own count still holds.
fn read(file: &mut fs::File) -> io::Result<Days> {
    let mut text = String::new();
    file.rewind()?;
    match file.read_to_string(&mut text) {
        Ok(_) => Ok(serde_json::from_str(text.trim_matches(['\0', '\n'])).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Days::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_is_set_aside_is_left_by_others_and_never_exceeded() {
        let folder = tempfile::tempdir().unwrap();
        let day = date(2024, 5, 1);
        let quota = Quota::of(folder.path(), "awabc123");
        let take = |times: u64| {
            (0..times)
                .filter(|_| quota.take(day, 10).unwrap().is_some())
                .count()
        };
        let share = |times: u64| {
            (0..times)
                .filter(|_| quota.take_from_reserve(day, 10, 3).unwrap().is_some())
                .count()
        };
        assert_eq!(share(1), 1);
        assert_eq!(take(9), 7, "three are set aside");
        assert_eq!(share(9), 2);
        assert_eq!(quota.used(day).unwrap().requests, 10);
        assert_eq!((take(1), share(1)), (0, 0));
        assert_eq!(quota.beside("relations").used(day).unwrap().requests, 0);
    }

    #[test]
    fn requests_of_all_processes_are_counted_and_the_key_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let day = date(2024, 5, 1);
        let (one, two) = (
            Quota::of(folder.path(), "awabc123"),
            Quota::of(folder.path(), "awabc123"),
        );
        std::thread::scope(|scope| {
            for quota in [&one, &two] {
                scope.spawn(move || {
                    for _ in 0..50 {
                        quota.take(day, 80).unwrap();
                    }
                });
            }
        });
        assert_eq!(one.used(day).unwrap().requests, 80);
        assert_eq!(one.take(day, 80).unwrap(), None);
        assert_eq!(
            one.take(date(2024, 5, 2), 80).unwrap(),
            Some(DayUse::default())
        );
        one.failed(day, true).unwrap();
        let used = two.used(day).unwrap();
        assert!(used.exhausted && used.failed == 1);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(!entry.file_name().to_string_lossy().contains("awabc123"));
            assert!(
                !fs::read_to_string(entry.path())
                    .unwrap()
                    .contains("awabc123")
            );
        }
    }
}
