//! Which posts are counted, and which hashtags they have.

use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::Question;
use crate::analysis::TagsFrom;
use crate::model::Hashtag;

impl Question {
    /// The posts counted.
    pub(super) fn matching(&self) -> Value {
        let mut all = vec![json!({ "collected_for": self.tag.as_str() })];
        let filter = &self.filter;
        let start = |day: jiff::civil::Date| json!({ "$date": format!("{day}T00:00:00Z") });
        if let Some(since) = filter.since {
            all.push(json!({ "created": { "$gte": start(since) } }));
        }
        if let Some(until) = filter.until {
            match until.checked_add(1.day()) {
                Ok(after) => all.push(json!({ "created": { "$lt": start(after) } })),
                Err(_) => all.push(json!({ "created": { "$exists": true } })),
            }
        }
        for (field, wanted) in [
            ("lower.region", &filter.regions),
            ("lower.lang", &filter.languages),
            ("lower.author", &filter.authors),
        ] {
            if !wanted.is_empty() {
                let wanted: Vec<String> = wanted
                    .iter()
                    .map(|word| word.to_ascii_lowercase())
                    .collect();
                all.push(json!({ field: { "$in": wanted } }));
            }
        }
        let required: Vec<Value> = filter
            .required
            .iter()
            .map(|tag| self.carries(tag))
            .collect();
        if filter.any_required && !required.is_empty() {
            all.push(json!({ "$or": required }));
        } else {
            all.extend(required);
        }
        let forbidden: Vec<Value> = filter
            .forbidden
            .iter()
            .map(|tag| self.carries(tag))
            .collect();
        if !forbidden.is_empty() {
            all.push(json!({ "$nor": forbidden }));
        }
        match all.as_slice() {
            [one] => json!({ "$match": one }),
            _ => json!({ "$match": { "$and": all } }),
        }
    }

    /// Whether a post has a hashtag.
    fn carries(&self, tag: &Hashtag) -> Value {
        let tag = tag.as_str();
        match self.from {
            TagsFrom::Auto => json!({ "tags": { "$eq": tag } }),
            TagsFrom::Structured => json!({ "listed.tag": { "$eq": tag } }),
            TagsFrom::Caption => json!({ "captioned.tag": { "$eq": tag } }),
            TagsFrom::Both => json!({ "$or": [
                { "listed.tag": { "$eq": tag } }, { "captioned.tag": { "$eq": tag } },
            ] }),
        }
    }

    /// A post's hashtags, each once, as they are spelled first.
    pub(super) fn names(&self) -> Value {
        match self.from {
            TagsFrom::Structured => json!("$listed"),
            TagsFrom::Caption => json!("$captioned"),
            TagsFrom::Auto => {
                json!({ "$cond": [{ "$gt": [{ "$size": "$listed" }, 0] }, "$listed", "$captioned"] })
            }
            TagsFrom::Both => json!({ "$concatArrays": ["$listed", { "$filter": {
                "input": "$captioned",
                "as": "name",
                "cond": { "$not": [{ "$in": ["$$name.tag", { "$map": {
                    "input": "$listed", "as": "listed", "in": "$$listed.tag",
                } }] }] },
            } }] }),
        }
    }

    /// Whether a post's own list, or its caption, is where its hashtags are taken from.
    pub(super) fn sources(&self) -> (Value, Value) {
        let has = |list: &str| json!({ "$gt": [{ "$size": list }, 0] });
        match self.from {
            TagsFrom::Auto => (
                has("$listed"),
                json!({ "$and": [{ "$not": [has("$listed")] }, has("$captioned")] }),
            ),
            TagsFrom::Structured => (has("$listed"), json!(false)),
            TagsFrom::Caption => (json!(false), has("$captioned")),
            TagsFrom::Both => (has("$listed"), has("$captioned")),
        }
    }
}
