//! A stored record as a document, and back: everything beside `raw` and the provenance is derived
//! from them, so that a better reader can derive it anew and `verify` can compare.
//!
//! `raw` is text, not a nested document: bytes, number spellings, the order of keys and names with
//! `$` or `.` survive.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mongodb::bson::{Bson, DateTime, Decimal128, Document, doc};

use crate::model::{Created, Hashtag, Origin, Post, caption_tags, spelling};
use crate::record::{Envelope, Stored, StoredComment, Unreadable};
use crate::store::{Kind, Records};

/// The largest document that MongoDB takes, in bytes.
pub(super) const LARGEST: usize = 16 << 20;

/// Room kept for `collected_for`, which grows while the rest of the document does not.
const ROOM: usize = 64 << 10;

/// Fields that a record may lack. One that a newer fetch lacks is removed with the older one.
pub(super) const OPTIONAL: [&str; 15] = [
    "author",
    "created",
    "dated",
    "counts",
    "region",
    "lang",
    "lower",
    "origin",
    "fetched",
    "fetched_ns",
    "run",
    "synthetic",
    "post",
    "parent",
    "username",
];

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordDocument {
    pub(super) id: Bson,
    /// For people: `post 7189…`.
    pub(super) name: String,
    pub(super) synthetic: bool,
    pub(super) fetched: Option<Timestamp>,
    /// All fields but `_id` and `collected_for`.
    pub(super) fields: Document,
}

impl RecordDocument {
    /// Derives the document of a record's line, as it would stand in `data.json`.
    ///
    /// # Errors
    /// The line is no such record.
    pub(super) fn of(records: &Records, line: &str) -> Result<Self, Unreadable> {
        let kind = records.kind();
        let (raw, envelope) = Envelope::open(line);
        let (id, mut fields) = match records {
            Records::Posts(_) => {
                let Stored { post, .. } = Stored::read(line)?;
                (post.id.to_string(), derived(&post))
            }
            Records::Comments(_) => {
                let comment = StoredComment::read(line)?;
                (comment.id.to_string(), of_comment(&comment))
            }
            Records::List(user, list) => (
                kind.identity(line)?,
                doc! { "user": user.as_str(), "list": *list },
            ),
        };
        let name = format!("{} {id}", kind.noun());
        let id = match records {
            Records::List(user, list) => {
                match kind {
                    Kind::Accounts => fields.insert("username", &id),
                    Kind::Profiles => fields.insert("username", user.as_str()),
                    Kind::Posts | Kind::Comments => fields.insert("post", &id),
                };
                Bson::from(doc! { "user": user.as_str(), "list": *list, "id": id })
            }
            _ => Bson::from(id),
        };
        if let Some(envelope) = &envelope {
            if !matches!(records, Records::Posts(_)) {
                fields.insert("format", envelope.format.name());
            }
            fields.insert("origin", envelope.origin.name());
            fields.insert("run", envelope.run.clone());
            if let Some(fetched) = envelope.fetched {
                fields.insert("fetched", date(fetched));
                let rest = fetched.as_nanosecond().rem_euclid(1_000_000);
                if rest != 0 {
                    // A date has milliseconds; with the rest the record's line comes back exactly.
                    fields.insert("fetched_ns", i32::try_from(rest).unwrap_or(0));
                }
            }
        }
        let origin = envelope.as_ref().map(|envelope| envelope.origin);
        let synthetic = origin == Some(Origin::Synthetic);
        if synthetic {
            fields.insert("synthetic", true);
        }
        fields.insert("raw", raw);
        Ok(Self {
            id,
            name,
            synthetic,
            fetched: envelope.and_then(|envelope| envelope.fetched),
            fields,
        })
    }

    /// The document's size, and whether it is more than MongoDB takes.
    pub(super) fn size(&self) -> (usize, bool) {
        let size = self.fields.to_vec().map_or(usize::MAX, |bytes| bytes.len());
        (size, size > LARGEST - ROOM)
    }

    /// What replaces every field of a stored document.
    pub(super) fn replacing(&self) -> Document {
        let absent = OPTIONAL
            .iter()
            .filter(|name| !self.fields.contains_key(**name));
        let absent: Document = absent
            .map(|name| ((*name).to_owned(), Bson::from("")))
            .collect();
        let mut update = doc! { "$set": self.fields.clone() };
        if !absent.is_empty() {
            update.insert("$unset", absent);
        }
        update
    }
}

