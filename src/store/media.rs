//! Media of posts on disk: `<tag>/videos/`, `ids/video_ids.json`, and their hashes in the ledger.
//!
//! A file has its name in `videos/` only when it is whole and synced; until then it lies in a
//! directory of the run that fetches it. So whatever stands there under a post's id is done, also
//! where a run was killed before it could say so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::runs::{Ledger, hex};
use super::{Finding, StoreError, TagWriter, Writer, atomic, ids};
use crate::model::PostId;

/// How the directories begin in which runs keep what is not whole.
const WORK: &str = ".cotag-fetch-";
/// Extensions of videos, whose file alone makes a post done.
const VIDEOS: [&str; 4] = ["mp4", "webm", "flv", "mov"];

/// A file of a post's media, as a run vouches for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFile {
    /// Its name in `videos/`.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// It was found there, not fetched by this run: from another tool, or from a run that was killed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub found: bool,
}

/// A hashtag's `videos` folder, open for adding.
#[derive(Debug)]
pub struct MediaFolder {
    root: PathBuf,
    key: String,
    videos: PathBuf,
    /// In the order of the file, and what may be asked of it.
    order: Vec<PostId>,
    known: HashSet<u64>,
    /// Files entered by this run.
    pub entered: Vec<MediaFile>,
    /// Posts recorded whose files are no longer there.
    pub moved: u64,
}

impl Writer {
    /// Opens the media of a hashtag: enters what stands there and no run has told of.
    ///
    /// # Errors
    /// The disk's own.
    pub fn media(&self, tag: &TagWriter) -> Result<MediaFolder, StoreError> {
        let root = self.store().root().to_owned();
        let posts = tag.folder();
        let videos = videos(posts);
        fs::create_dir_all(&videos)?;
        let key = ids::key(posts, &tag.tag);
        let order = listed(&root, &key)?;
        let mut folder = MediaFolder {
            known: order.iter().map(|id| id.get()).collect(),
            order,
            root,
            key,
            videos,
            entered: Vec::new(),
            moved: 0,
        };
        folder.enter_found(&Ledger::read(posts)?)?;
        Ok(folder)
    }
}

impl MediaFolder {
    /// Whether a post's media are recorded.
    pub fn has(&self, id: PostId) -> bool {
        self.known.contains(&id.get())
    }

    /// A new directory for a run's unfinished files, with the parts that earlier runs left.
    ///
    /// Parts are copied: what a killed run has left behind may still be writing to the old ones.
    ///
    /// # Errors
    /// The disk's own.
    pub fn work(&self, run: &str) -> Result<PathBuf, StoreError> {
        let work = self.videos.join(format!("{WORK}{run}"));
        fs::create_dir(&work)?;
        for entry in fs::read_dir(&self.videos)? {
            let entry = entry?;
            let old = entry.path();
            if old == work || !entry.file_name().to_string_lossy().starts_with(WORK) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                for part in fs::read_dir(&old)? {
                    let part = part?;
                    let name = part.file_name().to_string_lossy().into_owned();
                    // The others are files of one request, or whole ones whose end was not synced.
                    if part.file_type()?.is_file() && name.contains('.') {
                        let name = name.trim_end_matches(".part").to_owned() + ".part";
                        fs::copy(part.path(), work.join(name))?;
                    }
                }
                fs::remove_dir_all(&old)?;
            }
        }
        Ok(work)
    }

    /// Takes the whole files of a post: each synced, hashed, renamed; then the post is recorded.
    ///
    /// `parts` are files and the ends of their names: `.mp4`, `_01.jpg`.
    ///
    /// # Errors
    /// The disk's own; the post is then not recorded.
    pub fn take(&mut self, id: PostId, parts: &[(PathBuf, String)]) -> Result<(), StoreError> {
        let mut taken = Vec::new();
        for (path, end) in parts {
            let (bytes, sha256) = hash(path)?;
            fs::OpenOptions::new().write(true).open(path)?.sync_all()?;
            taken.push(MediaFile {
                name: format!("{id}{end}"),
                bytes,
                sha256,
                found: false,
            });
        }
        for ((path, _), file) in parts.iter().zip(&taken) {
            fs::rename(path, self.videos.join(&file.name))?;
        }
        atomic::sync_folder(&self.videos)?;
        self.entered.extend(taken);
        self.record(id);
        self.save()
    }

    /// Removes a run's directory; parts that can be continued keep it.
    ///
    /// # Errors
    /// The disk's own.
    pub fn leave(&self, work: &Path) -> Result<u64, StoreError> {
        let mut parts = 0;
        for entry in fs::read_dir(work)? {
            let path = entry?.path();
            let is_part = path
                .extension()
                .is_some_and(|extension| extension == "part");
            if is_part && fs::metadata(&path)?.len() > 0 {
                parts += 1;
            } else if path.is_file() {
                fs::remove_file(path)?;
            }
        }
        if parts == 0 {
            fs::remove_dir_all(work)?;
        }
        Ok(parts)
    }

    fn record(&mut self, id: PostId) {
        if self.known.insert(id.get()) {
            self.order.push(id);
        }
    }

    /// Records videos that stand in the folder, and hashes files that no run vouches for.
    fn enter_found(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        let told: HashSet<&str> = ledger
            .runs
            .iter()
            .flat_map(|run| run.media.iter().map(|file| file.name.as_str()))
            .collect();
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.videos)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        let before = self.order.len();
        let mut there = HashSet::new();
        for name in names {
            let Some((id, end)) = parsed(&name) else {
                continue;
            };
            there.insert(id.get());
            let is_video = end
                .strip_prefix('.')
                .is_some_and(|extension| VIDEOS.contains(&extension));
            // A picture alone does not say that all of its post are there.
            if is_video {
                self.record(id);
            }
            if self.has(id) && !told.contains(name.as_str()) {
                let (bytes, sha256) = hash(&self.videos.join(&name))?;
                self.entered.push(MediaFile {
                    name,
                    bytes,
                    sha256,
                    found: true,
                });
            }
        }
        self.moved = self
            .order
            .iter()
            .filter(|id| !there.contains(&id.get()))
            .count() as u64;
        if self.order.len() > before {
            self.save()?;
        }
        Ok(())
    }

    /// Rewrites this hashtag's list in `video_ids.json`, the others kept as they are.
    fn save(&self) -> Result<(), StoreError> {
        let path = ids::video_ids_path(&self.root);
        let text = atomic::text(&path)?.unwrap_or_default();
        let lists = lists(&path, &text)?;
        let keys: BTreeSet<&str> = lists
            .keys()
            .map(String::as_str)
            .chain([self.key.as_str()])
            .collect();
        fs::create_dir_all(self.root.join("ids"))?;
        atomic::replace(&path, |out| {
            let mut separator = "{\n";
            for key in keys {
                write!(out, "{separator}{}: ", serde_json::to_string(key)?)?;
                separator = ",\n";
                if key == self.key {
                    let ids: Vec<String> =
                        self.order.iter().map(|id| format!("\"{id}\"")).collect();
                    write!(out, "[{}]", ids.join(", "))?;
                } else {
                    out.write_all(lists[key].get().as_bytes())?;
                }
            }
            out.write_all(b"\n}\n")
        })?;
        Ok(())
    }
}

