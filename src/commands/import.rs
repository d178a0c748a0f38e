//! `cotag import`: files of other tools → store.

mod batch;
mod common;
mod intake;
mod jobs;

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::{hashtags, interrupt, tags_from};
use crate::analysis::{Counter, Extras, FrequencyTable, TableOptions, TagsFrom};
use crate::cli::{Global, ImportArgs};
use crate::error::{Error, Exit};
use crate::model::Format;
use crate::output::{counted, import_summary};
use crate::source::files::{FileError, Found, ReadOptions, Summary};
use crate::ui::Ui;
pub(super) use intake::tell_opened;
use intake::{Finished, Intake};
use jobs::{Job, jobs};

pub(super) fn run(args: &ImportArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let tags = hashtags(&args.tags, args.file.as_deref())?;
    let options = ReadOptions {
        format: args
            .format
            .as_deref()
            .and_then(|name| name.parse::<Format>().ok()),
        live: false,
    };
    let mut jobs = jobs(args, &tags, global, ui)?;
    if jobs.iter().any(|job| job.tags.is_empty()) {
        return Err(candidates(&jobs, &options, tags_from(args.tags_from)));
    }
    if args.strict {
        for job in &mut jobs {
            check(job, &options, ui)?;
        }
    }
    interrupt::listen();
    let mut intake = Intake::open(args, global, ui)?;
    let read = read_all(&mut intake, &jobs, &options, ui);
    // Whatever happened, what was read before it is stored, entered and shown.
    let Finished {
        rows,
        error,
        refused,
    } = intake.finish(ui);
    if (read.is_ok() && error.is_none()) || rows.iter().any(|row| row.new + row.updated > 0) {
        ui.data(import_summary(&rows).as_bytes())?;
    }
    match (read, error) {
        (Ok(exit), None) if refused => Ok(exit.and(Exit::Partly)),
        (read, None) => read,
        (Ok(_), Some(error)) => Err(error),
        (Err(read), Some(error)) => {
            ui.error(&error);
            Err(read)
        }
    }
}

fn read_all(
    intake: &mut Intake,
    jobs: &[Job],
    options: &ReadOptions,
    ui: &Ui,
) -> Result<Exit, Error> {
    let mut exit = Exit::Done;
    let mut done = 0;
    for job in jobs {
        match intake.read(job, options, ui) {
            Ok(outcome) => {
                done += 1;
                exit = exit.and(outcome);
            }
            Err(error) if is_left_out(job, &error) => ui.note(&format!("left out {error}")),
            Err(error @ Error::File { .. }) if jobs.len() > 1 => {
                ui.error(&error);
                exit = exit.and(Exit::Partly);
            }
            Err(error) => return Err(error),
        }
        if interrupt::asked() {
            ui.warn(
                "interrupted; what was read before is stored, the same command goes on from there",
            );
            return Ok(Exit::Interrupted);
        }
    }
    if done == 0 {
        return Err(Error::failed(
            "none of the files could be imported",
            "each line above names the reason",
        ));
    }
    Ok(exit)
}

/// Whether a file found in a directory holds something else, which is no failure.
fn is_left_out(job: &Job, error: &Error) -> bool {
    !job.named && matches!(error, Error::File { error, .. } if !matches!(error, FileError::Io(_)))
}

/// Without a hashtag to import for: an error that shows the commonest ones.
fn candidates(jobs: &[Job], options: &ReadOptions, from: TagsFrom) -> Error {
    let mut counter = Counter::new(from, Extras::default());
    // A post may stand in a file twice, or in several.
    let mut seen = HashSet::new();
    let mut read = Vec::new();
    let mut failed = None;
    for job in jobs {
        let mut each = |found: Found<'_>| {
            if let Found::Post { post, .. } = found
                && seen.insert(post.id.get())
            {
                counter.add(&post, None);
            }
            ControlFlow::Continue(())
        };
        match job.read(options, None, &|_| (), &mut each, &mut Summary::default()) {
            Ok(()) => read.push(format!("`{}`", job.name)),
            Err(error) if is_left_out(job, &error) => failed = Some(error),
            Err(error) => return error,
        }
    }
    let files = match (read.as_slice(), failed) {
        ([], Some(error)) => return error,
        ([one], _) => one.clone(),
        (files, _) => counted(files.len() as u64, "file"),
    };
    let options = TableOptions {
        limit: Some(10),
        ..TableOptions::default()
    };
    let table = FrequencyTable::new(counter, &options);
    let shown: Vec<String> = table
        .rows
        .iter()
        .map(|row| {
            let posts = counted(row.occurrences, "post");
            format!("#{} ({posts})", row.spelling)
        })
        .collect();
    let shown = if shown.is_empty() {
        "there are none".to_owned()
    } else {
        shown.join(", ")
    };
    Error::Usage(format!(
        "for which hashtags? Name them with -t. The commonest in {files}: {shown}"
    ))
}

/// Reads a file that must be readable to the last record, unless an import would leave it out.
fn check(job: &mut Job, options: &ReadOptions, ui: &Ui) -> Result<(), Error> {
    job.spool()?;
    let mut rejected = 0;
    let mut each = |found: Found<'_>| {
        if let Found::Rejected(record) = found {
            rejected += 1;
            if rejected <= 5 {
                ui.warn(&format!(
                    "`{}`, {}: {}",
                    job.name, record.place, record.reason
                ));
            }
        }
        ControlFlow::Continue(())
    };
    match job.read(options, None, &|_| (), &mut each, &mut Summary::default()) {
        Err(error) if is_left_out(job, &error) => return Ok(()),
        outcome => outcome?,
    }
    if rejected == 0 {
        return Ok(());
    }
    Err(Error::failed(
        format!(
            "{} of `{}` cannot be read; nothing was changed",
            counted(rejected, "record"),
            job.name
        ),
        "without --strict the others are imported, and these are listed in rejected.jsonl",
    ))
}
