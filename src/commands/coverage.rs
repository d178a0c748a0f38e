//! `cotag coverage`: the ledger of windows, as a table or for programs; or that of comments.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::collect::report::days;
use super::database::Shelf;
use super::input::stored_tag;
use super::{deliver, table_format};
use crate::cli::{CoverageArgs, Global};
use crate::error::{Error, Exit};
use crate::model::Hashtag;
use crate::output::{AskedRow, CoverageRow, asked, coverage};
use crate::source::research::{Window, remaining};
use crate::store::{
    AskedLine, AskedLists, Coverage, Records, Store, WindowLine, WindowState, Windows,
};
use crate::ui::Ui;

pub(super) fn run(args: &CoverageArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let tag = Hashtag::new(&args.tag)
        .ok_or_else(|| Error::Usage(format!("`{}` is no hashtag", args.tag)))?;
    if args.comments {
        return of_comments(args, &tag, &Shelf::new(global), ui);
    }
    // A window that was cut before it was ever asked says nothing.
    let said = |line: &&WindowLine| line.state != WindowState::Split || line.requests > 0;
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for windows in windows(&tag, global)? {
        if windows.unreadable() > 0 {
            ui.warn(&format!(
                "{} windows of #{tag} cannot be read",
                windows.unreadable()
            ));
        }
        let lines = windows.all();
        let replaced = |line: &WindowLine| is_replaced(line, &lines);
        rows.extend(lines.iter().filter(said).map(|line| CoverageRow {
            state: if replaced(line) {
                REPLACED
            } else {
                line.state.name()
            },
            ..row(line)
        }));
        let left = lines
            .iter()
            .filter(|line| is_missing(line) && !replaced(line));
        missing.extend(left.cloned());
    }
    if rows.is_empty() {
        return Err(Error::failed(
            format!("#{tag} was not collected from the Research API: there is no coverage to show"),
            "`cotag download -t TAG -p` collects; imported posts have their story in runs.jsonl",
        ));
    }
    let name = tag.to_string();
    let missing: Vec<&WindowLine> = missing.iter().collect();
    let missing = (!missing.is_empty()).then(|| days(&missing));
    deliver(
        &coverage(&name, &rows, missing.as_deref(), format),
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

/// The state of a window that others have taken the place of.
const REPLACED: &str = "replaced";

/// Whether all days of a window that was not read to its end, or too early, are done in others.
fn is_replaced(line: &WindowLine, all: &[WindowLine]) -> bool {
    let days = |line: &WindowLine| Window {
        from: line.from,
        to: line.to,
    };
    let done = |other: &&WindowLine| {
        other.state == WindowState::Done && other.part.is_none() && other.query == line.query
    };
    let unfinished = matches!(line.state, WindowState::InsideLag | WindowState::Open);
    unfinished && line.part.is_none() && {
        let done: Vec<Window> = all.iter().filter(done).map(days).collect();
        remaining(days(line), &done).is_empty()
    }
}

/// Whether a window's posts are not stored, or not all of them.
fn is_missing(line: &WindowLine) -> bool {
    matches!(
        line.state,
        WindowState::Open | WindowState::Failed | WindowState::Unavailable
    )
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

/// Stored posts, most commented first, and what was asked about their comments.
fn of_comments(
    args: &CoverageArgs,
    tag: &Hashtag,
    shelf: &Shelf<'_>,
    ui: &Ui,
) -> Result<Exit, Error> {
    let format = table_format(&args.output)?;
    let records = Records::Comments(Some(tag.clone()));
    let folded = stored_tag(tag, shelf)?.comment_counts(ui)?;
    let ledger = match shelf.directory()? {
        Some(root) => AskedLists::of_directory(&Store::open(root)?, &records)?,
        None => AskedLists::of_database(&shelf.database()?, &records, None)?,
    };
    if ledger.unreadable() > 0 {
        ui.warn(&format!(
            "{}: {} lines of what was asked for cannot be read",
            records.name(),
            ledger.unreadable()
        ));
    }
    let posts = folded.states.iter().flatten();
    let mut posts: Vec<(Option<u64>, String)> = posts
        .map(|post| (post.comments, post.id.to_string()))
        .collect();
    posts.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let mut lines: BTreeMap<&str, Vec<&AskedLine>> = BTreeMap::new();
    for line in ledger.lines() {
        lines.entry(&line.of).or_default().push(line);
    }
    let rows: Vec<AskedRow> = posts
        .into_iter()
        .map(|(comments, post)| {
            let about = lines.get(post.as_str()).map_or(&[][..], Vec::as_slice);
            let own = about.iter().find(|line| line.comment.is_none());
            let answers = about.iter().filter(|line| line.comment.is_some());
            AskedRow {
                comments,
                state: own.map_or("not-asked", |line| line.state.name()),
                stored: own.map_or(0, |line| line.new + line.known),
                answers: answers.map(|line| line.new + line.known).sum(),
                requests: about.iter().map(|line| line.requests).sum(),
                why: own.map(|line| line.why.clone()).unwrap_or_default(),
                at: own.map(|line| line.at),
                post,
            }
        })
        .collect();
    deliver(
        &asked(&records.name(), &rows, format),
        args.output.output.as_deref(),
        ui,
    )?;
    Ok(super::damage(
        &folded.damage,
        folded.left_out.unreadable,
        ui,
    ))
}
