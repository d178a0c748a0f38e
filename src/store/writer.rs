//! Adding posts: one writer at a time, each post once, everything committed survives a crash.
//!
//! The order is `data.json`, then `post_ids.json`, then `runs.jsonl`: the ledger's last line
//! vouches for the other two, and where it does not reach, the next writer reads `data.json`.

mod before;
mod updates;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use hashbrown::HashSet;

use self::before::{buried, in_lines};
use self::updates::Updates;
use super::append::Appender;
use super::ids::{Ends, Others};
use super::index::{self, Extension};
use super::known::Known;
use super::lock::{self, Lock};
use super::runs::Ledger;
use super::scan::Layout;
use super::verify::ledger_faults;
use super::vouch::{Care, fewer, stored_ids, vouch};
use super::{
    Holder, Kind, RecordFolder, RejectedRecord, Run, Segment, Store, StoreError, atomic, ids,
    intent, rejected,
};
use crate::model::{Hashtag, Origin, Post, PostId, Rows};
use crate::record::{Stored, Unreadable};

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
    known: Known,
    /// Only hashtags' posts have one.
    index: Option<Extension>,
    /// How many of the posts added are stored; and how many were given to be stored.
    committed: usize,
    given: usize,
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
    /// The disk's own, the first of them: whatever else can be entered is, but nothing that is not
    /// listed, which the next writer does. The posts themselves are stored by then.
    pub fn finish(&mut self, done: Vec<(TagWriter, Run)>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        let mut finished = Vec::new();
        for (mut writer, run) in done {
            outcome = outcome.and(writer.commit());
            finished.push((writer, run));
        }
        let listed = self.list(finished.iter().map(|(writer, _)| writer));
        // What the ledger vouched for nobody would list later.
        if listed.is_ok() {
            for (writer, run) in finished {
                outcome = outcome.and(writer.enter(run));
            }
        }
        outcome.and(listed)
    }

    /// Adds to the lists of `post_ids.json`, in place where that can be done.
    fn list<'w>(&self, writers: impl Iterator<Item = &'w TagWriter>) -> Result<(), StoreError> {
        let root = self.store.root();
        let ends = Ends::read(root);
        let mut changed = BTreeMap::new();
        let writers: Vec<&TagWriter> = writers.collect();
        let own: Vec<&Path> = writers.iter().map(|writer| &*writer.posts).collect();
        self.add_unlisted(ends.as_ref(), &own, &mut changed)?;
        let mut in_place = match ends {
            Some(ends) => Some((ids::open(root)?, ends)),
            None => None,
        };
        for writer in writers {
            let key = ids::key(&writer.posts, &writer.tag);
            let extended = match &mut in_place {
                Some((file, ends)) => writer.extend_list(file, ends, &key)?,
                None => false,
            };
            if !extended {
                let order = writer.listed(root, &key)?;
                changed.insert(key, order);
            }
        }
        if let Some((file, ends)) = in_place {
            file.sync_data()?;
            ends.save(root);
        }
        if changed.is_empty() {
            return Ok(());
        }
        ids::update(root, &changed, Others::Keep)
    }

    /// Adds the ids of folders that no writer has listed yet, `own` left out, whose writers do so:
    /// those of another tool's tree.
    fn add_unlisted(
        &self,
        ends: Option<&Ends>,
        own: &[&Path],
        changed: &mut BTreeMap<String, Vec<PostId>>,
    ) -> Result<(), StoreError> {
        let mut unlisted = Vec::new();
        for stored in self.store.tags()? {
            for posts in stored.posts {
                let key = ids::key(&posts, &stored.tag);
                if !own.contains(&&*posts) && !ends.is_some_and(|ends| ends.has(&key)) {
                    unlisted.push((key, posts));
                }
            }
        }
        if unlisted.is_empty() {
            return Ok(());
        }
        // A file that cannot be read is replaced, so that all lists are missing.
        let listed = ids::keys(self.store.root()).unwrap_or_default();
        for (key, posts) in unlisted {
            // Damage there is not this writer's business; `verify` tells it.
            if !listed.contains(&key)
                && let Ok(order) = stored_ids(&posts.join("data.json"), Kind::Posts, Care::Whole)
            {
                changed.insert(key, order);
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
        let (kind, posts) = (place.kind, place.folder);
        let path = posts.join("data.json");
        let mut ledger = Ledger::read(&posts)?;
        let mut opened = Opened::default();
        let last = ledger.runs.last();
        let vouched_to = last.map_or(0, |run| run.data.to);
        let expected = last.map_or(0, |run| run.posts);
        let layout = in_lines(&path, kind, (vouched_to, expected), &mut opened)?;
        let appender = Appender::open(&path)?.ok_or_else(|| StoreError::Damaged {
            path: path.clone(),
            why: "its end is not that of a JSON array".into(),
        })?;
        // A rewrite that the ledger does not tell of: what it vouches for is another file's bytes.
        opened.healed = opened.rewritten.is_none()
            && intent::stands(&posts)
            && !ledger_faults(&path, &ledger)?.is_empty();
        let vouched = opened.rewritten.is_none()
            && !opened.healed
            && last.map_or(appender.is_empty(), |run| run.data.to == appender.end());
        let buried = buried(&posts, kind)?;
        let mut unlisted = None;
        let mut known = None;
        if vouched && layout == Layout::Lines {
            known = Known::cached(&posts, &ledger);
        }
        let known = match known {
            Some(known) => known,
            None if vouched => Known::of(&stored_ids(&path, kind, Care::Ids)?),
            None => {
                let order = stored_ids(&path, kind, Care::Whole)?;
                let known = Known::of(&order);
                unlisted = place.listed.then_some(order);
                known
            }
        };
        if !vouched {
            let stored = known.len() as u64;
            // Removed posts are missing where the rewrite that removed them was not entered.
            let gone = if opened.healed { buried.len() } else { 0 };
            if stored + (gone as u64) < expected {
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
            // What the ledger vouches for nobody lists later.
            if let Some(order) = unlisted {
                let key = ids::key(&posts, &place.tag);
                ids::update(root, &BTreeMap::from([(key, order)]), Others::Keep)?;
            }
            vouch(&path, &posts, &mut ledger, (&place.tag, kind), data, stored)?;
        }
        intent::clear(&posts)?;
        let stored = known.len() as u64;
        let index = place.listed.then(|| Extension::open(&posts, stored));
        Ok(Self {
            committed: 0,
            given: 0,
            index,
            tag: place.tag,
            name: place.name,
            kind,
            opened,
            posts,
            appender,
            ledger,
            known,
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
        committed.and(self.enter(run))
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
        // A cache that cannot be written, or only in part, is noticed and made again.
        let stored = self.known.len() as u64;
        // The index first: its parts are temporary files in the folder that the other sweeps.
        if let Some(mut index) = self.index {
            if is_rewritten {
                index.spoil();
            }
            if index.save(&self.posts, &self.ledger, stored).is_err() {
                index::forget(&self.posts);
            }
        }
        let _ = self.known.save(&self.posts, &self.ledger);
        Ok(())
    }

    /// Adds the ids added to their list in place; `false` where the list has to be written anew.
    fn extend_list(
        &self,
        file: &mut fs::File,
        ends: &mut Ends,
        key: &str,
    ) -> Result<bool, StoreError> {
        let added = self.known.added();
        let stored = self.known.len() - added.len();
        let Some(mut end) = ends.get(key).filter(|end| end.posts == stored as u64) else {
            return Ok(self.known.len() == 0 && !ends.has(key));
        };
        let extended = added.is_empty() || ids::extend(file, &mut end, added)?;
        ends.set(key, end);
        Ok(extended)
    }

    /// The ids of all posts: as listed if that is what is stored, else in the order of the posts.
    fn listed(&self, root: &Path, key: &str) -> Result<Vec<PostId>, StoreError> {
        let listed = ids::listed(root, key).unwrap_or_default();
        let mut order = listed.unwrap_or_default();
        order.extend(self.known.added());
        if self.known.are(&order) {
            return Ok(order);
        }
        stored_ids(&self.posts.join("data.json"), self.kind, Care::Ids)
    }

    /// What is stored there.
    pub fn kind(&self) -> Kind {
        self.kind
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

    /// As [`TagWriter::add`], of a post that was read already: the index need not read it again.
    pub fn add_post(&mut self, post: &Post<'_>, origin: Origin, line: &str) -> Added {
        let added = self.take_in(post.id, line);
        if let (Added::New, Some(index)) = (added, &mut self.index) {
            index.push(post, Some(origin));
        }
        added
    }

    /// As [`TagWriter::add_post`], of a post that was read on another thread: what the index asks of it is
    /// one of `rows`.
    pub fn add_row(&mut self, id: PostId, line: &str, rows: &Rows, number: usize) -> Added {
        let added = self.take_in(id, line);
        if let (Added::New, Some(index)) = (added, &mut self.index) {
            index.take(rows, number);
        }
        added
    }

    /// Takes a post's sealed line in, unless the post is stored; durable after [`TagWriter::commit`].
    pub fn add(&mut self, id: PostId, line: &str) -> Added {
        let added = self.take_in(id, line);
        if let (Added::New, Some(index)) = (added, &mut self.index) {
            match Stored::read(line) {
                Ok(stored) => index.push(&stored.post, stored.origin),
                Err(_) => index.spoil(),
            }
        }
        added
    }

    /// As [`TagWriter::add`], of a line whose record says itself which it is.
    ///
    /// # Errors
    /// It is no record of this place's kind.
    pub fn add_line(&mut self, line: &str) -> Result<Added, Unreadable> {
        let id = self.kind.entry(line)?.id;
        Ok(self.add(id, line))
    }

    fn take_in(&mut self, id: PostId, line: &str) -> Added {
        if self.buried.contains(&id.get()) && !self.known.contains(id) {
            return Added::Tombstoned;
        }
        if !self.known.insert(id) {
            return Added::Known;
        }
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
        self.given = self.known.added().len();
        self.settle(written)
    }

    /// As [`TagWriter::commit`], of the last that is taken in: what is made of it is begun meanwhile.
    ///
    /// # Errors
    /// As [`TagWriter::commit`].
    pub fn commit_last(&mut self) -> Result<(), StoreError> {
        if let Some(index) = &mut self.index {
            index.close();
        }
        self.commit()
    }

    /// Has what was taken in stored and synced while more is taken in; the next commit waits for it.
    ///
    /// # Errors
    /// As [`TagWriter::commit`], of what was to be stored by the last call.
    pub fn commit_behind(&mut self) -> Result<(), StoreError> {
        let written = self.appender.commit_behind();
        let settled = self.settle(written);
        self.given = self.known.added().len();
        settled
    }

    /// Forgets the posts that could not be stored.
    fn settle(&mut self, written: std::io::Result<()>) -> Result<(), StoreError> {
        if written.is_err() {
            self.known.keep(self.committed);
            self.given = self.committed;
            if let Some(index) = &mut self.index {
                index.spoil();
            }
        }
        self.committed = self.given;
        Ok(written?)
    }

    /// How many posts were stored since the writer was opened.
    pub fn added(&self) -> u64 {
        self.committed as u64
    }

    /// Lists records that could not be read, synced to disk; those listed before are left out.
    ///
    /// # Errors
    /// The disk's own.
    pub fn reject(&mut self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        self.rejected.append(&self.posts, records)
    }
}
