//! Who works on a window or a list: several collectors on different machines share one database.
//!
//! A lease has an end by the server's clock and is renewed while its collector lives; that of a
//! dead one runs out. It saves requests, not data: two collectors on one window would store the
//! same posts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use super::Database;
use crate::store::{Leaseholder, StoreError};

/// How long a lease holds, by the server's clock.
const LENGTH: Duration = Duration::from_mins(1);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(15);

/// What became of a wish for a lease.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is ours; the document as it is now, if there is one.
    Ours(Option<Document>),
    /// Somebody else has it.
    Theirs(Leaseholder),
}

/// The leases of one process on documents of one collection.
#[derive(Clone, Debug)]
pub struct Leases(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    collection: String,
    me: Document,
    owner: String,
    held: Arc<Mutex<BTreeMap<String, Document>>>,
    renewal: tokio::task::JoinHandle<()>,
}

impl Leases {
    /// Leases on windows.
    pub(in crate::store) fn on_windows(database: &Database) -> Self {
        Self::new(database, &database.place().collections.windows)
    }

    /// Leases on lists.
    pub(in crate::store) fn on_lists(database: &Database) -> Self {
        Self::new(database, &database.place().collections.asked)
    }

    /// Begins to renew leases; ends when the last copy is dropped.
    fn new(database: &Database, collection: &str) -> Self {
        let host = host();
        let pid = std::process::id();
        let begun = Timestamp::now().as_nanosecond();
        let owner = format!("{host}/{pid}/{begun}");
        let me = doc! { "owner": &owner, "host": host, "pid": i64::from(pid) };
        let held = Arc::new(Mutex::new(BTreeMap::new()));
        let leased = database.collection(collection);
        let renewed = Arc::clone(&held);
        let name = owner.clone();
        let renewal = database.0.runtime.spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                let ids: Vec<Document> = locked(&renewed).values().cloned().collect();
                if ids.is_empty() {
                    continue;
                }
                let query = doc! { "_id": { "$in": ids }, "lease.owner": &name };
                // A renewal that fails is tried again; until it succeeds the lease runs on.
                let _ = leased.update_many(query, until()).await;
            }
        });
        Self(Arc::new(Shared {
            database: database.clone(),
            collection: collection.to_owned(),
            me,
            owner,
            held,
            renewal,
        }))
    }

    pub(super) fn owner(&self) -> &str {
        &self.0.owner
    }

    /// Takes a lease on a document, or tells who has it or one of those that `overlapping` finds.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn claim(
        &self,
        id: &Document,
        overlapping: Option<Document>,
    ) -> Result<Taken, StoreError> {
        if let Some(query) = overlapping
            && let Some(other) = self.alive(&self.0.collection, query)?
        {
            return Ok(Taken::Theirs(other));
        }
        match self.take(id)? {
            Taken::Theirs(other) if self.is_dead(&other) => {
                self.free(self.collection(), doc! { "lease.owner": other.owner })?;
                self.take(id)
            }
            taken => Ok(taken),
        }
    }

    fn take(&self, id: &Document) -> Result<Taken, StoreError> {
        loop {
            if let Some(taken) = self.try_to_take(id)? {
                return Ok(taken);
            }
        }
    }

    /// `None` where it may be tried again.
    fn try_to_take(&self, id: &Document) -> Result<Option<Taken>, StoreError> {
        let free = doc! { "_id": id, "$or": [
            { "lease.owner": { "$in": [self.owner(), Bson::Null] } },
            { "$expr": { "$lt": ["$lease.until", "$$NOW"] } },
        ] };
        let lease =
            vec![doc! { "$set": { "lease": { "$mergeObjects": [self.0.me.clone(), end()] } } }];
        let collection = self.collection();
        let taken = self.0.database.block(async move {
            collection
                .find_one_and_update(free, lease)
                .return_document(ReturnDocument::After)
                .await
        })?;
        if let Some(taken) = taken {
            locked(&self.0.held).insert(format!("{id:?}"), id.clone());
            return Ok(Some(Taken::Ours(Some(taken))));
        }
        let collection = self.collection();
        let this = doc! { "_id": id };
        let found = self
            .0
            .database
            .block(async move { collection.find_one(this).await })?;
        Ok(match found {
            // Nobody has entered it, so nobody works on it.
            None => Some(Taken::Ours(None)),
            // Without a holder it has been given back since it could not be had.
            Some(found) => holder(&found).map(Taken::Theirs),
        })
    }

    /// A living collector on this machine that works on windows, and so on posts.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn posts_collected_here(&self) -> Result<Option<Leaseholder>, StoreError> {
        let host = self.0.me.get_str("host").unwrap_or_default();
        let windows = &self.0.database.place().collections.windows;
        self.alive(windows, doc! { "lease.host": host })
    }

    /// Another living collector that works on one of the documents that a query finds; leases of
    /// dead ones are freed.
    fn alive(
        &self,
        collection: &str,
        mut query: Document,
    ) -> Result<Option<Leaseholder>, StoreError> {
        query.extend(doc! {
            "lease.owner": { "$nin": [self.owner(), Bson::Null] },
            "$expr": { "$gte": ["$lease.until", "$$NOW"] },
        });
        let collection = self.0.database.collection(collection);
        let asked = collection.clone();
        let found = self
            .0
            .database
            .block(async move { super::read::all(asked.find(query).await?).await })?;
        let alive: Vec<Leaseholder> = found.iter().filter_map(holder).collect();
        let (dead, alive): (Vec<_>, Vec<_>) =
            alive.into_iter().partition(|other| self.is_dead(other));
        if !dead.is_empty() {
            let owners: Vec<String> = dead.into_iter().map(|other| other.owner).collect();
            self.free(collection, doc! { "lease.owner": { "$in": owners } })?;
        }
        Ok(alive.into_iter().next())
    }

    /// Whether a collector on this very machine has ended without giving its leases back.
    fn is_dead(&self, other: &Leaseholder) -> bool {
        let here = self
            .0
            .me
            .get_str("host")
            .is_ok_and(|host| host == other.host);
        here && cfg!(target_os = "linux")
            && fs_err::metadata("/proc/self").is_ok()
            && fs_err::metadata(format!("/proc/{}", other.pid)).is_err()
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// The database's own; it then runs out.
    pub(super) fn release(&self, id: Document) -> Result<(), StoreError> {
        locked(&self.0.held).remove(&format!("{id:?}"));
        let ours = doc! { "_id": id, "lease.owner": self.owner() };
        self.free(self.collection(), ours)
    }

    fn free(
        &self,
        collection: mongodb::Collection<Document>,
        query: Document,
    ) -> Result<(), StoreError> {
        self.0.database.block(async move {
            let free = doc! { "$unset": { "lease": "" } };
            collection.update_many(query, free).await.map(|_| ())
        })
    }

    fn collection(&self) -> mongodb::Collection<Document> {
        self.0.database.collection(&self.0.collection)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.renewal.abort();
        let ids: Vec<Document> = locked(&self.held).values().cloned().collect();
        if ids.is_empty() {
            return;
        }
        let collection = self.database.collection(&self.collection);
        let query = doc! { "_id": { "$in": ids }, "lease.owner": &self.owner };
        // Where the database is gone, the leases run out; nobody is to wait for it long.
        let _ = self
            .database
            .block_for(Some(Duration::from_secs(2)), async move {
                let free = doc! { "$unset": { "lease": "" } };
                collection.update_many(query, free).await
            });
    }
}

