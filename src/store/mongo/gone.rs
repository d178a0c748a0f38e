//! What a refresh asks of a database and leaves there: posts that are due, old figures, posts that
//! were not found, tombstones.
//!
//! ```text
//! history     _id = {id, fetched}: figures that a newer fetch replaced
//! missing     _id = post id: posts that were not found, and when
//! tombstones  _id = post id: posts that were removed since they are gone
//! ```

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use hashbrown::{HashMap, HashSet};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::{Value, json};

use super::read::all;
use super::writer::{BATCH, Wish};
use super::{Database, DatabaseWriter, document, json};
use crate::model::{Counts, Format, Hashtag, Origin, PostId};
use crate::store::{DuePost, Gone, HistoryLine, MissingLine, Records, StoreError, Tombstone};

/// The posts of a hashtag that are due, in the order of their days.
#[derive(Debug)]
pub struct DuePages {
    database: Database,
    wanted: Document,
    /// The posts that were fetched since.
    fresh: Document,
    /// `created` and `_id` of the last post given.
    after: Option<(Option<DateTime>, String)>,
    done: bool,
}

impl Database {
    /// The posts that are due, how many they are, and how many of the hashtag are of other sources.
    pub(in crate::store) fn due(
        &self,
        tag: &Hashtag,
        origin: Origin,
        before: Timestamp,
    ) -> Result<(DuePages, u64, u64), StoreError> {
        let before = DateTime::from_millis(before.as_millisecond());
        let research = Format::Research.name();
        let text = before.try_to_rfc3339_string().unwrap_or_default();
        let ours = json!({ "$and": [
            { "$eq": ["$origin", origin.name()] }, { "$eq": ["$format", research] },
        ] });
        let old = json!({ "$lte": [
            { "$ifNull": ["$fetched", { "$date": "1970-01-01T00:00:00Z" }] }, { "$date": text },
        ] });
        let number = |condition| json!({ "$sum": { "$cond": [condition, 1, 0] } });
        let found = self.aggregate(
            &self.place().collections.posts,
            &[
                json!({ "$match": { "collected_for": tag.as_str() } }),
                json!({ "$group": {
                "_id": null,
                "due": number(json!({ "$and": [ours, old] })),
                "others": number(json!({ "$not": [ours] })),
            } }),
            ],
        )?;
        let number = |name: &str| {
            found
                .first()
                .and_then(|row| row[name].as_u64())
                .unwrap_or(0)
        };
        let pages = DuePages {
            database: self.clone(),
            wanted: doc! {
                "collected_for": tag.as_str(),
                "origin": origin.name(),
                "format": research,
                "$or": [{ "fetched": { "$lte": before } }, { "fetched": { "$exists": false } }],
            },
            fresh: doc! {
                "collected_for": tag.as_str(),
                "origin": origin.name(),
                "format": research,
                "fetched": { "$gt": before },
            },
            after: None,
            done: false,
        };
        Ok((pages, number("due"), number("others")))
    }

    /// The posts of a hashtag that were not found.
    pub(in crate::store) fn waiting(&self, tag: &Hashtag) -> Result<Vec<MissingLine>, StoreError> {
        let missing = self.collection(&self.place().collections.missing);
        let of_tag = doc! { "collected_for": tag.as_str(), "found": { "$ne": true } };
        let found = self.block_for(None, async move {
            all(missing.find(of_tag).sort(doc! { "_id": 1 }).await?).await
        })?;
        Ok(found.iter().filter_map(missing_line).collect())
    }

    /// Whether posts of a hashtag were removed.
    pub(in crate::store) fn has_tombstones(&self, tag: &Hashtag) -> Result<bool, StoreError> {
        let stones = self.collection(&self.place().collections.tombstones);
        let of_tag = doc! { "collected_for": tag.as_str() };
        let found = self.block(async move { stones.find_one(of_tag).await })?;
        Ok(found.is_some())
    }

    /// How many of the records were removed: posts of a hashtag may be, nothing else ever is.
    pub(super) fn removed_of(&self, records: &Records) -> Result<u64, StoreError> {
        let Records::Posts(tag) = records else {
            return Ok(0);
        };
        let stones = self.collection(&self.place().collections.tombstones);
        let of_tag = doc! { "collected_for": tag.as_str() };
        self.block_for(None, async move { stones.count_documents(of_tag).await })
    }

