//! One file of columns: a header that tells what stands where, then the columns, in pages that have
//! a checksum each.
//!
//! ```text
//! 8 bytes  "cotagix3"
//! u32      length of the header, little-endian like all numbers
//! u32      CRC-32 of the header
//! header   JSON
//! columns  packed numbers and texts
//! ```

mod read;

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::{StoreError, atomic};
use crate::model::{
    Class, Column, Columns, Dated, Leading, Names, Packed, TagSource, merge_columns,
};

pub(super) use read::{Opened, read};

pub(super) const EXTENSION: &str = ".columns";
const MAGIC: &[u8; 8] = b"cotagix3";
/// Bytes of a column that have a checksum of their own. In tests so few that columns have several.
const PAGE: usize = if cfg!(test) { 48 } else { 1 << 16 };

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    posts: usize,
    spellings: usize,
    authors: usize,
    classes: Vec<ClassPosts>,
    span: Option<((i64, u32), (i64, u32))>,
    epoch: i64,
    regions: Vec<String>,
    languages: Vec<String>,
    columns: Vec<Entry>,
}

/// Origin and format by name, how it is dated (0 not, 1 stated, 2 by its id), whether it has an
/// author, where its hashtags are from (0 none, 1 list, 2 caption), and how many posts are so.
#[derive(Debug, Serialize, Deserialize)]
struct ClassPosts(Option<String>, String, u8, bool, u8, u64);

/// The commonest hashtags: how many there are at all, the least posts of those that are here, and of
/// each its identity, its spelling, its posts, and its spellings with their posts where it has several.
#[derive(Serialize, Deserialize)]
struct Commonest(u64, u32, Vec<StoredLead>);

type StoredLead = (String, String, u32, Vec<(String, u32)>);

/// Where a column stands behind the header, and the checksums of its pages.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    /// Bits of a number; 8 for text.
    bits: u32,
    /// How many numbers or bytes of text.
    length: usize,
    from: u64,
    bytes: u64,
    crc: Vec<u32>,
}

/// Writes a segment, not synced: what is lost or torn is noticed.
pub(super) fn write(path: &Path, table: &Columns) -> Result<(), StoreError> {
    let mut draft = Draft::new(path)?;
    for column in Column::ALL {
        draft.column(column, table)?;
    }
    draft.finish(path, table)
}

/// Writes the posts of several segments as one; `None` where one of them is not whole, or their
/// numbers are too large together.
pub(super) fn merge(parts: &[PathBuf], path: &Path) -> Result<Option<()>, StoreError> {
    let mut draft = Draft::new(path)?;
    let mut failed = None;
    let head = merge_columns(
        parts.len(),
        &mut |part, wanted| read(parts.get(part)?, wanted),
        &mut |column, table| {
            let written = draft.column(column, table);
            written.map_err(|error| failed = Some(error)).ok()
        },
    );
    if let Some(error) = failed {
        return Err(error.into());
    }
    head.map(|head| draft.finish(path, &head)).transpose()
}

/// A segment's columns while their header is not known yet.
struct Draft {
    columns: std::fs::File,
    length: u64,
    /// The last of them may grow.
    entries: Vec<Entry>,
    /// What the last one ends with.
    spare: &'static [u8],
    /// The checksum of the last one's last page, as far as it goes, and how many bytes that is.
    page: (crc32fast::Hasher, usize),
}

