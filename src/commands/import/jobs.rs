//! What an import is to read: the files named, and those of the directories named.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;

use super::super::interrupt;
use crate::cli::{Global, ImportArgs};
use crate::error::Error;
use crate::model::Hashtag;
use crate::output::counted;
use crate::source::files::{
    Found, Input, Make, ReadOptions, Summary, Tree, files, read_into, tree,
};
use crate::store::Store;
use crate::ui::Ui;

/// A file to read and the hashtags that its posts are for.
pub(super) struct Job {
    /// As given on the command line, or found below it.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) tags: Vec<Hashtag>,
    /// Named by the person, not found in a directory: it must be readable.
    pub(super) named: bool,
    /// A folder of another tool: its posts are the hashtag's, whatever they carry.
    pub(super) whole: bool,
}

pub(super) enum Source {
    Path(PathBuf),
    Stdin,
    /// Standard input, kept so that it can be read twice.
    Spooled(tempfile::NamedTempFile),
}

impl Source {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Spooled(file) => Some(file.path()),
            Self::Stdin => None,
        }
    }
}

impl Job {
    /// A file or stream that the person named.
    fn named(name: String, source: Source, tags: &[Hashtag]) -> Self {
        Self {
            name,
            source,
            tags: tags.to_vec(),
            named: true,
            whole: false,
        }
    }

    /// A file found in a directory; it may turn out to hold something else.
    fn found(path: PathBuf, tags: &[Hashtag]) -> Self {
        Self {
            named: false,
            ..Self::named(path.display().to_string(), Source::Path(path), tags)
        }
    }

    /// Reads the job's posts; `summary` tells what was read, also where an error ended it.
    pub(super) fn read(
        &self,
        options: &ReadOptions,
        make: Option<Arc<dyn Make>>,
        progress: &dyn Fn(u64),
        each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let named = |error| Error::File {
            file: self.name.clone(),
            error,
        };
        let mut input: Box<dyn Read> = match self.source.path() {
            Some(path) => {
                let file = fs::File::open(path).map_err(|error| named(error.into()))?;
                Box::new(interrupt::Interruptible(file))
            }
            None => Box::new(interrupt::Interruptible(interrupt::Stdin::new())),
        };
        let options = ReadOptions {
            live: matches!(self.source, Source::Stdin),
            ..*options
        };
        read_into(
            Input::Reader(&mut *input),
            &options,
            make,
            progress,
            each,
            summary,
        )
        .map_err(named)
    }

    /// Keeps standard input, so that it can be read a second time.
    pub(super) fn spool(&mut self) -> Result<(), Error> {
        if matches!(self.source, Source::Stdin) {
            let mut spool = tempfile::NamedTempFile::new()?;
            io::copy(&mut io::stdin().lock(), &mut spool)?;
            self.source = Source::Spooled(spool);
        }
        Ok(())
    }
}

/// The files that the arguments name.
pub(super) fn jobs(
    args: &ImportArgs,
    tags: &[Hashtag],
    global: &Global,
    ui: &Ui,
) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    for input in &args.inputs {
        let name = input.display().to_string();
        if input == Path::new("-") {
            jobs.push(Job::named(name, Source::Stdin, tags));
        } else if !input.is_dir() {
            fs::metadata(input)?;
            jobs.push(Job::named(name, Source::Path(input.clone()), tags));
        } else if let Some(tree) = tree(input) {
            jobs.extend(data_directory(input, tree, tags, global, ui)?);
        } else {
            jobs.extend(folder(input, tags)?);
        }
    }
    Ok(jobs)
}

/// Any folder: whatever below it may hold posts.
fn folder(input: &Path, tags: &[Hashtag]) -> Result<Vec<Job>, Error> {
    let found = files(input);
    if found.is_empty() {
        return Err(Error::failed(
            format!("no file of posts in `{}`", input.display()),
            "posts are looked for in .json, .jsonl, .ndjson, .csv, .har, .html and .txt files, also .gz and .zst",
        ));
    }
    Ok(found
        .into_iter()
        .map(|path| Job::found(path, tags))
        .collect())
}

/// Another store: without hashtags given, each of its folders goes to the hashtag that it is for.
fn data_directory(
    input: &Path,
    tree: Tree,
    tags: &[Hashtag],
    global: &Global,
    ui: &Ui,
) -> Result<Vec<Job>, Error> {
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
        "`{}` is a data directory of {}",
        input.display(),
        counted(tree.posts.len() as u64, "hashtag")
    ));
    let recorded = recorded_tags(&tree.posts);
    let job = |(folder, path): (String, PathBuf)| {
        let name = path.display().to_string();
        if !tags.is_empty() {
            return Some(Job::named(name, Source::Path(path), tags));
        }
        let tag = recorded.get(&path).cloned();
        let tag = tag.or_else(|| crate::store::folder_tag(&folder))?;
        Some(Job {
            whole: true,
            ..Job::named(name, Source::Path(path), &[tag])
        })
    };
    Ok(tree
        .posts
        .into_iter()
        .filter(|(_, path)| fs::metadata(path).is_ok_and(|meta| meta.len() > 0))
        .filter_map(job)
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
