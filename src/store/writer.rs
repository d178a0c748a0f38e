//! Adding posts: one writer at a time, each post once, everything committed survives a crash.
//!
//! The order is `data.json`, then `post_ids.json`, then `runs.jsonl`: the ledger's last line
//! vouches for the other two, and where it does not reach, the next writer reads `data.json`.

mod updates;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use hashbrown::HashSet;

use self::updates::Updates;
use super::append::{Appender, hash_range};
use super::ids::Others;
use super::lock::{self, Lock};
use super::rewrite::{close, convert, damaged};
use super::runs::Ledger;
use super::scan::{Layout, Verdict, layout, scan};
use super::verify::ledger_faults;
use super::{
    Holder, Kind, RecordFolder, RejectedRecord, Run, Segment, Store, StoreError, Tombstones,
    atomic, ids, intent, rejected,
};
use crate::model::{Hashtag, Origin, PostId};
use crate::record::Unreadable;

/// The only writer of a data directory.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    /// Where a damaged manifest is kept that was written anew.
    pub(super) mended: Option<PathBuf>,
    _lock: Lock,
}

/// What became of a post that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is stored now.
    New,
    /// It was stored before.
    Known,
    /// It was stored before and removed, since it was gone at its source; it is not stored again.
    Tombstoned,
}

/// What a writer found and mended when it opened a hashtag's posts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of an unfinished record that were cut off.
    pub cut: Option<u64>,
    /// Posts of an interrupted run that were entered into the ledger.
    pub recovered: u64,
    /// Posts of another tool, from before the first run, that were entered into the ledger.
    pub adopted: u64,
    /// A rewrite had been interrupted before the ledger told of it; it was entered.
    pub healed: bool,
    /// The file was rewritten line by line; its duplicates, which were left out.
    pub rewritten: Option<u64>,
    /// Where the file as it was before is kept, if the rewrite left anything out.
    pub backup: Option<PathBuf>,
}

