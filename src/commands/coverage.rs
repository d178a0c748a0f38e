//! `cotag coverage`: the ledger of windows, as a table or for programs.

use std::path::PathBuf;

use super::database::Shelf;
use super::{deliver, table_format};
use crate::cli::{CoverageArgs, Global};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::{CoverageRow, coverage};
use crate::store::{Coverage, Store, WindowLine, WindowState, Windows};
use crate::ui::Ui;

pub(super) fn run(args: &CoverageArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let tag = Hashtag::new(&args.tag)
        .ok_or_else(|| Error::Usage(format!("`{}` is no hashtag", args.tag)))?;
    // A window that was cut before it was ever asked says nothing.
    let said = |line: &&WindowLine| line.state != WindowState::Split || line.requests > 0;
    let mut rows = Vec::new();
    for windows in windows(&tag, global)? {
        if windows.unreadable() > 0 {
            ui.warn(&format!(
                "{} windows of #{tag} cannot be read",
                windows.unreadable()
            ));
        }
        rows.extend(windows.all().iter().filter(said).map(row));
    }
    if rows.is_empty() {
        return Err(Error::failed(
            format!("#{tag} was not collected from the Research API: there is no coverage to show"),
            "`cotag download -t TAG -p` collects; imported posts have their story in runs.jsonl",
        ));
    }
    let name = tag.to_string();
    deliver(
        &coverage(&name, &rows, format),
        args.output.output.as_deref(),
        ui,
    )?;
    Ok(Exit::Done)
}

/// The ledgers of a hashtag: one, or several where another tool kept spellings apart.
fn windows(tag: &Hashtag, global: &Global) -> Result<Vec<Windows>, Error> {
    let shelf = Shelf::new(global);
    let Some(root) = shelf.directory()? else {
        return Ok(vec![shelf.windows(tag)?]);
    };
    let folders = Store::open(root)?.find(tag)?.posts;
    let read = |folder: &PathBuf| Coverage::read(folder).map(Windows::Directory);
    Ok(folders.iter().map(read).collect::<Result<_, _>>()?)
}

fn row(line: &WindowLine) -> CoverageRow {
    CoverageRow {
        from: line.from,
        to: line.to,
        part: line.part.clone(),
        query: line.query.clone(),
        state: line.state.name(),
        asked: line.asked,
        returned: line.returned,
        new: line.new,
        known: line.known,
        off_query: line.off_query,
        rejected: line.rejected,
        requests: line.requests,
        pages: line.pages,
        why: line.why.clone(),
        log_id: line.log_id.clone(),
        at: line.at,
    }
}
