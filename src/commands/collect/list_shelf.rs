//! Where lists are stored: records into their place, how far each list came into its ledger.
//!
//! The only point at which collecting comments and users touches the store.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::error::Error;
use crate::model::Origin;
use crate::record::Unreadable;
use crate::store::{
    Added, Asked, AskedLine, RecordFolder, RejectedRecord, Run, SideWriter, StoreError, TagWriter,
};

/// One place, open for adding as soon as there is something to add.
pub(super) struct ListShelf<'w> {
    side: &'w SideWriter,
    place: RecordFolder,
    writer: Option<TagWriter>,
    /// The lists that were asked for; kept in a folder that several places may share.
    pub(super) asked: Asked,
}

/// What became of a page's rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shelved {
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) rejected: u64,
}

impl<'w> ListShelf<'w> {
    /// A place whose ledger of lists lies in a folder.
    ///
    /// # Errors
    /// The disk's own.
    pub(super) fn new(
        side: &'w SideWriter,
        place: RecordFolder,
        ledger: &Path,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(ledger)?;
        Ok(Self {
            side,
            place,
            writer: None,
            asked: Asked::read(ledger)?,
        })
    }

    /// What it holds, for people.
    pub(super) fn name(&self) -> &str {
        &self.place.name
    }

    /// The file with its records.
    pub(super) fn data(&self) -> PathBuf {
        self.place.data()
    }

    /// Opens the place for records of an origin, unless it is open.
    ///
    /// # Errors
    /// As [`SideWriter::open_place`].
    pub(super) fn open(&mut self, origin: Origin) -> Result<&mut TagWriter, StoreError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.side.open_place(self.place.clone(), origin)?,
        };
        Ok(self.writer.insert(writer))
    }

    /// Stores a page's sealed lines, synced to disk; what is no record is listed as rejected.
    ///
    /// # Errors
    /// The disk's own.
    pub(super) fn store(
        &mut self,
        origin: Origin,
        lines: &[String],
        reject: impl Fn(&str, &Unreadable) -> RejectedRecord,
    ) -> Result<Shelved, StoreError> {
        let mut shelved = Shelved::default();
        if lines.is_empty() {
            return Ok(shelved);
        }
        let writer = self.open(origin)?;
        let mut rejected = Vec::new();
        for line in lines {
            match writer.add_line(line) {
                Ok(Added::New) => shelved.new += 1,
                // Nothing but posts is ever removed.
                Ok(Added::Known | Added::Tombstoned) => shelved.known += 1,
                Err(why) => {
                    shelved.rejected += 1;
                    rejected.push(reject(line, &why));
                }
            }
        }
        writer.commit()?;
        writer.reject(&rejected)?;
        Ok(shelved)
    }

    /// Enters how far a list came.
    ///
    /// # Errors
    /// The disk's own.
    pub(super) fn enter(&mut self, line: AskedLine) -> Result<(), StoreError> {
        self.asked.put(vec![line])
    }

    /// Records stored there; none where nothing was opened.
    pub(super) fn len(&self) -> u64 {
        self.writer.as_ref().map_or(0, TagWriter::len)
    }

    /// Enters the run. A place that was not opened, or a run that asked nothing, leaves no trace.
    ///
    /// # Errors
    /// The disk's own.
    pub(super) fn close(self, run: Option<Run>) -> Result<(), Error> {
        if let (Some(writer), Some(run)) = (self.writer, run) {
            writer.finish(run)?;
        }
        Ok(())
    }
}