/// A hashtag's posts or comments, or a list of a user, open for adding.
#[derive(Debug)]
pub struct TagWriter {
    /// The hashtag, or the user's name.
    pub tag: Hashtag,
    /// What is stored there, for people: `#london`, `comments of #london`.
    pub name: String,
    kind: Kind,
    /// What was found when it was opened.
    pub opened: Opened,
    posts: PathBuf,
    appender: Appender,
    ledger: Ledger,
    known: HashSet<u64>,
    order: Vec<PostId>,
    /// How many of `order` were stored when the writer was opened, and how many are now.
    before: usize,
    committed: usize,
    updates: Option<Updates>,
    /// Posts that were removed, or are about to be.
    buried: HashSet<u64>,
    removing: HashSet<u64>,
    rewritten: Option<Segment>,
    rejected: rejected::List,
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
        Self::locked(root, command, timeout, waiting)
    }

    /// As [`Writer::open`], for a directory whose manifest may be damaged: it is written anew.
    ///
    /// # Errors
    /// As [`Writer::open`]; [`StoreError::Missing`].
    pub fn open_to_repair(
        root: &Path,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        match Store::open(root) {
            Err(StoreError::Damaged { .. }) | Ok(_) => {}
            Err(error) => return Err(error),
        }
        Self::locked(root, "repair", timeout, waiting)
    }

    fn locked(
        root: &Path,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(root, lock::POSTS, command, timeout, waiting)?;
        atomic::sweep(root)?;
        atomic::sweep(&root.join("ids"))?;
        let mended = if command == "repair" {
            Store::mend_manifest(root)?
        } else {
            None
        };
        Ok(Self {
            store: Store::create(root)?,
            mended,
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
        TagWriter::open_for(self.store.root(), RecordFolder::posts(tag, posts), origin)
    }

    /// Enters what was added into `post_ids.json` and the ledgers.
    ///
    /// # Errors
    /// The disk's own, the first of them: whatever else can be entered is. The posts themselves are
    /// stored by then.
    pub fn finish(&mut self, done: Vec<(TagWriter, Run)>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        let mut changed = BTreeMap::new();
        let mut finished = Vec::new();
        for (mut writer, run) in done {
            outcome = outcome.and(writer.commit());
            let key = ids::key(&writer.posts, &writer.tag);
            let run = Run {
                ids: ids::hash(&writer.order),
                ..run
            };
            changed.insert(key, std::mem::take(&mut writer.order));
            finished.push((writer, run));
        }
        if let Err(error) = self.add_unlisted(&mut changed) {
            outcome = outcome.and(Err(error));
        }
        outcome = outcome.and(ids::update(self.store.root(), &changed, Others::Keep));
        for (writer, run) in finished {
            outcome = outcome.and(writer.enter(run));
        }
        outcome
    }

    /// Adds the ids of folders that no writer has listed yet: those of another tool's tree.
    fn add_unlisted(&self, changed: &mut BTreeMap<String, Vec<PostId>>) -> Result<(), StoreError> {
        let root = self.store.root();
        // A file that cannot be read is replaced, so that all lists are missing.
        let listed = ids::keys(root).unwrap_or_default();
        for stored in self.store.tags()? {
            for posts in &stored.posts {
                let key = ids::key(posts, &stored.tag);
                if changed.contains_key(&key) || listed.contains(&key) {
                    continue;
                }
                // Damage there is not this writer's business; `verify` tells it.
                if let Ok(order) = stored_ids(&posts.join("data.json"), Kind::Posts) {
                    changed.insert(key, order);
                }
            }
        }
        Ok(())
    }
}

impl TagWriter {
    /// Opens a place for records of an origin, mending what an interrupted writer left. Only for
    /// who holds the lock.
    pub(super) fn open_for(
        root: &Path,
        place: RecordFolder,
        origin: Origin,
    ) -> Result<Self, StoreError> {
        let writer = Self::open(root, place)?;
        let synthetic = Origin::Synthetic.name();
        if let Some(first) = writer.ledger.runs.first()
            && (first.origin == synthetic) != (origin == Origin::Synthetic)
        {
            let name = |is: bool| if is { "synthetic" } else { "real" };
            return Err(StoreError::Mixed {
                name: writer.name,
                root: root.to_owned(),
                stored: name(first.origin == synthetic),
                offered: name(origin == Origin::Synthetic),
            });
        }
        Ok(writer)
    }

    fn open(root: &Path, place: RecordFolder) -> Result<Self, StoreError> {
        atomic::sweep(&place.folder)?;
        let (kind, posts) = (place.kind, place.folder.clone());
        let path = posts.join("data.json");
        let mut ledger = Ledger::read(&posts)?;
        let mut opened = Opened::default();
        let layout = if path.exists() {
            layout(&path)?
        } else {
            Layout::Empty
        };
        let last = ledger.runs.last();
        let vouched_to = last.map_or(0, |run| run.data.to);
        let expected = last.map_or(0, |run| run.posts);
        match layout {
            Layout::Empty if expected > 0 => return Err(fewer(&path, expected, 0)),
            Layout::Empty if path.exists() => fs::write(&path, b"")?,
            Layout::Empty => {}
            Layout::Lines => opened.cut = close(&path, kind, vouched_to)?,
            Layout::Other => {
                intent::write(&posts)?;
                intent::unless_failed(&posts, convert(&path, kind, &mut opened))?;
            }
        }
        let appender = Appender::open(&path)?.ok_or_else(|| StoreError::Damaged {
            path: path.clone(),
            why: "its end is not that of a JSON array".into(),
        })?;
        // A rewrite that the ledger does not tell of: what it vouches for is another file's bytes.
        opened.healed = opened.rewritten.is_none()
            && intent::stands(&posts)
            && !ledger_faults(&path, &ledger, false)?.is_empty();
        let vouched = opened.rewritten.is_none()
            && !opened.healed
            && last.map_or(appender.is_empty(), |run| run.data.to == appender.end());
        let buried = buried(&posts, kind)?;
        let sure = vouched && layout == Layout::Lines;
        let listed = last
            .filter(|_| sure)
            .and_then(|last| listed(root, &place, last));
        let order = listed.map_or_else(|| stored_ids(&path, kind), Ok)?;
        if !vouched {
            let stored = order.len() as u64;
            // Removed posts are missing where the rewrite that removed them was not entered.
            let gone = if opened.healed {
                buried.len() as u64
            } else {
                0
            };
            if stored + gone < expected {
                return Err(fewer(&path, expected, stored));
            }
            let found = if last.is_some() {
                &mut opened.recovered
            } else {
                &mut opened.adopted
            };
            *found = stored.saturating_sub(expected);
            // A file that was rewritten is another from its first byte on.
            let whole = opened.rewritten.is_some() || opened.healed;
            let data = (if whole { 0 } else { vouched_to }, appender.end());
            vouch(&path, &posts, &mut ledger, (&place.tag, kind), data, stored)?;
        }
        intent::clear(&posts)?;
        let known = order.iter().map(|id| id.get()).collect();
        let before = order.len();
        Ok(Self {
            before,
            committed: before,
            tag: place.tag,
            name: place.name,
            kind,
            opened,
            posts,
            appender,
            ledger,
            known,
            order,
            updates: None,
            buried,
            removing: HashSet::new(),
            rewritten: None,
            rejected: rejected::List::default(),
        })
    }

    /// Enters a run of a place whose ids are listed nowhere else.
    ///
    /// # Errors
    /// The disk's own, the first of them; what was committed before is stored.
    pub fn finish(mut self, run: Run) -> Result<(), StoreError> {
        let committed = self.commit();
        let run = Run {
            ids: ids::hash(&self.order),
            ..run
        };
        committed.and(self.enter(run))
    }

    /// As [`TagWriter::add`], of a line whose record says itself which it is.
    ///
    /// # Errors
    /// It is no record of this place's kind.
    pub fn add_line(&mut self, line: &str) -> Result<Added, Unreadable> {
        let id = self.kind.entry(line)?.id;
        Ok(self.add(id, line))
    }

    /// The folder of the posts, for the ledgers that lie beside them.
    pub fn folder(&self) -> &Path {
        &self.posts
    }

    /// Enters a run into the ledger, which vouches for what was added.
    fn enter(mut self, mut run: Run) -> Result<(), StoreError> {
        run.posts = self.known.len() as u64;
        let rewritten = self.rewritten.take();
        let is_rewritten = rewritten.is_some();
        run.data = rewritten.unwrap_or_else(|| self.appender.segment());
        self.ledger.append(&self.posts, run)?;
        if is_rewritten {
            intent::clear(&self.posts)?;
        }
        Ok(())
    }

    /// What is stored there.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a post is stored.
    pub fn knows(&self, id: PostId) -> bool {
        self.known.contains(&id.get())
    }

    /// How many posts are stored.
    pub fn len(&self) -> u64 {
        self.known.len() as u64
    }

    /// Whether no post is stored.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes a post's sealed line in, unless the post is stored; durable after [`TagWriter::commit`].
    pub fn add(&mut self, id: PostId, line: &str) -> Added {
        if self.known.contains(&id.get()) {
            return Added::Known;
        }
        if self.buried.contains(&id.get()) {
            return Added::Tombstoned;
        }
        self.known.insert(id.get());
        self.order.push(id);
        self.appender.push(line);
        Added::New
    }

    /// Bytes taken in and not yet stored.
    pub fn pending(&self) -> usize {
        self.appender.pending()
    }

    /// Stores what was taken in, synced to disk.
    ///
    /// # Errors
    /// The disk's own; what was committed before is unharmed, and what was not stored is no longer known.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let written = self.appender.commit();
        if written.is_err() {
            for id in self.order.drain(self.committed..) {
                self.known.remove(&id.get());
            }
        }
        self.committed = self.order.len();
        Ok(written?)
    }

    /// How many posts were stored since the writer was opened.
    pub fn added(&self) -> u64 {
        (self.committed - self.before) as u64
    }

    /// Lists records that could not be read, synced to disk; those listed before are left out.
    ///
    /// # Errors
    /// The disk's own.
    pub fn reject(&mut self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        self.rejected.append(&self.posts, records)
    }
}

