//! The ranking of all posts, told by the commonest hashtags of each table without the others.
//!
//! A hashtag that is not among a table's commonest has fewer posts there than any of these. So it is
//! mostly clear which hashtags are the first of all tables; what is not is looked up in small tables.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};

use super::{Asked, Counted};
use crate::analysis::rank::Tallied;
use crate::analysis::{Extras, FrequencyTable, Weight};
use crate::model::{Column, Columns, Hashtag, Lead, Tables};

/// Tables with more spellings are not looked through.
const LARGE: usize = if cfg!(test) { 16 } else { 1 << 17 };

impl Asked<'_> {
    /// The ranking of all posts, if the tables' commonest hashtags tell it.
    pub(super) fn leading(&self, tables: &dyn Tables) -> Option<FrequencyTable> {
        let is_plain = !self.chooses()
            && self.extras == Extras::default()
            && self.options.weight == Weight::Posts;
        if !is_plain || tables.count() > u64::BITS as usize {
            return None;
        }
        let distinct = usize::try_from(tables.distinct()?).ok()?;
        let read = |table| tables.read(table, &[Column::Leading]);
        let columns: Option<Vec<Columns>> = (0..tables.count()).map(read).collect();
        let columns = columns?;
        let mut sums = Sums::of(&columns);
        let rows = sums.rows(self.most(), self.options.min_count.max(1))?;
        for table in 0..tables.count() {
            let unclear: Vec<&str> = rows
                .iter()
                .filter(|tag| !sums.is_clear(tag, table))
                .map(String::as_str)
                .collect();
            if !unclear.is_empty() {
                let spelling_count = columns.get(table)?.spelling_count;
                let found = looked_up(tables, table, spelling_count, &unclear)?;
                for tag in unclear {
                    sums.clear(tag, table);
                }
                for lead in &found {
                    sums.add(lead, table);
                }
            }
        }
        let counted = rows.iter().map(|tag| {
            let sum = sums.tags.get(tag)?;
            Some(Counted {
                tag: Hashtag::new(tag)?,
                spelling: sum.commonest()?,
                posts: sum.posts,
                tallied: Tallied::default(),
            })
        });
        let counted = counted.collect::<Option<_>>()?;
        let sample = self.sample(&columns, None)?;
        let total = sample.posts;
        let counted_of = (self.from, self.extras);
        let table =
            FrequencyTable::of_counted(counted, distinct, total, sample, counted_of, self.options);
        Some(table)
    }
}

/// The commonest hashtags of several tables, added up.
struct Sums {
    tags: HashMap<String, Sum>,
    /// How many posts a hashtag can have in each table that does not name it.
    unnamed: Vec<u64>,
}

/// What is known of a hashtag.
#[derive(Default)]
struct Sum {
    /// Posts in the tables that name it.
    posts: u64,
    /// Which these are, as bits.
    named: u64,
    /// Tables where it has no posts beside those.
    clear: u64,
    /// Its commonest spelling, as one of these tables tells.
    spelling: String,
    /// Spellings, and how many posts have each as far as that is told.
    spellings: Vec<(String, u64)>,
    /// How many more posts any spelling can have.
    untold: u64,
}

impl Sum {
    /// The commonest spelling, of equally common ones the first by code point; `None` where that is
    /// not clear.
    fn commonest(&self) -> Option<String> {
        if self.named.is_power_of_two() {
            return Some(self.spelling.clone());
        }
        let order = |one: &&(String, u64), other: &&(String, u64)| {
            other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0))
        };
        let first = self.spellings.iter().min_by(order)?;
        let others = self.spellings.iter().filter(|other| *other != first);
        let most = others.map(|(_, posts)| *posts).max().unwrap_or(0);
        let is_clear = self.untold == 0 || most + self.untold < first.1;
        is_clear.then(|| first.0.clone())
    }
}

impl Sums {
    fn of(columns: &[Columns]) -> Self {
        let unnamed = columns.iter().map(|table| table.leading.least);
        let mut sums = Self {
            tags: HashMap::new(),
            unnamed: unnamed
                .map(|least| u64::from(least).saturating_sub(1))
                .collect(),
        };
        for (number, table) in columns.iter().enumerate() {
            for lead in &table.leading.tags {
                sums.add(lead, number);
            }
        }
        sums
    }

