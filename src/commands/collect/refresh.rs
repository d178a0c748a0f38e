//! `cotag refresh`: stored posts asked for by id; new figures stored, posts that are gone removed.

mod plan;
mod stale;
mod verdict;

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use self::plan::{age, dry_run};
use self::stale::{Batch, DAYS, Stale, batches, stale};
use self::verdict::{Doubt, judge};
use super::gate::{RunGate, day_of};
use super::server::Server;
use super::session::Session;
use super::tag::why;
use crate::cli::{Global, RefreshArgs};
use crate::commands::{hashtags, needs_directory, writer};
use crate::error::{Error, Exit};
use crate::model::{Format, Hashtag, Origin, PostId};
use crate::output::counted;
use crate::record::Envelope;
use crate::settings::ApiSettings;
use crate::source::research::{
    Api, Ask, Compliance, End, Operation, Progress, Query, Search, Step, Stop, TASK_IDS, Window,
    compliance,
};
use crate::store::{
    HistoryLine, Missing, MissingLine, Run, RunInput, Store, TagWriter, Tombstone, new_id,
};
use crate::ui::Ui;

/// How often a failing request is sent before its batch is given up.
const PATIENCE: u32 = 5;
/// Batches after which the file is written anew: 20,000 posts.
const AT_ONCE: usize = 200;
/// Posts that were found, sent along to batch compliance: an answer that lacks one is not believed.
const CANARIES: usize = 10;

pub(in crate::commands) fn run(
    args: &RefreshArgs,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    needs_directory(global, ui, "refresh")?;
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    let age = age(&args.older_than)?;
    let store = Store::open(&global.data_dir)?;
    let tags: Vec<Hashtag> = match hashtags(&args.tags, None)? {
        named if named.is_empty() => store.tags()?.into_iter().map(|stored| stored.tag).collect(),
        named => {
            for tag in &named {
                store.find(tag)?;
            }
            named
        }
    };
    if args.extent.dry_run {
        return dry_run(&store, &tags, age, ui);
    }
    Server::session(&settings, ui, args.extent.max_requests, None, async |on| {
        let refresh = Refresh {
            args,
            api: on.api,
            gate: on.gate,
            global,
            ui,
            tags: &tags,
            age,
            bearable: Cell::new(DAYS + 2),
        };
        refresh.all(on).await
    })
}

struct Refresh<'c> {
    args: &'c RefreshArgs,
    api: &'c Api<'c>,
    gate: &'c RunGate<'c>,
    global: &'c Global,
    ui: &'c Ui,
    tags: &'c [Hashtag],
    age: SignedDuration,
    /// Longest span in days that the API bears, as far as it has shown.
    bearable: Cell<i64>,
}

/// What happened.
#[derive(Clone, Debug, Default)]
struct Tally {
    requests: u64,
    asked: u64,
    found: u64,
    updated: u64,
    /// Not found, and not confirmed yet.
    doubted: u64,
    removed: u64,
    /// Batches that the servers could not answer.
    failed: Vec<String>,
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
    history: Vec<HistoryLine>,
    /// Posts that were not found.
    missing: Vec<Stale>,
    /// Posts that were found though they had been missing before.
    back: Vec<PostId>,
    /// A few posts that were found.
    canaries: BTreeSet<PostId>,
}

