//! What a refresh does to a hashtag's posts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{PostsWriter, StoreWriter};
use crate::model::PostId;
use crate::store::{HistoryLine, Missing, MissingLine, Stock, Store, StoreError, Tombstone};

impl StoreWriter {
    /// The same store, for looking at what is due.
    ///
    /// # Errors
    /// The store's own.
    pub fn stock(&self) -> Result<Stock, StoreError> {
        match self {
            Self::Directory(writer) => Store::open(writer.store().root()).map(Stock::Directory),
            Self::Database(database, _) => Ok(Stock::Database(database.clone())),
        }
    }
}

impl PostsWriter {
    /// Whether changing a few posts costs as much as changing all of them: a file is written anew.
    pub fn is_rewritten_whole(&self) -> bool {
        matches!(self, Self::Directory(..))
    }

    /// Keeps a fetch of a stored post; [`PostsWriter::apply_updates`] replaces the stored one if that
    /// is older.
    ///
    /// # Errors
    /// The store's own.
    pub fn offer_update(
        &mut self,
        id: PostId,
        line: &str,
        fetched: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.offer_update(id, line, fetched),
            Self::Database(_, posts, ..) => {
                posts.offer_update(id, line);
                Ok(())
            }
        }
    }

    /// Keeps figures that are about to be replaced; durable on return.
    ///
    /// # Errors
    /// The store's own.
    pub fn remember(&mut self, lines: &[HistoryLine]) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.remember(lines),
            Self::Database(_, posts, ..) => posts.remember(lines),
        }
    }

    /// Enters tombstones, durable on return; nothing stores these posts again. They are removed by
    /// [`PostsWriter::apply_updates`] at the latest.
    ///
    /// # Errors
    /// The store's own.
    pub fn bury(&mut self, stones: Vec<Tombstone>) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => posts.bury(stones),
            Self::Database(_, posts, ..) => posts.bury(&stones),
        }
    }

    /// Posts that have a tombstone and are stored: a removal was interrupted. They are removed by
    /// [`PostsWriter::apply_updates`] at the latest.
    ///
    /// # Errors
    /// The store's own.
    pub fn bury_the_rest(&mut self) -> Result<u64, StoreError> {
        match self {
            Self::Directory(posts, _) => Ok(posts.bury_the_rest()),
            Self::Database(_, posts, ..) => posts.bury_the_rest(),
        }
    }

    /// Which of these posts were not found when they were last looked for.
    ///
    /// # Errors
    /// The store's own.
    pub fn missing(&self, ids: &[PostId]) -> Result<BTreeMap<PostId, MissingLine>, StoreError> {
        let lines = match self {
            Self::Directory(posts, _) => {
                let missing = Missing::read(posts.folder())?;
                let line = |id: &PostId| missing.get(&id.to_string()).cloned();
                ids.iter().filter_map(line).collect()
            }
            Self::Database(_, posts, ..) => posts.missing(ids)?,
        };
        let missing = lines.into_iter().filter(|line| !line.found);
        let keyed = |line: MissingLine| Some((line.id.parse().ok()?, line));
        Ok(missing.filter_map(keyed).collect())
    }

    /// Notes posts that were not found, or that were found again; durable on return.
    ///
    /// # Errors
    /// The store's own.
    pub fn put_missing(&mut self, lines: Vec<MissingLine>) -> Result<(), StoreError> {
        match self {
            Self::Directory(posts, _) => Missing::read(posts.folder())?.put(lines),
            Self::Database(_, posts, ..) => posts.put_missing(&lines),
        }
    }
}
