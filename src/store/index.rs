//! `posts/index/`: what counting asks of the posts, as columns, beside the posts themselves.
//!
//! A cache: deleting it changes no answer. One segment file for each addition, merged when many;
//! `posts.json` names the segments and the `data.json` that they describe. Whatever does not fit
//! (another length, time or end of data.json, a checksum, a version) makes readers count the posts
//! themselves and the next writer build the index anew.

mod segment;

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use fs_err as fs;
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::runs::Ledger;
use super::{StoreError, atomic};
use crate::model::{Builder, Column, Columns, Origin, Post};
use crate::record::Stored;

/// Changes with the layout of the files, and whenever `record` reads more or something else out of
/// the same records (a test of what it reads says so).
const VERSION: u32 = 1;
/// Posts in memory: so many are written as a segment of their own before they are merged.
const AT_ONCE: usize = 1 << 16;
/// Segments are not merged to more posts than this.
const LARGEST: u64 = 1 << 20;
/// How much of the end of data.json is looked at.
const TAIL: u64 = 4096;
/// Posts compared at a time.
const CHUNK: usize = 10_000;

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
}

/// `posts.json`
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    data: Stamp,
    segments: Vec<Segment>,
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
    /// The index of the posts in a folder; `None` where there is none that fits them.
    pub fn open(posts: &Path) -> Option<Self> {
        let folder = folder(posts);
        let text = fs::read(folder.join(MANIFEST)).ok()?;
        let manifest: Manifest = serde_json::from_slice(&text).ok()?;
        let fits =
            manifest.version == VERSION && Stamp::of(&posts.join("data.json"))? == manifest.data;
        fits.then_some(Self {
            folder,
            segments: manifest.segments,
        })
    }

    /// Reads columns of all segments, the largest first; `None` where a file is missing or damaged.
    pub fn read(&self, wanted: &[Column]) -> Option<Vec<Columns>> {
        let tables: Option<Vec<Columns>> = self
            .segments
            .iter()
            .map(|segment| self.read_segment(segment, wanted))
            .collect();
        let mut tables = tables?;
        tables.sort_by_key(|table| std::cmp::Reverse(table.posts));
        Some(tables)
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

fn folder(posts: &Path) -> PathBuf {
    posts.join("index")
}

/// The index while posts are added.
#[derive(Debug)]
pub(super) struct Extension {
    /// The index of what was stored before; `None` where it has to be built from the posts.
    base: Option<Index>,
    added: Builder,
    chunks: Chunks,
}

impl Extension {
    /// For posts that are about to be added to.
    pub(super) fn open(posts: &Path, stored: u64) -> Self {
        let folder = folder(posts);
        let base = if stored == 0 {
            Some(Index {
                folder: folder.clone(),
                segments: Vec::new(),
            })
        } else {
            Index::open(posts).filter(|index| index.posts() == stored)
        };
        Self {
            base,
            added: Builder::default(),
            chunks: Chunks {
                folder,
                segments: Vec::new(),
            },
        }
    }

    /// Takes a post that was added.
    pub(super) fn push(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        if self.base.is_none() {
            return;
        }
        self.added.push(post, origin);
        if self.added.len() >= AT_ONCE {
            let table = std::mem::take(&mut self.added).finish();
            let written = table.is_some_and(|table| self.chunks.write(&table).is_ok());
            if !written {
                self.spoil();
            }
        }
    }

    /// What was taken does not fit what is stored: it is built from the posts.
    pub(super) fn spoil(&mut self) {
        self.base = None;
        self.added = Builder::default();
        self.chunks.segments.clear();
    }

    /// Brings the index up to date with the posts, of which there are so many.
    pub(super) fn save(self, posts: &Path, ledger: &Ledger, stored: u64) -> Result<(), StoreError> {
        let Self {
            base,
            added,
            mut chunks,
        } = self;
        fs::create_dir_all(&chunks.folder)?;
        let data = posts.join("data.json");
        let is_whole = match (&base, added.is_empty()) {
            (None, _) => built(&data, &mut |table| chunks.write(&table))?,
            (Some(_), true) => true,
            (Some(_), false) => match added.finish() {
                Some(table) => chunks.write(&table).map(|()| true)?,
                None => false,
            },
        };
        let Chunks { folder, segments } = chunks;
        let mut index = base.unwrap_or_else(|| Index {
            folder: folder.clone(),
            segments: Vec::new(),
        });
        let added: u64 = segments.iter().map(|segment| segment.posts).sum();
        if !is_whole || index.posts() + added != stored {
            return remove(&folder);
        }
        let head = ledger.head.as_deref().unwrap_or_default();
        let name = head.get(..16).unwrap_or("first");
        if !index.add(segments, name)? {
            return remove(&folder);
        }
        index.finish(&data)
    }
}

/// Segments of added posts that no manifest names yet, as temporary files.
#[derive(Debug)]
struct Chunks {
    folder: PathBuf,
    segments: Vec<Segment>,
}

impl Chunks {
    fn write(&mut self, table: &Columns) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder)?;
        let number = self.segments.len();
        let file = format!("{}{number}{}", atomic::TEMPORARY, segment::EXTENSION);
        segment::write(&self.folder.join(&file), table)?;
        self.segments.push(Segment {
            file,
            posts: table.posts as u64,
        });
        Ok(())
    }
}

