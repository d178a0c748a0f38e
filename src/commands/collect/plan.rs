//! What is to be asked, given what was asked before. Pure.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::source::research::{Part, Query, Window, remaining, tile};
use crate::store::{WindowLine, WindowState};

/// What a person wants of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The days, none of them in the future.
    pub(super) span: Window,
    /// Last day that the source has completely.
    pub(super) complete: Date,
    /// Today.
    pub(super) today: Date,
    /// Longest window in days.
    pub(super) days: u16,
    /// Ask again what failed.
    pub(super) retry_failed: bool,
    /// The source leaves the day out that a question names last: what was asked without knowing
    /// that lacks its last day.
    pub(super) end_left_out: bool,
}

/// One search to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// The days.
    pub(super) window: Window,
    /// The share of a day.
    pub(super) part: Option<Part>,
    /// What is known of it, if it was begun before.
    pub(super) line: Option<WindowLine>,
    /// What it is the first share of (a day is `None`): the other shares are only asked once this
    /// one was answered.
    pub(super) waiting: Vec<Option<Part>>,
}

impl Task {
    pub(super) fn new(window: Window, part: Option<Part>, line: Option<WindowLine>) -> Self {
        Self {
            window,
            part,
            line,
            waiting: Vec::new(),
        }
    }
}

/// The searches that are left: begun ones first, then new ones, then those that failed before.
pub(super) fn plan(lines: &[WindowLine], query: &Query, wish: &Wish) -> Vec<Task> {
    let mut whole: Vec<&WindowLine> = Vec::new();
    let mut parts: BTreeMap<Date, Vec<&WindowLine>> = BTreeMap::new();
    for line in lines {
        if line.part.is_none() {
            whole.push(line);
        } else {
            parts.entry(line.from).or_default().push(line);
        }
    }
    let done: Vec<Window> = whole
        .iter()
        .filter_map(|line| done_days(line, wish))
        .collect();
    let rests: Vec<Window> = of_state(&whole, |line| rests(line, wish));
    // Days that need no new window: done, resting, or covered by a task of their own.
    let mut settled: Vec<Window> = [done.clone(), rests].concat();
    let (mut begun, mut again) = (Vec::new(), Vec::new());
    for line in &whole {
        let window = window_of(line);
        let inside = wish.span.from <= window.from && window.to <= wish.span.to;
        if !inside || remaining(window, &settled).is_empty() {
            continue;
        }
        let task = Task::new(window, None, Some((*line).clone()));
        match line.state {
            WindowState::Open => begun.push(task),
            WindowState::Failed | WindowState::Unavailable => again.push(task),
            WindowState::Split if window.from == window.to => {
                if Part::below(None, query).is_empty() {
                    continue;
                }
                let known = parts.get(&window.from).map_or(&[][..], Vec::as_slice);
                begun.extend(missing_parts(query, window, None, known, wish));
            }
            _ => continue,
        }
        settled.push(window);
    }
    let mut tasks = begun;
    for gap in remaining(wish.span, &settled) {
        for piece in at_boundary(gap, wish.complete) {
            let new = tile(piece, wish.days);
            tasks.extend(new.into_iter().map(|window| {
                // What an earlier asking for the same days brought and cost still counts, and who
                // shares the store must see that we know of it.
                let before = whole.iter().find(|line| window_of(line) == window);
                Task::new(window, None, before.map(|&line| line.clone()))
            }));
        }
    }
    tasks.extend(again);
    tasks
}

/// Windows of a span that could not be had before and are left alone now, with their states.
pub(super) fn left_alone<'l>(lines: &'l [WindowLine], wish: &Wish) -> Vec<&'l WindowLine> {
    let inside = |line: &&WindowLine| wish.span.from <= line.to && line.from <= wish.span.to;
    lines
        .iter()
        .filter(|line| rests(line, wish))
        .filter(inside)
        .collect()
}

