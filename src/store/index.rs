//! `posts/index/`: what counting asks of the posts, as columns, beside the posts themselves.
//!
//! A cache: deleting it changes no answer. One segment file for each addition, merged when many;
//! `posts.json` names the segments and the `data.json` that they describe. Whatever does not fit
//! (another length, time or end of data.json, a checksum, a version) makes readers count the posts
//! themselves and the next writer build the index anew.

mod extension;
mod fresh;
mod parts;
mod segment;
mod tables;

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use serde::{Deserialize, Serialize};

pub(super) use self::extension::Extension;
use self::segment::Opened;
pub use self::tables::IndexTables;
use super::{StoreError, atomic};
use crate::model::{Column, Columns, PostId};

/// Changes with the layout of the files, and whenever `record` reads more or something else out of
/// the same records (a test of what it reads says so).
const VERSION: u32 = 3;
/// Posts in memory: so many are written as a segment of their own before they are merged. In tests so
/// few that it happens there.
const AT_ONCE: usize = if cfg!(test) { 20 } else { 1 << 16 };
/// Segments are not merged to more posts than this.
const LARGEST: u64 = 1 << 24;
/// How much of the end of data.json is looked at.
const TAIL: u64 = 4096;
/// Bytes of data.json that are read as one table where an index is built, about as many posts.
const BUILT: u64 = 1 << 26;
/// Bytes of data.json that are compared at a time.
const COMPARED: u64 = 1 << 22;

/// The segments that describe a hashtag's posts.
#[derive(Clone, Debug)]
pub struct Index {
    folder: PathBuf,
    segments: Vec<Segment>,
}

/// A segment file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Segment {
    file: String,
    /// How many posts it describes, which follow those of the segment before it.
    posts: u64,
    /// How many hashtags it has that no segment before it has; `None` where nobody could count them.
    fresh: Option<u64>,
}

/// `posts.json`
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    data: Stamp,
    segments: Vec<Segment>,
    /// CRC-32 of the segments as they are told.
    check: u32,
}

/// What tells one data.json from another without reading it: length in bytes, time of the last
/// write in nanoseconds since 1970, CRC-32 of its last bytes.
///
/// A program that changes bytes and keeps length, time and end is not noticed here; `verify` finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    length: u64,
    written: u64,
    end: u32,
}

impl Stamp {
    fn of(data: &Path) -> Option<Self> {
        let mut file = fs::File::open(data).ok()?;
        let meta = file.metadata().ok()?;
        let written = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        file.seek(SeekFrom::Start(meta.len().saturating_sub(TAIL)))
            .ok()?;
        let mut end = Vec::new();
        file.take(TAIL).read_to_end(&mut end).ok()?;
        Some(Self {
            length: meta.len(),
            written: u64::try_from(written.as_nanos()).ok()?,
            end: crc32fast::hash(&end),
        })
    }
}

impl Index {
    /// The index of no posts.
    fn empty(posts: &Path) -> Self {
        Self {
            folder: folder(posts),
            segments: Vec::new(),
        }
    }

    /// The index of the posts in a folder; `None` where there is none that fits them.
    pub fn open(posts: &Path) -> Option<Self> {
        let folder = folder(posts);
        let text = fs::read(folder.join(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        let fits = manifest.version == VERSION
            && check(&manifest.segments)? == manifest.check
            && Stamp::of(&posts.join("data.json"))? == manifest.data;
        fits.then_some(Self {
            folder,
            segments: manifest.segments,
        })
    }

    fn read_segment(&self, segment: &Segment, wanted: &[Column]) -> Option<Columns> {
        let table = segment::read(&self.folder.join(&segment.file), wanted)?;
        (table.posts as u64 == segment.posts).then_some(table)
    }

    /// How many segments it has.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    fn posts(&self) -> u64 {
        self.segments.iter().map(|segment| segment.posts).sum()
    }
}

const MANIFEST: &str = "posts.json";

/// The checksum of what a manifest tells of its segments.
fn check(segments: &[Segment]) -> Option<u32> {
    let told = serde_json::to_vec(segments).ok()?;
    Some(crc32fast::hash(&told))
}

fn folder(posts: &Path) -> PathBuf {
    posts.join("index")
}

/// Gives the posts of a file of lines away as columns, in its order; `false` where a line is no post,
/// or a post stands twice. Each table is of so many bytes of the file.
fn built(
    data: &Path,
    bytes: u64,
    each: &mut dyn FnMut(Columns) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let mut ids = Vec::new();
    let all = parts::each(data, bytes, &mut |part| {
        ids.extend(part.ids);
        part.table.map_or(Ok(()), &mut *each)
    })?;
    Ok(all.is_some() && are_distinct(ids))
}

fn are_distinct(mut ids: Vec<PostId>) -> bool {
    ids.sort_unstable();
    ids.windows(2).all(|pair| pair[0] != pair[1])
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_file(folder.join(MANIFEST)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => sweep(folder, &[]),
    }
}

/// Removes segments that are none of these.
fn sweep(folder: &Path, kept: &[Segment]) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_segment = name.ends_with(segment::EXTENSION);
        if is_segment && !kept.iter().any(|segment| segment.file == name) {
            fs::remove_file(folder.join(name))?;
        }
    }
    atomic::sweep(folder)?;
    Ok(())
}

