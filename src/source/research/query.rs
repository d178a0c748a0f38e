//! The API's query language: conditions that all, any or none must hold. Checked before it is sent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::is_region;
use crate::model::Hashtag;

/// Fields that can be asked for.
const FIELDS: [&str; 11] = [
    "create_date",
    "username",
    "region_code",
    "video_id",
    "hashtag_name",
    "keyword",
    "music_id",
    "effect_id",
    "video_length",
    "view_count",
    "comment_count",
];

/// Most values of one `IN`. TikTok documents no number; clients have met one below 100.
const MOST_VALUES: usize = 50;

const LENGTHS: [&str; 4] = ["SHORT", "MID", "LONG", "EXTRA_LONG"];

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// Equals.
    #[serde(alias = "eq")]
    Eq,
    /// Equals any.
    #[serde(alias = "in")]
    In,
    /// Greater.
    #[serde(alias = "gt")]
    Gt,
    /// Greater or equal.
    #[serde(alias = "gte")]
    Gte,
    /// Less.
    #[serde(alias = "lt")]
    Lt,
    /// Less or equal.
    #[serde(alias = "lte")]
    Lte,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// How.
    pub operation: Operation,
    /// What.
    pub field_name: String,
    /// With what; always texts, also for numbers.
    pub field_values: Vec<String>,
}

/// A query without its dates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All must hold.
    pub and: Vec<Condition>,
    /// One must hold.
    pub or: Vec<Condition>,
    /// None may hold.
    pub not: Vec<Condition>,
}

/// Why a query cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);

impl FromStr for Operation {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Ok(match text.trim().to_ascii_uppercase().as_str() {
            "EQ" => Self::Eq,
            "IN" => Self::In,
            "GT" => Self::Gt,
            "GTE" => Self::Gte,
            "LT" => Self::Lt,
            "LTE" => Self::Lte,
            _ => {
                return Err(QueryError(format!(
                    "`{text}` is no operation: EQ, IN, GT, GTE, LT or LTE"
                )));
            }
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eq => "EQ",
            Self::In => "IN",
            Self::Gt => "GT",
            Self::Gte => "GTE",
            Self::Lt => "LT",
            Self::Lte => "LTE",
        })
    }
}

impl Condition {
    /// A checked condition; values are cleaned as the API wants them (no `#`, no `@`, lower case).
    ///
    /// # Errors
    /// An unknown field, no value, two values where one is wanted, an unknown region or length.
    pub fn new(
        operation: Operation,
        field: &str,
        values: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, QueryError> {
        let field = field.trim();
        if !FIELDS.contains(&field) {
            return Err(QueryError(format!(
                "`{field}` is no field that can be asked for: {}",
                FIELDS.join(", ")
            )));
        }
        let mut cleaned = Vec::new();
        for value in values {
            let value = clean(field, value.as_ref())?;
            if !value.is_empty() && !cleaned.contains(&value) {
                cleaned.push(value);
            }
        }
        if cleaned.is_empty() {
            return Err(QueryError(format!("`{field}` is compared with nothing")));
        }
        if operation != Operation::In && cleaned.len() > 1 {
            return Err(QueryError(format!(
                "{operation} compares `{field}` with one value, not {}: use IN",
                cleaned.len()
            )));
        }
        Ok(Self {
            operation,
            field_name: field.to_owned(),
            field_values: cleaned,
        })
    }

    /// The same values in lists that the API takes.
    fn pieces(self) -> Vec<Self> {
        let piece = |values: &[String]| Self {
            operation: self.operation,
            field_name: self.field_name.clone(),
            field_values: values.to_vec(),
        };
        self.field_values.chunks(MOST_VALUES).map(piece).collect()
    }

    /// Whether a post meets it; `None` where that cannot be told from what we look at.
    fn holds(&self, author: Option<&str>, tags: &[Hashtag]) -> Option<bool> {
        if !matches!(self.operation, Operation::Eq | Operation::In) {
            return None;
        }
        match self.field_name.as_str() {
            "hashtag_name" => Some(
                self.field_values
                    .iter()
                    .filter_map(|value| Hashtag::new(value))
                    .any(|wanted| tags.contains(&wanted)),
            ),
            "username" => author.map(|author| {
                self.field_values
                    .iter()
                    .any(|wanted| wanted.eq_ignore_ascii_case(author))
            }),
            _ => None,
        }
    }
}

fn clean(field: &str, value: &str) -> Result<String, QueryError> {
    let value = value.trim();
    Ok(match field {
        "hashtag_name" => match Hashtag::new(value) {
            Some(tag) => tag.to_string(),
            None if value.is_empty() => String::new(),
            None => return Err(QueryError(format!("`{value}` is no hashtag"))),
        },
        "username" => value.trim_start_matches('@').to_lowercase(),
        "region_code" => {
            let code = value.to_ascii_uppercase();
            if !code.is_empty() && !is_region(&code) {
                return Err(QueryError(format!(
                    "`{value}` is no region that the API knows: two letters such as GB, FR, US"
                )));
            }
            code
        }
        "video_length" => {
            let length = value.to_ascii_uppercase();
            if !length.is_empty() && !LENGTHS.contains(&length.as_str()) {
                return Err(QueryError(format!(
                    "`{value}` is no video length: {}",
                    LENGTHS.join(", ")
                )));
            }
            length
        }
        "video_id" | "music_id" | "effect_id" | "view_count" | "comment_count" => {
            if !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(QueryError(format!(
                    "`{value}` is no whole number for `{field}`"
                )));
            }
            value.to_owned()
        }
        _ => value.to_owned(),
    })
}

