//! One list of the API into the store: each page synced, then entered into the ledger of lists.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::list_shelf::ListShelf;
use super::session::Session;
use super::tag::why;
use crate::error::Error;
use crate::model::{Format, Origin};
use crate::output::counted;
use crate::record::Envelope;
use crate::source::research::{List, ListEnd, ListStep, Listing, Page, Row, Stop};
use crate::store::{
    AskedLine, AskedState, Claim, Leaseholder, RejectedRecord, Run, RunInput, new_id,
};

/// How often lists are looked at again while other collectors work on all that are left.
const TURN: Duration = Duration::from_secs(1);
/// How far two runs' ideas of the server's clock may lie apart.
const CLOCKS: SignedDuration = SignedDuration::from_secs(2);

/// The passes of one command: what they have asked is not asked again by `--again`.
#[derive(Debug)]
pub(super) struct Passes {
    begun: Timestamp,
    runs: RefCell<Vec<String>>,
}

impl Passes {
    pub(super) fn begin(on: Session<'_>) -> Self {
        Self {
            begun: on.now(),
            runs: RefCell::default(),
        }
    }

    /// Whether one of them has written a line, or another collector since they began.
    pub(super) fn wrote(&self, line: &AskedLine) -> bool {
        self.runs.borrow().contains(&line.run) || line.at.duration_since(self.begun) > CLOCKS
    }
}

/// What became of a wish to read a list.
#[derive(Debug)]
pub(super) enum Turn {
    /// It was read, to this end.
    Read(AskedState),
    /// Another collector has read it since it was planned.
    Nothing,
    /// Another collector works on it.
    Theirs(Leaseholder),
}

/// Things to do in turn; what other collectors work on goes behind all others.
pub(super) struct Turns<T> {
    queue: VecDeque<T>,
    /// How many in a row somebody else worked on.
    in_a_row: usize,
    waited_for: String,
}

impl<T> Turns<T> {
    pub(super) fn new(all: impl IntoIterator<Item = T>) -> Self {
        Self {
            queue: all.into_iter().collect(),
            in_a_row: 0,
            waited_for: String::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// It was somebody's turn.
    pub(super) fn done(&mut self) {
        self.in_a_row = 0;
    }

    /// Puts something back that another collector works on; where that is so of all that is left,
    /// waits a little.
    ///
    /// # Errors
    /// The wait was interrupted.
    pub(super) async fn later(
        &mut self,
        thing: T,
        other: &Leaseholder,
        on: Session<'_>,
    ) -> Result<(), Stop> {
        self.queue.push_back(thing);
        self.in_a_row += 1;
        if self.in_a_row < self.queue.len() {
            return Ok(());
        }
        self.in_a_row = 0;
        if self.waited_for != other.owner {
            self.waited_for.clone_from(&other.owner);
            on.ui
                .note(&format!("waiting for {other}, which works on what is left"));
        }
        on.api.pause(TURN).await
    }
}

/// How lists are read in one run.
pub(super) struct ListReader<'c> {
    on: Session<'c>,
    run: String,
    started: Timestamp,
    pub(super) origin: Origin,
    /// Most records of a list.
    limit: Option<u64>,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub(super) struct ListTally {
    pub(super) requests: u64,
    pub(super) pages: u64,
    pub(super) returned: u64,
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) rejected: u64,
    /// Lists read to their end, or as far as wanted.
    pub(super) read: u64,
    pub(super) withheld: u64,
    pub(super) missing: u64,
    /// Lists given up in this run.
    pub(super) failed: Vec<String>,
}

impl ListTally {
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.pages += other.pages;
        self.returned += other.returned;
        self.new += other.new;
        self.known += other.known;
        self.rejected += other.rejected;
        self.read += other.read;
        self.withheld += other.withheld;
        self.missing += other.missing;
        self.failed.extend(other.failed.iter().cloned());
    }
}

impl<'c> ListReader<'c> {
    /// A reader for a pass that begins now.
    pub(super) fn new(on: Session<'c>, passes: &Passes, limit: Option<u64>) -> Self {
        let started = on.now();
        let run = new_id(started);
        passes.runs.borrow_mut().push(run.clone());
        Self {
            run,
            started,
            origin: on.origin(),
            on,
            limit,
        }
    }

