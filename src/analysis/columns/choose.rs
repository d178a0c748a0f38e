//! Which posts of a table a filter lets through, and how often their hashtags stand there.

use std::ops::Range;

use hashbrown::HashMap;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::flags::Flags;
use super::lists::matching;
use crate::analysis::{Filter, TagsFrom};
use crate::model::{Column, Columns, Packed, Tables, TagSource, Window};

/// More required hashtags than this are not looked for here.
pub(super) const MOST_REQUIRED: usize = 32;
/// Fewer posts than this are not worth another thread. In tests so few that there are several.
const SMALL: usize = if cfg!(test) { 4 } else { 1 << 15 };
/// Posts that are looked at together. In tests so few that there are several such batches.
pub(super) const BATCH: usize = if cfg!(test) { 3 } else { 256 };

pub(super) const LEFT_OUT: u8 = 0;
pub(super) const COUNTED: u8 = 1;
/// Counted, but its hashtags are not those asked for.
const WITHOUT_TAGS: u8 = 2;

/// Earliest and latest time, as they stand in a table.
type Span = ((i64, u32), (i64, u32));

/// The posts of a table that are counted.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Of each post whether it is; empty where nobody asks for more than is here.
    marks: Vec<u8>,
    /// How many of each class.
    pub(super) classes: Vec<u64>,
    /// Their earliest and latest time.
    pub(super) span: Option<Span>,
    /// How many of them spell each hashtag so.
    pub(super) uses: Vec<u32>,
}

impl Chosen {
    /// The posts that pass; whether each does is kept where `keep` says so. `None` where the columns
    /// contradict themselves.
    pub(super) fn new(
        tables: &dyn Tables,
        number: usize,
        table: &Columns,
        (filter, from): (&Filter, TagsFrom),
        keep: bool,
    ) -> Option<Self> {
        let sieve = Sieve::new(tables, number, table, filter, from)?;
        let found = side_by_side(parts(table), |part| sieve.choose(&part, keep));
        let mut chosen = Self::default();
        for part in found {
            let part = part?;
            chosen.marks.extend(part.marks);
            chosen.span = joint(chosen.span, part.span);
            add(&mut chosen.classes, part.classes);
            add(&mut chosen.uses, part.uses);
        }
        chosen.classes.resize(table.classes.len(), 0);
        chosen.uses.resize(table.spelling_count, 0);
        Some(chosen)
    }

    /// For each post whether its hashtags are counted ([`COUNTED`]).
    pub(super) fn marks(&self) -> &[u8] {
        &self.marks
    }
}

/// Adds up numbers that stand in the same places.
pub(super) fn add<N: Copy + std::ops::AddAssign>(all: &mut Vec<N>, part: Vec<N>) {
    if all.is_empty() {
        *all = part;
        return;
    }
    // A slice, of which many are added at once; a vector is taken apart number by number.
    for (all, one) in all.iter_mut().zip(&part) {
        *all += *one;
    }
}

fn joint(one: Option<Span>, other: Option<Span>) -> Option<Span> {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (one, other) => one.or(other),
    }
}

/// A filter in the numbers of a table.
struct Sieve<'t> {
    place: Place<'t>,
    table: &'t Columns,
    /// The first second as it stands in the table, and the one behind the last.
    time: Option<Range<u64>>,
    /// By number whether it passes.
    region: Option<Vec<bool>>,
    language: Option<Vec<bool>>,
    author: Option<Vec<bool>>,
    /// By class whether its hashtags are counted.
    listed: Option<Vec<bool>>,
    required: Option<Required>,
}

/// Hashtags of which a post must have all, or one.
struct Required {
    /// Whether a spelling is one of theirs.
    is_one: Flags,
    /// Of each of their spellings which of them it is, as a bit.
    bits: HashMap<u32, u32>,
    all: u32,
    any: bool,
}

impl<'t> Sieve<'t> {
    fn new(
        tables: &'t dyn Tables,
        number: usize,
        table: &'t Columns,
        filter: &Filter,
        from: TagsFrom,
    ) -> Option<Self> {
        let listed = table.classes.iter();
        let listed = listed.map(|(class, _)| class.tags == TagSource::Listed);
        // 0 is no time; a second that a table does not reach is as good as its end.
        let in_table = |second: i64| {
            let since = i128::from(second) - i128::from(table.epoch) + 1;
            u64::try_from(since.max(1)).unwrap_or(u64::MAX)
        };
        let time = time(filter)?.map(|(start, end)| in_table(start)..in_table(end));
        Some(Self {
            place: (tables, number),
            table,
            time,
            region: by_name(&table.regions, &filter.regions),
            language: by_name(&table.languages, &filter.languages),
            author: by_author(tables, number, table, &filter.authors)?,
            listed: (from == TagsFrom::Structured).then(|| listed.collect()),
            required: Required::new(tables, number, table, filter)?,
        })
    }

