//! One pass over all subjects, under one lock: until all is asked, or nothing more may be today.

use std::cell::{Cell, RefCell};

use jiff::Timestamp;

use super::plan::{Wish, left_alone, plan};
use super::report::{tell, tell_left_alone};
use super::shelf::{Shelf, Shelves};
use super::tag::{Tag, Tally, why};
use super::{Collection, Subject};
use crate::error::Error;
use crate::model::Origin;
use crate::source::research::Stop;
use crate::store::{EndDate, Run, RunInput, new_id};

/// The store, locked for one pass; given back while waiting for the next day.
pub(super) struct Pass<'c> {
    of: &'c Collection<'c>,
    shelves: Shelves,
    run: String,
    started: Timestamp,
}

/// How a pass ended.
#[derive(Default)]
pub(super) struct Outcome {
    /// What ended it early.
    pub(super) stop: Option<Stop>,
    /// Windows given up.
    pub(super) failed: usize,
    /// Posts stored.
    pub(super) new: u64,
}

impl<'c> Pass<'c> {
    /// # Errors
    /// The store cannot be had for writing.
    pub(super) fn open(of: &'c Collection<'c>) -> Result<Self, Error> {
        let started = of.api.clock().now();
        Ok(Self {
            shelves: Shelves::open(of.global, of.request.command, of.ui)?,
            run: new_id(started),
            started,
            of,
        })
    }

    /// Asks for all that is missing of all subjects.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn run(mut self) -> Result<Outcome, Error> {
        let mut outcome = Outcome::default();
        let mut subjects = self.of.request.subjects.iter();
        for subject in subjects.by_ref() {
            let (tally, stop) = self.subject(subject).await?;
            outcome.new += tally.new;
            outcome.failed += tally.failed.len();
            if stop.is_some() {
                outcome.stop = stop;
                break;
            }
        }
        let rest: Vec<String> = subjects.map(|left| format!("#{}", left.name)).collect();
        if !rest.is_empty() {
            let rest = rest.join(", ");
            self.of.ui.note(&format!("not asked in this run: {rest}"));
        }
        Ok(outcome)
    }

    async fn subject(&mut self, subject: &Subject) -> Result<(Tally, Option<Stop>), Error> {
        let of = self.of;
        let origin = if of.api.is_synthetic() {
            Origin::Synthetic
        } else {
            Origin::Research
        };
        let shelf = self.shelves.shelf(&subject.name, origin, of.ui)?;
        let key = subject.query.key();
        let known = shelf.windows(&key);
        let shown = [Some(EndDate::Inclusive), Some(EndDate::Exclusive)];
        let marks = known.iter().filter(|line| shown.contains(&line.end_date));
        if let Some(last) = marks.max_by_key(|line| line.at) {
            of.end_date.set(last.end_date);
        }
        let mut wish = of.request.wish(&known, Tag::today(of.api));
        wish.end_left_out = of.end_date.get() == Some(EndDate::Exclusive);
        let tasks = plan(&known, &subject.query, &wish);
        tell_left_alone(&subject.name, &left_alone(&known, &wish), of.ui);
        let last_day = of.request.last_day(wish.today);
        if wish.span.to > last_day {
            of.ui.warn(&format!(
                "the API may not have all posts after {last_day} yet: these days are asked for again later"
            ));
        }
        let days: u64 = tasks
            .iter()
            .filter(|task| task.part.is_none())
            .map(|task| u64::from(task.window.days()))
            .sum();
        of.ui.start_steps(&format!("#{}", subject.name), days);
        let tag = Tag {
            subject,
            api: of.api,
            gate: of.gate,
            ui: of.ui,
            run: &self.run,
            origin,
            query_key: key,
            wish,
            limit: of.request.span.limit,
            shelf,
            tally: RefCell::default(),
            answered: Cell::new(false),
            doubt: Cell::new(false),
            too_much: Cell::new(false),
            bearable: Cell::new(u32::from(of.request.span.window)),
            days_done: Cell::new(0),
            waited_for: RefCell::default(),
            end_date: &of.end_date,
            silent: RefCell::default(),
        };
        let stop = tag
            .run(tasks, usize::from(of.request.span.concurrency))
            .await;
        of.ui.finish();
        let (tally, shelf) = (tag.tally.into_inner(), tag.shelf);
        self.close(subject, &wish, origin, &tally, stop.as_ref(), shelf)?;
        Ok((tally, stop))
    }

    /// Ids and ledger, and the seed tool's lines. On every end, also an early one.
    fn close(
        &mut self,
        subject: &Subject,
        wish: &Wish,
        origin: Origin,
        tally: &Tally,
        stop: Option<&Stop>,
        shelf: Shelf,
    ) -> Result<(), Error> {
        let stored = shelf.len();
        // A run that had nothing to ask leaves no trace, however often cron starts it.
        let run = (tally.requests > 0 || shelf.mended()).then(|| {
            let query = subject.query.to_json().to_string();
            Run {
                run: self.run.clone(),
                command: self.of.request.command.into(),
                version: env!("CARGO_PKG_VERSION").into(),
                origin: origin.name().into(),
                hashtag: subject.name.to_string(),
                started: self.started,
                finished: self.of.api.clock().now(),
                inputs: vec![RunInput {
                    path: format!("{query} {}", wish.span),
                    kind: "research-api query".into(),
                    bytes: query.len() as u64,
                    sha256: subject.query.key(),
                    stopped: None,
                }],
                read: tally.returned,
                new: tally.new,
                known: tally.known,
                tombstoned: tally.tombstoned,
                without_tag: tally.off_query,
                rejected: tally.rejected,
                stopped: stop.map_or_else(|| "all windows asked".into(), why),
                ..Run::default()
            }
        });
        if let Err(error) = self.shelves.close(shelf, run) {
            // If the disk is full, that came first and is what a person must hear.
            return Err(self.of.gate.trouble().unwrap_or_else(|| error.into()));
        }
        tell(subject, stored, tally, stop, self.of.ui);
        Ok(())
    }
}
