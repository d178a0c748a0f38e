//! `cotag import`: files of other tools → store.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;

use super::{hashtags, interrupt, tags_from, writer};
use crate::analysis::{
    Counter, Extras, FrequencyTable, TableOptions, TagSources, TagsFrom, for_each_tag,
};
use crate::cli::{Global, ImportArgs};
use crate::error::{Error, Exit};
use crate::model::{Format, Hashtag, Origin, Post};
use crate::output::{ImportRow, import_summary};
use crate::record::Envelope;
use crate::source::files::{FileError, Found, Input, ReadOptions, Summary, files, read, tree};
use crate::store::{
    Added, RejectedRecord, Run, RunInput, Store, StoreError, TagWriter, Writer, new_id,
};
use crate::ui::Ui;

/// Bytes of posts kept in memory for a hashtag before they are stored.
const COMMIT: usize = 4 << 20;

pub(super) fn run(args: &ImportArgs, global: &Global, ui: &Ui) -> Result<Exit, Error> {
    let tags = hashtags(&args.tags, args.file.as_deref())?;
    let options = ReadOptions {
        format: args
            .format
            .as_deref()
            .and_then(|name| name.parse::<Format>().ok()),
    };
    let mut jobs = jobs(args, &tags, global, ui)?;
    if let Some(job) = jobs.iter().find(|job| job.tags.is_empty()) {
        return Err(candidates(job, &options, tags_from(args.tags_from)));
    }
    if args.strict {
        for job in &mut jobs {
            check(job, &options, ui)?;
        }
    }
    interrupt::listen();
    let started = Timestamp::now();
    let mut import = Import {
        writer: writer(global, "import", ui)?,
        open: BTreeMap::new(),
        tallies: BTreeMap::new(),
        run: new_id(started),
        keep_untagged: args.keep_untagged,
        update: args.update,
        from: tags_from(args.tags_from),
        error: None,
    };
    let read = import.read_all(&jobs, &options, ui);
    // Whatever happened, what was read before it is stored and entered.
    let finished = import.finish(started, ui);
    let rows = finished?;
    let exit = read?;
    ui.data(import_summary(&rows).as_bytes())?;
    Ok(exit)
}

/// A file to read and the hashtags that its posts are for.
struct Job {
    /// As given on the command line, or found below it.
    name: String,
    source: Source,
    tags: Vec<Hashtag>,
    /// Named by the person, not found in a directory: it must be readable.
    named: bool,
    /// A folder of another tool: its posts are the hashtag's, whatever they carry.
    whole: bool,
}

enum Source {
    Path(PathBuf),
    Stdin,
    /// Standard input, kept so that it can be read twice.
    Spooled(tempfile::NamedTempFile),
}

impl Source {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Spooled(file) => Some(file.path()),
            Self::Stdin => None,
        }
    }
}

/// The files that the arguments name.
fn jobs(args: &ImportArgs, tags: &[Hashtag], global: &Global, ui: &Ui) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    for input in &args.inputs {
        let name = input.display().to_string();
        if input == Path::new("-") {
            let job = Job {
                name,
                source: Source::Stdin,
                tags: tags.to_vec(),
                named: true,
                whole: false,
            };
            jobs.push(job);
        } else if input.is_dir() {
            jobs.extend(directory(input, tags, global, ui)?);
        } else {
            fs::metadata(input)?;
            let source = Source::Path(input.clone());
            jobs.push(Job {
                name,
                source,
                tags: tags.to_vec(),
                named: true,
                whole: false,
            });
        }
    }
    Ok(jobs)
}

