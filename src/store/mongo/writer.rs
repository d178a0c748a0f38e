//! Committing posts: upserts by id, so that doing it twice does nothing more.

use hashbrown::HashSet;
use mongodb::bson::{Bson, DateTime, Document, doc};
use sha2::{Digest as _, Sha256};

use super::document::RecordDocument;
use super::{Database, json};
use crate::model::Origin;
use crate::record::Unreadable;
use crate::store::runs::hex;
use crate::store::{Records, RejectedRecord, Run, StoreError, Trouble};

/// The most documents that one command carries; the server takes 100,000.
pub(super) const BATCH: usize = 1000;
/// The most bytes that one command carries; the server takes 48 MB.
const BYTES: usize = 24 << 20;
/// The id is there, under another condition than ours; or two collectors inserted it at once.
const DUPLICATE: i32 = 11_000;
/// The document is too large, which we should have seen.
const TOO_LARGE: [i32; 2] = [10_334, 17_419];

/// Records that name the same hashtag or user, open for adding.
#[derive(Debug)]
pub struct DatabaseWriter {
    records: Records,
    database: Database,
    pending: Vec<Pending>,
    bytes: usize,
    pub(in crate::store) counts: Counts,
    /// Records that the database cannot take, and why.
    refused: Vec<(String, String)>,
    /// Records stored when it was opened.
    before: u64,
    /// Its posts are made up.
    pub(super) synthetic: bool,
}

/// What became of the records taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Counts {
    pub(in crate::store) new: u64,
    pub(in crate::store) known: u64,
    pub(in crate::store) updated: u64,
    /// Not stored, since they were removed before.
    pub(in crate::store) tombstoned: u64,
    /// Removed as gone.
    pub(in crate::store) removed: u64,
}

#[derive(Debug)]
struct Pending {
    record: RecordDocument,
    bytes: usize,
    wish: Wish,
}

/// What is to become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is stored unless it is.
    Add,
    /// It is stored, or replaces the stored one if it is newer.
    AddOrReplace,
    /// It replaces the stored one if there is one and it is newer.
    Replace,
}

/// What could not be stored, and why.
type Failed<'p> = Vec<(&'p Pending, String)>;

impl DatabaseWriter {
    /// Opens records for adding.
    ///
    /// # Errors
    /// [`StoreError::Mixed`] where synthetic and real records would meet; the database's own.
    pub(in crate::store) fn open(
        database: &Database,
        records: &Records,
        origin: Origin,
    ) -> Result<Self, StoreError> {
        let (collection, of_these) = database.documents(records);
        let first = database.block(async move {
            collection
                .find_one(of_these)
                .projection(doc! { "synthetic": 1 })
                .await
        })?;
        if let Some(first) = first {
            let stored = first.get_bool("synthetic").unwrap_or(false);
            let offered = origin == Origin::Synthetic;
            if stored != offered {
                let name = |is: bool| if is { "synthetic" } else { "real" };
                return Err(StoreError::Mixed {
                    name: records.name(),
                    root: database.place().to_string().into(),
                    stored: name(stored),
                    offered: name(offered),
                });
            }
        }
        Ok(Self {
            synthetic: origin == Origin::Synthetic,
            before: database.count_of(records)?,
            records: records.clone(),
            database: database.clone(),
            pending: Vec::new(),
            bytes: 0,
            counts: Counts::default(),
            refused: Vec::new(),
        })
    }

    /// Takes a sealed line in; durable after [`DatabaseWriter::commit`].
    ///
    /// # Errors
    /// It is no such record.
    pub(in crate::store) fn take(&mut self, line: &str, update: bool) -> Result<(), Unreadable> {
        let wish = if update {
            Wish::AddOrReplace
        } else {
            Wish::Add
        };
        self.take_as(line, wish)
    }

