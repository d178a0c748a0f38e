//! One file of columns: a header that tells what stands where, then the columns, each with a checksum.
//!
//! ```text
//! 8 bytes  "cotagix1"
//! u32      length of the header, little-endian like all numbers
//! u32      CRC-32 of the header
//! header   JSON
//! columns  packed numbers and texts
//! ```

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::super::{StoreError, atomic};
use crate::model::{Class, Column, Columns, Dated, Names, Packed, TagSource};

pub(super) const EXTENSION: &str = ".columns";
const MAGIC: &[u8; 8] = b"cotagix1";

#[derive(Serialize, Deserialize)]
struct Header {
    posts: usize,
    classes: Vec<ClassPosts>,
    span: Option<((i64, u32), (i64, u32))>,
    epoch: i64,
    regions: Vec<String>,
    languages: Vec<String>,
    columns: Vec<Entry>,
}

/// Origin and format by name, how it is dated (0 not, 1 stated, 2 by its id), whether it has an
/// author, where its hashtags are from (0 none, 1 list, 2 caption), and how many posts are so.
#[derive(Serialize, Deserialize)]
struct ClassPosts(Option<String>, String, u8, bool, u8, u64);

/// Where a column stands behind the header, and its checksum.
#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    /// Bits of a number; 8 for text.
    bits: u32,
    /// How many numbers or bytes of text.
    length: usize,
    from: u64,
    bytes: u64,
    crc: u32,
}

/// Writes a segment, not synced: what is lost or torn is noticed.
pub(super) fn write(path: &Path, table: &Columns) -> Result<(), StoreError> {
    let (use_values, use_runs) = runs(&table.uses);
    let (variants, identities): (Vec<u64>, Vec<u64>) = table
        .variants
        .iter()
        .map(|&(variant, identity)| (u64::from(variant), u64::from(identity)))
        .unzip();
    let small = [
        ("use", Packed::new(&use_values)),
        ("use_run", Packed::new(&use_runs)),
        ("variant", Packed::new(&variants)),
        ("identity", Packed::new(&identities)),
        ("author_length", Packed::new(&table.authors.lengths())),
        ("spelling_length", Packed::new(&table.spellings.lengths())),
    ];
    let large = [
        ("class", &table.class),
        ("created", &table.created),
        ("nanosecond", &table.nanosecond),
        ("region", &table.region),
        ("language", &table.language),
        ("author", &table.author),
        ("views", &table.views),
        ("tag_count", &table.tag_counts),
        ("tag", &table.tags),
    ];
    let numbers = small.iter().map(|(name, packed)| (*name, packed));
    let mut parts: Vec<(&str, u32, usize, &[u8])> = numbers
        .chain(large)
        .map(|(name, packed)| (name, packed.bits(), packed.len(), packed.bytes()))
        .collect();
    for (name, names) in [("authors", &table.authors), ("spellings", &table.spellings)] {
        let text = names.text();
        parts.push((name, 8, text.len(), text));
    }
    let mut from = 0;
    let entries = parts.iter().map(|&(name, bits, length, bytes)| {
        let start = from;
        from += bytes.len() as u64;
        Entry {
            name: name.to_owned(),
            bits,
            length,
            from: start,
            bytes: bytes.len() as u64,
            crc: crc32fast::hash(bytes),
        }
    });
    let header = Header {
        posts: table.posts,
        classes: table.classes.iter().map(class_posts).collect(),
        span: table.span,
        epoch: table.epoch,
        regions: table.regions.clone(),
        languages: table.languages.clone(),
        columns: entries.collect(),
    };
    let header = serde_json::to_vec(&header).map_err(std::io::Error::from)?;
    let length = u32::try_from(header.len()).map_err(std::io::Error::other)?;
    atomic::replace_cache(path, |out| {
        out.write_all(MAGIC)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&crc32fast::hash(&header).to_le_bytes())?;
        out.write_all(&header)?;
        parts.iter().try_for_each(|part| out.write_all(part.3))
    })?;
    Ok(())
}

/// Reads columns of a segment; `None` where it is not whole.
pub(super) fn read(path: &Path, wanted: &[Column]) -> Option<Columns> {
    let mut file = fs::File::open(path).ok()?;
    let mut start = [0; 16];
    file.read_exact(&mut start).ok()?;
    let (magic, rest) = start.split_first_chunk::<8>()?;
    let (length, crc) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    let mut text = Vec::new();
    std::io::Read::by_ref(&mut file)
        .take(u64::from(length))
        .read_to_end(&mut text)
        .ok()?;
    let crc = u32::from_le_bytes(*crc.first_chunk()?);
    if magic != MAGIC || text.len() != length as usize || crc32fast::hash(&text) != crc {
        return None;
    }
    let header: Header = serde_json::from_slice(&text).ok()?;
    let mut source = Source {
        behind: 16 + u64::from(length),
        length: file.metadata().ok()?.len(),
        file,
        entries: &header.columns,
    };
    let mut table = Columns {
        posts: header.posts,
        classes: header.classes.iter().map(class_of).collect::<Option<_>>()?,
        span: header.span,
        epoch: header.epoch,
        regions: header.regions,
        languages: header.languages,
        ..Columns::default()
    };
    for column in wanted {
        fill(&mut table, *column, &mut source)?;
    }
    Some(table)
}