fn directory(input: &Path, tags: &[Hashtag], global: &Global, ui: &Ui) -> Result<Vec<Job>, Error> {
    let job = |path: PathBuf, tags: Vec<Hashtag>, named| Job {
        name: path.display().to_string(),
        source: Source::Path(path),
        tags,
        named,
        whole: named,
    };
    if let Some(tree) = tree(input) {
        // A data directory that does not exist yet is the same as nothing else that does not.
        let data_dir = fs::canonicalize(&global.data_dir).ok();
        let same = |path: &Path| {
            data_dir
                .as_ref()
                .is_some_and(|dir| fs::canonicalize(path).is_ok_and(|path| path == *dir))
        };
        if same(input) || same(&input.join("data")) {
            return Err(Error::failed(
                format!("`{}` is the data directory itself", input.display()),
                "cotag reads the seed tool's directories as they are: `cotag frequencies TAG`; to make a \
                 new one, name it with --data-dir",
            ));
        }
        ui.note(&format!(
            "`{}` is a data directory of {} hashtags",
            input.display(),
            tree.posts.len()
        ));
        let recorded = recorded_tags(&tree.posts);
        return Ok(tree
            .posts
            .into_iter()
            .filter(|(_, path)| fs::metadata(path).is_ok_and(|meta| meta.len() > 0))
            .filter_map(|(folder, path)| {
                if tags.is_empty() {
                    recorded
                        .get(&path)
                        .cloned()
                        .or_else(|| crate::store::folder_tag(&folder))
                        .map(|tag| job(path, vec![tag], true))
                } else {
                    Some(Job {
                        whole: false,
                        ..job(path, tags.to_vec(), true)
                    })
                }
            })
            .collect());
    }
    let found = files(input);
    if found.is_empty() {
        return Err(Error::failed(
            format!("no file of posts in `{}`", input.display()),
            "posts are looked for in .json, .jsonl, .ndjson, .csv, .har, .html and .txt files, also .gz and .zst",
        ));
    }
    Ok(found
        .into_iter()
        .map(|path| job(path, tags.to_vec(), false))
        .collect())
}

/// The hashtags of a directory of our own, by file: not every folder's name tells its hashtag.
fn recorded_tags(posts: &[(String, PathBuf)]) -> BTreeMap<PathBuf, Hashtag> {
    let root = posts.first().and_then(|(_, path)| path.ancestors().nth(3));
    let stored = root.and_then(|root| Store::open(root).ok()?.tags().ok());
    let files = stored.unwrap_or_default().into_iter().flat_map(|stored| {
        let files: Vec<PathBuf> = stored.data_files().collect();
        files
            .into_iter()
            .map(move |file| (file, stored.tag.clone()))
    });
    files.collect()
}

