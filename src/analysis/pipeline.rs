//! The same count as an aggregation pipeline, for posts that lie in a database.
//!
//! Nothing here talks to a database: questions are JSON, and so are the answers. What they must
//! agree with is [`Filter::passes`](super::Filter::passes), [`Counter`](super::Counter) and
//! [`FrequencyTable::new`], row for row; tests compare the two.

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::{
    Extras, Filter, FrequencyTable, Provenance, Row, Sample, TableOptions, TagSources, TagsFrom,
    Weight, wilson,
};
use crate::model::Hashtag;

/// All rows, before and behind the current one.
const ALL: [&str; 2] = ["unbounded", "unbounded"];

/// What a ranking asks of a database: pipelines over its collection of posts.
#[derive(Clone, Debug)]
pub struct Question {
    tag: Hashtag,
    filter: Filter,
    from: TagsFrom,
    extras: Extras,
    options: TableOptions,
}

/// A pipeline and what it answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// `rows`, `distinct`, `sample`, `posts` or `authors`.
    pub name: &'static str,
    /// Its stages, in extended JSON.
    pub stages: Vec<Value>,
}

impl Question {
    /// The question for the ranking of a hashtag's posts.
    pub fn new(
        tag: &Hashtag,
        filter: &Filter,
        from: TagsFrom,
        extras: Extras,
        options: &TableOptions,
    ) -> Self {
        Self {
            tag: tag.clone(),
            filter: filter.clone(),
            from,
            extras,
            options: options.clone(),
        }
    }

    /// The pipelines: the ranked rows come from one; the others are a row or a few for the footnote.
    pub fn pipelines(&self) -> Vec<Pipeline> {
        let mut pipelines = vec![
            Pipeline {
                name: "rows",
                stages: self.rows(),
            },
            Pipeline {
                name: "distinct",
                stages: self.distinct(),
            },
            Pipeline {
                name: "sample",
                stages: self.sample(),
            },
        ];
        if !self.filter.is_empty() {
            let of_tag = json!({ "$match": { "collected_for": self.tag.as_str() } });
            pipelines.push(Pipeline {
                name: "posts",
                stages: vec![of_tag, json!({ "$count": "posts" })],
            });
        }
        if self.options.weight == Weight::Authors {
            pipelines.push(Pipeline {
                name: "authors",
                stages: vec![
                    self.matching(),
                    json!({ "$match": { "author": { "$exists": true } } }),
                    json!({ "$group": { "_id": "$author" } }),
                    json!({ "$count": "authors" }),
                ],
            });
        }
        pipelines
    }

