//! Reading segments, no more of them than is asked for: large columns by all cores, of lists of texts
//! the pages that some of them stand in. Nothing is given away whose checksum is another.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_err as fs;

use super::{AUTHORS, ClassPosts, Commonest, Entry, Header, MAGIC, PAGE, SPELLINGS};
use crate::model::{
    Class, Column, Columns, Dated, EachTexts, Lead, Leading, Names, Packed, TagSource, Window,
};

/// Pages that a thread reads at a time.
const PAGES: usize = 16;
/// Fewer bytes are not worth another thread.
const SMALL: usize = 1 << 19;
/// Numbers of a column that are read together. In tests so few that there are several such windows.
const WINDOW: usize = if cfg!(test) { 16 } else { 1 << 17 };
/// Texts whose place is kept, one of so many; and that are handed over together. In tests so few that
/// lists have several such parts.
const CHUNK: usize = if cfg!(test) { 4 } else { 1 << 15 };

/// A segment whose header was read.
#[derive(Debug)]
pub(in super::super) struct Opened {
    path: PathBuf,
    /// Where the columns begin.
    behind: u64,
    header: Header,
    spellings: OnceLock<Option<Lengths>>,
    authors: OnceLock<Option<Lengths>>,
}

/// How long the texts of a list are.
#[derive(Debug)]
struct Lengths {
    lengths: Packed,
    /// Where the first text of each chunk begins, and the last one's end.
    starts: Vec<u64>,
}

/// Reads columns of a segment; `None` where it is not whole.
pub(in super::super) fn read(path: &Path, wanted: &[Column]) -> Option<Columns> {
    Opened::new(path)?.read(wanted)
}

impl Opened {
    /// Reads the header; `None` where it is not whole, or the file shorter than it says.
    pub(in super::super) fn new(path: &Path) -> Option<Self> {
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
        let behind = 16 + u64::from(length);
        let file_length = file.metadata().ok()?.len();
        // A file that was cut must not make us ask for memory that it cannot fill.
        let fits = |entry: &Entry| {
            let end = behind.checked_add(entry.from)?.checked_add(entry.bytes)?;
            let pages = usize::try_from(entry.bytes).ok()?.div_ceil(PAGE);
            (end <= file_length && entry.crc.len() == pages).then_some(())
        };
        header.columns.iter().try_for_each(fits)?;
        Some(Self {
            path: path.to_owned(),
            behind,
            header,
            spellings: OnceLock::new(),
            authors: OnceLock::new(),
        })
    }

    /// How many posts it describes.
    pub(in super::super) fn posts(&self) -> usize {
        self.header.posts
    }

    /// What stands beside the columns, and some of these; `None` where one of them is not whole.
    pub(in super::super) fn read(&self, wanted: &[Column]) -> Option<Columns> {
        let header = &self.header;
        let mut table = Columns {
            posts: header.posts,
            spelling_count: header.spellings,
            author_count: header.authors,
            classes: header.classes.iter().map(class_of).collect::<Option<_>>()?,
            span: header.span,
            epoch: header.epoch,
            regions: header.regions.clone(),
            languages: header.languages.clone(),
            ..Columns::default()
        };
        let names: Vec<&str> = wanted
            .iter()
            .flat_map(|column| parts(*column))
            .copied()
            .collect();
        let mut read = Read {
            columns: self.load(&names)?.into_iter(),
        };
        for column in wanted {
            fill(&mut table, *column, &mut read)?;
        }
        Some(table)
    }

    /// Texts of a list, chunk by chunk, as [`crate::model::Tables::scan`] tells.
    pub(in super::super) fn scan(
        &self,
        list: Column,
        numbers: Range<u32>,
        each: &mut EachTexts<'_>,
    ) -> Option<()> {
        let (lengths, entry) = self.list(list)?;
        let mut file = fs::File::open(&self.path).ok()?;
        let (mut each_length, mut read) = (Vec::new(), Vec::new());
        let mut at = numbers.start as usize;
        let end = (numbers.end as usize).min(lengths.lengths.len());
        while at < end {
            let next = end.min((at / CHUNK + 1) * CHUNK);
            let from = lengths.start(at)?;
            each_length.resize(next - at, 0);
            lengths.lengths.unpack(at, &mut each_length);
            let bytes: u64 = each_length.iter().copied().map(u64::from).sum();
            let text = from..from.checked_add(bytes)?;
            let text = self.range(&mut file, entry, text, &mut read)?;
            if !each(u32::try_from(at).ok()?, &each_length, text) {
                break;
            }
            at = next;
        }
        Some(())
    }