/// Gives the posts of a file of lines away as columns; `false` where a line is no post, or a post
/// stands twice.
fn built(
    data: &Path,
    each: &mut dyn FnMut(Columns) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let mut posts = Posts::open(data)?;
    while let Some(table) = posts.table(AT_ONCE)? {
        each(table)?;
    }
    Ok(posts.is_whole)
}

/// The posts of a file of lines, in its order.
struct Posts {
    lines: BufReader<fs::File>,
    line: Vec<u8>,
    seen: HashSet<u64>,
    /// No line was anything but a post that was not met before.
    is_whole: bool,
}

impl Posts {
    fn open(data: &Path) -> std::io::Result<Self> {
        Ok(Self {
            lines: BufReader::with_capacity(1 << 18, fs::File::open(data)?),
            line: Vec::new(),
            seen: HashSet::new(),
            is_whole: true,
        })
    }

    /// The next posts, at most so many; `None` at the end and from the first other line on.
    fn table(&mut self, most: usize) -> std::io::Result<Option<Columns>> {
        let mut builder = Builder::default();
        while self.is_whole && builder.len() < most {
            self.line.clear();
            if self.lines.read_until(b'\n', &mut self.line)? == 0 {
                break;
            }
            let text = self.line.trim_ascii_end();
            let text = text.strip_suffix(b",").unwrap_or(text);
            if matches!(text, b"[" | b"]" | b"") {
                continue;
            }
            let text = std::str::from_utf8(text).ok();
            match text.and_then(|text| Stored::read(text).ok()) {
                Some(stored) if self.seen.insert(stored.post.id.get()) => {
                    builder.push(&stored.post, stored.origin);
                }
                _ => self.is_whole = false,
            }
        }
        if !self.is_whole || builder.is_empty() {
            return Ok(None);
        }
        let table = builder.finish();
        self.is_whole = table.is_some();
        Ok(table)
    }
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
    /// merged with them, so that there are few and each post is written again a few times only.
    ///
    /// `false` where their numbers are too large together.
    fn add(&mut self, added: Vec<Segment>, name: &str) -> Result<bool, StoreError> {
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
            let file = format!("{name}-{number}{}", segment::EXTENSION);
            let path = self.folder.join(&file);
            let files: Vec<PathBuf> = group
                .iter()
                .map(|segment| self.folder.join(&segment.file))
                .collect();
            if let [one] = &*files {
                fs::rename(one, &path)?;
            } else if segment::merge(&files, &path)?.is_none() {
                return Ok(false);
            }
            let posts = total(&group);
            self.segments.push(Segment { file, posts });
        }
        Ok(true)
    }

    fn finish(self, data: &Path) -> Result<(), StoreError> {
        let Some(stamp) = Stamp::of(data) else {
            return remove(&self.folder);
        };
        let manifest = Manifest {
            version: VERSION,
            data: stamp,
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

/// The index file of a folder and what [`super::verify`] says of it, if it claims to fit data.json
/// and tells something else.
pub(super) fn fault(posts: &Path) -> Option<(PathBuf, String)> {
    let index = Index::open(posts)?;
    let mut stored = Posts::open(&posts.join("data.json")).ok()?;
    for segment in &index.segments {
        // A damaged one is noticed by whoever counts.
        let told = index.read_segment(segment, &Column::ALL)?;
        let fault = (
            index.folder.join(&segment.file),
            "tells of other posts than data.json".to_owned(),
        );
        let (mut post, mut tag) = (0, 0);
        while post < told.posts {
            let Ok(Some(read)) = stored.table(CHUNK.min(told.posts - post)) else {
                return Some(fault);
            };
            let (mut read_tag, first) = (0, post);
            for number in 0..read.posts {
                post = first + number;
                if told.row(post, &mut tag) != read.row(number, &mut read_tag) {
                    return Some(fault);
                }
            }
            post += 1;
        }
        if !told.adds_up() {
            return Some(fault);
        }
    }
    (!matches!(stored.table(1), Ok(None)) || !stored.is_whole).then(|| {
        let what = "tells of fewer posts than data.json has".to_owned();
        (index.folder.join(MANIFEST), what)
    })
}

#[cfg(test)]
mod tests;