/// The line of a stored document, as it would stand in `data.json`; `None` if it has no `raw`.
pub(super) fn line(document: &Document) -> Option<String> {
    let raw = document.get_str("raw").ok()?;
    let envelope = (|| {
        Some(Envelope {
            origin: document.get_str("origin").ok()?.parse().ok()?,
            format: document.get_str("format").ok()?.parse().ok()?,
            fetched: fetched(document),
            run: document.get_str("run").ok()?.to_owned(),
        })
    })();
    Some(envelope.map_or_else(|| raw.to_owned(), |envelope| envelope.seal(raw)))
}

pub(super) fn fetched(document: &Document) -> Option<Timestamp> {
    let millis = document.get_datetime("fetched").ok()?.timestamp_millis();
    let rest = document.get_i32("fetched_ns").unwrap_or(0);
    let nanos = i128::from(millis) * 1_000_000 + i128::from(rest);
    Timestamp::from_nanosecond(nanos).ok()
}

/// What is asked of posts, out of the record.
fn derived(post: &Post<'_>) -> Document {
    let listed = named(post.listed_tags.iter().map(AsRef::as_ref));
    let captioned = named(
        post.caption
            .as_deref()
            .map(caption_tags)
            .into_iter()
            .flatten(),
    );
    // As everywhere: the source's list where it has one that is not empty, else the caption.
    let tags = if listed.is_empty() {
        &captioned
    } else {
        &listed
    };
    let tags: Vec<Bson> = tags
        .iter()
        .filter_map(|name| name.get("tag").cloned())
        .collect();
    let mut fields = doc! { "format": post.format.name(), "tags": tags };
    if let Some(created) = post.created {
        fields.insert("created", date(created.at()));
        if matches!(created, Created::FromId(_)) {
            fields.insert("dated", "id");
        }
    }
    let mut lower = Document::new();
    for (name, value) in [
        ("author", &post.author),
        ("region", &post.region),
        ("lang", &post.language),
    ] {
        if let Some(value) = value {
            fields.insert(name, value.as_ref());
            lower.insert(name, value.to_ascii_lowercase());
        }
    }
    if !lower.is_empty() {
        fields.insert("lower", lower);
    }
    let mut counts = Document::new();
    for (name, value) in [
        ("views", post.counts.views),
        ("likes", post.counts.likes),
        ("comments", post.counts.comments),
        ("shares", post.counts.shares),
        ("saves", post.counts.saves),
    ] {
        if let Some(value) = value {
            counts.insert(name, count(value));
        }
    }
    if !counts.is_empty() {
        fields.insert("counts", counts);
    }
    fields.insert("listed", listed);
    fields.insert("captioned", captioned);
    fields
}

/// What is asked of comments: the hashtags in their text, as those of a caption.
fn of_comment(comment: &StoredComment<'_>) -> Document {
    let mut fields = derived(&comment.as_post());
    fields.remove("counts");
    let mut counts = Document::new();
    for (name, value) in [("likes", comment.likes), ("replies", comment.replies)] {
        if let Some(value) = value {
            counts.insert(name, count(value));
        }
    }
    if !counts.is_empty() {
        fields.insert("counts", counts);
    }
    for (name, id) in [("post", comment.video), ("parent", comment.parent)] {
        if let Some(id) = id {
            fields.insert(name, id.to_string());
        }
    }
    fields
}

/// Each hashtag once, with its first spelling where that is not the hashtag itself. A spelling of
/// which nothing is left stays as an empty document: it tells that there was a list.
fn named<'s>(spellings: impl Iterator<Item = &'s str>) -> Vec<Document> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for text in spellings {
        let Some(tag) = Hashtag::new(text) else {
            if names.is_empty() {
                names.push(Document::new());
            }
            continue;
        };
        let spelled = spelling(text);
        let mut name = doc! { "tag": tag.as_str() };
        if spelled != tag.as_str() {
            name.insert("as", spelled);
        }
        if seen.insert(tag) {
            names.push(name);
        }
    }
    names
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(
        at.as_nanosecond()
            .div_euclid(1_000_000)
            .try_into()
            .unwrap_or(0),
    )
}

