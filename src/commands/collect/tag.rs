//! One query's windows: each page stored, then entered into the coverage ledger.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::civil::Date;

use super::Subject;
use super::gate::{RunGate, day_of};
use super::plan::{Task, Wish};
use super::shelf::Shelf;
use crate::model::Origin;
use crate::source::research::{Api, Ask, End, Part, Progress, Search, Step, Stop, Window};
use crate::store::{Claim, EndDate, WindowLine, WindowState};
use crate::ui::Ui;

/// How often a failing request is sent before its window is cut.
const PATIENCE: u32 = 5;
/// The same while nothing has been answered since another window failed.
pub(super) const DOUBTFUL: u32 = 3;
/// How often a window that another collector works on is looked at again.
const TURN: Duration = Duration::from_secs(1);

/// What happened for one subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) pages: u64,
    pub(super) returned: u64,
    pub(super) new: u64,
    pub(super) known: u64,
    /// Of these, removed before.
    pub(super) tombstoned: u64,
    pub(super) off_query: u64,
    pub(super) rejected: u64,
    /// Windows given up in this run.
    pub(super) failed: Vec<String>,
}

/// The collection of one subject under way.
pub(super) struct Tag<'c> {
    pub(super) subject: &'c Subject,
    pub(super) api: &'c Api<'c>,
    pub(super) gate: &'c RunGate<'c>,
    pub(super) ui: &'c Ui,
    pub(super) run: &'c str,
    pub(super) origin: Origin,
    pub(super) query_key: String,
    /// What is wanted of the query.
    pub(super) wish: Wish,
    pub(super) limit: Option<u64>,
    pub(super) shelf: Shelf,
    pub(super) tally: RefCell<Tally>,
    /// The API answered in this run.
    pub(super) answered: Cell<bool>,
    /// Nothing has been answered since a window failed.
    pub(super) doubt: Cell<bool>,
    /// A search was too much for the API, and none has been answered since.
    pub(super) too_much: Cell<bool>,
    /// Longest window in days that the API bears, as far as it has shown.
    pub(super) bearable: Cell<u32>,
    pub(super) days_done: Cell<u64>,
    /// The collector that was told to be waited for.
    pub(super) waited_for: RefCell<Option<String>>,
    /// How the API reads the last day of a question, as far as it has shown; for all subjects.
    pub(super) end_date: &'c Cell<Option<EndDate>>,
    /// Windows read to their end that had nothing, and so did not show it.
    pub(super) silent: RefCell<Vec<Window>>,
}

