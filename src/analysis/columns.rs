//! Counting over columns: the same answer as [`Counter`](super::Counter) over the posts themselves.
//!
//! Whatever the columns do not tell is not answered here, and the caller reads the posts.

mod authors;
mod choose;
mod flags;
mod leading;
mod lists;
mod numbers;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use jiff::Timestamp;

use super::count::Counted;
use super::rank::{Tallied, Told, Use, Views};
use super::{Extras, Filter, FrequencyTable, Provenance, Sample, TableOptions, TagsFrom, Weight};
use crate::model::{Class, Column, Columns, Dated, Hashtag, Tables, TagSource};
use authors::Authors;
use choose::{Chosen, parts, side_by_side};
use flags::Flags;
use numbers::Numbers;

/// What is asked of a table of posts.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'q> {
    /// Which posts.
    pub filter: &'q Filter,
    /// Which of their hashtags.
    pub from: TagsFrom,
    /// What is kept beside the counts.
    pub extras: Extras,
    /// Which rows.
    pub options: &'q TableOptions,
}

impl Asked<'_> {
    /// Whether columns tell what is asked.
    fn is_told(&self) -> bool {
        // Of a post with both a list and a caption only the list is there.
        matches!(self.from, TagsFrom::Auto | TagsFrom::Structured)
            && self.filter.forbidden.is_empty()
            && self.filter.required.len() <= choose::MOST_REQUIRED
    }

    /// The columns that hold the answer.
    fn columns(&self) -> Vec<Column> {
        let mut columns = vec![Column::Variants];
        let mut add = |wanted: bool, column| {
            if wanted {
                columns.push(column);
            }
        };
        let each = self.chooses() || self.extras != Extras::default();
        add(!self.chooses(), Column::Uses);
        // The hashtags themselves are read as they are counted.
        add(each, Column::TagCounts);
        add(self.chooses(), Column::Class);
        add(self.chooses(), Column::Created);
        add(self.chooses(), Column::Nanosecond);
        add(!self.filter.regions.is_empty(), Column::Region);
        add(!self.filter.languages.is_empty(), Column::Language);
        let by_author = !self.filter.authors.is_empty();
        add(by_author || self.extras.authors, Column::Author);
        add(self.extras.views, Column::Views);
        columns
    }

    /// Whether not all posts, or not all of their hashtags, are counted.
    fn chooses(&self) -> bool {
        !self.filter.is_empty() || self.from == TagsFrom::Structured
    }

    /// The ranking; `None` where tables of columns do not tell it, cannot be read, or contradict
    /// themselves.
    pub fn answer(&self, tables: &dyn Tables) -> Option<FrequencyTable> {
        if !self.is_told() {
            return None;
        }
        if let Some(table) = self.leading(tables) {
            return Some(table);
        }
        let wanted = self.columns();
        let read = |table| tables.read(table, &wanted);
        let columns: Option<Vec<Columns>> = (0..tables.count()).map(read).collect();
        let mut columns = columns?;
        let chosen = if self.chooses() {
            Some(self.choose(tables, &columns)?)
        } else {
            None
        };
        let numbers = Numbers::new(tables, &columns, chosen.as_deref())?;
        let sample = self.sample(&columns, chosen.as_deref())?;
        let mut chosen = chosen;
        let mut uses = Vec::new();
        for (number, table) in columns.iter_mut().enumerate() {
            let counts = match chosen.as_mut().and_then(|chosen| chosen.get_mut(number)) {
                None => std::mem::take(&mut table.uses),
                Some(chosen) => std::mem::take(&mut chosen.uses),
            };
            numbers.add(number, counts, &mut uses);
        }
        let mut posts = uses.clone();
        for &(variant, identity) in &numbers.variants {
            let count = std::mem::take(posts.get_mut(variant as usize)?);
            *posts.get_mut(identity as usize)? += count;
        }
        let distinct = posts.iter().filter(|&&posts| posts > 0).count();
        let chosen = chosen.as_deref();
        let mut authors = if self.extras.authors {
            Some(Authors::new(tables, &columns, chosen, &numbers)?)
        } else {
            None
        };
        let (total, rows) = match (self.options.weight, &mut authors) {
            (Weight::Posts, None) => (sample.posts, self.rows(&posts)),
            (Weight::Posts, Some(authors)) => {
                authors.look(&posts, self.least(&posts, self.most()))?;
                (sample.posts, self.rows(&posts))
            }
            (Weight::Authors, None) => return None,
            (Weight::Authors, Some(authors)) => {
                let votes = self.votes(authors, &posts)?;
                (authors.distinct, self.rows(&votes))
            }
        };
        let mut counted = named(tables, &numbers, &rows, &uses, &posts)?;
        if self.extras != Extras::default() {
            let seen = if self.extras.views {
                seen(tables, &columns, chosen, &numbers, &rows)?
            } else {
                vec![Views::default(); rows.len()]
            };
            for ((counted, &tag), views) in counted.iter_mut().zip(&rows).zip(seen) {
                let posts = posts.get(tag as usize).copied()?;
                let used = match &authors {
                    Some(authors) => authors.of(tag, posts)?,
                    None => Use::default(),
                };
                counted.tallied = Tallied::Told(Told { used, views });
            }
        }
        Some(FrequencyTable::of_counted(
            counted,
            distinct,
            total,
            sample,
            (self.from, self.extras),
            self.options,
        ))
    }

    fn choose(&self, tables: &dyn Tables, columns: &[Columns]) -> Option<Vec<Chosen>> {
        let keep = self.extras != Extras::default();
        let tables_columns = columns.iter().enumerate();
        tables_columns
            .map(|(number, table)| {
                Chosen::new(tables, number, table, (self.filter, self.from), keep)
            })
            .collect()
    }

    fn sample(&self, tables: &[Columns], chosen: Option<&[Chosen]>) -> Option<Sample> {
        let mut sample = Sample::default();
        for (number, table) in tables.iter().enumerate() {
            let stored = table.posts as u64;
            sample.rows += stored;
            let (classes, span) = match chosen.and_then(|chosen| chosen.get(number)) {
                None => (
                    table.classes.iter().map(|(_, posts)| *posts).collect(),
                    table.span,
                ),
                Some(chosen) => (chosen.classes.clone(), chosen.span),
            };
            for ((class, _), &posts) in table.classes.iter().zip(&classes) {
                self.add_class(&mut sample, *class, posts);
            }
            sample.filtered += stored.checked_sub(classes.iter().sum())?;
            if let Some((first, last)) = span {
                let at = |(second, nanosecond): (i64, u32)| {
                    Timestamp::new(second, i32::try_from(nanosecond).ok()?).ok()
                };
                let (first, last) = (at(first)?, at(last)?);
                sample.span = Some(match sample.span {
                    Some((a, b)) => (a.min(first), b.max(last)),
                    None => (first, last),
                });
            }
        }
        Some(sample)
    }

    fn add_class(&self, sample: &mut Sample, class: Class, posts: u64) {
        if posts == 0 {
            return;
        }
        sample.posts += posts;
        match class.dated {
            Dated::No => sample.undated += posts,
            Dated::Stated => {}
            Dated::ById => sample.dated_by_id += posts,
        }
        if !class.has_author {
            sample.without_author += posts;
        }
        let provenance = Provenance {
            origin: class.origin,
            format: class.format,
        };
        *sample.provenance.entry(provenance).or_default() += posts;
        match class.tags {
            TagSource::Listed => sample.tag_sources.structured += posts,
            TagSource::Caption if self.from == TagsFrom::Auto => {
                sample.tag_sources.caption += posts;
            }
            _ => sample.tag_sources.none += posts,
        }
    }

    /// How many rows there can be before some are left out.
    fn most(&self) -> usize {
        // Rows that may be left out again are as many as are excluded.
        let limit = self.options.limit.unwrap_or(usize::MAX);
        limit.saturating_add(self.options.excluded.len())
    }

    /// How often a hashtag must occur to be one of the `most` commonest, and a row.
    fn least(&self, occurrences: &[u32], most: usize) -> u32 {
        let mut least = u32::try_from(self.options.min_count)
            .unwrap_or(u32::MAX)
            .max(1);
        if most == 0 || most >= occurrences.len() {
            return least;
        }
        // The largest so far, the least of them on top; mostly they come in order.
        let mut largest = BinaryHeap::new();
        for &count in occurrences {
            if count < least {
                continue;
            }
            if largest.len() == most {
                largest.pop();
            }
            largest.push(Reverse(count));
            if largest.len() == most
                && let Some(last) = largest.peek()
            {
                // One that occurs as often changes nothing.
                least = last.0.saturating_add(1);
            }
        }
        match largest.peek() {
            Some(last) if largest.len() == most => last.0,
            _ => least,
        }
    }

    /// Numbers of the hashtags that can be rows: at least those with the most occurrences.
    fn rows(&self, occurrences: &[u32]) -> Vec<u32> {
        let least = self.least(occurrences, self.most());
        let rows = (0..).zip(occurrences).filter(|(_, count)| **count >= least);
        rows.map(|(tag, _)| tag).collect()
    }

    /// How many authors used each hashtag that can be a row; 0 for the others.
    fn votes(&self, authors: &mut Authors<'_>, posts: &[u32]) -> Option<Vec<u32>> {
        // A hashtag has no more votes than posts. So those with many posts are looked at, and once more
        // if others have as many posts as the last row has votes.
        let most = self.most();
        let mut least = self.least(posts, most.saturating_mul(2).saturating_add(SPARE_ROWS));
        loop {
            authors.look(posts, least)?;
            let votes = authors.votes(posts)?;
            let last = self.least(&votes, most);
            if last >= least {
                return Some(votes);
            }
            least = last;
        }
    }
}