    fn choose(&self, part: &Part, keep: bool) -> Option<Chosen> {
        let table = self.table;
        let mut chosen = Chosen {
            marks: Vec::with_capacity(if keep { part.posts.len() } else { 0 }),
            classes: vec![0; table.classes.len()],
            span: None,
            uses: vec![0; table.spelling_count],
        };
        let has_parts = table.nanosecond.bits() > 0;
        // Seconds as they stand in the table, 0 where they are not known.
        let times = |post: usize| {
            let part = if has_parts {
                table.nanosecond.get(post)
            } else {
                0
            };
            (table.created.get(post), part)
        };
        let (mut first, mut last) = ((u64::MAX, 0), (0, 0));
        let mut batches = Batches::new(self.place, table, part);
        while let Some(posts) = batches.next() {
            let mut marks = [COUNTED; BATCH];
            let marks = &mut marks[..posts.len()];
            self.mark(posts.start, marks);
            if marks.contains(&COUNTED) {
                self.count(marks, batches.unpacked()?, &mut chosen.uses);
            }
            for (post, mark) in posts.zip(&mut *marks) {
                if *mark == WITHOUT_TAGS && self.required.is_some() {
                    *mark = LEFT_OUT;
                }
                if *mark == LEFT_OUT {
                    continue;
                }
                let class = usize::try_from(table.class.get(post)).ok()?;
                *chosen.classes.get_mut(class)? += 1;
                let at = times(post);
                if at.0 > 0 {
                    (first, last) = (first.min(at), last.max(at));
                }
            }
            if keep {
                chosen.marks.extend_from_slice(marks);
            }
        }
        if last.0 > 0 {
            let at = |(since, part): (u64, u64)| {
                let second = table.epoch.wrapping_add_unsigned(since - 1);
                (second, u32::try_from(part).unwrap_or(0))
            };
            chosen.span = Some((at(first), at(last)));
        }
        Some(chosen)
    }

    /// Counts the hashtags of posts that pass, and leaves those out that lack required ones.
    fn count(&self, marks: &mut [u8], (counts, mut rest): (&[u32], &[u32]), uses: &mut [u32]) {
        for (mark, &count) in marks.iter_mut().zip(counts) {
            let (tags, others) = rest.split_at(count as usize);
            rest = others;
            if *mark != COUNTED {
                continue;
            }
            if let Some(required) = &self.required
                && !required.are_among(tags)
            {
                *mark = LEFT_OUT;
                continue;
            }
            for &tag in tags {
                if let Some(uses) = uses.get_mut(tag as usize) {
                    *uses += 1;
                }
            }
        }
    }

    /// Marks posts by all that can be said without their hashtags.
    fn mark(&self, first: usize, marks: &mut [u8]) {
        let table = self.table;
        if let Some(time) = &self.time {
            keep(&table.created, first, marks, |second| {
                time.start <= second && second < time.end
            });
        }
        let columns = [
            (&self.region, &table.region),
            (&self.language, &table.language),
        ];
        for (passes, column) in columns {
            if let Some(passes) = passes {
                keep(column, first, marks, |number| is_in(passes, number));
            }
        }
        if let Some(passes) = &self.author {
            for (post, mark) in (first..).zip(&mut *marks) {
                let passes = |author: u32| is_in(passes, author.into());
                if *mark != LEFT_OUT && !table.author_of(post).is_some_and(passes) {
                    *mark = LEFT_OUT;
                }
            }
        }
        if let Some(listed) = &self.listed {
            for (post, mark) in (first..).zip(marks) {
                if *mark == COUNTED && !is_in(listed, table.class.get(post)) {
                    *mark = WITHOUT_TAGS;
                }
            }
        }
    }
}

fn is_in(passes: &[bool], number: u64) -> bool {
    let number = usize::try_from(number).ok();
    number.and_then(|number| passes.get(number)) == Some(&true)
}

