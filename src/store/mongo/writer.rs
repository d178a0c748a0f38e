//! Committing posts: upserts by id, so that doing it twice does nothing more.

use mongodb::bson::{Bson, DateTime, Document, doc};
use sha2::{Digest as _, Sha256};

use super::document::PostDocument;
use super::{Database, json};
use crate::model::{Hashtag, Origin, PostId};
use crate::store::runs::hex;
use crate::store::{RejectedRecord, Run, StoreError, Trouble};

/// The most posts that one command carries; the server takes 100,000.
pub(super) const POSTS: usize = 1000;
/// The most bytes that one command carries; the server takes 48 MB.
const BYTES: usize = 24 << 20;
/// The id is there, under another condition than ours; or two collectors inserted it at once.
const DUPLICATE: i32 = 11_000;
/// The document is too large, which we should have seen.
const TOO_LARGE: [i32; 2] = [10_334, 17_419];

/// A hashtag's posts, open for adding.
#[derive(Debug)]
pub struct DatabaseTagWriter {
    pub(in crate::store) tag: Hashtag,
    database: Database,
    pending: Vec<Pending>,
    bytes: usize,
    pub(in crate::store) counts: Counts,
    /// Posts that the database cannot take, and why.
    refused: Vec<(PostId, String)>,
    /// Posts stored when it was opened.
    before: u64,
    /// Its posts are made up.
    pub(super) synthetic: bool,
}

/// What became of the posts taken in.
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
    post: PostDocument,
    bytes: usize,
    wish: Wish,
}

/// What is to become of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is stored unless it is.
    Add,
    /// It is stored, or replaces the stored one if it is newer.
    AddOrReplace,
    /// It replaces the stored one if there is one and it is newer.
    Replace,
}

impl DatabaseTagWriter {
    /// Opens a hashtag's posts.
    ///
    /// # Errors
    /// [`StoreError::Mixed`] where synthetic and real posts would meet; the database's own.
    pub(in crate::store) fn open(
        database: &Database,
        tag: &Hashtag,
        origin: Origin,
    ) -> Result<Self, StoreError> {
        let posts = database.posts();
        let of_tag = doc! { "collected_for": tag.as_str() };
        let first = database.block(async move {
            posts
                .find_one(of_tag)
                .projection(doc! { "synthetic": 1 })
                .await
        })?;
        if let Some(first) = first {
            let stored = first.get_bool("synthetic").unwrap_or(false);
            let offered = origin == Origin::Synthetic;
            if stored != offered {
                let name = |is: bool| if is { "synthetic" } else { "real" };
                return Err(StoreError::Mixed {
                    name: format!("#{tag}"),
                    root: database.place().to_string().into(),
                    stored: name(stored),
                    offered: name(offered),
                });
            }
        }
        Ok(Self {
            synthetic: origin == Origin::Synthetic,
            before: database.count(tag)?,
            tag: tag.clone(),
            database: database.clone(),
            pending: Vec::new(),
            bytes: 0,
            counts: Counts::default(),
            refused: Vec::new(),
        })
    }

    /// Takes a sealed line in; durable after [`DatabaseTagWriter::commit`].
    pub(in crate::store) fn take(&mut self, id: PostId, line: &str, update: bool) {
        let wish = if update {
            Wish::AddOrReplace
        } else {
            Wish::Add
        };
        self.take_as(id, line, wish);
    }

    pub(super) fn take_as(&mut self, id: PostId, line: &str, wish: Wish) {
        match PostDocument::of(line) {
            Ok(post) => {
                let (bytes, too_large) = post.size();
                if too_large {
                    let why = format!(
                        "the record has {} MiB, and a MongoDB document takes at most 16",
                        bytes >> 20
                    );
                    self.refused.push((id, why));
                    return;
                }
                self.bytes += bytes;
                self.pending.push(Pending { post, bytes, wish });
            }
            Err(why) => self.refused.push((id, why.to_string())),
        }
    }

    pub(in crate::store) fn database(&self) -> &Database {
        &self.database
    }

    /// Bytes taken in and not yet stored.
    pub(in crate::store) fn pending(&self) -> usize {
        self.bytes
    }

    /// Posts stored for the hashtag, as far as this writer knows.
    pub(in crate::store) fn len(&self) -> u64 {
        (self.before + self.counts.new).saturating_sub(self.counts.removed)
    }

