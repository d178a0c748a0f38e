//! Where lists are stored: records into their place, how far each list came into its ledger.
//!
//! The only point at which collecting comments and users touches the store.

use crate::commands::database::Shelf;
use crate::error::Error;
use crate::model::Origin;
use crate::store::{
    AskedLine, AskedLists, Claim, Opened, Records, RecordsWriter, RejectedRecord, Run, SideStore,
    Store, StoreError,
};

/// One set of records, and the ledger of the lists that they are from.
pub(super) struct ListShelf<'s> {
    name: String,
    writer: RecordsWriter<'s>,
    /// The lists that were asked for; kept in a ledger that several sets may share.
    pub(super) asked: AskedLists,
}

/// What became of a page's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shelved {
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) rejected: u64,
}

impl<'s> ListShelf<'s> {
    /// # Errors
    /// Comments under posts that are not stored; the store's own.
    pub(super) fn new(store: &'s SideStore, records: &Records) -> Result<Self, StoreError> {
        Ok(Self {
            name: records.name(),
            asked: store.asked(records)?,
            writer: store.records(records)?,
        })
    }

    /// What it holds, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Opens it for records of an origin, unless it is open.
    ///
    /// # Errors
    /// As [`RecordsWriter::open`].
    pub(super) fn open(&mut self, origin: Origin) -> Result<Opened, StoreError> {
        self.writer.open(origin)
    }

    /// Enters what a killed run left unentered, if anything.
    ///
    /// # Errors
    /// As [`RecordsWriter::open`].
    pub(super) fn settle(&mut self, origin: Origin) -> Result<(), StoreError> {
        self.writer.settle(origin)
    }

    /// Stores a page's sealed lines, durable on return; what is no record is listed as rejected.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn store(
        &mut self,
        origin: Origin,
        lines: &[String],
        reject: impl Fn(&str, String) -> RejectedRecord,
    ) -> Result<Shelved, StoreError> {
        if lines.is_empty() {
            return Ok(Shelved::default());
        }
        let added = self.writer.add(origin, lines)?;
        let shelved = Shelved {
            new: added.new,
            known: added.known,
            rejected: added.rejected.len() as u64,
        };
        let text = |at: Option<usize>| at.and_then(|at| lines.get(at)).map_or("", String::as_str);
        let rejected: Vec<RejectedRecord> = added
            .rejected
            .into_iter()
            .map(|(at, why)| reject(text(at), why))
            .collect();
        self.writer.reject(&rejected)?;
        Ok(shelved)
    }

    /// Enters how far a list came.
    ///
    /// # Errors
    /// The store's own; another collector has taken it over.
    pub(super) fn enter(&mut self, line: AskedLine) -> Result<(), StoreError> {
        self.asked.put(vec![line])
    }

    /// Asks to work on a list, since other collectors may share the store.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn claim(&mut self, wish: &AskedLine) -> Result<Claim<AskedLine>, StoreError> {
        self.asked.claim(wish)
    }

    /// Gives a list back.
    pub(super) fn release(&self, of: &AskedLine) {
        self.asked.release(of);
    }

    /// Records stored there; none where nothing was opened.
    pub(super) fn len(&self) -> u64 {
        self.writer.stored()
    }

    /// Enters the run. A place that was not opened, or a run that asked nothing, leaves no trace.
    ///
    /// # Errors
    /// The store's own.
    pub(super) fn close(self, run: Option<Run>) -> Result<(), StoreError> {
        match run {
            Some(run) => self.writer.finish(run),
            None => Ok(()),
        }
    }
}

/// What was asked for, without opening anything for writing; `None` where there is no store yet.
///
/// # Errors
/// Comments under posts that are not stored; the store's own.
pub(super) fn asked_of(shelf: &Shelf<'_>, records: &Records) -> Result<Option<AskedLists>, Error> {
    let Some(root) = shelf.directory()? else {
        let asked = AskedLists::of_database(&shelf.database()?, records, None)?;
        return Ok(Some(asked));
    };
    match Store::open(root) {
        Ok(store) => Ok(Some(AskedLists::of_directory(&store, records)?)),
        Err(StoreError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