/// Posts with a tombstone.
fn buried(posts: &Path, kind: Kind) -> Result<HashSet<u64>, StoreError> {
    if kind != Kind::Posts {
        return Ok(HashSet::new());
    }
    let stones = Tombstones::read(posts)?;
    let ids = stones.lines().filter_map(|stone| stone.id.parse().ok());
    Ok(ids.collect())
}

/// The ids that `post_ids.json` lists, if they are those of the last run.
fn listed(root: &Path, place: &RecordFolder, last: &Run) -> Option<Vec<PostId>> {
    if !place.listed {
        return None;
    }
    // A list that cannot be read or disagrees is made again from the posts.
    let listed = ids::listed(root, &ids::key(&place.folder, &place.tag)).unwrap_or_default();
    listed.filter(|listed| last.ids == ids::hash(listed))
}

/// Ids of the posts in a file, in its order, each once.
pub(super) fn stored_ids(path: &Path, kind: Kind) -> Result<Vec<PostId>, StoreError> {
    let (found, end) = scan(
        path,
        &Vec::new,
        &|found: &mut Vec<(u64, PostId)>, line| match kind.entry(line.text) {
            Ok(stored) => {
                found.push((line.offset, stored.id));
                Verdict::Read
            }
            Err(Unreadable::Json(_)) => Verdict::NotJson,
            Err(_) => Verdict::Read,
        },
    )?;
    if let Some(damage) = end.damaged.first() {
        return Err(damaged(path, damage.offset, &damage.why));
    }
    let mut all: Vec<(u64, PostId)> = found.into_iter().flatten().collect();
    all.sort_unstable();
    let mut seen = HashSet::new();
    Ok(all
        .into_iter()
        .map(|(_, id)| id)
        .filter(|id| seen.insert(id.get()))
        .collect())
}

