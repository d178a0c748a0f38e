//! Which posts of a table a filter lets through.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Numbers;
use crate::analysis::{Filter, TagsFrom};
use crate::model::{Columns, Packed, TagSource};

/// More required hashtags than this are not looked for here.
pub(super) const MOST_REQUIRED: usize = 32;
/// Fewer posts than this are not worth another thread.
const SMALL: usize = 1 << 15;

/// The posts that are counted, for each table; and those whose hashtags are not.
#[derive(Debug)]
pub(super) struct Chosen {
    /// Whether a post is counted, with its hashtags or without.
    posts: Vec<Vec<u8>>,
}

const LEFT_OUT: u8 = 0;
const COUNTED: u8 = 1;
/// Counted, but its hashtags are not those asked for.
const WITHOUT_TAGS: u8 = 2;

impl Chosen {
    pub(super) fn new(
        tables: &[Columns],
        filter: &Filter,
        from: TagsFrom,
        numbers: &Numbers,
    ) -> Option<Self> {
        let mut chosen = Self {
            posts: tables
                .iter()
                .map(|table| vec![COUNTED; table.posts])
                .collect(),
        };
        let required = required(tables, filter, numbers);
        for (number, table) in tables.iter().enumerate() {
            let marks = &mut chosen.posts[number];
            by_time(table, filter, marks)?;
            by_name(&table.region, &table.regions, &filter.regions, marks);
            by_name(&table.language, &table.languages, &filter.languages, marks);
            by_author(table, &filter.authors, marks);
            if from == TagsFrom::Structured {
                let listed = |at: u64| {
                    let class = usize::try_from(at)
                        .ok()
                        .and_then(|at| table.classes.get(at));
                    class.is_some_and(|(class, _)| class.tags == TagSource::Listed)
                };
                for (post, mark) in marks.iter_mut().enumerate() {
                    if *mark == COUNTED && !listed(table.class.get(post)) {
                        *mark = WITHOUT_TAGS;
                    }
                }
            }
            if let Some(required) = &required {
                by_tags(number, table, filter, required, numbers, marks);
            }
        }
        Some(chosen)
    }

    /// For each post of a table whether its hashtags are counted ([`COUNTED`]).
    pub(super) fn of(&self, table: usize) -> &[u8] {
        &self.posts[table]
    }

    /// Whether a post is counted.
    pub(super) fn has(&self, table: usize, post: usize) -> bool {
        self.posts[table][post] != LEFT_OUT
    }

    /// How many posts of each class are counted, and their earliest and latest time.
    #[expect(clippy::type_complexity, reason = "as it stands in the table")]
    pub(super) fn summary(
        &self,
        number: usize,
        table: &Columns,
    ) -> (Vec<u64>, Option<((i64, u32), (i64, u32))>) {
        let mut classes = vec![0; table.classes.len()];
        let mut span = None;
        for (post, &mark) in self.posts[number].iter().enumerate() {
            if mark == LEFT_OUT {
                continue;
            }
            let class = usize::try_from(table.class.get(post)).ok();
            if let Some(posts) = class.and_then(|class| classes.get_mut(class)) {
                *posts += 1;
            }
            if let Some(at) = table.created_of(post) {
                span = Some(match span {
                    Some((first, last)) => (at.min(first), at.max(last)),
                    None => (at, at),
                });
            }
        }
        (classes, span)
    }
}

fn keep(marks: &mut [u8], passes: impl Fn(usize) -> bool) {
    for (post, mark) in marks.iter_mut().enumerate() {
        if *mark != LEFT_OUT && !passes(post) {
            *mark = LEFT_OUT;
        }
    }
}

