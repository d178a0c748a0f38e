//! Is every document what its record says, and is everything there that was stored.

use mongodb::bson::{Bson, Document};

use super::document::{OPTIONAL, PostDocument};
use super::writer::integer;
use super::{Database, document};
use crate::model::Hashtag;
use crate::store::StoreError;

/// What [`Database::verify`] found about one hashtag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseReport {
    /// Posts read.
    pub posts: u64,
    /// Runs entered.
    pub runs: u64,
    /// What is wrong, a sentence each.
    pub findings: Vec<String>,
}

impl Database {
    /// Derives every post of a hashtag anew from its record and compares.
    ///
    /// # Errors
    /// The database's own.
    pub fn verify(&self, tag: &Hashtag) -> Result<DatabaseReport, StoreError> {
        let mut report = DatabaseReport::default();
        let mut lines = self.lines(tag)?;
        while let Some(document) = lines.next_document()? {
            report.posts += 1;
            report.findings.extend(wrong(&document));
        }
        let runs = self.runs(tag)?;
        report.runs = runs.len() as u64;
        let stored = runs
            .iter()
            .filter_map(|run| integer(run.get("posts")))
            .max();
        let stored = u64::try_from(stored.unwrap_or(0)).unwrap_or(0);
        // A run that stored posts which a refresh removed counted them.
        if stored > report.posts && stored > report.posts + self.removed(tag)? {
            report.findings.push(format!(
                "{stored} posts were stored, {} are there",
                report.posts
            ));
        }
        Ok(report)
    }
}

/// What is wrong with a document.
fn wrong(found: &Document) -> Option<String> {
    let id = match found.get("_id") {
        Some(Bson::String(id)) => id.clone(),
        Some(other) => return Some(format!("the document {other}: its _id is no post id")),
        None => return Some("a document without _id".into()),
    };
    let Some(line) = document::line(found) else {
        return Some(format!("post {id}: its record is missing"));
    };
    let expected = match PostDocument::of(&line) {
        Ok(expected) => expected,
        Err(why) => return Some(format!("post {id}: its record is no post: {why}")),
    };
    if expected.id.to_string() != id {
        return Some(format!("post {id}: its record is of post {}", expected.id));
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
    (!names.is_empty())
        .then(|| format!("post {id}: not what its record says: {}", names.join(", ")))
}
