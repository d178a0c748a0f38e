//! One query's windows: each page stored, then entered into the coverage ledger.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use futures_util::stream::{self, StreamExt as _};
use jiff::civil::Date;

use super::Subject;
use super::gate::{RunGate, day_of};
use super::plan::Task;
use crate::analysis::{TagsFrom, tags_of};
use crate::json::Fields;
use crate::model::{Format, Hashtag, Origin, PostId};
use crate::record::{self, Envelope, Unreadable};
use crate::source::research::{
    Api, Ask, End, Page, Part, Problem, Progress, Row, Search, Step, Stop, Window, tile,
};
use crate::store::{
    Added, Coverage, RejectedRecord, StoreError, TagWriter, WindowLine, WindowState,
};
use crate::ui::Ui;

/// How often a failing request is sent before its window is cut.
const PATIENCE: u32 = 5;
/// The same while nothing has been answered since another window failed.
const DOUBTFUL: u32 = 3;
/// Positions of a full page.
const PAGE: u64 = 100;

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
    /// Last day that the API has completely.
    pub(super) complete: Date,
    pub(super) limit: Option<u64>,
    pub(super) writer: RefCell<TagWriter>,
    pub(super) coverage: RefCell<Coverage>,
    pub(super) tally: RefCell<Tally>,
    /// The API answered in this run.
    pub(super) answered: Cell<bool>,
    /// Nothing has been answered since a window failed.
    pub(super) doubt: Cell<bool>,
    /// Longest window in days that the API bears, as far as it has shown.
    pub(super) bearable: Cell<u32>,
    pub(super) days_done: Cell<u64>,
}

