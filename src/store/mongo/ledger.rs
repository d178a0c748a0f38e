//! The ledgers of what was asked for as collections: one document per window or list, its last
//! state, and who works on it.

use std::marker::PhantomData;

use mongodb::bson::{Bson, Document, doc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lease::Taken;
use super::read::all;
use super::{Database, Leases, error, json};
use crate::model::Hashtag;
use crate::store::{AskedLine, Claim, Records, StoreError, Trouble, WindowLine};

/// A line of a ledger, and so a document of its collection.
pub trait LedgerLine: Serialize + DeserializeOwned {
    /// For people.
    const NOUN: &'static str;
    /// Fields that it may lack, which an older state of it may have.
    const OPTIONAL: &'static [&'static str];

    /// What tells it from the others of its ledger.
    fn id(&self) -> Document;

    /// What nobody else may work on meanwhile, where that is more than the line itself.
    fn overlapping(&self) -> Option<Document>;
}

impl LedgerLine for WindowLine {
    const NOUN: &'static str = "window";
    const OPTIONAL: &'static [&'static str] = &[
        "search_id",
        "cursor",
        "until",
        "end_date",
        "min_id",
        "log_id",
    ];

    fn id(&self) -> Document {
        doc! {
            "query": &self.query,
            "from": self.from.to_string(),
            "to": self.to.to_string(),
            "part": self.part.clone().map_or(Bson::Null, Bson::from),
        }
    }

    fn overlapping(&self) -> Option<Document> {
        let mut query = doc! {
            "query": &self.query,
            "from": { "$lte": self.to.to_string() },
            "to": { "$gte": self.from.to_string() },
        };
        if let Some(part) = &self.part {
            // The parts of a day may be asked for side by side.
            query.insert("part", doc! { "$in": [part, Bson::Null] });
        }
        Some(query)
    }
}

impl LedgerLine for AskedLine {
    const NOUN: &'static str = "list";
    const OPTIONAL: &'static [&'static str] = &["comment", "expected", "cursor", "log_id"];

    fn id(&self) -> Document {
        let comment = self.comment.clone().map_or(Bson::Null, Bson::from);
        doc! { "of": &self.of, "comment": comment }
    }

    fn overlapping(&self) -> Option<Document> {
        None
    }
}

/// One ledger: the part of a collection that is about a hashtag or a user.
#[derive(Debug)]
pub struct Ledger<L> {
    database: Database,
    collection: String,
    /// What all its documents have.
    scope: Document,
    /// Whose name stands on what is worked on; `None` where it is only read.
    leases: Option<Leases>,
    lines: PhantomData<fn() -> L>,
}

impl Ledger<WindowLine> {
    /// The windows of a hashtag's queries.
    pub(in crate::store) fn windows(
        database: &Database,
        tag: &Hashtag,
        leases: Option<Leases>,
    ) -> Self {
        let collection = &database.place().collections.windows;
        Self::new(database, collection, doc! { "tag": tag.as_str() }, leases)
    }
}

impl Ledger<AskedLine> {
    /// The lists about some comments, or of a user.
    pub(in crate::store) fn asked(
        database: &Database,
        records: &Records,
        leases: Option<Leases>,
    ) -> Self {
        let scope = match records {
            Records::List(user, _) => doc! { "user": user.as_str() },
            Records::Posts(tag) | Records::Comments(Some(tag)) => {
                doc! { "comments_of": tag.as_str() }
            }
            Records::Comments(None) => doc! { "comments_of": "" },
        };
        let collection = &database.place().collections.asked;
        Self::new(database, collection, scope, leases)
    }
}

impl<L: LedgerLine> Ledger<L> {
    fn new(database: &Database, collection: &str, scope: Document, leases: Option<Leases>) -> Self {
        Self {
            database: database.clone(),
            collection: collection.to_owned(),
            scope,
            leases,
            lines: PhantomData,
        }
    }

