//! What stands in for the driver where it is left out: a database that cannot be opened.
//!
//! The types have no value, so that nothing can be done with them and nobody needs to ask which
//! features there are. They hide that, lest the compiler calls their users unreachable.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use hashbrown::{HashMap, HashSet};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::place::DatabasePlace;
use super::{
    AskedLine, Claim, DuePost, Gone, HistoryLine, Leaseholder, MissingLine, Records,
    RejectedRecord, Run, StoreError, Tombstone, WindowLine,
};
use crate::model::{Hashtag, Origin, PostId};
use crate::record::Unreadable;

/// What there is none of.
#[derive(Clone, Debug)]
enum Never {}

/// A database, which there cannot be.
#[derive(Clone, Debug)]
pub struct Database(Never);

/// Leases in it.
#[derive(Clone, Debug)]
pub struct Leases(Never);

/// Its records.
#[derive(Debug)]
pub struct PostLines(Never);

/// Its answers.
#[derive(Debug)]
pub struct Rows(Never);

/// Its ledgers.
#[derive(Debug)]
pub struct Ledger<L>(Never, PhantomData<fn() -> L>);

/// Its posts that are due.
#[derive(Debug)]
pub struct DuePages(Never);

/// A writer to it.
#[derive(Debug)]
pub struct DatabaseWriter {
    pub(super) counts: Counts,
    database: Database,
}

/// What became of posts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) updated: u64,
    pub(super) tombstoned: u64,
}

/// What was found wrong with it.
#[derive(Clone, Debug)]
pub struct DatabaseReport {
    /// Posts read.
    pub posts: u64,
    /// Runs entered.
    pub runs: u64,
    /// What is wrong.
    pub findings: Vec<String>,
}

#[expect(
    missing_docs,
    reason = "see the module of the same name with the driver"
)]
impl Database {
    pub fn open(place: &DatabasePlace) -> Result<Self, StoreError> {
        Err(StoreError::NoDriver(place.to_string()))
    }

    pub fn open_for_writing(place: &DatabasePlace) -> Result<Self, StoreError> {
        Self::open(place)
    }

    pub fn place(&self) -> &DatabasePlace {
        match self.0 {}
    }

    pub fn tags(&self) -> Result<Vec<Hashtag>, StoreError> {
        match self.0 {}
    }

    pub fn tags_ever(&self) -> Result<Vec<Hashtag>, StoreError> {
        match self.0 {}
    }

    pub fn count(&self, _: &Hashtag) -> Result<u64, StoreError> {
        match self.0 {}
    }

    pub fn find(&self, _: &Hashtag) -> Result<(), StoreError> {
        match self.0 {}
    }

    pub fn lines(&self, _: &Hashtag) -> Result<PostLines, StoreError> {
        match self.0 {}
    }

    pub fn open_for_lists(place: &DatabasePlace) -> Result<Self, StoreError> {
        Self::open(place)
    }

    pub fn count_of(&self, _: &Records) -> Result<u64, StoreError> {
        match self.0 {}
    }

    pub fn lists(&self) -> Result<Vec<Records>, StoreError> {
        match self.0 {}
    }

    pub fn asked_about(&self) -> Result<Vec<Records>, StoreError> {
        match self.0 {}
    }

    pub fn collection_of(&self, _: &Records) -> &str {
        match self.0 {}
    }

    pub fn holders(&self, _: &HashSet<u64>) -> Result<HashMap<u64, Hashtag>, StoreError> {
        match self.0 {}
    }

    pub fn lines_of(&self, _: &Records) -> Result<PostLines, StoreError> {
        match self.0 {}
    }

    pub fn aggregate(&self, _: &str, _: &[Value]) -> Result<Vec<Value>, StoreError> {
        match self.0 {}
    }

    pub fn rows(&self, _: &str, _: &[Value]) -> Result<Rows, StoreError> {
        match self.0 {}
    }

    pub(super) fn answered(&self, _: &Records) -> Result<Vec<(u64, PostId, PostId)>, StoreError> {
        match self.0 {}
    }

    pub fn verify(&self, _: &Records) -> Result<DatabaseReport, StoreError> {
        match self.0 {}
    }

    pub(super) fn due(
        &self,
        _: &Hashtag,
        _: Origin,
        _: Timestamp,
    ) -> Result<(DuePages, u64, u64), StoreError> {
        match self.0 {}
    }

