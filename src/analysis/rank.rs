//! From counts to a ranked table. The order is total, so equal input gives equal output.

use std::collections::BTreeSet;

use super::count::Counted;
use super::interval::share;
use super::{Counter, Extras, Sample, TagsFrom, Weight, wilson};
use crate::model::Hashtag;

/// Which rows of the ranking to keep.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// At most so many rows; `None` keeps all.
    pub limit: Option<usize>,
    /// Only rows with at least so many occurrences.
    pub min_count: u64,
    /// Rows not to show; the posts stay counted.
    pub excluded: BTreeSet<Hashtag>,
    /// What occurrences are.
    pub weight: Weight,
}

/// One hashtag's line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 0; `None` for a hashtag that no counted post has.
    pub rank: Option<usize>,
    /// Its identity.
    pub hashtag: Hashtag,
    /// Its commonest spelling.
    pub spelling: String,
    /// Posts (or, with one vote per author, authors) that have it.
    pub occurrences: u64,
    /// Occurrences as a share of the table's total, 0 to 1.
    pub frequency: f64,
    /// Wilson 95 % interval of the frequency.
    pub interval: (f64, f64),
    /// Distinct authors who used it; `None` if not asked for.
    pub authors: Option<u64>,
    /// The busiest author's share of the posts with it that name an author; `None` if none does.
    pub top_author_share: Option<f64>,
    /// Views of its posts together, over those whose views are known; `None` if none is.
    pub views_sum: Option<u64>,
    /// Median views of those posts.
    pub views_median: Option<f64>,
}

impl Row {
    /// The row of a hashtag that no counted post has.
    pub fn absent(hashtag: Hashtag, spelling: String, table: &FrequencyTable) -> Self {
        Self {
            rank: None,
            hashtag,
            spelling,
            occurrences: 0,
            frequency: 0.0,
            interval: wilson(0, table.total),
            authors: table.extras.authors.then_some(0),
            top_author_share: None,
            views_sum: None,
            views_median: None,
        }
    }
}

/// A ranking of hashtags over a sample of posts.
#[derive(Clone, Debug, PartialEq)]
pub struct FrequencyTable {
    /// Count first, then hashtag by code point.
    pub rows: Vec<Row>,
    /// What the frequencies are shares of: posts, or authors.
    pub total: u64,
    /// What occurrences are.
    pub weight: Weight,
    /// Distinct hashtags before rows were left out.
    pub distinct: usize,
    /// Where hashtags were taken from.
    pub tags_from: TagsFrom,
    /// What was kept beside the counts.
    pub extras: Extras,
    /// The posts behind it.
    pub sample: Sample,
}

impl FrequencyTable {
    /// Ranks what was counted.
    pub fn new(counter: Counter, options: &TableOptions) -> Self {
        let sample = counter.sample().clone();
        let tags_from = counter.tags_from();
        let extras = counter.extras();
        let total = match options.weight {
            Weight::Posts => sample.posts,
            Weight::Authors => counter.author_count(),
        };
        // Rows that may be left out again are as many as are excluded.
        let most = match (options.weight, options.limit) {
            (Weight::Posts, Some(limit)) => limit.checked_add(options.excluded.len()),
            _ => None,
        };
        let (distinct, counted) = counter.into_counted(most);
        let counted_of = (tags_from, extras);
        Self::of_counted(counted, distinct, total, sample, counted_of, options)
    }

