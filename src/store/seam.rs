//! One face for a data directory and a database, as far as commands that write need it.
//!
//! [`StoreWriter`] opens hashtags, [`PostsWriter`] takes posts and makes them durable, [`Windows`]
//! keeps what was asked for. The differences: a directory has one writer at a time, a database
//! any number, with leases on windows; a database tells only after a commit what was new.

mod refresh;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::mongo::{Counts, Database, DatabaseWriter, Leases, Ledger};
use super::place::Place;
use super::{
    Added, Claim, Coverage, Holder, Opened, Records, RejectedRecord, Run, StoreError, TagWriter,
    WindowLine, Writer,
};
use crate::model::{Hashtag, Origin, PostId, Rows};

/// A store, open for writing.
#[derive(Debug)]
pub enum StoreWriter {
    /// A data directory, locked.
    Directory(Writer),
    /// A database.
    Database(Database, Leases),
}

/// A hashtag's posts, open for adding.
#[derive(Debug)]
pub enum PostsWriter {
    /// In a data directory.
    Directory(Box<TagWriter>, Taken),
    /// In a database.
    Database(Hashtag, Box<DatabaseWriter>, Leases, Opened),
}

/// What became of the posts taken in, as far as they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Stored now.
    pub new: u64,
    /// Stored before.
    pub known: u64,
    /// Replaced by a newer fetch.
    pub updated: u64,
    /// Not stored, since they were removed before.
    pub tombstoned: u64,
}

/// The windows of a hashtag's queries.
#[derive(Debug)]
pub enum Windows {
    /// `windows.jsonl`
    Directory(Coverage),
    /// A collection; the lines as last read or written.
    Database {
        /// Where they are.
        ledger: Ledger<WindowLine>,
        /// As read, by query and day.
        lines: Vec<WindowLine>,
        /// Documents that are none.
        unreadable: u64,
    },
}

impl StoreWriter {
    /// Opens a store, a new one where there is none.
    ///
    /// `waiting` is called once if another process writes to the directory.
    ///
    /// # Errors
    /// The directory is locked or no store; the database is not to be reached.
    pub fn open(
        place: &Place,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        match place {
            Place::Directory(root) => {
                Writer::open(root, command, timeout, waiting).map(Self::Directory)
            }
            Place::Database(place) => {
                let database = Database::open_for_writing(place)?;
                let leases = Leases::on_windows(&database);
                Ok(Self::Database(database, leases))
            }
        }
    }

    /// Where it is.
    pub fn root(&self) -> PathBuf {
        match self {
            Self::Directory(writer) => writer.store().root().to_owned(),
            Self::Database(database, _) => database.place().to_string().into(),
        }
    }

    /// Opens a hashtag's posts.
    ///
    /// # Errors
    /// [`StoreError::Mixed`] where synthetic and real posts would meet; damage; the store's own.
    pub fn posts(&mut self, tag: &Hashtag, origin: Origin) -> Result<PostsWriter, StoreError> {
        match self {
            Self::Directory(writer) => {
                let posts = writer.tag(tag, origin)?;
                Ok(PostsWriter::Directory(Box::new(posts), Taken::default()))
            }
            Self::Database(database, leases) => {
                let records = Records::Posts(tag.clone());
                let posts = Box::new(DatabaseWriter::open(database, &records, origin)?);
                let (leases, opened) = (leases.clone(), Opened::default());
                Ok(PostsWriter::Database(tag.clone(), posts, leases, opened))
            }
        }
    }

    /// Enters runs into the ledgers.
    ///
    /// # Errors
    /// The store's own, the first of them; the posts themselves are stored by then.
    pub fn finish(&mut self, done: Vec<(PostsWriter, Run)>) -> Result<(), StoreError> {
        let mut directory = Vec::new();
        let mut outcome = Ok(());
        for (posts, run) in done {
            match posts {
                PostsWriter::Directory(posts, _) => directory.push((*posts, run)),
                PostsWriter::Database(_, mut posts, ..) => {
                    let entered = posts.commit().and_then(|()| posts.enter(run));
                    outcome = outcome.and(entered);
                }
            }
        }
        match self {
            Self::Directory(writer) if !directory.is_empty() => {
                outcome.and(writer.finish(directory))
            }
            _ => outcome,
        }
    }
}

impl PostsWriter {
    /// The hashtag.
    pub fn tag(&self) -> &Hashtag {
        match self {
            Self::Directory(posts, _) => &posts.tag,
            Self::Database(tag, ..) => tag,
        }
    }

