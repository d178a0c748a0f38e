//! A record as it stands in a store: raw fields and, where we wrote it, its envelope.

use jiff::Timestamp;

use super::{Unreadable, read, recognise};
use crate::json::Fields;
use crate::model::{Origin, Post};

/// A stored post and what is known of how it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<'a> {
    /// The post.
    pub post: Post<'a>,
    /// How it came; `None` in trees of other tools.
    pub origin: Option<Origin>,
    /// When it was fetched, if known.
    pub fetched: Option<Timestamp>,
}

impl<'a> Stored<'a> {
    /// Reads a record's line: by the format that its envelope names, else by the format that its fields show.
    ///
    /// # Errors
    /// [`Unreadable::Json`] if the text is no JSON object; other reasons why it is no post.
    pub fn read(line: &'a str) -> Result<Self, Unreadable> {
        let fields = Fields::parse(line).map_err(|error| Unreadable::Json(error.to_string()))?;
        let envelope = fields.object("_cotag");
        let named = envelope.text("format").and_then(|name| name.parse().ok());
        let format = named
            .or_else(|| recognise(&fields))
            .ok_or(Unreadable::Unknown)?;
        Ok(Self {
            post: read(format, &fields)?,
            origin: envelope.text("origin").and_then(|name| name.parse().ok()),
            fetched: envelope.text("fetched").and_then(|text| text.parse().ok()),
        })
    }
}