    pub(super) fn take_as(&mut self, line: &str, wish: Wish) -> Result<(), Unreadable> {
        let record = RecordDocument::of(&self.records, line)?;
        let (bytes, too_large) = record.size();
        if too_large {
            let why = format!(
                "the record has {} MiB, and a MongoDB document takes at most 16",
                bytes >> 20
            );
            self.refused.push((record.name, why));
            return Ok(());
        }
        self.bytes += bytes;
        self.pending.push(Pending {
            record,
            bytes,
            wish,
        });
        Ok(())
    }

    /// Lists a record, as people call it, as one that could not be stored.
    pub(in crate::store) fn refuse(&mut self, name: String, why: String) {
        self.refused.push((name, why));
    }

    /// The hashtag, or the user.
    pub(super) fn subject(&self) -> &str {
        self.records.subject()
    }

    pub(in crate::store) fn database(&self) -> &Database {
        &self.database
    }

    /// Bytes taken in and not yet stored.
    pub(in crate::store) fn pending(&self) -> usize {
        self.bytes
    }

    /// Records stored, as far as this writer knows.
    pub(in crate::store) fn len(&self) -> u64 {
        (self.before + self.counts.new).saturating_sub(self.counts.removed)
    }

    /// Records that could not be stored since the last call, as people call them, and why.
    pub(in crate::store) fn refused(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.refused)
    }

    /// Stores what was taken in, on the disks of the majority of servers.
    ///
    /// # Errors
    /// The database's own. What is stored by then is known to the next run.
    pub(in crate::store) fn commit(&mut self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut self.pending);
        self.bytes = 0;
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |pending: &&Pending| {
                bytes += pending.bytes;
                bytes <= BYTES
            };
            let count = rest.iter().take(BATCH).take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(count);
            let buried = self.buried(
                batch
                    .iter()
                    .filter_map(|pending| pending.record.id.as_str()),
            )?;
            let (gone, batch): (Vec<&Pending>, Vec<&Pending>) = batch.iter().partition(|pending| {
                let id = pending.record.id.as_str();
                id.is_some_and(|id| buried.contains(id))
            });
            self.counts.tombstoned += gone.len() as u64;
            let stored_before = self.insert(&batch)?;
            self.replace(&stored_before)?;
            rest = after;
        }
        Ok(())
    }

    /// Which of these posts were removed as gone; nothing else is ever removed.
    fn buried<'i>(
        &self,
        ids: impl Iterator<Item = &'i str>,
    ) -> Result<HashSet<String>, StoreError> {
        match self.records {
            Records::Posts(_) => {
                let ids = ids.map(str::to_owned).collect();
                self.database.buried(ids, self.synthetic)
            }
            Records::Comments(_) | Records::List(..) => Ok(HashSet::new()),
        }
    }

    /// Inserts records that are not there, and enters the hashtag on those that are. Returns those
    /// that were there, and those that are only to replace others.
    fn insert<'p>(&mut self, batch: &[&'p Pending]) -> Result<Vec<&'p Pending>, StoreError> {
        let (wished, mut there): (Vec<&Pending>, Vec<&Pending>) = batch
            .iter()
            .copied()
            .partition(|pending| pending.wish != Wish::Replace);
        if wished.is_empty() {
            return Ok(there);
        }
        let (failed, inserted) = self.upsert(&wished)?;
        let known = wished
            .iter()
            .enumerate()
            .filter(|(at, _)| !inserted.contains(at));
        there.extend(known.map(|(_, pending)| *pending));
        // Two collectors that insert one record at once: the one that came second finds it now.
        let again: Vec<&Pending> = failed.into_iter().map(|(pending, _)| pending).collect();
        if !again.is_empty() {
            for (pending, why) in self.upsert(&again)?.0 {
                self.refused.push((pending.record.name.clone(), why));
            }
        }
        Ok(there)
    }

    /// Returns what could not be stored, and which of the batch were not there.
    fn upsert<'p>(
        &mut self,
        batch: &[&'p Pending],
    ) -> Result<(Failed<'p>, HashSet<usize>), StoreError> {
        let updates = batch
            .iter()
            .map(|pending| self.upsert_of(&pending.record))
            .collect();
        let answer = self.database.update(self.collection(), updates)?;
        let mut failed = Vec::new();
        let noun = self.records.kind().noun();
        for error in documents(&answer, "writeErrors") {
            let code = error.get_i32("code").unwrap_or_default();
            let text = error.get_str("errmsg").unwrap_or("no reason given");
            let Some(&pending) = index(error).and_then(|index| batch.get(index)) else {
                continue;
            };
            let why = match code {
                DUPLICATE if pending.record.synthetic => {
                    format!("a real {noun} has the same id; made-up ones never replace it")
                }
                DUPLICATE => format!("a made-up {noun} of another hashtag has the same id"),
                code if TOO_LARGE.contains(&code) => "the document is too large".to_owned(),
                code => {
                    let what = format!("{}: {text} (code {code})", pending.record.name);
                    return Err(super::error::made(
                        self.database.place(),
                        Trouble::Other,
                        what,
                    ));
                }
            };
            failed.push((pending, why));
        }
        let inserted: HashSet<usize> = documents(&answer, "upserted").filter_map(index).collect();
        let entered = integer(answer.get("nModified")).unwrap_or(0);
        let new = inserted.len() as u64 + u64::try_from(entered).unwrap_or(0);
        self.counts.new += new;
        self.counts.known += (batch.len() - failed.len()) as u64 - new;
        self.take_back(&answer)?;
        Ok((failed, inserted))
    }

    /// Removes what was inserted while a refresh was removing it: the tombstone came after we had
    /// looked for it. One that comes later still is followed by a removal that finds the post.
    fn take_back(&mut self, answer: &Document) -> Result<(), StoreError> {
        let inserted = documents(answer, "upserted");
        let buried = self.buried(inserted.filter_map(|upserted| upserted.get_str("_id").ok()))?;
        if !buried.is_empty() {
            let gone = buried.len() as u64;
            self.database
                .delete(buried.into_iter().collect(), self.synthetic)?;
            self.counts.new -= gone;
            self.counts.tombstoned += gone;
        }
        Ok(())
    }

    /// Made-up records neither hide behind real ones of the same id nor replace them.
    fn upsert_of(&self, record: &RecordDocument) -> Document {
        let mut query = doc! { "_id": record.id.clone() };
        let mut fields = record.fields.clone();
        if record.synthetic {
            // An equality in the query is inserted with the document.
            query.insert("synthetic", true);
            fields.remove("synthetic");
        } else {
            query.insert("synthetic", doc! { "$ne": true });
        }
        let mut update = doc! { "$setOnInsert": fields };
        if let Some(tag) = collected_for(&self.records) {
            update.insert("$addToSet", doc! { "collected_for": tag });
        }
        doc! { "q": query, "u": update, "upsert": true }
    }

    /// Replaces stored records by newer fetches, where that is wished.
    fn replace(&mut self, stored: &[&Pending]) -> Result<(), StoreError> {
        let wished = |pending: &&&Pending| pending.wish != Wish::Add;
        let wished: Vec<&Pending> = stored.iter().filter(wished).copied().collect();
        // A record that this run has replaced before is counted once.
        for again in [false, true] {
            let updates: Vec<Document> = wished
                .iter()
                .map(|pending| replacement(&pending.record, again))
                .collect();
            if updates.is_empty() {
                return Ok(());
            }
            let answer = self.database.update(self.collection(), updates)?;
            if !again {
                let updated = integer(answer.get("nModified")).unwrap_or(0);
                self.counts.updated += u64::try_from(updated).unwrap_or(0);
            }
        }
        Ok(())
    }

    fn collection(&self) -> &str {
        self.database.collection_of(&self.records)
    }

    /// Lists records that could not be stored, each once.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn reject(&self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        for records in records.chunks(BATCH) {
            let updates = records
                .iter()
                .map(|record| rejection(&self.records, record));
            let name = self.database.place().collections.rejected.clone();
            self.database.update(&name, updates.collect())?;
        }
        Ok(())
    }

    /// Enters a run.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn enter(&self, run: Run) -> Result<(), StoreError> {
        let run = Run {
            posts: self.database.count_of(&self.records)?,
            ..run
        };
        self.database.enter_run(&self.records, &run)
    }
}