    /// What was found and mended when it was opened.
    pub fn opened(&self) -> &Opened {
        match self {
            Self::Directory(posts, _) => &posts.opened,
            Self::Database(.., opened) => opened,
        }
    }

    /// How many posts are stored.
    pub fn stored(&self) -> u64 {
        match self {
            Self::Directory(posts, _) => posts.len(),
            Self::Database(_, posts, ..) => posts.len(),
        }
    }

    /// Takes a post's sealed line in; durable after [`PostsWriter::commit`].
    ///
    /// `update` is when it was fetched, where it is to replace a stored one that is older.
    ///
    /// # Errors
    /// The store's own.
    pub fn take(
        &mut self,
        id: PostId,
        line: &str,
        update: Option<Option<Timestamp>>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, taken) => match posts.add(id, line) {
                Added::New => {}
                Added::Tombstoned => taken.tombstoned += 1,
                Added::Known => {
                    taken.known += 1;
                    if let Some(fetched) = update {
                        posts.offer_update(id, line, fetched)?;
                    }
                }
            },
            Self::Database(_, posts, ..) => {
                if let Err(why) = posts.take(line, update.is_some()) {
                    posts.refuse(format!("post {id}"), why.to_string());
                }
            }
        }
        Ok(())
    }

    /// As [`PostsWriter::take`], of a post that was read already: what the index of a directory asks of it
    /// is one of `rows`.
    ///
    /// # Errors
    /// The store's own.
    pub fn take_row(
        &mut self,
        id: PostId,
        line: &str,
        (rows, number): (&Rows, usize),
        update: Option<Option<Timestamp>>,
    ) -> Result<(), StoreError> {
        if let Self::Directory(posts, taken) = self {
            match posts.add_row(id, line, rows, number) {
                Added::New => return Ok(()),
                Added::Tombstoned => {
                    taken.tombstoned += 1;
                    return Ok(());
                }
                Added::Known => {}
            }
        }
        self.take(id, line, update)
    }

    /// Bytes taken in and not yet stored.
    pub fn pending(&self) -> usize {
        match self {
            Self::Directory(posts, _) => posts.pending(),
            Self::Database(_, posts, ..) => posts.pending(),
        }
    }

    /// Stores what was taken in.
    ///
    /// # Errors
    /// The store's own; what was committed before is unharmed.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.commit(),
            Self::Database(_, posts, ..) => posts.commit(),
        }
    }

    /// As [`PostsWriter::commit`], of the last that is taken in.
    ///
    /// # Errors
    /// As [`PostsWriter::commit`].
    pub fn commit_last(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.commit_last(),
            Self::Database(_, posts, ..) => posts.commit(),
        }
    }

    /// As [`PostsWriter::commit`], while more is taken in, where the store can do that; the next commit
    /// tells whether it was stored.
    ///
    /// # Errors
    /// As [`PostsWriter::commit`], of what was to be stored before.
    pub fn commit_behind(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.commit_behind(),
            Self::Database(_, posts, ..) => posts.commit(),
        }
    }

    /// Replaces stored posts by newer fetches and removes buried ones, where that was not done on the
    /// way.
    ///
    /// # Errors
    /// The store's own.
    pub fn apply_updates(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, taken) => {
                taken.updated += posts.apply_updates()?;
                Ok(())
            }
            Self::Database(_, posts, ..) => posts.commit(),
        }
    }

    /// Posts that the store cannot take, since the last call: `post 7189…`, and why.
    pub fn refused(&mut self) -> Vec<(String, String)> {
        match self {
            Self::Directory(..) => Vec::new(),
            Self::Database(_, posts, ..) => posts.refused(),
        }
    }

    /// What became of the posts that are stored.
    pub fn taken(&self) -> Taken {
        match self {
            Self::Directory(posts, taken) => Taken {
                new: posts.added(),
                ..*taken
            },
            Self::Database(_, posts, ..) => {
                let Counts {
                    new,
                    known,
                    updated,
                    tombstoned,
                    ..
                } = posts.counts;
                Taken {
                    new,
                    known,
                    updated,
                    tombstoned,
                }
            }
        }
    }

    /// What was asked for, for working on it.
    ///
    /// # Errors
    /// The store's own.
    pub fn windows(&self) -> Result<Windows, StoreError> {
        match self {
            Self::Directory(posts, _) => Coverage::read(posts.folder()).map(Windows::Directory),
            Self::Database(tag, posts, leases, _) => {
                Windows::of(posts.database(), tag, Some(leases.clone()))
            }
        }
    }

    /// Lists records that cannot be read or stored.
    ///
    /// # Errors
    /// The store's own.
    pub fn reject(&mut self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.reject(records),
            Self::Database(_, posts, ..) => posts.reject(records),
        }
    }
}

