//! The coverage ledger as a collection: one document per window, its last state.

use mongodb::bson::{Bson, Document, doc};

use super::read::all;
use super::{Database, Leases, error, json};
use crate::model::Hashtag;
use crate::store::{Claim, StoreError, Trouble, WindowLine};

/// The windows of a hashtag's queries.
#[derive(Debug)]
pub struct WindowsCollection {
    database: Database,
    tag: Hashtag,
    /// Whose name stands on windows that are worked on; `None` where they are only read.
    leases: Option<Leases>,
}

impl WindowsCollection {
    pub(in crate::store) fn new(
        database: &Database,
        tag: &Hashtag,
        leases: Option<Leases>,
    ) -> Self {
        Self {
            database: database.clone(),
            tag: tag.clone(),
            leases,
        }
    }

    /// All windows, and how many documents are none.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn read(&self) -> Result<(Vec<WindowLine>, u64), StoreError> {
        let collection = self
            .database
            .collection(&self.database.place().collections.windows);
        let of_tag = doc! { "tag": self.tag.as_str() };
        let found = self
            .database
            .block(async move { all(collection.find(of_tag).await?).await })?;
        let mut lines: Vec<WindowLine> = Vec::new();
        let mut unreadable = 0;
        for document in found {
            match line(&document) {
                Some(line) => lines.push(line),
                None => unreadable += 1,
            }
        }
        lines.sort_by(|a, b| {
            (&a.query, a.from, a.to, &a.part).cmp(&(&b.query, b.from, b.to, &b.part))
        });
        Ok((lines, unreadable))
    }

    /// Asks to work on a window; where it was opened to be read only, nobody keeps it from us.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn claim(&self, window: &WindowLine) -> Result<Claim, StoreError> {
        match &self.leases {
            Some(leases) => leases.claim(self, window),
            None => Ok(Claim::Ours(None)),
        }
    }

    /// Gives a window back.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn release(&self, window: &WindowLine) -> Result<(), StoreError> {
        match &self.leases {
            Some(leases) => leases.release(self, window),
            None => Ok(()),
        }
    }

    /// Enters windows that are new; those that another collector has entered stay as they are.
    ///
    /// # Errors
    /// The database's own.
    pub(in crate::store) fn begin(&self, lines: &[WindowLine]) -> Result<(), StoreError> {
        let updates = lines
            .iter()
            .map(|line| {
                let fields = self.fields(line)?;
                Ok(doc! { "q": { "_id": self.id(line) }, "u": { "$setOnInsert": fields }, "upsert": true })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.send(updates)
    }

    /// Writes the state of windows.
    ///
    /// # Errors
    /// The database's own; another collector has taken a window over.
    pub(in crate::store) fn put(&self, lines: &[WindowLine]) -> Result<(), StoreError> {
        let owner = self
            .leases
            .as_ref()
            .map_or(Bson::Null, |leases| leases.owner().into());
        let updates = lines
            .iter()
            .map(|line| {
                let fields = self.fields(line)?;
                let mut update = doc! { "$set": fields };
                let gone = gone(line);
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
        self.send(updates)
    }

    fn send(&self, updates: Vec<Document>) -> Result<(), StoreError> {
        if updates.is_empty() {
            return Ok(());
        }
        let name = &self.database.place().collections.windows;
        let answer = self.database.update(name, updates)?;
        let errors = answer
            .get_array("writeErrors")
            .map_or(&[][..], Vec::as_slice);
        let Some(first) = errors.first().and_then(Bson::as_document) else {
            return Ok(());
        };
        let what = match first.get_i32("code") {
            Ok(11_000) => {
                "another collector has taken a window over, since this one was silent for too long"
                    .to_owned()
            }
            _ => format!(
                "a window: {}",
                first.get_str("errmsg").unwrap_or("no reason given")
            ),
        };
        Err(error::made(self.database.place(), Trouble::Lost, what))
    }

    /// A window's identity.
    pub(super) fn id(&self, line: &WindowLine) -> Document {
        doc! {
            "tag": self.tag.as_str(),
            "query": &line.query,
            "from": line.from.to_string(),
            "to": line.to.to_string(),
            "part": line.part.clone().map_or(Bson::Null, Bson::from),
        }
    }

    fn fields(&self, line: &WindowLine) -> Result<Document, StoreError> {
        let value = serde_json::to_value(line).map_err(std::io::Error::from)?;
        let mut fields = value.as_object().map(json::document).unwrap_or_default();
        fields.insert("tag", self.tag.as_str());
        Ok(fields)
    }
}

/// A window's line; `None` if the document is none.
pub(super) fn line(document: &Document) -> Option<WindowLine> {
    let mut map = json::object(document);
    for name in ["_id", "tag", "lease"] {
        map.remove(name);
    }
    serde_json::from_value(serde_json::Value::Object(map)).ok()
}

/// Fields that a line lacks, which an older state of it may have.
fn gone(line: &WindowLine) -> Document {
    [
        ("search_id", line.search_id.is_none()),
        ("cursor", line.cursor.is_none()),
        ("until", line.until.is_none()),
        ("end_date", line.end_date.is_none()),
        ("min_id", line.min_id.is_none()),
        ("log_id", line.log_id.is_none()),
    ]
    .into_iter()
    .filter(|(_, gone)| *gone)
    .map(|(name, _)| (name.to_owned(), Bson::from("")))
    .collect()
}
