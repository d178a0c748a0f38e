//! The video query language: which posts a query finds, and which queries are none.

use serde_json::{Map, Value};

use super::corpus::Entry;
use super::regions;
use super::rules::{Refusal, day};
use crate::model::Hashtag;

/// Most values of `IN`: the documentation gives no number, and clients have met one.
const MOST_VALUES: usize = 100;

/// A query: lists of conditions that hold all, at least one, and none.
#[derive(Debug, Default)]
pub(super) struct Query {
    and: Vec<Condition>,
    or: Vec<Condition>,
    not: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    field: Field,
    operation: Operation,
    values: Values,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    HashtagName,
    Keyword,
    Username,
    RegionCode,
    VideoId,
    MusicId,
    EffectId,
    CreateDate,
    VideoLength,
    ViewCount,
    CommentCount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Eq,
    In,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// What a field is compared with, in the form that compares.
#[derive(Debug)]
enum Values {
    Texts(Vec<String>),
    Numbers(Vec<u64>),
}

impl Query {
    /// Reads the `query` of a request.
    ///
    /// # Errors
    /// `invalid_params` with what is wrong.
    pub(super) fn parse(query: &Value) -> Result<Self, Refusal> {
        let lists = object(query, "query")?;
        let mut read = Self::default();
        for (name, conditions) in lists {
            let list = match name.as_str() {
                "and" => &mut read.and,
                "or" => &mut read.or,
                "not" => &mut read.not,
                _ => {
                    return Err(Refusal::params(format!(
                        "query: unknown list `{name}`, known are and, or, not; lists are not nested"
                    )));
                }
            };
            let conditions = conditions
                .as_array()
                .ok_or_else(|| Refusal::params(format!("query.{name} must be a list")))?;
            for (at, condition) in conditions.iter().enumerate() {
                list.push(Condition::parse(condition, &format!("query.{name}[{at}]"))?);
            }
        }
        if read.and.is_empty() && read.or.is_empty() && read.not.is_empty() {
            return Err(Refusal::params(
                "query: at least one of and, or, not must hold a condition",
            ));
        }
        Ok(read)
    }

    /// Whether the query finds a post, apart from its date.
    pub(super) fn finds(&self, entry: &Entry) -> bool {
        self.and.iter().all(|condition| condition.holds(entry))
            && (self.or.is_empty() || self.or.iter().any(|condition| condition.holds(entry)))
            && !self.not.iter().any(|condition| condition.holds(entry))
    }
}

impl Condition {
    fn parse(condition: &Value, place: &str) -> Result<Self, Refusal> {
        let keys = object(condition, place)?;
        let known = ["field_name", "operation", "field_values"];
        if let Some(key) = keys.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(Refusal::params(format!(
                "{place}: unknown key `{key}`; conditions have field_name, operation, field_values and are not nested"
            )));
        }
        let text = |key: &str| {
            keys.get(key)
                .and_then(Value::as_str)
                .ok_or_else(|| Refusal::params(format!("{place}.{key} must be a string")))
        };
        let field = Field::parse(text("field_name")?, place)?;
        let operation = Operation::parse(text("operation")?, place)?;
        let values: Vec<&str> = keys
            .get("field_values")
            .and_then(Value::as_array)
            .and_then(|values| values.iter().map(Value::as_str).collect())
            .ok_or_else(|| {
                Refusal::params(format!(
                    "{place}.field_values must be a list of strings, also for ids and counts"
                ))
            })?;
        if values.is_empty() {
            return Err(Refusal::params(format!("{place}.field_values is empty")));
        }
        if values.len() > MOST_VALUES {
            return Err(Refusal::params(format!(
                "{place}.field_values has {} values, more than {MOST_VALUES}",
                values.len()
            )));
        }
        if operation != Operation::In && values.len() > 1 {
            return Err(Refusal::params(format!(
                "{place}: {operation:?} takes exactly one value; several go with IN"
            )));
        }
        if !matches!(operation, Operation::Eq | Operation::In) && !field.is_ordered() {
            return Err(Refusal::params(format!(
                "{place}: {field:?} is compared with EQ and IN only"
            )));
        }
        Ok(Self {
            field,
            operation,
            values: field.values(&values, place)?,
        })
    }

    fn holds(&self, entry: &Entry) -> bool {
        match &self.values {
            Values::Numbers(numbers) => self.field.number(entry).is_some_and(|is| {
                numbers
                    .iter()
                    .any(|&wanted| self.operation.holds(is, wanted))
            }),
            Values::Texts(texts) => texts.iter().any(|text| self.field.has(entry, text)),
        }
    }
}

impl Operation {
    fn parse(name: &str, place: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "EQ" => Self::Eq,
            "IN" => Self::In,
            "GT" => Self::Gt,
            "GTE" => Self::Gte,
            "LT" => Self::Lt,
            "LTE" => Self::Lte,
            _ => {
                return Err(Refusal::params(format!(
                    "{place}: unknown operation `{name}`, known are EQ, IN, GT, GTE, LT, LTE"
                )));
            }
        })
    }

    fn holds(self, is: u64, wanted: u64) -> bool {
        match self {
            Self::Eq | Self::In => is == wanted,
            Self::Gt => is > wanted,
            Self::Gte => is >= wanted,
            Self::Lt => is < wanted,
            Self::Lte => is <= wanted,
        }
    }
}