    fn add(&mut self, lead: &Lead, table: usize) {
        let sum = self.tags.entry_ref(lead.tag.as_str()).or_default();
        sum.posts += u64::from(lead.posts);
        sum.named |= 1 << table;
        sum.clear |= 1 << table;
        sum.spelling.clone_from(&lead.spelling);
        let told: u64 = lead.spellings.iter().map(|one| u64::from(one.1)).sum();
        if told < u64::from(lead.posts)
            && let Some((_, last)) = lead.spellings.last()
        {
            // Those that are not told are rarer.
            sum.untold += u64::from(*last);
        }
        let only = [(lead.spelling.clone(), lead.posts)];
        let spellings = if lead.spellings.is_empty() {
            &only[..]
        } else {
            &lead.spellings
        };
        for (spelling, posts) in spellings {
            let mut known = sum.spellings.iter_mut();
            match known.find(|(other, _)| other == spelling) {
                Some((_, all)) => *all += u64::from(*posts),
                None => sum.spellings.push((spelling.clone(), u64::from(*posts))),
            }
        }
    }

    /// Most posts that a hashtag can have, of which so much is known.
    fn most(&self, sum: &Sum) -> u64 {
        let unnamed = self.unnamed.iter().enumerate();
        let unnamed = unnamed.filter(|(table, _)| sum.clear >> table & 1 == 0);
        sum.posts + unnamed.map(|(_, posts)| posts).sum::<u64>()
    }

    /// All hashtags that can be among the first so many, with at least so many posts; `None` where one can
    /// be that no table names.
    fn rows(&self, most: usize, mut least: u64) -> Option<Vec<String>> {
        if most == 0 {
            return Some(Vec::new());
        }
        let mut posts: Vec<u64> = self.tags.values().map(|sum| sum.posts).collect();
        if most <= posts.len() {
            let (_, last, _) = posts.select_nth_unstable_by_key(most - 1, |&posts| Reverse(posts));
            least = least.max(*last);
        }
        if self.most(&Sum::default()) >= least {
            return None;
        }
        let rows = self.tags.iter();
        let rows = rows.filter(|(_, sum)| self.most(sum) >= least);
        Some(rows.map(|(tag, _)| tag.clone()).collect())
    }

    /// Whether all is known of a hashtag in a table.
    fn is_clear(&self, tag: &str, table: usize) -> bool {
        let sum = self.tags.get(tag);
        sum.is_some_and(|sum| sum.clear >> table & 1 == 1) || self.unnamed.get(table) == Some(&0)
    }

    /// A hashtag has no more posts in a table than are added.
    fn clear(&mut self, tag: &str, table: usize) {
        if let Some(sum) = self.tags.get_mut(tag) {
            sum.clear |= 1 << table;
        }
    }
}

/// What a table tells of some hashtags; `None` where it is large or cannot be read.
fn looked_up(
    tables: &dyn Tables,
    table: usize,
    spellings: usize,
    tags: &[&str],
) -> Option<Vec<Lead>> {
    if spellings > LARGE {
        return None;
    }
    let columns = [Column::Uses, Column::Variants, Column::Spellings];
    let table = tables.read(table, &columns)?;
    let wanted: HashSet<&[u8]> = tags.iter().map(|tag| tag.as_bytes()).collect();
    let mut leads: HashMap<u32, Lead> = HashMap::new();
    for (number, name) in (0..).zip(table.spellings.each_bytes()) {
        if wanted.contains(name) {
            let lead = Lead {
                tag: table.spellings.get(number).to_owned(),
                spelling: String::new(),
                posts: 0,
                spellings: Vec::new(),
            };
            leads.insert(number, lead);
        }
    }
    let own = leads.keys().map(|&tag| (tag, tag)).collect::<Vec<_>>();
    for (spelling, tag) in own.into_iter().chain(table.variants.iter().copied()) {
        if let Some(lead) = leads.get_mut(&tag) {
            let posts = *table.uses.get(spelling as usize)?;
            if posts > 0 {
                let spelling = table.spellings.get(spelling).to_owned();
                lead.posts = lead.posts.checked_add(posts)?;
                lead.spellings.push((spelling, posts));
            }
        }
    }
    let mut leads: Vec<Lead> = leads.into_values().collect();
    leads.retain(|lead| lead.posts > 0);
    for lead in &mut leads {
        let commonest = lead.spellings.iter();
        let commonest = commonest.min_by_key(|(spelling, posts)| (Reverse(*posts), spelling));
        lead.spelling.clone_from(&commonest?.0);
    }
    Some(leads)
}