    /// Posts that could not be stored since the last call, and why.
    pub(in crate::store) fn refused(&mut self) -> Vec<(PostId, String)> {
        std::mem::take(&mut self.refused)
    }

    /// Stores what was taken in, on the disks of the majority of servers.
    ///
    /// # Errors
    /// The database's own. What of the posts is stored by then is known to the next run.
    pub(in crate::store) fn commit(&mut self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut self.pending);
        self.bytes = 0;
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |post: &&Pending| {
                bytes += post.bytes;
                bytes <= BYTES
            };
            let count = rest.iter().take(POSTS).take_while(fits).count().max(1);
            let (batch, after) = rest.split_at(count);
            let ids = batch.iter().map(|pending| pending.post.id.to_string());
            let buried = self.database.buried(ids.collect(), self.synthetic)?;
            let (gone, batch): (Vec<&Pending>, Vec<&Pending>) = batch
                .iter()
                .partition(|pending| buried.contains(&pending.post.id.to_string()));
            self.counts.tombstoned += gone.len() as u64;
            self.insert(&batch)?;
            self.replace(&batch)?;
            rest = after;
        }
        Ok(())
    }

    /// Inserts posts that are not there, and enters the hashtag on those that are.
    fn insert(&mut self, batch: &[&Pending]) -> Result<(), StoreError> {
        let wished = |pending: &&&Pending| pending.wish != Wish::Replace;
        let batch: Vec<&Pending> = batch.iter().filter(wished).copied().collect();
        if batch.is_empty() {
            return Ok(());
        }
        let failed = self.upsert(&batch)?;
        // Two collectors that insert one post at once: the one that came second finds it now.
        let again: Vec<&Pending> = failed.into_iter().map(|(post, _)| post).collect();
        if again.is_empty() {
            return Ok(());
        }
        for (pending, why) in self.upsert(&again)? {
            self.refused.push((pending.post.id, why));
        }
        Ok(())
    }

    fn upsert<'p>(
        &mut self,
        batch: &[&'p Pending],
    ) -> Result<Vec<(&'p Pending, String)>, StoreError> {
        let updates = batch
            .iter()
            .map(|pending| self.upsert_of(&pending.post))
            .collect();
        let answer = self.database.update(&self.posts(), updates)?;
        let mut failed = Vec::new();
        for error in documents(&answer, "writeErrors") {
            let code = error.get_i32("code").unwrap_or_default();
            let text = error.get_str("errmsg").unwrap_or("no reason given");
            let index = integer(error.get("index")).and_then(|index| usize::try_from(index).ok());
            let Some(&pending) = index.and_then(|index| batch.get(index)) else {
                continue;
            };
            let why = match code {
                DUPLICATE if pending.post.synthetic => {
                    "a real post has the same id; made-up posts never replace it".to_owned()
                }
                DUPLICATE => "a made-up post of another hashtag has the same id".to_owned(),
                code if TOO_LARGE.contains(&code) => "the document is too large".to_owned(),
                code => {
                    let what = format!("post {}: {text} (code {code})", pending.post.id);
                    return Err(super::error::made(
                        self.database.place(),
                        Trouble::Other,
                        what,
                    ));
                }
            };
            failed.push((pending, why));
        }
        let inserted = documents(&answer, "upserted").count() as u64;
        let entered = integer(answer.get("nModified")).unwrap_or(0);
        let new = inserted + u64::try_from(entered).unwrap_or(0);
        self.counts.new += new;
        self.counts.known += (batch.len() - failed.len()) as u64 - new;
        self.take_back(&answer)?;
        Ok(failed)
    }

    /// Removes what was inserted while a refresh was removing it: the tombstone came after we had
    /// looked for it. One that comes later still is followed by a removal that finds the post.
    fn take_back(&mut self, answer: &Document) -> Result<(), StoreError> {
        let id = |upserted: &Document| upserted.get_str("_id").ok().map(str::to_owned);
        let inserted: Vec<String> = documents(answer, "upserted").filter_map(id).collect();
        let buried = self.database.buried(inserted, self.synthetic)?;
        if !buried.is_empty() {
            let gone = buried.len() as u64;
            self.database
                .delete(buried.into_iter().collect(), self.synthetic)?;
            self.counts.new -= gone;
            self.counts.tombstoned += gone;
        }
        Ok(())
    }

    /// Made-up posts neither hide behind real ones of the same id nor replace them.
    fn upsert_of(&self, post: &PostDocument) -> Document {
        let mut query = doc! { "_id": post.id.to_string() };
        let mut fields = post.fields.clone();
        if post.synthetic {
            // An equality in the query is inserted with the document.
            query.insert("synthetic", true);
            fields.remove("synthetic");
        } else {
            query.insert("synthetic", doc! { "$ne": true });
        }
        doc! {
            "q": query,
            "u": {
                "$setOnInsert": fields,
                "$addToSet": { "collected_for": self.tag.as_str() },
            },
            "upsert": true,
        }
    }

    /// Replaces stored posts by newer fetches, where that is wished.
    fn replace(&mut self, batch: &[&Pending]) -> Result<(), StoreError> {
        let wished = |pending: &&&Pending| pending.wish != Wish::Add;
        let wished: Vec<&Pending> = batch.iter().filter(wished).copied().collect();
        // A post that this run has replaced before is counted once.
        for again in [false, true] {
            let updates: Vec<Document> = wished
                .iter()
                .map(|pending| replacement(&pending.post, again))
                .collect();
            if updates.is_empty() {
                return Ok(());
            }
            let answer = self.database.update(&self.posts(), updates)?;
            if !again {
                let updated = integer(answer.get("nModified")).unwrap_or(0);
                self.counts.updated += u64::try_from(updated).unwrap_or(0);
            }
        }
        Ok(())
    }

    fn posts(&self) -> String {
        self.database.place().collections.posts.clone()
    }

    /// Lists records that could not be stored, each once.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn reject(&self, records: &[RejectedRecord]) -> Result<(), StoreError> {
        for records in records.chunks(POSTS) {
            let updates = records.iter().map(|record| rejection(&self.tag, record));
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
            posts: self.database.count(&self.tag)?,
            ..run
        };
        self.database.enter_run(&run)
    }
}