/// The end of a lease that begins now, by the server's clock.
fn end() -> Document {
    let length = i64::try_from(LENGTH.as_millis()).unwrap_or(60_000);
    doc! { "until": { "$add": ["$$NOW", length] } }
}

fn until() -> Vec<Document> {
    let end = end().get("until").cloned().unwrap_or(Bson::Null);
    vec![doc! { "$set": { "lease.until": end } }]
}

/// Who holds a window's lease.
fn holder(document: &Document) -> Option<Leaseholder> {
    let lease = document.get_document("lease").ok()?;
    let until = lease.get_datetime("until").ok();
    Some(Leaseholder {
        host: lease
            .get_str("host")
            .unwrap_or("an unknown machine")
            .to_owned(),
        pid: lease.get_i64("pid").unwrap_or_default(),
        until: until.and_then(|at| Timestamp::from_millisecond(at.timestamp_millis()).ok()),
        owner: lease.get_str("owner").ok()?.to_owned(),
    })
}

/// This machine's name.
fn host() -> String {
    let text = fs_err::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| fs_err::read_to_string("/etc/hostname"));
    let variable = || {
        ["HOSTNAME", "COMPUTERNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
    };
    let name = text.ok().or_else(variable).unwrap_or_default();
    match name.trim() {
        "" => "an unnamed machine".into(),
        name => name.to_owned(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