    pub(super) fn waiting(&self, _: &Hashtag) -> Result<Vec<MissingLine>, StoreError> {
        match self.0 {}
    }

    pub(super) fn gone(&self, _: &Hashtag, _: &[PostId]) -> Result<Gone, StoreError> {
        match self.0 {}
    }

    pub(super) fn removed_among(&self, _: &[PostId]) -> Result<BTreeSet<PostId>, StoreError> {
        match self.0 {}
    }

    pub(super) fn has_tombstones(&self, _: &Hashtag) -> Result<bool, StoreError> {
        match self.0 {}
    }
}

impl DuePages {
    pub(super) fn next(&mut self, _: usize) -> Result<Vec<DuePost>, StoreError> {
        match self.0 {}
    }

    pub(super) fn lately(
        &self,
        _: RangeInclusive<Date>,
        _: usize,
    ) -> Result<Vec<DuePost>, StoreError> {
        match self.0 {}
    }
}

impl PostLines {
    /// The next line.
    ///
    /// # Errors
    /// There is no database.
    pub fn next(&mut self) -> Result<Option<String>, StoreError> {
        match self.0 {}
    }
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// There is no database.
    pub fn next(&mut self) -> Result<Option<Value>, StoreError> {
        match self.0 {}
    }
}

impl Leases {
    pub(super) fn on_windows(database: &Database) -> Self {
        match database.0 {}
    }

    pub(super) fn on_lists(database: &Database) -> Self {
        match database.0 {}
    }

    pub(super) fn posts_collected_here(&self) -> Result<Option<Leaseholder>, StoreError> {
        match self.0 {}
    }
}

impl Ledger<WindowLine> {
    pub(super) fn windows(database: &Database, _: &Hashtag, _: Option<Leases>) -> Self {
        match database.0 {}
    }
}

impl Ledger<AskedLine> {
    pub(super) fn asked(database: &Database, _: &Records, _: Option<Leases>) -> Self {
        match database.0 {}
    }
}

impl<L> Ledger<L> {
    pub(super) fn read(&self) -> Result<(Vec<L>, u64), StoreError> {
        match self.0 {}
    }

    pub(super) fn begin(&self, _: &[L]) -> Result<(), StoreError> {
        match self.0 {}
    }

    pub(super) fn put(&self, _: &[L]) -> Result<(), StoreError> {
        match self.0 {}
    }

    pub(super) fn claim(&self, _: &L) -> Result<Claim<L>, StoreError> {
        match self.0 {}
    }

    pub(super) fn release(&self, _: &L) -> Result<(), StoreError> {
        match self.0 {}
    }
}

impl DatabaseWriter {
    pub(super) fn open(database: &Database, _: &Records, _: Origin) -> Result<Self, StoreError> {
        match database.0 {}
    }

    pub(super) fn database(&self) -> &Database {
        match self.database.0 {}
    }

    pub(super) fn take(&mut self, _: &str, _: bool) -> Result<(), Unreadable> {
        match self.database.0 {}
    }

    pub(super) fn refuse(&mut self, _: String, _: String) {
        match self.database.0 {}
    }

    pub(super) fn pending(&self) -> usize {
        match self.database.0 {}
    }

    pub(super) fn len(&self) -> u64 {
        match self.database.0 {}
    }

    pub(super) fn refused(&mut self) -> Vec<(String, String)> {
        match self.database.0 {}
    }

    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        match self.database.0 {}
    }

    pub(super) fn reject(&self, _: &[RejectedRecord]) -> Result<(), StoreError> {
        match self.database.0 {}
    }

    pub(super) fn enter(&self, _: Run) -> Result<(), StoreError> {
        match self.database.0 {}
    }

    pub(super) fn offer_update(&mut self, _: PostId, _: &str) {
        match self.database.0 {}
    }

    pub(super) fn remember(&self, _: &[HistoryLine]) -> Result<(), StoreError> {
        match self.database.0 {}
    }

    pub(super) fn bury(&mut self, _: &[Tombstone]) -> Result<(), StoreError> {
        match self.database.0 {}
    }

    pub(super) fn bury_the_rest(&mut self) -> Result<u64, StoreError> {
        match self.database.0 {}
    }

    pub(super) fn missing(&self, _: &[PostId]) -> Result<Vec<MissingLine>, StoreError> {
        match self.database.0 {}
    }

    pub(super) fn put_missing(&self, _: &[MissingLine]) -> Result<(), StoreError> {
        match self.database.0 {}
    }
}
