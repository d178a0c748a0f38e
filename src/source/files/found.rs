//! What reading a file hands out, and how it says where something stood.

use std::any::Any;
use std::fmt;

use jiff::Timestamp;

use crate::json::redact_shown;
use crate::model::{Origin, Post};

/// How many characters of a rejected record are shown.
const EXCERPT: usize = 200;
/// How many bytes are looked at for that: more, so that a secret is blanked before it is cut in two.
pub(super) const LOOKED_AT: usize = 20 * EXCERPT;

/// One finding of a file.
#[expect(
    clippy::large_enum_variant,
    reason = "handed out one at a time, never kept"
)]
#[derive(Debug)]
pub enum Found<'a> {
    /// A post.
    Post {
        /// What the record says.
        post: Post<'a>,
        /// The record: one line, a valid JSON object, secrets blanked. Envelopes of tools
        /// (Zeeschuimer, 4CAT, our own store) are not part of it.
        raw: &'a str,
        /// When the tool got the post from TikTok, if it says so.
        fetched: Option<Timestamp>,
        /// How it first came, if it was taken from a store of ours.
        origin: Option<Origin>,
        /// Where in the file it stood.
        place: Place,
    },
    /// What was made of a post, where that was asked for and another thread has read it; elsewhere it is
    /// a [`Found::Post`].
    Made {
        /// What was made of this post and of others.
        made: &'a mut dyn Any,
        /// How many posts it had taken in before this one.
        number: usize,
    },
    /// A record that could not be read.
    Rejected(Rejected),
}

/// A record that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where in the file it stood.
    pub place: Place,
    /// Why, in a person's words.
    pub reason: String,
    /// The start of the record, at most 200 characters, secrets blanked.
    pub excerpt: String,
}

impl Rejected {
    pub(super) fn new(place: Place, reason: impl Into<String>, record: &[u8]) -> Self {
        Self {
            place,
            reason: reason.into(),
            excerpt: excerpt(record),
        }
    }
}

/// The start of some text of a file, fit to be shown: secrets blanked, no control characters.
pub(super) fn excerpt(text: &[u8]) -> String {
    let start = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]);
    let shown: String = redact_shown(&start).chars().take(EXCERPT).collect();
    shown.replace(char::is_control, " ").trim().to_owned()
}

/// Where in a file a record stood, as a person would look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    unit: Unit,
    number: u64,
    byte: Option<u64>,
    item: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Line,
    Row,
    Record,
    Entry,
    Byte,
}

impl Place {
    /// A line of a text, counted from 1.
    pub fn line(number: u64) -> Self {
        Self::of(Unit::Line, number)
    }

    /// A row of a table as a spreadsheet counts: the header is row 1.
    pub fn row(number: u64) -> Self {
        Self::of(Unit::Row, number)
    }

    /// A record in a list, counted from 1, and the bytes before it.
    pub fn record(number: u64, byte: u64) -> Self {
        Self {
            byte: Some(byte),
            ..Self::of(Unit::Record, number)
        }
    }

    /// An entry of a HAR file, counted from 1.
    pub fn entry(number: u64) -> Self {
        Self::of(Unit::Entry, number)
    }

    /// A place known only by the bytes before it.
    pub fn byte(number: u64) -> Self {
        Self::of(Unit::Byte, number)
    }

    /// An item inside this place, counted from 1.
    #[must_use]
    pub fn item(self, number: u64) -> Self {
        Self {
            item: Some(number),
            ..self
        }
    }

    fn of(unit: Unit, number: u64) -> Self {
        Self {
            unit,
            number,
            byte: None,
            item: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Line => "line",
            Unit::Row => "row",
            Unit::Record => "record",
            Unit::Entry => "entry",
            Unit::Byte => "byte",
        };
        write!(formatter, "{unit} {}", self.number)?;
        if let Some(byte) = self.byte {
            write!(formatter, " at byte {byte}")?;
        }
        match self.item {
            Some(item) => write!(formatter, ", item {item}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_they_are_looked_up() {
        for (place, text) in [
            (Place::line(17), "line 17"),
            (Place::row(3), "row 3"),
            (Place::record(12, 345), "record 12 at byte 345"),
            (Place::entry(4).item(2), "entry 4, item 2"),
        ] {
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn excerpts_are_short_and_hold_no_secrets() {
        let text = format!("{{\"u\":\"https://a/?msToken={}&t=1\n\"", "é".repeat(500));
        assert_eq!(
            excerpt(text.as_bytes()),
            "{\"u\":\"https://a/?msToken=&t=1 \""
        );
        assert_eq!(excerpt("ü".repeat(900).as_bytes()).chars().count(), 200);
    }
}