impl Query {
    /// Posts that carry a hashtag.
    ///
    /// # Errors
    /// Never for a hashtag; the type is that of the conditions.
    pub fn hashtag(tag: &Hashtag) -> Result<Self, QueryError> {
        Ok(Self {
            and: vec![Condition::new(
                Operation::Eq,
                "hashtag_name",
                [tag.as_str()],
            )?],
            ..Self::default()
        })
    }

    /// Adds that a field must equal one of these values; nothing where there are none.
    ///
    /// # Errors
    /// See [`Condition::new`].
    pub fn and_any_of(&mut self, field: &str, values: &[String]) -> Result<(), QueryError> {
        if values.is_empty() {
            return Ok(());
        }
        let condition = Condition::new(Operation::In, field, values)?;
        self.and.push(condition);
        Ok(())
    }

    /// The same query with every condition checked and cleaned.
    ///
    /// # Errors
    /// See [`Condition::new`]; a query without any condition.
    pub fn checked(self) -> Result<Self, QueryError> {
        let clean = |list: Vec<Condition>| {
            list.into_iter()
                .map(|condition| {
                    Condition::new(
                        condition.operation,
                        &condition.field_name,
                        condition.field_values,
                    )
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let query = Self {
            and: clean(self.and)?,
            or: clean(self.or)?,
            not: clean(self.not)?,
        };
        if query.and.is_empty() && query.or.is_empty() && query.not.is_empty() {
            return Err(QueryError("the query has no condition".into()));
        }
        query.within_limits()
    }

    /// The same query with no list of values longer than the API takes. None of a long list is none
    /// of its pieces; any of it is any of its pieces, which is what `or` says where it is free.
    ///
    /// # Errors
    /// Two lists that are too long, or one where `or` has conditions of its own.
    pub fn within_limits(mut self) -> Result<Self, QueryError> {
        self.or = self.or.into_iter().flat_map(Condition::pieces).collect();
        self.not = self.not.into_iter().flat_map(Condition::pieces).collect();
        let is_long = |condition: &Condition| condition.field_values.len() > MOST_VALUES;
        let long: Vec<Condition> = self.and.extract_if(.., |one| is_long(one)).collect();
        let Some(first) = long.first() else {
            return Ok(self);
        };
        if long.len() > 1 || !self.or.is_empty() {
            return Err(QueryError(format!(
                "`{}` is compared with {} values: the API takes {MOST_VALUES} at once, and only one \
                 longer list beside no other alternatives can be cut; ask in several queries",
                first.field_name,
                first.field_values.len()
            )));
        }
        self.or = long.into_iter().flat_map(Condition::pieces).collect();
        Ok(self)
    }

    /// Whether all posts have the same value of a field, so that they cannot be divided by it.
    pub fn pins(&self, field: &str) -> bool {
        self.and
            .iter()
            .any(|condition| condition.field_name == field && condition.field_values.len() == 1)
    }

    /// Whether a post that the API returned is one that was asked for, as far as its hashtags and
    /// author tell: the API matches loosely.
    pub fn holds(&self, author: Option<&str>, tags: &[Hashtag]) -> bool {
        let all = self
            .and
            .iter()
            .all(|condition| condition.holds(author, tags) != Some(false));
        let any = self.or.is_empty()
            || self
                .or
                .iter()
                .any(|condition| condition.holds(author, tags) != Some(false));
        let none = self
            .not
            .iter()
            .all(|condition| condition.holds(author, tags) != Some(true));
        all && any && none
    }

    /// As the API wants it.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (name, list) in [("and", &self.and), ("or", &self.or), ("not", &self.not)] {
            if !list.is_empty() {
                object.insert(name.into(), json!(list));
            }
        }
        Value::Object(object)
    }

    /// Tells queries apart: 16 hexadecimal digits of the hash of its JSON.
    pub fn key(&self) -> String {
        use std::fmt::Write as _;
        let hash = Sha256::digest(self.to_json().to_string());
        hash[..8].iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(words: &[&str]) -> Vec<Hashtag> {
        words.iter().filter_map(|word| Hashtag::new(word)).collect()
    }

    #[test]
    fn a_hashtag_query_is_what_the_documentation_shows() {
        let mut query = Query::hashtag(&Hashtag::new("#London").unwrap()).unwrap();
        query
            .and_any_of("region_code", &["gb".into(), "FR".into(), "GB".into()])
            .unwrap();
        assert_eq!(
            query.to_json().to_string(),
            r#"{"and":[{"operation":"EQ","field_name":"hashtag_name","field_values":["london"]},{"operation":"IN","field_name":"region_code","field_values":["GB","FR"]}]}"#
        );
        assert_eq!(query.key().len(), 16);
    }

    #[test]
    fn what_the_api_would_reject_is_rejected_here() {
        for (operation, field, values, told) in [
            (Operation::Eq, "hashtag", vec!["a"], "no field"),
            (Operation::Eq, "hashtag_name", vec!["a", "b"], "use IN"),
            (Operation::In, "region_code", vec!["UK"], "no region"),
            (
                Operation::Eq,
                "video_length",
                vec!["TINY"],
                "no video length",
            ),
            (
                Operation::In,
                "username",
                vec!["", "@"],
                "compared with nothing",
            ),
            (Operation::Eq, "video_id", vec!["7.5e18"], "no whole number"),
            (Operation::Eq, "hashtag_name", vec!["##"], "no hashtag"),
        ] {
            let error = Condition::new(operation, field, values).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
        assert!(Query::default().checked().is_err());
    }

    #[test]
    fn long_lists_are_cut_without_another_meaning_or_refused() {
        let names: Vec<String> = (0..120).map(|n| format!("name{n}")).collect();
        let many = || Condition::new(Operation::In, "username", &names).unwrap();
        let lengths = |list: &[Condition]| -> Vec<usize> {
            list.iter().map(|one| one.field_values.len()).collect()
        };
        let mut query = Query::hashtag(&Hashtag::new("bees").unwrap()).unwrap();
        let bees = query.clone();
        query.and.push(many());
        query.not.push(many());
        let cut = query.clone().within_limits().unwrap();
        assert_eq!(cut.and, bees.and);
        assert_eq!(
            (lengths(&cut.or), lengths(&cut.not)),
            (vec![50, 50, 20], vec![50, 50, 20])
        );
        query.not.clear();
        let cut = query.clone().within_limits().unwrap();
        for author in ["name0", "name77", "name119", "another"] {
            let tags = tags(&["bees"]);
            assert_eq!(
                cut.holds(Some(author), &tags),
                query.holds(Some(author), &tags),
                "{author}"
            );
        }
        let two = Query {
            and: vec![many(), many()],
            ..Query::default()
        };
        let beside = Query {
            or: bees.and.clone(),
            ..query
        };
        for query in [two, beside] {
            let error = query.within_limits().unwrap_err().to_string();
            assert!(
                error.contains("`username` is compared with 120 values"),
                "{error}"
            );
        }
        assert_eq!(bees.clone().within_limits().unwrap(), bees);
    }

    #[test]
    fn posts_are_checked_again() {
        let mut query = Query::hashtag(&Hashtag::new("bees").unwrap()).unwrap();
        assert!(query.holds(None, &tags(&["BEES", "x"])));
        assert!(!query.holds(Some("anna"), &tags(&["beekeeping"])));
        query.and_any_of("username", &["@Anna".into()]).unwrap();
        assert!(query.holds(Some("anna"), &tags(&["bees"])));
        assert!(!query.holds(Some("ben"), &tags(&["bees"])));
        assert!(
            query.holds(None, &tags(&["bees"])),
            "what is not known is not held against it"
        );
        query
            .not
            .push(Condition::new(Operation::Eq, "hashtag_name", ["ad"]).unwrap());
        assert!(!query.holds(None, &tags(&["bees", "ad"])));
        query
            .or
            .push(Condition::new(Operation::Eq, "keyword", ["honey"]).unwrap());
        assert!(query.holds(None, &tags(&["bees"])));
    }
}
