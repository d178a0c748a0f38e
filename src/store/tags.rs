//! A data directory: is it one, and whose posts does it hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::rewrite::backup;
use super::runs::Ledger;
use super::{StoreError, atomic, ids, names};
use crate::model::Hashtag;

/// Version of the store's format that this program writes.
const FORMAT: u64 = 1;
const MANIFEST: &str = "cotag.json";
/// Files that tell of records, each enough to have a folder looked at.
const TRACES: [&str; 4] = ["data.json", "runs.jsonl", "windows.jsonl", "asked.jsonl"];

/// `cotag.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    cotag_store: u64,
    /// Folder → hashtag, for folders whose name is not the hashtag itself.
    #[serde(default)]
    folders: BTreeMap<String, String>,
}

/// A data directory, opened for reading.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    folders: BTreeMap<String, String>,
}

/// A hashtag's place in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTag {
    /// The hashtag.
    pub tag: Hashtag,
    /// Its `posts` folders: one, or several where another tool kept spellings apart (`London`, `london`).
    pub posts: Vec<PathBuf>,
}

impl StoredTag {
    /// The files with its posts.
    pub fn data_files(&self) -> impl Iterator<Item = PathBuf> {
        self.posts.iter().map(|folder| folder.join("data.json"))
    }
}

