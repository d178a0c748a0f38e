//! One hashtag's posts: asked for batch by batch, what was learnt written on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;

use super::answers::{Answer, Answers};
use super::batches::{Batch, DAYS, IDS, batches};
use super::canaries::{Canaries, Home};
use super::verdict::{Doubt, believes, judge};
use super::{AT_ONCE, Refresh, Tally};
use crate::commands::collect::gate::day_of;
use crate::error::Error;
use crate::model::{Format, Hashtag, Origin, PostId};
use crate::record::Envelope;
use crate::source::research::{
    Ask, Condition, End, Operation, Page, Progress, Query, Search, Step, Stop, Window,
};
use crate::store::{Due, DuePost, HistoryLine, MissingLine, PostsWriter, Stock, Tombstone};

/// How often a failing request is sent before its batch is given up.
const PATIENCE: u32 = 5;
/// Posts that were found, sent along to batch compliance: an answer that lacks one is not believed.
pub(super) const CANARIES: usize = 10;

/// A hashtag's posts and what a pass knows.
pub(super) struct Work<'w> {
    pub(super) refresh: &'w Refresh<'w>,
    pub(super) tag: &'w Hashtag,
    pub(super) run: &'w str,
    pub(super) origin: Origin,
    pub(super) posts: &'w mut PostsWriter,
    pub(super) answers: &'w mut Answers,
    pub(super) canaries: &'w mut Canaries,
    pub(super) stock: &'w Stock,
    pub(super) tally: &'w mut Tally,
}

/// What became of a batch.
pub(super) enum Asked {
    /// It was answered, or given up.
    Answered,
    /// It was answered, and nothing can be concluded from that.
    Unproven,
    /// The servers could not bear so many days.
    TooMuch,
}

/// What the answers so far call for, not yet written.
#[derive(Default)]
pub(super) struct Pending {
    history: BTreeMap<PostId, HistoryLine>,
    /// Posts that were not found.
    pub(super) missing: Vec<DuePost>,
    /// Posts that were found though they had been missing before.
    back: Vec<PostId>,
    /// The posts of this portion that had been missing before.
    pub(super) known: BTreeMap<PostId, MissingLine>,
    /// Batches of which nothing was found, and too little of what was sent along.
    pub(super) unproven: Vec<Batch>,
    /// Of these, those that nothing more can be learnt of, and why.
    pub(super) unsaid: Vec<(Batch, String)>,
}