impl Windows {
    /// Reads the windows of a hashtag in a database; with `leases` they may be worked on.
    ///
    /// # Errors
    /// The database's own.
    pub fn of(
        database: &Database,
        tag: &Hashtag,
        leases: Option<Leases>,
    ) -> Result<Self, StoreError> {
        let ledger = Ledger::windows(database, tag, leases);
        let (lines, unreadable) = read(&ledger)?;
        Ok(Self::Database {
            ledger,
            lines,
            unreadable,
        })
    }

    /// Lines that could not be read.
    pub fn unreadable(&self) -> u64 {
        match self {
            Self::Directory(coverage) => coverage.unreadable,
            Self::Database { unreadable, .. } => *unreadable,
        }
    }

    /// All windows, by query, then in the order of their days.
    pub fn all(&self) -> Vec<WindowLine> {
        match self {
            Self::Directory(coverage) => coverage.windows().cloned().collect(),
            Self::Database { lines, .. } => lines.clone(),
        }
    }

    /// The windows of one query, in the order of their days.
    pub fn of_query(&self, query: &str) -> Vec<WindowLine> {
        match self {
            Self::Directory(coverage) => coverage.of_query(query).cloned().collect(),
            Self::Database { lines, .. } => {
                let of_query = lines.iter().filter(|line| line.query == query);
                of_query.cloned().collect()
            }
        }
    }

    /// Reads again what other collectors may have written.
    ///
    /// # Errors
    /// The database's own.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        if let Self::Database {
            ledger,
            lines,
            unreadable,
        } = self
        {
            (*lines, *unreadable) = read(ledger)?;
        }
        Ok(())
    }

    /// Enters windows that are new; durable on return.
    ///
    /// # Errors
    /// The store's own.
    pub fn begin(&mut self, new: Vec<WindowLine>) -> Result<(), StoreError> {
        match self {
            Self::Directory(coverage) => coverage.put(new),
            Self::Database { ledger, .. } => {
                ledger.begin(&new)?;
                self.remember(new);
                Ok(())
            }
        }
    }

    /// Writes the state of windows; durable on return.
    ///
    /// # Errors
    /// The store's own; another collector has taken a window over.
    pub fn put(&mut self, changed: Vec<WindowLine>) -> Result<(), StoreError> {
        match self {
            Self::Directory(coverage) => coverage.put(changed),
            Self::Database { ledger, .. } => {
                ledger.put(&changed)?;
                self.remember(changed);
                Ok(())
            }
        }
    }

    /// Asks to work on a window.
    ///
    /// # Errors
    /// The store's own.
    pub fn claim(&self, window: &WindowLine) -> Result<Claim, StoreError> {
        match self {
            Self::Directory(_) => Ok(Claim::Ours(None)),
            Self::Database { ledger, .. } => ledger.claim(window),
        }
    }

    /// Gives a window back.
    ///
    /// # Errors
    /// The store's own; others may then have to wait until the claim runs out.
    pub fn release(&self, window: &WindowLine) -> Result<(), StoreError> {
        match self {
            Self::Directory(_) => Ok(()),
            Self::Database { ledger, .. } => ledger.release(window),
        }
    }

    fn remember(&mut self, changed: Vec<WindowLine>) {
        let Self::Database { lines, .. } = self else {
            return;
        };
        for line in changed {
            let same = |other: &&mut WindowLine| key(other) == key(&line);
            match lines.iter_mut().find(same) {
                Some(old) => *old = line,
                None => lines.push(line),
            }
        }
        lines.sort_by(|a, b| key(a).cmp(&key(b)));
    }
}

/// The windows in the order of their queries and days.
fn read(ledger: &Ledger<WindowLine>) -> Result<(Vec<WindowLine>, u64), StoreError> {
    let (mut lines, unreadable) = ledger.read()?;
    lines.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok((lines, unreadable))
}

fn key(line: &WindowLine) -> (&str, jiff::civil::Date, jiff::civil::Date, Option<&str>) {
    (&line.query, line.from, line.to, line.part.as_deref())
}
