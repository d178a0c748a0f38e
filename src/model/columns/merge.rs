//! Several tables of posts as one, column by column, so that never all of them are in memory.

use std::cmp::Reverse;

use super::dictionary::{Dictionary, hash};
use super::packed::Packer;
use super::{Class, Column, Columns, Leading, Names, Packed};

/// Reads columns of the table of a number, from 0; `None` where that fails.
type Read<'r> = dyn FnMut(usize, &[Column]) -> Option<Columns> + 'r;

/// Takes a column of the joint table; `None` where that fails. A column of numbers comes in pieces,
/// each but the last of a multiple of eight numbers, and all of the same width.
type Write<'w> = dyn FnMut(Column, &Columns) -> Option<()> + 'w;

/// Numbers that are packed before they are written. In tests so few that columns have several pieces.
const PIECE: usize = if cfg!(test) { 16 } else { 1 << 20 };

/// Joins so many tables, the posts of each behind those of the one before; gives what stands beside
/// the columns, after these were written one by one.
///
/// No post may stand in two of them. `None` where reading or writing failed, where a table does not
/// fit itself, or where numbers are too large to be joined.
pub fn merge(tables: usize, read: &mut Read<'_>, write: &mut Write<'_>) -> Option<Columns> {
    let mut merge = Merge {
        head: Columns::default(),
        parts: Vec::new(),
        read,
        write,
    };
    merge.heads(tables)?;
    let (spelled, largest) = merge.spellings()?;
    merge.tags(&spelled, largest)?;
    drop(spelled);
    merge.authors()?;
    merge.created()?;
    merge.named()?;
    Some(merge.head)
}

struct Merge<'f> {
    head: Columns,
    parts: Vec<Part>,
    read: &'f mut Read<'f>,
    write: &'f mut Write<'f>,
}

/// What of a table has other numbers in the joint one.
struct Part {
    posts: usize,
    /// Posts of the tables before.
    before: usize,
    epoch: i64,
    classes: Vec<u64>,
    /// By their numbers from 1.
    regions: Vec<u64>,
    languages: Vec<u64>,
    /// By their numbers from 0.
    authors: Vec<u32>,
}

