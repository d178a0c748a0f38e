//! One hashtag's posts: asked for batch by batch, what was learnt written on the way.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::answers::{Answer, Answers};
use super::batches::{Batch, DAYS, IDS, batches};
use super::verdict::{self, Doubt, judge};
use super::{AT_ONCE, Refresh, Tally};
use crate::commands::collect::gate::day_of;
use crate::error::Error;
use crate::model::{Format, Hashtag, Origin, PostId};
use crate::output::counted;
use crate::record::Envelope;
use crate::source::research::{
    Ask, Compliance, Condition, End, Operation, Page, Progress, Query, Search, Step, Stop,
    TASK_IDS, Window, compliance,
};
use crate::store::{Due, DuePost, HistoryLine, MissingLine, PostsWriter, Tombstone};

/// How often a failing request is sent before its batch is given up.
const PATIENCE: u32 = 5;
/// Posts that were found, sent along to batch compliance: an answer that lacks one is not believed.
const CANARIES: usize = 10;

/// A hashtag's posts and what a pass knows.
pub(super) struct Work<'w> {
    pub(super) refresh: &'w Refresh<'w>,
    pub(super) tag: &'w Hashtag,
    pub(super) run: &'w str,
    pub(super) origin: Origin,
    pub(super) posts: &'w mut PostsWriter,
    pub(super) answers: &'w mut Answers,
    pub(super) tally: &'w mut Tally,
}

/// What became of a batch.
enum Asked {
    /// It was answered, or given up.
    Answered,
    /// The servers could not bear so many days.
    TooMuch,
}