impl Database {
    /// Enters a run, once.
    ///
    /// # Errors
    /// The database's own.
    fn enter_run(&self, records: &Records, run: &Run) -> Result<(), StoreError> {
        let mut id = doc! { "run": &run.run, "hashtag": &run.hashtag };
        let value = serde_json::to_value(run).map_err(std::io::Error::from)?;
        let Some(map) = value.as_object() else {
            return Ok(());
        };
        let mut fields = json::document(map);
        // These vouch for bytes of a file.
        for name in ["data", "ids", "previous"] {
            fields.remove(name);
        }
        if let Some(of) = run_of(records) {
            id.insert("of", of);
            fields.insert("of", of);
        }
        let update = doc! { "q": { "_id": id }, "u": { "$setOnInsert": fields }, "upsert": true };
        self.update(&self.place().collections.runs, vec![update])?;
        Ok(())
    }
}

/// What a record is entered for; nothing where its id tells it.
pub(super) fn collected_for(records: &Records) -> Option<&str> {
    match records {
        Records::Posts(tag) | Records::Comments(Some(tag)) => Some(tag.as_str()),
        // No hashtag is empty.
        Records::Comments(None) => Some(""),
        Records::List(..) => None,
    }
}

/// What a run was about beside posts.
pub(super) fn run_of(records: &Records) -> Option<&'static str> {
    match records {
        Records::Posts(_) => None,
        Records::Comments(Some(_)) => Some("comments"),
        Records::Comments(None) => Some("other comments"),
        Records::List(_, list) => Some(list),
    }
}