impl Tag<'_> {
    /// Works through the tasks; the halves of a window that failed come after all others, so that
    /// what fails is asked between what does not, unless it is too much for the API.
    pub(super) async fn run(&self, tasks: Vec<Task>, at_once: usize) -> Option<Stop> {
        if let Err(stop) = self.begin(&tasks) {
            return Some(stop);
        }
        let mut queue: VecDeque<Task> = tasks.into();
        let mut running = FuturesUnordered::new();
        let mut first_stop = None;
        let mut looked = self.end_date.get().is_some();
        loop {
            while first_stop.is_none()
                && running.len() < at_once
                && let Some(task) = queue.pop_front()
            {
                running.push(self.task(task));
            }
            match running.next().await {
                // How much the API bears has to be known before more is asked of it.
                Some(Ok(pieces)) if self.too_much.get() => {
                    for piece in pieces.into_iter().rev() {
                        queue.push_front(piece);
                    }
                }
                Some(Ok(pieces)) => queue.extend(pieces),
                Some(Err(stop)) => {
                    // The others end after the page that they are at, and say so too.
                    self.gate.halt();
                    first_stop.get_or_insert(stop);
                }
                None if looked || first_stop.is_some() || self.enough() => break,
                None => {
                    looked = true;
                    match self.last_days().await {
                        Ok(left_out) => queue.extend(left_out),
                        Err(stop) => first_stop = Some(stop),
                    }
                }
            }
        }
        first_stop
    }

    /// Enters all windows, so that what is left is known whatever happens.
    pub(super) fn begin(&self, tasks: &[Task]) -> Result<(), Stop> {
        let now = self.api.clock().now();
        let new: Vec<WindowLine> = tasks
            .iter()
            .filter(|task| task.line.is_none())
            .map(|task| WindowLine {
                at: now,
                ..self.line(task.window, task.part, WindowState::Open)
            })
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.shelf.begin(new).map_err(|error| self.gate.fail(error))
    }

    /// Works on a window unless another collector does, which is waited for behind all others.
    async fn task(&self, mut task: Task) -> Result<Vec<Task>, Stop> {
        if self.enough() {
            return Ok(Vec::new());
        }
        let line = task
            .line
            .clone()
            .unwrap_or_else(|| self.line(task.window, task.part, WindowState::Open));
        let claim = self
            .shelf
            .claim(&line)
            .map_err(|error| self.gate.fail(error))?;
        match claim {
            Claim::Theirs(other) => {
                if self.waited_for.replace(Some(other.owner.clone())) != Some(other.owner.clone()) {
                    self.ui.note(&format!(
                        "waiting for {other}, which works on {}",
                        task.window
                    ));
                }
                self.api.pause(TURN).await?;
                return Ok(vec![task]);
            }
            Claim::Ours(None) => {}
            Claim::Ours(Some(now)) => {
                // What another collector has finished since our plan was made is done.
                let newer = task.line.as_ref().is_none_or(|line| now.at > line.at);
                if newer && now.state != WindowState::Open {
                    self.shelf.release(&line);
                    return Ok(Vec::new());
                }
                task.line = Some(*now);
            }
        }
        let asked = self.claimed(task).await;
        self.shelf.release(&line);
        asked
    }

    #[expect(clippy::too_many_lines, reason = "one arm per way that a step can end")]
    async fn claimed(&self, task: Task) -> Result<Vec<Task>, Stop> {
        if task.line.as_ref().is_none_or(|line| line.requests == 0)
            && task.part.is_none()
            && task.window.days() > self.bearable.get()
        {
            return self.cut_in_advance(&task);
        }
        let mut line = task
            .line
            .clone()
            .unwrap_or_else(|| self.line(task.window, task.part, WindowState::Open));
        let progress = progress_of(&line);
        line.run = self.run.to_owned();
        let before = line.requests;
        // A search goes on as it was begun.
        if progress.search_id.is_none() {
            line.end_date = self.end_left_out();
        }
        let ask = Ask {
            query: self.subject.query.clone(),
            window: task.window,
            end: match line.end_date {
                Some(EndDate::Exclusive) => self.day_after(task.window.to),
                _ => task.window.to,
            },
            part: task.part,
        };
        let mut youngest = None;
        let patience = if self.doubt.get() { DOUBTFUL } else { PATIENCE };
        let mut search = Search::new(ask, progress, patience);
        loop {
            let step = search.next(self.api).await;
            let spent = before + search.spent();
            self.tally.borrow_mut().requests += spent - line.requests;
            line.requests = spent;
            match step {
                Ok(Step::Page(page)) => {
                    self.answered.set(true);
                    self.doubt.set(false);
                    self.too_much.set(false);
                    let newest = self.store(&page, &mut line)?;
                    youngest = youngest.max(newest);
                    if newest == Some(search.end_date()) {
                        self.end_date.set(Some(EndDate::Inclusive));
                        line.end_date = Some(EndDate::Inclusive);
                    }
                    enter(&mut line, search.progress());
                    line.log_id.clone_from(&page.log_id);
                    if page.has_more {
                        line.state = WindowState::Open;
                        line.why = "under way".into();
                        self.put(vec![line.clone()])?;
                        self.show();
                    } else {
                        self.settle_end(&mut line, youngest).await?;
                        self.close(&mut line)?;
                        return Ok(self.other_shares(&task));
                    }
                    if self.enough() {
                        line.why = "the limit of posts was reached".into();
                        self.put(vec![line])?;
                        return Ok(Vec::new());
                    }
                }
                Ok(Step::End(End::Done)) => {
                    self.settle_end(&mut line, youngest).await?;
                    self.close(&mut line)?;
                    return Ok(self.other_shares(&task));
                }
                Ok(Step::End(End::Overloaded(problem))) => {
                    self.doubt.set(true);
                    self.too_much.set(problem.too_much);
                    return self.overloaded(&task, line, &search, &problem);
                }
                Ok(Step::End(End::Rejected(problem))) => {
                    line.log_id.clone_from(&problem.log_id);
                    if !self.answered.get() {
                        // The first question already is refused: so would be all others.
                        line.why.clone_from(&problem.message);
                        self.put(vec![line])?;
                        return Err(self.gate.fail(crate::error::Error::failed(
                            format!("the API refuses the query: {problem}"),
                            "`cotag crawl QUERY --print-query` shows what is sent",
                        )));
                    }
                    self.give_up(line, WindowState::Failed, problem.message)?;
                    return Ok(Vec::new());
                }
                Ok(Step::End(End::Idle)) => {
                    let why = "page after page without a new post, and no end".to_owned();
                    self.give_up(line, WindowState::Failed, why)?;
                    return Ok(Vec::new());
                }
                Err(stop) => {
                    line.why = why(&stop);
                    self.put(vec![line])?;
                    return Err(stop);
                }
            }
        }
    }

    /// The window is read to its end.
    fn close(&self, line: &mut WindowLine) -> Result<(), Stop> {
        let young = line.to > self.wish.complete;
        line.state = if young {
            WindowState::InsideLag
        } else {
            WindowState::Done
        };
        line.why = if young {
            "no more for now (has_more false); the API may not have all posts of these days yet"
        } else {
            "no more (has_more false)"
        }
        .into();
        (line.search_id, line.cursor) = (None, None);
        self.put(vec![line.clone()])?;
        if line.part.is_none() {
            let days = Window {
                from: line.from,
                to: line.to,
            };
            self.days_done
                .set(self.days_done.get() + u64::from(days.days()));
        }
        self.show();
        Ok(())
    }

    /// What a window is asked with where its last day would be left out.
    fn end_left_out(&self) -> Option<EndDate> {
        let known = self.end_date.get();
        known.filter(|&end| end == EndDate::Exclusive)
    }

    pub(super) fn line(
        &self,
        window: Window,
        part: Option<Part>,
        state: WindowState,
    ) -> WindowLine {
        let mut line = WindowLine::new(&self.query_key, window.from, window.to, state);
        line.part = part.map(|part| part.to_string());
        line.why = "not begun".into();
        line.end_date = self.end_left_out();
        self.run.clone_into(&mut line.run);
        line
    }

    pub(super) fn put(&self, mut lines: Vec<WindowLine>) -> Result<(), Stop> {
        let now = self.api.clock().now();
        for line in &mut lines {
            line.at = now;
        }
        self.shelf
            .enter(lines)
            .map_err(|error| self.gate.fail(error))
    }

    pub(super) fn enough(&self) -> bool {
        self.limit
            .is_some_and(|limit| self.tally.borrow().new >= limit)
    }

    fn show(&self) {
        self.ui.step(self.days_done.get(), || {
            let tally = self.tally.borrow();
            // A narrow terminal cuts the end off: what a person needs most comes first.
            let left = self.gate.left_today().map_or(String::new(), |left| {
                format!("{left} requests left today, ")
            });
            format!(
                "{} new, {left}{} pages, {} posts",
                tally.new, tally.pages, tally.returned
            )
        });
    }

    /// Today, by the server's clock.
    pub(super) fn today(api: &Api<'_>) -> Date {
        day_of(api.clock().now())
    }
}

fn progress_of(line: &WindowLine) -> Progress {
    if line.state != WindowState::Open {
        return Progress::default();
    }
    Progress {
        search_id: line.search_id.clone(),
        cursor: line.cursor.clone(),
        until: line.until,
        min_id: line.min_id.as_deref().and_then(|id| id.parse().ok()),
    }
}

fn enter(line: &mut WindowLine, progress: &Progress) {
    line.search_id.clone_from(&progress.search_id);
    line.cursor.clone_from(&progress.cursor);
    line.until = progress.until;
    line.min_id = progress.min_id.map(|id| id.to_string());
}

/// Why a run stopped, for the ledgers.
pub(super) fn why(stop: &Stop) -> String {
    match stop {
        Stop::Interrupted => "interrupted".into(),
        Stop::MaxRequests => "--max-requests reached".into(),
        Stop::Quota(None) => "the day's requests are used up".into(),
        Stop::Quota(Some(problem))
        | Stop::Rate(problem)
        | Stop::Credentials(problem)
        | Stop::Network(problem)
        | Stop::Storm(problem) => problem.message.clone(),
        Stop::Gate => "an error of the disk or the query".into(),
    }
}
