//! The documented rules of a video query, and how the API says no.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use serde_json::Value;

use super::corpus::day_start;
use super::faults::Fault;
use super::query::Query;

/// Every field that can be asked for.
pub(super) const FIELDS: [&str; 23] = [
    "id",
    "create_time",
    "username",
    "region_code",
    "video_description",
    "music_id",
    "like_count",
    "comment_count",
    "share_count",
    "view_count",
    "favorites_count",
    "effect_ids",
    "hashtag_names",
    "hashtag_info_list",
    "sticker_info_list",
    "effect_info_list",
    "video_mention_list",
    "video_label",
    "video_tag",
    "playlist_id",
    "voice_to_text",
    "is_stem_verified",
    "video_duration",
];

/// Most days between the first and the last.
const MOST_DAYS: i64 = 30;

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// `error.code`.
    pub(super) code: &'static str,
    /// `error.message`.
    pub(super) message: String,
    /// What goes wrong on purpose.
    pub(super) fault: Option<Fault>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fault: None,
        }
    }

    /// The same, on purpose.
    pub(super) fn by(self, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..self
        }
    }

    /// The request itself is wrong.
    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_params", message)
    }

    /// The id of a search is unknown, of another query, or no longer (or not yet) good.
    pub(super) fn search_id(id: &str) -> Self {
        Self::params(format!("Search Id {id} is invalid or expired"))
    }

    /// The cursor is none that this search gave.
    pub(super) fn cursor() -> Self {
        Self::params("Invalid count or cursor")
    }
}

/// A video query as asked for, found to keep the rules.
#[derive(Debug)]
pub(super) struct Asked {
    /// Fields of every row.
    pub(super) fields: Vec<String>,
    /// The query, understood.
    pub(super) query: Query,
    /// First and last day (UTC).
    pub(super) days: RangeInclusive<Date>,
    /// Rows wanted, 1 to 100.
    pub(super) max_count: u64,
    /// Position to go on from.
    pub(super) cursor: u64,
    /// The search to go on with.
    pub(super) search_id: Option<String>,
    /// A random sample instead of a search.
    pub(super) is_random: bool,
    /// What must stay the same from page to page.
    pub(super) same: Value,
}

impl Asked {
    /// Reads a request's `fields` and body.
    ///
    /// # Errors
    /// `invalid_params` with what is wrong.
    pub(super) fn parse(fields: Option<&str>, body: &[u8]) -> Result<Self, Refusal> {
        let fields = requested(fields, &FIELDS)?;
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::params(format!("the body is no JSON: {error}")))?;
        let keys = body
            .as_object()
            .ok_or_else(|| Refusal::params("the body must be a JSON object"))?;
        let known = [
            "query",
            "start_date",
            "end_date",
            "max_count",
            "cursor",
            "search_id",
            "is_random",
        ];
        if let Some(key) = keys.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(Refusal::params(format!(
                "unknown key `{key}` in the body, known are {}",
                known.join(", ")
            )));
        }
        let given = |key: &str| keys.get(key).filter(|value| !value.is_null());
        let whole = |key: &str, default: u64| match given(key) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| Refusal::params(format!("{key} must be a whole number"))),
        };
        let query = given("query").ok_or_else(|| Refusal::params("query is missing"))?;
        let parsed = Query::parse(query)?;
        let days = days(given("start_date"), given("end_date"))?;
        let max_count = whole("max_count", 20)?;
        if !(1..=100).contains(&max_count) {
            return Err(Refusal::params(format!(
                "max_count is {max_count}, it must be 1 to 100"
            )));
        }
        let search_id = match given("search_id") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Refusal::params("search_id must be a string")),
        };
        let is_random = match given("is_random") {
            None => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| Refusal::params("is_random must be true or false"))?,
        };
        Ok(Self {
            fields,
            query: parsed,
            same: serde_json::json!([query, days.start(), days.end()]),
            days,
            max_count,
            cursor: whole("cursor", 0)?,
            search_id,
            is_random,
        })
    }

    /// Days between the first and the last.
    pub(super) fn difference(&self) -> i64 {
        difference(&self.days)
    }
}

/// A day written `YYYYMMDD`.
pub(super) fn day(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (text.get(..4)?, text.get(4..6)?, text.get(6..)?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The fields asked for, each once, all of them known.
///
/// # Errors
/// There are none, or an unknown one.
pub(super) fn requested(fields: Option<&str>, known: &[&str]) -> Result<Vec<String>, Refusal> {
    let fields = fields.unwrap_or_default();
    if fields.trim().is_empty() {
        return Err(Refusal::params("fields is missing in the query string"));
    }
    let mut names: Vec<String> = Vec::new();
    for name in fields.split(',').map(str::trim) {
        if !known.contains(&name) {
            return Err(Refusal::params(format!(
                "unknown field `{name}` in fields, known are {}",
                known.join(",")
            )));
        }
        if !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn days(start: Option<&Value>, end: Option<&Value>) -> Result<RangeInclusive<Date>, Refusal> {
    let read = |value: Option<&Value>, key: &str| {
        let value = value.ok_or_else(|| Refusal::params(format!("{key} is missing")))?;
        value.as_str().and_then(day).ok_or_else(|| {
            Refusal::params(format!("{key} is {value}, it must be a string YYYYMMDD"))
        })
    };
    let days = read(start, "start_date")?..=read(end, "end_date")?;
    if days.is_empty() {
        return Err(Refusal::params("start_date is after end_date"));
    }
    if difference(&days) > MOST_DAYS {
        return Err(Refusal::params(format!(
            "end_date is {} days after start_date, it must be no more than {MOST_DAYS}",
            difference(&days)
        )));
    }
    Ok(days)
}

fn difference(days: &RangeInclusive<Date>) -> i64 {
    (day_start(*days.end()) - day_start(*days.start())) / 86_400
}
