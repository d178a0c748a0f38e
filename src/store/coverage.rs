//! `windows.jsonl`: which days were asked for, how far each search came, and why it stopped.
//!
//! The last line about a window counts. A page's line is written after the page's posts: a crash
//! between the two makes the page be asked for again, and its posts are then known.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::journal::{Journal, JournalLine};

/// What is known of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowState {
    /// Begun, or about to be: the next run goes on with it.
    #[default]
    Open,
    /// The source said that there is no more.
    Done,
    /// Given up for now; another day it is tried again.
    Failed,
    /// The source fails for this window and not for others: only tried again on request.
    Unavailable,
    /// Read to its end, but too young to be complete: asked again once it is older.
    InsideLag,
    /// Cut into smaller windows, which have lines of their own.
    Split,
}

impl WindowState {
    /// As in the file and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::InsideLag => "inside-lag",
            Self::Split => "split",
        }
    }
}

/// How a source reads the last day that a question names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndDate {
    /// It answers with posts of that day.
    Inclusive,
    /// It leaves that day out: the day after has to be named.
    Exclusive,
    /// Not known, and of no matter: the window has no posts either way.
    Either,
}

/// One window of one query. A line of `windows.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLine {
    /// Hash of the query without its dates.
    pub query: String,
    /// First day (UTC).
    pub from: Date,
    /// Last day (UTC), included.
    pub to: Date,
    /// The share of the day's posts, where a day was too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What is known of it.
    pub state: WindowState,
    /// Why it stopped, or what is wrong.
    #[serde(default)]
    pub why: String,
    /// Requests sent, failed ones included.
    #[serde(default)]
    pub requests: u64,
    /// Pages received.
    #[serde(default)]
    pub pages: u64,
    /// Places in the result that were asked for: pages × the most that a page can hold.
    #[serde(default)]
    pub asked: u64,
    /// Posts returned.
    #[serde(default)]
    pub returned: u64,
    /// Of these, stored now.
    #[serde(default)]
    pub new: u64,
    /// Of these, stored before.
    #[serde(default)]
    pub known: u64,
    /// Of these, not what was asked for, and not stored.
    #[serde(default)]
    pub off_query: u64,
    /// Of these, not readable; see `rejected.jsonl`.
    #[serde(default)]
    pub rejected: u64,
    /// The search, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_id: Option<String>,
    /// Where in the search, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Last day still asked for, where a lost search was begun anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// What this window has shown (`inclusive`: posts of its last day came when it was named last)
    /// or was asked with (`exclusive`: the day after its last one was named; `either`: both ways).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<EndDate>,
    /// All posts above this id have been read; a string since it has 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_id: Option<String>,
    /// The source's name for its last answer, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_id: Option<String>,
    /// The run.
    pub run: String,
    /// When the line was written, by the source's clock.
    pub at: Timestamp,
}

impl WindowLine {
    /// A window that nothing was asked of yet; `at` is filled in when it is written.
    pub fn new(query: &str, from: Date, to: Date, state: WindowState) -> Self {
        Self {
            query: query.to_owned(),
            from,
            to,
            part: None,
            state,
            why: String::new(),
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
            end_date: None,
            min_id: None,
            log_id: None,
            run: String::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl JournalLine for WindowLine {
    type Key = (String, Date, Date, Option<String>);
    const FILE: &'static str = "windows.jsonl";

    fn key(&self) -> Self::Key {
        (self.query.clone(), self.from, self.to, self.part.clone())
    }
}

/// The windows of one hashtag's queries.
pub type Coverage = Journal<WindowLine>;

impl Coverage {
    /// All windows, by query, then in the order of their days.
    pub fn windows(&self) -> impl Iterator<Item = &WindowLine> {
        self.lines()
    }

    /// The windows of one query, in the order of their days.
    pub fn of_query<'c>(&'c self, query: &'c str) -> impl Iterator<Item = &'c WindowLine> {
        self.lines().filter(move |window| window.query == query)
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;
    use jiff::civil::date;

    use super::*;

    fn line(day: i8, state: WindowState) -> WindowLine {
        WindowLine::new("q", date(2024, 5, day), date(2024, 5, day + 1), state)
    }

    #[test]
    fn the_last_line_about_a_window_counts_and_a_torn_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut coverage = Coverage::read(folder.path()).unwrap();
        coverage
            .put(vec![line(1, WindowState::Open), line(3, WindowState::Open)])
            .unwrap();
        coverage.put(vec![line(1, WindowState::Done)]).unwrap();
        let path = folder.path().join(WindowLine::FILE);
        let whole = fs::read(&path).unwrap();
        for torn in [&b"{\"query\":\"q\",\"from\":\"2024-05-03\""[..], b"{"] {
            fs::write(&path, [&whole, torn].concat()).unwrap();
            let mut coverage = Coverage::read(folder.path()).unwrap();
            let states: Vec<WindowState> = coverage.of_query("q").map(|line| line.state).collect();
            assert_eq!(states, [WindowState::Done, WindowState::Open]);
            coverage.put(vec![line(3, WindowState::Done)]).unwrap();
            let again = Coverage::read(folder.path()).unwrap();
            assert_eq!(again.unreadable, 0);
            assert!(again.windows().all(|line| line.state == WindowState::Done));
        }
    }
}
