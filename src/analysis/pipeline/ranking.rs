//! The first question: which hashtags, how often, out of which posts.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Pipeline, Question, number_of};
use crate::analysis::{Provenance, Sample, TagSources, Weight};
use crate::model::Hashtag;

/// What the first question was answered.
pub(super) struct Ranking {
    /// The ranked rows: `_id` (the hashtag), `occurrences`, `posts`, `spelling` or figures of authors.
    pub(super) rows: Vec<Value>,
    /// Hashtags before any was left out.
    pub(super) distinct: usize,
    /// What frequencies are shares of.
    pub(super) total: u64,
    pub(super) sample: Sample,
}

impl Question {
    /// Every post hands in its hashtags, and one entry more that tells of itself; shards count each
    /// kind of entry and send one row per kind, so that one pass gives rows and footnote.
    pub(super) fn ranking(&self) -> Pipeline {
        let by_author = self.options.weight == Weight::Authors;
        let (listed, captioned) = self.sources();
        let missing = |field: &str| json!({ "$eq": [{ "$ifNull": [field, null] }, null] });
        let mut entries = vec![json!({
            "sample": {
                "origin": "$origin",
                "format": "$format",
                "undated": missing("$created"),
                "dated_by_id": { "$eq": ["$dated", "id"] },
                "without_author": missing("$author"),
                "structured": listed,
                "caption": captioned,
            },
            "created": "$created",
        })];
        if by_author {
            entries.push(json!({ "who": "$author" }));
        }
        let mut fields = json!({
            "_id": 0,
            "entries": { "$concatArrays": [self.names(), entries] },
        });
        let mut key = json!({
            "tag": "$entries.tag",
            "sample": "$entries.sample",
        });
        if by_author {
            fields["author"] = json!(1);
            key["who"] = json!("$entries.who");
            key["author"] = json!({ "$cond": [
                { "$eq": [{ "$ifNull": ["$entries.tag", null] }, null] },
                null,
                { "$ifNull": ["$author", null] },
            ] });
        } else {
            key["spelling"] = json!({ "$ifNull": ["$entries.as", "$entries.tag"] });
        }
        let mut stages = vec![
            self.matching(),
            json!({ "$project": fields }),
            json!({ "$unwind": "$entries" }),
            // What the shards do by themselves ends here; they send one row per key.
            json!({ "$group": {
                "_id": key,
                "posts": { "$sum": 1 },
                "first": { "$min": "$entries.created" },
                "last": { "$max": "$entries.created" },
            } }),
        ];
        stages.extend(self.by_tag());
        Pipeline {
            name: "ranking",
            stages,
        }
    }

    /// One row per hashtag (`_id` a text), per kind of post (a document), for all authors (`true`).
    /// A name of which nothing is left has none of these.
    fn by_tag(&self) -> Vec<Value> {
        let mut row = json!({
            "_id": { "$ifNull": ["$_id.tag", { "$ifNull": ["$_id.sample", null] }] },
            "posts": { "$sum": "$posts" },
            "first": { "$min": "$first" },
            "last": { "$max": "$last" },
        });
        let mut stages = Vec::new();
        let occurrences = match self.options.weight {
            Weight::Posts => {
                // The commonest spelling, of equally common ones the first by code point.
                stages.push(json!({ "$sort": { "posts": -1, "_id.spelling": 1 } }));
                row["spelling"] = json!({ "$first": "$_id.spelling" });
                "$posts"
            }
            Weight::Authors => {
                let known = |field: &str| json!({ "$ne": [{ "$ifNull": [field, null] }, null] });
                let who = json!({ "$cond": [known("$_id.who"), true, null] });
                row["_id"]["$ifNull"][1]["$ifNull"][1] = who;
                let named = known("$_id.author");
                row["keys"] = json!({ "$sum": 1 });
                row["authors"] = number_of(&named);
                row["busiest"] = json!({ "$max": { "$cond": [named, "$posts", 0] } });
                row["named"] = json!({ "$sum": { "$cond": [named, "$posts", 0] } });
                "$authors"
            }
        };
        stages.push(json!({ "$group": row }));
        stages.push(json!({ "$set": { "occurrences": occurrences } }));
        let order = json!({ "$sort": { "occurrences": -1, "_id": 1 } });
        let Some(limit) = self.few() else {
            // All are wished, or so many that an answer in one document might be too large for one.
            stages.push(order);
            return stages;
        };
        let a_tag = json!({ "_id": { "$type": "string" } });
        let mut ranked = vec![
            a_tag.clone(),
            json!({ "occurrences": { "$gte": self.least() } }),
        ];
        let excluded: Vec<&str> = self.options.excluded.iter().map(Hashtag::as_str).collect();
        if !excluded.is_empty() {
            ranked.push(json!({ "_id": { "$nin": excluded } }));
        }
        stages.push(json!({ "$facet": {
            "rows": [{ "$match": { "$and": ranked } }, order, { "$limit": limit.max(1) }],
            "hashtags": [{ "$match": a_tag }, { "$count": "hashtags" }],
            "others": [{ "$match": { "_id": { "$not": { "$type": "string" } } } }],
        } }));
        stages
    }