/// Media files that are not as a run of the ledger vouches for.
///
/// The last run that tells of a name counts.
pub(super) fn check(posts: &Path, ledger: &Ledger) -> Result<Vec<Finding>, StoreError> {
    let mut files: HashMap<&str, &MediaFile> = HashMap::new();
    for file in ledger.runs.iter().flat_map(|run| &run.media) {
        files.insert(&file.name, file);
    }
    let mut names: Vec<&str> = files.keys().copied().collect();
    names.sort_unstable();
    let mut findings = Vec::new();
    for name in &names {
        let told = files[name];
        // A changed ledger names any file; ours have names made of ids.
        let what = if parsed(name).is_none() {
            Some("the ledger names a file that is no post's".to_owned())
        } else {
            let path = videos(posts).join(name);
            match fs::metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Some("is in the ledger, but no longer there".to_owned())
                }
                Err(error) => return Err(error.into()),
                Ok(meta) if meta.len() != told.bytes => Some(format!(
                    "has {} bytes, the ledger says {}",
                    meta.len(),
                    told.bytes
                )),
                Ok(_) => (hash(&path)?.1 != told.sha256)
                    .then(|| "is not what was fetched: its hash differs".to_owned()),
            }
        };
        findings.extend(what.map(|what| Finding {
            file: videos(posts).join(name),
            what,
            unfinished: false,
        }));
    }
    Ok(findings)
}

/// The `videos` folder beside a `posts` folder.
fn videos(posts: &Path) -> PathBuf {
    posts.parent().unwrap_or(posts).join("videos")
}

/// Id and rest of a media file's name: `7189….mp4`, `7189…_01.jpg`.
fn parsed(name: &str) -> Option<(PostId, &str)> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (id, end) = name.split_at(digits);
    let (number, extension) = end.split_once('.')?;
    let is_number = number.is_empty()
        || number.strip_prefix('_').is_some_and(|number| {
            number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
        });
    let is_extension = (1..=5).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_number && is_extension).then_some((id.parse().ok()?, end))
}

/// Length and SHA-256 of a file.
fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
}

/// Ids recorded for a key, each once; names that are no ids are left out.
fn listed(root: &Path, key: &str) -> Result<Vec<PostId>, StoreError> {
    let path = ids::video_ids_path(root);
    let text = atomic::text(&path)?.unwrap_or_default();
    let lists = lists(&path, &text)?;
    let Some(list) = lists.get(key) else {
        return Ok(Vec::new());
    };
    let ids: Vec<String> =
        serde_json::from_str(list.get()).map_err(|error| StoreError::Damaged {
            path,
            why: format!("the list of `{key}` is no list of strings: {error}"),
        })?;
    let mut seen = HashSet::new();
    Ok(ids
        .iter()
        .filter_map(|id| id.parse().ok())
        .filter(|id: &PostId| seen.insert(id.get()))
        .collect())
}

fn lists<'t>(path: &Path, text: &'t str) -> Result<BTreeMap<String, &'t RawValue>, StoreError> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        path: path.to_owned(),
        why: format!("not a JSON object of lists: {error}; fix it or move it away, it is made again from videos/"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_made_of_ids_are_files_of_posts() {
        for (name, end) in [
            ("7189254512345678901.mp4", Some(".mp4")),
            ("7189254512345678901_01.jpg", Some("_01.jpg")),
            ("7189254512345678901.", None),
            ("../7189254512345678901.mp4", None),
            ("7189254512345678901.mp4.part", None),
            ("7189254512345678901_1.jpg", None),
            ("7189254512345678901/x.mp4", None),
            (".mp4", None),
            ("cover.jpg", None),
            (".cotag-x", None),
        ] {
            assert_eq!(parsed(name).map(|(_, end)| end), end, "{name}");
        }
    }
}
