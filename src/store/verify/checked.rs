//! Everything that can be known of one folder, and what of it is not as it should be.

use std::path::{Path, PathBuf};

use hashbrown::HashSet;

use super::super::ids;
use super::super::runs::{FILE, Ledger};
use super::super::scan::Layout;
use super::super::{Kind, RecordFolder, StoreError, known, media};
use super::Finding;
use super::faults::{LedgerFaults, ledger_faults};
use super::lost::Lost;
use super::records::Records;
use super::unfinished::Unfinished;
use crate::model::PostId;

/// Everything that can be known of one folder.
pub(super) struct Checked {
    pub(super) posts: PathBuf,
    pub(super) kind: Kind,
    /// Its name in `post_ids.json`, where that lists it.
    pub(super) key: Option<String>,
    /// There is no `data.json`, though something tells that there was.
    pub(super) is_missing: bool,
    pub(super) layout: Layout,
    pub(super) torn: Option<u64>,
    pub(super) damage: Vec<String>,
    /// Ids in the order of the file, each once.
    pub(super) order: Vec<PostId>,
    pub(super) duplicates: u64,
    listed: Result<Option<Vec<PostId>>, StoreError>,
    /// A record says how it came.
    ours: bool,
    pub(super) ledger: Ledger,
    pub(super) faults: LedgerFaults,
    pub(super) lost: Lost,
    unfinished: Unfinished,
    media: Vec<Finding>,
    pub(super) known_fault: Option<String>,
    pub(super) index_fault: Option<(PathBuf, String)>,
}

impl Checked {
    pub(super) fn new(root: &Path, place: &RecordFolder) -> Result<Self, StoreError> {
        let posts = &place.folder;
        let path = place.data();
        let is_missing = !path.is_file();
        let ledger = Ledger::read(posts)?;
        let (records, mut faults) = if is_missing {
            (Records::none(), LedgerFaults::of_lines(&ledger))
        } else {
            // Hashing takes as long as reading: one thread does it meanwhile.
            let (records, faults) = std::thread::scope(|scope| {
                let faults = scope.spawn(|| ledger_faults(&path, &ledger));
                (Records::of(place), faults.join())
            });
            let failed = |_| std::io::Error::other("the hashing thread failed");
            (records?, faults.map_err(failed)??)
        };
        faults.no_run = ledger.runs.is_empty() && records.ours;
        let key = place.listed.then(|| ids::key(posts, &place.tag));
        let listed = match &key {
            Some(key) => ids::listed(root, key),
            None => Ok(None),
        };
        // Bytes that the ledger vouches for are all there.
        let lost = if is_missing || !faults.is_empty() || ledger.runs.is_empty() {
            let list = list(&listed);
            Lost::of(place, &ledger, records.ours, &records.order, list)?
        } else {
            Lost::default()
        };
        let whole = !is_missing && lost.count == 0;
        let unfinished = Unfinished::of((posts, place.kind), &ledger, &faults, &records, whole)?;
        let known_fault = if unfinished.rewrite {
            None
        } else {
            let vouched = records.order.iter().filter(|&&id| !unfinished.holds(id));
            let vouched: Vec<PostId> = vouched.copied().collect();
            known::fault(posts, &ledger, &vouched)
        };
        let damaged = records.end.damaged.into_iter();
        let damaged = damaged.map(|damage| (damage.offset, damage.why));
        Ok(Self {
            is_missing,
            layout: records.end.layout,
            torn: records.end.torn,
            damage: damaged
                .chain(records.unreadable)
                .map(|(offset, why)| format!("byte {offset}: {why}"))
                .collect(),
            duplicates: (records.rows - records.order.len()) as u64,
            order: records.order,
            listed,
            ours: records.ours,
            index_fault: records.index_fault,
            faults,
            lost,
            unfinished,
            known_fault,
            // Only hashtags' posts have a folder of videos beside them.
            media: if place.listed {
                media::check(posts, &ledger)?
            } else {
                Vec::new()
            },
            ledger,
            key,
            kind: place.kind,
            posts: posts.clone(),
        })
    }

