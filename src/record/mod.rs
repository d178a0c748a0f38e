//! What one raw record says: which format it has, and the post that it describes.
//!
//! Pure: text in, [`Post`] out. Files, containers and networks are `source`'s business.

mod envelope;

pub use envelope::Envelope;

use crate::json::Fields;
use crate::model::{Format, Post};

/// Why a record is no post.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Not valid JSON, or no object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// No id, and no page link to take it from.
    #[error("no post id")]
    NoId,
    /// The id cannot be trusted.
    #[error("{0}")]
    Id(#[from] crate::model::InvalidPostId),
}

/// The format of a record, from its fields alone; `None` where it is no post of a known format.
pub fn recognise(_fields: &Fields<'_>) -> Option<Format> {
    None
}

/// The post that a record of a known format describes.
pub fn read<'a>(_format: Format, _fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    Err(Unreadable::NoId)
}