fn fill(table: &mut Columns, column: Column, source: &mut Source<'_>) -> Option<()> {
    let posts = table.posts;
    let per_post = |packed: Packed| (packed.len() == posts).then_some(packed);
    match column {
        Column::Totals => {
            table.uses = expanded(&source.numbers("use")?, &source.numbers("use_run")?)?;
            let variants = source.numbers("variant")?;
            let identities = source.numbers("identity")?;
            if variants.len() != identities.len() {
                return None;
            }
            let number = |number: u64| {
                let known = usize::try_from(number).is_ok_and(|at| at < table.uses.len());
                u32::try_from(number).ok().filter(|_| known)
            };
            let pair = |at: usize| Some((number(variants.get(at))?, number(identities.get(at))?));
            let pairs = (0..variants.len()).map(pair).collect::<Option<_>>()?;
            table.variants = pairs;
        }
        Column::Class => table.class = per_post(source.numbers("class")?)?,
        Column::Created => {
            table.created = per_post(source.numbers("created")?)?;
            table.nanosecond = per_post(source.numbers("nanosecond")?)?;
        }
        Column::Region => table.region = per_post(source.numbers("region")?)?,
        Column::Language => table.language = per_post(source.numbers("language")?)?,
        Column::Author => table.author = per_post(source.numbers("author")?)?,
        Column::Authors => table.authors = source.names("author_length", "authors")?,
        Column::Views => table.views = per_post(source.numbers("views")?)?,
        Column::Tags => {
            table.tag_counts = per_post(source.numbers("tag_count")?)?;
            table.tags = source.numbers("tag")?;
        }
        Column::Spellings => table.spellings = source.names("spelling_length", "spellings")?,
    }
    Some(())
}

struct Source<'h> {
    file: fs::File,
    length: u64,
    /// Where the columns begin.
    behind: u64,
    entries: &'h [Entry],
}

impl Source<'_> {
    fn bytes(&mut self, name: &str) -> Option<(u32, usize, Vec<u8>)> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        let from = self.behind.checked_add(entry.from)?;
        // A file that was cut must not make us ask for memory that it cannot fill.
        if from.checked_add(entry.bytes)? > self.length {
            return None;
        }
        self.file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::with_capacity(usize::try_from(entry.bytes).ok()?);
        let mut part = std::io::Read::by_ref(&mut self.file).take(entry.bytes);
        part.read_to_end(&mut bytes).ok()?;
        let whole = bytes.len() as u64 == entry.bytes && crc32fast::hash(&bytes) == entry.crc;
        whole.then_some((entry.bits, entry.length, bytes))
    }

    fn numbers(&mut self, name: &str) -> Option<Packed> {
        let (bits, length, bytes) = self.bytes(name)?;
        Packed::from_parts(bits, length, bytes)
    }

    fn names(&mut self, lengths: &str, text: &str) -> Option<Names> {
        let lengths = self.numbers(lengths)?;
        let (_, _, bytes) = self.bytes(text)?;
        Names::from_parts(&lengths, bytes)
    }
}

/// Equal numbers behind each other as one, and how often it stands there.
fn runs(numbers: &[u32]) -> (Vec<u64>, Vec<u64>) {
    numbers
        .chunk_by(|a, b| a == b)
        .map(|run| (u64::from(run[0]), run.len() as u64))
        .unzip()
}

/// Undoes [`runs`].
fn expanded(values: &Packed, lengths: &Packed) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for at in 0..values.len() {
        let length = numbers
            .len()
            .checked_add(usize::try_from(lengths.get(at)).ok()?)?;
        // More different spellings than that cannot have been numbered.
        u32::try_from(length).ok()?;
        numbers.resize(length, u32::try_from(values.get(at)).ok()?);
    }
    (values.len() == lengths.len()).then_some(numbers)
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

fn class_of(stored: &ClassPosts) -> Option<(Class, u64)> {
    let ClassPosts(origin, format, dated, has_author, tags, posts) = stored;
    let class = Class {
        origin: match origin {
            None => None,
            Some(name) => Some(name.parse().ok()?),
        },
        format: format.parse().ok()?,
        dated: match dated {
            0 => Dated::No,
            1 => Dated::Stated,
            2 => Dated::ById,
            _ => return None,
        },
        has_author: *has_author,
        tags: match tags {
            0 => TagSource::None,
            1 => TagSource::Listed,
            2 => TagSource::Caption,
            _ => return None,
        },
    };
    Some((class, *posts))
}
