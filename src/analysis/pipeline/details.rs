//! The second question, about ranked hashtags: their spellings, authors and views; and the third,
//! about numbers of views among which medians lie.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde_json::{Value, json};

use super::{Pipeline, Question, number_of};
use crate::analysis::Weight;

/// All rows, before and behind the current one.
const ALL: [&str; 2] = ["unbounded", "unbounded"];
/// Numbers of views up to this are counted each by itself, larger ones by their first three digits.
const EXACT: u64 = 1000;

/// A bucket of numbers of views: the hashtag, and the first number.
pub(super) type Bucket = (String, u64);

/// What was answered about the ranked hashtags.
#[derive(Debug, Default)]
pub(super) struct Details(HashMap<String, Detail>);

/// What was answered about one.
#[derive(Debug, Default)]
pub(super) struct Detail {
    /// Spelling → posts.
    spellings: BTreeMap<String, u64>,
    /// Distinct ones, the busiest one's posts, posts that name one.
    pub(super) authors: (u64, u64, u64),
    posts_by_author: Option<u64>,
    /// First number of a bucket → posts.
    buckets: BTreeMap<u64, u64>,
    /// First number of a bucket → number of views → posts.
    exact: BTreeMap<u64, BTreeMap<u64, u64>>,
    unknown: u64,
    sum: Option<u64>,
    /// Where the database has found the middle itself.
    middle: Option<(u64, u64)>,
    posts_by_views: Option<u64>,
}

impl Question {
    /// Whether the ranking does not tell everything.
    pub(super) fn needs_details(&self) -> bool {
        self.extras.authors || self.extras.views || self.options.weight == Weight::Authors
    }

    /// `tags` are the hashtags to ask about; all where there are none.
    pub(super) fn details(&self, tags: Option<&[&str]>) -> Pipeline {
        let names = match tags {
            None => self.names(),
            Some(tags) => of_these(&self.names(), tags),
        };
        let mut fields = json!({ "_id": 0, "names": names });
        let mut entries = Vec::new();
        let by_author = self.options.weight == Weight::Authors;
        if by_author {
            let spelling = json!({ "$ifNull": ["$names.as", "$names.tag"] });
            entries.push(json!({ "kind": "spelling", "value": spelling }));
        } else if self.extras.authors {
            fields["author"] = json!(1);
            let author = json!({ "$ifNull": ["$author", null] });
            entries.push(json!({ "kind": "authors", "value": author }));
        }
        if self.extras.views {
            let exact = json!({ "$ifNull": ["$counts.views", null] });
            fields["bucket"] = if tags.is_some() { bucket() } else { exact };
            fields["views"] = json!({ "$toDecimal": "$counts.views" });
            entries.push(json!({ "kind": "views", "value": "$bucket", "views": "$views" }));
        }
        let mut stages = vec![
            self.matching(),
            json!({ "$project": fields }),
            json!({ "$unwind": "$names" }),
            json!({ "$match": { "names.tag": { "$exists": true } } }),
            json!({ "$project": { "tag": "$names.tag", "entries": entries } }),
            json!({ "$unwind": "$entries" }),
            json!({ "$group": {
                "_id": { "tag": "$tag", "kind": "$entries.kind", "value": "$entries.value" },
                "posts": { "$sum": 1 },
                "views": { "$sum": "$entries.views" },
            } }),
        ];
        let named = json!({ "$ne": ["$_id.value", null] });
        let mut together = json!({ "$eq": ["$_id.kind", "authors"] });
        let mut row = json!({
            "posts": { "$sum": "$posts" },
            "views": { "$sum": "$views" },
            "keys": number_of(&named),
            "busiest": { "$max": { "$cond": [named, "$posts", 0] } },
            "named": { "$sum": { "$cond": [named, "$posts", 0] } },
        });
        if self.extras.views && tags.is_none() {
            // Numbers of views of all hashtags would be more than the rows that are wished.
            together = json!({ "$ne": ["$_id.kind", "spelling"] });
            stages.push(places());
            middle(&mut row);
        }
        row["_id"] = json!({
            "tag": "$_id.tag",
            "kind": "$_id.kind",
            "value": { "$cond": [together, null, "$_id.value"] },
        });
        stages.push(json!({ "$group": row }));
        Pipeline {
            name: "details",
            stages,
        }
    }

    /// The numbers of views in buckets where medians lie.
    pub(super) fn medians(&self, buckets: &[Bucket]) -> Pipeline {
        let tags: Vec<&str> = buckets.iter().map(|(tag, _)| tag.as_str()).collect();
        let within = |(tag, first): &Bucket| {
            let last = first.saturating_add(width(*first) - 1);
            json!({ "names.tag": { "$eq": tag }, "views": { "$gte": first, "$lte": last } })
        };
        let within: Vec<Value> = buckets.iter().map(within).collect();
        let names = of_these(&self.names(), &tags);
        Pipeline {
            name: "medians",
            stages: vec![
                self.matching(),
                json!({ "$project": { "_id": 0, "names": names, "views": "$counts.views" } }),
                json!({ "$unwind": "$names" }),
                json!({ "$match": { "$or": within } }),
                json!({ "$group": {
                    "_id": { "tag": "$names.tag", "views": "$views" },
                    "posts": { "$sum": 1 },
                } }),
            ],
        }
    }
}