    /// Which of these posts were removed; of real and made-up posts with one id, those of a kind.
    pub(super) fn buried(
        &self,
        ids: Vec<String>,
        synthetic: bool,
    ) -> Result<HashSet<String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let stones = self.collection(&self.place().collections.tombstones);
        let kind = kind(synthetic);
        let found = self.block(async move {
            let these = doc! { "_id": { "$in": ids }, "synthetic": kind };
            all(stones.find(these).projection(doc! { "_id": 1 }).await?).await
        })?;
        Ok(found.iter().filter_map(key).collect())
    }

    /// As [`Database::buried`], of both kinds.
    pub(in crate::store) fn removed_among(
        &self,
        ids: &[PostId],
    ) -> Result<BTreeSet<PostId>, StoreError> {
        let mut removed = BTreeSet::new();
        for ids in ids.chunks(BATCH) {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            for synthetic in [false, true] {
                let buried = self.buried(ids.clone(), synthetic)?;
                removed.extend(buried.iter().filter_map(|id| id.parse::<PostId>().ok()));
            }
        }
        Ok(removed)
    }

    /// What refreshes have left behind about a hashtag's posts; `ids` are those that are stored.
    pub(in crate::store) fn gone(&self, tag: &Hashtag, ids: &[PostId]) -> Result<Gone, StoreError> {
        let stones = self.collection(&self.place().collections.tombstones);
        let of_tag = doc! { "collected_for": tag.as_str() };
        let found = self.block_for(None, async move {
            all(stones.find(of_tag).sort(doc! { "_id": 1 }).await?).await
        })?;
        let tombstones: Vec<Tombstone> = found.iter().filter_map(tombstone).collect();
        let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.extend(tombstones.iter().map(|stone| stone.id.clone()));
        let mut history = Vec::new();
        for ids in ids.chunks(BATCH) {
            let lines = self.collection(&self.place().collections.history);
            let these = doc! { "id": { "$in": ids } };
            let found = self.block_for(None, async move {
                all(lines.find(these).sort(doc! { "id": 1, "until": 1 }).await?).await
            })?;
            let line = |line| serde_json::from_value(Value::Object(json::object(line))).ok();
            history.extend(found.iter().filter_map(line));
        }
        Ok(Gone {
            tombstones,
            missing: self.waiting(tag)?,
            history,
        })
    }

    /// Removes posts, and what says that they were not found; tells how many were there.
    pub(super) fn delete(&self, ids: Vec<String>, synthetic: bool) -> Result<u64, StoreError> {
        let (posts, missing) = (
            self.posts(),
            self.collection(&self.place().collections.missing),
        );
        let these = doc! { "_id": { "$in": &ids }, "synthetic": kind(synthetic) };
        let deleted = self.block(async move { posts.delete_many(these).await })?;
        self.block(async move { missing.delete_many(doc! { "_id": { "$in": ids } }).await })?;
        Ok(deleted.deleted_count)
    }
}

impl DuePages {
    /// The next posts, at most so many; none when all were given.
    pub(in crate::store) fn next(&mut self, most: usize) -> Result<Vec<DuePost>, StoreError> {
        let mut given = Vec::new();
        // A portion of which nothing can be read is not the end.
        while given.is_empty() && !self.done {
            let posts = self.database.posts();
            let wanted = doc! { "$and": [self.wanted.clone(), self.behind()] };
            let found = self.database.block_for(None, async move {
                let found = posts
                    .find(wanted)
                    .projection(due_fields())
                    .sort(doc! { "created": 1, "_id": 1 })
                    .limit(i64::try_from(most).unwrap_or(i64::MAX))
                    .allow_disk_use(true);
                all(found.await?).await
            })?;
            self.done = found.len() < most;
            if let Some(last) = found.last() {
                let created = last.get_datetime("created").ok().copied();
                self.after = key(last).map(|id| (created, id));
                self.done |= self.after.is_none();
            }
            given.extend(found.iter().filter_map(due_post));
        }
        Ok(given)
    }

