//! Where a subject's posts and its ledger of windows lie: every touch of a collection with the store.
//!
//! A pass locks the store ([`Shelves::open`]) and opens one subject after the other
//! ([`Shelves::shelf`]). What was asked before is read ([`Shelf::windows`]); each page's posts are
//! made durable ([`Shelf::add`]) before the line that tells of the page ([`Shelf::enter`]), so that
//! a crash between the two has the page asked for again; a subject's end closes its shelf
//! ([`Shelves::close`]). Another kind of store needs these and nothing else.

use std::cell::RefCell;

use crate::cli::Global;
use crate::commands::{import, writer};
use crate::error::Error;
use crate::model::{Hashtag, Origin, PostId};
use crate::store::{
    Added, Coverage, RejectedRecord, Run, Store, StoreError, TagWriter, WindowLine, Writer,
};
use crate::ui::Ui;

/// The store, locked: nobody else writes to it.
pub(super) struct Shelves {
    writer: Writer,
}

/// One subject's posts and windows.
pub(super) struct Shelf {
    writer: RefCell<TagWriter>,
    coverage: RefCell<Coverage>,
}

/// What became of a page's posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    /// Stored now.
    pub(super) new: u64,
    /// Stored before.
    pub(super) known: u64,
    /// Not stored, since they were removed before.
    pub(super) tombstoned: u64,
}

impl Shelves {
    /// Waits for the lock.
    ///
    /// # Errors
    /// Another process keeps it; the directory is not ours; the disk's own.
    pub(super) fn open(global: &Global, command: &str, ui: &Ui) -> Result<Self, Error> {
        Ok(Self {
            writer: writer(global, command, ui)?,
        })
    }

    /// Opens a subject, mending what a killed run left of it.
    ///
    /// # Errors
    /// Made-up and real posts would meet; damaged posts; the disk's own.
    pub(super) fn shelf(
        &mut self,
        name: &Hashtag,
        origin: Origin,
        ui: &Ui,
    ) -> Result<Shelf, Error> {
        let writer = self.writer.tag(name, origin)?;
        import::tell_opened(&writer.name, "post", &writer.opened, ui);
        let coverage = Coverage::read(writer.folder())?;
        if coverage.unreadable > 0 {
            ui.warn(&format!(
                "#{name}: {} lines of windows.jsonl cannot be read; their days are asked for again",
                coverage.unreadable
            ));
        }
        Ok(Shelf {
            writer: RefCell::new(writer),
            coverage: RefCell::new(coverage),
        })
    }

    /// Enters a run into the lists and ledgers that lie beside the posts; a run that brought and
    /// mended nothing (`None`) leaves no trace.
    ///
    /// # Errors
    /// The disk's own; the posts themselves are stored by then.
    pub(super) fn close(&mut self, shelf: Shelf, run: Option<Run>) -> Result<(), StoreError> {
        let writer = shelf.writer.into_inner();
        match run {
            Some(run) => self.writer.finish(vec![(writer, run)]),
            None => Ok(()),
        }
    }
}

impl Shelf {
    /// How many posts are stored.
    pub(super) fn len(&self) -> u64 {
        self.writer.borrow().len()
    }

    /// Whether posts of a killed run were found, which the next entry must tell of.
    pub(super) fn mended(&self) -> bool {
        self.writer.borrow().opened.recovered > 0
    }

    /// What is known of a query's windows, in the order of their days.
    pub(super) fn windows(&self, query: &str) -> Vec<WindowLine> {
        self.coverage.borrow().of_query(query).cloned().collect()
    }

    /// Stores a page's posts, each once, and lists what of it cannot be read; durable on return.
    ///
    /// # Errors
    /// The disk's own; what was stored before is unharmed.
    pub(super) fn add(
        &self,
        posts: &[(PostId, String)],
        rejected: &[RejectedRecord],
    ) -> Result<Stored, StoreError> {
        let mut writer = self.writer.borrow_mut();
        let mut stored = Stored::default();
        for (id, line) in posts {
            match writer.add(*id, line) {
                Added::New => stored.new += 1,
                Added::Known => stored.known += 1,
                Added::Tombstoned => stored.tombstoned += 1,
            }
        }
        writer.commit()?;
        writer.reject(rejected)?;
        Ok(stored)
    }

    /// Enters what is known of windows from now on; durable on return.
    ///
    /// # Errors
    /// The disk's own; what was entered before is unharmed.
    pub(super) fn enter(&self, lines: Vec<WindowLine>) -> Result<(), StoreError> {
        self.coverage.borrow_mut().put(lines)
    }
}

/// What is known of a query's windows, without opening anything for writing; nothing where nothing
/// is stored.
///
/// # Errors
/// The disk's own.
pub(super) fn windows_of(
    global: &Global,
    name: &Hashtag,
    query: &str,
) -> Result<Vec<WindowLine>, Error> {
    let folder = Store::open(&global.data_dir)
        .ok()
        .and_then(|store| store.find(name).ok())
        .and_then(|stored| stored.posts.into_iter().next());
    // A path that is not there has no ledger either.
    let folder = folder.unwrap_or_else(|| global.data_dir.join("nothing"));
    Ok(Coverage::read(&folder)?.of_query(query).cloned().collect())
}
