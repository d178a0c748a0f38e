//! The posts that a command is about: of a stored hashtag or of a file, each post once.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;

use super::database::{DatabaseTag, Shelf};
use crate::analysis::Sample;
use crate::error::Error;
use crate::model::{Hashtag, Origin, Post};
use crate::output::counted;
use crate::source::files::{Found, Input, ReadOptions, read};
use crate::store::{self, Fold, Store, StoredTag, fold_files, fold_posts};
use crate::ui::Ui;

/// What a command is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A stored hashtag.
    Stored(StoredTag),
    /// A hashtag stored in a database.
    Database(DatabaseTag),
    /// A file of posts.
    File(PathBuf),
}

/// Finds what a word on the command line names: a stored hashtag, else a file, else nothing.
pub(super) fn subject(word: &str, shelf: &Shelf<'_>) -> Result<Subject, Error> {
    let path = Path::new(word);
    let is_path = path.components().count() > 1;
    let found = fs::metadata(path);
    // Nobody stores hashtags under names with separators before files of that path are tried.
    if is_path && found.as_ref().is_ok_and(std::fs::Metadata::is_file) {
        return Ok(Subject::File(path.to_owned()));
    }
    let missing = match Hashtag::new(word) {
        Some(tag) => match stored_tag(&tag, shelf) {
            Ok(subject) => return Ok(subject),
            Err(error) => error,
        },
        None => Error::Usage(format!("`{word}` is no hashtag, and there is no such file")),
    };
    match found {
        Ok(meta) if meta.is_file() => Ok(Subject::File(path.to_owned())),
        Ok(meta) if meta.is_dir() && is_path => Err(Error::failed(
            format!("`{word}` is a directory"),
            "name a file in it, or the hashtag with --data-dir DIR; `cotag import` takes directories",
        )),
        // Pipes are read once, which is not enough to tell what they hold.
        Ok(_) if is_path => Err(Error::failed(
            format!("`{word}` is no regular file"),
            "store what a pipe gives first: `… | cotag import - -t TAG`",
        )),
        Err(error) if is_path && error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::failed(
                format!("there is no file `{word}`, and no hashtag of that name is stored"),
                "check the path",
            ))
        }
        Err(error) if is_path => Err(error.into()),
        _ => Err(missing),
    }
}

/// A stored hashtag, wherever the posts are.
pub(super) fn stored_tag(tag: &Hashtag, shelf: &Shelf<'_>) -> Result<Subject, Error> {
    match shelf.directory()? {
        Some(root) => Ok(Subject::Stored(Store::open(root)?.find(tag)?)),
        None => shelf.stored(tag).map(Subject::Database),
    }
}

impl Subject {
    /// As shown to people: `#london`, or the file's name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stored(stored) => format!("#{}", stored.tag),
            Self::Database(stored) => format!("#{}", stored.tag),
            Self::File(path) => path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            ),
        }
    }

    /// The hashtag, if it is one.
    pub(super) fn hashtag(&self) -> Option<&Hashtag> {
        match self {
            Self::Stored(stored) => Some(&stored.tag),
            Self::Database(stored) => Some(&stored.tag),
            Self::File(_) => None,
        }
    }

    /// Hands every post, each once, to one of the states (there is one per thread) and returns them
    /// with the records read and left out.
    ///
    /// # Errors
    /// The disk's own; a file that is no file of posts.
    pub(super) fn fold<S: Send>(
        &self,
        new: &(dyn Fn() -> S + Sync),
        add: &(dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
        ui: &Ui,
    ) -> Result<Folded<S>, Error> {
        let add_brief = None;
        let fold = Fold {
            new,
            add,
            add_brief,
        };
        self.fold_briefly(&fold, ui)
    }

    /// As [`Subject::fold`], with posts read in brief where that is enough.
    ///
    /// # Errors
    /// As [`Subject::fold`].
    pub(super) fn fold_briefly<S: Send>(
        &self,
        fold: &Fold<'_, S>,
        ui: &Ui,
    ) -> Result<Folded<S>, Error> {
        match self {
            Self::Stored(stored) => {
                let files: Vec<PathBuf> = stored.data_files().collect();
                Ok(fold_files(&files, fold)?.into())
            }
            Self::Database(stored) => stored.fold(fold),
            Self::File(path) => match fold_posts(path, fold)? {
                Some(folded) if is_stored(path) => Ok(folded.into()),
                Some(folded) => Ok(without_repair(folded.into())),
                None => fold_file(path, fold, ui),
            },
        }
    }
}

/// What [`Subject::fold`] read.
#[derive(Debug)]
pub(super) struct Folded<S> {
    /// The states.
    pub(super) states: Vec<S>,
    /// Records read, repeated and unreadable; nothing else of the sample is filled in.
    pub(super) left_out: Sample,
    /// Damage found, a sentence each.
    pub(super) damage: Vec<String>,
    /// What else is worth telling.
    pub(super) notes: Vec<String>,
}

impl<S> From<store::Folded<S>> for Folded<S> {
    fn from(folded: store::Folded<S>) -> Self {
        Self {
            states: folded.states,
            left_out: Sample {
                rows: folded.rows,
                duplicates: folded.duplicates,
                unreadable: folded.unreadable,
                ..Sample::default()
            },
            damage: folded.damage,
            notes: folded.notes,
        }
    }
}

/// Whether a file is where a store has its posts.
fn is_stored(path: &Path) -> bool {
    path.ends_with("posts/data.json")
}

/// Damage to a file that no store vouches for is unreadable records; there is nothing to repair.
fn without_repair<S>(mut folded: Folded<S>) -> Folded<S> {
    /// So many places are told.
    const TOLD: usize = 5;

    let damage = std::mem::take(&mut folded.damage);
    folded.left_out.rows += damage.len() as u64;
    folded.left_out.unreadable += damage.len() as u64;
    let more = damage.len().saturating_sub(TOLD) as u64;
    folded.notes.extend(damage.into_iter().take(TOLD));
    if more > 0 {
        let more = counted(more, "more place");
        folded.notes.push(format!("{more} could not be read"));
    }
    folded
}

/// Reads a file of any known kind.
fn fold_file<S>(path: &Path, fold: &Fold<'_, S>, ui: &Ui) -> Result<Folded<S>, Error> {
    let mut state = (fold.new)();
    let mut left_out = Sample::default();
    let mut seen = HashSet::new();
    ui.start("reading", fs::metadata(path)?.len());
    let read = read(
        Input::Path(path),
        &ReadOptions::default(),
        &|bytes| ui.progress(bytes, 0),
        &mut |found| {
            left_out.rows += 1;
            match found {
                Found::Rejected(_) => left_out.unreadable += 1,
                Found::Post { post, .. } if !seen.insert(post.id.get()) => left_out.duplicates += 1,
                Found::Post { post, origin, .. } => (fold.add)(&mut state, &post, origin),
                // Only where that is asked for.
                Found::Made { .. } => {}
            }
            ControlFlow::Continue(())
        },
    );
    ui.finish();
    let summary = read.map_err(|error| Error::File {
        file: path.display().to_string(),
        error,
    })?;
    Ok(Folded {
        states: vec![state],
        left_out,
        damage: Vec::new(),
        notes: summary.notes,
    })
}