/// Without a hashtag to import for: an error that shows the commonest ones.
fn candidates(job: &Job, options: &ReadOptions, from: TagsFrom) -> Error {
    let mut counter = Counter::new(from, Extras::default());
    let outcome = read_job(job, options, &|_| (), &mut |found| {
        if let Found::Post { post, .. } = found {
            counter.add(&post, None);
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = outcome {
        return error;
    }
    let options = TableOptions {
        limit: Some(10),
        ..TableOptions::default()
    };
    let table = FrequencyTable::new(counter, &options);
    let shown: Vec<String> = table
        .rows
        .iter()
        .map(|row| format!("#{} ({} posts)", row.spelling, row.occurrences))
        .collect();
    let shown = if shown.is_empty() {
        "it has none".to_owned()
    } else {
        shown.join(", ")
    };
    Error::Usage(format!(
        "for which hashtags? Name them with -t. The commonest in `{}`: {shown}",
        job.name
    ))
}

/// Reads a file that must be readable to the last record, and keeps standard input for the second time.
fn check(job: &mut Job, options: &ReadOptions, ui: &Ui) -> Result<(), Error> {
    if matches!(job.source, Source::Stdin) {
        let mut spool = tempfile::NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), &mut spool)?;
        job.source = Source::Spooled(spool);
    }
    let mut rejected = 0;
    read_job(job, options, &|_| (), &mut |found| {
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
    })?;
    if rejected == 0 {
        return Ok(());
    }
    Err(Error::failed(
        format!(
            "{rejected} records of `{}` cannot be read; nothing was changed",
            job.name
        ),
        "without --strict the others are imported, and these are listed in rejected.jsonl",
    ))
}

fn read_job(
    job: &Job,
    options: &ReadOptions,
    progress: &dyn Fn(u64),
    each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> Result<Summary, Error> {
    let named = |error| Error::File {
        file: job.name.clone(),
        error,
    };
    let mut input: Box<dyn Read> = match job.source.path() {
        Some(path) => {
            let file = fs::File::open(path).map_err(|error| named(error.into()))?;
            Box::new(interrupt::Interruptible(file))
        }
        None => Box::new(interrupt::Interruptible(interrupt::Stdin::new())),
    };
    read(Input::Reader(&mut *input), options, progress, each).map_err(named)
}

/// An import under way.
struct Import {
    writer: Writer,
    open: BTreeMap<Hashtag, TagWriter>,
    tallies: BTreeMap<Hashtag, Tally>,
    run: String,
    keep_untagged: bool,
    update: bool,
    from: TagsFrom,
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
    without_tag: u64,
    rejected: u64,
    origin: Option<Origin>,
    waiting: Vec<RejectedRecord>,
    stopped: Option<&'static str>,
}

impl Import {
    fn read_all(&mut self, jobs: &[Job], options: &ReadOptions, ui: &Ui) -> Result<Exit, Error> {
        let mut exit = Exit::Done;
        let mut done = 0;
        for job in jobs {
            match self.read_job(job, options, ui) {
                Ok(outcome) => {
                    done += 1;
                    exit = exit.and(outcome);
                }
                Err(Error::File { file, error })
                    if !job.named && !matches!(error, FileError::Io(_)) =>
                {
                    ui.note(&format!("left out `{file}`: {error}"));
                }
                Err(error @ Error::File { .. }) if jobs.len() > 1 => {
                    ui.error(&error);
                    exit = exit.and(Exit::Partly);
                }
                Err(error) => return Err(error),
            }
            if interrupt::asked() {
                ui.warn("interrupted; what was read before is stored, the same command goes on from there");
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

    fn read_job(&mut self, job: &Job, options: &ReadOptions, ui: &Ui) -> Result<Exit, Error> {
        let length = job
            .source
            .path()
            .and_then(|path| fs::metadata(path).ok())
            .map_or(0, |meta| meta.len());
        ui.start(&job.name, length);
        let posts = std::cell::Cell::new(0);
        let mut rejected = 0;
        let outcome = read_job(
            job,
            options,
            &|bytes| ui.progress(bytes, posts.get()),
            &mut |found| {
                let taken = match found {
                    Found::Post {
                        post,
                        raw,
                        fetched,
                        origin,
                        ..
                    } => {
                        posts.set(posts.get() + 1);
                        self.take(job, &post, raw, fetched, origin.unwrap_or(Origin::Import))
                    }
                    // The end of what was read before an interrupt is no damage.
                    Found::Rejected(_) if interrupt::asked() => Ok(()),
                    Found::Rejected(record) => {
                        rejected += 1;
                        self.reject(job, &record);
                        Ok(())
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
        );
        ui.finish();
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let summary = match outcome {
            Err(Error::File {
                error: FileError::Io(_),
                ..
            }) if interrupt::asked() => Summary::default(),
            outcome => outcome?,
        };
        for note in &summary.notes {
            ui.note(&format!("`{}`: {note}", job.name));
        }
        if rejected > 0 {
            ui.warn(&format!(
                "{rejected} records of `{}` could not be read; see rejected.jsonl",
                job.name
            ));
        }
        for tag in &job.tags {
            let tally = self.tallies.entry(tag.clone()).or_default();
            if interrupt::asked() {
                tally.stopped = Some("interrupted");
            }
            tally.inputs.push(RunInput {
                path: job.name.clone(),
                kind: summary.kind.clone(),
                bytes: summary.bytes,
                sha256: summary.sha256.clone(),
            });
        }
        Ok(if rejected > 0 {
            Exit::Partly
        } else {
            Exit::Done
        })
    }

    /// Stores a post for every hashtag of the job that it carries.
    fn take(
        &mut self,
        job: &Job,
        post: &Post<'_>,
        raw: &str,
        fetched: Option<Timestamp>,
        origin: Origin,
    ) -> Result<(), Error> {
        let mut carried = Vec::new();
        for_each_tag(post, self.from, &mut TagSources::default(), |tag| {
            carried.extend(Hashtag::new(tag));
        });
        let mut line = None;
        for tag in &job.tags {
            let tally = self.tallies.entry(tag.clone()).or_default();
            tally.read += 1;
            if !carried.contains(tag) {
                tally.without_tag += 1;
                if !(self.keep_untagged || job.whole) {
                    continue;
                }
            }
            tally.origin.get_or_insert(origin);
            let line = line.get_or_insert_with(|| {
                Envelope {
                    origin,
                    format: post.format,
                    fetched,
                    run: self.run.clone(),
                }
                .seal(raw)
            });
            if let Some(first) = tally.origin
                && (first == Origin::Synthetic) != (origin == Origin::Synthetic)
            {
                let name = |is: bool| if is { "synthetic" } else { "real" };
                return Err(Error::Store(StoreError::Mixed {
                    tag: tag.to_string(),
                    root: self.writer.store().root().to_owned(),
                    stored: name(first == Origin::Synthetic),
                    offered: name(origin == Origin::Synthetic),
                }));
            }
            let tag_writer = match self.open.get_mut(tag) {
                Some(open) => open,
                None => self
                    .open
                    .entry(tag.clone())
                    .or_insert(self.writer.tag(tag, origin)?),
            };
            match tag_writer.add(post.id, line) {
                Added::New => tally.new += 1,
                Added::Known => {
                    tally.known += 1;
                    if self.update {
                        tag_writer.offer_update(post.id, line, fetched)?;
                    }
                }
            }
            if tag_writer.pending() >= COMMIT {
                tag_writer.commit()?;
            }
        }
        Ok(())
    }

    fn reject(&mut self, job: &Job, record: &crate::source::files::Rejected) {
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
        }
    }

    /// Stores what is left, enters the run, and returns a row per hashtag.
    fn finish(&mut self, started: Timestamp, ui: &Ui) -> Result<Vec<ImportRow>, Error> {
        let mut rows = Vec::new();
        let mut done = Vec::new();
        for (tag, mut tally) in std::mem::take(&mut self.tallies) {
            let mut tag_writer = self.open.remove(&tag);
            if tag_writer.is_none() && tally.rejected > 0 {
                tag_writer = Some(self.writer.tag(&tag, Origin::Import)?);
            }
            let mut updated = 0;
            if let Some(mut tag_writer) = tag_writer {
                tell_opened(&tag_writer, ui);
                updated = tag_writer.apply_updates()?;
                // Where the disk was full, fewer than were taken in.
                tally.new = tag_writer.added();
                tag_writer.reject(&std::mem::take(&mut tally.waiting))?;
                let run = Run {
                    run: self.run.clone(),
                    command: "import".into(),
                    version: env!("CARGO_PKG_VERSION").into(),
                    origin: tally.origin.unwrap_or(Origin::Import).name().into(),
                    hashtag: tag.to_string(),
                    started,
                    finished: Timestamp::now(),
                    inputs: std::mem::take(&mut tally.inputs),
                    read: tally.read,
                    new: tally.new,
                    known: tally.known,
                    updated,
                    without_tag: tally.without_tag,
                    rejected: tally.rejected,
                    stopped: tally.stopped.unwrap_or("end of input").into(),
                    ..Run::default()
                };
                done.push((tag_writer, run));
            }
            rows.push(ImportRow {
                hashtag: tag.to_string(),
                read: tally.read,
                new: tally.new,
                known: tally.known,
                updated,
                without_tag: tally.without_tag,
                rejected: tally.rejected,
            });
        }
        if !done.is_empty() {
            self.writer.finish(done)?;
        }
        Ok(rows)
    }
}

/// Says what was mended when a hashtag's posts were opened.
pub(super) fn tell_opened(writer: &TagWriter, ui: &Ui) {
    let opened = &writer.opened;
    if let Some(bytes) = opened.cut {
        ui.warn(&format!(
            "#{}: an earlier write was interrupted; its unfinished end ({bytes} bytes) was cut off",
            writer.tag
        ));
    }
    if opened.recovered > 0 {
        ui.note(&format!(
            "#{}: {} posts of an interrupted run were entered",
            writer.tag, opened.recovered
        ));
    }
    if let Some(duplicates) = opened.rewritten {
        ui.note(&format!(
            "#{}: data.json was rewritten, one post per line; {duplicates} duplicates left out",
            writer.tag
        ));
    }
    if let Some(backup) = &opened.backup {
        ui.note(&format!(
            "#{}: kept as it was before: {}",
            writer.tag,
            backup.display()
        ));
    }
}
