//! One face for a data directory and a database, as far as comments and users are concerned.
//!
//! [`SideStore`] opens sets of records, [`RecordsWriter`] takes them and makes them durable,
//! [`AskedLists`] keeps which lists were asked for. The differences: a directory's comments and
//! users have one writer each at a time, a database any number, with leases on lists; a directory
//! keeps the first fetch of a record, a database the newest.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use super::append::CLOSING;
use super::journal::JournalLine as _;
use super::mongo::{Database, DatabaseWriter, Leases, Ledger};
use super::place::Place;
use super::{
    Added, Asked, AskedLine, Claim, Holder, Opened, RecordFolder, Records, RejectedRecord, Run,
    Side, SideWriter, Store, StoreError, TagWriter, Verdict, runs, scan,
};
use crate::model::{Origin, PostId};
use crate::record::{StoredComment, Unreadable};

/// A store, open for writing comments or users beside its posts.
#[derive(Debug)]
pub enum SideStore {
    /// A data directory, the comments or users in it locked.
    Directory(SideWriter),
    /// A database.
    Database(Database, Leases),
}

/// One set of records, opened for adding as soon as there is something to add.
#[derive(Debug)]
pub enum RecordsWriter<'s> {
    /// In a data directory.
    Directory(&'s SideWriter, RecordFolder, Option<Box<TagWriter>>),
    /// In a database.
    Database(&'s Database, Records, Option<Box<DatabaseWriter>>),
}

/// What became of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedRecords {
    /// Stored now.
    pub new: u64,
    /// Stored before.
    pub known: u64,
    /// Not stored: which of them, as far as that is known, and why.
    pub rejected: Vec<(Option<usize>, String)>,
}

/// Which lists were asked for: of one place's comments, or of one user.
#[derive(Debug)]
pub enum AskedLists {
    /// `asked.jsonl`
    Directory(Asked),
    /// A collection; the lines as last read or written.
    Database {
        /// Where they are.
        ledger: Ledger<AskedLine>,
        /// As read.
        lines: BTreeMap<(String, Option<String>), AskedLine>,
        /// Documents that are none.
        unreadable: u64,
    },
}

impl SideStore {
    /// Opens a store, a new one where there is none.
    ///
    /// `waiting` is called once if another process writes the same to a directory.
    ///
    /// # Errors
    /// As [`SideWriter::open`]; the database is not to be reached.
    pub fn open(
        place: &Place,
        side: Side,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        match place {
            Place::Directory(root) => {
                SideWriter::open(root, side, command, timeout, waiting).map(Self::Directory)
            }
            Place::Database(place) => {
                let database = Database::open_for_lists(place)?;
                let leases = Leases::on_lists(&database);
                Ok(Self::Database(database, leases))
            }
        }
    }

    /// Whether others may write at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Database(..))
    }

    /// Who collects posts for the same store on this machine at this moment by one of these
    /// commands, for people.
    ///
    /// # Errors
    /// The store's own.
    pub fn posts_collected_by(&self, commands: &[&str]) -> Result<Option<String>, StoreError> {
        match self {
            Self::Directory(side) => {
                let holder = side.posts_written_by()?;
                let holder = holder.filter(|holder| commands.contains(&holder.command()));
                Ok(holder.map(|holder| holder.to_string()))
            }
            Self::Database(_, leases) => {
                let holder = leases.posts_collected_here()?;
                Ok(holder.map(|holder| holder.to_string()))
            }
        }
    }

    /// The writer of a set of records.
    ///
    /// # Errors
    /// [`StoreError::NotStored`] for comments under posts that are not stored; the store's own.
    pub fn records(&self, records: &Records) -> Result<RecordsWriter<'_>, StoreError> {
        match self {
            Self::Directory(side) => {
                let folder = records.folder(side.store())?;
                Ok(RecordsWriter::Directory(side, folder, None))
            }
            Self::Database(database, _) => {
                Ok(RecordsWriter::Database(database, records.clone(), None))
            }
        }
    }

    /// What was asked for of the lists that records belong to, for working on it.
    ///
    /// # Errors
    /// As [`SideStore::records`].
    pub fn asked(&self, records: &Records) -> Result<AskedLists, StoreError> {
        match self {
            Self::Directory(side) => {
                let folder = records.ledger_folder(side.store())?;
                fs::create_dir_all(&folder)?;
                Ok(AskedLists::Directory(Asked::read(&folder)?))
            }
            Self::Database(database, leases) => {
                AskedLists::of_database(database, records, Some(leases.clone()))
            }
        }
    }

    /// Stored comments that have answers, the most answered first: how many, the post, the comment.
    ///
    /// # Errors
    /// The store's own.
    pub fn answered(&self, records: &Records) -> Result<Vec<(u64, PostId, PostId)>, StoreError> {
        match self {
            Self::Directory(side) => answered(&records.folder(side.store())?.data()),
            Self::Database(database, _) => database.answered(records),
        }
    }
}

