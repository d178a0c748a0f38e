//! `cotag verify`: is the store what its ledgers say.

use std::time::Duration;

use super::database::Shelf;
use crate::cli::Global;
use crate::error::{Error, Exit};
use crate::output::counted;
use crate::store::mongo::Database;
use crate::store::{Holder, Kind, Records, Store, TagReport, verify_at_rest};
use crate::ui::Ui;

pub(super) fn run(global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let shelf = Shelf::new(global);
    if shelf.directory()?.is_none() {
        return database(&shelf.database()?, ui);
    }
    let timeout = Duration::from_secs(global.lock_timeout);
    let mut waiting = |holder: &Holder| ui.note(&format!("waiting for {holder} to finish"));
    let store = Store::open(&global.data_dir)?;
    let reports = verify_at_rest(&store, timeout, &mut waiting)?;
    let mut text = String::new();
    let (mut wrong, mut unfinished) = (0, 0);
    for report in &reports {
        let name = crate::output::printable(&report.name);
        if report.findings.is_empty() {
            let hashes = match report.runs {
                0 => "no ledger, so hashes cannot be checked (another tool's data)".to_owned(),
                1 => "the hash of 1 run agrees".to_owned(),
                runs => format!("the hashes of {runs} runs agree"),
            };
            text += &format!(
                "{name}: ok, {}, {hashes}\n",
                counted(report.posts, report.kind.map_or("post", Kind::noun))
            );
        }
        for finding in &report.findings {
            if finding.unfinished {
                unfinished += 1;
            } else {
                wrong += 1;
            }
            text += &format!(
                "{name}: {}: {}\n",
                finding.file.display(),
                crate::output::printable(&finding.what)
            );
        }
    }
    ui.data(text.as_bytes())?;
    if wrong == 0 && unfinished == 0 {
        ui.note(&format!("{} checked, nothing wrong.", checked(&reports)));
        return Ok(Exit::Done);
    }
    if wrong == 0 {
        ui.note(&format!(
            "{} checked, nothing is damaged or lost. A run was interrupted: what is told above is completed by the next \
             `cotag download` or `cotag import` of the same hashtag (of comments and users, by the same command)",
            checked(&reports)
        ));
        return Ok(Exit::Partly);
    }
    ui.warn(&format!(
        "{wrong} things are not as they should be; `cotag repair` mends them and keeps a backup"
    ));
    Ok(Exit::Damaged)
}

/// The same for a database: every document against the record that it holds, and their number.
fn database(database: &Database, ui: &Ui) -> Result<Exit, Error> {
    let mut text = String::new();
    let mut wrong = 0;
    let tags = database.tags_ever()?.into_iter().map(Records::Posts);
    let mut all: Vec<Records> = tags.collect();
    let tags = counted(all.len() as u64, "hashtag");
    let lists = database.lists()?;
    let others = lists.len() as u64;
    all.extend(lists);
    for records in &all {
        let report = database.verify(records)?;
        let name = records.name();
        let name = crate::output::printable(&name);
        if report.findings.is_empty() {
            let stored = counted(report.posts, records.kind().noun());
            let runs = counted(report.runs, "run");
            text += &format!("{name}: ok, {stored}, {runs}; every field is what its record says\n");
        }
        for finding in &report.findings {
            wrong += 1;
            text += &format!("{name}: {}\n", crate::output::printable(finding));
        }
    }
    ui.data(text.as_bytes())?;
    if wrong == 0 {
        let others = beside(others, "set");
        ui.note(&format!("{tags}{others} checked, nothing wrong."));
        return Ok(Exit::Done);
    }
    ui.warn(&format!(
        "{wrong} things are not as they should be; records that are whole can be taken out with `cotag copy`"
    ));
    Ok(Exit::Damaged)
}

/// `3 hashtags`, and what else was looked at.
fn checked(reports: &[TagReport]) -> String {
    let tags = reports
        .iter()
        .filter(|report| report.kind == Some(Kind::Posts) && report.name.starts_with('#'))
        .count() as u64;
    let others = reports.len() as u64 - tags;
    counted(tags, "hashtag") + &beside(others, "folder")
}

/// ` and 2 folders of comments and users`, if there are any.
fn beside(others: u64, what: &str) -> String {
    match others {
        0 => String::new(),
        others => format!(" and {} of comments and users", counted(others, what)),
    }
}
