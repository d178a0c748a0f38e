//! In which batches posts are asked for. Pure.

use std::ops::RangeInclusive;

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
    /// Posts that are sent along: an answer that finds too few of them says nothing.
    pub(super) canaries: Vec<DuePost>,
    /// For how many of them there is need, and room: posts that may be gone do not vouch for an answer.
    pub(super) lacking: usize,
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

    /// The days of the posts.
    pub(super) fn days(&self) -> RangeInclusive<Date> {
        let first = self.posts.first().map_or(self.from, |post| post.day);
        first..=self.posts.last().map_or(first, |post| post.day)
    }

    /// The days that a post may be of in a batch of at most so many days.
    pub(super) fn reach(&self, span: i64) -> RangeInclusive<Date> {
        let (first, last) = self.days().into_inner();
        last.saturating_sub(span.days())..=first.saturating_add(span.days())
    }

    /// How many days a day is away from those of the posts.
    pub(super) fn distance(&self, day: Date) -> i32 {
        let (first, last) = self.days().into_inner();
        let days = |from: Date, to: Date| to.since(from).map_or(0, |span| span.get_days());
        days(day, first).max(days(last, day)).max(0)
    }

    /// Sends posts along.
    pub(super) fn take_along(&mut self, canaries: Vec<DuePost>, today: Date) {
        self.canaries = canaries;
        self.set_days(today);
    }

    fn set_days(&mut self, today: Date) {
        let days = self.posts.iter().chain(&self.canaries).map(|post| post.day);
        let first = days.clone().min().unwrap_or(self.from);
        let last = days.max().unwrap_or(self.to);
        // The API counts days its own way at their edges.
        self.from = first.saturating_sub(1.day());
        self.to = last.saturating_add(1.day()).min(today.max(last));
    }
}

/// How many posts vouch for the answer about so many others: a tenth, at least 3, at most 10.
pub(super) fn canaries_for(posts: usize) -> usize {
    posts.div_ceil(10).clamp(3, 10)
}

/// Puts posts in the order of their days into batches of at most so many days from the first to the last,
/// with room for canaries where few but suspects are in them.
pub(super) fn batches(
    posts: Vec<DuePost>,
    is_suspect: impl Fn(&DuePost) -> bool,
    today: Date,
    days: i64,
) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut suspects = 0;
    for post in posts {
        let suspect = usize::from(is_suspect(&post));
        if let Some(last) = batches.last_mut()
            && let Some(first) = last.posts.first()
            && first.day.saturating_add(days.days()) >= post.day
        {
            let all = last.posts.len() + 1;
            let lacking = canaries_for(all).saturating_sub(all - suspects - suspect);
            if all + lacking <= IDS {
                suspects += suspect;
                last.lacking = lacking;
                last.posts.push(post);
                continue;
            }
        }
        suspects = suspect;
        batches.push(Batch {
            from: post.day,
            to: post.day,
            canaries: Vec::new(),
            lacking: canaries_for(1) - 1 + suspect,
            posts: vec![post],
        });
    }
    for batch in &mut batches {
        batch.set_days(today);
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
        fn every_post_is_asked_for_once_within_the_limits(days in prop::collection::vec(0_i64..400, 1..600), one_in in 1_u64..5) {
            let mut days = days;
            days.sort_unstable();
            let posts: Vec<DuePost> = days
                .iter()
                .enumerate()
                .map(|(number, &day)| post(number as u64 + 1, date(2024, 1, 1).saturating_add(day.days())))
                .collect();
            let suspect = |post: &DuePost| post.id.get().is_multiple_of(one_in);
            let all = batches(posts.clone(), suspect, date(2025, 1, 20), DAYS);
            let asked: Vec<DuePost> = all.iter().flat_map(|batch| batch.posts.clone()).collect();
            prop_assert_eq!(asked, posts);
            for batch in all {
                prop_assert!(batch.posts.len() + batch.lacking <= IDS && !batch.posts.is_empty());
                let others = batch.posts.iter().filter(|post| !suspect(post)).count();
                prop_assert!(batch.lacking + others >= canaries_for(batch.posts.len()));
                let span = batch.to - batch.from;
                prop_assert!(span.get_days() <= 28);
                prop_assert!(batch.posts.iter().all(|post| post.day >= batch.from && post.day <= batch.to));
            }
        }
    }

    #[test]
    fn a_hundred_suspects_fill_two_requests_and_ordinary_posts_one() {
        let posts: Vec<DuePost> = (1..=100).map(|id| post(id, date(2024, 5, 1))).collect();
        let sizes = |suspect: bool| -> Vec<(usize, usize)> {
            let all = batches(posts.clone(), |_| suspect, date(2024, 6, 1), DAYS);
            all.iter()
                .map(|batch| (batch.posts.len(), batch.lacking))
                .collect()
        };
        assert_eq!(sizes(false), [(100, 0)]);
        assert_eq!(sizes(true), [(90, 9), (10, 3)]);
    }

    #[test]
    fn days_around_a_batch_are_counted_from_its_edges() {
        let day = |day| date(2024, 5, day);
        let mut all = batches(
            vec![post(1, day(10)), post(2, day(12))],
            |_| true,
            day(31),
            DAYS,
        );
        let batch = &mut all[0];
        assert_eq!(batch.reach(5), day(7)..=day(15));
        let away: Vec<i32> = [7, 10, 11, 12, 14]
            .map(|at| batch.distance(day(at)))
            .to_vec();
        assert_eq!(away, [3, 0, 0, 0, 2]);
        batch.take_along(vec![post(3, day(31))], day(31));
        assert_eq!((batch.from, batch.to, batch.span()), (day(9), day(31), 22));
    }
}