    fn least(&self) -> u64 {
        self.options.min_count.max(1)
    }

    /// As the database would, where it was asked for all rows.
    fn cut(&self, rows: &mut Vec<Value>) -> Option<()> {
        for row in &*rows {
            row["occurrences"].as_u64()?;
        }
        let occurrences = |row: &Value| row["occurrences"].as_u64().unwrap_or(0);
        let excluded = |row: &Value| {
            let tag = row["_id"].as_str().and_then(Hashtag::new);
            tag.is_some_and(|tag| self.options.excluded.contains(&tag))
        };
        rows.retain(|row| occurrences(row) >= self.least() && !excluded(row));
        // The order is the database's; should it compare texts its own way, ours counts.
        rows.sort_by(|a, b| {
            let key = |row: &Value| {
                (
                    Reverse(occurrences(row)),
                    row["_id"].as_str().map(str::to_owned),
                )
            };
            key(a).cmp(&key(b))
        });
        rows.truncate(self.options.limit.unwrap_or(usize::MAX));
        Some(())
    }
}

impl Ranking {
    /// `None` where the answer is not of the shape asked for.
    pub(super) fn read(question: &Question, answer: &[Value]) -> Option<Self> {
        let (rows, others, distinct) = if question.few().is_some() {
            let all = answer.first()?;
            let hashtags = all["hashtags"].as_array()?.first();
            let distinct = hashtags.map_or(Some(0), |row| row["hashtags"].as_u64())?;
            let list = |name: &str| all[name].as_array().cloned();
            (list("rows")?, list("others")?, distinct)
        } else {
            let (mut rows, others): (Vec<Value>, Vec<Value>) = answer
                .iter()
                .cloned()
                .partition(|row| row["_id"].is_string());
            let distinct = rows.len() as u64;
            question.cut(&mut rows)?;
            (rows, others, distinct)
        };
        let mut sample = Sample::default();
        let mut people = 0;
        for row in &others {
            match &row["_id"] {
                Value::Object(_) => sample.merge(&sample_of(row)?),
                Value::Bool(true) => people = row["keys"].as_u64()?,
                _ => {}
            }
        }
        sample.rows = sample.posts;
        Some(Self {
            rows,
            distinct: usize::try_from(distinct).ok()?,
            total: match question.options.weight {
                Weight::Posts => sample.posts,
                Weight::Authors => people,
            },
            sample,
        })
    }

    /// The hashtags of the rows.
    pub(super) fn tags(&self) -> Vec<&str> {
        self.rows
            .iter()
            .filter_map(|row| row["_id"].as_str())
            .collect()
    }
}

/// The sample that posts of one kind make.
fn sample_of(row: &Value) -> Option<Sample> {
    let posts = row["posts"].as_u64()?;
    let kind = &row["_id"];
    let time = |name: &str| Timestamp::from_millisecond(row[name].as_i64()?).ok();
    let if_so = |name: &str| Some(if kind[name].as_bool()? { posts } else { 0 });
    let provenance = Provenance {
        origin: kind["origin"].as_str().and_then(|name| name.parse().ok()),
        format: kind["format"].as_str()?.parse().ok()?,
    };
    let mut sources = TagSources::default();
    *match (kind["structured"].as_bool()?, kind["caption"].as_bool()?) {
        (true, true) => &mut sources.both,
        (true, false) => &mut sources.structured,
        (false, true) => &mut sources.caption,
        (false, false) => &mut sources.none,
    } = posts;
    Some(Sample {
        posts,
        span: time("first").zip(time("last")),
        undated: if_so("undated")?,
        dated_by_id: if_so("dated_by_id")?,
        without_author: if_so("without_author")?,
        provenance: [(provenance, posts)].into(),
        tag_sources: sources,
        ..Sample::default()
    })
}
