//! The index while posts are added.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use fs_err as fs;

use super::super::runs::Ledger;
use super::super::{StoreError, atomic};
use super::{AT_ONCE, BUILT, Index, Segment, built, folder, remove, segment};
use crate::model::{Builder, Columns, Origin, Post, Rows};

/// The index while posts are added.
#[derive(Debug)]
pub(in super::super) struct Extension {
    /// The index of what was stored before; `None` where it has to be built from the posts.
    pub(super) base: Option<Index>,
    added: Builder,
    /// How many posts of `added` are put aside.
    pub(super) at_once: usize,
    /// Those posts, as temporary segments in the base's folder that no manifest names yet.
    pub(super) chunks: Vec<Segment>,
    /// The joining of what was taken to the base, under way.
    closing: Option<JoinHandle<Result<Option<Index>, StoreError>>>,
}

impl Extension {
    /// For posts that are about to be added to.
    pub(in super::super) fn open(posts: &Path, stored: u64) -> Self {
        let base = if stored == 0 {
            Some(Index::empty(posts))
        } else {
            Index::open(posts).filter(|index| index.posts() == stored)
        };
        Self {
            base,
            added: Builder::default(),
            at_once: AT_ONCE,
            chunks: Vec::new(),
            closing: None,
        }
    }

    /// Takes a post that was added.
    pub(in super::super) fn push(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        if self.is_open() {
            self.added.push(post, origin);
            self.put_aside();
        }
    }

    /// As [`Extension::push`], of the post of a row.
    pub(in super::super) fn take(&mut self, rows: &Rows, number: usize) {
        if self.is_open() {
            self.added.take(rows, number);
            self.put_aside();
        }
    }

    /// Whether posts are taken still. Where one comes late the index has to be built from them all.
    fn is_open(&mut self) -> bool {
        if self.closing.is_some() {
            self.spoil();
        }
        self.base.is_some()
    }

    fn put_aside(&mut self) {
        if self.added.len() >= self.at_once {
            let table = std::mem::take(&mut self.added).finish();
            let written =
                self.base.as_ref().zip(table).is_some_and(|(base, table)| {
                    write(&base.folder, &mut self.chunks, &table).is_ok()
                });
            if !written {
                self.spoil();
            }
        }
    }

    /// What was taken does not fit what is stored: it is built from the posts.
    pub(in super::super) fn spoil(&mut self) {
        self.base = None;
        if let Some(closing) = self.closing.take() {
            let _ = closing.join();
        }
        self.added = Builder::default();
        self.chunks.clear();
    }

    /// Takes no more posts: all that can be done before the ledger vouches for them is begun on another
    /// thread. Of so many that some were put aside it is not, since lists and parts in memory together would be
    /// too much.
    pub(in super::super) fn close(&mut self) {
        if self.added.is_empty() || !self.chunks.is_empty() {
            return;
        }
        if let Some(base) = self.base.take() {
            let added = std::mem::take(&mut self.added);
            self.closing = Some(std::thread::spawn(move || join(base, added, Vec::new())));
        }
    }

    /// Brings the index up to date with the posts, of which there are so many.
    pub(in super::super) fn save(
        mut self,
        posts: &Path,
        ledger: &Ledger,
        stored: u64,
    ) -> Result<(), StoreError> {
        let folder = folder(posts);
        fs::create_dir_all(&folder)?;
        let data = posts.join("data.json");
        let added = std::mem::take(&mut self.added);
        let mut chunks = std::mem::take(&mut self.chunks);
        let index = match (self.closing.take(), self.base.take()) {
            (Some(closing), _) => {
                let failed = |_| io::Error::other("the index's thread failed");
                closing.join().map_err(failed)??
            }
            (None, Some(base)) => join(base, added, chunks)?,
            (None, None) => {
                if built(&data, BUILT, &mut |table| {
                    write(&folder, &mut chunks, &table)
                })? {
                    join(Index::empty(posts), added, chunks)?
                } else {
                    None
                }
            }
        };
        let Some(mut index) = index.filter(|index| index.posts() == stored) else {
            return remove(&folder);
        };
        let head = ledger.head.as_deref().unwrap_or_default();
        index.name(head.get(..16).unwrap_or("first"))?;
        index.finish(&data)
    }
}

impl Drop for Extension {
    /// Nobody may take the store's lock while something is still being written.
    fn drop(&mut self) {
        if let Some(closing) = self.closing.take() {
            let _ = closing.join();
        }
    }
}

/// The index with the posts that were added; `None` where they do not fit.
fn join(
    mut base: Index,
    added: Builder,
    mut chunks: Vec<Segment>,
) -> Result<Option<Index>, StoreError> {
    /// Several hashtags' in memory at once would be too much.
    static TURN: Mutex<()> = Mutex::new(());

    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if !added.is_empty() {
        let Some(table) = added.finish() else {
            return Ok(None);
        };
        write(&base.folder, &mut chunks, &table)?;
    }
    let fits = base.add(chunks)?;
    Ok(fits.then_some(base))
}

/// Writes a table as the next temporary segment.
fn write(folder: &Path, chunks: &mut Vec<Segment>, table: &Columns) -> Result<(), StoreError> {
    fs::create_dir_all(folder)?;
    let number = chunks.len();
    let file = format!("{}{number}{}", atomic::TEMPORARY, segment::EXTENSION);
    segment::write(&folder.join(&file), table)?;
    chunks.push(Segment {
        file,
        posts: table.posts as u64,
        fresh: None,
    });
    Ok(())
}
