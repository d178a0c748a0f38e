//! Where the lists of `post_ids.json` end, to add to them without reading the file.
//!
//! `ids/.ends.json` is a cache. It holds for the file of the length and time that it names, so that
//! a list that somebody edited is looked through and made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::post_ids_path;

/// Where one list ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct ListEnd {
    /// Bytes of the file up to behind the list's last id.
    pub(super) place: u64,
    /// That id.
    pub(super) last: u64,
    /// How many ids the list has.
    pub(in crate::store) posts: u64,
}

/// Where the lists end.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Ends {
    /// Length of the file, and when it was written, in nanoseconds since 1970.
    file: (u64, u64),
    lists: BTreeMap<String, ListEnd>,
}

impl Ends {
    /// What is noted, if it is noted of the file as it stands now.
    pub(in crate::store) fn read(root: &Path) -> Option<Self> {
        let noted: Self = serde_json::from_slice(&fs::read(path(root)).ok()?).ok()?;
        (noted.file == stamp(root)?).then_some(noted)
    }

    pub(in crate::store) fn get(&self, key: &str) -> Option<ListEnd> {
        self.lists.get(key).copied()
    }

    pub(in crate::store) fn set(&mut self, key: &str, end: ListEnd) {
        self.lists.insert(key.to_owned(), end);
    }

    /// Whether a list's end is noted; an empty list has none.
    pub(in crate::store) fn has(&self, key: &str) -> bool {
        self.lists.contains_key(key)
    }

    /// Notes the ends, for the file as it stands now.
    pub(in crate::store) fn save(mut self, root: &Path) {
        let noted = stamp(root).and_then(|file| {
            self.file = file;
            serde_json::to_vec(&self).ok()
        });
        // Without it the next writer reads the lists.
        let path = path(root);
        let saved = noted.is_some_and(|noted| fs::write(&path, noted).is_ok());
        if !saved {
            let _ = fs::remove_file(path);
        }
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("ids").join(".ends.json")
}

fn stamp(root: &Path) -> Option<(u64, u64)> {
    let meta = fs::metadata(post_ids_path(root)).ok()?;
    let since = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((meta.len(), u64::try_from(since.as_nanos()).ok()?))
}
