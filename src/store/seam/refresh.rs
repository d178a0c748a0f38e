//! What a refresh does to a hashtag's posts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{PostsWriter, StoreWriter};
use crate::model::PostId;
use crate::store::gone::new_figures;
use crate::store::{
    Gone, HistoryLine, Missing, MissingLine, Stock, Store, StoreError, Tombstone, Tombstones,
};

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

    /// Takes over what refreshes left behind in another store, each thing once; posts that were removed
    /// there are removed here by [`PostsWriter::apply_updates`] at the latest. Durable on return.
    /// Tells how many tombstones are new.
    ///
    /// # Errors
    /// The store's own.
    pub fn take_gone(&mut self, gone: Gone) -> Result<u64, StoreError> {
        let Gone {
            mut tombstones,
            mut missing,
            mut history,
        } = gone;
        let known: BTreeSet<String> = match self {
            Self::Directory(posts, _) => {
                let folder = posts.folder();
                history = new_figures(folder, history)?;
                let stones = Tombstones::read(folder)?;
                stones.lines().map(|stone| stone.id.clone()).collect()
            }
            Self::Database(_, posts, ..) => {
                let ids = tombstones.iter().filter_map(|stone| stone.id.parse().ok());
                let ids: Vec<PostId> = ids.collect();
                let known = posts.database().removed_among(&ids)?;
                known.iter().map(ToString::to_string).collect()
            }
        };
        tombstones.retain(|stone| !known.contains(&stone.id));
        let ids = missing.iter().filter_map(|line| line.id.parse().ok());
        let waiting = self.missing(&ids.collect::<Vec<_>>())?;
        let waits = |line: &MissingLine| {
            let id = line.id.parse().ok();
            id.is_some_and(|id| waiting.contains_key(&id))
        };
        missing.retain(|line| !waits(line));
        self.remember(&history)?;
        self.put_missing(missing)?;
        let new = tombstones.len() as u64;
        if new > 0 {
            self.bury(tombstones)?;
        }
        Ok(new)
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
