//! The posts that the sandbox has: the made-up posts of [`synthetic`], told again every two months.
//!
//! The generator's posts lie in April and May 2024. Moved by whole spans of 61 days, they fill all
//! time since 2018, so that "the last 30 days" holds posts on whatever day somebody practises.
//! A post's id moves with its time, so every telling has posts of its own, the same ones for ever.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::noise::noise;
use super::query::Query;
use crate::model::{Hashtag, caption_tags};
use crate::source::synthetic;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// First second of the generator's posts, 2024-04-01 UTC, and how many seconds they span: 61 days.
const TOLD: (i64, i64) = (1_711_929_600, 61 * DAY);

/// 2018-01-01 UTC: the documentation's oldest example, and our oldest post.
const OLDEST: i64 = 1_514_764_800;

/// New posts are searchable after 48 hours.
const LAG: i64 = 2 * DAY;

/// Tellings kept in memory; a query of 30 days touches two at most.
const KEPT: usize = 2;

/// All posts, made when they are asked for.
#[derive(Debug)]
pub(super) struct Corpus {
    posts_per_hashtag: usize,
    /// One post in so many is gone; 0 keeps all.
    gone_in: u64,
    /// Posts taken away since the start.
    removed: HashSet<u64>,
    tellings: VecDeque<(i64, BTreeMap<u64, Entry>)>,
}

/// A post with what queries ask of it.
#[derive(Debug)]
pub(super) struct Entry {
    /// The post id.
    pub(super) id: u64,
    /// Unix seconds.
    pub(super) created: i64,
    /// The record in the API's present field names.
    pub(super) record: Map<String, Value>,
    /// The identities of its hashtags, of list and caption together.
    pub(super) hashtags: Vec<Hashtag>,
    /// The caption in lower case.
    pub(super) caption: String,
}

impl Corpus {
    pub(super) fn new(posts_per_hashtag: usize, gone_in: u64) -> Self {
        Self {
            posts_per_hashtag,
            gone_in,
            removed: HashSet::new(),
            tellings: VecDeque::new(),
        }
    }

    /// Ids of the posts of these days (UTC, inclusive) for which `wanted` holds and that are
    /// searchable at a time: newest first.
    pub(super) fn select(
        &mut self,
        days: &RangeInclusive<Date>,
        now: Timestamp,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Vec<u64> {
        let from = day_start(*days.start()).max(OLDEST);
        let to = (day_start(*days.end()) + DAY).min(now.as_second() - LAG);
        let mut ids = Vec::new();
        if from < to {
            for telling in (telling_of(from)..=telling_of(to - 1)).rev() {
                let posts = self.telling(telling).values().rev();
                let within = posts.filter(|entry| (from..to).contains(&entry.created));
                let found: Vec<u64> = within
                    .filter(|entry| wanted(entry))
                    .map(|entry| entry.id)
                    .collect();
                ids.extend(found.into_iter().filter(|&id| !self.is_gone(id)));
            }
        }
        ids
    }

    /// Ids of the posts that a query finds: newest first.
    pub(super) fn matching(
        &mut self,
        query: &Query,
        days: &RangeInclusive<Date>,
        now: Timestamp,
    ) -> Vec<u64> {
        self.select(days, now, |entry| query.finds(entry))
    }

    /// The post with an id.
    pub(super) fn entry(&mut self, id: u64) -> Option<&Entry> {
        if self.is_gone(id) {
            return None;
        }
        let second = i64::try_from(id >> 32).ok()?;
        self.telling(telling_of(second)).get(&id)
    }

    /// Takes posts away, as their authors do.
    pub(super) fn remove(&mut self, ids: &[u64]) {
        self.removed.extend(ids);
    }

    /// Whether a post was taken away.
    pub(super) fn is_gone(&self, id: u64) -> bool {
        let by_rule = self.gone_in > 0 && noise(id, 90).is_multiple_of(self.gone_in);
        by_rule || self.removed.contains(&id)
    }

    fn telling(&mut self, number: i64) -> &BTreeMap<u64, Entry> {
        let at = self.tellings.iter().position(|(known, _)| *known == number);
        let telling = match at.and_then(|at| self.tellings.remove(at)) {
            Some(telling) => telling,
            None => (number, told(number, self.posts_per_hashtag)),
        };
        self.tellings.truncate(KEPT - 1);
        self.tellings.push_front(telling);
        &self.tellings[0].1
    }
}

/// The first second of a day (UTC).
pub(super) fn day_start(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC)
        .map_or(i64::MIN, |zoned| zoned.timestamp().as_second())
}

fn telling_of(second: i64) -> i64 {
    (second - TOLD.0).div_euclid(TOLD.1)
}

fn told(telling: i64, posts: usize) -> BTreeMap<u64, Entry> {
    synthetic::hashtags()
        .flat_map(|hashtag| synthetic::records(hashtag, posts))
        .filter_map(|record| entry(&record, telling * TOLD.1))
        .map(|entry| (entry.id, entry))
        .collect()
}

