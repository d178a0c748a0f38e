//! Which stored posts are due, and in which batches they are asked for.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::error::Error;
use crate::model::{Counts, Format, Origin, PostId};
use crate::record::{Stored, Unreadable};
use crate::store::{StoredTag, Verdict, scan};

/// Most ids of a request.
const IDS: usize = 100;
/// Longest span of days of a batch; with the day before and the day after it is below the API's limit.
pub(super) const DAYS: i64 = 26;

/// A post that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stale {
    pub(super) id: PostId,
    /// The day that it was posted on.
    pub(super) day: Date,
    pub(super) fetched: Option<Timestamp>,
    pub(super) counts: Counts,
}

/// Posts that are asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) posts: Vec<Stale>,
    pub(super) from: Date,
    pub(super) to: Date,
}

impl Batch {
    /// Days from the first asked for to the last.
    pub(super) fn span(&self) -> i64 {
        let from = self.from.to_zoned(TimeZone::UTC);
        let to = self.to.to_zoned(TimeZone::UTC);
        match (from, to) {
            (Ok(from), Ok(to)) => to.timestamp().duration_since(from.timestamp()).as_hours() / 24,
            _ => 0,
        }
    }
}

/// What was found among stored posts.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) due: Vec<Stale>,
    /// Posts of other sources.
    pub(super) others: u64,
}

/// The posts of an origin that were fetched before a time, or nobody knows when.
pub(super) fn stale(stored: &StoredTag, origin: Origin, before: Timestamp) -> Result<Found, Error> {
    let mut found = Found::default();
    for path in stored.data_files() {
        let (states, _) = scan(
            &path,
            &Found::default,
            &|found: &mut Found, line| match Stored::read(line.text) {
                Ok(stored) => {
                    let ours =
                        stored.origin == Some(origin) && stored.post.format == Format::Research;
                    if !ours {
                        found.others += 1;
                    } else if stored.fetched.is_none_or(|fetched| fetched <= before) {
                        let created = stored.post.created.map(crate::model::Created::at);
                        let uploaded = stored.post.id.upload_second();
                        let at = created.or_else(|| Timestamp::from_second(uploaded).ok());
                        found.due.push(Stale {
                            id: stored.post.id,
                            day: at.unwrap_or_default().to_zoned(TimeZone::UTC).date(),
                            fetched: stored.fetched,
                            counts: stored.post.counts,
                        });
                    }
                    Verdict::Read
                }
                Err(Unreadable::Json(_)) => Verdict::NotJson,
                Err(_) => Verdict::Read,
            },
        )?;
        for state in states {
            found.due.extend(state.due);
            found.others += state.others;
        }
    }
    found.due.sort_by_key(|post| (post.day, post.id));
    found.due.dedup_by_key(|post| post.id);
    Ok(found)
}

/// Puts posts in the order of their days into batches of at most so many days from the first to the last.
pub(super) fn batches(posts: Vec<Stale>, today: Date, days: i64) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for post in posts {
        if let Some(last) = batches.last_mut()
            && last.posts.len() < IDS
            && let Some(first) = last.posts.first()
            && first.day.saturating_add(days.days()) >= post.day
        {
            last.posts.push(post);
            continue;
        }
        batches.push(Batch {
            from: post.day,
            to: post.day,
            posts: vec![post],
        });
    }
    for batch in &mut batches {
        let last = batch.posts.last().map_or(batch.to, |post| post.day);
        // The API counts days its own way at their edges.
        batch.from = batch.from.saturating_sub(1.day());
        batch.to = last.saturating_add(1.day()).min(today.max(last));
    }
    batches
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn post(id: u64, day: Date) -> Stale {
        Stale {
            id: PostId::new(id).unwrap(),
            day,
            fetched: None,
            counts: Counts::default(),
        }
    }

    proptest! {
        #[test]
        fn every_post_is_asked_for_once_within_the_limits(days in prop::collection::vec(0_i64..400, 1..600)) {
            let mut days = days;
            days.sort_unstable();
            let posts: Vec<Stale> = days
                .iter()
                .enumerate()
                .map(|(number, &day)| post(number as u64 + 1, date(2024, 1, 1).saturating_add(day.days())))
                .collect();
            let all = batches(posts.clone(), date(2025, 1, 20), DAYS);
            let asked: Vec<Stale> = all.iter().flat_map(|batch| batch.posts.clone()).collect();
            prop_assert_eq!(asked, posts);
            for batch in all {
                prop_assert!(batch.posts.len() <= IDS && !batch.posts.is_empty());
                let span = batch.to - batch.from;
                prop_assert!(span.get_days() <= 28);
                prop_assert!(batch.posts.iter().all(|post| post.day >= batch.from && post.day <= batch.to));
            }
        }
    }
}
