//! `asked.jsonl`: whose comments, or which list of a user, were asked for, how far that came, and why it stopped.
//!
//! A page's line is written after the page's records: a crash between the two makes the page be
//! asked for again, and its records are then known.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::{Journal, JournalLine};

/// How far the asking came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedState {
    /// Begun, or about to be: the next run goes on with it.
    #[default]
    Open,
    /// Read to its end.
    Done,
    /// As many as were wanted, and there are more: the next run that wants more goes on.
    Enough,
    /// The source does not give it away: private, or comments that are not disclosed. A fact, not asked again.
    Withheld,
    /// There is no such post or user (any more): a fact, not asked again.
    Missing,
    /// Given up for now; the next run tries again.
    Failed,
}

impl AskedState {
    /// As in the file and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Enough => "enough",
            Self::Withheld => "withheld",
            Self::Missing => "missing",
            Self::Failed => "failed",
        }
    }
}

/// One list that was asked for. A line of `asked.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedLine {
    /// The post's id whose comments, or the name of a user's list.
    pub of: String,
    /// The comment whose answers; absent for a post's own comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How far it came.
    pub state: AskedState,
    /// Why it stopped.
    #[serde(default)]
    pub why: String,
    /// How many there should be, as the source said elsewhere; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Requests sent, failed ones included.
    #[serde(default)]
    pub requests: u64,
    /// Pages received.
    #[serde(default)]
    pub pages: u64,
    /// Records returned.
    #[serde(default)]
    pub returned: u64,
    /// Of these, stored now.
    #[serde(default)]
    pub new: u64,
    /// Of these, stored before.
    #[serde(default)]
    pub known: u64,
    /// Of these, not readable; see `rejected.jsonl`.
    #[serde(default)]
    pub rejected: u64,
    /// Where to go on, while there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The source's name for its last answer, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_id: Option<String>,
    /// The run.
    #[serde(default)]
    pub run: String,
    /// When the line was written, by the source's clock.
    #[serde(default)]
    pub at: Timestamp,
}

impl JournalLine for AskedLine {
    type Key = (String, Option<String>);
    const FILE: &'static str = "asked.jsonl";

    fn key(&self) -> Self::Key {
        (self.of.clone(), self.comment.clone())
    }
}

/// What was asked for in one folder.
pub type Asked = Journal<AskedLine>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_about_a_post_counts_and_its_answers_are_another_matter() {
        let folder = tempfile::tempdir().unwrap();
        let mut asked = Asked::read(folder.path()).unwrap();
        let line = |comment: Option<&str>, state| AskedLine {
            of: "7516160338215837051".into(),
            comment: comment.map(str::to_owned),
            state,
            cursor: Some("100".into()),
            ..AskedLine::default()
        };
        asked
            .put(vec![
                line(None, AskedState::Open),
                line(Some("9"), AskedState::Open),
            ])
            .unwrap();
        asked.put(vec![line(None, AskedState::Withheld)]).unwrap();
        let path = folder.path().join(AskedLine::FILE);
        let whole = fs_err::read(&path).unwrap();
        fs_err::write(&path, [&whole[..], b"{\"of\":\"75161"].concat()).unwrap();
        let mut asked = Asked::read(folder.path()).unwrap();
        let states: Vec<AskedState> = asked.lines().map(|line| line.state).collect();
        assert_eq!(states, [AskedState::Withheld, AskedState::Open]);
        asked.put(vec![line(Some("9"), AskedState::Done)]).unwrap();
        let asked = Asked::read(folder.path()).unwrap();
        assert_eq!(asked.unreadable, 0);
        let key = ("7516160338215837051".to_owned(), Some("9".to_owned()));
        assert_eq!(asked.get(&key).unwrap().state, AskedState::Done);
    }
}
