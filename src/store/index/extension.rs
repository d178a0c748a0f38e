//! The index while posts are added.

use std::io;
use std::path::{Path, PathBuf};
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
    pub(super) chunks: Chunks,
    /// The joining of what was taken to the base, under way.
    closing: Option<JoinHandle<Result<Option<Index>, StoreError>>>,
}

impl Extension {
    /// For posts that are about to be added to.
    pub(in super::super) fn open(posts: &Path, stored: u64) -> Self {
        let folder = folder(posts);
        let base = if stored == 0 {
            Some(Index {
                folder: folder.clone(),
                segments: Vec::new(),
            })
        } else {
            Index::open(posts).filter(|index| index.posts() == stored)
        };
        Self {
            base,
            added: Builder::default(),
            at_once: AT_ONCE,
            chunks: Chunks {
                folder,
                segments: Vec::new(),
            },
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
            let written = table.is_some_and(|table| self.chunks.write(&table).is_ok());
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
        self.chunks.segments.clear();
    }

    /// Takes no more posts: all that can be done before the ledger vouches for them is begun on another
    /// thread. Of so many that some were put aside it is not, since lists and parts in memory together would be
    /// too much.
    pub(in super::super) fn close(&mut self) {
        if self.added.is_empty() || !self.chunks.segments.is_empty() {
            return;
        }
        if let Some(base) = self.base.take() {
            let added = std::mem::take(&mut self.added);
            let chunks = Chunks {
                folder: self.chunks.folder.clone(),
                segments: Vec::new(),
            };
            self.closing = Some(std::thread::spawn(move || join(base, added, chunks)));
        }
    }

    /// Brings the index up to date with the posts, of which there are so many.
    pub(in super::super) fn save(
        mut self,
        posts: &Path,
        ledger: &Ledger,
        stored: u64,
    ) -> Result<(), StoreError> {
        let folder = self.chunks.folder.clone();
        fs::create_dir_all(&folder)?;
        let data = posts.join("data.json");
        let added = std::mem::take(&mut self.added);
        let mut chunks = Chunks {
            folder: folder.clone(),
            segments: std::mem::take(&mut self.chunks.segments),
        };
        let index = match (self.closing.take(), self.base.take()) {
            (Some(closing), _) => {
                let failed = |_| io::Error::other("the index's thread failed");
                closing.join().map_err(failed)??
            }
            (None, Some(base)) => join(base, added, chunks)?,
            (None, None) => {
                let empty = Index {
                    folder: folder.clone(),
                    segments: Vec::new(),
                };
                if built(&data, BUILT, &mut |table| chunks.write(&table))? {
                    join(empty, added, chunks)?
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
fn join(mut base: Index, added: Builder, mut chunks: Chunks) -> Result<Option<Index>, StoreError> {
    /// Several hashtags' in memory at once would be too much.
    static TURN: Mutex<()> = Mutex::new(());

    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if !added.is_empty() {
        let Some(table) = added.finish() else {
            return Ok(None);
        };
        chunks.write(&table)?;
    }
    let fits = base.add(chunks.segments)?;
    Ok(fits.then_some(base))
}

/// Segments of added posts that no manifest names yet, as temporary files.
#[derive(Debug)]
pub(super) struct Chunks {
    folder: PathBuf,
    pub(super) segments: Vec<Segment>,
}

impl Chunks {
    fn write(&mut self, table: &Columns) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder)?;
        let number = self.segments.len();
        let file = format!("{}{number}{}", atomic::TEMPORARY, segment::EXTENSION);
        segment::write(&self.folder.join(&file), table)?;
        self.segments.push(Segment {
            file,
            posts: table.posts as u64,
            fresh: None,
        });
        Ok(())
    }
}
