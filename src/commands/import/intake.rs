//! Storing what an import reads, and counting what became of it for each hashtag.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_err as fs;
use jiff::Timestamp;

use super::super::{interrupt, store_writer, tags_from};
use super::batch::{Asked, Batch};
use super::common::Common;
use super::jobs::Job;
use crate::analysis::TagsFrom;
use crate::cli::{Global, ImportArgs};
use crate::error::{Error, Exit};
use crate::model::{Hashtag, Origin};
use crate::output::{ImportRow, counted};
use crate::source::files::{FileError, Found, Made as _, ReadOptions, Rejected, Summary};
use crate::store::{
    Opened, PostsWriter, RejectedRecord, Run, RunInput, StoreError, StoreWriter, new_id,
};
use crate::ui::Ui;

/// Bytes of posts kept in memory for a hashtag before they are stored.
const COMMIT: usize = 4 << 20;

/// How many rejected records are kept in memory for a hashtag before they are listed.
const REJECTED: usize = 1000;

/// An import under way.
pub(super) struct Intake {
    writer: StoreWriter,
    open: BTreeMap<Hashtag, PostsWriter>,
    tallies: BTreeMap<Hashtag, Tally>,
    started: Timestamp,
    run: String,
    keep_untagged: bool,
    update: bool,
    from: TagsFrom,
    common: Common,
    /// What ended it, told from inside the reader's callback.
    error: Option<Error>,
}

/// What happened for one hashtag.
#[derive(Default)]
struct Tally {
    inputs: Vec<RunInput>,
    read: u64,
    new: u64,
    known: u64,
    tombstoned: u64,
    updated: u64,
    without_tag: u64,
    rejected: u64,
    origin: Option<Origin>,
    waiting: Vec<RejectedRecord>,
    /// Posts that the store cannot take, the first of them in words.
    refused: (u64, String),
    stopped: Option<&'static str>,
}

/// An import that has ended: a row per hashtag, and the first thing that could not be finished.
pub(super) struct Finished {
    pub(super) rows: Vec<ImportRow>,
    pub(super) error: Option<Error>,
    /// Some posts could not be stored.
    pub(super) refused: bool,
}

impl Intake {
    /// Opens the store for an import.
    pub(super) fn open(args: &ImportArgs, global: &Global, ui: &Ui) -> Result<Self, Error> {
        let started = Timestamp::now();
        Ok(Self {
            writer: store_writer(global, "import", ui)?,
            open: BTreeMap::new(),
            tallies: BTreeMap::new(),
            started,
            run: new_id(started),
            keep_untagged: args.keep_untagged,
            update: args.update,
            from: tags_from(args.tags_from),
            common: Common::default(),
            error: None,
        })
    }

