//! Posts in a MongoDB database, for those who share one or outgrow a machine.
//!
//! ```text
//! posts       _id = post id; what is asked of posts, and `raw`, the record as it came
//! comments    _id = comment id; the same
//! users       one document per record of a user's list
//! history     figures that a refresh replaced, as in history.jsonl
//! missing     posts that a refresh did not find, as in missing.jsonl
//! tombstones  posts that were removed since they are gone, as in tombstones.jsonl
//! runs        one document per run and hashtag, as in runs.jsonl
//! windows     one per window of a query, as in windows.jsonl, and who works on it
//! asked       one per list that was asked for, as in asked.jsonl, and who works on it
//! rejected    records that could not be stored
//! meta        the schema's version
//! ```
//!
//! A page is committed idempotently: posts are upserted by their id, then its window is written,
//! so that a crash between the two loses and doubles nothing. Knows records and the driver, not
//! where posts come from; pipelines come from the caller.

mod document;
mod error;
mod gone;
mod json;
mod lease;
mod ledger;
mod read;
mod runtime;
mod schema;
mod verify;
mod writer;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection};

use self::runtime::Runtime;
use super::place::DatabasePlace;
use super::{StoreError, Trouble};

pub use gone::DuePages;
pub use lease::Leases;
pub use ledger::Ledger;
pub use read::{PostLines, Rows};
pub use verify::DatabaseReport;
pub(super) use writer::Counts;
pub use writer::DatabaseWriter;

/// How long to look for a server, unless the address says otherwise.
const SELECTION: Duration = Duration::from_secs(5);
/// How long a single write or look-up may take; counting may take as long as it needs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A database, connected.
#[derive(Clone, Debug)]
pub struct Database(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    place: DatabasePlace,
    client: Client,
    runtime: Runtime,
}

impl Database {
    /// Connects, and checks that the schema is one that this version knows.
    ///
    /// # Errors
    /// No server answers, it refuses us, it is none; another schema version.
    pub fn open(place: &DatabasePlace) -> Result<Self, StoreError> {
        let database = Self::connect(place)?;
        schema::check(&database)?;
        Ok(database)
    }

    /// As [`Database::open`], and makes collections' indexes where there are none yet.
    ///
    /// # Errors
    /// As [`Database::open`]; the collection of posts is another tool's.
    pub fn open_for_writing(place: &DatabasePlace) -> Result<Self, StoreError> {
        let database = Self::connect(place)?;
        schema::prepare(&database)?;
        Ok(database)
    }

    /// As [`Database::open_for_writing`], for comments and users as well.
    ///
    /// # Errors
    /// As [`Database::open_for_writing`]; the collection of comments or users is another tool's.
    pub fn open_for_lists(place: &DatabasePlace) -> Result<Self, StoreError> {
        let database = Self::open_for_writing(place)?;
        schema::prepare_lists(&database)?;
        Ok(database)
    }

    fn connect(place: &DatabasePlace) -> Result<Self, StoreError> {
        let runtime = Runtime::start()?;
        let address = place.expose().to_owned();
        let made = runtime.block(Some(PATIENCE), async move {
            let mut options = ClientOptions::parse(address).await?;
            options.app_name.get_or_insert_with(|| "cotag".into());
            options.server_selection_timeout.get_or_insert(SELECTION);
            options.connect_timeout.get_or_insert(SELECTION);
            options.write_concern.get_or_insert_with(durable);
            Client::with_options(options)
        });
        let client = made
            .map_err(|why| error::no_answer(place, why, Some(PATIENCE)))?
            .map_err(|error| error::told(place, &error))?;
        let database = Self(Arc::new(Inner {
            place: place.clone(),
            client,
            runtime,
        }));
        // Nothing was asked of the server until now.
        database.command(doc! { "ping": 1 })?;
        Ok(database)
    }

    /// Where it is.
    pub fn place(&self) -> &DatabasePlace {
        &self.0.place
    }

    fn raw(&self) -> mongodb::Database {
        self.0.client.database(&self.0.place.database)
    }

    fn posts(&self) -> Collection<Document> {
        self.raw().collection(&self.0.place.collections.posts)
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.raw().collection(name)
    }

    /// Does something with the driver, within [`PATIENCE`].
    fn block<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        self.block_for(Some(PATIENCE), work)
    }

    fn block_for<T, F>(&self, limit: Option<Duration>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = mongodb::error::Result<T>> + Send + 'static,
    {
        self.0
            .runtime
            .block(limit, work)
            .map_err(|why| error::no_answer(&self.0.place, why, limit))?
            .map_err(|error| error::told(&self.0.place, &error))
    }

    /// Runs a command.
    fn command(&self, command: Document) -> Result<Document, StoreError> {
        let database = self.raw();
        self.block(async move { database.run_command(command).await })
    }

    /// Sends updates of documents by their ids, at once; returns the server's answer.
    fn update(&self, collection: &str, updates: Vec<Document>) -> Result<Document, StoreError> {
        let concern = self
            .0
            .client
            .write_concern()
            .cloned()
            .unwrap_or_else(durable);
        let mut command = doc! { "update": collection, "updates": updates, "ordered": false };
        if let Ok(concern) = mongodb::bson::serialize_to_document(&concern)
            && !concern.is_empty()
        {
            command.insert("writeConcern", concern);
        }
        let answer = self.command(command)?;
        if let Ok(error) = answer.get_document("writeConcernError") {
            let what = error.get_str("errmsg").unwrap_or("no reason given");
            let what = format!("the server could not make the write durable: {what}");
            return Err(error::made(self.place(), Trouble::Lost, what));
        }
        Ok(answer)
    }

    fn damaged(&self, what: impl Into<String>) -> StoreError {
        error::made(self.place(), Trouble::Damaged, what)
    }
}

/// Written by the majority of servers, on their disks.
fn durable() -> WriteConcern {
    WriteConcern::builder()
        .w(Acknowledgment::Majority)
        .journal(true)
        .build()
}
