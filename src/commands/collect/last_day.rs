//! Whether the API answers with posts of the day that a question names last. Its documentation can
//! be read either way, and a day must not be lost to the wrong reading.
//!
//! A post of that day shows that it does. A window that brings posts, but none of its last day, has
//! one of its other days asked for alone: an answer without posts shows that the day is left out.
//! From then on the day after is named, and what was asked before lacks its last day and gets it.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::gate::day_of;
use super::plan::{Task, Wish, plan};
use super::tag::{DOUBTFUL, Tag};
use crate::source::research::{Ask, End, LONGEST, Progress, Search, Step, Stop, Window, tile};
use crate::store::{EndDate, WindowLine, WindowState};

impl Tag<'_> {
    /// The day to be named for a window where the named day is left out; none in the future, which
    /// a server may refuse.
    pub(super) fn day_after(&self, day: Date) -> Date {
        let today = day_of(self.api.clock().now());
        day.saturating_add(1.day()).min(today.max(day))
    }

    /// A window was read to its end: if it has posts, how the API reads its last day is known after.
    pub(super) async fn settle_end(
        &self,
        line: &mut WindowLine,
        youngest: Option<Date>,
    ) -> Result<(), Stop> {
        let window = Window {
            from: line.from,
            to: line.to,
        };
        if self.end_date.get().is_some() || line.part.is_some() {
            return Ok(());
        }
        let Some(day) = youngest.filter(|&day| window.from <= day && day < window.to) else {
            self.silent.borrow_mut().push(window);
            return Ok(());
        };
        let alone = Window { from: day, to: day };
        let (found, spent) = self.look(alone, day).await?;
        line.requests += spent;
        match found {
            Found::Nothing => {
                self.left_out();
                // Entered before this window counts as done: a kill between the two must not hide it.
                let last = Window {
                    from: window.to,
                    ..window
                };
                self.put(vec![self.line(last, None, WindowState::Open)])?;
            }
            Found::Posts(_) => {
                self.end_date.set(Some(EndDate::Inclusive));
                line.end_date = Some(EndDate::Inclusive);
            }
            Found::NoAnswer => self.silent.borrow_mut().push(window),
        }
        Ok(())
    }

    /// All windows were asked: those whose last day was left out and has to be asked for.
    pub(super) async fn last_days(&self) -> Result<Vec<Task>, Stop> {
        let mut silent = self.silent.take();
        // Those of a run that was ended before it could look.
        let known = self.shelf.windows(&self.query_key).into_iter();
        silent.extend(known.filter(is_unproven).map(|line| Window {
            from: line.from,
            to: line.to,
        }));
        if self.end_date.get().is_none()
            && let Some(from) = silent.iter().map(|window| window.from).min()
            && let Some(to) = silent.iter().map(|window| window.to).max()
        {
            self.look_behind(Window { from, to }).await?;
        }
        if self.end_date.get() != Some(EndDate::Exclusive) {
            return Ok(Vec::new());
        }
        let wish = Wish {
            end_left_out: true,
            retry_failed: false,
            ..self.wish
        };
        let known = self.shelf.windows(&self.query_key);
        let tasks = plan(&known, &self.subject.query, &wish);
        self.begin(&tasks)?;
        Ok(tasks)
    }

    /// Days that seemed to have no posts, in other pieces and each with the day after: posts in
    /// them now show that last days are left out.
    async fn look_behind(&self, days: Window) -> Result<(), Stop> {
        let mut all_answered = true;
        let usual = u32::from(self.wish.days);
        let most = if self.bearable.get() < usual {
            u16::try_from(self.bearable.get()).unwrap_or(1)
        } else {
            LONGEST
        };
        for window in tile(days, most) {
            let end = self.day_after(window.to);
            let (found, spent) = self.look(window, end).await?;
            self.charge(window, spent)?;
            match found {
                Found::Posts(day) if day == end => {
                    self.end_date.set(Some(EndDate::Inclusive));
                }
                Found::Posts(_) => self.left_out(),
                Found::Nothing => continue,
                Found::NoAnswer => {
                    all_answered = false;
                    continue;
                }
            }
            return Ok(());
        }
        if !all_answered {
            return Ok(());
        }
        let mut lines = self.shelf.windows(&self.query_key);
        lines.retain(is_unproven);
        for line in &mut lines {
            line.end_date = Some(EndDate::Either);
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.put(lines)
    }

    /// Enters requests for looking with a window that they were about, so that the ledger has all.
    fn charge(&self, days: Window, spent: u64) -> Result<(), Stop> {
        let lines = self.shelf.windows(&self.query_key).into_iter();
        // Nobody else works on one that is done.
        let mut about = lines.filter(|line| {
            let meets = line.from <= days.to && days.from <= line.to;
            meets && line.state == WindowState::Done && line.part.is_none()
        });
        match about.next() {
            Some(line) => self.put(vec![WindowLine {
                requests: line.requests + spent,
                ..line
            }]),
            None => Ok(()),
        }
    }

    fn left_out(&self) {
        self.end_date.set(Some(EndDate::Exclusive));
        self.ui.note(
            "the API leaves out the day that is named as the last: from now on the day after is named",
        );
    }

    /// Whether there are posts that were asked for; and the requests that it took to know.
    async fn look(&self, window: Window, end: Date) -> Result<(Found, u64), Stop> {
        let ask = Ask {
            query: self.subject.query.clone(),
            window,
            end,
            part: None,
        };
        let mut search = Search::new(ask, Progress::default(), DOUBTFUL);
        let found = loop {
            let before = search.spent();
            let step = search.next(self.api).await;
            self.tally.borrow_mut().requests += search.spent() - before;
            match step? {
                Step::Page(page) => {
                    if let Some(day) = self.youngest(&page) {
                        break Found::Posts(day);
                    }
                }
                Step::End(End::Done) => break Found::Nothing,
                Step::End(_) => break Found::NoAnswer,
            }
        };
        Ok((found, search.spent()))
    }
}

/// Read to its end, and yet it may lack its last day.
fn is_unproven(line: &WindowLine) -> bool {
    line.state == WindowState::Done && line.part.is_none() && line.end_date.is_none()
}

enum Found {
    /// The youngest one is of this day.
    Posts(Date),
    Nothing,
    NoAnswer,
}