    /// Ranks hashtags of which there are more, but none that the table would show.
    pub(super) fn of_counted(
        counted: Vec<Counted>,
        distinct: usize,
        total: u64,
        sample: Sample,
        (tags_from, extras): (TagsFrom, Extras),
        options: &TableOptions,
    ) -> Self {
        let mut authors = Authors::default();
        let mut occurrences = |tag: &Counted| match options.weight {
            Weight::Posts => tag.posts,
            Weight::Authors => match &tag.tallied {
                Tallied::Lists { authors: list, .. } => authors.of(list).0,
                Tallied::Told(told) => told.used.authors,
            },
        };
        let mut ranked: Vec<(u64, Counted)> = counted
            .into_iter()
            .map(|tag| (occurrences(&tag), tag))
            .filter(|(count, tag)| {
                *count >= options.min_count.max(1) && !options.excluded.contains(&tag.tag)
            })
            .collect();
        let limit = options.limit.unwrap_or(usize::MAX);
        let before = |a: &(u64, Counted), b: &(u64, Counted)| {
            b.0.cmp(&a.0).then_with(|| a.1.tag.cmp(&b.1.tag))
        };
        if limit < ranked.len() {
            ranked.select_nth_unstable_by(limit, before);
            ranked.truncate(limit);
        }
        ranked.sort_unstable_by(before);
        let rows = ranked
            .into_iter()
            .enumerate()
            .map(|(rank, (count, tag))| row(rank, count, tag, &mut authors, total, extras))
            .collect();
        Self {
            rows,
            total,
            weight: options.weight,
            distinct,
            tags_from,
            extras,
            sample,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of posts are far below 2^53"
)]
fn row(
    rank: usize,
    occurrences: u64,
    tag: Counted,
    authors: &mut Authors,
    total: u64,
    extras: Extras,
) -> Row {
    let Counted {
        tag: hashtag,
        spelling,
        tallied,
        ..
    } = tag;
    let told = match tallied {
        Tallied::Told(told) => told,
        Tallied::Lists {
            authors: list,
            mut views,
        } => Told::of(&list, &mut views, authors),
    };
    Row {
        rank: Some(rank),
        hashtag,
        spelling,
        occurrences,
        frequency: share(occurrences, total),
        interval: wilson(occurrences, total),
        authors: extras.authors.then_some(told.used.authors),
        top_author_share: (told.used.authored > 0)
            .then(|| f64::from(told.used.busiest) / told.used.authored as f64),
        views_sum: told.views.sum,
        views_median: told.views.median,
    }
}

/// Who used a hashtag, and how often the posts with it were seen.
#[derive(Debug)]
pub(super) enum Tallied {
    /// As it was met.
    Lists {
        /// An author for each post that has one.
        authors: Vec<u32>,
        /// The views of each post of which they are known.
        views: Vec<u64>,
    },
    /// Counted.
    Told(Told),
}

impl Default for Tallied {
    fn default() -> Self {
        Self::Lists {
            authors: Vec::new(),
            views: Vec::new(),
        }
    }
}

/// What a row tells of these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) used: Use,
    pub(super) views: Views,
}

/// Who used a hashtag.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Use {
    /// Distinct authors.
    pub(super) authors: u64,
    /// Posts of the busiest of them.
    pub(super) busiest: u32,
    /// Posts that have an author.
    pub(super) authored: u64,
}

/// How often the posts with a hashtag were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Views {
    sum: Option<u64>,
    median: Option<f64>,
}

impl Told {
    /// Counts lists, as [`Tallied::Lists`] has them.
    fn of(list: &[u32], views: &mut [u64], authors: &mut Authors) -> Self {
        let (distinct, busiest) = authors.of(list);
        Self {
            used: Use {
                authors: distinct,
                busiest,
                authored: list.len() as u64,
            },
            views: Views::of(views),
        }
    }
}

impl Views {
    /// Of posts that were seen so often each.
    pub(super) fn of(views: &mut [u64]) -> Self {
        // Views may be anything that a file claims: add up without overflow.
        let sum = |views: &[u64]| {
            let views = views.iter();
            views.fold(0_u64, |sum, &view| sum.saturating_add(view))
        };
        Self {
            sum: (!views.is_empty()).then(|| sum(views)),
            median: median(views),
        }
    }
}

/// Counts how often each author stands in a list.
#[derive(Default)]
struct Authors {
    /// By the author's number; all zero between two lists.
    posts: Vec<u32>,
}

impl Authors {
    /// How many authors a list has, and how often the busiest of them stands in it.
    fn of(&mut self, list: &[u32]) -> (u64, u32) {
        let (mut distinct, mut busiest) = (0, 0);
        for &author in list {
            let author = author as usize;
            if author >= self.posts.len() {
                self.posts.resize(author + 1, 0);
            }
            let posts = &mut self.posts[author];
            *posts += 1;
            distinct += u64::from(*posts == 1);
            busiest = busiest.max(*posts);
        }
        for &author in list {
            self.posts[author as usize] = 0;
        }
        (distinct, busiest)
    }
}

/// The middle of a list in its order, of an even number the mean of the two in the middle.
#[expect(clippy::cast_precision_loss, reason = "views are far below 2^53")]
fn median(list: &mut [u64]) -> Option<f64> {
    if list.is_empty() {
        return None;
    }
    let is_odd = list.len() % 2 == 1;
    let (below, &mut middle, _) = list.select_nth_unstable(list.len() / 2);
    match below.iter().max() {
        Some(&before) if !is_odd => Some(f64::midpoint(before as f64, middle as f64)),
        _ => Some(middle as f64),
    }
}

#[cfg(test)]
mod tests;
