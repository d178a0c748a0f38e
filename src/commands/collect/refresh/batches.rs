//! In which batches posts are asked for. Pure.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::store::DuePost;

/// Most ids of a request.
pub(super) const IDS: usize = 100;
/// Longest span of days of a batch; with the day before and the day after it is below the API's limit.
pub(super) const DAYS: i64 = 26;

/// Posts that are asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) posts: Vec<DuePost>,
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

/// Puts posts in the order of their days into batches of at most so many days from the first to the last.
pub(super) fn batches(posts: Vec<DuePost>, today: Date, days: i64) -> Vec<Batch> {
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
    use crate::model::{Counts, PostId};

    fn post(id: u64, day: Date) -> DuePost {
        DuePost {
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
            let posts: Vec<DuePost> = days
                .iter()
                .enumerate()
                .map(|(number, &day)| post(number as u64 + 1, date(2024, 1, 1).saturating_add(day.days())))
                .collect();
            let all = batches(posts.clone(), date(2025, 1, 20), DAYS);
            let asked: Vec<DuePost> = all.iter().flat_map(|batch| batch.posts.clone()).collect();
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