impl Field {
    const NAMES: [(&'static str, Self); 11] = [
        ("hashtag_name", Self::HashtagName),
        ("keyword", Self::Keyword),
        ("username", Self::Username),
        ("region_code", Self::RegionCode),
        ("video_id", Self::VideoId),
        ("music_id", Self::MusicId),
        ("effect_id", Self::EffectId),
        ("create_date", Self::CreateDate),
        ("video_length", Self::VideoLength),
        ("view_count", Self::ViewCount),
        ("comment_count", Self::CommentCount),
    ];

    fn parse(name: &str, place: &str) -> Result<Self, Refusal> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, field)| *field).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            Refusal::params(format!(
                "{place}: unknown field_name `{name}`, known are {}",
                names.join(", ")
            ))
        })
    }

    /// Whether greater and smaller mean something.
    fn is_ordered(self) -> bool {
        matches!(
            self,
            Self::CreateDate | Self::ViewCount | Self::CommentCount
        )
    }

    fn values(self, values: &[&str], place: &str) -> Result<Values, Refusal> {
        let wrong =
            |value: &str, what: &str| Refusal::params(format!("{place}: `{value}` is {what}"));
        let texts = |fold: &dyn Fn(&str) -> Result<String, Refusal>| {
            let folded: Result<_, _> = values.iter().map(|value| fold(value)).collect();
            folded.map(Values::Texts)
        };
        let numbers = |read: &dyn Fn(&str) -> Result<u64, Refusal>| {
            let read: Result<_, _> = values.iter().map(|value| read(value)).collect();
            read.map(Values::Numbers)
        };
        match self {
            // A number sign is no part of a hashtag's name, so such a name finds nothing.
            Self::HashtagName => texts(&|value| {
                let tag = Hashtag::new(value).filter(|_| !value.starts_with('#'));
                Ok(tag.map_or_else(|| value.to_owned(), |tag| tag.as_str().to_owned()))
            }),
            Self::Keyword | Self::Username => texts(&|value| Ok(value.to_lowercase())),
            Self::RegionCode => texts(&|value| {
                regions::is_known(value)
                    .then(|| value.to_owned())
                    .ok_or_else(|| wrong(value, "no region code that the API knows"))
            }),
            Self::VideoLength => texts(&|value| {
                ["SHORT", "MID", "LONG", "EXTRA_LONG"]
                    .contains(&value)
                    .then(|| value.to_owned())
                    .ok_or_else(|| wrong(value, "none of SHORT, MID, LONG, EXTRA_LONG"))
            }),
            Self::CreateDate => numbers(&|value| {
                day(value)
                    .map(|_| value.parse().unwrap_or_default())
                    .ok_or_else(|| wrong(value, "no date YYYYMMDD"))
            }),
            Self::EffectId
            | Self::VideoId
            | Self::MusicId
            | Self::ViewCount
            | Self::CommentCount => {
                numbers(&|value| value.parse().map_err(|_| wrong(value, "no whole number")))
            }
        }
    }

    /// A post's number in this field; `None` where it has none.
    fn number(self, entry: &Entry) -> Option<u64> {
        let record = |key: &str| entry.record.get(key).and_then(Value::as_u64);
        match self {
            Self::VideoId => Some(entry.id),
            Self::MusicId => record("music_id"),
            Self::ViewCount => record("view_count"),
            Self::CommentCount => record("comment_count"),
            Self::EffectId => {
                let effects = entry.record.get("effect_ids")?.as_array()?;
                effects.first()?.as_str()?.parse().ok()
            }
            Self::CreateDate => {
                let at = jiff::Timestamp::from_second(entry.created).ok()?;
                at.strftime("%Y%m%d").to_string().parse().ok()
            }
            _ => None,
        }
    }

    /// Whether a post has this text in this field.
    fn has(self, entry: &Entry, text: &str) -> bool {
        let record = |key: &str| entry.record.get(key).and_then(Value::as_str);
        match self {
            Self::HashtagName => entry.hashtags.iter().any(|tag| tag.as_str() == text),
            Self::Keyword => entry.caption.contains(text),
            Self::Username => record("username") == Some(text),
            Self::RegionCode => record("region_code") == Some(text),
            Self::VideoLength => {
                let seconds = entry.record.get("video_duration").and_then(Value::as_u64);
                seconds.map(length) == Some(text)
            }
            _ => false,
        }
    }
}

/// The class of a duration in seconds.
fn length(seconds: u64) -> &'static str {
    match seconds {
        0..15 => "SHORT",
        15..=60 => "MID",
        61..=300 => "LONG",
        _ => "EXTRA_LONG",
    }
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| Refusal::params(format!("{place} must be an object")))
}