    /// The table that the answers make; `answer` gives the rows of a pipeline by its name.
    ///
    /// `None` where an answer is not of the shape asked for.
    pub fn table(&self, answer: &dyn Fn(&str) -> Vec<Value>) -> Option<FrequencyTable> {
        let mut sample = Sample::default();
        for group in answer("sample") {
            sample.merge(&sample_of(&group)?);
        }
        sample.rows = sample.posts;
        if !self.filter.is_empty() {
            let all = answer("posts");
            sample.rows = all.first().map_or(Some(0), |all| all["posts"].as_u64())?;
            sample.filtered = sample.rows.saturating_sub(sample.posts);
        }
        let total = match self.options.weight {
            Weight::Posts => sample.posts,
            Weight::Authors => {
                let authors = answer("authors");
                authors
                    .first()
                    .map_or(Some(0), |row| row["authors"].as_u64())?
            }
        };
        let distinct = answer("distinct");
        let distinct = distinct
            .first()
            .map_or(Some(0), |row| row["hashtags"].as_u64())?;
        let found = answer("rows");
        let rows = found.iter().enumerate();
        let rows: Option<Vec<Row>> = rows.map(|(rank, row)| self.row(rank, row, total)).collect();
        Some(FrequencyTable {
            rows: rows?,
            total,
            weight: self.options.weight,
            distinct: usize::try_from(distinct).ok()?,
            tags_from: self.from,
            extras: self.extras,
            sample,
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the same steps as for posts that are counted here"
    )]
    fn row(&self, rank: usize, row: &Value, total: u64) -> Option<Row> {
        let number = |name: &str| row[name].as_u64();
        let occurrences = number("occurrences")?;
        let named = number("named").unwrap_or(0);
        let known = number("views_known").unwrap_or(0);
        let middle = number("views_low").zip(number("views_high"));
        Some(Row {
            rank: Some(rank),
            hashtag: Hashtag::new(row["_id"].as_str()?)?,
            spelling: row["spelling"].as_str()?.to_owned(),
            occurrences,
            frequency: if total == 0 {
                0.0
            } else {
                occurrences as f64 / total as f64
            },
            interval: wilson(occurrences, total),
            authors: if self.extras.authors {
                Some(number("authors")?)
            } else {
                None
            },
            top_author_share: if named > 0 {
                Some(number("busiest")? as f64 / named as f64)
            } else {
                None
            },
            views_sum: if known > 0 {
                Some(number("views_sum")?)
            } else {
                None
            },
            views_median: middle
                .filter(|_| known > 0)
                .map(|(low, high)| f64::midpoint(low as f64, high as f64)),
        })
    }

    /// The posts counted.
    fn matching(&self) -> Value {
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
    fn names(&self) -> Value {
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

    fn rows(&self) -> Vec<Value> {
        let Extras { authors, views } = self.extras;
        let mut fields = json!({ "names": self.names() });
        let mut key = json!({
            "tag": "$names.tag",
            "spelling": { "$ifNull": ["$names.as", "$names.tag"] },
        });
        if authors {
            fields["author"] = json!(1);
            key["author"] = json!({ "$ifNull": ["$author", null] });
        }
        if views {
            fields["views"] = json!("$counts.views");
            key["views"] = json!({ "$ifNull": ["$views", null] });
        }
        let mut stages = vec![
            self.matching(),
            json!({ "$project": fields }),
            json!({ "$unwind": "$names" }),
            json!({ "$match": { "names.tag": { "$exists": true } } }),
            // What the shards do by themselves ends here; they send one row per key.
            json!({ "$group": { "_id": key, "posts": { "$sum": 1 } } }),
        ];
        let mut tag = json!({ "_id": "$_id.tag", "spelling": { "$first": "$_id.spelling" }, "posts": { "$sum": "$posts" } });
        let mut commonest = "posts";
        if authors || views {
            commonest = "spelled";
            stages.push(window(
                &json!({ "tag": "$_id.tag", "spelling": "$_id.spelling" }),
                None,
                &json!({ "spelled": { "$sum": "$posts", "window": { "documents": ALL } } }),
            ));
        }
        if authors {
            stages.push(window(
                &json!({ "tag": "$_id.tag", "author": "$_id.author" }),
                Some(json!({ "_id.spelling": 1 })),
                &json!({
                    "by_author": { "$sum": "$posts", "window": { "documents": ALL } },
                    "nth": { "$documentNumber": {} },
                }),
            ));
            author_measures(&mut tag);
        }
        if views {
            stages.push(views_window());
            views_measures(&mut tag);
        }
        let occurrences = match self.options.weight {
            Weight::Posts => "$posts",
            Weight::Authors => "$authors",
        };
        // The commonest spelling, of equally common ones the first by code point.
        stages.push(json!({ "$sort": { commonest: -1, "_id.spelling": 1 } }));
        stages.push(json!({ "$group": tag }));
        stages.push(json!({ "$set": { "occurrences": occurrences } }));
        stages.extend(self.ranked());
        stages
    }

    /// The rows asked for; their places are their ranks.
    fn ranked(&self) -> Vec<Value> {
        let excluded: Vec<&str> = self.options.excluded.iter().map(Hashtag::as_str).collect();
        let mut wanted = json!({ "occurrences": { "$gte": self.options.min_count.max(1) } });
        if !excluded.is_empty() {
            wanted["_id"] = json!({ "$nin": excluded });
        }
        let mut stages = vec![
            json!({ "$match": wanted }),
            json!({ "$sort": { "occurrences": -1, "_id": 1 } }),
        ];
        if let Some(limit) = self.options.limit {
            stages.push(json!({ "$limit": limit.clamp(1, i32::MAX as usize) }));
        }
        stages
    }

    /// How many hashtags there are. Counted apart: a window over all rows would have to hold them.
    fn distinct(&self) -> Vec<Value> {
        // What a post has by default is listed by itself, too.
        let (names, tag) = match self.from {
            TagsFrom::Auto => (json!("$tags"), "$names"),
            _ => (self.names(), "$names.tag"),
        };
        vec![
            self.matching(),
            json!({ "$project": { "_id": 0, "names": names } }),
            json!({ "$unwind": "$names" }),
            // An empty document stands for a name of which nothing is left.
            json!({ "$match": { (tag.trim_start_matches('$')): { "$exists": true } } }),
            json!({ "$group": { "_id": tag } }),
            json!({ "$count": "hashtags" }),
        ]
    }

    fn sample(&self) -> Vec<Value> {
        let has = |list: &str| json!({ "$gt": [{ "$size": list }, 0] });
        let (listed, captioned) = match self.from {
            TagsFrom::Auto => (
                has("$listed"),
                json!({ "$and": [{ "$not": [has("$listed")] }, has("$captioned")] }),
            ),
            TagsFrom::Structured => (has("$listed"), json!(false)),
            TagsFrom::Caption => (json!(false), has("$captioned")),
            TagsFrom::Both => (has("$listed"), has("$captioned")),
        };
        let not = |expression: &Value| json!({ "$not": [expression] });
        let both = |a: &Value, b: &Value| number_of(&json!({ "$and": [a, b] }));
        let missing =
            |field: &str| number_of(&json!({ "$eq": [{ "$ifNull": [field, null] }, null] }));
        vec![
            self.matching(),
            json!({ "$group": {
                "_id": { "origin": "$origin", "format": "$format" },
                "posts": { "$sum": 1 },
                "first": { "$min": "$created" },
                "last": { "$max": "$created" },
                "undated": missing("$created"),
                "dated_by_id": number_of(&json!({ "$eq": ["$dated", "id"] })),
                "without_author": missing("$author"),
                "structured": both(&listed, &not(&captioned)),
                "caption": both(&not(&listed), &captioned),
                "both": both(&listed, &captioned),
                "none": both(&not(&listed), &not(&captioned)),
            } }),
        ]
    }
}

/// How many documents an expression holds for.
fn number_of(condition: &Value) -> Value {
    json!({ "$sum": { "$cond": [condition, 1, 0] } })
}

fn window(partition: &Value, sort: Option<Value>, output: &Value) -> Value {
    let mut stage = json!({ "partitionBy": partition, "output": output });
    if let Some(sort) = sort {
        stage["sortBy"] = sort;
    }
    json!({ "$setWindowFields": stage })
}

/// Distinct authors, the busiest one's posts, posts that name an author.
fn author_measures(tag: &mut Value) {
    let named = json!({ "$ne": ["$_id.author", null] });
    tag["authors"] = number_of(&json!({ "$and": [named, { "$eq": ["$nth", 1] }] }));
    tag["busiest"] = json!({ "$max": { "$cond": [named, "$by_author", 0] } });
    tag["named"] = json!({ "$sum": { "$cond": [named, "$posts", 0] } });
}

/// Up to which place in the order of their views posts with a hashtag reach; unknown views first.
fn views_window() -> Value {
    let unknown = json!({ "$eq": ["$_id.views", null] });
    window(
        &json!("$_id.tag"),
        Some(json!({ "_id.views": 1 })),
        &json!({
            "upto": { "$sum": "$posts", "window": { "documents": ["unbounded", "current"] } },
            "unknown": {
                "$sum": { "$cond": [unknown, "$posts", 0] },
                "window": { "documents": ALL },
            },
            "known": {
                "$sum": { "$cond": [unknown, 0, "$posts"] },
                "window": { "documents": ALL },
            },
        }),
    )
}

/// The sum of known views, exact beyond 64 bits, and the two in the middle.
fn views_measures(tag: &mut Value) {
    let last = json!({ "$subtract": ["$upto", "$unknown"] });
    let at = |place: Value| {
        let here = json!({ "$and": [
            { "$gte": [last, place] },
            { "$lt": [{ "$subtract": [last, "$posts"] }, place] },
        ] });
        json!({ "$max": { "$cond": [here, "$_id.views", null] } })
    };
    tag["views_sum"] =
        json!({ "$sum": { "$multiply": [{ "$toDecimal": "$_id.views" }, "$posts"] } });
    tag["views_known"] = json!({ "$max": "$known" });
    tag["views_low"] = at(json!({ "$floor": { "$divide": [{ "$add": ["$known", 1] }, 2] } }));
    tag["views_high"] = at(json!({ "$add": [{ "$floor": { "$divide": ["$known", 2] } }, 1] }));
}

/// The sample that one group of the answer tells of.
fn sample_of(group: &Value) -> Option<Sample> {
    let number = |name: &str| group[name].as_u64();
    let posts = number("posts")?;
    let time = |name: &str| Timestamp::from_millisecond(group[name].as_i64()?).ok();
    let provenance = Provenance {
        origin: group["_id"]["origin"]
            .as_str()
            .and_then(|name| name.parse().ok()),
        format: group["_id"]["format"].as_str()?.parse().ok()?,
    };
    Some(Sample {
        posts,
        span: time("first").zip(time("last")),
        undated: number("undated")?,
        dated_by_id: number("dated_by_id")?,
        without_author: number("without_author")?,
        provenance: [(provenance, posts)].into(),
        tag_sources: TagSources {
            structured: number("structured")?,
            caption: number("caption")?,
            both: number("both")?,
            none: number("none")?,
        },
        ..Sample::default()
    })
}
