//! One window's search, page by page, through everything that the API is known to do to it.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde_json::{Value, json};

use super::api::{Api, Failed, Stop};
use super::patience::{self, Next};
use super::wire::{Fault, Page, Problem};
use super::{Part, Query, Window};
use crate::http::Backoff;

/// The most that the API gives per request.
const MAX_COUNT: u64 = 100;
/// Tries with a search id that the API does not know (yet): each costs a request.
const SEARCH_TRIES: u32 = 6;
/// Tries of a page that the servers fail, once they have answered others of the same search: then
/// it is not the window that is too large.
const PAGE_TRIES: u32 = 8;
/// New searches for one window before it is cut.
const RESTARTS: u32 = 3;
/// Pages in a row that bring nothing new.
const IDLE_PAGES: u32 = 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The query as the person put it.
    pub query: Query,
    /// The days.
    pub window: Window,
    /// The day named as the last: that of the window, or the one after for servers that leave the
    /// named day out.
    pub end: Date,
    /// The share of a day's posts.
    pub part: Option<Part>,
}

/// How far a search has come: all that is needed to go on with it in another process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The newest one that the API gave.
    pub search_id: Option<String>,
    /// The newest one that the API gave.
    pub cursor: Option<String>,
    /// Last day still asked for, once a lost search was begun anew below what it had brought.
    pub until: Option<Date>,
    /// All posts above this id have been read.
    pub min_id: Option<u64>,
}

/// What a step brought.
#[derive(Debug)]
pub enum Step {
    /// A page; to be stored before the next step.
    Page(Page),
    /// The search has ended.
    End(End),
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The API says that there is no more.
    Done,
    /// The servers could not do it: a smaller window may work.
    Overloaded(Problem),
    /// The API refuses the question.
    Rejected(Problem),
    /// The API goes on and on without anything new.
    Idle,
}

/// A search under way.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that are independent of each other"
)]
pub struct Search {
    ask: Ask,
    progress: Progress,
    /// Requests sent, failed ones included.
    spent: Cell<u64>,
    finished: bool,
    /// The search id comes from an earlier process: it is tried once.
    resumed: bool,
    patience: u32,
    /// This search, not one before it, has brought a page.
    answered: bool,
    restarts: u32,
    /// Pages that named another search than was asked for.
    renames: u32,
    idle: u32,
    /// Ids came in descending order so far, which restarting below them rests on.
    descending: bool,
    last_id: Option<u64>,
    /// Smallest id so far, not yet confirmed by a page that goes on below it.
    lowest: Option<u64>,
    seen: HashSet<u64>,
}

/// Failures of one request, by kind.
#[derive(Debug, Default)]
struct Tries {
    search: u32,
    server: u32,
    /// Those that are not about searches.
    others: patience::Tries,
}

/// What a failure calls for.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    Again(Duration),
    Restart(Duration),
    End(End),
    Stop(Stop),
}