    /// Posts of these days that were fetched since, at most so many, the last fetched first.
    pub(in crate::store) fn lately(
        &self,
        days: RangeInclusive<Date>,
        most: usize,
    ) -> Result<Vec<DuePost>, StoreError> {
        let millis = |day: Date| {
            let start = day.to_zoned(TimeZone::UTC).ok();
            start.map(|start| DateTime::from_millis(start.timestamp().as_millisecond()))
        };
        let mut wanted = self.fresh.clone();
        let mut created = doc! {};
        if let Some(from) = millis(*days.start()) {
            created.insert("$gte", from);
        }
        if let Some(behind) = days.end().checked_add(1.day()).ok().and_then(millis) {
            created.insert("$lt", behind);
        }
        if !created.is_empty() {
            wanted.insert("created", created);
        }
        let posts = self.database.posts();
        let found = self.database.block_for(None, async move {
            let found = posts
                .find(wanted)
                .projection(due_fields())
                .sort(doc! { "fetched": -1, "_id": -1 })
                .limit(i64::try_from(most).unwrap_or(i64::MAX))
                .allow_disk_use(true);
            all(found.await?).await
        })?;
        Ok(found.iter().filter_map(due_post).collect())
    }

    /// What lies behind the last post given.
    fn behind(&self) -> Document {
        match &self.after {
            None => doc! {},
            Some((Some(created), id)) => doc! {
                // For the index: where to begin.
                "created": { "$gte": created },
                "$or": [{ "created": { "$gt": created } }, { "_id": { "$gt": id } }],
            },
            // Posts without a time come first.
            Some((None, id)) => doc! { "$or": [
                { "created": { "$exists": true } },
                { "_id": { "$gt": id } },
            ] },
        }
    }
}

impl DatabaseWriter {
    /// Keeps a fetch of a stored post, to replace the stored one if it is newer; a post that is no
    /// longer stored stays away.
    pub(in crate::store) fn offer_update(&mut self, id: PostId, line: &str) {
        if let Err(why) = self.take_as(line, Wish::Replace) {
            self.refuse(format!("post {id}"), why.to_string());
        }
    }

    /// Keeps figures that are about to be replaced; the same figures once, whatever happens.
    pub(in crate::store) fn remember(&self, lines: &[HistoryLine]) -> Result<(), StoreError> {
        let name = &self.database().place().collections.history;
        for lines in lines.chunks(BATCH) {
            let mut updates = Vec::new();
            for line in lines {
                let value = serde_json::to_value(line).map_err(std::io::Error::from)?;
                let fields = value.as_object().map(json::document).unwrap_or_default();
                let fetched = fields.get("fetched").cloned().unwrap_or(Bson::Null);
                let id = doc! { "id": &line.id, "fetched": fetched };
                updates.push(doc! { "q": { "_id": id }, "u": { "$set": fields }, "upsert": true });
            }
            self.database().update(name, updates)?;
        }
        Ok(())
    }

    /// Enters tombstones, then removes the posts.
    pub(in crate::store) fn bury(&mut self, stones: &[Tombstone]) -> Result<(), StoreError> {
        let database = self.database().clone();
        for stones in stones.chunks(BATCH) {
            let ids: Vec<String> = stones.iter().map(|stone| stone.id.clone()).collect();
            let tags = self.collected_for(ids.clone())?;
            let mut updates = Vec::new();
            for stone in stones {
                let value = serde_json::to_value(stone).map_err(std::io::Error::from)?;
                let mut fields = value.as_object().map(json::document).unwrap_or_default();
                fields.remove("id");
                let mut update = doc! {};
                if self.synthetic {
                    fields.insert("synthetic", true);
                } else {
                    update.insert("$unset", doc! { "synthetic": "" });
                }
                update.insert("$set", fields);
                let ours = vec![Bson::from(self.subject())];
                let tags = tags.get(&stone.id).cloned().unwrap_or(ours);
                update.insert("$addToSet", doc! { "collected_for": { "$each": tags } });
                updates.push(doc! { "q": { "_id": &stone.id }, "u": update, "upsert": true });
            }
            database.update(&database.place().collections.tombstones, updates)?;
            let gone = database.delete(ids, self.synthetic)?;
            self.counts.removed += gone;
        }
        Ok(())
    }

    /// What posts were collected for.
    fn collected_for(&self, ids: Vec<String>) -> Result<HashMap<String, Vec<Bson>>, StoreError> {
        let posts = self.database().posts();
        let found = self.database().block(async move {
            let these = doc! { "_id": { "$in": ids } };
            let tags = doc! { "collected_for": 1 };
            all(posts.find(these).projection(tags).await?).await
        })?;
        let tags =
            |post: &Document| Some((key(post)?, post.get_array("collected_for").ok()?.clone()));
        Ok(found.iter().filter_map(tags).collect())
    }