fn by_time(table: &Columns, filter: &Filter, marks: &mut [u8]) -> Option<()> {
    if filter.since.is_none() && filter.until.is_none() {
        return Some(());
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
    keep(marks, |post| {
        let second = table.created_of(post).map(|(second, _)| second);
        second.is_some_and(|second| first <= second && second < end)
    });
    Some(())
}

fn by_name(column: &Packed, names: &[String], wanted: &[String], marks: &mut [u8]) {
    if wanted.is_empty() {
        return;
    }
    let among = |name: &String| wanted.iter().any(|one| one.eq_ignore_ascii_case(name));
    let passes: Vec<bool> = std::iter::once(false)
        .chain(names.iter().map(among))
        .collect();
    keep(marks, |post| {
        let number = usize::try_from(column.get(post)).ok();
        number.and_then(|number| passes.get(number)) == Some(&true)
    });
}

fn by_author(table: &Columns, wanted: &[String], marks: &mut [u8]) {
    if wanted.is_empty() {
        return;
    }
    let among = |name: &[u8]| {
        let mut wanted = wanted.iter().map(String::as_bytes);
        wanted.any(|one| one.eq_ignore_ascii_case(name))
    };
    let names = (0..).take(table.authors.len());
    let passes: Vec<bool> = names
        .map(|author| among(table.authors.bytes(author)))
        .collect();
    keep(marks, |post| {
        let author = table.author_of(post);
        author.and_then(|author| passes.get(author as usize)) == Some(&true)
    });
}

/// Of each spelling which of the required hashtags it is, as bits; `None` where none is required.
fn required(tables: &[Columns], filter: &Filter, numbers: &Numbers) -> Option<Vec<u32>> {
    if filter.required.is_empty() {
        return None;
    }
    let mut bits = vec![0; numbers.len()];
    for (number, table) in tables.iter().enumerate() {
        for tag in (0..).take(table.spellings.len()) {
            let name = table.spellings.bytes(tag);
            for (bit, required) in filter.required.iter().enumerate() {
                if required.as_str().as_bytes() == name {
                    bits[numbers.of(number, tag) as usize] |= 1 << bit;
                }
            }
        }
    }
    for &(variant, identity) in &numbers.variants {
        bits[variant as usize] = bits[identity as usize];
    }
    Some(bits)
}

fn by_tags(
    number: usize,
    table: &Columns,
    filter: &Filter,
    required: &[u32],
    numbers: &Numbers,
    marks: &mut [u8],
) {
    let all = u32::MAX >> (32 - filter.required.len().clamp(1, 32));
    let found = side_by_side(parts(table), |part| {
        let mut passing = Vec::new();
        part.each(table, marks, |post, tags| {
            let carried = tags.fold(0, |bits, tag| {
                bits | required[numbers.of(number, tag) as usize]
            });
            if carried == all || (filter.any_required && carried != 0) {
                passing.push(post);
            }
        });
        passing
    });
    // Posts without hashtags have none that is required.
    marks.fill(LEFT_OUT);
    for post in found.into_iter().flatten() {
        marks[post] = COUNTED;
    }
}

/// Posts of a table that follow each other.
pub(super) struct Part {
    posts: Range<usize>,
    /// Hashtags of the posts before.
    tags: usize,
}

impl Part {
    /// Calls `each` with every post that is marked as counted (or with all, without marks) and its
    /// hashtags.
    pub(super) fn each(
        &self,
        table: &Columns,
        marks: &[u8],
        mut each: impl FnMut(usize, Tags<'_>),
    ) {
        let mut at = self.tags;
        for post in self.posts.clone() {
            let end = at + count(table, post);
            if marks.get(post).is_none_or(|&mark| mark == COUNTED) {
                let tags = Tags {
                    column: &table.tags,
                    at,
                    end,
                };
                each(post, tags);
            }
            at = end;
        }
    }
}

/// A post's hashtags.
pub(super) struct Tags<'t> {
    column: &'t Packed,
    at: usize,
    end: usize,
}

impl Iterator for Tags<'_> {
    type Item = u32;

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "packed from 32 bits")]
    fn next(&mut self) -> Option<u32> {
        let tag = (self.at < self.end).then(|| self.column.get(self.at) as u32);
        self.at += 1;
        tag
    }
}

fn count(table: &Columns, post: usize) -> usize {
    usize::try_from(table.tag_counts.get(post)).unwrap_or(0)
}

/// A table in parts of about the same size, one for each core.
pub(super) fn parts(table: &Columns) -> Vec<Part> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = table.posts.div_ceil(cores).max(SMALL);
    let mut parts = Vec::new();
    let mut tags = 0;
    let mut start = 0;
    while start < table.posts {
        let posts = start..table.posts.min(start + each);
        start = posts.end;
        parts.push(Part {
            posts: posts.clone(),
            tags,
        });
        if start < table.posts {
            tags += posts.map(|post| count(table, post)).sum::<usize>();
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
