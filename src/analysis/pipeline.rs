//! The same count as aggregation pipelines, for posts that lie in a database.
//!
//! Nothing here talks to a database: questions are JSON, and so are the answers. What they must
//! agree with is [`Filter::passes`](super::Filter::passes), [`Counter`](super::Counter) and
//! [`FrequencyTable::new`], row for row; tests compare the two.
//!
//! One pass over the posts ranks them and tells of the sample. What else is asked of rows (authors,
//! views) is asked of the ranked ones alone, in a second; a median that lies among many numbers of
//! views needs a third. An array of all numbers would end at 16 MiB.

mod details;
mod matching;
mod ranking;

use serde_json::{Value, json};

use self::details::Details;
use self::ranking::Ranking;
use super::interval::share;
use super::{Extras, Filter, FrequencyTable, Row, TableOptions, TagsFrom, Weight, wilson};
use crate::model::Hashtag;

/// Rows that are asked about by their names; where more are wished, all hashtags are asked about.
const FEW: usize = 2000;

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
    /// `ranking`, `posts`, `details` or `medians`.
    pub name: &'static str,
    /// Its stages, in extended JSON.
    pub stages: Vec<Value>,
}

/// What the answers make.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The table.
    pub table: FrequencyTable,
    /// The answers agree with each other: nobody wrote between two of them.
    pub agrees: bool,
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

    /// Asks one pipeline after the other; `None` where an answer is not of the shape asked for.
    ///
    /// # Errors
    /// Those of `ask`.
    pub fn answer<E>(
        &self,
        ask: &mut dyn FnMut(&Pipeline) -> Result<Vec<Value>, E>,
    ) -> Result<Option<Answered>, E> {
        let Some(mut ranking) = Ranking::read(self, &ask(&self.ranking())?) else {
            return Ok(None);
        };
        let mut agrees = true;
        if let Some(posts) = self.posts() {
            let all = ask(&posts)?;
            let all = all.first().map_or(Some(0), |all| all["posts"].as_u64());
            let Some(all) = all else { return Ok(None) };
            let sample = &mut ranking.sample;
            agrees = all >= sample.posts;
            sample.rows = all;
            sample.filtered = all.saturating_sub(sample.posts);
        }
        let mut details = Details::default();
        if self.needs_details() && !ranking.rows.is_empty() {
            let tags: Option<Vec<&str>> = self.few().map(|_| ranking.tags());
            let found = ask(&self.details(tags.as_deref()))?;
            let Some(read) = Details::read(&found) else {
                return Ok(None);
            };
            details = read;
            let buckets = details.wide_medians();
            if !buckets.is_empty() && details.refine(&ask(&self.medians(&buckets))?).is_none() {
                return Ok(None);
            }
        }
        let rows = ranking.rows.iter().enumerate();
        let rows: Option<Vec<Row>> = rows
            .map(|(rank, row)| self.row(rank, row, &details, ranking.total, &mut agrees))
            .collect();
        let table = |rows| FrequencyTable {
            rows,
            total: ranking.total,
            weight: self.options.weight,
            distinct: ranking.distinct,
            tags_from: self.from,
            extras: self.extras,
            sample: ranking.sample,
        };
        Ok(rows.map(|rows| Answered {
            table: table(rows),
            agrees,
        }))
    }

    /// All pipelines, with words in the places of what the earlier ones answer.
    pub fn explained(&self) -> Vec<Pipeline> {
        let mut pipelines = vec![self.ranking()];
        pipelines.extend(self.posts());
        if self.needs_details() {
            let few = self.few();
            pipelines.push(self.details(few.map(|_| &["the ranked hashtags"][..])));
            if self.extras.views && few.is_some() {
                let bucket = ("a ranked hashtag".to_owned(), 1000);
                pipelines.push(self.medians(&[bucket]));
            }
        }
        pipelines
    }

    /// The number of rows wished, where it is small.
    fn few(&self) -> Option<usize> {
        self.options.limit.filter(|&limit| limit <= FEW)
    }

    /// How many posts there are without filters. Counted from the index alone.
    fn posts(&self) -> Option<Pipeline> {
        let of_tag = json!({ "$match": { "collected_for": self.tag.as_str() } });
        (!self.filter.is_empty()).then(|| Pipeline {
            name: "posts",
            stages: vec![of_tag, json!({ "$count": "posts" })],
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the same steps as for posts that are counted here"
    )]
    fn row(
        &self,
        rank: usize,
        row: &Value,
        details: &Details,
        total: u64,
        agrees: &mut bool,
    ) -> Option<Row> {
        let tag = row["_id"].as_str()?;
        let posts = row["posts"].as_u64()?;
        let more = details.of(tag);
        *agrees &= more.agrees_with(posts);
        let occurrences = row["occurrences"].as_u64()?;
        let (authors, busiest, named) = match self.options.weight {
            Weight::Authors => {
                let number = |name: &str| row[name].as_u64();
                (number("authors")?, number("busiest")?, number("named")?)
            }
            Weight::Posts => more.authors,
        };
        let named = if self.extras.authors { named } else { 0 };
        let spelling = row["spelling"].as_str().or(more.spelling());
        Some(Row {
            rank: Some(rank),
            hashtag: Hashtag::new(tag)?,
            // Of a row that was gone when its spellings were asked for, its name.
            spelling: spelling.unwrap_or(tag).to_owned(),
            occurrences,
            frequency: share(occurrences, total),
            interval: wilson(occurrences, total),
            authors: self.extras.authors.then_some(authors),
            top_author_share: (named > 0).then(|| busiest as f64 / named as f64),
            views_sum: more.views_sum(),
            views_median: more
                .middle()
                .map(|(low, high)| f64::midpoint(low as f64, high as f64)),
        })
    }
}

/// How many documents an expression holds for.
fn number_of(condition: &Value) -> Value {
    json!({ "$sum": { "$cond": [condition, 1, 0] } })
}