/// A count; what no 64-bit integer of a database holds becomes a decimal.
fn count(value: u64) -> Bson {
    match i64::try_from(value) {
        Ok(value) => Bson::Int64(value),
        Err(_) => value
            .to_string()
            .parse::<Decimal128>()
            .map_or(Bson::Int64(i64::MAX), Bson::Decimal128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = r##"{"id":"7189254512345678901","desc":"#B é #c","createTime":1673884800,"author":{"uniqueId":"Ann"},"stats":{"playCount":18446744073709551615,"diggCount":7},"x.y":1.50e1,"$z":"$a","textExtra":[{"hashtagName":"London"},{"hashtagName":"#"},{"hashtagName":"LONDON"},{"hashtagName":"fyp"}]}"##;

    fn sealed(fetched: &str) -> String {
        Envelope {
            origin: Origin::Import,
            format: crate::model::Format::Web,
            fetched: fetched.parse().ok(),
            run: "20261121T201500.123456Z".into(),
        }
        .seal(RAW)
    }

    fn post(line: &str) -> Result<RecordDocument, Unreadable> {
        RecordDocument::of(&Records::Posts(Hashtag::new("london").unwrap()), line)
    }

    #[test]
    fn comments_and_accounts_come_back_byte_for_byte_too() {
        let anna = Hashtag::new("anna").unwrap();
        let sealed = |raw: &str| {
            Envelope {
                origin: Origin::Research,
                format: crate::model::Format::Research,
                fetched: "2026-11-21T20:15:00.5Z".parse().ok(),
                run: "r".into(),
            }
            .seal(raw)
        };
        let comment = r##"{"id":7516170000000000999,"video_id":7516160338215837051,"parent_comment_id":7516170000000000123,"text":"#Cute #cute é","create_time":1750000000,"like_count":3}"##;
        let account = r#"{"display_name":"B","username":"bee"}"#;
        let followers = Records::List(anna, "followers");
        for (records, raw, id) in [
            (
                Records::Comments(None),
                comment,
                Bson::from("7516170000000000999"),
            ),
            (
                followers,
                account,
                doc! { "user": "anna", "list": "followers", "id": "bee" }.into(),
            ),
        ] {
            let document = RecordDocument::of(&records, &sealed(raw)).unwrap();
            assert_eq!(super::line(&document.fields), Some(sealed(raw)));
            assert_eq!(document.id, id);
        }
        let fields = RecordDocument::of(&Records::Comments(None), comment)
            .unwrap()
            .fields;
        assert_eq!(fields.get_str("post").unwrap(), "7516160338215837051");
        assert_eq!(fields.get_str("parent").unwrap(), "7516170000000000123");
        assert_eq!(fields.get_array("tags").unwrap(), &[Bson::from("cute")]);
        let counts = fields.get_document("counts").unwrap();
        assert_eq!(counts, &doc! { "likes": 3_i64 });
    }

    #[test]
    fn lines_come_back_byte_for_byte() {
        for line in [
            sealed("2026-11-21T20:15:00Z"),
            sealed("2026-11-21T20:15:00.123456789Z"),
            sealed("1969-11-21T20:15:00.000000001Z"),
            sealed("never"),
            RAW.to_owned(),
        ] {
            let document = post(&line).unwrap();
            assert_eq!(super::line(&document.fields).as_ref(), Some(&line));
            assert_eq!(document.fields.get_str("raw").unwrap(), RAW);
        }
    }

    #[test]
    fn what_is_asked_stands_beside_the_record() {
        let post = post(&sealed("2026-11-21T20:15:00Z")).unwrap();
        let fields = &post.fields;
        assert_eq!(
            fields.get_array("tags").unwrap(),
            &["london".into(), "fyp".into()]
        );
        assert_eq!(
            fields.get_array("listed").unwrap(),
            &[
                Bson::from(doc! {"tag": "london", "as": "London"}),
                Bson::from(doc! {"tag": "fyp"})
            ]
        );
        assert_eq!(fields.get_array("captioned").unwrap().len(), 2);
        assert_eq!(
            fields.get_document("lower").unwrap(),
            &doc! {"author": "ann"}
        );
        let counts = fields.get_document("counts").unwrap();
        assert_eq!(counts.get_i64("likes").unwrap(), 7);
        let views = counts.get("views").unwrap().to_string();
        assert_eq!(views, "18446744073709551615");
        assert!(
            !counts.contains_key("shares"),
            "a missing count is not zero"
        );
        assert!(
            post.replacing()
                .get_document("$unset")
                .unwrap()
                .contains_key("region")
        );
    }
}
