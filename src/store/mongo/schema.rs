//! The schema's version and the indexes that the queries need.

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};

use super::{Database, error};
use crate::store::{StoreError, Trouble};

/// Version of the schema that this program writes.
const VERSION: i64 = 1;
/// `_id` of the document with the version.
const ID: &str = "cotag";
/// What this version can bring older schemas up from. None was ever released before this one.
const MIGRATIONS: [i64; 0] = [];

/// Whether the database's schema is one that we know; one without any is new.
pub(super) fn check(database: &Database) -> Result<bool, StoreError> {
    let meta = database.collection(&database.place().collections.meta);
    let found = database.block(async move { meta.find_one(doc! { "_id": ID }).await })?;
    let Some(found) = found else {
        return Ok(false);
    };
    let version = match found.get("schema") {
        Some(version) => version.as_i64().or_else(|| version.as_i32().map(i64::from)),
        None => None,
    };
    let what = match version {
        Some(VERSION) => return Ok(true),
        Some(version) if version > VERSION => format!(
            "was written by a later version of cotag (schema {version}; this one knows {VERSION})"
        ),
        Some(version) if MIGRATIONS.contains(&version) => return Ok(true),
        Some(version) => format!(
            "has schema {version}, which is older than {VERSION}, and there is no migration from it"
        ),
        None => "its schema version cannot be read".to_owned(),
    };
    Err(error::made(database.place(), Trouble::Schema, what))
}

/// Enters the version into a new database, and makes indexes that are missing.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let names = &database.place().collections;
    if !check(database)? {
        must_be_ours(database, &names.posts)?;
        let enter = doc! {
            "q": { "_id": ID },
            "u": { "$setOnInsert": { "schema": VERSION, "version": env!("CARGO_PKG_VERSION") } },
            "upsert": true,
        };
        database.update(&names.meta, vec![enter])?;
    }
    make_indexes(
        database,
        [
            // Posts of a hashtag, in the order of their days; `posts`, `copy` and all filters by day.
            (
                &names.posts,
                doc! { "collected_for": 1, "created": 1, "_id": 1 },
            ),
            (&names.runs, doc! { "hashtag": 1, "started": 1 }),
            (&names.windows, doc! { "tag": 1, "query": 1, "from": 1 }),
            (&names.rejected, doc! { "tag": 1 }),
            (&names.history, doc! { "id": 1 }),
            (&names.missing, doc! { "collected_for": 1 }),
            (&names.tombstones, doc! { "collected_for": 1 }),
        ],
    )
}

/// The same for the collections of comments and users, of which many databases need none.
pub(super) fn prepare_lists(database: &Database) -> Result<(), StoreError> {
    let names = &database.place().collections;
    let meta = database.collection(&names.meta);
    let known = doc! { "_id": ID, "lists": true };
    let known = database.block(async move { meta.find_one(known).await })?;
    if known.is_none() {
        must_be_ours(database, &names.comments)?;
        must_be_ours(database, &names.users)?;
        let enter = doc! { "q": { "_id": ID }, "u": { "$set": { "lists": true } } };
        database.update(&names.meta, vec![enter])?;
    }
    make_indexes(
        database,
        [
            // Comments under a hashtag's posts, in the order of their days.
            (
                &names.comments,
                doc! { "collected_for": 1, "created": 1, "_id": 1 },
            ),
            // For people: what stands under a post.
            (&names.comments, doc! { "post": 1 }),
            (&names.users, doc! { "user": 1, "list": 1, "_id": 1 }),
            (&names.asked, doc! { "comments_of": 1 }),
            (&names.asked, doc! { "user": 1 }),
        ],
    )
}

fn must_be_ours(database: &Database, name: &str) -> Result<(), StoreError> {
    let collection = database.collection(name);
    let foreign = doc! { "raw": { "$exists": false } };
    let found: Option<Document> =
        database.block(async move { collection.find_one(foreign).await })?;
    if found.is_none() {
        return Ok(());
    }
    let what =
        format!("its collection `{name}` holds another tool's documents, which are left alone");
    Err(error::made(database.place(), Trouble::Foreign, what))
}

fn make_indexes<const N: usize>(
    database: &Database,
    indexes: [(&String, Document); N],
) -> Result<(), StoreError> {
    for (collection, keys) in indexes {
        let collection = database.collection(collection);
        let index = IndexModel::builder().keys(keys).build();
        database.block(async move { collection.create_index(index).await })?;
    }
    Ok(())
}
