//! Reading: which hashtags there are, their records one after the other, answers to pipelines.

use hashbrown::{HashMap, HashSet};
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, Cursor};
use serde_json::{Value, json};

use super::writer::{collected_for, integer, run_of};
use super::{Database, document, json};
use crate::model::{Hashtag, Origin, PostId};
use crate::store::{Records, RunInput, StoreError};

/// Documents fetched at once.
const BATCH: u32 = 1000;
/// Bytes of them, at which fewer are fetched at once.
const BYTES: usize = 16 << 20;

/// Stored lines, one after the other.
#[derive(Debug)]
pub struct PostLines(Documents);

/// The answer to a pipeline, a row after the other.
#[derive(Debug)]
pub struct Rows(Documents);

#[derive(Debug)]
struct Documents {
    database: Database,
    cursor: Option<Cursor<Document>>,
    /// In reverse.
    waiting: Vec<Document>,
}

impl Database {
    /// All hashtags that posts were collected for, sorted by code point.
    ///
    /// # Errors
    /// The database's own.
    pub fn tags(&self) -> Result<Vec<Hashtag>, StoreError> {
        let posts = self.posts();
        let found = self.block_for(None, async move {
            posts.distinct("collected_for", doc! {}).await
        })?;
        let mut tags: Vec<Hashtag> = found
            .iter()
            .filter_map(|tag| Hashtag::new(tag.as_str()?))
            .collect();
        tags.sort();
        Ok(tags)
    }

