//! Which posts a refresh has to ask for, wherever they are stored.

use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::mongo::{Database, DuePages};
use super::place::Place;
use super::runs::Ledger;
use super::{
    Gone, Missing, MissingLine, Records, Samples, Store, StoreError, StoredTag, Tombstones,
    Verdict, scan,
};
use crate::model::{Counts, Created, Format, Hashtag, Origin, Post, PostId};
use crate::record::{Stored, Unreadable};

/// A store, open for looking at what is due.
#[derive(Debug)]
pub enum Stock {
    /// A data directory.
    Directory(Store),
    /// A database.
    Database(Database),
}

/// A post that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePost {
    /// The post.
    pub id: PostId,
    /// The day (UTC) that it was posted on, as its record says, else its id.
    pub day: Date,
    /// When it was fetched, if known.
    pub fetched: Option<Timestamp>,
    /// Its figures as they are stored.
    pub counts: Counts,
}

/// The posts of a hashtag that are due, portion by portion.
#[derive(Debug)]
pub struct Due {
    /// How many there are.
    pub posts: u64,
    /// How many posts of other sources the hashtag has.
    pub others: u64,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    /// What is due, and a few of the rest.
    Directory(VecDeque<DuePost>, Samples),
    Database(DuePages),
}

impl Stock {
    /// Opens a store.
    ///
    /// # Errors
    /// It is none, or not to be reached.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        match place {
            Place::Directory(root) => Store::open(root).map(Self::Directory),
            Place::Database(place) => Database::open(place).map(Self::Database),
        }
    }

    /// All hashtags.
    ///
    /// # Errors
    /// The store's own.
    pub fn tags(&self) -> Result<Vec<Hashtag>, StoreError> {
        match self {
            Self::Directory(store) => {
                Ok(store.tags()?.into_iter().map(|stored| stored.tag).collect())
            }
            Self::Database(database) => database.tags(),
        }
    }

    /// Whether a hashtag has posts.
    ///
    /// # Errors
    /// [`StoreError::NotStored`]; the store's own.
    pub fn find(&self, tag: &Hashtag) -> Result<(), StoreError> {
        match self {
            Self::Directory(store) => store.find(tag).map(|_| ()),
            Self::Database(database) => database.find(tag),
        }
    }

    /// How a hashtag's posts came, as its last run says: also where none of them is left.
    ///
    /// # Errors
    /// [`StoreError::NotStored`] where a directory has no such hashtag; the store's own.
    pub fn origin(&self, tag: &Hashtag) -> Result<Option<Origin>, StoreError> {
        match self {
            Self::Directory(store) => {
                for folder in &store.find(tag)?.posts {
                    if let Some(run) = Ledger::read(folder)?.runs.last() {
                        return Ok(run.origin.parse().ok());
                    }
                }
                Ok(None)
            }
            Self::Database(database) => {
                let runs = database.runs(&Records::Posts(tag.clone()))?;
                let last = runs.last().and_then(|run| run.get_str("origin").ok());
                Ok(last.and_then(|origin| origin.parse().ok()))
            }
        }
    }

    /// The Research-API posts of a hashtag, of one origin, that were fetched at that time or before,
    /// or nobody knows when.
    ///
    /// # Errors
    /// The store's own.
    pub fn due(&self, tag: &Hashtag, origin: Origin, before: Timestamp) -> Result<Due, StoreError> {
        match self {
            Self::Directory(store) => due_in(&store.find(tag)?, origin, before),
            Self::Database(database) => {
                let (pages, posts, others) = database.due(tag, origin, before)?;
                Ok(Due {
                    posts,
                    others,
                    rest: Rest::Database(pages),
                })
            }
        }
    }

    /// The posts of a hashtag that were not found, and wait for another look.
    ///
    /// # Errors
    /// The store's own.
    pub fn waiting(&self, tag: &Hashtag) -> Result<Vec<MissingLine>, StoreError> {
        match self {
            Self::Directory(store) => {
                let mut waiting = Vec::new();
                for folder in &store.find(tag)?.posts {
                    let gone = Tombstones::read(folder)?;
                    let missing = Missing::read(folder)?;
                    let lines = missing.lines();
                    let lines = lines.filter(|line| !line.found && gone.get(&line.id).is_none());
                    waiting.extend(lines.cloned());
                }
                Ok(waiting)
            }
            Self::Database(database) => database.waiting(tag),
        }
    }

    /// What refreshes have left behind about a hashtag's posts; `ids` are those that are stored.
    ///
    /// # Errors
    /// The store's own.
    pub fn gone(&self, tag: &Hashtag, ids: &[PostId]) -> Result<Gone, StoreError> {
        match self {
            Self::Directory(store) => {
                let mut gone = Gone::default();
                for folder in &store.find(tag)?.posts {
                    gone.extend(Gone::read(folder)?);
                }
                Ok(gone)
            }
            Self::Database(database) => database.gone(tag, ids),
        }
    }

    /// Which of these posts are not stored since they were removed.
    ///
    /// # Errors
    /// The store's own.
    pub fn removed(&self, tag: &Hashtag, ids: &[PostId]) -> Result<BTreeSet<PostId>, StoreError> {
        match self {
            Self::Directory(store) => {
                let mut removed = BTreeSet::new();
                for folder in &store.find(tag)?.posts {
                    let stones = Tombstones::read(folder)?;
                    let is = |id: &&PostId| stones.get(&id.to_string()).is_some();
                    removed.extend(ids.iter().filter(is));
                }
                Ok(removed)
            }
            Self::Database(database) => database.removed_among(ids),
        }
    }

    /// Whether posts of a hashtag were removed: the removal of one may have been interrupted.
    ///
    /// # Errors
    /// The store's own.
    pub fn has_tombstones(&self, tag: &Hashtag) -> Result<bool, StoreError> {
        match self {
            Self::Directory(store) => {
                let folders = store.find(tag)?.posts;
                Ok(folders
                    .iter()
                    .any(|folder| folder.join("tombstones.jsonl").is_file()))
            }
            Self::Database(database) => database.has_tombstones(tag),
        }
    }
}