/// Leaves posts out whose number in a column does not pass.
fn keep(column: &Packed, first: usize, marks: &mut [u8], passes: impl Fn(u64) -> bool) {
    let leave_out = |mark: &mut u8, number| *mark = if passes(number) { *mark } else { LEFT_OUT };
    if column.bits() > u32::BITS {
        let numbers = column.range(first..first + marks.len());
        for (mark, number) in marks.iter_mut().zip(numbers) {
            leave_out(mark, number);
        }
        return;
    }
    let mut numbers = [0; BATCH];
    let numbers = &mut numbers[..marks.len()];
    column.unpack(first, numbers);
    for (mark, &number) in marks.iter_mut().zip(&*numbers) {
        leave_out(mark, number.into());
    }
}

/// The first second that passes, and the one behind the last; `Some(None)` where all do.
#[expect(
    clippy::option_option,
    reason = "the outer one is of days out of range"
)]
fn time(filter: &Filter) -> Option<Option<(i64, i64)>> {
    if filter.since.is_none() && filter.until.is_none() {
        return Some(None);
    }
    let midnight = |day: Date| {
        let start = day.to_zoned(TimeZone::UTC).ok()?;
        Some(start.timestamp().as_second())
    };
    let first = match filter.since {
        Some(day) => midnight(day)?,
        None => i64::MIN,
    };
    let end = match filter.until {
        // The last day that a calendar has ends it.
        Some(day) => day.tomorrow().ok().map_or(Some(i64::MAX), midnight)?,
        None => i64::MAX,
    };
    Some(Some((first, end)))
}

fn by_name(names: &[String], wanted: &[String]) -> Option<Vec<bool>> {
    let among = |name: &String| wanted.iter().any(|one| one.eq_ignore_ascii_case(name));
    let passes = || std::iter::once(false).chain(names.iter().map(among));
    (!wanted.is_empty()).then(|| passes().collect())
}

#[expect(clippy::option_option, reason = "the outer one is of damage")]
fn by_author(
    tables: &dyn Tables,
    number: usize,
    table: &Columns,
    wanted: &[String],
) -> Option<Option<Vec<bool>>> {
    if wanted.is_empty() {
        return Some(None);
    }
    let list = (Column::Authors, table.author_count);
    let found = matching(tables, number, list, None, &|name| {
        let mut wanted = wanted.iter().map(String::as_bytes);
        wanted.any(|one| one.eq_ignore_ascii_case(name))
    })?;
    let mut passes = vec![false; table.author_count];
    for author in found {
        *passes.get_mut(author as usize)? = true;
    }
    Some(Some(passes))
}

impl Required {
    #[expect(clippy::option_option, reason = "the outer one is of damage")]
    fn new(
        tables: &dyn Tables,
        number: usize,
        table: &Columns,
        filter: &Filter,
    ) -> Option<Option<Self>> {
        if filter.required.is_empty() {
            return Some(None);
        }
        let mut names: Vec<&str> = filter.required.iter().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.dedup();
        let list = (Column::Spellings, table.spelling_count);
        let found = matching(tables, number, list, Some(names.len()), &|name| {
            names.iter().any(|one| one.as_bytes() == name)
        })?;
        let texts = tables.texts(number, Column::Spellings, &found)?;
        let mut bits: HashMap<u32, u32> = HashMap::new();
        for (tag, text) in found.into_iter().zip(texts) {
            bits.insert(tag, 1 << names.binary_search(&&*text).ok()?);
        }
        for &(variant, identity) in &table.variants {
            if let Some(&bit) = bits.get(&identity) {
                bits.insert(variant, bit);
            }
        }
        let mut is_one = Flags::new(table.spelling_count);
        bits.keys().for_each(|&tag| is_one.set(tag));
        Some(Some(Self {
            is_one,
            bits,
            all: u32::MAX >> (32 - names.len().clamp(1, 32)),
            any: filter.any_required,
        }))
    }

    fn are_among(&self, tags: &[u32]) -> bool {
        // To stop at the first one would be a branch that nobody could foretell.
        let has_one = tags
            .iter()
            .fold(false, |has_one, &tag| has_one | self.is_one.has(tag));
        if !has_one || self.any || self.all == 1 {
            return has_one;
        }
        let bits = tags.iter().filter(|tag| self.is_one.has(**tag));
        let bits = bits.filter_map(|tag| self.bits.get(tag));
        bits.fold(0, |carried, bit| carried | bit) == self.all
    }
}

/// Posts of a table that follow each other.
pub(super) struct Part {
    posts: Range<usize>,
    /// Hashtags of the posts before.
    tags: usize,
}

