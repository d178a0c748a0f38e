//! `cotag refresh`: stored posts asked for by id; new figures stored, posts that are gone removed.

mod answers;
mod batches;
mod canaries;
mod plan;
mod settle;
mod verdict;
mod work;

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use self::answers::Answers;
use self::batches::DAYS;
use self::canaries::Canaries;
use self::plan::{age, dry_run};
use self::work::Work;
use super::gate::RunGate;
use super::server::Server;
use super::session::Session;
use super::tag::why;
use crate::cli::{Global, RefreshArgs};
use crate::commands::{hashtags, place, store_writer};
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::counted;
use crate::settings::ApiSettings;
use crate::source::research::{Api, Stop};
use crate::store::{Due, PostsWriter, Run, RunInput, Stock, StoreError, StoreWriter, new_id};
use crate::ui::Ui;

/// Batches after which the file is written anew: 20,000 posts.
const AT_ONCE: usize = 200;

pub(in crate::commands) fn run(
    args: &RefreshArgs,
    global: &Global,
    ui: &Ui,
) -> Result<Exit, Error> {
    let settings = ApiSettings::resolve(&args.api, &global.data_dir)?;
    for warning in &settings.warnings {
        ui.warn(warning);
    }
    let age = age(&args.older_than)?;
    let named = hashtags(&args.tags, None)?;
    let stock = Stock::open(&place(global, ui)?)?;
    for tag in &named {
        stock.find(tag)?;
    }
    let tags = if named.is_empty() {
        stock.tags()?
    } else {
        named
    };
    if args.extent.dry_run {
        return dry_run(&stock, &tags, age, ui);
    }
    drop(stock);
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
    /// Sent along to check answers by.
    along: u64,
    /// Asked for under another hashtag before.
    recalled: u64,
    updated: u64,
    /// Not found, and not confirmed yet.
    doubted: u64,
    removed: u64,
    /// There was no other post to check an answer by that found none.
    without_witness: bool,
    /// Batches without an answer that says anything.
    failed: Vec<String>,
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
        let mut store = store_writer(self.global, "refresh", self.ui)?;
        let stock = store.stock()?;
        let mut answers = self.answers(&store)?;
        let mut canaries = Canaries::default();
        let started = self.api.clock().now();
        let run = new_id(started);
        let origin = if self.api.is_synthetic() {
            Origin::Synthetic
        } else {
            Origin::Research
        };
        let mut failed = 0;
        for tag in self.tags {
            let Some((due, mut posts)) = self.opened(&mut store, &stock, tag, origin, started)?
            else {
                continue;
            };
            super::super::import::tell_opened(&format!("#{tag}"), "post", posts.opened(), self.ui);
            let mut tally = Tally::default();
            let mut work = Work {
                refresh: self,
                tag,
                run: &run,
                origin,
                posts: &mut posts,
                answers: &mut answers,
                canaries: &mut canaries,
                stock: &stock,
                tally: &mut tally,
            };
            let stop = work.all(due).await?;
            let line = self.run_line(tag, &run, origin, started, &tally, stop.as_ref());
            let finished = if tally.requests + tally.recalled + tally.removed > 0 {
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

    /// Where answers are kept for the hashtags to come. A database has each post once, whatever it was
    /// collected for: what was found is not due any more.
    fn answers(&self, store: &StoreWriter) -> Result<Answers, Error> {
        let spool = match store {
            StoreWriter::Directory(writer) if self.tags.len() > 1 => {
                Some(tempfile::tempfile_in(writer.store().root())?)
            }
            _ => None,
        };
        Ok(Answers::new(spool))
    }

    /// What is due of a hashtag, and its posts; `None` where there is nothing to do.
    fn opened(
        &self,
        store: &mut StoreWriter,
        stock: &Stock,
        tag: &Hashtag,
        origin: Origin,
        started: Timestamp,
    ) -> Result<Option<(Due, PostsWriter)>, Error> {
        let due = stock.due(tag, origin, started - self.age)?;
        if due.others > 0 {
            self.ui.note(&format!(
                "#{tag}: {} did not come from the Research API and {} left alone",
                counted(due.others, "post"),
                if due.others == 1 { "is" } else { "are" }
            ));
        }
        // A removal that was interrupted is finished even if nothing is due.
        if due.posts == 0 && !stock.has_tombstones(tag)? {
            self.ui.note(&format!("#{tag}: no post is due"));
            return Ok(None);
        }
        match store.posts(tag, origin) {
            // Of the other kind, all of them: nothing of it is due.
            Err(StoreError::Mixed { .. }) => Ok(None),
            opened => Ok(Some((due, opened?))),
        }
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
        let recalled = match tally.recalled {
            0 => String::new(),
            posts => format!(" ({posts} more under another hashtag)"),
        };
        let along = match tally.along {
            0 => String::new(),
            posts => format!(" ({posts} more to check the answers by)"),
        };
        self.ui.note(&format!(
            "#{tag}: {}, {} asked for{recalled}{along}, {} found, {} updated; {} not found, to be looked for again on another day; {} removed as gone",
            counted(tally.requests, "request"),
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
        if tally.without_witness {
            self.ui.warn(&format!(
                "#{tag}: that all of these posts are gone cannot be told without one that is there: download some of other days, or of another hashtag, into the same store and refresh again with --compliance; or delete by hand what you know to be gone"
            ));
        }
    }
}
