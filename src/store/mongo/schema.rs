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
        let posts = database.posts();
        let foreign = doc! { "raw": { "$exists": false } };
        let found: Option<Document> =
            database.block(async move { posts.find_one(foreign).await })?;
        if found.is_some() {
            let what = format!(
                "its collection `{}` holds another tool's documents, which are left alone",
                names.posts
            );
            return Err(error::made(database.place(), Trouble::Foreign, what));
        }
        let enter = doc! {
            "q": { "_id": ID },
            "u": { "$setOnInsert": { "schema": VERSION, "version": env!("CARGO_PKG_VERSION") } },
            "upsert": true,
        };
        database.update(&names.meta, vec![enter])?;
    }
    for (collection, keys) in [
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
    ] {
        let collection = database.collection(collection);
        let index = IndexModel::builder().keys(keys).build();
        database.block(async move { collection.create_index(index).await })?;
    }
    Ok(())
}
