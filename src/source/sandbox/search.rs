//! Searches under way: the cached result behind a `search_id`, and the cursors given out for it.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::faults::{Fault, Plan};
use super::noise::noise;
use super::rules::{Asked, Refusal};

/// Searches remembered; the oldest are forgotten first.
const REMEMBERED: usize = 4_000;

/// How often a fresh id is refused by [`Fault::FreshSearch`].
const FRESH_REFUSALS: u32 = 2;

/// All searches under way.
#[derive(Debug, Default)]
pub(super) struct Searches {
    by_number: HashMap<u64, Search>,
    order: VecDeque<u64>,
    by_id: HashMap<String, u64>,
    begun: u64,
    /// Searches with more than one page, for the faults that hit only those.
    long: u64,
    ids: u64,
    /// Pages given of searches that were then told to be lost.
    pub(super) wasted: u64,
}

#[derive(Debug)]
struct Search {
    /// Query and days: a search is good for them only.
    same: Value,
    max_count: u64,
    slots: Slots,
    /// The cursors given out, each with the id that went with it.
    issued: Vec<(u64, String)>,
    ids: Vec<String>,
    /// How often the next page is still refused.
    fresh: u32,
    number: u64,
    lost: bool,
    /// Somebody was told that it is lost.
    told: bool,
    /// Pages that the matches alone would need.
    plain_pages: u64,
}

/// Positions of a result: the post there, or none, which makes a page shorter.
pub(super) type Slots = Vec<Option<u64>>;

/// A page of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Ids of the posts.
    pub(super) rows: Vec<u64>,
    /// Where the next page begins.
    pub(super) cursor: u64,
    /// The id to send for it.
    pub(super) search_id: String,
    /// Whether there is one.
    pub(super) has_more: bool,
    /// It is only needed since the faults of rows take up room.
    pub(super) is_extra: bool,
}

impl Searches {
    /// Begins a search over these positions and gives its first page.
    pub(super) fn begin(
        &mut self,
        asked: &Asked,
        slots: Slots,
        matches: usize,
        plan: &Plan,
    ) -> Page {
        self.begun += 1;
        let number = self.begun;
        let id = self.new_id(number, plan);
        let several = slots.len() as u64 > asked.max_count;
        self.long += u64::from(several);
        let search = Search {
            same: asked.same.clone(),
            max_count: asked.max_count,
            slots,
            issued: vec![(0, id.clone())],
            ids: vec![id],
            fresh: if plan.has(Fault::FreshSearch) {
                FRESH_REFUSALS
            } else {
                0
            },
            number: self.long,
            lost: several && plan.has(Fault::LostSearch) && self.long % 3 == 1,
            told: false,
            plain_pages: (matches as u64).div_ceil(asked.max_count).max(1),
        };
        self.by_number.insert(number, search);
        self.order.push_back(number);
        if self.order.len() > REMEMBERED
            && let Some(forgotten) = self.order.pop_front()
            && let Some(search) = self.by_number.remove(&forgotten)
        {
            for id in &search.ids {
                self.by_id.remove(id);
            }
        }
        self.page(number, 0, plan)
    }

    /// Goes on with a search.
    ///
    /// # Errors
    /// The search is unknown or of another query; the cursor is none that was given out.
    pub(super) fn go_on(&mut self, asked: &Asked, id: &str, plan: &Plan) -> Result<Page, Refusal> {
        let unknown = || Refusal::search_id(id);
        let number = *self.by_id.get(id).ok_or_else(unknown)?;
        let search = self.by_number.get_mut(&number).ok_or_else(unknown)?;
        if search.same != asked.same {
            return Err(unknown());
        }
        if search.max_count != asked.max_count {
            return Err(Refusal::cursor());
        }
        let issued = search
            .issued
            .iter()
            .find(|(cursor, _)| *cursor == asked.cursor);
        let (_, newest) = issued.ok_or_else(Refusal::cursor)?;
        if newest != id {
            return Err(unknown());
        }
        if search.lost && asked.cursor > 0 {
            // Its first page has to be asked for again, in another search.
            self.wasted += u64::from(!search.told);
            search.told = true;
            return Err(unknown().by(Fault::LostSearch));
        }
        if search.fresh > 0 && asked.cursor > 0 {
            search.fresh -= 1;
            // The API gives one or the other message for the same thing.
            let refusal = if search.number.is_multiple_of(2) {
                Refusal::cursor()
            } else {
                unknown()
            };
            return Err(refusal.by(Fault::FreshSearch));
        }
        Ok(self.page(number, asked.cursor, plan))
    }

