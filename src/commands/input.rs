//! The posts that a command is about: of a stored hashtag or of a file, each post once.

use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;

use crate::analysis::Sample;
use crate::error::Error;
use crate::model::{Hashtag, Origin, Post};
use crate::record::{Stored, Unreadable};
use crate::source::files::{Found, Input, ReadOptions, read};
use crate::store::{Layout, Store, StoreError, StoredTag, Verdict, layout, scan};
use crate::ui::Ui;

/// What a command is about.
#[derive(Debug)]
pub(super) enum Subject {
    /// A stored hashtag.
    Stored(StoredTag),
    /// A file of posts.
    File(PathBuf),
}

/// Finds what a word on the command line names: a stored hashtag, else a file, else nothing.
pub(super) fn subject(word: &str, data_dir: &Path) -> Result<Subject, Error> {
    let path = Path::new(word);
    let is_file = path.is_file();
    let missing = match Hashtag::new(word) {
        // Nobody stores hashtags under names with separators before files of that path are tried.
        Some(_) if is_file && path.components().count() > 1 => None,
        Some(tag) => match Store::open(data_dir).and_then(|store| store.find(&tag)) {
            Ok(stored) => return Ok(Subject::Stored(stored)),
            Err(error) => Some(error),
        },
        None => None,
    };
    match missing {
        _ if is_file => Ok(Subject::File(path.to_owned())),
        Some(error) => Err(error.into()),
        None => Err(Error::Usage(format!(
            "`{word}` is no hashtag, and there is no such file"
        ))),
    }
}

impl Subject {
    /// As shown to people: `#london`, or the file's name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stored(stored) => format!("#{}", stored.tag),
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
        match self {
            Self::Stored(stored) => fold_lines(&stored.data_files().collect::<Vec<_>>(), new, add),
            Self::File(path) if is_store_file(path)? => {
                fold_lines(std::slice::from_ref(path), new, add)
            }
            Self::File(path) => fold_file(path, new(), add, ui),
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

/// A record's place: which file, and how many bytes before it.
type Place = (usize, u64);

struct Seen<S> {
    state: S,
    ids: Vec<(u64, Place)>,
    unreadable: u64,
}

/// Reads files of one post per line on all cores.
///
/// All records are counted at first, since repeated posts are rare; where there are some, the
/// files are read again without the places of the repeats. So the first record of a post in the
/// order of the files is the one that counts, whatever thread met it.
fn fold_lines<S: Send>(
    files: &[PathBuf],
    new: &(dyn Fn() -> S + Sync),
    add: &(dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
) -> Result<Folded<S>, Error> {
    let first = read_lines(files, new, add, &HashSet::new())?;
    let mut ids: Vec<(u64, Place)> = first
        .seen
        .iter()
        .flat_map(|seen| seen.ids.iter().copied())
        .collect();
    ids.sort_unstable();
    let repeats: HashSet<Place> = ids
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[1].1)
        .collect();
    let rows = ids.len() as u64;
    drop(ids);
    let read = if repeats.is_empty() {
        first
    } else {
        read_lines(files, new, add, &repeats)?
    };
    let unreadable = read.seen.iter().map(|seen| seen.unreadable).sum();
    Ok(Folded {
        left_out: Sample {
            rows: rows + unreadable,
            duplicates: repeats.len() as u64,
            unreadable,
            ..Sample::default()
        },
        states: read.seen.into_iter().map(|seen| seen.state).collect(),
        damage: read.damage,
        notes: read.notes,
    })
}

struct ReadLines<S> {
    seen: Vec<Seen<S>>,
    damage: Vec<String>,
    notes: Vec<String>,
}

fn read_lines<S: Send>(
    files: &[PathBuf],
    new: &(dyn Fn() -> S + Sync),
    add: &(dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
    skip: &HashSet<Place>,
) -> Result<ReadLines<S>, Error> {
    let mut all = ReadLines {
        seen: Vec::new(),
        damage: Vec::new(),
        notes: Vec::new(),
    };
    for (number, path) in files.iter().enumerate() {
        let new = || Seen {
            state: new(),
            ids: Vec::new(),
            unreadable: 0,
        };
        let (seen, end) = scan(path, &new, &|seen: &mut Seen<S>, line| {
            let place = (number, line.offset);
            match Stored::read(line.text) {
                Ok(_) if skip.contains(&place) => {}
                Ok(stored) => {
                    seen.ids.push((stored.post.id.get(), place));
                    add(&mut seen.state, &stored.post, stored.origin);
                }
                Err(Unreadable::Json(_)) => return Verdict::NotJson,
                Err(_) => seen.unreadable += 1,
            }
            Verdict::Read
        })?;
        all.seen.extend(seen);
        if end.torn.is_some() {
            all.notes.push(format!(
                "`{}` ends inside a post: a write was interrupted or is under way; that post is left out",
                path.display()
            ));
        }
        let damage = end.damaged.iter();
        all.damage.extend(damage.map(|damage| {
            format!(
                "`{}` at byte {}: {}",
                path.display(),
                damage.offset,
                damage.why
            )
        }));
    }
    Ok(all)
}

/// Whether a file is laid out like a store's and its first record is a post.
fn is_store_file(path: &Path) -> Result<bool, StoreError> {
    if layout(path)? != Layout::Lines {
        return Ok(false);
    }
    let mut lines = BufReader::new(fs::File::open(path)?).split(b'\n');
    let Some(first) = lines.nth(1).transpose()? else {
        return Ok(false);
    };
    let first = String::from_utf8_lossy(&first);
    Ok(Stored::read(first.trim().trim_end_matches(',')).is_ok())
}

/// Reads a file of any known kind.
fn fold_file<S>(
    path: &Path,
    mut state: S,
    add: &(dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
    ui: &Ui,
) -> Result<Folded<S>, Error> {
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
                Found::Post { post, origin, .. } => add(&mut state, &post, origin),
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
