//! The posts that a command is about: of a stored hashtag or of a file, each post once.

use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;

use super::database::{DatabaseTag, Shelf};
use crate::analysis::Sample;
use crate::error::Error;
use crate::json::Marked;
use crate::model::{Brief, Hashtag, Origin, Post, PostId};
use crate::record::{Reader, Stored, Unreadable};
use crate::source::files::{Found, Input, ReadOptions, read};
use crate::store::{
    Layout, Quick, Readers, Store, StoreError, StoredTag, Verdict, layout, scan_array, scan_quickly,
};
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
        Some(tag) => match stored(&tag, shelf) {
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
fn stored(tag: &Hashtag, shelf: &Shelf<'_>) -> Result<Subject, Error> {
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
            Self::Stored(stored) => fold_stored(&stored.data_files().collect::<Vec<_>>(), fold),
            Self::Database(stored) => stored.fold(fold),
            Self::File(path) if is_store_file(path)? => {
                fold_stored(std::slice::from_ref(path), fold)
            }
            Self::File(path) => match fold_array(path, fold)? {
                Some(folded) => Ok(folded),
                None => fold_file(path, fold, ui),
            },
        }
    }
}

/// Takes a post that was read in brief.
pub(super) type AddBrief<'f, S> = &'f (dyn Fn(&mut S, &Brief<'_>, Option<Origin>) + Sync);

/// What to do with posts.
pub(super) struct Fold<'f, S> {
    /// Makes a thread's state.
    pub(super) new: &'f (dyn Fn() -> S + Sync),
    /// Takes a post.
    pub(super) add: &'f (dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
    /// Takes a post that was read in brief, where that is enough.
    pub(super) add_brief: Option<AddBrief<'f, S>>,
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

/// What one thread read of one file.
struct Seen<S> {
    state: S,
    /// The file's number.
    file: usize,
    reader: Reader,
    /// Ids of its readable records and, at the same index, where these stand.
    ids: Vec<u64>,
    offsets: Vec<u64>,
    unreadable: u64,
}

impl<S> Seen<S> {
    fn new(state: S, file: usize) -> Self {
        Self {
            state,
            file,
            reader: Reader::default(),
            ids: Vec::new(),
            offsets: Vec::new(),
            unreadable: 0,
        }
    }

    fn note(&mut self, id: PostId, offset: u64) {
        self.ids.push(id.get());
        self.offsets.push(offset);
    }
}

/// Reads files of one post per line, or as the seed tool writes them, on all cores.
///
/// All records are counted at first, since repeated posts are rare; where there are some, the
/// files are read again without the places of the repeats. So the first record of a post in the
/// order of the files is the one that counts, whatever thread met it.
fn fold_stored<S: Send>(files: &[PathBuf], fold: &Fold<'_, S>) -> Result<Folded<S>, Error> {
    let mut read = read_files(files, fold, &HashSet::new())?;
    let repeats = repeats(&read.seen);
    if !repeats.is_empty() {
        read = read_files(files, fold, &repeats)?;
    }
    Ok(folded(read, &repeats))
}

/// Reads a single line that is an array of records, on all cores; `None` if it is anything else or
/// if one of the records needs more than a look into its own fields.
fn fold_array<S: Send>(path: &Path, fold: &Fold<'_, S>) -> Result<Option<Folded<S>>, Error> {
    let scan =
        |skip: &HashSet<Place>| with_readers(0, fold, skip, &|readers| scan_array(path, readers));
    let all_readable = |seen: &Vec<Seen<S>>| seen.iter().all(|seen| seen.unreadable == 0);
    let Some(mut seen) = scan(&HashSet::new())?.filter(all_readable) else {
        return Ok(None);
    };
    let repeats = repeats(&seen);
    if !repeats.is_empty() {
        let Some(again) = scan(&repeats)? else {
            return Ok(None);
        };
        seen = again;
    }
    let read = ReadFiles {
        seen,
        damage: Vec::new(),
        notes: Vec::new(),
    };
    Ok(Some(folded(read, &repeats)))
}

fn folded<S>(read: ReadFiles<S>, repeats: &HashSet<Place>) -> Folded<S> {
    let unreadable: u64 = read.seen.iter().map(|seen| seen.unreadable).sum();
    let readable: usize = read.seen.iter().map(|seen| seen.ids.len()).sum();
    let duplicates = repeats.len() as u64;
    Folded {
        left_out: Sample {
            rows: readable as u64 + unreadable + duplicates,
            duplicates,
            unreadable,
            ..Sample::default()
        },
        states: read.seen.into_iter().map(|seen| seen.state).collect(),
        damage: read.damage,
        notes: read.notes,
    }
}

/// Where posts stand again.
fn repeats<S: Send>(seen: &[Seen<S>]) -> HashSet<Place> {
    let mut lists: Vec<Vec<u64>> = seen.iter().map(|seen| seen.ids.clone()).collect();
    std::thread::scope(|scope| {
        for list in &mut lists {
            scope.spawn(|| list.sort_unstable());
        }
    });
    let mut ids = lists.concat();
    drop(lists);
    // This sort finds the sorted lists and merges them.
    ids.sort_unstable();
    let repeated: HashSet<u64> = ids
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    if repeated.is_empty() {
        return HashSet::new();
    }
    let mut places: Vec<(u64, Place)> = seen
        .iter()
        .flat_map(|seen| {
            let places = seen.ids.iter().zip(&seen.offsets);
            places.map(|(&id, &offset)| (id, (seen.file, offset)))
        })
        .filter(|(id, _)| repeated.contains(id))
        .collect();
    places.sort_unstable();
    let pairs = places.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| pair[1].1).collect()
}

struct ReadFiles<S> {
    seen: Vec<Seen<S>>,
    damage: Vec<String>,
    notes: Vec<String>,
}

fn read_files<S: Send>(
    files: &[PathBuf],
    fold: &Fold<'_, S>,
    skip: &HashSet<Place>,
) -> Result<ReadFiles<S>, Error> {
    let mut all = ReadFiles {
        seen: Vec::new(),
        damage: Vec::new(),
        notes: Vec::new(),
    };
    for (number, path) in files.iter().enumerate() {
        let (seen, end) = with_readers(number, fold, skip, &|readers| scan_quickly(path, readers))?;
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

/// Calls a scan of a file with what reads its records, in brief where that is enough.
fn with_readers<S: Send, R>(
    file: usize,
    fold: &Fold<'_, S>,
    skip: &HashSet<Place>,
    scan: &dyn Fn(&Readers<'_, Seen<S>>) -> R,
) -> R {
    let quick = fold.add_brief.map(|add_brief| {
        move |seen: &mut Seen<S>, record: Marked<'_>, at: usize, offset: u64| {
            let Some((brief, origin)) = seen.reader.read(record, at) else {
                return false;
            };
            if skip.is_empty() || !skip.contains(&(file, offset)) {
                seen.ids.push(brief.id.get());
                seen.offsets.push(offset);
                add_brief(&mut seen.state, &brief, origin);
            }
            true
        }
    });
    scan(&Readers {
        new: &|| Seen::new((fold.new)(), file),
        quick: quick.as_ref().map(|quick| quick as Quick<'_, Seen<S>>),
        each: &|seen, line| {
            match Stored::read(line.text) {
                Ok(_) if skip.contains(&(file, line.offset)) => {}
                Ok(stored) => {
                    seen.note(stored.post.id, line.offset);
                    (fold.add)(&mut seen.state, &stored.post, stored.origin);
                }
                Err(Unreadable::Json(_)) => return Verdict::NotJson,
                Err(_) => seen.unreadable += 1,
            }
            Verdict::Read
        },
    })
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