    /// Texts of a list by their numbers.
    pub(in super::super) fn texts(&self, list: Column, numbers: &[u32]) -> Option<Vec<String>> {
        let (lengths, entry) = self.list(list)?;
        let mut file = fs::File::open(&self.path).ok()?;
        // The pages that were read last, and where they begin.
        let mut last = (0, Vec::new());
        let mut texts = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let number = number as usize;
            if number >= lengths.lengths.len() {
                return None;
            }
            let from = lengths.start(number)?;
            let to = from.checked_add(lengths.lengths.get(number))?;
            if from < last.0 || to > last.0 + last.1.len() as u64 {
                let page = PAGE as u64;
                let pages = from / page * page..to.next_multiple_of(page).min(entry.bytes);
                let mut read = Vec::new();
                let text = self.range(&mut file, entry, pages.clone(), &mut read)?;
                last = (pages.start, text.to_vec());
            }
            let within = |at: u64| usize::try_from(at - last.0).ok();
            let text = last.1.get(within(from)?..within(to)?)?;
            texts.push(std::str::from_utf8(text).ok()?.to_owned());
        }
        Some(texts)
    }

    /// Numbers of a column of numbers, as [`crate::model::Tables::tags`] tells.
    pub(in super::super) fn window(
        &self,
        column: &str,
        numbers: Range<usize>,
        window: &mut Window,
    ) -> Option<()> {
        let entry = self.entry(column)?;
        if numbers.end > entry.length {
            return None;
        }
        // There a byte begins.
        let first = numbers.start / 8 * 8;
        let last = numbers.end.max(first + WINDOW).min(entry.length);
        let byte_at = |number: usize| Some(number as u64 * u64::from(entry.bits));
        let bytes = byte_at(first)? / 8..byte_at(last)?.div_ceil(8);
        let mut file = fs::File::open(&self.path).ok()?;
        window.refill(first, (entry.bits, last - first), |read| {
            self.pages(&mut file, entry, bytes, read)
        })
    }

    fn list(&self, list: Column) -> Option<(&Lengths, &Entry)> {
        let (place, (lengths, text)) = match list {
            Column::Spellings => (&self.spellings, SPELLINGS),
            Column::Authors => (&self.authors, AUTHORS),
            _ => return None,
        };
        let entry = self.entry(text)?;
        let lengths = place.get_or_init(|| {
            let columns = self.load(&[lengths])?.into_iter();
            Lengths::new(Read { columns }.numbers()?, entry.bytes)
        });
        Some((lengths.as_ref()?, entry))
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let mut entries = self.header.columns.iter();
        entries.find(|entry| entry.name == name)
    }

    /// Bytes of a column.
    fn range<'r>(
        &self,
        file: &mut fs::File,
        entry: &Entry,
        bytes: Range<u64>,
        read: &'r mut Vec<u8>,
    ) -> Option<&'r [u8]> {
        let within = self.pages(file, entry, bytes, read)?;
        read.get(within)
    }

    /// Reads the pages of a column in which some of its bytes stand; says where in `read` these are.
    fn pages(
        &self,
        file: &mut fs::File,
        entry: &Entry,
        bytes: Range<u64>,
        read: &mut Vec<u8>,
    ) -> Option<Range<usize>> {
        if bytes.end > entry.bytes || bytes.start > bytes.end {
            return None;
        }
        let (first, last) = (
            usize::try_from(bytes.start).ok()? / PAGE,
            usize::try_from(bytes.end).ok()?.div_ceil(PAGE),
        );
        let from = (first * PAGE) as u64;
        let to = entry.bytes.min((last * PAGE) as u64);
        read.resize(usize::try_from(to.checked_sub(from)?).ok()?, 0);
        let job = Job {
            from: self.behind + entry.from + from,
            bytes: &mut *read,
            crc: entry.crc.get(first..last)?,
        };
        job.run(file)?;
        let within = |at: u64| usize::try_from(at - from).ok();
        Some(within(bytes.start)?..within(bytes.end)?)
    }

    /// Reads whole columns, on all cores where they are large.
    fn load<'s>(&'s self, names: &[&str]) -> Option<Vec<(&'s Entry, Vec<u8>)>> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let entry = self.entry(name)?;
            columns.push((entry, vec![0; usize::try_from(entry.bytes).ok()?]));
        }
        let total: usize = columns.iter().map(|(_, bytes)| bytes.len()).sum();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if total < SMALL { 1 } else { cores };
        let mut shares: Vec<Vec<Job<'_>>> = Vec::new();
        shares.resize_with(threads, Vec::new);
        let mut turn = 0;
        for (entry, bytes) in &mut columns {
            let mut from = self.behind + entry.from;
            let pages = bytes.chunks_mut(PAGES * PAGE);
            for (bytes, crc) in pages.zip(entry.crc.chunks(PAGES)) {
                let length = bytes.len() as u64;
                shares[turn % threads].push(Job { from, bytes, crc });
                from += length;
                turn += 1;
            }
        }
        let work = |jobs: Vec<Job<'_>>| {
            let mut file = fs::File::open(&self.path).ok()?;
            jobs.into_iter().try_for_each(|job| job.run(&mut file))
        };
        let mine = shares.pop().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares
                .into_iter()
                .map(|jobs| scope.spawn(move || work(jobs)))
                .collect();
            let done = work(mine);
            let all = others.into_iter().map(|other| other.join().ok().flatten());
            all.collect::<Option<Vec<()>>>().and(done)
        })?;
        Some(columns)
    }
}

