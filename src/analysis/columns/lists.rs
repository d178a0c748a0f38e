//! Lists of texts: one numbering over those of several tables, and looking texts up in them.
//!
//! The first table's numbers stay; what only the others have comes behind them. So the texts of the
//! first and largest are looked through once, on all cores, and only those of the others are hashed.

use std::ops::Range;

use hashbrown::HashMap;

use super::choose::side_by_side;
use crate::model::{Column, Columns, Names, Sketch, Tables};

/// Several lists of names as one.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// Of each list but the first, its names' numbers.
    here: Vec<Vec<u32>>,
    /// Where the names stand that the first list has not: list and number there.
    others: Vec<(usize, u32)>,
    /// Names of the first list.
    first: usize,
}

/// In place of the number of a name that was not met in the first list so far, or that nobody asks for.
const NOWHERE: u32 = u32::MAX;
/// Names that are looked at before other threads help.
const FEW: u32 = if cfg!(test) { 4 } else { 1 << 15 };

fn list_of(table: Columns, list: Column) -> Names {
    match list {
        Column::Authors => table.authors,
        _ => table.spellings,
    }
}

fn length_of(table: &Columns, list: Column) -> usize {
    match list {
        Column::Authors => table.author_count,
        _ => table.spelling_count,
    }
}

impl Joined {
    /// Joins one list of all tables; of those behind the first only names that somebody asks for, by table and number,
    /// get a number. `None` where it cannot be read.
    pub(super) fn new(
        tables: &dyn Tables,
        columns: &[Columns],
        list: Column,
        is_wanted: &dyn Fn(usize, u32) -> bool,
    ) -> Option<Self> {
        let Some(first) = columns.first().map(|table| length_of(table, list)) else {
            return Some(Self::default());
        };
        let mut joined = Self {
            first,
            ..Self::default()
        };
        let read = |table| Some(list_of(tables.read(table, &[list])?, list));
        let rest: Option<Vec<Names>> = (1..columns.len()).map(read).collect();
        let rest = rest?;
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut sketch = Sketch::default();
        for (table, names) in (1..).zip(&rest) {
            for (number, name) in (0..).zip(names.each_bytes()) {
                if is_wanted(table, number) {
                    sketch.add(name);
                    numbers.insert(name, NOWHERE);
                }
            }
        }
        if !numbers.is_empty() {
            let met = side_by_side(shares(0, u32::try_from(first).ok()?), |share| {
                let mut known = Vec::new();
                let mut fits = true;
                tables.scan(0, list, share, &mut |start, lengths, texts| {
                    sketch.sift(lengths, texts, |place, name| {
                        if let Some((name, _)) = numbers.get_key_value(name) {
                            match u32::try_from(start as usize + place) {
                                Ok(number) => known.push((*name, number)),
                                Err(_) => fits = false,
                            }
                        }
                    });
                    fits
                })?;
                if !fits {
                    return None;
                }
                Some(known)
            });
            for share in met {
                for (name, number) in share? {
                    numbers.insert(name, number);
                }
            }
        }
        for (list, names) in (1..).zip(&rest) {
            let mut here = Vec::with_capacity(names.len());
            for (number, name) in (0..).zip(names.each_bytes()) {
                if !is_wanted(list, number) {
                    here.push(NOWHERE);
                    continue;
                }
                let entry = numbers.entry(name).or_insert(NOWHERE);
                if *entry == NOWHERE {
                    *entry = u32::try_from(joined.first + joined.others.len()).ok()?;
                    joined.others.push((list, number));
                }
                here.push(*entry);
            }
            joined.here.push(here);
        }
        Some(joined)
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.first + self.others.len()
    }

    /// The number of a list's name.
    #[inline]
    pub(super) fn of(&self, list: usize, number: u32) -> u32 {
        match list.checked_sub(1).and_then(|list| self.here.get(list)) {
            None => number,
            Some(here) => here.get(number as usize).copied().unwrap_or(0),
        }
    }

    /// The numbers of a list's names, where they are other ones than there.
    pub(super) fn of_list(&self, list: usize) -> Option<&[u32]> {
        let others = list.checked_sub(1)?;
        self.here.get(others).map(Vec::as_slice)
    }

    /// The list and the number in it that a name has.
    pub(super) fn place(&self, number: u32) -> Option<(usize, u32)> {
        match (number as usize).checked_sub(self.first) {
            None => Some((0, number)),
            Some(other) => self.others.get(other).copied(),
        }
    }
}

/// A share of some numbers for each core.
fn shares(from: u32, to: u32) -> Vec<Range<u32>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = (to.saturating_sub(from)).div_ceil(u32::try_from(cores).unwrap_or(1));
    let each = each.max(FEW);
    let mut shares = Vec::new();
    let mut start = from;
    while start < to {
        let end = to.min(start.saturating_add(each));
        shares.push(start..end);
        start = end;
    }
    shares
}

/// Numbers of a list's texts that are wanted, ascending; `most` is how many there can be. `None` where
/// the list cannot be read.
pub(super) fn matching(
    tables: &dyn Tables,
    table: usize,
    (list, length): (Column, usize),
    most: Option<usize>,
    is_wanted: &(dyn Fn(&[u8]) -> bool + Sync),
) -> Option<Vec<u32>> {
    let most = most.unwrap_or(usize::MAX);
    let among = |numbers: Range<u32>| {
        let mut found = Vec::new();
        tables.scan(table, list, numbers, &mut |start, lengths, texts| {
            let mut from = 0;
            for (number, &length) in (start..).zip(lengths) {
                let name = from..from + length as usize;
                from = name.end;
                if texts.get(name).is_some_and(is_wanted) {
                    found.push(number);
                }
            }
            found.len() < most
        })?;
        Some(found)
    };
    let length = u32::try_from(length).ok()?;
    // Those asked for are mostly common, and the common ones come first.
    let few = length.min(FEW);
    let mut found = among(0..few)?;
    if found.len() < most {
        for share in side_by_side(shares(few, length), among) {
            found.extend(share?);
        }
    }
    Some(found)
}