impl Index {
    /// Adds segments, joined to as few as may be; those before them that are not much larger are
    /// merged with them, so that there are few and each post is written again a few times only. What is
    /// new has names of temporary files until [`Index::name`].
    ///
    /// `false` where their numbers are too large together.
    fn add(&mut self, added: Vec<Segment>) -> Result<bool, StoreError> {
        let mut groups: Vec<Vec<Segment>> = Vec::new();
        for segment in added {
            match groups.last_mut() {
                Some(last) if total(last) + segment.posts <= LARGEST => last.push(segment),
                _ => groups.push(vec![segment]),
            }
        }
        if let Some(first) = groups.first_mut() {
            while let Some(last) = self.segments.last()
                && last.posts < 2 * total(first)
                && last.posts + total(first) <= LARGEST
            {
                first.splice(0..0, self.segments.pop());
            }
        }
        for (number, group) in groups.into_iter().enumerate() {
            let mut file = format!("{}joined-{number}{}", atomic::TEMPORARY, segment::EXTENSION);
            let files: Vec<PathBuf> = group
                .iter()
                .map(|segment| self.folder.join(&segment.file))
                .collect();
            if let [one] = &*group {
                file.clone_from(&one.file);
            } else if segment::merge(&files, &self.folder.join(&file))?.is_none() {
                return Ok(false);
            }
            let posts = total(&group);
            let fresh = self.fresh(&self.folder.join(&file), self.segments.len());
            self.segments.push(Segment { file, posts, fresh });
        }
        Ok(true)
    }

    /// Gives new segments their names.
    fn name(&mut self, name: &str) -> Result<(), StoreError> {
        let segments = self.segments.iter_mut();
        let new = segments.filter(|segment| segment.file.starts_with(atomic::TEMPORARY));
        for (number, segment) in new.enumerate() {
            let file = format!("{name}-{number}{}", segment::EXTENSION);
            fs::rename(self.folder.join(&segment.file), self.folder.join(&file))?;
            segment.file = file;
        }
        Ok(())
    }

    /// How many hashtags the segment of a file has that the first segments do not have.
    fn fresh(&self, path: &Path, before: usize) -> Option<u64> {
        let before = self.segments.get(..before)?.iter();
        let before = before.map(|segment| Opened::new(&self.folder.join(&segment.file)));
        let before: Option<Vec<Opened>> = before.collect();
        fresh::fresh(&Opened::new(path)?, &before?)
    }

    /// Whether the manifest tells how many hashtags each segment has that those before it do not have.
    fn counts_its_hashtags(&self) -> bool {
        let mut segments = self.segments.iter().enumerate();
        segments.all(|(number, segment)| {
            segment.fresh == self.fresh(&self.folder.join(&segment.file), number)
        })
    }

    fn finish(self, data: &Path) -> Result<(), StoreError> {
        let Some(stamp) = Stamp::of(data) else {
            return remove(&self.folder);
        };
        let manifest = Manifest {
            version: VERSION,
            data: stamp,
            check: check(&self.segments).unwrap_or(0),
            segments: self.segments,
        };
        let text = serde_json::to_vec(&manifest).map_err(std::io::Error::from)?;
        atomic::replace_cache(&self.folder.join(MANIFEST), |out| {
            std::io::Write::write_all(out, &text)
        })?;
        sweep(&self.folder, &manifest.segments)
    }
}

fn total(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.posts).sum()
}

/// Removes an index that could not be brought up to date, so that the next writer builds it.
pub(super) fn forget(posts: &Path) {
    let _ = fs::remove_file(folder(posts).join(MANIFEST));
}

/// What [`super::verify`] learns by comparing the index with the posts.
#[derive(Debug)]
pub(super) struct Compared {
    /// The posts in the order of the file, no one twice.
    pub(super) ids: Vec<PostId>,
    /// A record says how it came.
    pub(super) ours: bool,
    /// The index file that tells something else, and what is said of it.
    pub(super) fault: Option<(PathBuf, String)>,
}