impl Database {
    /// Enters a run, once.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn enter_run(&self, run: &Run) -> Result<(), StoreError> {
        let id = doc! { "run": &run.run, "hashtag": &run.hashtag };
        let value = serde_json::to_value(run).map_err(std::io::Error::from)?;
        let Some(map) = value.as_object() else {
            return Ok(());
        };
        let mut fields = json::document(map);
        // These vouch for bytes of a file.
        for name in ["data", "ids", "previous"] {
            fields.remove(name);
        }
        let update = doc! { "q": { "_id": id }, "u": { "$setOnInsert": fields }, "upsert": true };
        self.update(&self.place().collections.runs, vec![update])?;
        Ok(())
    }
}

/// The update that replaces a stored post by this one, unless it is known to be no newer.
fn replacement(post: &PostDocument, again: bool) -> Document {
    let run = post.fields.get("run").cloned().unwrap_or(Bson::Null);
    let run = if again {
        run
    } else {
        Bson::from(doc! { "$ne": run })
    };
    let mut query = doc! { "_id": post.id.to_string(), "run": run };
    if let Some(fetched) = post.fetched {
        let at = DateTime::from_millis(fetched.as_millisecond());
        query.insert("fetched", doc! { "$not": { "$gte": at } });
    }
    if post.synthetic {
        query.insert("synthetic", true);
    } else {
        query.insert("synthetic", doc! { "$ne": true });
    }
    doc! { "q": query, "u": post.replacing() }
}

fn rejection(tag: &Hashtag, record: &RejectedRecord) -> Document {
    let hash = Sha256::new()
        .chain_update(tag.as_str())
        .chain_update([0])
        .chain_update(&record.file)
        .chain_update([0])
        .chain_update(&record.place)
        .chain_update([0])
        .chain_update(&record.reason)
        .chain_update([0])
        .chain_update(&record.excerpt);
    doc! {
        "q": { "_id": hex(&hash.finalize()) },
        "u": { "$setOnInsert": {
            "tag": tag.as_str(),
            "run": &record.run,
            "file": &record.file,
            "place": &record.place,
            "reason": &record.reason,
            "excerpt": &record.excerpt,
        } },
        "upsert": true,
    }
}

/// The documents of an array, if there is one.
fn documents<'d>(answer: &'d Document, name: &str) -> impl Iterator<Item = &'d Document> {
    let array = answer.get_array(name).map_or(&[][..], Vec::as_slice);
    array.iter().filter_map(Bson::as_document)
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