impl Part {
    /// Which they are.
    pub(super) fn posts(&self) -> Range<usize> {
        self.posts.clone()
    }

    /// The posts some at a time.
    pub(super) fn batches<'t>(&self, place: Place<'t>, table: &'t Columns) -> Batches<'t> {
        Batches::new(place, table, self)
    }

    /// Calls `each` with every post that is marked as counted (or with all, without marks), and its
    /// hashtags; `None` where there are fewer of these than the posts have.
    pub(super) fn each(
        &self,
        place: Place<'_>,
        table: &Columns,
        marks: &[u8],
        mut each: impl FnMut(usize, &[u32]),
    ) -> Option<()> {
        let mut batches = Batches::new(place, table, self);
        while let Some(posts) = batches.next() {
            let marks = marks.get(posts.clone()).unwrap_or_default();
            if !marks.is_empty() && !marks.contains(&COUNTED) {
                continue;
            }
            let (counts, mut rest) = batches.unpacked()?;
            for ((number, post), &count) in posts.enumerate().zip(counts) {
                let (tags, others) = rest.split_at(count as usize);
                rest = others;
                if marks.get(number).is_none_or(|&mark| mark == COUNTED) {
                    each(post, tags);
                }
            }
        }
        Some(())
    }
}

/// Tables, and the number of one of them.
pub(super) type Place<'t> = (&'t dyn Tables, usize);

/// A part's posts, some at a time.
pub(super) struct Batches<'t> {
    place: Place<'t>,
    table: &'t Columns,
    /// Those that are to come.
    posts: Range<usize>,
    /// Where the hashtags of the last ones begin and end.
    at: usize,
    end: usize,
    /// How many each of the last ones has.
    counts: [u32; BATCH],
    length: usize,
    tags: Vec<u32>,
    /// Hashtags that were read.
    window: Window,
}

impl<'t> Batches<'t> {
    fn new(place: Place<'t>, table: &'t Columns, part: &Part) -> Self {
        Self {
            place,
            table,
            posts: part.posts.clone(),
            at: part.tags,
            end: part.tags,
            counts: [0; BATCH],
            length: 0,
            tags: Vec::new(),
            window: Window::default(),
        }
    }

    /// Goes to the next posts; `None` behind the last.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        let first = self.posts.start;
        self.length = self.posts.len().min(BATCH);
        if self.length == 0 {
            return None;
        }
        self.posts.start += self.length;
        let counts = &mut self.counts[..self.length];
        self.table.tag_counts.unpack(first, counts);
        self.at = self.end;
        self.end += sum(counts);
        Some(first..self.posts.start)
    }

    /// How many hashtags each of the last posts has, and all of these; `None` where the table has fewer,
    /// or they cannot be read.
    pub(super) fn unpacked(&mut self) -> Option<(&[u32], &[u32])> {
        let wanted = self.at..self.end;
        if !wanted.is_empty() && !self.window.holds(&wanted) {
            let (tables, number) = self.place;
            tables.tags(number, wanted, &mut self.window)?;
        }
        self.tags.resize(self.end - self.at, 0);
        self.window.unpack(self.at, &mut self.tags);
        Some((&self.counts[..self.length], &self.tags))
    }
}

fn sum(counts: &[u32]) -> usize {
    counts.iter().map(|&count| count as usize).sum()
}

/// A table in parts of about the same size, one for each core.
pub(super) fn parts(table: &Columns) -> Vec<Part> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = table.posts.div_ceil(cores).max(SMALL);
    let mut parts = Vec::new();
    let mut tags = 0;
    let mut start = 0;
    let mut counts = [0; BATCH];
    while start < table.posts {
        let posts = start..table.posts.min(start + each);
        start = posts.end;
        parts.push(Part {
            posts: posts.clone(),
            tags,
        });
        if start < table.posts {
            for first in posts.clone().step_by(BATCH) {
                let counts = &mut counts[..(posts.end - first).min(BATCH)];
                table.tag_counts.unpack(first, counts);
                tags += sum(counts);
            }
        }
    }
    parts
}

/// Calls `work` with every part, each on a thread of its own.
pub(super) fn side_by_side<P: Send, R: Send>(
    parts: Vec<P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    std::thread::scope(|scope| {
        let mut parts = parts.into_iter();
        let first = parts.next();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut results: Vec<R> = first.map(work).into_iter().collect();
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
