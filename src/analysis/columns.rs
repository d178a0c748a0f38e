//! Counting over columns: the same answer as [`Counter`](super::Counter) over the posts themselves.
//!
//! Whatever the columns do not tell is not answered here, and the caller reads the posts.

mod choose;
mod numbers;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::count::Counted;
use super::{Extras, Filter, FrequencyTable, Provenance, Sample, TableOptions, TagsFrom, Weight};
use crate::model::{Class, Column, Columns, Dated, Hashtag, TagSource};
use choose::{Chosen, parts, side_by_side};
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
    /// The columns that hold the answer, of so many tables; `None` where columns do not tell it.
    pub fn columns(&self, tables: usize) -> Option<Vec<Column>> {
        // Of a post with both a list and a caption only the list is there.
        let told = matches!(self.from, TagsFrom::Auto | TagsFrom::Structured)
            && self.filter.forbidden.is_empty()
            && self.filter.required.len() <= choose::MOST_REQUIRED;
        if !told {
            return None;
        }
        let mut columns = vec![Column::Totals, Column::Spellings];
        let mut add = |wanted: bool, column| {
            if wanted && !columns.contains(&column) {
                columns.push(column);
            }
        };
        let each = self.chooses() || self.extras != Extras::default();
        add(each, Column::Tags);
        add(self.chooses(), Column::Class);
        add(self.chooses(), Column::Created);
        add(!self.filter.regions.is_empty(), Column::Region);
        add(!self.filter.languages.is_empty(), Column::Language);
        let by_author = !self.filter.authors.is_empty();
        add(by_author || self.extras.authors, Column::Author);
        add(
            by_author || (self.extras.authors && tables > 1),
            Column::Authors,
        );
        add(self.extras.views, Column::Views);
        Some(columns)
    }

    /// Whether not all posts, or not all of their hashtags, are counted.
    fn chooses(&self) -> bool {
        !self.filter.is_empty() || self.from == TagsFrom::Structured
    }

    /// The ranking; `None` where the columns contradict themselves.
    ///
    /// The tables must have the columns that [`Asked::columns`] names, and no post in common.
    pub fn answer(&self, tables: &[Columns]) -> Option<FrequencyTable> {
        let numbers = Numbers::new(tables)?;
        let chosen = if self.chooses() {
            Some(Chosen::new(tables, self.filter, self.from, &numbers)?)
        } else {
            None
        };
        let sample = self.sample(tables, chosen.as_ref())?;
        let uses = match &chosen {
            None => numbers.uses(tables),
            Some(chosen) => count(tables, chosen, &numbers),
        };
        let mut posts = uses.clone();
        for &(variant, identity) in &numbers.variants {
            let count = std::mem::take(posts.get_mut(variant as usize)?);
            *posts.get_mut(identity as usize)? += count;
        }
        let distinct = posts.iter().filter(|&&posts| posts > 0).count();
        let authors = if self.extras.authors {
            Some(numbers::Authors::new(tables, chosen.as_ref())?)
        } else {
            None
        };
        let (total, occurrences) = match (self.options.weight, &authors) {
            (Weight::Posts, _) => (sample.posts, None),
            (Weight::Authors, None) => return None,
            (Weight::Authors, Some(authors)) => (
                authors.distinct,
                Some(authors.votes(tables, chosen.as_ref(), &numbers)),
            ),
        };
        let rows = self.rows(occurrences.as_ref().unwrap_or(&posts));
        let mut counted = named(tables, &numbers, &rows, &uses, &posts)?;
        if self.extras != Extras::default() {
            self.tally(
                tables,
                chosen.as_ref(),
                &numbers,
                authors.as_ref(),
                &rows,
                &mut counted,
            );
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

    fn sample(&self, tables: &[Columns], chosen: Option<&Chosen>) -> Option<Sample> {
        let mut sample = Sample::default();
        for (number, table) in tables.iter().enumerate() {
            let stored = table.posts as u64;
            sample.rows += stored;
            let (classes, span) = match chosen {
                None => (
                    table.classes.iter().map(|(_, posts)| *posts).collect(),
                    table.span,
                ),
                Some(chosen) => chosen.summary(number, table),
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

    /// Numbers of the hashtags that can be rows: at least those with the most occurrences.
    fn rows(&self, occurrences: &[u32]) -> Vec<u32> {
        // Rows that may be left out again are as many as are excluded.
        let limit = self.options.limit.unwrap_or(usize::MAX);
        let most = limit.saturating_add(self.options.excluded.len());
        let mut least = u32::try_from(self.options.min_count)
            .unwrap_or(u32::MAX)
            .max(1);
        if most > 0 && most < occurrences.len() {
            // The largest so far, the least of them on top; mostly they come in order.
            let mut largest = BinaryHeap::new();
            for &count in occurrences.iter().filter(|&&count| count >= least) {
                if largest.len() < most {
                    largest.push(Reverse(count));
                } else if let Some(mut last) = largest.peek_mut()
                    && last.0 < count
                {
                    *last = Reverse(count);
                }
            }
            if largest.len() == most {
                least = largest.peek().map_or(least, |last| last.0);
            }
        }
        (0..)
            .zip(occurrences)
            .filter(|(_, count)| **count >= least)
            .map(|(tag, _)| tag)
            .collect()
    }

    /// Who used the hashtags of the rows, and how often the posts with them were seen.
    fn tally(
        &self,
        tables: &[Columns],
        chosen: Option<&Chosen>,
        numbers: &Numbers,
        authors: Option<&numbers::Authors>,
        rows: &[u32],
        counted: &mut [Counted],
    ) {
        let mut row_of = vec![0_u32; numbers.len()];
        for (row, &tag) in (1..).zip(rows) {
            row_of[tag as usize] = row;
        }
        for &(variant, identity) in &numbers.variants {
            row_of[variant as usize] = row_of[identity as usize];
        }
        for (number, table) in tables.iter().enumerate() {
            let found = side_by_side(parts(table), |part| {
                let mut found: Vec<(Vec<u32>, Vec<u64>)> = vec![Default::default(); rows.len()];
                let mask = chosen.map_or(&[][..], |chosen| chosen.of(number));
                part.each(table, mask, |post, tags| {
                    let author = authors.and_then(|authors| authors.of(number, table, post));
                    let views = table.views_of(post).filter(|_| self.extras.views);
                    for tag in tags {
                        let row = row_of[numbers.of(number, tag) as usize] as usize;
                        if let Some((authors, all)) = found.get_mut(row.wrapping_sub(1)) {
                            authors.extend(author);
                            all.extend(views);
                        }
                    }
                });
                found
            });
            for found in found {
                for (counted, (authors, views)) in counted.iter_mut().zip(found) {
                    counted.authors.extend(authors);
                    counted.views.extend(views);
                }
            }
        }
    }
}

/// How many of the chosen posts spell each hashtag so.
fn count(tables: &[Columns], chosen: &Chosen, numbers: &Numbers) -> Vec<u32> {
    let mut uses = vec![0_u32; numbers.len()];
    for (number, table) in tables.iter().enumerate() {
        let counts = side_by_side(parts(table), |part| {
            let mut counts = vec![0_u32; table.uses.len()];
            part.each(table, chosen.of(number), |_, tags| {
                for tag in tags {
                    if let Some(count) = counts.get_mut(tag as usize) {
                        *count += 1;
                    }
                }
            });
            counts
        });
        for counts in counts {
            numbers.add(number, &counts, &mut uses);
        }
    }
    uses
}

/// The rows' names, in the order of the rows.
fn named(
    tables: &[Columns],
    numbers: &Numbers,
    rows: &[u32],
    uses: &[u32],
    posts: &[u32],
) -> Option<Vec<Counted>> {
    let mut spelled: HashMap<u32, Vec<u32>> = rows.iter().map(|&tag| (tag, vec![tag])).collect();
    for &(variant, identity) in &numbers.variants {
        if let Some(list) = spelled.get_mut(&identity) {
            list.push(variant);
        }
    }
    rows.iter()
        .map(|tag| {
            let name = numbers.name(tables, *tag);
            let spelled = &spelled[tag];
            let most = spelled
                .iter()
                .map(|&spelling| uses[spelling as usize])
                .max();
            let commonest = spelled.iter().copied();
            let commonest = commonest.filter(|&spelling| Some(uses[spelling as usize]) == most);
            let commonest = commonest.map(|spelling| numbers.name(tables, spelling));
            Some(Counted {
                tag: Hashtag::new(name)?,
                spelling: commonest.min()?.to_owned(),
                posts: u64::from(posts[*tag as usize]),
                authors: Vec::new(),
                views: Vec::new(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
