//! What travels with a stored record: where it came from and when it was fetched.
//!
//! It is the record's last field, `"_cotag":{…}`, so that every JSON reader sees the source's own
//! fields where they were, and cutting it off gives the raw record back byte for byte.

use jiff::Timestamp;

use crate::json::Fields;
use crate::model::{Format, Origin};

const KEY: &str = ",\"_cotag\":{";

/// Provenance of one stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// How it came into the store.
    pub origin: Origin,
    /// The shape of the raw record.
    pub format: Format,
    /// When the source was asked for it, where that is known.
    pub fetched: Option<Timestamp>,
    /// The run that stored it, as in `runs.jsonl`.
    pub run: String,
}

impl Envelope {
    /// The raw record (one line of JSON, an object with at least one field) with its envelope.
    pub fn seal(&self, raw: &str) -> String {
        let mut sealed = String::with_capacity(raw.len() + 128);
        let how = (self.origin, self.format, self.fetched);
        Self::seal_behind(raw, how, &self.run, &mut sealed);
        sealed
    }

    /// As [`Envelope::seal`], behind what stands in a text: of a record's origin and format, when it was
    /// fetched, and the run that stores it.
    pub fn seal_behind(
        raw: &str,
        (origin, format, fetched): (Origin, Format, Option<Timestamp>),
        run: &str,
        sealed: &mut String,
    ) {
        let fields = raw.trim_end().strip_suffix('}').unwrap_or(raw);
        sealed.push_str(fields);
        sealed.push_str(KEY);
        sealed.push_str("\"origin\":\"");
        sealed.push_str(origin.name());
        sealed.push_str("\",\"format\":\"");
        sealed.push_str(format.name());
        if let Some(fetched) = fetched {
            sealed.push_str("\",\"fetched\":\"");
            sealed.push_str(&fetched.to_string());
        }
        // Run ids are our own: digits, letters and a dash.
        sealed.push_str("\",\"run\":\"");
        sealed.push_str(run);
        sealed.push_str("\"}}");
    }

    /// Splits a stored line into the raw record's text up to its closing brace, and the envelope's text.
    ///
    /// `None` for a record that has no envelope (a v1 tree's).
    pub fn split(line: &str) -> Option<(&str, &str)> {
        let inside = line.trim_end().strip_suffix('}')?;
        let at = memchr::memmem::rfind(inside.as_bytes(), KEY.as_bytes())?;
        Some((&inside[..at], &inside[at + KEY.len() - 1..]))
    }

    /// Reads what [`Envelope::split`] cut off; `None` if it is not what we write.
    pub fn parse(text: &str) -> Option<Self> {
        let fields = Fields::parse(text).ok()?;
        Some(Self {
            origin: fields.text("origin")?.parse().ok()?,
            format: fields.text("format")?.parse().ok()?,
            fetched: fields.text("fetched").and_then(|text| text.parse().ok()),
            run: fields.text("run")?.into_owned(),
        })
    }

    /// The raw record exactly as it came, and its envelope.
    pub fn open(line: &str) -> (String, Option<Self>) {
        if let Some((raw, text)) = Self::split(line)
            && let Some(envelope) = Self::parse(text)
        {
            return (format!("{raw}}}"), Some(envelope));
        }
        (line.to_owned(), None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            origin: Origin::Import,
            format: Format::Web,
            fetched: Some("2026-11-21T20:15:00Z".parse().unwrap()),
            run: "20261121T201500Z-0".into(),
        }
    }

    #[test]
    fn a_sealed_record_is_valid_json_and_opens_to_the_same_bytes() {
        for raw in [
            r#"{"id":"1"}"#,
            r#"{"id": 1 }"#,
            r#"{"id":"1","_cotag":{"origin":"research"}}"#,
            r#"{"id":"1","desc":",\"_cotag\":{"}"#,
        ] {
            let sealed = envelope().seal(raw);
            let value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
            assert_eq!(value["_cotag"]["format"], "web");
            assert_eq!(
                Envelope::open(&sealed),
                (raw.to_owned(), Some(envelope())),
                "{raw}"
            );
        }
    }

    #[test]
    fn foreign_text_that_looks_like_an_envelope_is_left_alone() {
        for line in [
            r#"{"id":"1"}"#,
            r#"{"id":"1","_cotag":{"origin":"elsewhere"}}"#,
            r#"{"id":"1","_cotag":{"a":1},"b":2}"#,
        ] {
            assert_eq!(Envelope::open(line), (line.to_owned(), None));
        }
    }

    proptest! {
        #[test]
        fn opening_undoes_sealing(key in "[a-z_]{1,8}", text in any::<String>()) {
            let raw = serde_json::json!({ key: text }).to_string();
            prop_assert_eq!(Envelope::open(&envelope().seal(&raw)), (raw, Some(envelope())));
        }

        #[test]
        fn no_text_makes_it_panic(line in any::<String>()) {
            Envelope::open(&line);
        }
    }
}