/// Reads all posts, on all cores, and compares them with the index that claims to fit them; `None`
/// where there is none, or where anything but posts, each once, stands in the file.
pub(super) fn compared(posts: &Path) -> Option<Compared> {
    compared_in(posts, COMPARED)
}

fn compared_in(posts: &Path, bytes: u64) -> Option<Compared> {
    let index = Index::open(posts)?;
    let mut told = Told {
        index: &index,
        segment: 0,
        table: None,
        post: 0,
        tag: 0,
        fault: None,
    };
    let mut ids = Vec::new();
    let mut ours = false;
    let mut is_readable = true;
    let all = parts::each(&posts.join("data.json"), bytes, &mut |part| {
        ids.extend(part.ids);
        if let Some(table) = part.table {
            ours |= table
                .classes
                .iter()
                .any(|(class, _)| class.origin.is_some());
            if is_readable && told.fault.is_none() {
                is_readable = told.compare(&table).is_some();
            }
        }
        Ok(())
    });
    all.ok()??;
    if is_readable && told.fault.is_none() {
        is_readable = told.end().is_some();
    }
    if is_readable && told.fault.is_none() && !index.counts_its_hashtags() {
        let what = "tells of other hashtags than its parts".to_owned();
        told.fault = Some((index.folder.join(MANIFEST), what));
    }
    let fault = told.fault.filter(|_| is_readable);
    are_distinct(ids.clone()).then_some(Compared { ids, ours, fault })
}

/// What an index tells of the posts, one after the other.
struct Told<'i> {
    index: &'i Index,
    /// The next segment, and where the one before it is being read.
    segment: usize,
    table: Option<Columns>,
    post: usize,
    tag: usize,
    fault: Option<(PathBuf, String)>,
}

impl Told<'_> {
    /// Compares the next posts; `None` where a segment is damaged, which whoever counts will notice.
    fn compare(&mut self, read: &Columns) -> Option<()> {
        let mut read_tag = 0;
        for number in 0..read.posts {
            while self
                .table
                .as_ref()
                .is_none_or(|table| self.post == table.posts)
            {
                self.next_segment()?;
                if self.fault.is_some() {
                    return Some(());
                }
            }
            if let Some(table) = &self.table
                && table.row(self.post, &mut self.tag) != read.row(number, &mut read_tag)
            {
                self.fault = Some(self.other_posts());
                return Some(());
            }
            self.post += 1;
        }
        Some(())
    }

    /// Goes to the next segment, once the posts of the one before were compared.
    fn next_segment(&mut self) -> Option<()> {
        if self.table.take().is_some_and(|table| !table.adds_up()) {
            self.fault = Some(self.other_posts());
            return Some(());
        }
        let Some(segment) = self.index.segments.get(self.segment) else {
            let what = "tells of fewer posts than data.json has".to_owned();
            self.fault = Some((self.index.folder.join(MANIFEST), what));
            return Some(());
        };
        self.table = Some(self.index.read_segment(segment, &Column::ALL)?);
        (self.post, self.tag) = (0, 0);
        self.segment += 1;
        Some(())
    }

    /// Compares what is told behind the last post.
    fn end(&mut self) -> Option<()> {
        loop {
            if let Some(table) = &self.table
                && (self.post < table.posts || !table.adds_up())
            {
                self.fault = Some(self.other_posts());
            }
            if self.fault.is_some() || self.segment == self.index.segments.len() {
                return Some(());
            }
            self.table = None;
            self.next_segment()?;
        }
    }

    /// What is said of the segment that is being read.
    fn other_posts(&self) -> (PathBuf, String) {
        let segment = self.segment.checked_sub(1);
        let segment = segment.and_then(|at| self.index.segments.get(at));
        let file = segment.map_or(MANIFEST, |segment| &segment.file);
        let what = "tells of other posts than data.json".to_owned();
        (self.index.folder.join(file), what)
    }
}

/// The index file of a folder and what [`super::verify`] says of it, if it claims to fit data.json
/// and tells something else, where data.json is not what it should be.
pub(super) fn fault(posts: &Path) -> Option<(PathBuf, String)> {
    Index::open(posts)?;
    if let Some(compared) = compared(posts) {
        return compared.fault;
    }
    let what = "tells of other posts than data.json".to_owned();
    Some((folder(posts).join(MANIFEST), what))
}

#[cfg(test)]
mod tests;