/// Those of a post's names that are asked about.
fn of_these(names: &Value, tags: &[&str]) -> Value {
    json!({ "$filter": {
        "input": names,
        "as": "name",
        // A hashtag that begins with a dollar sign is no field.
        "cond": { "$in": ["$$name.tag", { "$literal": tags }] },
    } })
}

/// How many numbers of views share a bucket with this one.
fn width(views: u64) -> u64 {
    let mut width = 1;
    while views / width >= EXACT {
        width *= 10;
    }
    width
}

/// The first number of the bucket that a post's views are in, as [`width`] has it; `null` if unknown.
fn bucket() -> Value {
    let views = "$counts.views";
    let mut branches = Vec::new();
    let mut width = 1_u64;
    while let Some(above) = width.checked_mul(EXACT) {
        branches.push(json!({ "case": { "$lt": [views, above] }, "then": width }));
        width *= 10;
    }
    let width = json!({ "$switch": { "branches": branches, "default": width } });
    json!({ "$ifNull": [{ "$subtract": [views, { "$mod": [views, width] }] }, null] })
}

/// Up to which place in the order of their views posts with a hashtag reach; unknown views first.
fn places() -> Value {
    let unknown = json!({ "$eq": ["$_id.value", null] });
    let all = |count: Value| json!({ "$sum": count, "window": { "documents": ALL } });
    json!({ "$setWindowFields": {
        "partitionBy": { "tag": "$_id.tag", "kind": "$_id.kind" },
        "sortBy": { "_id.value": 1 },
        "output": {
            "upto": { "$sum": "$posts", "window": { "documents": ["unbounded", "current"] } },
            "unknown": all(json!({ "$cond": [unknown, "$posts", 0] })),
            "known": all(json!({ "$cond": [unknown, 0, "$posts"] })),
        },
    } })
}

/// The two numbers of views in the middle, from the places that [`places`] gives.
fn middle(row: &mut Value) {
    let last = json!({ "$subtract": ["$upto", "$unknown"] });
    let at = |place: Value| {
        let here = json!({ "$and": [
            { "$gte": [last, place] },
            { "$lt": [{ "$subtract": [last, "$posts"] }, place] },
        ] });
        json!({ "$max": { "$cond": [here, "$_id.value", null] } })
    };
    row["low"] = at(json!({ "$floor": { "$divide": [{ "$add": ["$known", 1] }, 2] } }));
    row["high"] = at(json!({ "$add": [{ "$floor": { "$divide": ["$known", 2] } }, 1] }));
}

impl Details {
    /// `None` where the answer is not of the shape asked for.
    pub(super) fn read(answer: &[Value]) -> Option<Self> {
        let mut details = HashMap::<String, Detail>::new();
        for row in answer {
            let id = &row["_id"];
            let number = |name: &str| row[name].as_u64();
            let posts = number("posts")?;
            let detail = details.entry(id["tag"].as_str()?.to_owned()).or_default();
            match id["kind"].as_str()? {
                "spelling" => {
                    detail
                        .spellings
                        .insert(id["value"].as_str()?.to_owned(), posts);
                }
                "authors" => {
                    detail.authors = (number("keys")?, number("busiest")?, number("named")?);
                    detail.posts_by_author = Some(posts);
                }
                "views" => detail.add_views(row, posts)?,
                _ => return None,
            }
        }
        Some(Self(details))
    }

    /// The buckets in which medians lie and which hold more than one number.
    pub(super) fn wide_medians(&self) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        for (tag, detail) in &self.0 {
            let mut wide: Vec<u64> = detail
                .middle_places()
                .into_iter()
                .flatten()
                .filter_map(|place| detail.bucket_at(place))
                .map(|(first, _)| first)
                .filter(|&first| width(first) > 1)
                .collect();
            wide.dedup();
            buckets.extend(wide.into_iter().map(|first| (tag.clone(), first)));
        }
        buckets.sort();
        buckets
    }

    /// Takes the numbers of views in these buckets.
    pub(super) fn refine(&mut self, answer: &[Value]) -> Option<()> {
        for row in answer {
            let views = row["_id"]["views"].as_u64()?;
            let detail = self.0.get_mut(row["_id"]["tag"].as_str()?)?;
            let numbers = detail
                .exact
                .entry(views - views % width(views))
                .or_default();
            numbers.insert(views, row["posts"].as_u64()?);
        }
        Some(())
    }

    /// What was answered about a hashtag; nothing if none of its posts was left.
    pub(super) fn of(&self, tag: &str) -> &Detail {
        static NOTHING: std::sync::LazyLock<Detail> = std::sync::LazyLock::new(Detail::default);
        self.0.get(tag).unwrap_or(&NOTHING)
    }
}