impl Work<'_> {
    /// All posts that are due; what was learnt is written portion by portion, and whatever ends the run.
    pub(super) async fn all(&mut self, mut due: Due) -> Result<Option<Stop>, Error> {
        let ui = self.refresh.ui;
        self.tally.removed += self.posts.bury_the_rest()?;
        self.posts.apply_updates()?;
        ui.start_steps(&format!("#{}", self.tag), due.posts);
        let mut done = 0;
        let mut stop = None;
        while stop.is_none() {
            let portion = due.next(AT_ONCE * IDS)?;
            if portion.is_empty() {
                break;
            }
            stop = self.portion(portion, &due, &mut done).await?;
        }
        ui.finish();
        Ok(stop)
    }

    /// Up to 20,000 posts: a file is written anew once for all of them.
    async fn portion(
        &mut self,
        portion: Vec<DuePost>,
        due: &Due,
        done: &mut u64,
    ) -> Result<Option<Stop>, Error> {
        let ids: Vec<PostId> = portion.iter().map(|post| post.id).collect();
        let mut pending = Pending {
            known: self.posts.missing(&ids)?,
            ..Pending::default()
        };
        let left = self.recall(portion, &mut pending)?;
        *done += (ids.len() - left.len()) as u64;
        let suspect = |post: &DuePost| pending.known.contains_key(&post.id);
        let batches = batches(left, suspect, self.today(), DAYS);
        let mut asked = self.ask_all(batches, due, &mut pending, done).await;
        if asked.is_ok() {
            asked = self.settle(due, &mut pending).await;
        }
        let confirmed = match asked {
            Ok(()) => self.confirm(&pending).await,
            Err(stop) => Err(stop),
        };
        let (confirmed, stop) = match confirmed {
            Ok(confirmed) => (confirmed, None),
            Err(stop) => (None, Some(stop)),
        };
        self.write_missing(&mut pending, confirmed.as_ref())?;
        Ok(stop)
    }

    /// Asks for batches, in smaller ones where the servers cannot bear so many days.
    async fn ask_all(
        &mut self,
        batches: Vec<Batch>,
        due: &Due,
        pending: &mut Pending,
        done: &mut u64,
    ) -> Result<(), Stop> {
        let gate = self.refresh.gate;
        let mut queue = VecDeque::from(batches);
        while let Some(mut batch) = queue.pop_front() {
            if let Some(pieces) = self.cut(&batch, pending) {
                for piece in pieces.into_iter().rev() {
                    queue.push_front(piece);
                }
                continue;
            }
            if batch.lacking > 0 {
                let along = self.along(&batch, due, false)?;
                batch.take_along(along, self.today());
            }
            match self.batch(&batch, pending).await? {
                // Asked again in smaller pieces, maybe without those.
                Asked::TooMuch => {
                    batch.take_along(Vec::new(), self.today());
                    queue.push_front(batch);
                    continue;
                }
                Asked::Unproven => pending.unproven.push(batch.clone()),
                Asked::Answered => {}
            }
            let posts = batch.posts.len() as u64;
            self.tally.asked += posts;
            *done += posts;
            let found = self.tally.found;
            self.refresh.ui.step(*done, || format!("{found} found"));
            if !self.posts.is_rewritten_whole() {
                self.write_found(pending)
                    .map_err(|error| gate.fail(error))?;
            }
        }
        Ok(())
    }

    /// Smaller batches, where one is of more days than the servers bear.
    pub(super) fn cut(&self, batch: &Batch, pending: &Pending) -> Option<Vec<Batch>> {
        if batch.span() <= self.refresh.bearable.get() || batch.span() <= 2 {
            return None;
        }
        let suspect = |post: &DuePost| pending.known.contains_key(&post.id);
        let posts = batch.posts.clone();
        Some(batches(posts, suspect, self.today(), self.days()))
    }

    /// Posts to send along with a batch, to check its answer by; `anywhere`: also of other hashtags.
    pub(super) fn along(
        &mut self,
        batch: &Batch,
        due: &Due,
        anywhere: bool,
    ) -> Result<Vec<DuePost>, Stop> {
        let days = self.days();
        let home = Home {
            tag: self.tag,
            origin: self.origin,
            due,
            posts: self.posts,
        };
        let along = if anywhere {
            self.canaries.anywhere(batch, days, self.stock, home)
        } else {
            self.canaries.of(batch, days, home)
        };
        along.map_err(|error| self.refresh.gate.fail(error))
    }

    /// Most days from the first post of a batch to the last, as far as the servers bear it.
    pub(super) fn days(&self) -> i64 {
        // A day more on either side is asked for than posts were made on.
        (self.refresh.bearable.get() - 2).clamp(0, DAYS)
    }

    pub(super) fn today(&self) -> Date {
        day_of(self.refresh.api.clock().now())
    }

    /// Takes what was answered in this pass under another hashtag; gives the posts to ask for.
    fn recall(
        &mut self,
        portion: Vec<DuePost>,
        pending: &mut Pending,
    ) -> Result<Vec<DuePost>, Error> {
        let mut left = Vec::new();
        for post in portion {
            match self.answers.of(post.id)? {
                None => left.push(post),
                Some(Answer::Found(line, fetched)) => {
                    self.tally.recalled += 1;
                    self.found(&post, &line, fetched, pending)?;
                }
                Some(Answer::Absent) => {
                    self.tally.recalled += 1;
                    pending.missing.push(post);
                }
            }
        }
        Ok(left)
    }

    /// Takes newer figures of a post.
    fn found(
        &mut self,
        old: &DuePost,
        line: &str,
        fetched: Timestamp,
        pending: &mut Pending,
    ) -> Result<(), Error> {
        self.posts.offer_update(old.id, line, Some(fetched))?;
        pending.history.insert(
            old.id,
            HistoryLine::new(old.id.to_string(), old.fetched, fetched, old.counts),
        );
        if pending.known.contains_key(&old.id) {
            pending.back.push(old.id);
        }
        Ok(())
    }

    /// Asks for up to a hundred posts. Where the servers could not answer, nothing is concluded from that.
    pub(super) async fn batch(
        &mut self,
        batch: &Batch,
        pending: &mut Pending,
    ) -> Result<Asked, Stop> {
        let gate = self.refresh.gate;
        let defect = |error: String| gate.fail(Error::failed(error, "this is a defect"));
        let ask = Ask {
            query: query(batch).map_err(defect)?,
            window: Window {
                from: batch.from,
                to: batch.to,
            },
            // A day behind the last post's, so that it matters little whether that day counts.
            end: batch.to,
            part: None,
        };
        let mut search = Search::new(ask, Progress::default(), PATIENCE);
        let mut found = BTreeMap::new();
        let before = self.tally.requests;
        let end = loop {
            let step = search.next(self.refresh.api).await;
            self.tally.requests = before + search.spent();
            match step? {
                Step::End(end) => break end,
                Step::Page(page) => self
                    .page(&page, batch, &mut found, pending)
                    .map_err(|error| gate.fail(error))?,
            }
        };
        if let End::Overloaded(problem) = &end
            && problem.too_much
            && batch.span() > 2
        {
            self.refresh.bearable.set((batch.span() / 2).max(2));
            return Ok(Asked::TooMuch);
        }
        let is_found = |post: &&DuePost| found.contains_key(&post.id);
        let posts = batch.posts.iter().filter(is_found).count();
        let canaries = batch.canaries.iter().filter(is_found).count();
        self.tally.found += posts as u64;
        self.tally.along += batch.canaries.len() as u64;
        for post in batch.posts.iter().chain(&batch.canaries) {
            if let Some(&fetched) = found.get(&post.id) {
                self.canaries.seen(post, fetched);
            }
        }
        if let Some(why) = useless(&end) {
            let failed = format!("{} to {}: {why}", batch.from, batch.to);
            self.tally.failed.push(failed);
            return Ok(Asked::Answered);
        }
        for post in &batch.canaries {
            if !is_found(&post) {
                self.canaries.unseen(post.id);
            }
        }
        if !believes(posts, canaries, batch.canaries.len()) {
            return Ok(Asked::Unproven);
        }
        let absent: Vec<&DuePost> = batch.posts.iter().filter(|post| !is_found(post)).collect();
        self.absent(&absent, pending);
        Ok(Asked::Answered)
    }

    /// Takes posts as not found.
    pub(super) fn absent(&mut self, posts: &[&DuePost], pending: &mut Pending) {
        for &post in posts {
            self.answers.absent(post.id);
            pending.missing.push(post.clone());
        }
    }

    fn page(
        &mut self,
        page: &Page,
        batch: &Batch,
        found: &mut BTreeMap<PostId, Timestamp>,
        pending: &mut Pending,
    ) -> Result<(), Error> {
        if page.synthetic != (self.origin == Origin::Synthetic) {
            return Err(Error::failed(
                "the server gives made-up posts now and then, and real ones else",
                "check --api-url and the proxy",
            ));
        }
        let envelope = Envelope {
            origin: self.origin,
            format: Format::Research,
            fetched: Some(page.fetched),
            run: self.run.to_owned(),
        };
        for row in &page.rows {
            let Some(id) = row.id.and_then(PostId::new) else {
                continue;
            };
            let is = |post: &&DuePost| post.id == id;
            if let Some(old) = batch.posts.iter().find(is) {
                if found.insert(id, page.fetched).is_none() {
                    let line = envelope.seal(&row.raw);
                    self.answers.found(id, &line, page.fetched)?;
                    self.found(old, &line, page.fetched, pending)?;
                }
            } else if batch.canaries.iter().any(|post| post.id == id) {
                found.insert(id, page.fetched);
            }
        }
        Ok(())
    }

    /// Writes old figures, then the posts that replace them.
    fn write_found(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let history: Vec<HistoryLine> =
            std::mem::take(&mut pending.history).into_values().collect();
        self.posts.remember(&history)?;
        self.posts.apply_updates()?;
        self.tally.updated = self.posts.taken().updated;
        Ok(())
    }

    /// Writes the rest: old figures, tombstones, then the posts, then what is still in doubt.
    fn write_missing(
        &mut self,
        pending: &mut Pending,
        confirmed: Option<&BTreeSet<PostId>>,
    ) -> Result<(), Error> {
        let now = self.refresh.api.clock().now();
        let mut stones = Vec::new();
        let mut lines = Vec::new();
        let mut undecided = Vec::new();
        for (batch, why) in std::mem::take(&mut pending.unsaid) {
            if confirmed.is_some() {
                undecided.extend(batch.posts);
            } else {
                let failed = format!("{} to {}: {why}", batch.from, batch.to);
                self.tally.failed.push(failed);
            }
        }
        for post in pending.missing.iter().chain(&undecided) {
            let key = post.id.to_string();
            let known = pending.known.get(&post.id);
            let listed = confirmed.map(|gone| !gone.contains(&post.id));
            match judge(known, listed, now) {
                Ok(why) => stones.push(Tombstone {
                    id: key,
                    removed: now,
                    fetched: post.fetched,
                    why,
                    run: self.run.to_owned(),
                }),
                Err(Doubt::Again(first)) => {
                    self.tally.doubted += 1;
                    lines.push(line(key, first, now, false));
                }
                // Not found, and yet it may be kept.
                Err(Doubt::Valid) if known.is_some() => lines.push(line(key, now, now, true)),
                Err(Doubt::Valid) => {}
            }
        }
        let back = pending.back.iter();
        lines.extend(back.map(|id| line(id.to_string(), now, now, true)));
        self.tally.removed += stones.len() as u64;
        if !stones.is_empty() {
            self.posts.bury(stones)?;
        }
        self.write_found(pending)?;
        self.posts.put_missing(lines)?;
        Ok(())
    }
}

fn line(id: String, first: Timestamp, last: Timestamp, found: bool) -> MissingLine {
    MissingLine {
        id,
        first,
        last,
        found,
    }
}

/// Why there is no answer.
fn useless(end: &End) -> Option<String> {
    match end {
        End::Overloaded(problem) | End::Rejected(problem) => Some(problem.message.clone()),
        End::Idle => Some("page after page without anything new, and no end".to_owned()),
        End::Done => None,
    }
}

fn query(batch: &Batch) -> Result<Query, String> {
    let ids = batch.posts.iter().chain(&batch.canaries);
    let ids = ids.map(|post| post.id.to_string());
    let condition = Condition::new(Operation::In, "video_id", ids);
    Ok(Query {
        and: vec![condition.map_err(|error| error.to_string())?],
        ..Query::default()
    })
}