/// The days of a window that are done.
fn done_days(line: &WindowLine, wish: &Wish) -> Option<Window> {
    let days = window_of(line);
    if line.state != WindowState::Done {
        None
    } else if wish.end_left_out && line.end_date.is_none() {
        let to = days.to.yesterday().ok()?;
        (days.from <= to).then_some(Window { to, ..days })
    } else {
        Some(days)
    }
}

/// Whether a window that failed is to be left alone now.
fn rests(line: &WindowLine, wish: &Wish) -> bool {
    match line.state {
        WindowState::Unavailable => !wish.retry_failed,
        WindowState::Failed => {
            !wish.retry_failed && line.at.to_zoned(TimeZone::UTC).date() == wish.today
        }
        _ => false,
    }
}

/// The shares of a day, or of a share of it, that are not done.
fn missing_parts(
    query: &Query,
    day: Window,
    above: Option<Part>,
    known: &[&WindowLine],
    wish: &Wish,
) -> Vec<Task> {
    let mut missing = Vec::new();
    for part in Part::below(above, query) {
        let line = known
            .iter()
            .find(|line| line.part.as_deref() == Some(&part.to_string()));
        match line {
            Some(line) if done_days(line, wish).is_some() || rests(line, wish) => {}
            Some(line) if line.state == WindowState::Split => {
                missing.extend(missing_parts(query, day, Some(part), known, wish));
            }
            line => missing.push(Task::new(day, Some(part), line.map(|&line| line.clone()))),
        }
    }
    missing
}

fn of_state(lines: &[&WindowLine], holds: impl Fn(&WindowLine) -> bool) -> Vec<Window> {
    lines
        .iter()
        .filter(|line| holds(line))
        .map(|line| window_of(line))
        .collect()
}

fn window_of(line: &WindowLine) -> Window {
    Window {
        from: line.from,
        to: line.to,
    }
}

