//! Is every document what its record says, and is everything there that was stored.

use mongodb::bson::{Bson, Document};

use super::document::{OPTIONAL, RecordDocument};
use super::writer::integer;
use super::{Database, document};
use crate::store::{Records, StoreError};

/// What [`Database::verify`] found about the records of one hashtag or user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseReport {
    /// Records read.
    pub posts: u64,
    /// Runs entered.
    pub runs: u64,
    /// What is wrong, a sentence each.
    pub findings: Vec<String>,
}

impl Database {
    /// Derives every document anew from its record and compares.
    ///
    /// # Errors
    /// The database's own.
    pub fn verify(&self, records: &Records) -> Result<DatabaseReport, StoreError> {
        let mut report = DatabaseReport::default();
        let mut lines = self.lines_of(records)?;
        while let Some(document) = lines.next_document()? {
            report.posts += 1;
            report.findings.extend(wrong(records, &document));
        }
        let runs = self.runs(records)?;
        report.runs = runs.len() as u64;
        let stored = runs
            .iter()
            .filter_map(|run| integer(run.get("posts")))
            .max();
        let stored = u64::try_from(stored.unwrap_or(0)).unwrap_or(0);
        // A run that stored posts which a refresh removed counted them.
        if stored > report.posts && stored > report.posts + self.removed_of(records)? {
            report.findings.push(format!(
                "of {stored} stored {}s {} are there",
                records.kind().noun(),
                report.posts
            ));
        }
        Ok(report)
    }
}

/// What is wrong with a document.
fn wrong(records: &Records, found: &Document) -> Option<String> {
    let noun = records.kind().noun();
    let Some(id) = found.get("_id") else {
        return Some("a document without _id".into());
    };
    let is_id = matches!(records, Records::List(..)) || id.as_str().is_some();
    let name = match id {
        Bson::String(id) => id.clone(),
        Bson::Document(id) => id.get_str("id").unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    if !is_id {
        return Some(format!("the document {id}: its _id is no {noun} id"));
    }
    let Some(line) = document::line(found) else {
        return Some(format!("{noun} {name}: its record is missing"));
    };
    let expected = match RecordDocument::of(records, &line) {
        Ok(expected) => expected,
        Err(why) => return Some(format!("{noun} {name}: its record is no {noun}: {why}")),
    };
    if expected.id != *id {
        return Some(format!("{noun} {name}: its record is of {}", expected.name));
    }
    let mut fields = found.clone();
    fields.remove("_id");
    fields.remove("collected_for");
    let names: Vec<&str> = expected
        .fields
        .iter()
        .filter(|(name, value)| fields.get(name.as_str()) != Some(*value))
        .map(|(name, _)| name.as_str())
        .chain(
            fields
                .keys()
                .map(String::as_str)
                .filter(|name| OPTIONAL.contains(name) && !expected.fields.contains_key(*name)),
        )
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{noun} {name}: not what its record says: {}",
            names.join(", ")
        )
    })
}