impl RecordsWriter<'_> {
    /// Opens it for records of an origin, unless it is open; returns what was found and mended.
    ///
    /// # Errors
    /// [`StoreError::Mixed`] where synthetic and real records would meet; damage; the store's own.
    pub fn open(&mut self, origin: Origin) -> Result<Opened, StoreError> {
        match self {
            Self::Directory(side, folder, writer) => {
                let opened = match writer.take() {
                    Some(writer) => writer,
                    None => Box::new(side.open_place(folder.clone(), origin)?),
                };
                Ok(writer.insert(opened).opened.clone())
            }
            Self::Database(database, records, writer) => {
                if writer.is_none() {
                    *writer = Some(Box::new(DatabaseWriter::open(database, records, origin)?));
                }
                Ok(Opened::default())
            }
        }
    }

    /// Enters what a killed run stored and did not live to enter; nothing else might ever add to it.
    ///
    /// # Errors
    /// As [`RecordsWriter::open`].
    pub fn settle(&mut self, origin: Origin) -> Result<(), StoreError> {
        if let Self::Directory(_, folder, None) = self
            && is_unfinished(folder)?
        {
            self.open(origin)?;
        }
        Ok(())
    }

    /// Stores sealed lines, durable on return.
    ///
    /// # Errors
    /// As [`RecordsWriter::open`]; what was stored before is unharmed.
    pub fn add(&mut self, origin: Origin, lines: &[String]) -> Result<AddedRecords, StoreError> {
        self.open(origin)?;
        let mut added = AddedRecords::default();
        match self {
            Self::Directory(_, _, Some(writer)) => {
                for (at, line) in lines.iter().enumerate() {
                    match writer.add_line(line) {
                        Ok(Added::New) => added.new += 1,
                        // Nothing but posts is ever removed.
                        Ok(Added::Known | Added::Tombstoned) => added.known += 1,
                        Err(why) => added.rejected.push((Some(at), why.to_string())),
                    }
                }
                writer.commit()?;
            }
            Self::Database(_, _, Some(writer)) => {
                let before = writer.counts;
                for (at, line) in lines.iter().enumerate() {
                    // A list is asked again to know what it says now.
                    if let Err(why) = writer.take(line, true) {
                        added.rejected.push((Some(at), why.to_string()));
                    }
                }
                writer.commit()?;
                added.new = writer.counts.new - before.new;
                added.known = writer.counts.known - before.known;
                let refused = writer.refused().into_iter();
                added
                    .rejected
                    .extend(refused.map(|(name, why)| (None, format!("{name}: {why}"))));
            }
            Self::Directory(..) | Self::Database(..) => {}
        }
        Ok(added)
    }

    /// Lists records that could not be stored.
    ///
    /// # Errors
    /// The store's own.
    pub fn reject(&mut self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        match self {
            Self::Directory(_, _, Some(writer)) => writer.reject(records),
            Self::Database(_, _, Some(writer)) => writer.reject(records),
            Self::Directory(..) | Self::Database(..) => Ok(()),
        }
    }

    /// Records stored there; none where nothing was opened.
    pub fn stored(&self) -> u64 {
        match self {
            Self::Directory(_, _, writer) => writer.as_ref().map_or(0, |writer| writer.len()),
            Self::Database(_, _, writer) => writer.as_ref().map_or(0, |writer| writer.len()),
        }
    }

    /// Enters a run. What was not opened leaves no trace.
    ///
    /// # Errors
    /// The store's own; the records themselves are stored by then.
    pub fn finish(self, run: Run) -> Result<(), StoreError> {
        match self {
            Self::Directory(_, _, Some(writer)) => writer.finish(run),
            Self::Database(_, _, Some(writer)) => writer.enter(run),
            Self::Directory(..) | Self::Database(..) => Ok(()),
        }
    }
}

/// Whether a place has records that no run has entered.
fn is_unfinished(place: &RecordFolder) -> Result<bool, StoreError> {
    let Ok(meta) = fs::metadata(place.data()) else {
        return Ok(false);
    };
    let ledger = runs::Ledger::read(&place.folder)?;
    let entered = ledger
        .runs
        .last()
        .map(|run| run.data.to + CLOSING.len() as u64);
    Ok(entered != Some(meta.len()))
}