    /// As [`Database::tags`], and those that only runs tell of: their posts are gone.
    ///
    /// # Errors
    /// The database's own.
    pub fn tags_ever(&self) -> Result<Vec<Hashtag>, StoreError> {
        let runs = self.collection(&self.place().collections.runs);
        let of_posts = doc! { "of": Bson::Null };
        let found = self.block(async move { runs.distinct("hashtag", of_posts).await })?;
        let mut tags = self.tags()?;
        tags.extend(found.iter().filter_map(|tag| Hashtag::new(tag.as_str()?)));
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// How many posts are stored for a hashtag.
    ///
    /// # Errors
    /// The database's own.
    pub fn count(&self, tag: &Hashtag) -> Result<u64, StoreError> {
        self.count_of(&Records::Posts(tag.clone()))
    }

    /// How many records are stored.
    ///
    /// # Errors
    /// The database's own.
    pub fn count_of(&self, records: &Records) -> Result<u64, StoreError> {
        let (collection, these) = self.documents(records);
        self.block_for(None, async move { collection.count_documents(these).await })
    }

    /// The sets of comments and of users' lists that there are, or that runs tell of, in an order
    /// as in a directory: hashtags by code point, comments of other posts, users.
    ///
    /// # Errors
    /// The database's own.
    pub fn lists(&self) -> Result<Vec<Records>, StoreError> {
        let names = &self.place().collections;
        let comments = self.collection(&names.comments);
        let found = self.block_for(None, async move {
            comments.distinct("collected_for", doc! {}).await
        })?;
        let mut all: Vec<Records> = found
            .iter()
            .filter_map(Bson::as_str)
            .map(|tag| Records::Comments(Hashtag::new(tag)))
            .collect();
        let of_users = [json!({ "$group": { "_id": { "user": "$user", "list": "$list" } } })];
        let of_runs = [
            json!({ "$match": { "of": { "$exists": true } } }),
            json!({ "$group": { "_id": { "user": "$hashtag", "list": "$of" } } }),
        ];
        let mut rows = self.aggregate(&names.users, &of_users)?;
        rows.extend(self.aggregate(&names.runs, &of_runs)?);
        for row in rows {
            let name = row["_id"]["user"].as_str().and_then(Hashtag::new);
            all.extend(match row["_id"]["list"].as_str() {
                Some("comments") => name.map(|tag| Records::Comments(Some(tag))),
                Some("other comments") => Some(Records::Comments(None)),
                Some(list) => name.and_then(|user| Records::list(&user, list)),
                None => None,
            });
        }
        // Comments of no hashtag come after those of hashtags.
        all.sort_by_key(|records| (*records == Records::Comments(None), records.clone()));
        all.sort_by_key(|records| matches!(records, Records::List(..)));
        all.dedup();
        Ok(all)
    }

    /// Records that lists were asked for of: one for each ledger that there is.
    ///
    /// # Errors
    /// The database's own.
    pub fn asked_about(&self) -> Result<Vec<Records>, StoreError> {
        let scopes =
            [json!({ "$group": { "_id": { "comments_of": "$comments_of", "user": "$user" } } })];
        let rows = self.aggregate(&self.place().collections.asked, &scopes)?;
        let mut all: Vec<Records> = rows
            .iter()
            .filter_map(|row| {
                let named = |name: &str| row["_id"][name].as_str();
                match named("user") {
                    Some(user) => Records::list(&Hashtag::new(user)?, "info"),
                    None => named("comments_of").map(|tag| Records::Comments(Hashtag::new(tag))),
                }
            })
            .collect();
        all.sort();
        Ok(all)
    }

    /// The name of the collection that holds records.
    pub fn collection_of(&self, records: &Records) -> &str {
        let names = &self.place().collections;
        match records {
            Records::Posts(_) => &names.posts,
            Records::Comments(_) => &names.comments,
            Records::List(..) => &names.users,
        }
    }

    /// The collection that holds records, and which of its documents they are.
    pub(super) fn documents(&self, records: &Records) -> (Collection<Document>, Document) {
        let these = match (records, collected_for(records)) {
            (Records::List(user, list), _) => doc! { "user": user.as_str(), "list": *list },
            (_, tag) => doc! { "collected_for": tag.unwrap_or_default() },
        };
        (self.collection(self.collection_of(records)), these)
    }

    /// Which hashtag holds each of these posts, the first by code point; those of none are left out.
    ///
    /// # Errors
    /// The database's own.
    pub fn holders(&self, wanted: &HashSet<u64>) -> Result<HashMap<u64, Hashtag>, StoreError> {
        let mut holders = HashMap::new();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        for ids in wanted.chunks(10_000) {
            let these = [
                json!({ "$match": { "_id": { "$in": ids } } }),
                json!({ "$project": { "collected_for": 1 } }),
            ];
            for row in self.aggregate(&self.place().collections.posts, &these)? {
                let tags = row["collected_for"].as_array();
                let tags = tags.into_iter().flatten().filter_map(Value::as_str);
                let first = tags.filter_map(Hashtag::new).min();
                let id: Option<PostId> = row["_id"].as_str().and_then(|id| id.parse().ok());
                holders.extend(id.map(PostId::get).zip(first));
            }
        }
        Ok(holders)
    }

    /// Whether any post is stored for a hashtag.
    ///
    /// # Errors
    /// [`StoreError::NotStored`], which lists what is stored; the database's own.
    pub fn find(&self, tag: &Hashtag) -> Result<(), StoreError> {
        let posts = self.posts();
        let of_tag = doc! { "collected_for": tag.as_str() };
        let found =
            self.block(async move { posts.find_one(of_tag).projection(doc! { "_id": 1 }).await })?;
        if found.is_some() {
            return Ok(());
        }
        Err(StoreError::NotStored {
            tag: tag.to_string(),
            root: self.place().to_string().into(),
            stored: self.tags()?.iter().map(ToString::to_string).collect(),
        })
    }

    /// The runs about records, the first one first.
    pub(in crate::store) fn runs(&self, records: &Records) -> Result<Vec<Document>, StoreError> {
        let runs = self.collection(&self.place().collections.runs);
        let of = run_of(records).map_or(Bson::Null, Bson::from);
        let these = doc! { "hashtag": records.subject(), "of": of };
        self.block(async move { all(runs.find(these).sort(doc! { "started": 1 }).await?).await })
    }

    /// How a hashtag's posts came, as its last run says.
    pub(in crate::store) fn last_origin(
        &self,
        tag: &Hashtag,
    ) -> Result<Option<Origin>, StoreError> {
        let runs = self.runs(&Records::Posts(tag.clone()))?;
        let last = runs.last().and_then(|run| run.get_str("origin").ok());
        Ok(last.and_then(|origin| origin.parse().ok()))
    }

    /// The inputs of all runs that added to a hashtag's posts, the first run first.
    ///
    /// # Errors
    /// The database's own.
    pub fn inputs(&self, tag: &Hashtag) -> Result<Vec<RunInput>, StoreError> {
        let input = |input: &Bson| {
            let input = input.as_document()?;
            let text = |key| input.get_str(key).unwrap_or_default().to_owned();
            Some(RunInput {
                path: text("path"),
                kind: text("kind"),
                bytes: integer(input.get("bytes")).and_then(|bytes| bytes.try_into().ok())?,
                sha256: text("sha256"),
                stopped: input.get_str("stopped").ok().map(str::to_owned),
            })
        };
        let runs = self.runs(&Records::Posts(tag.clone()))?;
        let inputs = runs.iter().filter_map(|run| run.get_array("inputs").ok());
        Ok(inputs.flatten().filter_map(input).collect())
    }

    /// The posts of a hashtag as lines of `data.json`, in the order of their days.
    ///
    /// # Errors
    /// The database's own.
    pub fn lines(&self, tag: &Hashtag) -> Result<PostLines, StoreError> {
        self.lines_of(&Records::Posts(tag.clone()))
    }

    /// Records as lines of `data.json`: posts and comments in the order of their days.
    ///
    /// # Errors
    /// The database's own.
    pub fn lines_of(&self, records: &Records) -> Result<PostLines, StoreError> {
        let (collection, these) = self.documents(records);
        let order = match records {
            Records::List(..) => doc! { "_id": 1 },
            _ => doc! { "created": 1, "_id": 1 },
        };
        let cursor = self.block_for(None, async move {
            collection
                .find(these)
                .sort(order)
                .batch_size(BATCH)
                .allow_disk_use(true)
                .await
        })?;
        Ok(PostLines(Documents::new(self, cursor)))
    }

    /// The answer to a pipeline over a collection, all at once.
    ///
    /// # Errors
    /// The database's own.
    pub fn aggregate(
        &self,
        collection: &str,
        pipeline: &[Value],
    ) -> Result<Vec<Value>, StoreError> {
        let mut rows = self.rows(collection, pipeline)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(row);
        }
        Ok(all)
    }