    /// What is gone once the file was mended and holds these.
    pub(super) fn lost_of(
        &self,
        place: &RecordFolder,
        order: &[PostId],
    ) -> Result<Lost, StoreError> {
        if self.lost.count == 0 {
            return Ok(Lost::default());
        }
        Lost::of(place, &self.ledger, self.ours, order, list(&self.listed))
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let data = self.posts.join("data.json");
        let mut findings = Vec::new();
        let mut add = |file: &Path, unfinished: bool, what: String| {
            findings.push(Finding {
                file: file.to_owned(),
                what,
                unfinished,
            });
        };
        if self.is_missing {
            add(&data, false, "is missing".to_owned());
        }
        if let Some(what) = self.lost.told(self.kind) {
            add(&data, false, what);
        }
        if let Some(offset) = self.torn {
            add(
                &data,
                self.unfinished.torn,
                format!("byte {offset}: the file ends inside a record; a write was interrupted"),
            );
        }
        for what in &self.damage {
            add(&data, false, what.clone());
        }
        if self.duplicates > 0 {
            let noun = self.kind.noun();
            let what = format!("{} {noun}s stand in it more than once", self.duplicates);
            add(&data, false, what);
        }
        let runs = self.posts.join(FILE);
        match (&self.unfinished.behind, self.unfinished.rewrite) {
            (_, true) => {
                let what = "data.json was replaced (an update, a refresh or a repair), and the run was interrupted before it could be entered";
                add(&runs, true, what.to_owned());
            }
            (Some(behind), _) => {
                let (many, noun) = (behind.ids.len(), self.kind.noun());
                if many > 0 {
                    let s = if many == 1 { "" } else { "s" };
                    let what = format!(
                        "does not have run {} yet, which was interrupted: {many} {noun}{s} of it stored in data.json",
                        behind.run
                    );
                    add(&runs, true, what);
                }
            }
            _ => {
                for what in self.faults.told() {
                    add(&runs, false, what);
                }
            }
        }
        if let Some((what, unfinished)) = self.list_fault() {
            add(Path::new("ids/post_ids.json"), unfinished, what);
        }
        if let Some(what) = &self.known_fault {
            add(&known::path(&self.posts), false, what.clone());
        }
        if let Some((path, what)) = &self.index_fault {
            add(path, false, what.clone());
        }
        findings.extend(self.media.iter().cloned());
        findings
    }

    /// How `post_ids.json` differs from the posts stored; whether it only lags behind an interrupted
    /// run.
    pub(super) fn list_fault(&self) -> Option<(String, bool)> {
        let key = self.key.as_ref()?;
        let listed = match &self.listed {
            Err(error) => return Some((error.to_string(), false)),
            Ok(None) if self.order.is_empty() => return None,
            Ok(None) => {
                let lags = self.lags(&self.order);
                return Some((format!("has no list of `{key}`"), lags));
            }
            Ok(Some(listed)) => listed,
        };
        // Sorted lists take a third of the memory of sets, and there may be millions.
        let sorted = |ids: &[PostId]| {
            let mut sorted = ids.to_vec();
            sorted.sort_unstable();
            sorted
        };
        let (stored, mut in_list) = (sorted(&self.order), sorted(listed));
        in_list.dedup();
        let not_in = |ids: &[PostId], others: &[PostId]| -> Vec<PostId> {
            let is_missing = |id: &&PostId| others.binary_search(id).is_err();
            ids.iter().filter(is_missing).copied().collect()
        };
        let missing = not_in(&self.order, &in_list);
        let extra = not_in(listed, &stored);
        let repeated = listed.len() - in_list.len();
        let mut parts = Vec::new();
        if let Some(first) = missing.first() {
            parts.push(format!(
                "lacks {} stored posts (the first is {first})",
                missing.len()
            ));
        }
        if let Some(first) = extra.first() {
            parts.push(format!(
                "lists {} posts that are not stored (the first is {first})",
                extra.len()
            ));
        }
        if repeated > 0 {
            parts.push(format!("lists {repeated} ids twice"));
        }
        let rest = extra.is_empty() && repeated == 0;
        let lags = self.unfinished.rewrite || (rest && self.lags(&missing));
        (!parts.is_empty()).then(|| (format!("`{key}`: {}", parts.join("; ")), lags))
    }

    /// Whether all these posts are of an interrupted run.
    fn lags(&self, missing: &[PostId]) -> bool {
        let missing: HashSet<u64> = missing.iter().map(|id| id.get()).collect();
        let behind = self.unfinished.behind.as_ref();
        behind.is_some_and(|behind| missing.is_subset(&behind.ids))
    }
}

/// The ids listed, if there are any.
fn list(listed: &Result<Option<Vec<PostId>>, StoreError>) -> &[PostId] {
    let list = listed.as_ref().ok().and_then(Option::as_deref);
    list.unwrap_or_default()
}
