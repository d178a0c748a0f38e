//! Reading: which hashtags there are, their posts one after the other, answers to pipelines.

use mongodb::Cursor;
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value;

use super::writer::integer;
use super::{Database, document, json};
use crate::model::Hashtag;
use crate::store::StoreError;

/// Posts fetched at once.
const BATCH: u32 = 1000;
/// Bytes of them, at which fewer are fetched at once.
const BYTES: usize = 16 << 20;

/// The stored lines of a hashtag's posts, one after the other.
#[derive(Debug)]
pub struct PostLines {
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
        let found = self.block(async move { runs.distinct("hashtag", doc! {}).await })?;
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
        let posts = self.posts();
        let of_tag = doc! { "collected_for": tag.as_str() };
        self.block_for(None, async move { posts.count_documents(of_tag).await })
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

    /// The runs of a hashtag, the first one first.
    pub(in crate::store) fn runs(&self, tag: &Hashtag) -> Result<Vec<Document>, StoreError> {
        let runs = self.collection(&self.place().collections.runs);
        let of_tag = doc! { "hashtag": tag.as_str() };
        self.block(async move { all(runs.find(of_tag).sort(doc! { "started": 1 }).await?).await })
    }

    /// The posts of a hashtag as lines of `data.json`, in the order of their days.
    ///
    /// # Errors
    /// The database's own.
    pub fn lines(&self, tag: &Hashtag) -> Result<PostLines, StoreError> {
        let posts = self.posts();
        let of_tag = doc! { "collected_for": tag.as_str() };
        let cursor = self.block_for(None, async move {
            posts
                .find(of_tag)
                .sort(doc! { "created": 1, "_id": 1 })
                .batch_size(BATCH)
                .allow_disk_use(true)
                .await
        })?;
        Ok(PostLines {
            database: self.clone(),
            cursor: Some(cursor),
            waiting: Vec::new(),
        })
    }

    /// The answer to a pipeline over the posts.
    ///
    /// # Errors
    /// The database's own.
    pub fn aggregate(&self, pipeline: &[Value]) -> Result<Vec<Value>, StoreError> {
        let posts = self.posts();
        let stages: Vec<Document> = pipeline
            .iter()
            .filter_map(|stage| stage.as_object().map(json::document))
            .collect();
        let found = self.block_for(None, async move {
            all(posts.aggregate(stages).allow_disk_use(true).await?).await
        })?;
        let rows = found
            .iter()
            .map(|row| json::json(&Bson::Document(row.clone())));
        Ok(rows.collect())
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

impl PostLines {
    /// The next document.
    pub(super) fn next_document(&mut self) -> Result<Option<Document>, StoreError> {
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
                Err(self.database.damaged(what))
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