    /// Reads a file and stores its posts; those read before an error or an interrupt stay.
    pub(super) fn read(
        &mut self,
        job: &Job,
        options: &ReadOptions,
        ui: &Ui,
    ) -> Result<Exit, Error> {
        let length = job
            .source
            .path()
            .and_then(|path| fs::metadata(path).ok())
            .map_or(0, |meta| meta.len());
        ui.start(&job.name, length);
        let posts = Cell::new(0);
        let mut rejected = 0;
        let mut summary = Summary::default();
        let asked = Arc::new(Asked {
            tags: job.tags.clone(),
            from: self.from,
            run: self.run.clone(),
            whole: self.keep_untagged || job.whole,
            sample: AtomicBool::new(true),
        });
        let mut single = Batch::new(&asked);
        let outcome = job.read(
            options,
            Some(asked),
            &|bytes| ui.progress(bytes, posts.get()),
            &mut |found| {
                let taken = match found {
                    Found::Made { made, number } => {
                        posts.set(posts.get() + 1);
                        match made.downcast_ref() {
                            Some(batch) => self.take(job, batch, number),
                            None => Ok(()),
                        }
                    }
                    Found::Post {
                        post,
                        raw,
                        fetched,
                        origin,
                        ..
                    } => {
                        posts.set(posts.get() + 1);
                        single.clear();
                        single.take(&post, raw, fetched, origin);
                        self.take(job, &single, 0)
                    }
                    // The end of what was read before an interrupt is no damage.
                    Found::Rejected(_) if interrupt::asked() => Ok(()),
                    Found::Rejected(record) => {
                        rejected += 1;
                        self.reject(job, &record)
                    }
                };
                match taken {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        self.error = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
            &mut summary,
        );
        ui.finish();
        let outcome = match (self.error.take(), outcome) {
            (Some(error), _) => Err(error),
            (None, Err(error)) if interrupt::asked() && is_io(&error) => Ok(()),
            (None, outcome) => outcome,
        };
        if posts.get() + rejected > 0 || outcome.is_ok() {
            self.enter(job, &summary, outcome.as_ref().err());
        }
        outcome?;
        for note in &summary.notes {
            ui.note(&format!("`{}`: {note}", job.name));
        }
        if rejected == 0 {
            return Ok(Exit::Done);
        }
        ui.warn(&format!(
            "{} of `{}` could not be read; see rejected.jsonl",
            counted(rejected, "record"),
            job.name
        ));
        Ok(Exit::Partly)
    }

    /// Enters a file as an input of the run, with what is known of it where it was not read to its end.
    fn enter(&mut self, job: &Job, summary: &Summary, error: Option<&Error>) {
        let asked = interrupt::asked();
        let stopped = match error {
            _ if asked => Some("interrupted".to_owned()),
            Some(error) => Some(error.to_string()),
            None => None,
        };
        for tag in &job.tags {
            let tally = self.tallies.entry(tag.clone()).or_default();
            if asked {
                tally.stopped = Some("interrupted");
            } else if error.is_some() {
                tally.stopped = Some("an input could not be read to its end");
            }
            tally.inputs.push(RunInput {
                path: job.name.clone(),
                kind: summary.kind.clone(),
                bytes: summary.bytes,
                sha256: if stopped.is_some() {
                    String::new()
                } else {
                    summary.sha256.clone()
                },
                stopped: stopped.clone(),
            });
        }
    }

    /// Stores a post for every hashtag of the job that it carries.
    fn take(&mut self, job: &Job, batch: &Batch, number: usize) -> Result<(), Error> {
        let Some(post) = batch.get(number) else {
            return Err(Error::failed(
                "a post that was read is not there",
                "this is a fault of cotag",
            ));
        };
        if self.common.is_asked(post.carried.contains(&true)) {
            self.common.add(post.tags);
        } else {
            batch.asked.sample.store(false, Ordering::Relaxed);
        }
        for (tag, &carried) in job.tags.iter().zip(post.carried) {
            let tally = match self.tallies.get_mut(tag) {
                Some(tally) => tally,
                None => self.tallies.entry(tag.clone()).or_default(),
            };
            tally.read += 1;
            tally.without_tag += u64::from(!carried);
            let (Some(line), true) = (post.line, carried || batch.asked.whole) else {
                continue;
            };
            let origin = post.origin;
            let tag_writer = tag_writer(&mut self.writer, &mut self.open, tag, tally, origin)?;
            let update = self.update.then_some(post.fetched);
            tag_writer.take_row(post.id, line, (&batch.rows, post.row), update)?;
            tally.refuse(tag_writer, &self.run, &job.name);
            if tag_writer.pending() >= COMMIT {
                tag_writer.commit_behind()?;
                tally.refuse(tag_writer, &self.run, &job.name);
                tag_writer.reject(&std::mem::take(&mut tally.waiting))?;
            }
        }
        Ok(())
    }

    /// Lists a record that could not be read for every hashtag of the job.
    fn reject(&mut self, job: &Job, record: &Rejected) -> Result<(), Error> {
        for tag in &job.tags {
            let tally = self.tallies.entry(tag.clone()).or_default();
            tally.read += 1;
            tally.rejected += 1;
            tally.waiting.push(RejectedRecord {
                run: self.run.clone(),
                file: job.name.clone(),
                place: record.place.to_string(),
                reason: record.reason.clone(),
                excerpt: record.excerpt.clone(),
            });
            // However many there are, they neither fill the memory nor get lost with the process.
            if tally.waiting.len() >= REJECTED {
                let origin = tally.origin.unwrap_or(Origin::Import);
                tag_writer(&mut self.writer, &mut self.open, tag, tally, origin)?
                    .reject(&std::mem::take(&mut tally.waiting))?;
            }
        }
        Ok(())
    }

    /// Stores what is left and enters the run, for every hashtag for which that can be done.
    pub(super) fn finish(mut self, ui: &Ui) -> Finished {
        let mut rows = Vec::new();
        let mut done = Vec::new();
        let mut error = None;
        let mut refused = false;
        for (tag, mut tally) in std::mem::take(&mut self.tallies) {
            match self.finish_tag(&tag, &mut tally, ui) {
                Ok(entry) => done.extend(entry),
                Err(why) => keep_first(&mut error, why, ui),
            }
            self.warn_of_nothing(&tag, &tally, ui);
            if tally.refused.0 > 0 {
                refused = true;
                ui.warn(&format!(
                    "#{tag}: {} could not be stored; {}",
                    counted(tally.refused.0, "post"),
                    tally.refused.1
                ));
            }
            rows.push(tally.row(&tag));
        }
        if !done.is_empty()
            && let Err(why) = self.writer.finish(done)
        {
            keep_first(&mut error, why.into(), ui);
        }
        Finished {
            rows,
            error,
            refused,
        }
    }

    /// Stores what is left for one hashtag; `None` where there was nothing to store.
    fn finish_tag(
        &mut self,
        tag: &Hashtag,
        tally: &mut Tally,
        ui: &Ui,
    ) -> Result<Option<(PostsWriter, Run)>, Error> {
        if tally.rejected > 0 {
            let origin = tally.origin.unwrap_or(Origin::Import);
            tag_writer(&mut self.writer, &mut self.open, tag, tally, origin)?;
        }
        let Some(mut tag_writer) = self.open.remove(tag) else {
            return Ok(None);
        };
        tell_opened(&format!("#{tag}"), "post", tag_writer.opened(), ui);
        let committed = tag_writer.commit_last();
        // Where the disk was full, fewer than were taken in.
        tally.enter(&tag_writer);
        committed?;
        tally.refuse(&mut tag_writer, &self.run, "a post that was taken in");
        tag_writer.reject(&std::mem::take(&mut tally.waiting))?;
        tag_writer.apply_updates()?;
        tally.enter(&tag_writer);
        if tally.tombstoned > 0 {
            ui.note(&crate::commands::tombstoned(tag, tally.tombstoned));
        }
        let run = tally.run(tag, &self.run, self.started);
        Ok(Some((tag_writer, run)))
    }

    /// Says that nothing was found for a hashtag, which is more often a slip than an answer.
    fn warn_of_nothing(&self, tag: &Hashtag, tally: &Tally, ui: &Ui) {
        let posts = tally.read - tally.rejected;
        if posts == 0 || tally.without_tag < posts || tally.new + tally.known > 0 {
            return;
        }
        let common = self.common.sentence();
        ui.warn(&format!(
            "nothing was stored for #{tag}: none of the {} read carries it; {common}try another \
             spelling with -t, captions as well with --tags-from both, or --keep-untagged",
            counted(posts, "post")
        ));
    }
}

impl Tally {
    /// What became of the posts.
    fn enter(&mut self, writer: &PostsWriter) {
        let taken = writer.taken();
        (self.new, self.known, self.updated) = (taken.new, taken.known, taken.updated);
        self.tombstoned = taken.tombstoned;
    }

    /// Lists the posts that the store cannot take.
    fn refuse(&mut self, writer: &mut PostsWriter, run: &str, file: &str) {
        for (place, reason) in writer.refused() {
            self.rejected += 1;
            self.refused.0 += 1;
            if self.refused.0 == 1 {
                self.refused.1 = format!("{place}: {reason}");
            }
            self.waiting.push(RejectedRecord {
                run: run.to_owned(),
                file: file.to_owned(),
                place,
                reason,
                excerpt: String::new(),
            });
        }
    }

    fn run(&mut self, tag: &Hashtag, run: &str, started: Timestamp) -> Run {
        Run {
            run: run.to_owned(),
            command: "import".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            origin: self.origin.unwrap_or(Origin::Import).name().into(),
            hashtag: tag.to_string(),
            started,
            finished: Timestamp::now(),
            inputs: std::mem::take(&mut self.inputs),
            read: self.read,
            new: self.new,
            known: self.known,
            updated: self.updated,
            tombstoned: self.tombstoned,
            without_tag: self.without_tag,
            rejected: self.rejected,
            stopped: self.stopped.unwrap_or("end of input").into(),
            ..Run::default()
        }
    }

    fn row(&self, tag: &Hashtag) -> ImportRow {
        ImportRow {
            hashtag: tag.to_string(),
            read: self.read,
            new: self.new,
            known: self.known,
            updated: self.updated,
            without_tag: self.without_tag,
            rejected: self.rejected,
        }
    }
}

/// The hashtag's writer, opened when it is first needed. Synthetic and real posts do not mix.
fn tag_writer<'o>(
    writer: &mut StoreWriter,
    open: &'o mut BTreeMap<Hashtag, PostsWriter>,
    tag: &Hashtag,
    tally: &mut Tally,
    origin: Origin,
) -> Result<&'o mut PostsWriter, Error> {
    let first = *tally.origin.get_or_insert(origin);
    if (first == Origin::Synthetic) != (origin == Origin::Synthetic) {
        let name = |is: bool| if is { "synthetic" } else { "real" };
        return Err(Error::Store(StoreError::Mixed {
            name: format!("#{tag}"),
            root: writer.root(),
            stored: name(first == Origin::Synthetic),
            offered: name(origin == Origin::Synthetic),
        }));
    }
    if !open.contains_key(tag) {
        let opened = writer.posts(tag, origin)?;
        return Ok(open.entry(tag.clone()).or_insert(opened));
    }
    open.get_mut(tag)
        .ok_or_else(|| Error::failed(format!("#{tag} is not open"), "this is a fault of cotag"))
}

