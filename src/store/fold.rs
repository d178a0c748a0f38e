//! Posts of files, each post once, handed to one state per thread.
//!
//! All records are counted at first, since repeated posts are rare; where there are some, the
//! files are read again without the places of the repeats. So the first record of a post in the
//! order of the files is the one that counts, whatever thread met it.

use std::path::{Path, PathBuf};

use hashbrown::HashSet;

use super::look::{Laid, look};
use super::scan::{scan_array, scan_ndjson};
use super::{Quick, Readers, Record, StoreError, Verdict, scan_quickly};
use crate::model::{Brief, Origin, Post, PostId};
use crate::record::{Reader, Stored, Unreadable};

/// Takes a post that was read in brief.
pub type AddBrief<'f, S> = &'f (dyn Fn(&mut S, &Brief<'_>, Option<Origin>) + Sync);

/// What to do with posts.
pub struct Fold<'f, S> {
    /// Makes a thread's state.
    pub new: &'f (dyn Fn() -> S + Sync),
    /// Takes a post.
    pub add: &'f (dyn Fn(&mut S, &Post<'_>, Option<Origin>) + Sync),
    /// Takes a post that was read in brief, where that is enough.
    pub add_brief: Option<AddBrief<'f, S>>,
}

/// What a fold read.
#[derive(Debug)]
pub struct Folded<S> {
    /// The states.
    pub states: Vec<S>,
    /// Records read, those left out included.
    pub rows: u64,
    /// Records left out because their post was already there.
    pub duplicates: u64,
    /// Records that are no readable post.
    pub unreadable: u64,
    /// Damage found, a sentence each.
    pub damage: Vec<String>,
    /// What else is worth telling.
    pub notes: Vec<String>,
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
/// # Errors
/// The disk's own.
pub fn fold_files<S: Send>(files: &[PathBuf], fold: &Fold<'_, S>) -> Result<Folded<S>, StoreError> {
    let mut read = read_files(files, fold, &HashSet::new())?;
    let repeats = repeats(&read.seen);
    if !repeats.is_empty() {
        read = read_files(files, fold, &repeats)?;
    }
    Ok(folded(read, &repeats))
}

/// Reads a file of posts on all cores: as a store's is read if it is laid out like one, else an array on a single
/// line or one post per line; `None` if it is anything else, or if one of the records of these two needs more
/// than a look into its own fields.
///
/// # Errors
/// The disk's own.
pub fn fold_posts<S: Send>(
    path: &Path,
    fold: &Fold<'_, S>,
) -> Result<Option<Folded<S>>, StoreError> {
    let Some(laid) = look(path)? else {
        return Ok(None);
    };
    let cut = match laid {
        Laid::Store => return fold_files(&[path.to_owned()], fold).map(Some),
        Laid::Lines => None,
        Laid::Array(cut) => Some(cut),
    };
    let scan = |skip: &HashSet<Place>| {
        with_readers((0, Others::End), fold, skip, &|readers| match &cut {
            None => scan_ndjson(path, readers),
            Some(cut) => scan_array(path, cut.clone(), readers),
        })
    };
    let Some(mut seen) = scan(&HashSet::new())? else {
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
        rows: readable as u64 + unreadable + duplicates,
        duplicates,
        unreadable,
        states: read.seen.into_iter().map(|seen| seen.state).collect(),
        damage: read.damage,
        notes: read.notes,
    }
}

/// Where posts stand again.
fn repeats<S>(seen: &[Seen<S>]) -> HashSet<Place> {
    // There may be a list for each of many files, and each part looks through all.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = seen.len().min(cores) as u64;
    let lists: Vec<&[u64]> = seen.iter().map(|seen| &*seen.ids).collect();
    let repeated: HashSet<u64> = std::thread::scope(|scope| {
        let lists = &lists;
        let threads: Vec<_> = (0..parts)
            .map(|part| scope.spawn(move || repeated(lists, parts, part)))
            .collect();
        let repeated = threads.into_iter().flat_map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        repeated.collect()
    });
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

/// The ids of one part of several that stand in the lists more than once.
fn repeated(lists: &[&[u64]], parts: u64, part: u64) -> Vec<u64> {
    // Ids are times in their upper half; the lower one differs.
    let is_here = |id: &u64| (((id ^ (id >> 16)) & 0xffff_ffff) * parts) >> 32 == part;
    let mut ids = vec![0; lists.iter().map(|list| list.len()).sum::<usize>()];
    let mut count = 0;
    for id in lists.iter().copied().flatten() {
        // Nobody could foretell a branch.
        ids[count] = *id;
        count += usize::from(is_here(id));
    }
    let ids = &mut ids[..count];
    ids.sort_unstable();
    let pairs = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
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
) -> Result<ReadFiles<S>, StoreError> {
    let mut all = ReadFiles {
        seen: Vec::new(),
        damage: Vec::new(),
        notes: Vec::new(),
    };
    for (number, path) in files.iter().enumerate() {
        let (seen, end) = with_readers((number, Others::Count), fold, skip, &|readers| {
            scan_quickly(path, readers)
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

/// What to do about JSON that is no readable post.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// It is counted.
    Count,
    /// It ends the scan: somebody else has to read the file.
    End,
}

/// Calls a scan of a file with what reads its records, in brief where that is enough.
fn with_readers<S: Send, R>(
    (file, others): (usize, Others),
    fold: &Fold<'_, S>,
    skip: &HashSet<Place>,
    scan: &dyn Fn(&Readers<'_, Seen<S>>) -> R,
) -> R {
    let quick = fold.add_brief.map(|add_brief| {
        move |seen: &mut Seen<S>, record: Record<'_>| {
            let read = seen.reader.read(record.text, record.at)?;
            if !record.may_end(read.end) {
                return None;
            }
            if skip.is_empty() || !skip.contains(&(file, record.offset)) {
                seen.ids.push(read.brief.id.get());
                seen.offsets.push(record.offset);
                add_brief(&mut seen.state, &read.brief, read.origin);
            }
            Some(read.end)
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
                Err(_) if others == Others::End => return Verdict::NotJson,
                Err(_) => seen.unreadable += 1,
            }
            Verdict::Read
        },
    })
}