impl Refresh<'_> {
    async fn all(&self, on: Session<'_>) -> Result<Exit, Error> {
        on.login().await?;
        let mut failed = 0;
        let pass = async || {
            let (stop, given_up) = self.pass().await?;
            failed = given_up;
            Ok(stop)
        };
        let stop = on.passes(self.args.extent.wait, pass).await?;
        on.end(stop.as_ref(), failed > 0)
    }

    /// All hashtags once; how many batches failed.
    async fn pass(&self) -> Result<(Option<Stop>, usize), Error> {
        let mut store = writer(self.global, "refresh", self.ui)?;
        let started = self.api.clock().now();
        let run = new_id(started);
        let origin = if self.api.is_synthetic() {
            Origin::Synthetic
        } else {
            Origin::Research
        };
        let mut failed = 0;
        for tag in self.tags {
            let stored = store.store().find(tag)?;
            let found = stale(&stored, origin, started - self.age)?;
            if found.others > 0 {
                self.ui.note(&format!(
                    "#{tag}: {} did not come from the Research API and {} left alone",
                    counted(found.others, "post"),
                    if found.others == 1 { "is" } else { "are" }
                ));
            }
            // A removal that was interrupted is finished even if nothing is due.
            if found.due.is_empty() && !has_tombstones(&stored.posts) {
                self.ui.note(&format!("#{tag}: no post is due"));
                continue;
            }
            let mut posts = match store.tag(tag, origin) {
                // Of the other kind, all of them: nothing of it is due.
                Err(crate::store::StoreError::Mixed { .. }) => continue,
                opened => opened?,
            };
            super::super::import::tell_opened(&format!("#{tag}"), "post", &posts.opened, self.ui);
            let mut tally = Tally::default();
            let stop = self
                .tag(tag, found.due, &mut posts, &run, origin, &mut tally)
                .await?;
            let line = self.run_line(tag, &run, origin, started, &tally, stop.as_ref());
            let finished = if tally.requests + tally.removed > 0 {
                store.finish(vec![(posts, line)])
            } else {
                Ok(())
            };
            if let Err(error) = finished {
                return Err(self.gate.trouble().unwrap_or_else(|| error.into()));
            }
            self.tell(tag, &tally);
            failed += tally.failed.len();
            if stop.is_some() {
                return Ok((stop, failed));
            }
        }
        Ok((None, failed))
    }

    /// One hashtag's posts; what was learnt is written every 20,000 posts, and whatever ends the run.
    async fn tag(
        &self,
        tag: &Hashtag,
        due: Vec<Stale>,
        posts: &mut TagWriter,
        run: &str,
        origin: Origin,
        tally: &mut Tally,
    ) -> Result<Option<Stop>, Error> {
        let rest = posts.bury_the_rest();
        if rest > 0 {
            posts.apply_updates()?;
            tally.removed += rest;
        }
        let mut missing = Missing::read(posts.folder())?;
        let today = day_of(self.api.clock().now());
        let all = batches(due, today, DAYS);
        let posts_due = all.iter().map(|batch| batch.posts.len() as u64).sum();
        self.ui.start_steps(&format!("#{tag}"), posts_due);
        let mut done = 0;
        let mut stop = None;
        for chunk in all.chunks(AT_ONCE) {
            let mut pending = Pending::default();
            let mut queue: VecDeque<Batch> = chunk.to_vec().into();
            while let Some(batch) = queue.pop_front() {
                // A day more on either side is asked for than posts were made on.
                let days = self.bearable.get() - 2;
                if batch.span() > self.bearable.get() && batch.span() > 2 {
                    for cut in batches(batch.posts, today, days.max(0)).into_iter().rev() {
                        queue.push_front(cut);
                    }
                    continue;
                }
                let asked = self
                    .batch(&batch, posts, &missing, (run, origin), &mut pending, tally)
                    .await;
                match asked {
                    Ok(Asked::Answered) => done += batch.posts.len() as u64,
                    // Asked again in smaller pieces.
                    Ok(Asked::TooMuch) => queue.push_front(batch),
                    Err(why) => {
                        stop = Some(why);
                        break;
                    }
                }
                self.ui.step(done, || format!("{} found", tally.found));
            }
            let confirmed = self.confirm(&mut pending, stop.is_none(), tally).await;
            let (confirmed, after) = match confirmed {
                Ok(confirmed) => (confirmed, None),
                Err(why) => (None, Some(why)),
            };
            stop = stop.or(after);
            self.write(
                &pending,
                confirmed.as_ref(),
                posts,
                &mut missing,
                run,
                tally,
            )?;
            if stop.is_some() {
                break;
            }
        }
        self.ui.finish();
        Ok(stop)
    }

    /// Asks for up to a hundred posts. Where the servers could not answer, nothing is concluded from that.
    async fn batch(
        &self,
        batch: &Batch,
        posts: &mut TagWriter,
        missing: &Missing,
        (run, origin): (&str, Origin),
        pending: &mut Pending,
        tally: &mut Tally,
    ) -> Result<Asked, Stop> {
        let fail = |error: Error| self.gate.fail(error);
        let query = query(batch).map_err(|error| fail(Error::failed(error, "this is a defect")))?;
        let ask = Ask {
            query,
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
        let before = tally.requests;
        let end = loop {
            let step = search.next(self.api).await;
            tally.requests = before + search.spent();
            match step? {
                Step::End(end) => break end,
                Step::Page(page) => {
                    if page.synthetic != (origin == Origin::Synthetic) {
                        return Err(fail(mixed()));
                    }
                    let envelope = Envelope {
                        origin,
                        format: Format::Research,
                        fetched: Some(page.fetched),
                        run: run.to_owned(),
                    };
                    for row in &page.rows {
                        let Some(id) = row.id.and_then(PostId::new) else {
                            continue;
                        };
                        let Some(old) = batch.posts.iter().find(|post| post.id == id) else {
                            continue;
                        };
                        if !found.insert(id) {
                            continue;
                        }
                        let line = envelope.seal(&row.raw);
                        posts
                            .offer_update(id, &line, Some(page.fetched))
                            .map_err(|error| fail(error.into()))?;
                        pending.history.push(HistoryLine::new(
                            id.to_string(),
                            old.fetched,
                            page.fetched,
                            old.counts,
                        ));
                        if missing.get(&id.to_string()).is_some_and(|line| !line.found) {
                            pending.back.push(id);
                        }
                    }
                }
            }
        };
        if let End::Overloaded(problem) = &end
            && problem.too_much
            && batch.span() > 2
        {
            self.bearable.set((batch.span() / 2).max(2));
            return Ok(Asked::TooMuch);
        }
        tally.found += found.len() as u64;
        tally.asked += batch.posts.len() as u64;
        match useless(&end, batch, found.len()) {
            Some(why) => tally
                .failed
                .push(format!("{} to {}: {why}", batch.from, batch.to)),
            None => {
                let absent = batch.posts.iter().filter(|post| !found.contains(&post.id));
                pending.missing.extend(absent.cloned());
            }
        }
        let wanted = CANARIES.saturating_sub(pending.canaries.len());
        pending.canaries.extend(found.iter().take(wanted));
        Ok(Asked::Answered)
    }

    /// Asks batch compliance about posts that were not found: those that it does not list are gone.
    /// `None` where it was not asked, or is not believed.
    async fn confirm(
        &self,
        pending: &mut Pending,
        go_on: bool,
        tally: &mut Tally,
    ) -> Result<Option<BTreeSet<PostId>>, Stop> {
        if !self.args.compliance || !go_on || pending.missing.is_empty() {
            return Ok(None);
        }
        if pending.canaries.is_empty() {
            self.ui.warn(
                "no post was found, so that batch compliance cannot be checked and was not asked",
            );
            return Ok(None);
        }
        let mut gone = BTreeSet::new();
        for chunk in pending.missing.chunks(TASK_IDS - CANARIES) {
            let mut ids: BTreeSet<PostId> = chunk.iter().map(|post| post.id).collect();
            ids.extend(&pending.canaries);
            let spent = Cell::new(0);
            let answer = compliance(self.api, &ids, &spent).await;
            tally.requests += spent.get();
            match answer? {
                Compliance::Failed(problem) => {
                    self.ui
                        .warn(&format!("batch compliance gave no answer: {problem}"));
                    return Ok(None);
                }
                Compliance::Valid(valid) => {
                    if pending.canaries.iter().any(|id| !valid.contains(&id.get())) {
                        self.ui.warn(
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

    /// Writes what was learnt: old figures, tombstones, then the posts, then what is still in doubt.
    fn write(
        &self,
        pending: &Pending,
        confirmed: Option<&BTreeSet<PostId>>,
        posts: &mut TagWriter,
        missing: &mut Missing,
        run: &str,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let now = self.api.clock().now();
        let mut stones = Vec::new();
        let mut lines = Vec::new();
        for post in &pending.missing {
            let key = post.id.to_string();
            let known = missing.get(&key).filter(|line| !line.found);
            let listed = confirmed.map(|gone| !gone.contains(&post.id));
            match judge(known, listed, now) {
                Ok(why) => stones.push(Tombstone {
                    id: key,
                    removed: now,
                    fetched: post.fetched,
                    why,
                    run: run.to_owned(),
                }),
                Err(Doubt::Again(first)) => {
                    tally.doubted += 1;
                    lines.push(MissingLine {
                        id: key,
                        first,
                        last: now,
                        found: false,
                    });
                }
                // Not found, and yet it may be kept.
                Err(Doubt::Valid) if known.is_some() => lines.push(MissingLine {
                    id: key,
                    first: now,
                    last: now,
                    found: true,
                }),
                Err(Doubt::Valid) => {}
            }
        }
        lines.extend(pending.back.iter().map(|id| MissingLine {
            id: id.to_string(),
            first: now,
            last: now,
            found: true,
        }));
        posts.remember(&pending.history)?;
        tally.removed += stones.len() as u64;
        if !stones.is_empty() {
            posts.bury(stones)?;
        }
        tally.updated += posts.apply_updates()?;
        missing.put(lines)?;
        Ok(())
    }

    fn run_line(
        &self,
        tag: &Hashtag,
        run: &str,
        origin: Origin,
        started: Timestamp,
        tally: &Tally,
        stop: Option<&Stop>,
    ) -> Run {
        Run {
            run: run.to_owned(),
            command: "refresh".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: origin.name().into(),
            hashtag: tag.to_string(),
            started,
            finished: self.api.clock().now(),
            inputs: vec![RunInput {
                path: format!("{} by id", counted(tally.asked, "post")),
                kind: "research-api query".into(),
                bytes: 0,
                sha256: String::new(),
                stopped: None,
            }],
            read: tally.found,
            updated: tally.updated,
            removed: tally.removed,
            stopped: stop.map_or_else(|| "all asked".into(), why),
            ..Run::default()
        }
    }

    fn tell(&self, tag: &Hashtag, tally: &Tally) {
        self.ui.note(&format!(
            "#{tag}: {} requests, {} asked for, {} found, {} updated; {} not found, to be looked for again on another day; {} removed as gone",
            tally.requests,
            counted(tally.asked, "post"),
            tally.found,
            tally.updated,
            tally.doubted,
            tally.removed
        ));
        for failed in tally.failed.iter().take(5) {
            self.ui.warn(&format!("#{tag}: {failed}"));
        }
        if !tally.failed.is_empty() {
            self.ui.warn(&format!(
                "#{tag}: {} without an answer that can be relied upon; nothing was removed for that",
                counted(tally.failed.len() as u64, "request")
            ));
        }
    }
}

fn mixed() -> Error {
    Error::failed(
        "the server gives made-up posts now and then, and real ones else",
        "check --api-url and the proxy",
    )
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

fn has_tombstones(folders: &[std::path::PathBuf]) -> bool {
    folders
        .iter()
        .any(|folder| folder.join("tombstones.jsonl").is_file())
}

fn query(batch: &Batch) -> Result<Query, String> {
    let ids = batch.posts.iter().map(|post| post.id.to_string());
    let condition = crate::source::research::Condition::new(Operation::In, "video_id", ids);
    Ok(Query {
        and: vec![condition.map_err(|error| error.to_string())?],
        ..Query::default()
    })
}
