//! Who works on a window: several collectors on different machines share one database.
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
use super::windows::{self, WindowsCollection};
use crate::store::{Claim, Leaseholder, StoreError, WindowLine};

/// How long a lease holds, by the server's clock.
const LENGTH: Duration = Duration::from_mins(1);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(15);

/// The leases of one process.
#[derive(Clone, Debug)]
pub struct Leases(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    me: Document,
    owner: String,
    held: Arc<Mutex<BTreeMap<String, Document>>>,
    renewal: tokio::task::JoinHandle<()>,
}

impl Leases {
    /// Begins to renew leases; ends when the last copy is dropped.
    pub(in crate::store) fn new(database: &Database) -> Self {
        let host = host();
        let pid = std::process::id();
        let begun = Timestamp::now().as_nanosecond();
        let owner = format!("{host}/{pid}/{begun}");
        let me = doc! { "owner": &owner, "host": host, "pid": i64::from(pid) };
        let held = Arc::new(Mutex::new(BTreeMap::new()));
        let collection = database.collection(&database.place().collections.windows);
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
                let _ = collection.update_many(query, until()).await;
            }
        });
        Self(Arc::new(Shared {
            database: database.clone(),
            me,
            owner,
            held,
            renewal,
        }))
    }

    pub(super) fn owner(&self) -> &str {
        &self.0.owner
    }

    /// Takes a lease, or tells who has it.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn claim(
        &self,
        of: &WindowsCollection,
        window: &WindowLine,
    ) -> Result<Claim, StoreError> {
        let id = of.id(window);
        if let Some(other) = self.overlapping(&id)? {
            return Ok(Claim::Theirs(other));
        }
        let free = doc! { "_id": &id, "$or": [
            { "lease.owner": { "$in": [self.owner(), Bson::Null] } },
            { "$expr": { "$lt": ["$lease.until", "$$NOW"] } },
        ] };
        let lease =
            vec![doc! { "$set": { "lease": { "$mergeObjects": [self.0.me.clone(), end()] } } }];
        let collection = self.windows();
        let taken = self.0.database.block(async move {
            collection
                .find_one_and_update(free, lease)
                .return_document(ReturnDocument::After)
                .await
        })?;
        if let Some(taken) = taken {
            locked(&self.0.held).insert(format!("{id:?}"), id);
            return Ok(Claim::Ours(windows::line(&taken).map(Box::new)));
        }
        let collection = self.windows();
        let found = self
            .0
            .database
            .block(async move { collection.find_one(doc! { "_id": id }).await })?;
        // Nobody has entered it, so nobody works on it.
        Ok(found
            .as_ref()
            .and_then(holder)
            .map_or(Claim::Ours(None), Claim::Theirs))
    }

    /// Whether another living collector works on one of a window's days.
    fn overlapping(&self, id: &Document) -> Result<Option<Leaseholder>, StoreError> {
        let text = |name: &str| id.get_str(name).unwrap_or_default().to_owned();
        let part = id.get("part").cloned().unwrap_or(Bson::Null);
        let mut query = doc! {
            "tag": text("tag"),
            "query": text("query"),
            "from": { "$lte": text("to") },
            "to": { "$gte": text("from") },
            "lease.owner": { "$nin": [self.owner(), Bson::Null] },
            "$expr": { "$gte": ["$lease.until", "$$NOW"] },
        };
        if part != Bson::Null {
            // The parts of a day may be asked for side by side.
            query.insert("part", doc! { "$in": [part, Bson::Null] });
        }
        let collection = self.windows();
        let found = self
            .0
            .database
            .block(async move { super::read::all(collection.find(query).await?).await })?;
        let alive: Vec<Leaseholder> = found.iter().filter_map(holder).collect();
        let (dead, alive): (Vec<_>, Vec<_>) =
            alive.into_iter().partition(|other| self.is_dead(other));
        if !dead.is_empty() {
            let owners: Vec<String> = dead.into_iter().map(|other| other.owner).collect();
            self.free(doc! { "lease.owner": { "$in": owners } })?;
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
    pub(super) fn release(
        &self,
        of: &WindowsCollection,
        window: &WindowLine,
    ) -> Result<(), StoreError> {
        let id = of.id(window);
        locked(&self.0.held).remove(&format!("{id:?}"));
        self.free(doc! { "_id": id, "lease.owner": self.owner() })
    }

    fn free(&self, query: Document) -> Result<(), StoreError> {
        let collection = self.windows();
        self.0.database.block(async move {
            let free = doc! { "$unset": { "lease": "" } };
            collection.update_many(query, free).await.map(|_| ())
        })
    }

    fn windows(&self) -> mongodb::Collection<Document> {
        let name = &self.0.database.place().collections.windows;
        self.0.database.collection(name)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.renewal.abort();
        let ids: Vec<Document> = locked(&self.held).values().cloned().collect();
        if ids.is_empty() {
            return;
        }
        let name = &self.database.place().collections.windows;
        let collection = self.database.collection(name);
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