impl AskedLists {
    /// Reads what was asked for in a directory; nothing where there is nothing.
    ///
    /// # Errors
    /// [`StoreError::NotStored`] for comments under posts that are not stored; the disk's own.
    pub fn of_directory(store: &Store, records: &Records) -> Result<Self, StoreError> {
        Asked::read(&records.ledger_folder(store)?).map(Self::Directory)
    }

    /// The same in a database; with `leases` it may be worked on.
    ///
    /// # Errors
    /// The database's own.
    pub fn of_database(
        database: &Database,
        records: &Records,
        leases: Option<Leases>,
    ) -> Result<Self, StoreError> {
        let ledger = Ledger::asked(database, records, leases);
        let (lines, unreadable) = ledger.read()?;
        let lines = lines.into_iter().map(|line| (line.key(), line)).collect();
        Ok(Self::Database {
            ledger,
            lines,
            unreadable,
        })
    }

    /// What was last written about a list: of a post or a user, or of a comment.
    pub fn get(&self, of: &str, comment: Option<&str>) -> Option<&AskedLine> {
        let key = (of.to_owned(), comment.map(str::to_owned));
        match self {
            Self::Directory(asked) => asked.get(&key),
            Self::Database { lines, .. } => lines.get(&key),
        }
    }

    /// All lines, in the order of what they are about.
    pub fn lines(&self) -> Vec<&AskedLine> {
        match self {
            Self::Directory(asked) => asked.lines().collect(),
            Self::Database { lines, .. } => lines.values().collect(),
        }
    }

    /// Lines that could not be read.
    pub fn unreadable(&self) -> u64 {
        match self {
            Self::Directory(asked) => asked.unreadable,
            Self::Database { unreadable, .. } => *unreadable,
        }
    }

    /// Writes how far lists came; durable on return.
    ///
    /// # Errors
    /// The store's own; another collector has taken a list over.
    pub fn put(&mut self, changed: Vec<AskedLine>) -> Result<(), StoreError> {
        match self {
            Self::Directory(asked) => asked.put(changed),
            Self::Database { ledger, lines, .. } => {
                ledger.put(&changed)?;
                lines.extend(changed.into_iter().map(|line| (line.key(), line)));
                Ok(())
            }
        }
    }

    /// Enters lists that nothing is known of; what others have entered meanwhile stays.
    ///
    /// # Errors
    /// The store's own.
    pub fn begin(&mut self, new: Vec<AskedLine>) -> Result<(), StoreError> {
        match self {
            Self::Directory(asked) => asked.put(new),
            Self::Database { ledger, .. } => ledger.begin(&new),
        }
    }

    /// Asks to work on a list, since other collectors may share the store.
    ///
    /// # Errors
    /// The store's own.
    pub fn claim(&mut self, wish: &AskedLine) -> Result<Claim<AskedLine>, StoreError> {
        match self {
            Self::Directory(_) => Ok(Claim::Ours(None)),
            Self::Database { ledger, lines, .. } => {
                // What is not there cannot be leased.
                if !lines.contains_key(&wish.key()) {
                    ledger.begin(std::slice::from_ref(wish))?;
                }
                let claim = ledger.claim(wish)?;
                if let Claim::Ours(Some(now)) = &claim {
                    lines.insert(now.key(), (**now).clone());
                }
                Ok(claim)
            }
        }
    }

    /// Gives a list back. Where that fails the claim runs out by itself.
    pub fn release(&self, of: &AskedLine) {
        if let Self::Database { ledger, .. } = self {
            let _ = ledger.release(of);
        }
    }
}

/// Comments of a file that have answers, the most answered first.
fn answered(data: &Path) -> Result<Vec<(u64, PostId, PostId)>, StoreError> {
    if !data.is_file() {
        return Ok(Vec::new());
    }
    let (found, _) = scan(
        data,
        &Vec::new,
        &|found: &mut Vec<(u64, PostId, PostId)>, line| match StoredComment::read(line.text) {
            Ok(comment) => {
                if let (None, Some(post), Some(replies)) =
                    (comment.parent, comment.video, comment.replies)
                    && replies > 0
                {
                    found.push((replies, post, comment.id));
                }
                Verdict::Read
            }
            Err(Unreadable::Json(_)) => Verdict::NotJson,
            Err(_) => Verdict::Read,
        },
    )?;
    let mut all: Vec<(u64, PostId, PostId)> = found.into_iter().flatten().collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    Ok(all)
}