impl Tag<'_> {
    /// Works through the tasks; the halves of a window that was too much come after all others, so
    /// that what fails is asked between what does not.
    pub(super) async fn run(&self, tasks: Vec<Task>, at_once: usize) -> Option<Stop> {
        if let Err(stop) = self.begin(&tasks) {
            return Some(stop);
        }
        let mut queue: VecDeque<Task> = tasks.into();
        let mut first_stop = None;
        while !queue.is_empty() && first_stop.is_none() {
            let round = std::mem::take(&mut queue);
            let mut results = stream::iter(round)
                .map(|task| self.task(task))
                .buffer_unordered(at_once);
            while let Some(result) = results.next().await {
                match result {
                    Ok(more) => queue.extend(more),
                    Err(stop) => {
                        // The others end after the page that they are at, and say so too.
                        self.gate.halt();
                        first_stop.get_or_insert(stop);
                    }
                }
            }
        }
        first_stop
    }

    /// Enters all windows, so that what is left is known whatever happens.
    fn begin(&self, tasks: &[Task]) -> Result<(), Stop> {
        let new: Vec<WindowLine> = tasks
            .iter()
            .filter(|task| task.line.is_none())
            .map(|task| self.line(task.window, task.part, WindowState::Open))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        self.put(new)
    }

    #[expect(clippy::too_many_lines, reason = "one arm per way that a step can end")]
    async fn task(&self, task: Task) -> Result<Vec<Task>, Stop> {
        if self.enough() {
            return Ok(Vec::new());
        }
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
        let ask = Ask {
            query: self.subject.query.clone(),
            window: task.window,
            part: task.part,
        };
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
                    self.store(&page, &mut line)?;
                    enter(&mut line, search.progress());
                    line.log_id.clone_from(&page.log_id);
                    if page.has_more {
                        line.state = WindowState::Open;
                        line.why = "under way".into();
                        self.put(vec![line.clone()])?;
                        self.show();
                    } else {
                        self.close(&mut line)?;
                        return Ok(self.other_parts(&task));
                    }
                    if self.enough() {
                        line.why = "the limit of posts was reached".into();
                        self.put(vec![line])?;
                        return Ok(Vec::new());
                    }
                }
                Ok(Step::End(End::Done)) => {
                    self.close(&mut line)?;
                    return Ok(self.other_parts(&task));
                }
                Ok(Step::End(End::Overloaded(problem))) => {
                    self.doubt.set(true);
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

    /// Stores a page's posts: synced to disk before the ledger hears of the page.
    fn store(&self, page: &Page, line: &mut WindowLine) -> Result<(), Stop> {
        let fail = |error: StoreError| self.gate.fail(error);
        if page.synthetic != (self.origin == Origin::Synthetic) {
            return Err(self.gate.fail(crate::error::Error::failed(
                "the server gives made-up posts now and then, and real ones else",
                "made-up and real posts are never mixed: check --api-url and the proxy",
            )));
        }
        let envelope = Envelope {
            origin: self.origin,
            format: Format::Research,
            fetched: Some(page.fetched),
            run: self.run.to_owned(),
        };
        let mut writer = self.writer.borrow_mut();
        let mut rejected = Vec::new();
        let before = line.clone();
        for row in &page.rows {
            match self.read(row) {
                Ok((id, true)) => match writer.add(id, &envelope.seal(&row.raw)) {
                    Added::New => line.new += 1,
                    Added::Known => line.known += 1,
                    Added::Tombstoned => {
                        line.known += 1;
                        self.tally.borrow_mut().tombstoned += 1;
                    }
                },
                Ok((_, false)) => line.off_query += 1,
                Err(reason) => {
                    line.rejected += 1;
                    rejected.push(RejectedRecord {
                        run: self.run.to_owned(),
                        file: "Research API".into(),
                        place: format!(
                            "{} {}, log_id {}",
                            line.from,
                            line.to,
                            page.log_id.as_deref().unwrap_or("unknown")
                        ),
                        reason: reason.to_string(),
                        excerpt: row.raw.chars().take(200).collect(),
                    });
                }
            }
        }
        writer.commit().map_err(fail)?;
        writer.reject(&rejected).map_err(fail)?;
        line.pages += 1;
        line.asked += PAGE;
        line.returned += page.rows.len() as u64;
        let mut tally = self.tally.borrow_mut();
        tally.pages += 1;
        tally.returned += page.rows.len() as u64;
        tally.new += line.new - before.new;
        tally.known += line.known - before.known;
        tally.off_query += line.off_query - before.off_query;
        tally.rejected += line.rejected - before.rejected;
        Ok(())
    }

    /// A row's id, and whether it is what was asked for.
    fn read(&self, row: &Row) -> Result<(PostId, bool), Unreadable> {
        let fields =
            Fields::parse(&row.raw).map_err(|error| Unreadable::Json(error.to_string()))?;
        let post = record::read(Format::Research, &fields)?;
        let tags: Vec<Hashtag> = tags_of(&post, TagsFrom::Auto)
            .iter()
            .filter_map(|tag| Hashtag::new(tag))
            .collect();
        let wanted = self.subject.query.holds(post.author.as_deref(), &tags);
        Ok((post.id, wanted))
    }

    /// The window is read to its end.
    fn close(&self, line: &mut WindowLine) -> Result<(), Stop> {
        let young = line.to > self.complete;
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

    /// The servers could not do it: halves, then parts of a day, then given up.
    fn overloaded(
        &self,
        task: &Task,
        mut line: WindowLine,
        search: &Search,
        problem: &Problem,
    ) -> Result<Vec<Task>, Stop> {
        line.log_id.clone_from(&problem.log_id);
        if problem.too_much && !search.answered() {
            let half = task.window.days().div_ceil(2);
            self.bearable.set(self.bearable.get().min(half.max(1)));
        }
        if task.part.is_some() {
            return self.part_failed(task, line, problem);
        }
        let (open, read) = search.split_off();
        let pieces: Vec<Task> = match open.halves() {
            Some((first, second)) => {
                vec![Task::new(first, None, None), Task::new(second, None, None)]
            }
            // The days above were read already: the last one is tried alone.
            None if open != task.window => vec![Task::new(open, None, None)],
            None => Part::of_day(&self.subject.query)
                .first()
                .map(|&part| Task {
                    trial: true,
                    ..Task::new(open, Some(part), None)
                })
                .into_iter()
                .collect(),
        };
        if pieces.is_empty() {
            self.give_up(line, self.blame(), problem.message.clone())?;
            return Ok(Vec::new());
        }
        line.state = WindowState::Split;
        line.why = format!("{}; cut into smaller searches", problem.message);
        (line.search_id, line.cursor) = (None, None);
        let mut lines = vec![line];
        if let Some(read) = read {
            let mut read = self.line(read, None, WindowState::Done);
            read.why = "read before the search above it was cut".into();
            lines.push(read);
        }
        for piece in &pieces {
            lines.push(self.line(piece.window, piece.part, WindowState::Open));
        }
        self.put(lines)?;
        Ok(pieces)
    }

    /// A part of a day failed too. If it was the first one, the day is given up with it.
    fn part_failed(
        &self,
        task: &Task,
        line: WindowLine,
        problem: &Problem,
    ) -> Result<Vec<Task>, Stop> {
        let state = self.blame();
        let day = self
            .coverage
            .borrow()
            .of_query(&self.query_key)
            .find(|known| known.part.is_none() && known.from == line.from && known.to == line.to)
            .cloned();
        if task.trial
            && let Some(day) = day
        {
            self.give_up(day, state, problem.message.clone())?;
        }
        self.give_up(line, state, problem.message.clone())?;
        Ok(Vec::new())
    }

    /// Once the first part of a day was answered, the others are worth asking for.
    fn other_parts(&self, task: &Task) -> Vec<Task> {
        if !task.trial {
            return Vec::new();
        }
        Part::of_day(&self.subject.query)
            .iter()
            .skip(1)
            .map(|&part| Task::new(task.window, Some(part), None))
            .collect()
    }

    /// A window longer than the API has shown to bear.
    fn cut_in_advance(&self, task: &Task) -> Result<Vec<Task>, Stop> {
        let days = u16::try_from(self.bearable.get()).unwrap_or(1);
        let pieces = tile(task.window, days);
        let mut parent = self.line(task.window, None, WindowState::Split);
        parent.why = "the API could not bear a search of that length".into();
        let mut lines = vec![parent];
        for &piece in &pieces {
            lines.push(self.line(piece, None, WindowState::Open));
        }
        self.put(lines)?;
        Ok(pieces
            .into_iter()
            .map(|piece| Task::new(piece, None, None))
            .collect())
    }

    /// Whose fault a failure is: the window's, if others were answered.
    fn blame(&self) -> WindowState {
        if self.answered.get() {
            WindowState::Unavailable
        } else {
            WindowState::Failed
        }
    }

    fn give_up(&self, mut line: WindowLine, state: WindowState, why: String) -> Result<(), Stop> {
        let window = Window {
            from: line.from,
            to: line.to,
        };
        let part = line
            .part
            .as_ref()
            .map_or(String::new(), |part| format!(" ({part})"));
        self.tally
            .borrow_mut()
            .failed
            .push(format!("{window}{part}: {}: {why}", state.name()));
        line.state = state;
        line.why = why;
        (line.search_id, line.cursor, line.until) = (None, None, None);
        self.put(vec![line])
    }

    fn line(&self, window: Window, part: Option<Part>, state: WindowState) -> WindowLine {
        WindowLine {
            query: self.query_key.clone(),
            from: window.from,
            to: window.to,
            part: part.map(|part| part.to_string()),
            state,
            why: "not begun".into(),
            requests: 0,
            pages: 0,
            asked: 0,
            returned: 0,
            new: 0,
            known: 0,
            off_query: 0,
            rejected: 0,
            search_id: None,
            cursor: None,
            until: None,
            min_id: None,
            log_id: None,
            run: self.run.to_owned(),
            at: self.api.clock().now(),
        }
    }

    fn put(&self, mut lines: Vec<WindowLine>) -> Result<(), Stop> {
        let now = self.api.clock().now();
        for line in &mut lines {
            line.at = now;
        }
        self.coverage
            .borrow_mut()
            .put(lines)
            .map_err(|error| self.gate.fail(error))
    }

    fn enough(&self) -> bool {
        self.limit
            .is_some_and(|limit| self.tally.borrow().new >= limit)
    }

    fn show(&self) {
        self.ui.step(self.days_done.get(), || {
            let tally = self.tally.borrow();
            let left = self.gate.left_today().map_or(String::new(), |left| {
                format!(", {left} requests left today")
            });
            format!(
                "{} pages, {} posts, {} new{left}",
                tally.pages, tally.returned, tally.new
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
