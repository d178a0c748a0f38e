//! Where a subject's posts and its ledger of windows lie: every touch of a collection with the store.
//!
//! A pass locks the store ([`Shelves::open`]) and opens one subject after the other
//! ([`Shelves::shelf`]). What was asked before is read ([`Shelf::windows`]); each page's posts are
//! made durable ([`Shelf::add`]) before the line that tells of the page ([`Shelf::enter`]), so that
//! a crash between the two has the page asked for again; a subject's end closes its shelf
//! ([`Shelves::close`]). Another kind of store needs these and nothing else.

use std::cell::RefCell;

use crate::cli::Global;
use crate::commands::{database, import, store_writer};
use crate::error::Error;
use crate::model::{Hashtag, Origin, PostId};
use crate::store::{
    Claim, Coverage, PostsWriter, RejectedRecord, Run, Store, StoreError, StoreWriter, WindowLine,
    Windows,
};
use crate::ui::Ui;

/// The store. A directory is locked, nobody else writes to it; in a database windows are claimed.
pub(super) struct Shelves {
    writer: StoreWriter,
}

/// One subject's posts and windows.
pub(super) struct Shelf {
    writer: RefCell<PostsWriter>,
    windows: RefCell<Windows>,
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
            writer: store_writer(global, command, ui)?,
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
        let writer = self.writer.posts(name, origin)?;
        import::tell_opened(&format!("#{name}"), "post", writer.opened(), ui);
        let windows = writer.windows()?;
        if windows.unreadable() > 0 {
            ui.warn(&format!(
                "#{name}: {} lines of windows.jsonl cannot be read; their days are asked for again",
                windows.unreadable()
            ));
        }
        Ok(Shelf {
            writer: RefCell::new(writer),
            windows: RefCell::new(windows),
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
        self.writer.borrow().stored()
    }

    /// Whether posts of a killed run were found, which the next entry must tell of.
    pub(super) fn mended(&self) -> bool {
        self.writer.borrow().opened().recovered > 0
    }

    /// What is known of a query's windows, in the order of their days.
    pub(super) fn windows(&self, query: &str) -> Vec<WindowLine> {
        self.windows.borrow().of_query(query)
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
        let before = writer.taken();
        for (id, line) in posts {
            writer.take(*id, line, None)?;
        }
        writer.commit()?;
        let mut rejected = rejected.to_vec();
        let run = rejected
            .first()
            .map_or_else(String::new, |first| first.run.clone());
        for (place, reason) in writer.refused() {
            rejected.push(RejectedRecord {
                run: run.clone(),
                file: "Research API".into(),
                place,
                reason,
                excerpt: String::new(),
            });
        }
        writer.reject(&rejected)?;
        let after = writer.taken();
        Ok(Stored {
            new: after.new - before.new,
            known: after.known - before.known,
            tombstoned: after.tombstoned - before.tombstoned,
        })
    }

    /// Enters what is known of windows from now on; durable on return.
    ///
    /// # Errors
    /// The disk's own; what was entered before is unharmed.
    pub(super) fn enter(&self, lines: Vec<WindowLine>) -> Result<(), StoreError> {
        self.windows.borrow_mut().put(lines)
    }

    /// Enters windows that nothing is known of yet; those that another collector has entered
    /// meanwhile stay as they are.
    ///
    /// # Errors
    /// As [`Shelf::enter`].
    pub(super) fn begin(&self, lines: Vec<WindowLine>) -> Result<(), StoreError> {
        self.windows.borrow_mut().begin(lines)
    }

    /// Asks to work on a window, since other collectors may share the store.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn claim(&self, window: &WindowLine) -> Result<Claim, StoreError> {
        self.windows.borrow().claim(window)
    }

    /// Gives a window back. Where that fails the claim runs out by itself.
    pub(super) fn release(&self, window: &WindowLine) {
        let _ = self.windows.borrow().release(window);
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
    let stores = database::Shelf::new(global);
    let Some(root) = stores.directory()? else {
        return Ok(stores.windows(name)?.of_query(query));
    };
    let folder = Store::open(root)
        .ok()
        .and_then(|store| store.find(name).ok())
        .and_then(|stored| stored.posts.into_iter().next());
    // A path that is not there has no ledger either.
    let folder = folder.unwrap_or_else(|| root.join("nothing"));
    Ok(Coverage::read(&folder)?.of_query(query).cloned().collect())
}
