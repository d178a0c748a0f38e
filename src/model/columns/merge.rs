//! Several tables of posts as one, column by column, so that never all of them are in memory.

use std::cmp::Reverse;

use super::dictionary::{Dictionary, hash};
use super::packed::Packer;
use super::{Class, Column, Columns, Names, Packed};

/// Reads columns of the table of a number, from 0; `None` where that fails.
type Read<'r> = dyn FnMut(usize, &[Column]) -> Option<Columns> + 'r;

/// Takes a column of the joint table, which is all that is filled in; `None` where that fails.
type Write<'w> = dyn FnMut(Column, Columns) -> Option<()> + 'w;

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
    epoch: i64,
    classes: Vec<u64>,
    /// By their numbers from 1.
    regions: Vec<u64>,
    languages: Vec<u64>,
}

impl Merge<'_> {
    /// Joins what stands beside the columns.
    fn heads(&mut self, tables: usize) -> Option<()> {
        let mut regions = Dictionary::default();
        let mut languages = Dictionary::default();
        for number in 0..tables {
            let table = (self.read)(number, &[])?;
            self.head.posts = self.head.posts.checked_add(table.posts)?;
            self.head.span = match (self.head.span, table.span) {
                (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
                (one, other) => one.or(other),
            };
            let classes = table.classes.iter().map(|class| self.class(*class));
            let classes = classes.collect();
            self.parts.push(Part {
                posts: table.posts,
                epoch: table.epoch,
                classes,
                regions: numbers(&table.regions, &mut regions),
                languages: numbers(&table.languages, &mut languages),
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
            let table = (self.read)(number, &[Column::Totals, Column::Spellings])?;
            if table.uses.len() != table.spellings.len() {
                return None;
            }
            let mut new = Vec::with_capacity(table.uses.len());
            for (text, posts) in table.spellings.iter().zip(&table.uses) {
                let (tag, _) = texts.number(text)?;
                uses.resize(texts.len(), 0);
                uses[tag as usize] = uses[tag as usize].checked_add(*posts)?;
                new.push(tag);
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
        let totals = Columns {
            uses: by_use.iter().map(|&tag| uses[tag as usize]).collect(),
            variants,
            ..Columns::default()
        };
        (self.write)(Column::Totals, totals)?;
        let spellings = Columns {
            spellings: Names::new(by_use.iter().map(|&tag| texts.get(tag)))?,
            ..Columns::default()
        };
        (self.write)(Column::Spellings, spellings)?;
        Some((spelled, in_use.saturating_sub(1)))
    }

    fn tags(&mut self, spelled: &[Vec<u32>], largest: u64) -> Option<()> {
        let mut counts = Vec::with_capacity(self.head.posts);
        let mut tags = Packer::new(largest, 0);
        for (number, new) in spelled.iter().enumerate() {
            let table = (self.read)(number, &[Column::Tags])?;
            counts.extend(table.tag_counts.range(0..table.posts));
            for tag in table.tags.range(0..table.tags.len()) {
                let tag = new.get(usize::try_from(tag).ok()?)?;
                tags.push(u64::from(*tag));
            }
        }
        let joint = Columns {
            tag_counts: Packed::new(&counts),
            tags: tags.finish(),
            ..Columns::default()
        };
        (self.write)(Column::Tags, joint)
    }

    fn authors(&mut self) -> Option<()> {
        let mut names = Dictionary::default();
        let mut packed = Vec::with_capacity(self.head.posts);
        for number in 0..self.parts.len() {
            let table = (self.read)(number, &[Column::Author, Column::Authors])?;
            let mut new = Vec::with_capacity(table.authors.len());
            for name in table.authors.iter() {
                new.push(u64::from(names.number(name)?.0) + 1);
            }
            for post in 0..table.posts {
                let author = match table.author_of(post) {
                    Some(author) => *new.get(author as usize)?,
                    None => 0,
                };
                packed.push((packed.len() as u64 + 1).checked_sub(author)?);
            }
        }
        let authors = names.names()?;
        let joint = Columns {
            author: Packed::new(&packed),
            ..Columns::default()
        };
        drop(packed);
        (self.write)(Column::Author, joint)?;
        let joint = Columns {
            authors,
            ..Columns::default()
        };
        (self.write)(Column::Authors, joint)
    }

    fn created(&mut self) -> Option<()> {
        let mut seconds = Vec::with_capacity(self.head.posts);
        let mut nanoseconds = Vec::with_capacity(self.head.posts);
        for number in 0..self.parts.len() {
            let table = (self.read)(number, &[Column::Created])?;
            // A table of undated posts counts from nowhere.
            let later = self.parts.get(number)?.epoch.checked_sub(self.head.epoch);
            for since in table.created.range(0..table.posts) {
                seconds.push(match since {
                    0 => 0,
                    since => since.checked_add_signed(later?)?,
                });
            }
            nanoseconds.extend(table.nanosecond.range(0..table.posts));
        }
        let joint = Columns {
            created: Packed::new(&seconds),
            nanosecond: Packed::new(&nanoseconds),
            ..Columns::default()
        };
        (self.write)(Column::Created, joint)
    }

    /// The columns of numbers that are names', and of those that stay as they are.
    fn named(&mut self) -> Option<()> {
        let class = self.each(Column::Class, |part, table, post| {
            part.classes.get(at(table.class.get(post))).copied()
        })?;
        let columns = Columns {
            class,
            ..Columns::default()
        };
        (self.write)(Column::Class, columns)?;
        let region = self.each(Column::Region, |part, table, post| {
            part.regions.get(at(table.region.get(post))).copied()
        })?;
        let columns = Columns {
            region,
            ..Columns::default()
        };
        (self.write)(Column::Region, columns)?;
        let language = self.each(Column::Language, |part, table, post| {
            part.languages.get(at(table.language.get(post))).copied()
        })?;
        let columns = Columns {
            language,
            ..Columns::default()
        };
        (self.write)(Column::Language, columns)?;
        let views = self.each(Column::Views, |_, table, post| Some(table.views.get(post)))?;
        let columns = Columns {
            views,
            ..Columns::default()
        };
        (self.write)(Column::Views, columns)
    }

    fn each(
        &mut self,
        column: Column,
        number_of: impl Fn(&Part, &Columns, usize) -> Option<u64>,
    ) -> Option<Packed> {
        let mut numbers = Vec::with_capacity(self.head.posts);
        for (number, part) in self.parts.iter().enumerate() {
            let table = (self.read)(number, &[column])?;
            for post in 0..part.posts {
                numbers.push(number_of(part, &table, post)?);
            }
        }
        Some(Packed::new(&numbers))
    }
}

/// The numbers of texts in a joint list, from 1, behind the 0 of no text.
fn numbers(texts: &[String], joint: &mut Dictionary) -> Vec<u64> {
    let numbers = texts
        .iter()
        .map(|text| joint.optional(Some((text, hash(text.as_bytes())))));
    std::iter::once(0).chain(numbers.map(u64::from)).collect()
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