impl Search {
    /// A search; with `progress` from before it goes on where that was. `patience` is how often a
    /// failing request is sent before the window counts as too large.
    pub fn new(ask: Ask, progress: Progress, patience: u32) -> Self {
        Self {
            ask,
            resumed: progress.search_id.is_some(),
            lowest: progress.min_id,
            progress,
            spent: Cell::new(0),
            finished: false,
            patience,
            answered: false,
            restarts: 0,
            renames: 0,
            idle: 0,
            descending: true,
            last_id: None,
            seen: HashSet::new(),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Requests sent, failed ones included.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Whether the servers could begin it at all.
    pub fn answered(&self) -> bool {
        self.answered
    }

    /// The days that still have to be asked for, and those behind: what was read before the search
    /// failed need not be read again.
    pub fn split_off(&self) -> (Window, Option<Window>) {
        let whole = self.ask.window;
        let mut open = Window {
            to: self.progress.until.unwrap_or(whole.to),
            ..whole
        };
        if self.ask.part.is_none()
            && let Some(day) = self.read_down_to()
        {
            open.to = open.to.min(day).max(open.from);
        }
        let read = (open.to < whole.to).then(|| Window {
            from: open.to.tomorrow().unwrap_or(whole.to),
            to: whole.to,
        });
        (open, read)
    }

    /// The next page, or the end.
    ///
    /// # Errors
    /// What ends the whole run; the search can be gone on with later.
    pub async fn next(&mut self, api: &Api<'_>) -> Result<Step, Stop> {
        if self.finished {
            return Ok(Step::End(End::Done));
        }
        if self.idle >= IDLE_PAGES {
            return Ok(Step::End(End::Idle));
        }
        let mut tries = Tries::default();
        loop {
            let body = self.body();
            let problem = match api.ask(&body, &self.spent).await {
                Ok(page) => {
                    if self.is_renamed_by(&page) {
                        self.renames += 1;
                        if self.renames == 1 {
                            api.tell("the API answers under another search_id: it is followed");
                        }
                    }
                    self.turn(&page);
                    return Ok(Step::Page(page));
                }
                Err(Failed::Stop(stop)) => return Err(stop),
                Err(Failed::Problem(problem)) => problem,
            };
            match self.react(&problem, &mut tries, api.backoff) {
                Reaction::Again(wait) => api.pause(wait).await?,
                Reaction::Restart(wait) => {
                    self.restart();
                    tries = Tries::default();
                    api.pause(wait).await?;
                }
                Reaction::End(end) => return Ok(Step::End(end)),
                Reaction::Stop(stop) => return Err(stop),
            }
        }
    }

    fn body(&self) -> String {
        let window = Window {
            to: self.end_date(),
            ..self.ask.window
        };
        let (start, end) = window.dates();
        let query = match self.ask.part {
            Some(part) => part.of(&self.ask.query),
            None => self.ask.query.clone(),
        };
        let mut body = json!({
            "query": query.to_json(),
            "start_date": start,
            "end_date": end,
            "max_count": MAX_COUNT,
        });
        if let Some(id) = &self.progress.search_id {
            body["search_id"] = Value::from(id.as_str());
        }
        if let Some(cursor) = &self.progress.cursor {
            // A number in the documentation; unchanged whatever it is.
            body["cursor"] = serde_json::from_str(cursor).unwrap_or(Value::from(cursor.as_str()));
        }
        body.to_string()
    }

    /// The day that is named as the last.
    pub fn end_date(&self) -> Date {
        match self.progress.until {
            Some(day) if self.ask.end > self.ask.window.to => {
                day.saturating_add(1.day()).min(self.ask.end)
            }
            Some(day) => day,
            None => self.ask.end,
        }
    }

    /// Whether a page names another search than was asked for.
    fn is_renamed_by(&self, page: &Page) -> bool {
        let (asked, named) = (&self.progress.search_id, &page.search_id);
        asked.is_some() && named.is_some() && asked != named
    }

    /// Takes in what a page says about the search.
    fn turn(&mut self, page: &Page) {
        self.resumed = false;
        self.answered = true;
        self.finished = !page.has_more;
        self.progress.cursor.clone_from(&page.cursor);
        if page.search_id.is_some() {
            self.progress.search_id.clone_from(&page.search_id);
        }
        let mut new = false;
        let mut lowest = self.lowest;
        for id in page.rows.iter().filter_map(|row| row.id) {
            // The same row twice is a known fault and says nothing about the order.
            self.descending &=
                self.last_id.is_none_or(|last| id <= last) || self.seen.contains(&id);
            self.last_id = Some(id);
            lowest = Some(lowest.map_or(id, |least| least.min(id)));
            new |= self.seen.insert(id);
        }
        // A stray row at a page's end would look as if all above it had been read: only a page
        // that goes on below confirms the one before.
        self.progress.min_id = self.lowest.filter(|_| self.descending);
        self.lowest = lowest.filter(|_| self.descending);
        self.idle = if new { 0 } else { self.idle + 1 };
    }

    /// Pure: what to do about a problem, given how often there was one with this request.
    fn react(&self, problem: &Problem, tries: &mut Tries, backoff: Backoff) -> Reaction {
        let told = |wait: Duration| problem.retry_after.unwrap_or(wait);
        match problem.fault {
            Fault::Search if self.progress.search_id.is_some() => {
                tries.search += 1;
                let allowed = if self.resumed { 1 } else { SEARCH_TRIES };
                if tries.search < allowed {
                    Reaction::Again(told(backoff.rising(tries.search - 1)))
                } else if self.restarts < RESTARTS {
                    Reaction::Restart(told(backoff.base))
                } else {
                    Reaction::End(End::Overloaded(problem.clone()))
                }
            }
            // Without a search id of ours that message makes no sense: their trouble.
            Fault::Search | Fault::Server => {
                let (weight, allowed) = match (self.answered, problem.too_much) {
                    (true, _) => (1, PAGE_TRIES.max(self.patience)),
                    (false, true) => (2, self.patience),
                    (false, false) => (1, self.patience),
                };
                tries.server += weight;
                if tries.server < allowed {
                    Reaction::Again(told(backoff.doubling(tries.server - 1)))
                } else {
                    Reaction::End(End::Overloaded(problem.clone()))
                }
            }
            Fault::Network | Fault::Rate => match tries.others.after(problem, backoff) {
                Next::Again(wait) => Reaction::Again(wait),
                Next::Stop(stop) => Reaction::Stop(stop),
                Next::GiveUp => Reaction::End(End::Rejected(problem.clone())),
            },
            _ => Reaction::End(End::Rejected(problem.clone())),
        }
    }

    /// Begins a new search, below what the lost one had brought where that can be told.
    fn restart(&mut self) {
        self.restarts += 1;
        self.resumed = false;
        if let Some(day) = self.read_down_to() {
            let until = self.progress.until.unwrap_or(self.ask.window.to);
            self.progress.until = Some(until.min(day).max(self.ask.window.from));
        }
        self.progress.search_id = None;
        self.progress.cursor = None;
        self.lowest = self.progress.min_id;
        self.last_id = None;
        self.descending = true;
        self.seen.clear();
        self.idle = 0;
    }

    /// The day below which nothing has been read yet. Ids carry the moment of uploading, which is
    /// shortly before the post's own, maybe on the day before: hence a day more.
    fn read_down_to(&self) -> Option<Date> {
        if !self.descending {
            return None;
        }
        let second = i64::try_from(self.progress.min_id? >> 32).ok()?;
        let at = Timestamp::from_second(second).ok()?;
        let day = at.to_zoned(TimeZone::UTC).date();
        Some(day.saturating_add(1.day()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::Row;
    use super::*;
    use crate::model::Hashtag;

    fn search(progress: Progress) -> Search {
        let ask = Ask {
            query: Query::hashtag(&Hashtag::new("bees").unwrap()).unwrap(),
            window: Window {
                from: date(2024, 5, 1),
                to: date(2024, 5, 7),
            },
            end: date(2024, 5, 7),
            part: None,
        };
        Search::new(ask, progress, 5)
    }

    fn page(days: &[i8], cursor: &str) -> Page {
        let row = |&day: &i8| {
            let noon = date(2024, 5, day).at(12, 0, 0, 0).to_zoned(TimeZone::UTC);
            let second = noon.unwrap().timestamp().as_second();
            Row {
                raw: String::new(),
                id: Some(u64::try_from(second).unwrap() << 32),
            }
        };
        Page {
            rows: days.iter().map(row).collect(),
            has_more: true,
            cursor: Some(cursor.into()),
            search_id: Some("7516999000111222333".into()),
            ..Page::default()
        }
    }

    fn reactions(search: &mut Search, fault: Fault) -> Vec<Reaction> {
        let backoff = Backoff {
            base: Duration::from_secs(5),
        };
        let mut tries = Tries::default();
        let mut all = Vec::new();
        loop {
            let reaction = search.react(&Problem::new(fault, ""), &mut tries, backoff);
            let last = !matches!(reaction, Reaction::Again(_));
            all.push(reaction);
            if last {
                return all;
            }
        }
    }

    fn waits(all: &[Reaction]) -> Vec<u64> {
        all.iter()
            .filter_map(|reaction| match reaction {
                Reaction::Again(wait) => Some(wait.as_secs()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn cursor_and_newest_search_id_go_back_unchanged() {
        let mut search = search(Progress::default());
        assert_eq!(
            search.body(),
            r#"{"query":{"and":[{"operation":"EQ","field_name":"hashtag_name","field_values":["bees"]}]},"start_date":"20240501","end_date":"20240507","max_count":100}"#
        );
        search.turn(&page(&[7, 6], "18446744073709551615"));
        assert!(search.body().ends_with(
            r#""max_count":100,"search_id":"7516999000111222333","cursor":18446744073709551615}"#
        ));
    }

    #[test]
    fn each_failure_has_its_waits_and_its_end() {
        let mut search = search(Progress::default());
        search.turn(&page(&[7], "100"));
        let polled = reactions(&mut search, Fault::Search);
        assert_eq!(waits(&polled), [5, 10, 15, 20, 25]);
        assert!(matches!(polled.last(), Some(Reaction::Restart(_))));
        let page = reactions(&mut search, Fault::Server);
        assert_eq!(waits(&page), [5, 10, 20, 40, 80, 120, 120]);
        search.answered = false;
        let server = reactions(&mut search, Fault::Server);
        assert_eq!(waits(&server), [5, 10, 20, 40]);
        assert!(matches!(
            server.last(),
            Some(Reaction::End(End::Overloaded(_)))
        ));
        let network = reactions(&mut search, Fault::Network);
        assert_eq!(waits(&network), [5, 10, 20, 40, 80]);
        assert!(matches!(
            network.last(),
            Some(Reaction::Stop(Stop::Network(_)))
        ));
        let rate = reactions(&mut search, Fault::Rate);
        assert_eq!(waits(&rate), [10, 20, 40, 80, 120, 120, 120]);
        assert!(matches!(rate.last(), Some(Reaction::Stop(Stop::Rate(_)))));
        let refused = reactions(&mut search, Fault::Rejected);
        assert!(matches!(refused[..], [Reaction::End(End::Rejected(_))]));
    }

    #[test]
    fn a_lost_search_restarts_a_day_above_the_smallest_id() {
        let mut search = search(Progress::default());
        search.turn(&page(&[7, 5, 4], "100"));
        assert_eq!(search.split_off().1, None, "not confirmed yet");
        search.turn(&page(&[4, 2], "200"));
        search.restart();
        assert!(
            search
                .body()
                .contains(r#""end_date":"20240505","max_count":100}"#)
        );
        let (open, read) = search.split_off();
        assert_eq!((open.from, open.to), (date(2024, 5, 1), date(2024, 5, 5)));
        assert_eq!(read.unwrap().from, date(2024, 5, 6));
    }

    #[test]
    fn where_the_named_day_is_left_out_a_restart_names_a_day_more_too() {
        let mut search = search(Progress::default());
        search.ask.end = date(2024, 5, 8);
        assert_eq!(search.end_date(), date(2024, 5, 8));
        search.turn(&page(&[7, 5, 4], "100"));
        search.turn(&page(&[4, 2], "200"));
        search.restart();
        assert_eq!(search.end_date(), date(2024, 5, 6));
        assert_eq!(search.split_off().0.to, date(2024, 5, 5));
    }

    #[test]
    fn unordered_results_restart_the_whole_window() {
        for pages in [[&[4, 6, 5][..], &[3]], [&[7, 6, 2], &[5, 4]], [&[2], &[7]]] {
            let mut search = self::search(Progress::default());
            for rows in pages {
                search.turn(&page(rows, "100"));
                assert_eq!(search.split_off().1, None, "{pages:?}");
            }
            search.restart();
            assert!(
                search.body().contains(r#""end_date":"20240507""#),
                "{pages:?}"
            );
            assert_eq!(search.split_off().1, None);
        }
    }

    #[test]
    fn a_search_id_from_another_day_is_tried_once() {
        let progress = Progress {
            search_id: Some("1".into()),
            cursor: Some("100".into()),
            ..Progress::default()
        };
        let all = reactions(&mut search(progress), Fault::Search);
        assert!(matches!(all[..], [Reaction::Restart(_)]));
    }

    #[test]
    fn pages_that_bring_nothing_new_come_to_an_end() {
        let mut search = search(Progress::default());
        search.turn(&page(&[7], "100"));
        for count in 0..IDLE_PAGES {
            assert_eq!(search.idle, count);
            search.turn(&page(&[7], "100"));
        }
        assert!(search.idle >= IDLE_PAGES && !search.finished);
    }
}