    /// An id for something that is not paged.
    pub(super) fn loose_id(&mut self, plan: &Plan) -> String {
        self.ids += 1;
        id_text(self.ids, plan)
    }

    fn new_id(&mut self, number: u64, plan: &Plan) -> String {
        let id = self.loose_id(plan);
        self.by_id.insert(id.clone(), number);
        id
    }

    fn page(&mut self, number: u64, cursor: u64, plan: &Plan) -> Page {
        let (next, length, known) = match self.by_number.get(&number) {
            Some(search) => {
                let length = search.slots.len() as u64;
                let next = (cursor + search.max_count).min(length);
                let issued = search.issued.iter().find(|(given, _)| *given == next);
                // A page asked for again is the page given before, its id included: its answer
                // may have been lost.
                let known = issued.map(|(_, id)| id.clone());
                let first = || search.ids.first().cloned();
                let lasting = !plan.has(Fault::RenamedSearch);
                (next, length, known.or_else(|| first().filter(|_| lasting)))
            }
            None => (cursor, cursor, None),
        };
        let search_id = known.unwrap_or_else(|| self.new_id(number, plan));
        let mut rows = Vec::new();
        let mut is_extra = false;
        if let Some(search) = self.by_number.get_mut(&number) {
            is_extra = cursor / search.max_count >= search.plain_pages;
            let slots = search.slots.get(as_index(cursor)..as_index(next));
            rows.extend(slots.into_iter().flatten().copied().flatten());
            if !search.ids.contains(&search_id) {
                search.ids.push(search_id.clone());
            }
            if !search.issued.iter().any(|(given, _)| *given == next) {
                search.issued.push((next, search_id.clone()));
            }
        }
        Page {
            rows,
            cursor: next,
            search_id,
            has_more: next < length,
            is_extra,
        }
    }
}

/// Lays matching posts, newest first, out on the positions of a result, with the faults of rows.
///
/// `strangers` are posts that the query does not find, newest first too. Every match stands somewhere.
pub(super) fn lay_out(matches: &[u64], strangers: &[u64], max_count: u64, plan: &Plan) -> Slots {
    let page = as_index(max_count);
    let mut posts = matches.to_vec();
    if plan.has(Fault::OffQuery) {
        // One stranger for twelve rows, and at least one.
        let wanted = (matches.len() / 12).max(1);
        let step = (strangers.len() / wanted).max(1);
        posts.extend(strangers.iter().step_by(step).take(wanted));
        posts.sort_unstable_by(|a, b| b.cmp(a));
    }
    let mut slots = Slots::new();
    let mut last: Option<u64> = None;
    for post in posts {
        let at = slots.len() % page;
        if plan.has(Fault::EmptyPage) && at == 0 && (slots.len() / page) % 4 == 1 {
            slots.extend(std::iter::repeat_n(None, page));
        }
        if plan.has(Fault::Duplicates) && last.is_some() && (at == 0 || at == page / 2) {
            slots.push(last);
        }
        while plan.has(Fault::ShortPages)
            && noise(slots.len() as u64, plan.seed() + 1).is_multiple_of(4)
        {
            slots.push(None);
        }
        slots.push(Some(post));
        last = Some(post);
    }
    if plan.has(Fault::EmptyPage) && !slots.is_empty() {
        let full = slots.len().next_multiple_of(page);
        slots.resize(full + page, None);
    }
    slots
}

/// 19 digits, as the API's.
fn id_text(number: u64, plan: &Plan) -> String {
    let id = 7_500_000_000_000_000_000 + (noise(number, plan.seed() + 2) >> 12) / 100;
    id.to_string()
}

fn as_index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
