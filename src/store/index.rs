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
/// Posts in memory and in one segment built at a time.
const AT_ONCE: usize = 250_000;
/// Segments of more posts than this are not merged any more.
const LARGEST: usize = 1 << 20;
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
    /// Segments of posts that were added.
    full: Vec<Columns>,
}

impl Extension {
    /// For posts that are about to be added to.
    pub(super) fn open(posts: &Path, stored: u64) -> Self {
        let base = if stored == 0 {
            Some(Index {
                folder: folder(posts),
                segments: Vec::new(),
            })
        } else {
            Index::open(posts).filter(|index| index.posts() == stored)
        };
        Self {
            base,
            added: Builder::default(),
            full: Vec::new(),
        }
    }

    /// Takes a post that was added.
    pub(super) fn push(&mut self, post: &Post<'_>, origin: Option<Origin>) {
        if self.base.is_none() {
            return;
        }
        self.added.push(post, origin);
        if self.added.len() >= AT_ONCE {
            match std::mem::take(&mut self.added).finish() {
                Some(table) => self.full.push(table),
                None => self.base = None,
            }
        }
    }

    /// What was taken does not fit what is stored: it is built from the posts.
    pub(super) fn spoil(&mut self) {
        self.base = None;
        self.added = Builder::default();
        self.full.clear();
    }

    /// Brings the index up to date with the posts, of which there are so many.
    pub(super) fn save(self, posts: &Path, ledger: &Ledger, stored: u64) -> Result<(), StoreError> {
        let folder = folder(posts);
        fs::create_dir_all(&folder)?;
        let data = posts.join("data.json");
        let (mut index, tables) = match self.base {
            Some(base) => {
                let mut tables = self.full;
                match self.added.finish() {
                    Some(last) if last.posts > 0 => tables.push(last),
                    Some(_) => {}
                    None => return remove(&folder),
                }
                (base, tables)
            }
            None => match built(&data, stored)? {
                Some(tables) => {
                    let folder = folder.clone();
                    let segments = Vec::new();
                    (Index { folder, segments }, tables)
                }
                None => return remove(&folder),
            },
        };
        let added: usize = tables.iter().map(|table| table.posts).sum();
        if index.posts() + added as u64 != stored {
            return remove(&folder);
        }
        let head = ledger.head.as_deref().unwrap_or_default();
        let name = head.get(..16).unwrap_or("first");
        for (number, table) in tables.into_iter().enumerate() {
            index.add(table, &format!("{name}-{number}"))?;
        }
        index.finish(&data)
    }
}

/// Columns of all posts in a file of lines; `None` where a line is no post, or a post stands twice.
fn built(data: &Path, stored: u64) -> Result<Option<Vec<Columns>>, StoreError> {
    let mut posts = Posts::open(data)?;
    let mut tables = Vec::new();
    let mut count = 0;
    while let Some(table) = posts.table(AT_ONCE)? {
        count += table.posts as u64;
        tables.push(table);
    }
    Ok((posts.is_whole && count == stored).then_some(tables))
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
    /// Adds a segment; those before it that are not much larger are merged with it, so that there
    /// are few and each post is written again a few times only.
    fn add(&mut self, table: Columns, name: &str) -> Result<(), StoreError> {
        let mut table = table;
        let mut merged = Vec::new();
        let mut posts = table.posts as u64;
        while let Some(last) = self.segments.last()
            && last.posts < 2 * posts
            && last.posts + posts <= LARGEST as u64
        {
            posts += last.posts;
            merged.extend(self.segments.pop());
        }
        if !merged.is_empty() {
            let mut builder = Builder::default();
            for segment in merged.iter().rev() {
                let whole = self.read_segment(segment, &Column::ALL);
                builder.append(&whole.ok_or_else(|| self.broken(segment))?);
            }
            builder.append(&table);
            drop(table);
            let Some(whole) = builder.finish() else {
                return Err(self.broken(&merged[0]));
            };
            table = whole;
        }
        let file = format!("{name}{}", segment::EXTENSION);
        segment::write(&self.folder.join(&file), &table)?;
        self.segments.push(Segment {
            file,
            posts: table.posts as u64,
        });
        Ok(())
    }

    fn broken(&self, segment: &Segment) -> StoreError {
        StoreError::Damaged {
            path: self.folder.join(&segment.file),
            why: "a damaged cache".into(),
        }
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