/// A generated record as the API shows it, moved in time.
fn entry(record: &str, shift: i64) -> Option<Entry> {
    let mut record: Map<String, Value> = serde_json::from_str(record).ok()?;
    let created = record.get("create_time")?.as_i64()? + shift;
    let low = record.get("id")?.as_u64()? & u64::from(u32::MAX);
    let id = (u64::try_from(created).ok()? << 32) | low;
    record.insert("id".into(), id.into());
    record.insert("create_time".into(), created.into());
    // The generator has the spelling of older documentation.
    if let Some(saved) = record.shift_remove("favourites_count") {
        record.insert("favorites_count".into(), saved);
    }
    let caption = record.get("video_description")?.as_str()?.to_owned();
    let mut hashtags: Vec<Hashtag> = listed(&record)
        .iter()
        .map(String::as_str)
        .chain(caption_tags(&caption))
        .filter_map(Hashtag::new)
        .collect();
    hashtags.sort_unstable();
    hashtags.dedup();
    embellish(&mut record, id);
    Some(Entry {
        id,
        created,
        record,
        hashtags,
        caption: caption.to_lowercase(),
    })
}

fn listed(record: &Map<String, Value>) -> Vec<String> {
    let list = record.get("hashtag_names").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|tag| tag.as_str().map(str::to_owned))
        .collect()
}

/// What real answers have beside the generator's fields, and where they are untidy: keys that are
/// missing, lists with something in them twice, a capital where all else is small.
fn embellish(record: &mut Map<String, Value>, id: u64) {
    let one_in = |parts: u64, salt: u64| noise(id, salt).is_multiple_of(parts);
    let mut tags = listed(record);
    let numbered: Vec<Value> = tags
        .iter()
        .map(|tag| {
            let number = tag.bytes().fold(7, |sum, byte| noise(sum, u64::from(byte)));
            serde_json::json!({"hashtag_id": number >> 12, "hashtag_name": tag, "hashtag_description": ""})
        })
        .collect();
    if tags.is_empty() && one_in(2, 1) {
        record.shift_remove("hashtag_names");
    } else if !tags.is_empty() && one_in(31, 2) {
        tags.push(tags[0].clone());
        record.insert("hashtag_names".into(), tags.into());
    } else if !tags.is_empty() && one_in(37, 3) {
        tags[0] = tags[0].to_uppercase();
        record.insert("hashtag_names".into(), tags.into());
    }
    if !numbered.is_empty() {
        record.insert("hashtag_info_list".into(), numbered.into());
    }
    if one_in(27, 4) {
        record.shift_remove("like_count");
    }
    if one_in(9, 5) {
        let effect = (100_000 + noise(id, 6) % 40).to_string();
        let photo = format!("https://effects.invalid/{effect}.png");
        record.insert(
            "effect_info_list".into(),
            serde_json::json!([{"effect_id": effect, "effect_name": "Made-up effect", "effect_photo_url": photo}]),
        );
        let twice = 1 + usize::from(one_in(3, 7));
        record.insert("effect_ids".into(), vec![effect; twice].into());
    }
    if one_in(8, 8) {
        record.insert("voice_to_text".into(), "words nobody said".into());
    }
    if one_in(40, 9) {
        record.insert(
            "video_tag".into(),
            serde_json::json!({"type": 1, "number": 1}),
        );
    }
    if one_in(50, 10) {
        record.insert(
            "video_label".into(),
            serde_json::json!({"content": "", "sink": false, "type": 0, "vote": false, "warn": false}),
        );
    }
    if one_in(60, 11) {
        let playlist = 7_100_000_000_000_000_000 + (noise(id, 12) >> 24);
        record.insert("playlist_id".into(), playlist.into());
    }
    if one_in(3, 13) {
        record.insert("video_mention_list".into(), Vec::<Value>::new().into());
    }
    if one_in(90, 14) {
        record.insert(
            "sticker_info_list".into(),
            serde_json::json!([{"sticker_id": noise(id, 15) >> 8, "sticker_name": "made-up sticker"}]),
        );
    }
    record.insert("is_stem_verified".into(), false.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn in_2026() -> Timestamp {
        "2026-11-22T01:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_first_telling_is_the_generators_own() {
        let mut corpus = Corpus::new(50, 0);
        let days = date(2024, 4, 1)..=date(2024, 5, 31);
        let ids = corpus.select(&days, in_2026(), |_| true);
        let mut made: Vec<u64> = synthetic::hashtags()
            .flat_map(|tag| synthetic::records(tag, 50))
            .map(|record| {
                serde_json::from_str::<Value>(&record).unwrap()["id"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        made.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(ids, made);
    }

    #[test]
    fn posts_lie_in_the_days_asked_for_and_their_ids_tell_their_time() {
        let mut corpus = Corpus::new(200, 0);
        // Over the seam between two tellings.
        let days = date(2024, 5, 30)..=date(2024, 6, 3);
        let ids = corpus.select(&days, in_2026(), |_| true);
        assert!(ids.len() > 20);
        assert!(ids.is_sorted_by(|a, b| a > b));
        for id in ids {
            let created = corpus.entry(id).unwrap().created;
            assert_eq!(u64::try_from(created).unwrap(), id >> 32);
            let day = Timestamp::from_second(created)
                .unwrap()
                .to_zoned(TimeZone::UTC)
                .date();
            assert!(days.contains(&day));
        }
    }

    #[test]
    fn nothing_is_found_before_2018_and_of_the_last_48_hours() {
        let mut corpus = Corpus::new(300, 0);
        let mut count = |from, to| corpus.select(&(from..=to), in_2026(), |_| true).len();
        assert_eq!(count(date(2017, 11, 1), date(2017, 12, 31)), 0);
        assert!(count(date(2018, 1, 1), date(2018, 1, 31)) > 100);
        assert!(count(date(2026, 11, 19), date(2026, 11, 19)) > 0);
        assert_eq!(count(date(2026, 11, 21), date(2026, 12, 30)), 0);
    }
}
