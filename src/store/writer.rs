//! Adding posts: one writer at a time, each post once, everything committed survives a crash.
//!
//! The order is `data.json`, then `post_ids.json`, then `runs.jsonl`: the ledger's last line
//! vouches for the other two, and where it does not reach, the next writer reads `data.json`.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;

use super::append::{Appender, hash_range};
use super::ids::{ListEnd, Others};
use super::known::Known;
use super::lock::Lock;
use super::rewrite::{close, convert, damaged, rewrite};
use super::runs::Ledger;
use super::scan::{Layout, Readers, Verdict, layout, scan_quickly};
use super::{Holder, RejectedRecord, Run, Segment, Store, StoreError, ids, rejected};
use crate::model::{Hashtag, Origin, PostId};
use crate::record::{Reader, Stored, Unreadable};

/// The only writer of a data directory.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    _lock: Lock,
}

/// What became of a post that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is stored now.
    New,
    /// It was stored before.
    Known,
}

/// What a writer found and mended when it opened a hashtag's posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of an unfinished record that were cut off.
    pub cut: Option<u64>,
    /// Posts of an interrupted run that were entered into the ledger.
    pub recovered: u64,
    /// The file was rewritten line by line; its duplicates, which were left out.
    pub rewritten: Option<u64>,
    /// Where the file as it was before is kept, if the rewrite left anything out.
    pub backup: Option<PathBuf>,
}

/// A hashtag's posts, open for adding.
#[derive(Debug)]
pub struct TagWriter {
    /// The hashtag.
    pub tag: Hashtag,
    /// What was found when it was opened.
    pub opened: Opened,
    posts: PathBuf,
    appender: Appender,
    ledger: Ledger,
    known: Known,
    updates: Option<Updates>,
    rewritten: Option<Segment>,
}

/// Newer fetches of stored posts, kept on disk until the file is rewritten.
#[derive(Debug)]
struct Updates {
    spool: std::fs::File,
    length: u64,
    /// Post id → place and length in the spool, and when it was fetched.
    places: HashMap<u64, (u64, usize, Option<Timestamp>)>,
}

impl Writer {
    /// Opens a data directory for writing; makes it where there is none.
    ///
    /// `waiting` is called once if another process writes.
    ///
    /// # Errors
    /// [`StoreError::Locked`] after `timeout`; whatever [`Store::open`] may say; the disk's own.
    pub fn open(
        root: &Path,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        // Ask before anything is written whether the directory is ours to write to.
        if root.exists() {
            Store::open(root)?;
        } else {
            fs::create_dir_all(root)?;
        }
        let lock = Lock::take(root, command, timeout, waiting)?;
        Ok(Self {
            store: Store::create(root)?,
            _lock: lock,
        })
    }

    /// The store as it stands.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Opens a hashtag's posts, mending what an interrupted writer left.
    ///
    /// # Errors
    /// [`StoreError::Mixed`] where synthetic and real posts would meet; [`StoreError::Damaged`]
    /// where the file has damage before its end; the disk's own.
    pub fn tag(&mut self, tag: &Hashtag, origin: Origin) -> Result<TagWriter, StoreError> {
        let posts = self.store.folder_for_writing(tag)?;
        let writer = TagWriter::open(posts, tag.clone())?;
        let synthetic = Origin::Synthetic.name();
        if let Some(first) = writer.ledger.runs.first()
            && (first.origin == synthetic) != (origin == Origin::Synthetic)
        {
            let name = |is: bool| if is { "synthetic" } else { "real" };
            return Err(StoreError::Mixed {
                tag: tag.to_string(),
                root: self.store.root().to_owned(),
                stored: name(first.origin == synthetic),
                offered: name(origin == Origin::Synthetic),
            });
        }
        Ok(writer)
    }

