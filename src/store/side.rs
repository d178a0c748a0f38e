//! Comments and users, written beside a collection of posts: each under a lock of its own, since a
//! download holds that of the posts for hours.
//!
//! What lies there is listed in no file that the writer of posts writes, and the other way round.

use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use super::lock::{self, Lock};
use super::{Holder, RecordFolder, Store, StoreError, TagWriter, Writer, atomic};
use crate::model::Origin;

/// What is written beside the posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Comments.
    Comments,
    /// Users.
    Users,
}

impl Side {
    pub(super) const ALL: [Self; 2] = [Self::Comments, Self::Users];

    pub(super) fn lock(self) -> &'static str {
        match self {
            Self::Comments => ".cotag.comments.lock",
            Self::Users => ".cotag.users.lock",
        }
    }
}

/// The only writer of a data directory's comments, or users.
#[derive(Debug)]
pub struct SideWriter {
    store: Store,
    _lock: Lock,
}

impl SideWriter {
    /// Opens a data directory for writing beside its posts; makes it where there is none.
    ///
    /// `waiting` is called once if another process writes the same.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open(
        root: &Path,
        side: Side,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        if !Store::is_ours(root) {
            // Only who may write posts may make a directory ours.
            drop(Writer::open(root, command, timeout, waiting)?);
        }
        let lock = Lock::take(root, side.lock(), command, timeout, waiting)?;
        Ok(Self {
            store: Store::open(root)?,
            _lock: lock,
        })
    }

    /// The store as it stands.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Opens a place for records of an origin, mending what an interrupted writer left.
    ///
    /// # Errors
    /// As [`Writer::tag`].
    pub fn open_place(&self, place: RecordFolder, origin: Origin) -> Result<TagWriter, StoreError> {
        fs::create_dir_all(&place.folder)?;
        if let Some(parent) = place.folder.parent() {
            atomic::sync_folder(parent)?;
        }
        TagWriter::open_for(self.store.root(), place, origin)
    }

    /// Who writes posts at this moment.
    ///
    /// # Errors
    /// The disk's own.
    pub fn posts_written_by(&self) -> Result<Option<Holder>, StoreError> {
        Ok(Lock::holder(self.store.root(), lock::POSTS)?)
    }
}