/// What the answers so far call for, not yet written.
#[derive(Default)]
struct Pending {
    history: BTreeMap<PostId, HistoryLine>,
    /// Posts that were not found.
    missing: Vec<DuePost>,
    /// Posts that were found though they had been missing before.
    back: Vec<PostId>,
    /// A few posts that were found.
    canaries: BTreeSet<PostId>,
    /// The posts of this portion that had been missing before.
    known: BTreeMap<PostId, MissingLine>,
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
            stop = self.portion(portion, &mut done).await?;
        }
        ui.finish();
        Ok(stop)
    }

    /// Up to 20,000 posts: a file is written anew once for all of them.
    async fn portion(
        &mut self,
        portion: Vec<DuePost>,
        done: &mut u64,
    ) -> Result<Option<Stop>, Error> {
        let ids: Vec<PostId> = portion.iter().map(|post| post.id).collect();
        let mut pending = Pending {
            known: self.posts.missing(&ids)?,
            ..Pending::default()
        };
        let today = day_of(self.refresh.api.clock().now());
        let left = self.recall(portion, &mut pending)?;
        *done += (ids.len() - left.len()) as u64;
        let mut queue: VecDeque<Batch> = batches(left, today, DAYS).into();
        let mut stop = None;
        while let Some(batch) = queue.pop_front() {
            let bearable = self.refresh.bearable.get();
            if batch.span() > bearable && batch.span() > 2 {
                // A day more on either side is asked for than posts were made on.
                let cut = batches(batch.posts, today, (bearable - 2).max(0));
                for batch in cut.into_iter().rev() {
                    queue.push_front(batch);
                }
                continue;
            }
            match self.batch(&batch, &mut pending).await {
                Ok(Asked::Answered) => *done += batch.posts.len() as u64,
                // Asked again in smaller pieces.
                Ok(Asked::TooMuch) => queue.push_front(batch),
                Err(why) => {
                    stop = Some(why);
                    break;
                }
            }
            let found = self.tally.found;
            self.refresh.ui.step(*done, || format!("{found} found"));
            if !self.posts.is_rewritten_whole() {
                self.write_found(&mut pending)?;
            }
        }
        let (confirmed, after) = match self.confirm(&pending, stop.is_none()).await {
            Ok(confirmed) => (confirmed, None),
            Err(why) => (None, Some(why)),
        };
        self.write_missing(&mut pending, confirmed.as_ref())?;
        Ok(stop.or(after))
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
                    pending.keep_canary(post.id);
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
    async fn batch(&mut self, batch: &Batch, pending: &mut Pending) -> Result<Asked, Stop> {
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
        let mut found = BTreeSet::new();
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
        self.tally.found += found.len() as u64;
        self.tally.asked += batch.posts.len() as u64;
        match useless(&end, batch, found.len()) {
            Some(why) => self
                .tally
                .failed
                .push(format!("{} to {}: {why}", batch.from, batch.to)),
            None => {
                let absent = |post: &&DuePost| !found.contains(&post.id);
                for post in batch.posts.iter().filter(absent) {
                    self.answers.absent(post.id);
                    pending.missing.push(post.clone());
                }
            }
        }
        for &id in &found {
            pending.keep_canary(id);
        }
        Ok(Asked::Answered)
    }

    fn page(
        &mut self,
        page: &Page,
        batch: &Batch,
        found: &mut BTreeSet<PostId>,
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
            let old = row.id.and_then(PostId::new).and_then(|id| {
                let wanted = |post: &&DuePost| post.id == id;
                batch.posts.iter().find(wanted)
            });
            if let Some(old) = old
                && found.insert(old.id)
            {
                let line = envelope.seal(&row.raw);
                self.answers.found(old.id, &line, page.fetched)?;
                self.found(old, &line, page.fetched, pending)?;
            }
        }
        Ok(())
    }

    /// Asks batch compliance about posts that were not found: those that it does not list are gone.
    /// `None` where it was not asked, or is not believed.
    async fn confirm(
        &mut self,
        pending: &Pending,
        go_on: bool,
    ) -> Result<Option<BTreeSet<PostId>>, Stop> {
        let ui = self.refresh.ui;
        if !self.refresh.args.compliance || !go_on || pending.missing.is_empty() {
            return Ok(None);
        }
        if pending.canaries.is_empty() {
            ui.warn(
                "no post was found, so that batch compliance cannot be checked and was not asked",
            );
            return Ok(None);
        }
        let mut gone = BTreeSet::new();
        for chunk in pending.missing.chunks(TASK_IDS - CANARIES) {
            let mut ids: BTreeSet<PostId> = chunk.iter().map(|post| post.id).collect();
            ids.extend(&pending.canaries);
            let spent = Cell::new(0);
            let answer = compliance(self.refresh.api, &ids, &spent).await;
            self.tally.requests += spent.get();
            match answer? {
                Compliance::Failed(problem) => {
                    ui.warn(&format!("batch compliance gave no answer: {problem}"));
                    return Ok(None);
                }
                Compliance::Valid(valid) => {
                    if pending.canaries.iter().any(|id| !valid.contains(&id.get())) {
                        ui.warn(
                            "batch compliance does not list posts that were found a moment ago: its answer is not believed",
                        );
                        return Ok(None);
                    }
                    gone.extend(ids.into_iter().filter(|id| !valid.contains(&id.get())));
                }
            }
        }
        Ok(Some(gone))
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
        for post in &pending.missing {
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

impl Pending {
    fn keep_canary(&mut self, id: PostId) {
        if self.canaries.len() < CANARIES {
            self.canaries.insert(id);
        }
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

/// Why nothing can be concluded from posts that an answer lacks.
fn useless(end: &End, batch: &Batch, found: usize) -> Option<String> {
    match end {
        End::Overloaded(problem) | End::Rejected(problem) => Some(problem.message.clone()),
        End::Idle => Some("page after page without anything new, and no end".to_owned()),
        End::Done if found == 0 && batch.posts.len() >= verdict::TOO_MANY => Some(format!(
            "none of {} was found, which says more about the answer than about the posts",
            counted(batch.posts.len() as u64, "post")
        )),
        End::Done => None,
    }
}

fn query(batch: &Batch) -> Result<Query, String> {
    let ids = batch.posts.iter().map(|post| post.id.to_string());
    let condition = Condition::new(Operation::In, "video_id", ids);
    Ok(Query {
        and: vec![condition.map_err(|error| error.to_string())?],
        ..Query::default()
    })
}