    /// All lines, and how many documents are none.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn read(&self) -> Result<(Vec<L>, u64), StoreError> {
        let collection = self.database.collection(&self.collection);
        let scope = self.scope.clone();
        let found =
            self.database.block_for(
                None,
                async move { all(collection.find(scope).await?).await },
            )?;
        let lines: Vec<L> = found.iter().filter_map(line).collect();
        let unreadable = (found.len() - lines.len()) as u64;
        Ok((lines, unreadable))
    }

    /// Asks to work on what a line is about; where the ledger was opened to be read only, nobody
    /// keeps it from us.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn claim(&self, wish: &L) -> Result<Claim<L>, StoreError> {
        let Some(leases) = &self.leases else {
            return Ok(Claim::Ours(None));
        };
        let id = self.id(wish);
        let overlapping = wish.overlapping().map(|query| with(&self.scope, query));
        Ok(match leases.claim(&id, overlapping)? {
            Taken::Ours(now) => Claim::Ours(now.as_ref().and_then(line).map(Box::new)),
            Taken::Theirs(holder) => Claim::Theirs(holder),
        })
    }

    /// Gives it back.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn release(&self, of: &L) -> Result<(), StoreError> {
        match &self.leases {
            Some(leases) => leases.release(self.id(of)),
            None => Ok(()),
        }
    }

    /// Enters lines that are new; what another collector has entered stays as it is.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn begin(&self, lines: &[L]) -> Result<(), StoreError> {
        let updates = lines
            .iter()
            .map(|line| {
                let fields = self.fields(line)?;
                Ok(doc! { "q": { "_id": self.id(line) }, "u": { "$setOnInsert": fields }, "upsert": true })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.send(&updates)
    }

    /// Writes the state of what lines are about.
    ///
    /// # Errors
    /// The database's own; another collector has taken it over.
    pub(in crate::store) fn put(&self, lines: &[L]) -> Result<(), StoreError> {
        let owner = self
            .leases
            .as_ref()
            .map_or(Bson::Null, |leases| leases.owner().into());
        let updates = lines
            .iter()
            .map(|line| {
                let fields = self.fields(line)?;
                let gone: Document = L::OPTIONAL
                    .iter()
                    .filter(|name| !fields.contains_key(name))
                    .map(|name| ((*name).to_owned(), Bson::from("")))
                    .collect();
                let mut update = doc! { "$set": fields };
                if !gone.is_empty() {
                    update.insert("$unset", gone);
                }
                let ours = doc! { "$in": [owner.clone(), Bson::Null] };
                Ok(doc! {
                    "q": { "_id": self.id(line), "lease.owner": ours },
                    "u": update,
                    "upsert": true,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.send(&updates)
    }

    fn send(&self, updates: &[Document]) -> Result<(), StoreError> {
        for updates in updates.chunks(super::writer::BATCH) {
            let answer = self.database.update(&self.collection, updates.to_vec())?;
            let errors = answer
                .get_array("writeErrors")
                .map_or(&[][..], Vec::as_slice);
            let Some(first) = errors.first().and_then(Bson::as_document) else {
                continue;
            };
            let noun = L::NOUN;
            let what = match first.get_i32("code") {
                Ok(11_000) => format!(
                    "another collector has taken a {noun} over, since this one was silent for too long"
                ),
                _ => format!(
                    "a {noun}: {}",
                    first.get_str("errmsg").unwrap_or("no reason given")
                ),
            };
            return Err(error::made(self.database.place(), Trouble::Lost, what));
        }
        Ok(())
    }

    /// A document's identity.
    fn id(&self, line: &L) -> Document {
        with(&self.scope, line.id())
    }

    fn fields(&self, line: &L) -> Result<Document, StoreError> {
        let value = serde_json::to_value(line).map_err(std::io::Error::from)?;
        let fields = value.as_object().map(json::document).unwrap_or_default();
        Ok(with(&fields, self.scope.clone()))
    }
}

/// Both documents in one, the first first.
fn with(first: &Document, second: Document) -> Document {
    let mut all = first.clone();
    all.extend(second);
    all
}

/// A document's line; `None` if it is none.
fn line<L: LedgerLine>(document: &Document) -> Option<L> {
    let mut map = json::object(document);
    for name in ["_id", "lease"] {
        map.remove(name);
    }
    serde_json::from_value(serde_json::Value::Object(map)).ok()
}