impl Due {
    /// The next posts, at most so many, in the order of their days; none when all were given.
    ///
    /// # Errors
    /// The store's own.
    pub fn next(&mut self, most: usize) -> Result<Vec<DuePost>, StoreError> {
        let mut posts: Vec<DuePost> = match &mut self.rest {
            Rest::Directory(posts, _) => posts.drain(..most.min(posts.len())).collect(),
            Rest::Database(pages) => pages.next(most)?,
        };
        posts.sort_by_key(|post| (post.day, post.id));
        Ok(posts)
    }

    /// Posts of these days (UTC) that are not due as they were fetched since, at most so many (and of a
    /// directory at most a dozen a day), the last fetched first.
    ///
    /// # Errors
    /// The store's own.
    pub fn lately(
        &self,
        days: RangeInclusive<Date>,
        most: usize,
    ) -> Result<Vec<DuePost>, StoreError> {
        match &self.rest {
            Rest::Directory(_, lately) => Ok(lately.within(days, most)),
            Rest::Database(pages) => pages.lately(days, most),
        }
    }
}

impl DuePost {
    /// The day that a post was made on: what it says, else what its id says.
    pub(super) fn day(id: PostId, created: Option<Timestamp>) -> Date {
        let by_id = || Timestamp::from_second(id.upload_second()).ok();
        let at = created.or_else(by_id).unwrap_or_default();
        at.to_zoned(TimeZone::UTC).date()
    }

    fn of(post: &Post<'_>, fetched: Option<Timestamp>) -> Self {
        Self {
            id: post.id,
            day: Self::day(post.id, post.created.map(Created::at)),
            fetched,
            counts: post.counts,
        }
    }
}

fn due_in(stored: &StoredTag, origin: Origin, before: Timestamp) -> Result<Due, StoreError> {
    let mut due: Vec<DuePost> = Vec::new();
    let mut lately = Samples::default();
    let mut others = 0;
    for path in stored.data_files() {
        let (states, _) = scan(
            &path,
            &<(Vec<DuePost>, Samples, u64)>::default,
            &|(due, lately, others), line| match Stored::read(line.text) {
                Ok(stored) => {
                    let ours =
                        stored.origin == Some(origin) && stored.post.format == Format::Research;
                    if !ours {
                        *others += 1;
                    } else if stored.fetched.is_none_or(|fetched| fetched <= before) {
                        due.push(DuePost::of(&stored.post, stored.fetched));
                    } else {
                        lately.keep(DuePost::of(&stored.post, stored.fetched));
                    }
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(_) => Verdict::Read,
            },
        )?;
        for (found, fresh, left) in states {
            due.extend(found);
            lately.merge(fresh);
            others += left;
        }
    }
    due.sort_by_key(|post| (post.day, post.id));
    due.dedup_by_key(|post| post.id);
    Ok(Due {
        posts: due.len() as u64,
        others,
        rest: Rest::Directory(due.into(), lately),
    })
}