    /// Removes posts that have a tombstone and are stored: a removal was interrupted, or met a
    /// collector that was storing them. Tells how many.
    pub(in crate::store) fn bury_the_rest(&mut self) -> Result<u64, StoreError> {
        let database = self.database().clone();
        let stones = database.collection(&database.place().collections.tombstones);
        let of_tag = doc! { "collected_for": self.subject(), "synthetic": kind(self.synthetic) };
        let found = database.block_for(None, async move {
            all(stones.find(of_tag).projection(doc! { "_id": 1 }).await?).await
        })?;
        let ids: Vec<String> = found.iter().filter_map(key).collect();
        let mut gone = 0;
        for ids in ids.chunks(BATCH) {
            gone += database.delete(ids.to_vec(), self.synthetic)?;
        }
        self.counts.removed += gone;
        Ok(gone)
    }

    /// Which of these posts were not found before.
    pub(in crate::store) fn missing(&self, ids: &[PostId]) -> Result<Vec<MissingLine>, StoreError> {
        let mut lines = Vec::new();
        for ids in ids.chunks(BATCH) {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let place = self.database().place();
            let missing = self.database().collection(&place.collections.missing);
            let found = self.database().block(async move {
                all(missing.find(doc! { "_id": { "$in": ids } }).await?).await
            })?;
            lines.extend(found.iter().filter_map(missing_line));
        }
        Ok(lines)
    }

    /// Notes posts that were not found, or that were found again.
    pub(in crate::store) fn put_missing(&self, lines: &[MissingLine]) -> Result<(), StoreError> {
        let name = &self.database().place().collections.missing;
        for lines in lines.chunks(BATCH) {
            let update = |line: &MissingLine| {
                doc! {
                    "q": { "_id": &line.id },
                    "u": {
                        "$set": {
                            "first": line.first.to_string(),
                            "last": line.last.to_string(),
                            "found": line.found,
                        },
                        "$addToSet": { "collected_for": self.subject() },
                    },
                    "upsert": true,
                }
            };
            self.database()
                .update(name, lines.iter().map(update).collect())?;
        }
        Ok(())
    }
}

/// Made-up documents, or the others.
fn kind(synthetic: bool) -> Bson {
    if synthetic {
        Bson::Boolean(true)
    } else {
        Bson::from(doc! { "$ne": true })
    }
}

fn key(document: &Document) -> Option<String> {
    document.get_str("_id").ok().map(str::to_owned)
}

fn missing_line(document: &Document) -> Option<MissingLine> {
    let time = |name: &str| document.get_str(name).ok()?.parse().ok();
    Some(MissingLine {
        id: key(document)?,
        first: time("first")?,
        last: time("last")?,
        found: document.get_bool("found").unwrap_or(false),
    })
}

fn tombstone(document: &Document) -> Option<Tombstone> {
    let mut fields = json::object(document);
    let id = fields.remove("_id")?;
    fields.insert("id".into(), id);
    serde_json::from_value(Value::Object(fields)).ok()
}

/// What [`due_post`] reads.
fn due_fields() -> Document {
    doc! { "created": 1, "fetched": 1, "fetched_ns": 1, "counts": 1 }
}

fn due_post(document: &Document) -> Option<DuePost> {
    let id = document.get_str("_id").ok()?.parse().ok()?;
    let created = document.get_datetime("created").ok();
    let created = created.and_then(|at| Timestamp::from_millisecond(at.timestamp_millis()).ok());
    let counts = document.get_document("counts").ok();
    let count = |name: &str| json::json(counts?.get(name)?).as_u64();
    Some(DuePost {
        id,
        day: DuePost::day(id, created),
        fetched: document::fetched(document),
        counts: Counts {
            views: count("views"),
            likes: count("likes"),
            comments: count("comments"),
            shares: count("shares"),
            saves: count("saves"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_beyond_63_bits_were_rounded() {
        let post = doc! {
            "_id": "7189254512345678901",
            "counts": {
                "views": "18446744073709551615".parse::<mongodb::bson::Decimal128>().unwrap(),
                "likes": 7_i64,
            },
        };
        let due = due_post(&post).unwrap();
        assert_eq!(due.counts.views, Some(u64::MAX));
        assert_eq!((due.counts.likes, due.counts.shares), (Some(7), None));
        assert_eq!(due.day, jiff::civil::date(2023, 1, 16));
        let line = HistoryLine::new("7".into(), None, Timestamp::UNIX_EPOCH, due.counts);
        let value = serde_json::to_value(line).unwrap();
        let stored = json::document(value.as_object().unwrap());
        assert_eq!(json::object(&stored)["view_count"], json!(u64::MAX));
    }
}