/// Keeps the first error to end with, and tells the others at once.
fn keep_first(first: &mut Option<Error>, error: Error, ui: &Ui) {
    match first {
        Some(_) => ui.error(&error),
        None => *first = Some(error),
    }
}

fn is_io(error: &Error) -> bool {
    matches!(
        error,
        Error::File {
            error: FileError::Io(_),
            ..
        }
    )
}

/// Says what was mended when a hashtag's posts were opened.
pub(in crate::commands) fn tell_opened(name: &str, noun: &str, opened: &Opened, ui: &Ui) {
    if let Some(bytes) = opened.cut {
        ui.warn(&format!(
            "{name}: an earlier write was interrupted; its unfinished end ({}) was cut off",
            counted(bytes, "byte")
        ));
    }
    if opened.adopted > 0 {
        ui.note(&format!(
            "{name}: entered {} that another tool had stored",
            counted(opened.adopted, noun)
        ));
    }
    if opened.recovered > 0 {
        ui.note(&format!(
            "{name}: entered {} of an interrupted run",
            counted(opened.recovered, noun)
        ));
    }
    if opened.healed {
        ui.note(&format!(
            "{name}: an earlier rewrite was interrupted; data.json is whole and was entered anew"
        ));
    }
    if let Some(duplicates) = opened.rewritten {
        ui.note(&format!(
            "{name}: data.json was rewritten, one {noun} per line; {} left out",
            counted(duplicates, "duplicate")
        ));
    }
    if let Some(backup) = &opened.backup {
        ui.note(&format!(
            "{name}: kept as it was before: {}",
            backup.display()
        ));
    }
}
