//! Changing posts that are stored: newer fetches take their places, posts that are gone leave.
//!
//! The file is written anew, announced before and entered in the ledger after.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use hashbrown::HashMap;
use jiff::Timestamp;

use super::{Appender, TagWriter};
use crate::model::PostId;
use crate::store::gone::append_history;
use crate::store::known::Known;
use crate::store::rewrite::{Fate, rewrite};
use crate::store::vouch::{Care, stored_ids};
use crate::store::{HistoryLine, StoreError, Tombstone, Tombstones, intent};

/// Newer fetches of stored posts, kept on disk until the file is rewritten.
#[derive(Debug)]
pub(super) struct Updates {
    spool: std::fs::File,
    length: u64,
    /// Post id → place and length in the spool, and when it was fetched.
    places: HashMap<u64, (u64, usize, Option<Timestamp>)>,
}

impl TagWriter {
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

    /// Keeps figures that are about to be replaced.
    ///
    /// # Errors
    /// The disk's own.
    pub fn remember(&mut self, lines: &[HistoryLine]) -> Result<(), StoreError> {
        append_history(&self.posts, lines)
    }

    /// Enters tombstones; [`TagWriter::apply_updates`] then removes the posts, and nothing stores
    /// them again.
    ///
    /// # Errors
    /// The disk's own.
    pub fn bury(&mut self, tombstones: Vec<Tombstone>) -> Result<(), StoreError> {
        let ids: Vec<u64> = tombstones
            .iter()
            .filter_map(|stone| stone.id.parse().ok())
            .collect();
        Tombstones::read(&self.posts)?.put(tombstones)?;
        self.buried.extend(&ids);
        let stored = |id: &u64| PostId::new(*id).is_some_and(|id| self.known.contains(id));
        self.removing.extend(ids.into_iter().filter(stored));
        Ok(())
    }

    /// Posts that have a tombstone and are stored: a removal was interrupted. They are removed by the
    /// next [`TagWriter::apply_updates`].
    pub fn bury_the_rest(&mut self) -> u64 {
        let stored = |id: &&u64| PostId::new(**id).is_some_and(|id| self.known.contains(id));
        let rest: Vec<u64> = self.buried.iter().filter(stored).copied().collect();
        self.removing.extend(&rest);
        rest.len() as u64
    }

    /// Replaces stored posts by the newer fetches offered and removes buried ones, rewriting the
    /// file; returns how many were replaced.
    ///
    /// # Errors
    /// The disk's own; the old file is then still in place, or the mark that it may not be.
    pub fn apply_updates(&mut self) -> Result<u64, StoreError> {
        self.commit()?;
        if self.updates.is_none() && self.removing.is_empty() {
            return Ok(0);
        }
        let mut updates = self.updates.take();
        let path = self.posts.join("data.json");
        let mut updated = 0;
        let work = || {
            rewrite(&path, self.kind, |line| {
                let Ok(stored) = self.kind.entry(line) else {
                    return Ok(Fate::Keep);
                };
                if self.removing.contains(&stored.id.get()) {
                    return Ok(Fate::Remove);
                }
                let Some(updates) = &mut updates else {
                    return Ok(Fate::Keep);
                };
                let Some(&(place, length, fetched)) = updates.places.get(&stored.id.get()) else {
                    return Ok(Fate::Keep);
                };
                if older(fetched, stored.fetched) {
                    return Ok(Fate::Keep);
                }
                let mut newer = vec![0; length];
                updates.spool.seek(SeekFrom::Start(place))?;
                updates.spool.read_exact(&mut newer)?;
                updated += 1;
                Ok(String::from_utf8(newer).map_or(Fate::Keep, Fate::Replace))
            })
        };
        self.rewritten = Some(intent::marked(&self.posts, work)?);
        let removing = std::mem::take(&mut self.removing);
        if !removing.is_empty() {
            self.known = Known::of(&stored_ids(&path, self.kind, Care::Ids)?);
            (self.committed, self.given) = (0, 0);
        }
        self.appender = Appender::open(&path)?.ok_or_else(|| StoreError::Damaged {
            path,
            why: "it changed while it was rewritten".into(),
        })?;
        Ok(updated)
    }
}

/// Whether a fetch is known to be no newer than another; what is not dated counts as newer, since
/// the person asked for the update.
fn older(fetched: Option<Timestamp>, than: Option<Timestamp>) -> bool {
    matches!((fetched, than), (Some(fetched), Some(than)) if fetched <= than)
}