/// Hashtags that are looked at beside twice as many as there are rows. In tests so few that it happens
/// that more are needed.
const SPARE_ROWS: usize = if cfg!(test) { 0 } else { 64 };

/// How often the posts with the hashtags of the rows were seen.
fn seen(
    tables: &dyn Tables,
    columns: &[Columns],
    chosen: Option<&[Chosen]>,
    numbers: &Numbers,
    rows: &[u32],
) -> Option<Vec<Views>> {
    let mut row_of = vec![0_usize; numbers.len()];
    // Most hashtags of a post are none of the rows'.
    let mut has_row = Flags::new(numbers.len());
    for (row, &tag) in rows.iter().enumerate() {
        *row_of.get_mut(tag as usize)? = row;
        has_row.set(tag);
    }
    for &(variant, identity) in &numbers.variants {
        if has_row.has(identity) {
            row_of[variant as usize] = row_of[identity as usize];
            has_row.set(variant);
        }
    }
    // The posts of each row: table and numbers.
    let mut found: Vec<(usize, Vec<Vec<u32>>)> = Vec::new();
    for (number, table) in columns.iter().enumerate() {
        u32::try_from(table.posts).ok()?;
        let marks = chosen.and_then(|chosen| chosen.get(number));
        let marks = marks.map_or(&[][..], Chosen::marks);
        let parts = side_by_side(parts(table), |part| {
            let mut found: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
            part.each((tables, number), table, marks, |post, tags| {
                for &tag in tags {
                    let tag = numbers.of(number, tag);
                    if has_row.has(tag) {
                        let row = row_of[tag as usize];
                        #[expect(clippy::cast_possible_truncation, reason = "looked at above")]
                        found[row].push(post as u32);
                    }
                }
            })?;
            Some(found)
        });
        for part in parts {
            found.push((number, part?));
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let told = side_by_side((0..cores.min(rows.len())).collect(), |_| {
        let (mut views, mut told) = (Vec::new(), Vec::new());
        loop {
            let row = next.fetch_add(1, Ordering::Relaxed);
            if row >= rows.len() {
                return told;
            }
            views.clear();
            for (number, lists) in &found {
                let Some(table) = columns.get(*number) else {
                    continue;
                };
                let posts = lists.get(row).map_or(&[][..], Vec::as_slice);
                let of = |&post: &u32| table.views_of(post as usize);
                views.extend(posts.iter().filter_map(of));
            }
            told.push((row, Views::of(&mut views)));
        }
    });
    let mut told: Vec<(usize, Views)> = told.into_iter().flatten().collect();
    told.sort_unstable_by_key(|(row, _)| *row);
    Some(told.into_iter().map(|(_, told)| told).collect())
}

/// The rows' names, in the order of the rows.
fn named(
    tables: &dyn Tables,
    numbers: &Numbers,
    rows: &[u32],
    uses: &[u32],
    posts: &[u32],
) -> Option<Vec<Counted>> {
    let mut spelled: HashMap<u32, Vec<u32>> = rows.iter().map(|&tag| (tag, vec![tag])).collect();
    let mut has_row = Flags::new(numbers.len());
    for &tag in rows {
        has_row.set(tag);
    }
    for &(variant, identity) in &numbers.variants {
        if has_row.has(identity)
            && let Some(list) = spelled.get_mut(&identity)
        {
            list.push(variant);
        }
    }
    // Only those that are the commonest are asked for.
    for list in spelled.values_mut() {
        let uses_of = |spelling: &u32| uses.get(*spelling as usize).copied().unwrap_or(0);
        let most = list.iter().map(uses_of).max();
        list.retain(|spelling| Some(uses_of(spelling)) == most);
    }
    let wanted = spelled.values().flatten().chain(rows).copied();
    let names = numbers.names(tables, wanted)?;
    rows.iter()
        .map(|tag| {
            let commonest = spelled.get(tag)?.iter();
            let commonest = commonest.filter_map(|spelling| names.get(spelling)).min();
            Some(Counted {
                tag: Hashtag::new(names.get(tag)?)?,
                spelling: commonest?.clone(),
                posts: u64::from(*posts.get(*tag as usize)?),
                tallied: Tallied::default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