impl Merge<'_> {
    /// Joins what stands beside the columns.
    fn heads(&mut self, tables: usize) -> Option<()> {
        let mut regions = Dictionary::default();
        let mut languages = Dictionary::default();
        for number in 0..tables {
            let table = (self.read)(number, &[])?;
            let before = self.head.posts;
            self.head.posts = self.head.posts.checked_add(table.posts)?;
            self.head.span = match (self.head.span, table.span) {
                (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
                (one, other) => one.or(other),
            };
            let classes = table.classes.iter().map(|class| self.class(*class));
            let classes = classes.collect();
            self.parts.push(Part {
                posts: table.posts,
                before,
                epoch: table.epoch,
                classes,
                regions: numbers(&table.regions, &mut regions),
                languages: numbers(&table.languages, &mut languages),
                authors: Vec::new(),
            });
        }
        let texts = |names: Names| names.iter().map(str::to_owned).collect();
        self.head.regions = texts(regions.names()?);
        self.head.languages = texts(languages.names()?);
        self.head.epoch = self.head.span.map_or(0, |((first, _), _)| first);
        Some(())
    }

    /// A class's number in the joint table.
    fn class(&mut self, (class, posts): (Class, u64)) -> u64 {
        let classes = &mut self.head.classes;
        let at = classes.iter().position(|(other, _)| *other == class);
        let at = at.unwrap_or_else(|| {
            classes.push((class, 0));
            classes.len() - 1
        });
        classes[at].1 += posts;
        at as u64
    }

    /// Joins the spellings; gives for each table the new numbers of its own, and the largest in use.
    fn spellings(&mut self) -> Option<(Vec<Vec<u32>>, u64)> {
        let mut texts = Dictionary::default();
        let mut uses: Vec<u32> = Vec::new();
        let mut variants = Vec::new();
        let mut spelled = Vec::new();
        for number in 0..self.parts.len() {
            let table = (self.read)(number, &[Column::Uses, Column::Variants, Column::Spellings])?;
            if table.uses.len() != table.spellings.len() {
                return None;
            }
            let new = texts.numbers(table.spellings.each_bytes())?;
            uses.resize(texts.len(), 0);
            for (&tag, posts) in new.iter().zip(&table.uses) {
                uses[tag as usize] = uses[tag as usize].checked_add(*posts)?;
            }
            for (variant, identity) in table.variants {
                let renumbered = |tag: u32| new.get(tag as usize).copied();
                variants.push((renumbered(variant)?, renumbered(identity)?));
            }
            spelled.push(new);
        }
        let texts = texts.names()?;
        let mut by_use: Vec<u32> = (0..u32::try_from(uses.len()).ok()?).collect();
        by_use.sort_by_key(|&tag| Reverse(uses[tag as usize]));
        let mut here = vec![0; uses.len()];
        for (place, &tag) in (0..).zip(&by_use) {
            here[tag as usize] = place;
        }
        for tag in spelled.iter_mut().flatten() {
            *tag = here[*tag as usize];
        }
        for (variant, identity) in &mut variants {
            *variant = here[*variant as usize];
            *identity = here[*identity as usize];
        }
        variants.sort_unstable();
        variants.dedup();
        let in_use = uses.iter().filter(|posts| **posts > 0).count() as u64;
        let uses: Vec<u32> = by_use.iter().map(|&tag| uses[tag as usize]).collect();
        let names = texts.chosen(&by_use)?;
        drop(texts);
        let totals = Columns {
            spelling_count: names.len(),
            leading: Leading::of(&uses, &variants, &names),
            uses,
            variants,
            spellings: names,
            ..Columns::default()
        };
        self.head.spelling_count = totals.spelling_count;
        for column in [Column::Leading, Column::Uses, Column::Variants] {
            (self.write)(column, &totals)?;
        }
        (self.write)(Column::Spellings, &totals)?;
        Some((spelled, in_use.saturating_sub(1)))
    }

    fn tags(&mut self, spelled: &[Vec<u32>], largest: u64) -> Option<()> {
        self.each(Column::TagCounts, &[Column::TagCounts], |_, table, post| {
            Some(table.tag_counts.get(post))
        })?;
        let mut pieces = Pieces::new(Column::Tags, largest);
        for (number, new) in spelled.iter().enumerate() {
            let table = (self.read)(number, &[Column::Tags])?;
            for tag in table.tags.range(0..table.tags.len()) {
                let tag = new.get(usize::try_from(tag).ok()?)?;
                pieces.push(u64::from(*tag), self.write)?;
            }
        }
        pieces.finish(self.write)
    }

    fn authors(&mut self) -> Option<()> {
        let mut names = Dictionary::default();
        for number in 0..self.parts.len() {
            let table = (self.read)(number, &[Column::Authors])?;
            self.parts[number].authors = names.numbers(table.authors.each_bytes())?;
        }
        let authors = Columns {
            authors: names.names()?,
            ..Columns::default()
        };
        self.head.author_count = authors.authors.len();
        (self.write)(Column::Authors, &authors)?;
        drop(authors);
        self.each(Column::Author, &[Column::Author], |part, table, post| {
            let author = match table.author_of(post) {
                Some(author) => u64::from(*part.authors.get(author as usize)?) + 1,
                None => 0,
            };
            ((part.before + post) as u64 + 1).checked_sub(author)
        })
    }

    fn created(&mut self) -> Option<()> {
        let epoch = self.head.epoch;
        self.each(Column::Created, &[Column::Created], |part, table, post| {
            // A table of undated posts counts from nowhere.
            match table.created.get(post) {
                0 => Some(0),
                since => since.checked_add_signed(part.epoch.checked_sub(epoch)?),
            }
        })?;
        self.each(
            Column::Nanosecond,
            &[Column::Nanosecond],
            |_, table, post| Some(table.nanosecond.get(post)),
        )
    }

    /// The columns of numbers that are names', and of those that stay as they are.
    fn named(&mut self) -> Option<()> {
        self.each(Column::Class, &[Column::Class], |part, table, post| {
            part.classes.get(at(table.class.get(post))).copied()
        })?;
        self.each(Column::Region, &[Column::Region], |part, table, post| {
            part.regions.get(at(table.region.get(post))).copied()
        })?;
        self.each(
            Column::Language,
            &[Column::Language],
            |part, table, post| part.languages.get(at(table.language.get(post))).copied(),
        )?;
        self.each(Column::Views, &[Column::Views], |_, table, post| {
            Some(table.views.get(post))
        })
    }

    /// A number of each post; asked for twice, since the largest is to be known before they are
    /// packed and all of them may be too many to be kept.
    fn each(
        &mut self,
        column: Column,
        needed: &[Column],
        number_of: impl Fn(&Part, &Columns, usize) -> Option<u64>,
    ) -> Option<()> {
        let mut largest = 0;
        for (number, part) in self.parts.iter().enumerate() {
            let table = (self.read)(number, needed)?;
            for post in 0..part.posts {
                largest = largest.max(number_of(part, &table, post)?);
            }
        }
        let mut pieces = Pieces::new(column, largest);
        for (number, part) in self.parts.iter().enumerate() {
            let table = (self.read)(number, needed)?;
            for post in 0..part.posts {
                pieces.push(number_of(part, &table, post)?, self.write)?;
            }
        }
        pieces.finish(self.write)
    }
}

/// A column that is packed and written piece by piece.
struct Pieces {
    column: Column,
    largest: u64,
    packer: Packer,
}

impl Pieces {
    fn new(column: Column, largest: u64) -> Self {
        Self {
            column,
            largest,
            packer: Packer::new(largest, PIECE),
        }
    }

    fn push(&mut self, number: u64, write: &mut Write<'_>) -> Option<()> {
        self.packer.push(number);
        if self.packer.len() < PIECE {
            return Some(());
        }
        let next = Packer::new(self.largest, PIECE);
        let full = std::mem::replace(&mut self.packer, next);
        write(self.column, &of_packed(self.column, full.finish()))
    }

    fn finish(self, write: &mut Write<'_>) -> Option<()> {
        write(self.column, &of_packed(self.column, self.packer.finish()))
    }
}

/// A table of nothing but a column of numbers.
fn of_packed(column: Column, packed: Packed) -> Columns {
    let mut table = Columns::default();
    let place = match column {
        Column::Class => &mut table.class,
        Column::Created => &mut table.created,
        Column::Nanosecond => &mut table.nanosecond,
        Column::Region => &mut table.region,
        Column::Language => &mut table.language,
        Column::Author => &mut table.author,
        Column::Views => &mut table.views,
        Column::TagCounts => &mut table.tag_counts,
        Column::Tags => &mut table.tags,
        // These hold more than numbers.
        Column::Leading | Column::Uses | Column::Variants | Column::Authors | Column::Spellings => {
            return table;
        }
    };
    *place = packed;
    table
}

/// The numbers of texts in a joint list, from 1, behind the 0 of no text.
fn numbers(texts: &[String], joint: &mut Dictionary) -> Vec<u64> {
    let numbers = texts
        .iter()
        .map(|text| joint.optional(Some((text.as_bytes(), hash(text.as_bytes())))));
    std::iter::once(0).chain(numbers.map(u64::from)).collect()
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