    /// Reads a list unless another collector does; `left` says where to go on from a line that is
    /// newer than ours.
    pub(super) async fn turn(
        &self,
        list: List,
        line: AskedLine,
        left: impl FnOnce(&AskedLine) -> Option<AskedLine>,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Result<Turn, Stop> {
        let wish = AskedLine {
            why: "about to be asked".into(),
            run: self.run.clone(),
            at: self.on.now(),
            ..line.clone()
        };
        let claim = shelf.claim(&wish);
        let line = match claim.map_err(|error| self.on.gate.fail(error))? {
            Claim::Theirs(other) => return Ok(Turn::Theirs(other)),
            Claim::Ours(None) => Some(line),
            // What we have only just entered is still to be asked.
            Claim::Ours(Some(now)) if now.at == wish.at && now.run == self.run => Some(line),
            Claim::Ours(Some(now)) => left(&now),
        };
        let turn = match line {
            Some(line) => self.read(list, line, shelf, tally).await.map(Turn::Read),
            None => Ok(Turn::Nothing),
        };
        shelf.release(&wish);
        turn
    }

    /// Reads a list from where its line says; the line in the ledger tells how it ended.
    async fn read(
        &self,
        list: List,
        mut line: AskedLine,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Result<AskedState, Stop> {
        line.run.clone_from(&self.run);
        let before = line.requests;
        let mut listing = Listing::new(list.clone(), line.cursor.take());
        loop {
            let step = listing.next(self.on.api).await;
            let spent = before + listing.spent();
            tally.requests += spent - line.requests;
            line.requests = spent;
            line.cursor = listing.cursor().map(str::to_owned);
            match step {
                Ok(ListStep::Page(page)) => {
                    self.store(&list, &page, &mut line, shelf, tally)?;
                    line.log_id.clone_from(&page.log_id);
                    let enough = self
                        .limit
                        .is_some_and(|limit| line.new + line.known >= limit);
                    if line.cursor.is_none() {
                        return self.end(line, AskedState::Done, "no more", shelf, tally);
                    }
                    if enough {
                        let why = "as many as were wanted";
                        return self.end(line, AskedState::Enough, why, shelf, tally);
                    }
                    line.state = AskedState::Open;
                    line.why = "under way".into();
                    self.enter(line.clone(), shelf)?;
                }
                Ok(ListStep::End(end)) => {
                    let (state, why) = match &end {
                        ListEnd::Done => (AskedState::Done, "no more"),
                        ListEnd::Idle => (
                            AskedState::Failed,
                            "page after page without anything new, and no end",
                        ),
                        ListEnd::Withheld(problem) => (AskedState::Withheld, &*problem.message),
                        ListEnd::Missing(problem) => (AskedState::Missing, &*problem.message),
                        ListEnd::Failed(problem) => (AskedState::Failed, &*problem.message),
                    };
                    if let ListEnd::Withheld(problem)
                    | ListEnd::Missing(problem)
                    | ListEnd::Failed(problem) = &end
                    {
                        line.log_id.clone_from(&problem.log_id);
                    }
                    return self.end(line, state, why, shelf, tally);
                }
                Err(stop) => {
                    line.state = AskedState::Open;
                    line.why = why(&stop);
                    self.enter(line, shelf)?;
                    return Err(stop);
                }
            }
        }
    }

    fn store(
        &self,
        list: &List,
        page: &Page,
        line: &mut AskedLine,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Result<(), Stop> {
        if page.synthetic != (self.origin == Origin::Synthetic) {
            return Err(self.on.gate.fail(Error::failed(
                "the server gives made-up records now and then, and real ones else",
                "made-up and real records are never mixed: check --api-url and the proxy",
            )));
        }
        let envelope = Envelope {
            origin: self.origin,
            format: Format::Research,
            fetched: Some(page.fetched),
            run: self.run.clone(),
        };
        let lines: Vec<String> = page
            .rows
            .iter()
            .map(|row| envelope.seal(&record(list, row)))
            .collect();
        let reject = |text: &str, reason: String| RejectedRecord {
            run: self.run.clone(),
            file: "Research API".into(),
            place: format!(
                "{}, log_id {}",
                line.of,
                page.log_id.as_deref().unwrap_or("unknown")
            ),
            reason,
            excerpt: text.chars().take(200).collect(),
        };
        let stored = shelf.store(self.origin, &lines, reject);
        let shelved = stored.map_err(|error| self.on.gate.fail(error))?;
        let returned = page.rows.len() as u64;
        line.pages += 1;
        line.returned += returned;
        line.new += shelved.new;
        line.known += shelved.known;
        line.rejected += shelved.rejected;
        tally.pages += 1;
        tally.returned += returned;
        tally.new += shelved.new;
        tally.known += shelved.known;
        tally.rejected += shelved.rejected;
        Ok(())
    }

    fn end(
        &self,
        mut line: AskedLine,
        state: AskedState,
        why: &str,
        shelf: &mut ListShelf<'_>,
        tally: &mut ListTally,
    ) -> Result<AskedState, Stop> {
        line.state = state;
        why.clone_into(&mut line.why);
        match state {
            AskedState::Withheld => tally.withheld += 1,
            AskedState::Missing => tally.missing += 1,
            AskedState::Failed => tally.failed.push(format!("{}: {why}", line.of)),
            _ => tally.read += 1,
        }
        self.enter(line, shelf)?;
        Ok(state)
    }

    fn enter(&self, mut line: AskedLine, shelf: &mut ListShelf<'_>) -> Result<(), Stop> {
        line.at = self.on.now();
        shelf.enter(line).map_err(|error| self.on.gate.fail(error))
    }

    /// The ledger's line about this run.
    pub(super) fn run_line(
        &self,
        command: &str,
        of: &str,
        asked: &str,
        tally: &ListTally,
        stop: Option<&Stop>,
    ) -> Run {
        Run {
            run: self.run.clone(),
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: self.origin.name().into(),
            hashtag: of.to_owned(),
            started: self.started,
            finished: self.on.now(),
            inputs: vec![RunInput {
                path: asked.to_owned(),
                kind: "research-api list".into(),
                bytes: 0,
                sha256: String::new(),
                stopped: None,
            }],
            read: tally.returned,
            new: tally.new,
            known: tally.known,
            rejected: tally.rejected,
            stopped: stop.map_or_else(|| "all asked".into(), why),
            ..Run::default()
        }
    }

    /// Says what came of it.
    pub(super) fn tell(&self, name: &str, what: &str, stored: u64, tally: &ListTally) {
        let ui = self.on.ui;
        ui.note(&format!(
            "{name}: {}, {}, {} returned: {} new, {} already stored, {} unreadable; {} stored",
            counted(tally.requests, "request"),
            counted(tally.pages, "page"),
            counted(tally.returned, what),
            tally.new,
            tally.known,
            tally.rejected,
            counted(stored, what)
        ));
        for failed in tally.failed.iter().take(5) {
            ui.warn(&format!("{name}: {failed}"));
        }
        if !tally.failed.is_empty() {
            ui.warn(&format!(
                "{name}: {} given up; the same command tries them again",
                tally.failed.len()
            ));
        }
    }
}

/// A row as it is stored. Accounts are not named in what they say of themselves, so the name that
/// was asked for goes first.
fn record(list: &List, row: &Row) -> String {
    match list {
        List::Info(user) if !row.raw.contains("\"username\"") => {
            let name = serde_json::Value::from(user.as_str());
            let rest = row
                .raw
                .trim_start()
                .strip_prefix('{')
                .unwrap_or_default()
                .trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            format!("{{\"username\":{name}{comma}{rest}")
        }
        _ => row.raw.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_stored_with_its_name() {
        let row = |raw: &str| Row {
            raw: raw.into(),
            id: None,
        };
        let info = List::Info("hive_anna".into());
        for (raw, stored) in [
            (
                r#"{"display_name":"A"}"#,
                r#"{"username":"hive_anna","display_name":"A"}"#,
            ),
            ("{}", r#"{"username":"hive_anna"}"#),
            (r#"{"username":"Hive_Anna"}"#, r#"{"username":"Hive_Anna"}"#),
        ] {
            assert_eq!(record(&info, &row(raw)), stored);
        }
    }
}
