//! Posts of a hashtag that lie in a database: counted there, or read one after the other.

use std::cell::OnceCell;
use std::path::Path;

use serde_json::{Value, json};

use super::about::PostComments;
use super::input::Folded;
use crate::analysis::{Pipeline, Question, Sample};
use crate::cli::Global;
use crate::error::Error;
use crate::model::Hashtag;
use crate::record::Stored;
use crate::store::mongo::Database;
use crate::store::place::Place;
use crate::store::{Fold, Records, Windows};

/// Where a command looks hashtags up; a database is connected to when the first is looked up, since
/// files of posts need none.
pub(super) struct Shelf<'g> {
    global: &'g Global,
    place: OnceCell<Place>,
    database: OnceCell<Database>,
}

impl<'g> Shelf<'g> {
    pub(super) fn new(global: &'g Global) -> Self {
        Self {
            global,
            place: OnceCell::new(),
            database: OnceCell::new(),
        }
    }

    /// The data directory; `None` where the posts are in a database.
    ///
    /// # Errors
    /// The store's name is malformed.
    pub(super) fn directory(&self) -> Result<Option<&Path>, Error> {
        match self.place()? {
            Place::Directory(path) => Ok(Some(path)),
            Place::Database(_) => Ok(None),
        }
    }

    /// The place.
    ///
    /// # Errors
    /// The store's name is malformed.
    pub(super) fn place(&self) -> Result<&Place, Error> {
        if self.place.get().is_none() {
            let (place, _) = crate::settings::store(self.global)?;
            // Nobody else sets it.
            let _ = self.place.set(place);
        }
        self.place
            .get()
            .ok_or_else(|| Error::failed("no store", "this is a fault of cotag"))
    }

    /// The database.
    ///
    /// # Errors
    /// It is not to be reached, or the store is none.
    pub(super) fn database(&self) -> Result<Database, Error> {
        if let Some(database) = self.database.get() {
            return Ok(database.clone());
        }
        let Place::Database(place) = self.place()? else {
            return Err(Error::failed(
                "the store is no database",
                "this is a fault of cotag",
            ));
        };
        let database = Database::open(place)?;
        let _ = self.database.set(database.clone());
        Ok(database)
    }

    /// A hashtag in the database.
    ///
    /// # Errors
    /// As [`Shelf::database`]; no post of the hashtag is stored.
    pub(super) fn stored(&self, tag: &Hashtag) -> Result<DatabaseTag, Error> {
        let database = self.database()?;
        database.find(tag)?;
        Ok(DatabaseTag {
            database,
            tag: tag.clone(),
        })
    }

    /// A hashtag's windows in the database.
    ///
    /// # Errors
    /// As [`Shelf::database`].
    pub(super) fn windows(&self, tag: &Hashtag) -> Result<Windows, Error> {
        Ok(Windows::of(&self.database()?, tag, None)?)
    }
}

/// A hashtag's posts in a database.
#[derive(Debug)]
pub(super) struct DatabaseTag {
    pub(super) database: Database,
    pub(super) tag: Hashtag,
}

impl PartialEq for DatabaseTag {
    fn eq(&self, other: &Self) -> bool {
        // A command has one database.
        self.tag == other.tag
    }
}

impl Eq for DatabaseTag {}

impl DatabaseTag {
    /// Hands every post to one state.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn fold<S: Send>(&self, fold: &Fold<'_, S>) -> Result<Folded<S>, Error> {
        let mut state = (fold.new)();
        let mut left_out = Sample::default();
        let mut lines = self.database.lines(&self.tag)?;
        while let Some(line) = lines.next()? {
            left_out.rows += 1;
            match Stored::read(&line) {
                Ok(stored) => (fold.add)(&mut state, &stored.post, stored.origin),
                Err(_) => left_out.unreadable += 1,
            }
        }
        Ok(Folded {
            states: vec![state],
            left_out,
            damage: Vec::new(),
            notes: Vec::new(),
        })
    }

    /// Every post with the number of its comments.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn comment_counts(&self) -> Result<Vec<PostComments>, Error> {
        let pipeline = [
            json!({ "$match": { "collected_for": self.tag.as_str() } }),
            json!({ "$project": { "comments": "$counts.comments" } }),
        ];
        let mut rows = self.database.rows(self.collection(), &pipeline)?;
        let mut posts = Vec::new();
        while let Some(row) = rows.next()? {
            let id = row["_id"].as_str().and_then(|id| id.parse().ok());
            posts.extend(id.map(|id| PostComments {
                id,
                comments: row["comments"].as_u64(),
            }));
        }
        Ok(posts)
    }

    /// The authors, those with the most posts first.
    ///
    /// # Errors
    /// The database's own.
    pub(super) fn authors(&self, top: Option<usize>) -> Result<Vec<String>, Error> {
        let mut pipeline = vec![
            json!({ "$match": { "collected_for": self.tag.as_str(), "author": { "$exists": true } } }),
            json!({ "$group": { "_id": "$author", "posts": { "$sum": 1 } } }),
            json!({ "$sort": { "posts": -1, "_id": 1 } }),
        ];
        match top {
            Some(0) => return Ok(Vec::new()),
            Some(top) => pipeline.push(json!({ "$limit": top.min(i32::MAX as usize) })),
            None => {}
        }
        let rows = self.database.aggregate(self.collection(), &pipeline)?;
        let authors = rows.iter().filter_map(|row| row["_id"].as_str());
        Ok(authors.map(str::to_owned).collect())
    }

    fn collection(&self) -> &str {
        self.database
            .collection_of(&Records::Posts(self.tag.clone()))
    }

    /// Asks the question about posts, or comments under them; the second value is a note if the posts changed while it was answered.
    ///
    /// # Errors
    /// The database's own; an answer that is none.
    pub(super) fn rank(
        &self,
        question: &Question,
        records: &Records,
    ) -> Result<(crate::analysis::FrequencyTable, Option<String>), Error> {
        let collection = self.database.collection_of(records);
        let answered = question
            .answer(&mut |Pipeline { stages, .. }| self.database.aggregate(collection, stages))?
            .ok_or_else(|| {
                Error::failed(
                    format!(
                        "`{}` gave an answer that was not asked for",
                        self.database.place()
                    ),
                    "is it MongoDB 5.0 or later? `cotag copy` to a directory counts without it",
                )
            })?;
        let note = (!answered.agrees).then(|| {
            format!(
                "{}: the database was written to while it counted: run it again for figures of one moment",
                records.name()
            )
        });
        Ok((answered.table, note))
    }
}

/// The question as text: what is asked of which collection.
pub(super) fn explained(question: &Question, collection: &str) -> String {
    let mut all = serde_json::Map::new();
    for Pipeline { name, stages } in question.explained() {
        let command = json!({ "aggregate": collection, "pipeline": stages, "cursor": {}, "allowDiskUse": true });
        all.insert(name.into(), command);
    }
    let text = serde_json::to_string_pretty(&Value::Object(all)).unwrap_or_default();
    text + "\n"
}