impl Draft {
    /// For a segment that is to stand at `path`.
    fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            columns: tempfile::tempfile_in(path.parent().unwrap_or(Path::new(".")))?,
            length: 0,
            entries: Vec::new(),
            spare: &[],
            page: (crc32fast::Hasher::new(), 0),
        })
    }

    /// Adds a column or the next piece of the last one.
    fn column(&mut self, column: Column, table: &Columns) -> std::io::Result<()> {
        match column {
            Column::Leading => self.leading(&table.leading),
            Column::Uses => {
                let (values, runs) = runs(&table.uses);
                self.numbers("use", &Packed::new(&values))?;
                self.numbers("use_run", &Packed::new(&runs))
            }
            Column::Variants => {
                let (variants, identities): (Vec<u64>, Vec<u64>) = table
                    .variants
                    .iter()
                    .map(|&(variant, identity)| (u64::from(variant), u64::from(identity)))
                    .unzip();
                self.numbers("variant", &Packed::new(&variants))?;
                self.numbers("identity", &Packed::new(&identities))
            }
            Column::Class => self.numbers("class", &table.class),
            Column::Created => self.numbers("created", &table.created),
            Column::Nanosecond => self.numbers("nanosecond", &table.nanosecond),
            Column::Region => self.numbers("region", &table.region),
            Column::Language => self.numbers("language", &table.language),
            Column::Author => self.numbers("author", &table.author),
            Column::Authors => self.names(AUTHORS, &table.authors),
            Column::Views => self.numbers("views", &table.views),
            Column::TagCounts => self.numbers("tag_count", &table.tag_counts),
            Column::Tags => self.numbers("tag", &table.tags),
            Column::Spellings => self.names(SPELLINGS, &table.spellings),
        }
    }

    fn leading(&mut self, leading: &Leading) -> std::io::Result<()> {
        let tags = leading.tags.iter();
        let tags = tags.cloned();
        let tags = tags.map(|tag| (tag.tag, tag.spelling, tag.posts, tag.spellings));
        let leading = Commonest(leading.distinct, leading.least, tags.collect());
        let text = serde_json::to_vec(&leading)?;
        self.bytes("leading", 8, text.len(), &text)
    }

    fn numbers(&mut self, name: &str, packed: &Packed) -> std::io::Result<()> {
        const SPARE: &[u8] = &[0; Packed::SPARE];
        let bytes = packed.bytes().strip_suffix(SPARE).unwrap_or_default();
        self.bytes(name, packed.bits(), packed.len(), bytes)?;
        self.spare = SPARE;
        Ok(())
    }

    fn names(&mut self, (lengths, text): (&str, &str), names: &Names) -> std::io::Result<()> {
        self.numbers(lengths, &Packed::new(&names.lengths()))?;
        self.bytes(text, 8, names.text().len(), names.text())
    }

    fn bytes(&mut self, name: &str, bits: u32, length: usize, bytes: &[u8]) -> std::io::Result<()> {
        if self.entries.last().is_none_or(|entry| entry.name != name) {
            self.close()?;
            self.entries.push(Entry {
                name: name.to_owned(),
                bits,
                length: 0,
                from: self.length,
                bytes: 0,
                crc: Vec::new(),
            });
        }
        if let Some(entry) = self.entries.last_mut() {
            entry.length += length;
        }
        self.put(bytes)
    }

    fn put(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        self.columns.write_all(bytes)?;
        self.length += bytes.len() as u64;
        let Some(entry) = self.entries.last_mut() else {
            return Ok(());
        };
        entry.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (page, filled) = &mut self.page;
            let (next, rest) = bytes.split_at(bytes.len().min(PAGE - *filled));
            page.update(next);
            *filled += next.len();
            if *filled == PAGE {
                entry.crc.push(std::mem::take(page).finalize());
                *filled = 0;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Ends the last column.
    fn close(&mut self) -> std::io::Result<()> {
        let spare = std::mem::take(&mut self.spare);
        self.put(spare)?;
        let (page, filled) = std::mem::take(&mut self.page);
        if let Some(entry) = self.entries.last_mut()
            && filled > 0
        {
            entry.crc.push(page.finalize());
        }
        Ok(())
    }

    /// Puts the columns behind their header; `head` is what stands beside them.
    fn finish(mut self, path: &Path, head: &Columns) -> Result<(), StoreError> {
        self.close()?;
        let header = Header {
            posts: head.posts,
            spellings: head.spelling_count,
            authors: head.author_count,
            classes: head.classes.iter().map(class_posts).collect(),
            span: head.span,
            epoch: head.epoch,
            regions: head.regions.clone(),
            languages: head.languages.clone(),
            columns: self.entries,
        };
        let header = serde_json::to_vec(&header).map_err(std::io::Error::from)?;
        let length = u32::try_from(header.len()).map_err(std::io::Error::other)?;
        self.columns.rewind()?;
        atomic::replace_cache(path, |out| {
            out.write_all(MAGIC)?;
            out.write_all(&length.to_le_bytes())?;
            out.write_all(&crc32fast::hash(&header).to_le_bytes())?;
            out.write_all(&header)?;
            std::io::copy(&mut self.columns, out).map(drop)
        })?;
        Ok(())
    }
}

/// The columns of a list of texts: how long they are, and the texts behind each other.
const SPELLINGS: (&str, &str) = ("spelling_length", "spellings");
const AUTHORS: (&str, &str) = ("author_length", "authors");

/// Equal numbers behind each other as one, and how often it stands there.
fn runs(numbers: &[u32]) -> (Vec<u64>, Vec<u64>) {
    numbers
        .chunk_by(|a, b| a == b)
        .map(|run| (u64::from(run[0]), run.len() as u64))
        .unzip()
}

fn class_posts((class, posts): &(Class, u64)) -> ClassPosts {
    ClassPosts(
        class.origin.map(|origin| origin.name().to_owned()),
        class.format.name().to_owned(),
        match class.dated {
            Dated::No => 0,
            Dated::Stated => 1,
            Dated::ById => 2,
        },
        class.has_author,
        match class.tags {
            TagSource::None => 0,
            TagSource::Listed => 1,
            TagSource::Caption => 2,
        },
        *posts,
    )
}