impl Detail {
    fn add_views(&mut self, row: &Value, posts: u64) -> Option<()> {
        let number = |name: &str| row[name].as_u64();
        *self.posts_by_views.get_or_insert(0) += posts;
        if row.get("low").is_some() {
            self.middle = number("low").zip(number("high"));
            if number("named")? > 0 {
                self.sum = Some(number("views")?);
            }
            return Some(());
        }
        match &row["_id"]["value"] {
            Value::Null => self.unknown += posts,
            first => {
                self.buckets.insert(first.as_u64()?, posts);
                let sum = number("views")?;
                self.sum = Some(self.sum.unwrap_or(0).saturating_add(sum));
            }
        }
        Some(())
    }

    /// Whether this was answered about so many posts.
    pub(super) fn agrees_with(&self, posts: u64) -> bool {
        let spelled = (!self.spellings.is_empty()).then(|| self.spellings.values().sum());
        let found = [spelled, self.posts_by_author, self.posts_by_views];
        let middle_is_found = self.buckets.is_empty() || self.middle().is_some();
        middle_is_found && found.into_iter().flatten().all(|found: u64| found == posts)
    }

    /// The commonest spelling, of equally common ones the first by code point.
    pub(super) fn spelling(&self) -> Option<&str> {
        let most = self.spellings.values().max()?;
        let mut common = self.spellings.iter().filter(|(_, posts)| *posts == most);
        common.next().map(|(spelling, _)| spelling.as_str())
    }

    /// Views together, where any are known.
    pub(super) fn views_sum(&self) -> Option<u64> {
        self.sum
    }

    /// The two numbers of views in the middle, the same one twice where they are odd.
    pub(super) fn middle(&self) -> Option<(u64, u64)> {
        if self.middle.is_some() {
            return self.middle;
        }
        let [low, high] = self.middle_places()?;
        Some((self.views_at(low)?, self.views_at(high)?))
    }

    /// The places in the middle, from 1.
    fn middle_places(&self) -> Option<[u64; 2]> {
        let known: u64 = self.buckets.values().sum();
        (known > 0).then(|| [known.div_ceil(2), known / 2 + 1])
    }

    /// The bucket of a place, and the place within it.
    fn bucket_at(&self, place: u64) -> Option<(u64, u64)> {
        nth(&self.buckets, place)
    }

    fn views_at(&self, place: u64) -> Option<u64> {
        let (first, within) = self.bucket_at(place)?;
        if width(first) == 1 {
            return Some(first);
        }
        nth(self.exact.get(&first)?, within).map(|(views, _)| views)
    }
}

/// Where a place (from 1) lies among numbers that so many have, and the place there.
fn nth(numbers: &BTreeMap<u64, u64>, place: u64) -> Option<(u64, u64)> {
    let mut before = 0;
    for (&number, &posts) in numbers {
        if place <= before + posts {
            return Some((number, place - before));
        }
        before += posts;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bucket_shares_its_first_three_digits() {
        for (views, first, across) in [
            (0, 0, 1),
            (999, 999, 1),
            (1000, 1000, 10),
            (1_234_567, 1_230_000, 10_000),
            (
                u64::MAX,
                18_400_000_000_000_000_000,
                100_000_000_000_000_000,
            ),
        ] {
            assert_eq!(
                (views - views % width(views), width(views)),
                (first, across)
            );
        }
    }

    proptest! {
        #[test]
        fn a_median_is_found_through_its_bucket(
            views in prop::collection::vec(prop_oneof![0_u64..5000, 0_u64..3_000_000, any::<u64>()], 1..60)
        ) {
            let bucket = |views: u64| views - views % width(views);
            let mut detail = Detail::default();
            for &number in &views {
                *detail.buckets.entry(bucket(number)).or_default() += 1;
            }
            let mut details = Details(HashMap::from([("a".to_owned(), detail)]));
            let wide = details.wide_medians();
            prop_assert!(wide.len() <= 2);
            let mut answer = Vec::new();
            for number in &views {
                if wide.iter().any(|(_, first)| *first == bucket(*number)) {
                    let posts = views.iter().filter(|other| *other == number).count();
                    answer.push(json!({ "_id": { "tag": "a", "views": number }, "posts": posts }));
                }
            }
            details.refine(&answer).unwrap();
            let mut sorted = views.clone();
            sorted.sort_unstable();
            let middle = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            prop_assert_eq!(details.of("a").middle(), Some(middle));
        }
    }
}