/// The update that replaces a stored record by this one, unless it is known to be no newer.
fn replacement(record: &RecordDocument, again: bool) -> Document {
    let run = record.fields.get("run").cloned().unwrap_or(Bson::Null);
    let run = if again {
        run
    } else {
        Bson::from(doc! { "$ne": run })
    };
    let mut query = doc! { "_id": record.id.clone(), "run": run };
    if let Some(fetched) = record.fetched {
        let at = DateTime::from_millis(fetched.as_millisecond());
        query.insert("fetched", doc! { "$not": { "$gte": at } });
    }
    if record.synthetic {
        query.insert("synthetic", true);
    } else {
        query.insert("synthetic", doc! { "$ne": true });
    }
    doc! { "q": query, "u": record.replacing() }
}

fn rejection(records: &Records, record: &RejectedRecord) -> Document {
    let mut of = doc! { "tag": records.subject() };
    if let Some(other) = run_of(records) {
        of.insert("of", other);
    }
    let hash = Sha256::new()
        .chain_update(records.subject())
        .chain_update(run_of(records).map_or(String::new(), |of| format!("\0{of}")))
        .chain_update([0])
        .chain_update(&record.file)
        .chain_update([0])
        .chain_update(&record.place)
        .chain_update([0])
        .chain_update(&record.reason)
        .chain_update([0])
        .chain_update(&record.excerpt);
    of.extend(doc! {
        "run": &record.run,
        "file": &record.file,
        "place": &record.place,
        "reason": &record.reason,
        "excerpt": &record.excerpt,
    });
    doc! { "q": { "_id": hex(&hash.finalize()) }, "u": { "$setOnInsert": of }, "upsert": true }
}

/// The documents of an array, if there is one.
fn documents<'d>(answer: &'d Document, name: &str) -> impl Iterator<Item = &'d Document> {
    let array = answer.get_array(name).map_or(&[][..], Vec::as_slice);
    array.iter().filter_map(Bson::as_document)
}

/// Which of a command's updates a document of its answer is about.
fn index(of: &Document) -> Option<usize> {
    usize::try_from(integer(of.get("index"))?).ok()
}

/// A whole number of either width.
pub(super) fn integer(value: Option<&Bson>) -> Option<i64> {
    match value? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a count, however it is written"
        )]
        Bson::Double(number) => Some(*number as i64),
        _ => None,
    }
}