/// A span in two where only its first days are complete at the source.
fn at_boundary(span: Window, complete: Date) -> Vec<Window> {
    match complete.tomorrow() {
        Ok(young) if span.from <= complete && span.to > complete => vec![
            Window {
                to: complete,
                ..span
            },
            Window {
                from: young,
                ..span
            },
        ],
        _ => vec![span],
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Hashtag;
    use crate::store::EndDate;

    fn wish() -> Wish {
        Wish {
            span: window(1, 20),
            complete: date(2024, 5, 20),
            today: date(2024, 5, 22),
            days: 7,
            retry_failed: false,
            end_left_out: false,
        }
    }

    fn window(from: i8, to: i8) -> Window {
        Window {
            from: date(2024, 5, from),
            to: date(2024, 5, to),
        }
    }

    fn line(window: Window, part: Option<Part>, state: WindowState) -> WindowLine {
        let mut line = WindowLine::new("q", window.from, window.to, state);
        line.part = part.map(|part| part.to_string());
        line.at = "2024-05-22T10:00:00Z".parse().unwrap();
        line
    }

    fn planned(lines: &[WindowLine], wish: &Wish) -> Vec<(Window, Option<Part>)> {
        let query = Query::hashtag(&Hashtag::new("bees").unwrap()).unwrap();
        plan(lines, &query, wish)
            .into_iter()
            .map(|task| (task.window, task.part))
            .collect()
    }

    #[test]
    fn what_is_missing_is_asked_and_nothing_twice() {
        let lines = [
            line(window(1, 7), None, WindowState::Done),
            line(window(8, 10), None, WindowState::Open),
        ];
        assert_eq!(
            planned(&lines, &wish()),
            [
                (window(8, 10), None),
                (window(11, 17), None),
                (window(18, 20), None)
            ]
        );
    }

    #[test]
    fn what_failed_rests_until_another_day_and_what_is_unavailable_until_it_is_wished() {
        let lines = [
            line(window(1, 7), None, WindowState::Failed),
            line(window(8, 14), None, WindowState::Unavailable),
            line(window(15, 20), None, WindowState::Done),
        ];
        assert_eq!(planned(&lines, &wish()), []);
        let tomorrow = Wish {
            today: date(2024, 5, 23),
            ..wish()
        };
        assert_eq!(planned(&lines, &tomorrow), [(window(1, 7), None)]);
        let wished = Wish {
            retry_failed: true,
            ..wish()
        };
        assert_eq!(
            planned(&lines, &wished),
            [(window(1, 7), None), (window(8, 14), None)]
        );
    }

    #[test]
    fn a_day_in_parts_needs_all_of_them() {
        let day = window(5, 5);
        let part = |name: &str| Some(name.parse::<Part>().unwrap());
        let mut lines = vec![
            line(window(1, 4), None, WindowState::Done),
            line(day, None, WindowState::Split),
            line(day, part("other-length"), WindowState::Done),
            line(day, part("mid"), WindowState::Open),
            line(day, part("short"), WindowState::Split),
            line(day, part("short/regions-1"), WindowState::Done),
            line(day, part("short/regions-2"), WindowState::Done),
            line(day, part("short/regions-3"), WindowState::Done),
            line(window(6, 20), None, WindowState::Done),
        ];
        assert_eq!(
            planned(&lines, &wish()),
            [
                (day, part("long")),
                (day, part("mid")),
                (day, part("short/other-regions"))
            ]
        );
        for name in ["mid", "long", "short/other-regions"] {
            lines.push(line(day, part(name), WindowState::Done));
        }
        lines.remove(3);
        assert_eq!(planned(&lines, &wish()), []);
    }

    #[test]
    fn where_the_last_day_is_left_out_it_is_asked_again_unless_the_window_knew() {
        let mut lines = [
            line(window(1, 7), None, WindowState::Done),
            line(window(8, 14), None, WindowState::Done),
            line(window(15, 15), None, WindowState::Done),
            line(window(16, 20), None, WindowState::Done),
        ];
        lines[1].end_date = Some(EndDate::Exclusive);
        lines[3].end_date = Some(EndDate::Inclusive);
        let left_out = Wish {
            end_left_out: true,
            ..wish()
        };
        assert_eq!(
            planned(&lines, &left_out),
            [(window(7, 7), None), (window(15, 15), None)]
        );
        assert_eq!(planned(&lines, &wish()), []);
    }

    #[test]
    fn young_days_get_windows_of_their_own_and_are_asked_again() {
        let wish = Wish {
            span: window(18, 22),
            ..wish()
        };
        let expected = [(window(18, 20), None), (window(21, 22), None)];
        assert_eq!(planned(&[], &wish), expected);
        let lines = [
            line(window(18, 20), None, WindowState::Done),
            line(window(21, 22), None, WindowState::InsideLag),
        ];
        assert_eq!(planned(&lines, &wish), [(window(21, 22), None)]);
    }

    proptest! {
        #[test]
        fn every_day_is_done_resting_or_asked(
            ranges in prop::collection::vec((1_i8..25, 0_i8..6, 0_usize..4), 0..8),
            days in 1_u16..12,
        ) {
            let states = [WindowState::Done, WindowState::Open, WindowState::Failed, WindowState::Split];
            let lines: Vec<WindowLine> = ranges
                .iter()
                // A day that was cut into parts is tested above.
                .filter(|(_, length, state)| states[*state] != WindowState::Split || *length > 0)
                .map(|&(from, length, state)| line(window(from, from + length), None, states[state]))
                .collect();
            let wish = Wish { days, ..wish() };
            let tasks = planned(&lines, &wish);
            let mut day = wish.span.from;
            while day <= wish.span.to {
                let settled = lines.iter().any(|line| {
                    matches!(line.state, WindowState::Done | WindowState::Failed) && window_of(line).contains(day)
                });
                let asked = tasks.iter().any(|(window, _)| window.contains(day));
                prop_assert!(settled || asked, "{day}");
                day = day.saturating_add(1.day());
            }
        }
    }
}