impl Store {
    /// Opens a data directory to read it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::NotAStore`], [`StoreError::OtherTool`],
    /// [`StoreError::NewerFormat`], a damaged manifest, or the disk's own errors.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        if !root.exists() {
            return Err(StoreError::Missing(root.to_owned()));
        }
        match Self::manifest(root)? {
            Some(store) => Ok(store),
            None => {
                if let Err(error) = adoptable(root) {
                    // A first writer may have made the directory ours since we looked: it writes
                    // the manifest before any folder.
                    return Self::manifest(root)?.ok_or(error);
                }
                Ok(Self {
                    root: root.to_owned(),
                    folders: BTreeMap::new(),
                })
            }
        }
    }

    /// Whether a directory has our manifest.
    pub(super) fn is_ours(root: &Path) -> bool {
        root.join(MANIFEST).is_file()
    }

    /// Opens a data directory to write to it; makes it where there is none, adopts a v1 tree.
    pub(super) fn create(root: &Path) -> Result<Self, StoreError> {
        if let Some(store) = Self::manifest(root)? {
            return Ok(store);
        }
        if root.exists() {
            adoptable(root)?;
        }
        let store = Self {
            root: root.to_owned(),
            folders: BTreeMap::new(),
        };
        fs::create_dir_all(root.join("ids"))?;
        store.write_manifest()?;
        Ok(store)
    }

    fn manifest(root: &Path) -> Result<Option<Self>, StoreError> {
        let path = root.join(MANIFEST);
        let Some(text) = atomic::text(&path)? else {
            return Ok(None);
        };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| StoreError::Damaged {
                path,
                why: error.to_string(),
            })?;
        if manifest.cotag_store > FORMAT {
            return Err(StoreError::NewerFormat {
                root: root.to_owned(),
                version: manifest.cotag_store,
            });
        }
        Ok(Some(Self {
            root: root.to_owned(),
            folders: manifest.folders,
        }))
    }

    /// Writes a manifest that can no longer be read anew, hashtags taken from the ledgers; returns
    /// where the old one is kept.
    pub(super) fn mend_manifest(root: &Path) -> Result<Option<PathBuf>, StoreError> {
        match Self::manifest(root) {
            Err(StoreError::Damaged { .. }) => {}
            other => return other.map(|_| None),
        }
        let mut store = Self {
            root: root.to_owned(),
            folders: BTreeMap::new(),
        };
        for name in store.folder_names()? {
            let ledger = Ledger::read(&root.join(&name).join("posts"))?;
            if let Some(tag) = ledger.runs.first().map(|run| run.hashtag.clone())
                && Hashtag::new(&tag) != Hashtag::new(&name)
            {
                store.folders.insert(name, tag);
            }
        }
        let backup = backup(&root.join(MANIFEST))?;
        store.write_manifest()?;
        Ok(Some(backup))
    }

    fn write_manifest(&self) -> Result<(), StoreError> {
        let manifest = Manifest {
            cotag_store: FORMAT,
            folders: self.folders.clone(),
        };
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        atomic::replace(&self.root.join(MANIFEST), |out| {
            out.write_all(&text)?;
            out.write_all(b"\n")
        })?;
        Ok(())
    }

    /// Where the store lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All stored hashtags, sorted by code point.
    ///
    /// # Errors
    /// The disk's own.
    pub fn tags(&self) -> Result<Vec<StoredTag>, StoreError> {
        self.tags_where(|folder| folder.join("posts").join("data.json").is_file())
    }

    /// As [`Store::tags`], with those of which only a ledger or comments are left.
    pub(super) fn tags_told_of(&self) -> Result<Vec<StoredTag>, StoreError> {
        self.tags_where(|folder| {
            let has = |name: &str| {
                let folder = folder.join(name);
                TRACES.iter().any(|file| folder.join(file).is_file())
            };
            has("posts") || has("comments")
        })
    }

    fn tags_where(&self, holds: impl Fn(&Path) -> bool) -> Result<Vec<StoredTag>, StoreError> {
        let mut tags: BTreeMap<Hashtag, Vec<PathBuf>> = BTreeMap::new();
        for name in self.folder_names()? {
            let folder = self.root.join(&name);
            if let Some(tag) = self.tag_of(&name)
                && holds(&folder)
            {
                let posts = folder.join("posts");
                tags.entry(tag).or_default().push(posts);
            }
        }
        Ok(tags
            .into_iter()
            .map(|(tag, posts)| StoredTag { tag, posts })
            .collect())
    }

    /// A hashtag's place.
    ///
    /// # Errors
    /// [`StoreError::NotStored`], which lists what is stored.
    pub fn find(&self, tag: &Hashtag) -> Result<StoredTag, StoreError> {
        let tags = self.tags()?;
        let stored = tags.iter().map(|stored| stored.tag.to_string()).collect();
        tags.into_iter()
            .find(|stored| stored.tag == *tag)
            .ok_or_else(|| StoreError::NotStored {
                tag: tag.to_string(),
                root: self.root.clone(),
                stored,
            })
    }

    /// The `posts` folder to write a hashtag's posts to, made where it is missing.
    pub(super) fn folder_for_writing(&mut self, tag: &Hashtag) -> Result<PathBuf, StoreError> {
        let existing: BTreeSet<String> = self.folder_names()?.into_iter().collect();
        let of_tag = |name: &&String| self.tag_of(name).as_ref() == Some(tag);
        let name = match existing
            .iter()
            .find(|name| name.as_str() == tag.as_str() && of_tag(name))
        {
            Some(same) => same.clone(),
            None => match existing.iter().find(of_tag) {
                Some(other) => other.clone(),
                None => names::folder_for(tag, &existing, &self.folders),
            },
        };
        if name != tag.as_str() && !existing.contains(&name) {
            self.folders.insert(name.clone(), tag.to_string());
            self.write_manifest()?;
        }
        let posts = self.root.join(&name).join("posts");
        let videos = self.root.join(&name).join("videos");
        if !(posts.is_dir() && videos.is_dir()) {
            fs::create_dir_all(&posts)?;
            fs::create_dir_all(videos)?;
            atomic::sync_folder(&self.root)?;
        }
        Ok(posts)
    }

    /// The hashtag whose folder this is.
    fn tag_of(&self, name: &str) -> Option<Hashtag> {
        if names::LATER.contains(&name) && self.root.join(name).join("posts").is_dir() {
            return Hashtag::new(name);
        }
        names::tag_of(name, &self.folders)
    }

    fn folder_names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            // Names that are no UTF-8 cannot be ours.
            if entry.file_type()?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Whether a directory without a manifest may become ours: it is empty, or laid out like the seed tool's.
fn adoptable(root: &Path) -> Result<(), StoreError> {
    let mut others = Vec::new();
    let mut v1 = ids::post_ids_path(root).is_file();
    let mut v2 = false;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "logfile.log" {
            continue;
        }
        v1 |= entry.path().join("posts").join("data.json").is_file();
        v2 |= entry.path().join("posts.json").is_file();
        let reserved = names::RESERVED.contains(&name.as_str());
        // Any program may have users and comments.
        if !reserved || names::LATER.contains(&name.as_str()) {
            others.push(name);
        }
    }
    others.sort();
    if v1 || others.is_empty() {
        Ok(())
    } else if v2 {
        Err(StoreError::OtherTool(root.to_owned()))
    } else {
        let more = others.len().saturating_sub(3);
        others.truncate(3);
        let mut found: Vec<String> = others
            .iter()
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        if more > 0 {
            found.push(format!("{more} more"));
        }
        Err(StoreError::NotAStore {
            root: root.to_owned(),
            found: found.join(", "),
        })
    }
}