    /// Enters what was added into `post_ids.json` and the ledgers.
    ///
    /// # Errors
    /// The disk's own. The posts themselves are stored by then.
    pub fn finish(&mut self, done: Vec<(TagWriter, Run)>) -> Result<(), StoreError> {
        let root = self.store.root();
        let mut changed = BTreeMap::new();
        let mut ends = BTreeMap::new();
        let mut finished = Vec::new();
        for (mut writer, run) in done {
            writer.commit()?;
            let key = ids::key(&writer.posts, &writer.tag);
            match extended(root, &key, &writer.known)? {
                Some(end) => {
                    ends.insert(key, end);
                }
                None => {
                    changed.insert(key, stored_ids(&writer.posts.join("data.json"))?);
                }
            }
            finished.push((writer, run));
        }
        if !changed.is_empty() {
            ends = ids::update(root, &changed, Others::Keep)?;
        }
        for (mut writer, mut run) in finished {
            run.posts = writer.known.len() as u64;
            run.data = writer
                .rewritten
                .take()
                .unwrap_or_else(|| writer.appender.segment());
            let data_end = run.data.to;
            writer.ledger.append(&writer.posts, run)?;
            // Where other lists were rewritten, this one may have moved: it is looked for anew.
            let key = ids::key(&writer.posts, &writer.tag);
            let end = ends.get(&key).copied().unwrap_or_default();
            writer.known.save(&writer.posts, data_end, end)?;
        }
        Ok(())
    }
}

impl TagWriter {
    fn open(posts: PathBuf, tag: Hashtag) -> Result<Self, StoreError> {
        let path = posts.join("data.json");
        let mut ledger = Ledger::read(&posts)?;
        let mut opened = Opened::default();
        let layout = if path.exists() {
            layout(&path)?
        } else {
            Layout::Empty
        };
        match layout {
            Layout::Empty if path.exists() => fs::write(&path, b"")?,
            Layout::Empty => {}
            Layout::Lines => opened.cut = close(&path)?,
            Layout::Other => convert(&path, &mut opened)?,
        }
        let appender = Appender::open(&path)?.ok_or_else(|| StoreError::Damaged {
            path: path.clone(),
            why: "its end is not that of a JSON array".into(),
        })?;
        let last = ledger.runs.last();
        let vouched = last.map_or(appender.is_empty(), |run| run.data.to == appender.end());
        let expected = last.map_or(0, |run| run.posts);
        let mut known = None;
        if vouched && layout == Layout::Lines {
            known = Known::cached(&posts, appender.end(), expected);
        }
        let known = match known {
            Some(known) => known,
            None => Known::of(&stored_ids(&path)?),
        };
        if !vouched {
            let stored = known.len() as u64;
            opened.recovered = stored.saturating_sub(expected);
            vouch(&path, &posts, &mut ledger, &tag, (appender.end(), stored))?;
        }
        Ok(Self {
            tag,
            opened,
            posts,
            appender,
            ledger,
            known,
            updates: None,
            rewritten: None,
        })
    }

    /// Whether a post is stored.
    pub fn knows(&self, id: PostId) -> bool {
        self.known.contains(id)
    }

    /// How many posts are stored.
    pub fn len(&self) -> u64 {
        self.known.len() as u64
    }

    /// Whether no post is stored.
    pub fn is_empty(&self) -> bool {
        self.known.len() == 0
    }

    /// Takes a post's sealed line in, unless the post is stored; durable after [`TagWriter::commit`].
    pub fn add(&mut self, id: PostId, line: &str) -> Added {
        if !self.known.insert(id) {
            return Added::Known;
        }
        self.appender.push(line);
        Added::New
    }

    /// Keeps a fetch of a stored post, to replace the stored one if it is newer.
    ///
    /// # Errors
    /// The disk's own.
    pub fn offer_update(
        &mut self,
        id: PostId,
        line: &str,
        fetched: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let updates = match &mut self.updates {
            Some(updates) => updates,
            none => none.insert(Updates {
                spool: tempfile::tempfile_in(&self.posts)?,
                length: 0,
                places: HashMap::new(),
            }),
        };
        if let Some((.., other)) = updates.places.get(&id.get())
            && older(fetched, *other)
        {
            return Ok(());
        }
        updates.spool.write_all(line.as_bytes())?;
        updates
            .places
            .insert(id.get(), (updates.length, line.len(), fetched));
        updates.length += line.len() as u64;
        Ok(())
    }

    /// Bytes taken in and not yet stored.
    pub fn pending(&self) -> usize {
        self.appender.pending()
    }