/// Some pages of a column that are to be read.
struct Job<'b> {
    /// Where in the file.
    from: u64,
    bytes: &'b mut [u8],
    /// Their checksums.
    crc: &'b [u32],
}

impl Job<'_> {
    fn run(self, file: &mut fs::File) -> Option<()> {
        file.seek(SeekFrom::Start(self.from)).ok()?;
        for (page, crc) in self.bytes.chunks_mut(PAGE).zip(self.crc) {
            file.read_exact(page).ok()?;
            if crc32fast::hash(page) != *crc {
                return None;
            }
        }
        Some(())
    }
}

impl Lengths {
    fn new(lengths: Packed, text: u64) -> Option<Self> {
        let mut starts = vec![0];
        let mut end = 0_u64;
        let mut chunk = vec![0; CHUNK];
        for from in (0..lengths.len()).step_by(CHUNK) {
            lengths.unpack(from, &mut chunk);
            end += chunk.iter().copied().map(u64::from).sum::<u64>();
            starts.push(end);
        }
        (end == text).then_some(Self { lengths, starts })
    }

    /// Where a text begins.
    fn start(&self, number: usize) -> Option<u64> {
        let chunk = number / CHUNK;
        let before = self.lengths.range(chunk * CHUNK..number);
        Some(self.starts.get(chunk)? + before.sum::<u64>())
    }
}

/// The columns of the file that a column of a table stands in.
fn parts(column: Column) -> &'static [&'static str] {
    match column {
        Column::Leading => &["leading"],
        Column::Uses => &["use", "use_run"],
        Column::Variants => &["variant", "identity"],
        Column::Class => &["class"],
        Column::Created => &["created"],
        Column::Nanosecond => &["nanosecond"],
        Column::Region => &["region"],
        Column::Language => &["language"],
        Column::Author => &["author"],
        Column::Authors => &[AUTHORS.0, AUTHORS.1],
        Column::Views => &["views"],
        Column::TagCounts => &["tag_count"],
        Column::Tags => &["tag"],
        Column::Spellings => &[SPELLINGS.0, SPELLINGS.1],
    }
}

/// Columns of the file, in the order in which they were asked for.
struct Read<'h> {
    columns: std::vec::IntoIter<(&'h Entry, Vec<u8>)>,
}

impl Read<'_> {
    fn numbers(&mut self) -> Option<Packed> {
        let (entry, bytes) = self.columns.next()?;
        Packed::from_parts(entry.bits, entry.length, bytes)
    }

    fn names(&mut self) -> Option<Names> {
        let lengths = self.numbers()?;
        Names::from_parts(&lengths, self.columns.next()?.1)
    }

    fn leading(&mut self) -> Option<Leading> {
        let Commonest(distinct, least, tags) =
            serde_json::from_slice(&self.columns.next()?.1).ok()?;
        let lead = |(tag, spelling, posts, spellings)| Lead {
            tag,
            spelling,
            posts,
            spellings,
        };
        Some(Leading {
            distinct,
            least,
            tags: tags.into_iter().map(lead).collect(),
        })
    }
}

fn fill(table: &mut Columns, column: Column, read: &mut Read<'_>) -> Option<()> {
    let posts = table.posts;
    let per_post = |packed: Packed| (packed.len() == posts).then_some(packed);
    match column {
        Column::Leading => table.leading = read.leading()?,
        Column::Uses => {
            table.uses = expanded(&read.numbers()?, &read.numbers()?)?;
            (table.uses.len() == table.spelling_count).then_some(())?;
        }
        Column::Variants => {
            let (variants, identities) = (read.numbers()?, read.numbers()?);
            if variants.len() != identities.len() {
                return None;
            }
            if variants.bits() > u32::BITS || identities.bits() > u32::BITS {
                return None;
            }
            let unpacked = |packed: &Packed| {
                let mut numbers = vec![0; packed.len()];
                packed.unpack(0, &mut numbers);
                numbers
            };
            let (variants, identities) = (unpacked(&variants), unpacked(&identities));
            let known = |number: &u32| (*number as usize) < table.spelling_count;
            if !variants.iter().chain(&identities).all(known) {
                return None;
            }
            table.variants = variants.into_iter().zip(identities).collect();
        }
        Column::Class => table.class = per_post(read.numbers()?)?,
        Column::Created => table.created = per_post(read.numbers()?)?,
        Column::Nanosecond => table.nanosecond = per_post(read.numbers()?)?,
        Column::Region => table.region = per_post(read.numbers()?)?,
        Column::Language => table.language = per_post(read.numbers()?)?,
        Column::Author => table.author = per_post(read.numbers()?)?,
        Column::Authors => {
            table.authors = read.names()?;
            (table.authors.len() == table.author_count).then_some(())?;
        }
        Column::Views => table.views = per_post(read.numbers()?)?,
        Column::TagCounts => table.tag_counts = per_post(read.numbers()?)?,
        Column::Tags => table.tags = read.numbers()?,
        Column::Spellings => {
            table.spellings = read.names()?;
            (table.spellings.len() == table.spelling_count).then_some(())?;
        }
    }
    Some(())
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