    /// The answer to a pipeline over a collection, row after row.
    ///
    /// # Errors
    /// The database's own.
    pub fn rows(&self, collection: &str, pipeline: &[Value]) -> Result<Rows, StoreError> {
        let collection = self.collection(collection);
        let stages: Vec<Document> = pipeline
            .iter()
            .filter_map(|stage| stage.as_object().map(json::document))
            .collect();
        let cursor = self.block_for(None, async move {
            let answer = collection.aggregate(stages);
            answer.batch_size(BATCH).allow_disk_use(true).await
        })?;
        Ok(Rows(Documents::new(self, cursor)))
    }

    /// Comments that have answers, the most answered first: how many, the post, the comment.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn answered(
        &self,
        records: &Records,
    ) -> Result<Vec<(u64, PostId, PostId)>, StoreError> {
        let (_, these) = self.documents(records);
        let pipeline = [
            json!({ "$match": { "$and": [
                json::json(&these.into()),
                { "parent": { "$exists": false }, "counts.replies": { "$gt": 0 } },
            ] } }),
            json!({ "$project": { "post": 1, "replies": "$counts.replies" } }),
        ];
        let mut rows = self.rows(self.collection_of(records), &pipeline)?;
        let mut answered = Vec::new();
        let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
        while let Some(row) = rows.next()? {
            if let (Some(replies), Some(post), Some(comment)) =
                (row["replies"].as_u64(), id(&row["post"]), id(&row["_id"]))
            {
                answered.push((replies, post, comment));
            }
        }
        answered.sort_unstable_by(|a, b| b.cmp(a));
        Ok(answered)
    }

    /// Space that documents and indexes take, as `(name, bytes)`, where the server tells.
    ///
    /// # Errors
    /// The database's own.
    pub fn sizes(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let answer = self.command(doc! { "collStats": &self.place().collections.posts })?;
        let mut sizes = Vec::new();
        for name in ["size", "storageSize", "totalIndexSize"] {
            let bytes = integer(answer.get(name)).unwrap_or_default();
            sizes.push((name.to_owned(), u64::try_from(bytes).unwrap_or_default()));
        }
        Ok(sizes)
    }
}

impl Documents {
    fn new(database: &Database, cursor: Cursor<Document>) -> Self {
        Self {
            database: database.clone(),
            cursor: Some(cursor),
            waiting: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Document>, StoreError> {
        if self.waiting.is_empty()
            && let Some(mut cursor) = self.cursor.take()
        {
            let (cursor, mut batch) = self.database.block_for(None, async move {
                let mut batch = Vec::new();
                let mut bytes = 0;
                while batch.len() < BATCH as usize && bytes < BYTES {
                    if !cursor.advance().await? {
                        return Ok((None, batch));
                    }
                    let raw = cursor.current();
                    bytes += raw.as_bytes().len();
                    batch.push(cursor.deserialize_current()?);
                }
                Ok((Some(cursor), batch))
            })?;
            batch.reverse();
            (self.cursor, self.waiting) = (cursor, batch);
        }
        Ok(self.waiting.pop())
    }
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// The database's own.
    pub fn next(&mut self) -> Result<Option<Value>, StoreError> {
        let next = self.0.next()?;
        Ok(next.map(|row| Value::Object(json::object(&row))))
    }
}

impl PostLines {
    /// The next document.
    pub(super) fn next_document(&mut self) -> Result<Option<Document>, StoreError> {
        self.0.next()
    }

    /// The next line.
    ///
    /// # Errors
    /// The database's own; a document that holds no record.
    pub fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Some(next) = self.next_document()? else {
            return Ok(None);
        };
        match document::line(&next) {
            Some(line) => Ok(Some(line)),
            None => {
                let id = next
                    .get("_id")
                    .map_or_else(String::new, ToString::to_string);
                let what = format!("the document {id} has no record");
                Err(self.0.database.damaged(what))
            }
        }
    }
}

/// Everything that a cursor gives.
pub(super) async fn all(mut cursor: Cursor<Document>) -> mongodb::error::Result<Vec<Document>> {
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}
