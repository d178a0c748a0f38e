//! Canaries: posts that were found lately, sent along where posts are asked for that may all be gone, so
//! that an answer that finds none of these can be judged.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};

use super::batches::{Batch, batches, canaries_for};
use crate::error::Error;
use crate::model::{Hashtag, Origin, PostId};
use crate::store::{Due, DuePost, PostsWriter, Samples, Stock, StoreError};

/// Posts looked at in search of canaries for a batch.
const CANDIDATES: usize = 60;
/// All days that a post can be of.
const ANY_DAY: RangeInclusive<Date> = date(1970, 1, 1)..=date(2999, 12, 31);

/// Where canaries come from, in a pass.
#[derive(Debug, Default)]
pub(super) struct Canaries {
    /// Posts that were found in this pass, whatever hashtag they are stored for.
    found: Samples,
    /// Posts that were sent along and not found.
    unseen: BTreeSet<PostId>,
    /// The posts of the store's hashtags.
    elsewhere: Option<Vec<(Hashtag, Due)>>,
}

/// A hashtag whose posts are asked for.
#[derive(Clone, Copy)]
pub(super) struct Home<'h> {
    pub(super) tag: &'h Hashtag,
    pub(super) origin: Origin,
    pub(super) due: &'h Due,
    pub(super) posts: &'h PostsWriter,
}

impl Canaries {
    /// Notes a post that was found.
    pub(super) fn seen(&mut self, post: &DuePost, fetched: Timestamp) {
        let fetched = Some(fetched);
        self.found.keep(DuePost {
            fetched,
            ..post.clone()
        });
    }

    /// Notes a canary that was not found.
    pub(super) fn unseen(&mut self, id: PostId) {
        self.unseen.insert(id);
    }

    /// Whether the servers have found any post in this pass.
    pub(super) fn any_seen(&self) -> bool {
        !self.found.is_empty()
    }

    /// A few posts that were found, at most so many.
    pub(super) fn some_seen(&self, most: usize) -> BTreeSet<PostId> {
        let seen = self.found.within(ANY_DAY, most);
        seen.iter().map(|post| post.id).collect()
    }

    /// Canaries for a batch, as many as it lacks if there are: of its days or not far from them.
    pub(super) fn of(
        &mut self,
        batch: &Batch,
        span: i64,
        home: Home<'_>,
    ) -> Result<Vec<DuePost>, Error> {
        let mut chosen = Vec::new();
        for days in [batch.days(), batch.reach(span)] {
            if chosen.len() < batch.lacking {
                let found = self.found.within(days.clone(), CANDIDATES);
                self.choose(found, batch, span, &mut chosen);
            }
            if chosen.len() < batch.lacking {
                let lately = self.stored(home.due, days, home.posts)?;
                self.choose(lately, batch, span, &mut chosen);
            }
        }
        Ok(chosen)
    }

    /// As [`Canaries::of`], also of other hashtags, however long ago they were fetched.
    pub(super) fn anywhere(
        &mut self,
        batch: &Batch,
        span: i64,
        stock: &Stock,
        home: Home<'_>,
    ) -> Result<Vec<DuePost>, Error> {
        let mut chosen = self.of(batch, span, home)?;
        for days in [batch.days(), batch.reach(span)] {
            if chosen.len() >= batch.lacking {
                break;
            }
            let candidates = self.elsewhere(days, stock, home)?;
            self.choose(candidates, batch, span, &mut chosen);
        }
        Ok(chosen)
    }

    /// Posts of any days that are asked for only to see whether the servers find any; `None` where the
    /// store has no others.
    pub(super) fn witnesses(
        &mut self,
        today: Date,
        span: i64,
        stock: &Stock,
        home: Home<'_>,
    ) -> Result<Option<Batch>, Error> {
        let mut posts = self.stored(home.due, ANY_DAY, home.posts)?;
        if posts.is_empty() {
            posts = self.elsewhere(ANY_DAY, stock, home)?;
        }
        posts.sort_by_key(|post| (post.day, post.id));
        posts.dedup_by_key(|post| post.id);
        let groups = batches(posts, |_| false, today, span);
        let largest = groups.into_iter().max_by_key(|group| group.posts.len());
        Ok(largest.map(|mut group| {
            let mut posts = std::mem::take(&mut group.posts);
            posts.truncate(canaries_for(posts.len()));
            group.take_along(posts, today);
            group
        }))
    }

    /// Posts of a hashtag that are not due, and do not wait for a second look.
    fn stored(
        &self,
        due: &Due,
        days: RangeInclusive<Date>,
        posts: &PostsWriter,
    ) -> Result<Vec<DuePost>, StoreError> {
        let mut lately = due.lately(days, CANDIDATES + self.unseen.len())?;
        let ids: Vec<PostId> = lately.iter().map(|post| post.id).collect();
        let waiting = posts.missing(&ids)?;
        lately.retain(|post| !waiting.contains_key(&post.id) && !self.unseen.contains(&post.id));
        Ok(lately)
    }

    /// Posts of the store's other hashtags.
    fn elsewhere(
        &mut self,
        days: RangeInclusive<Date>,
        stock: &Stock,
        home: Home<'_>,
    ) -> Result<Vec<DuePost>, StoreError> {
        let all = match self.elsewhere.take() {
            Some(all) => all,
            None => all_of(stock, home.origin)?,
        };
        let mut posts = Vec::new();
        for (_, due) in all.iter().filter(|(tag, _)| tag != home.tag) {
            posts.extend(self.stored(due, days.clone(), home.posts)?);
            if posts.len() >= CANDIDATES {
                break;
            }
        }
        self.elsewhere = Some(all);
        Ok(posts)
    }

    /// Adds candidates as long as the batch lacks some and does not get longer than so many days.
    fn choose(
        &self,
        mut candidates: Vec<DuePost>,
        batch: &Batch,
        span: i64,
        chosen: &mut Vec<DuePost>,
    ) {
        candidates.sort_by_key(|post| batch.distance(post.day));
        for post in candidates {
            if chosen.len() >= batch.lacking {
                break;
            }
            let taken = |other: &DuePost| other.id == post.id;
            if self.unseen.contains(&post.id)
                || batch.posts.iter().any(taken)
                || chosen.iter().any(taken)
            {
                continue;
            }
            let days = batch.posts.iter().chain(chosen.iter());
            let days = days.map(|post| post.day).chain([post.day]);
            let (first, last) = (days.clone().min(), days.max());
            if let (Some(first), Some(last)) = (first, last)
                && first.saturating_add(span.days()) >= last
            {
                chosen.push(post);
            }
        }
    }
}

/// The posts of all hashtags, none of them due.
fn all_of(stock: &Stock, origin: Origin) -> Result<Vec<(Hashtag, Due)>, StoreError> {
    let mut all = Vec::new();
    for tag in stock.tags()? {
        let due = stock.due(&tag, origin, Timestamp::UNIX_EPOCH)?;
        all.push((tag, due));
    }
    Ok(all)
}