/// Posts that the ledger says were stored are gone: that is not to be hidden by a new entry.
fn fewer(path: &Path, expected: u64, stored: u64) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        why: format!("{expected} posts were stored, {stored} are there"),
    }
}

/// Enters bytes that no run vouches for into the ledger: those of an interrupted run, or of another tool.
fn vouch(
    path: &Path,
    posts: &Path,
    ledger: &mut Ledger,
    (tag, kind): (&Hashtag, Kind),
    (from, end): (u64, u64),
    stored: u64,
) -> Result<(), StoreError> {
    // A file shorter than the ledger says was put there by someone else: vouch for it as a whole.
    let from = if from <= end { from } else { 0 };
    let model = model(path, ledger, tag, kind)?;
    let data = Segment {
        from,
        to: end,
        sha256: hash_range(path, from, end)?,
    };
    let why = "posts found that no finished run had entered here".to_owned();
    ledger.append(posts, Run::of_store("recover", &model, why, stored, data))
}

/// A run to take the hashtag and the origin of the posts from.
pub(super) fn model(
    path: &Path,
    ledger: &Ledger,
    tag: &Hashtag,
    kind: Kind,
) -> Result<Run, StoreError> {
    Ok(match ledger.runs.last() {
        Some(last) => last.clone(),
        None => Run {
            origin: first_origin(path, kind)?.name().into(),
            hashtag: tag.to_string(),
            ..Run::default()
        },
    })
}

/// How the first record of a file came.
fn first_origin(path: &Path, kind: Kind) -> Result<Origin, StoreError> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(1 << 20).read_to_end(&mut head)?;
    let first = head.split(|&byte| byte == b'\n').nth(1).unwrap_or_default();
    let line = String::from_utf8_lossy(first);
    let stored = kind.entry(line.trim().trim_end_matches(','));
    Ok(stored
        .ok()
        .and_then(|stored| stored.origin)
        .unwrap_or(Origin::Import))
}