    /// Stores what was taken in, synced to disk.
    ///
    /// # Errors
    /// The disk's own; what was committed before is unharmed.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        Ok(self.appender.commit()?)
    }

    /// Keeps a list of records that could not be read.
    ///
    /// # Errors
    /// The disk's own.
    pub fn reject(&self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        rejected::append(&self.posts, records)
    }

    /// Replaces stored posts by the newer fetches offered, rewriting the file; returns how many.
    ///
    /// # Errors
    /// The disk's own; the old file is then still in place.
    pub fn apply_updates(&mut self) -> Result<u64, StoreError> {
        self.commit()?;
        let Some(mut updates) = self.updates.take() else {
            return Ok(0);
        };
        let path = self.posts.join("data.json");
        let mut updated = 0;
        let segment = rewrite(&path, |line| {
            let Ok(stored) = Stored::read(line) else {
                return Ok(None);
            };
            let Some(&(place, length, fetched)) = updates.places.get(&stored.post.id.get()) else {
                return Ok(None);
            };
            if older(fetched, stored.fetched) {
                return Ok(None);
            }
            let mut newer = vec![0; length];
            updates.spool.seek(SeekFrom::Start(place))?;
            updates.spool.read_exact(&mut newer)?;
            updated += 1;
            Ok(String::from_utf8(newer).ok())
        })?;
        self.rewritten = Some(segment);
        self.appender = Appender::open(&path)?.ok_or_else(|| StoreError::Damaged {
            path,
            why: "it changed while it was rewritten".into(),
        })?;
        Ok(updated)
    }
}

/// Adds a run's ids to the hashtag's list in place, if that can be done.
fn extended(root: &Path, key: &str, known: &Known) -> Result<Option<ListEnd>, StoreError> {
    if let Some(end) = known.list_end
        && let Some(extended) = ids::extend(root, end, &known.order)?
    {
        return Ok(Some(extended));
    }
    match ids::located(root, key, known.len() - known.order.len()) {
        Some(end) => ids::extend(root, end, &known.order),
        None => Ok(None),
    }
}

/// Whether a fetch is known to be no newer than another; what is not dated counts as newer, since
/// the person asked for the update.
fn older(fetched: Option<Timestamp>, than: Option<Timestamp>) -> bool {
    matches!((fetched, than), (Some(fetched), Some(than)) if fetched <= than)
}

/// Ids of the posts in a file, in its order, each once.
pub(super) fn stored_ids(path: &Path) -> Result<Vec<PostId>, StoreError> {
    type Found = (Reader, Vec<(u64, PostId)>);
    let (found, end) = scan_quickly(
        path,
        &Readers {
            new: &Found::default,
            quick: Some(&|(reader, found): &mut Found, record, at, offset| {
                let Some((brief, _)) = reader.read(record, at) else {
                    return false;
                };
                found.push((offset, brief.id));
                true
            }),
            each: &|(_, found), line| match Stored::read(line.text) {
                Ok(stored) => {
                    found.push((line.offset, stored.post.id));
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(_) => Verdict::Read,
            },
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(damaged(path, damage.offset, &damage.why));
    }
    let mut all: Vec<(u64, PostId)> = found.into_iter().flat_map(|(_, found)| found).collect();
    all.sort_unstable();
    let mut seen = HashSet::new();
    Ok(all
        .into_iter()
        .map(|(_, id)| id)
        .filter(|id| seen.insert(id.get()))
        .collect())
}

/// Enters bytes that no run vouches for into the ledger: those of an interrupted run, or of another tool.
fn vouch(
    path: &Path,
    posts: &Path,
    ledger: &mut Ledger,
    tag: &Hashtag,
    (end, stored): (u64, u64),
) -> Result<(), StoreError> {
    let last = ledger.runs.last();
    // A file shorter than the ledger says was put there by someone else: vouch for it as a whole.
    let from = last
        .map(|run| run.data.to)
        .filter(|&to| to <= end)
        .unwrap_or(0);
    let model = match last {
        Some(last) => last.clone(),
        None => Run {
            origin: first_origin(path)?.name().into(),
            hashtag: tag.to_string(),
            ..Run::default()
        },
    };
    let data = Segment {
        from,
        to: end,
        sha256: hash_range(path, from, end)?,
    };
    let why = "posts found that no finished run had entered here".to_owned();
    ledger.append(posts, Run::of_store("recover", &model, why, stored, data))
}

/// How the first record of a file came.
fn first_origin(path: &Path) -> Result<Origin, StoreError> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(1 << 20).read_to_end(&mut head)?;
    let first = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let line = String::from_utf8_lossy(first);
    let stored = Stored::read(line.trim().trim_end_matches(','));
    Ok(stored
        .ok()
        .and_then(|stored| stored.origin)
        .unwrap_or(Origin::Import))
}
