//! One list of the API into the store: each page synced, then entered into the ledger of lists.

use jiff::Timestamp;

use super::list_shelf::ListShelf;
use super::session::Session;
use super::tag::why;
use crate::error::Error;
use crate::model::{Format, Origin};
use crate::output::counted;
use crate::record::{Envelope, Unreadable};
use crate::source::research::{List, ListEnd, ListStep, Listing, Page, Row, Stop};
use crate::store::{AskedLine, AskedState, RejectedRecord, Run, RunInput, new_id};

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
    /// A reader for a run that begins now.
    pub(super) fn new(on: Session<'c>, limit: Option<u64>) -> Self {
        let started = on.now();
        Self {
            run: new_id(started),
            started,
            origin: on.origin(),
            on,
            limit,
        }
    }

    /// Reads a list from where its line says; the line in the ledger tells how it ended.
    pub(super) async fn read(
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
        let reject = |text: &str, why: &Unreadable| RejectedRecord {
            run: self.run.clone(),
            file: "Research API".into(),
            place: format!(
                "{}, log_id {}",
                line.of,
                page.log_id.as_deref().unwrap_or("unknown")
            ),
            reason: why.to_string(),
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
            "{name}: {} requests, {} pages, {} returned: {} new, {} already stored, {} unreadable; {} stored",
            tally.requests,
            tally.pages,
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
