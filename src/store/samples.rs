//! A few posts of every day, those fetched last: enough to send along where an answer is to be checked.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::DuePost;

/// Most posts kept of a day.
const OF_A_DAY: usize = 12;

/// A few posts of every day.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<Date, Vec<DuePost>>);

impl Samples {
    /// Keeps a post, unless its day has enough that were fetched later.
    pub fn keep(&mut self, post: DuePost) {
        let of_day = self.0.entry(post.day).or_default();
        if let Some(same) = of_day.iter_mut().find(|kept| kept.id == post.id) {
            same.fetched = same.fetched.max(post.fetched);
        } else if of_day.len() < OF_A_DAY {
            of_day.push(post);
        } else if let Some(oldest) = of_day.iter_mut().min_by_key(|kept| (kept.fetched, kept.id))
            && (oldest.fetched, oldest.id) < (post.fetched, post.id)
        {
            *oldest = post;
        }
    }

    /// Takes over those of another.
    pub fn merge(&mut self, other: Self) {
        for post in other.0.into_values().flatten() {
            self.keep(post);
        }
    }

    /// Posts of these days, at most so many, the last fetched first.
    #[must_use]
    pub fn within(&self, days: RangeInclusive<Date>, most: usize) -> Vec<DuePost> {
        if days.is_empty() {
            return Vec::new();
        }
        let mut posts: Vec<DuePost> = self.0.range(days).flat_map(|(_, of)| of).cloned().collect();
        posts.sort_by_key(|post| Reverse((post.fetched, post.id)));
        posts.truncate(most);
        posts
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::civil::date;

    use super::*;
    use crate::model::{Counts, PostId};

    #[test]
    fn the_last_fetched_of_a_day_are_kept_each_once() {
        let post = |id: u64, fetched: i64, day| DuePost {
            id: PostId::new(id).unwrap(),
            day,
            fetched: Timestamp::from_second(fetched).ok(),
            counts: Counts::default(),
        };
        let (first, second) = (date(2024, 5, 1), date(2024, 5, 2));
        let (mut samples, mut more) = (Samples::default(), Samples::default());
        assert!(samples.is_empty());
        for id in 1..=20 {
            samples.keep(post(id, 100 - id.cast_signed(), first));
            samples.keep(post(id, 50, first));
        }
        more.keep(post(30, 7, second));
        more.keep(post(31, 1000, first));
        samples.merge(more);
        let ids = |days, most| -> Vec<u64> {
            let posts = samples.within(days, most);
            posts.iter().map(|post| post.id.get()).collect()
        };
        assert_eq!(ids(first..=first, 3), [31, 1, 2]);
        assert_eq!(ids(first..=second, 100).len(), OF_A_DAY + 1);
        assert_eq!(ids(second..=second, 100), [30]);
        assert!(ids(second..=first, 100).is_empty());
    }
}
