//! Is the store what its ledgers say, and mending it where it is not.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;

use self::records::Records;
use super::append::{Tail, hash_range, tail};
use super::ids::{self, Others};
use super::lock::{self, Lock};
use super::rewrite::{Damages, backup, rewrite_once};
use super::runs::{FILE, Ledger};
use super::scan::Layout;
use super::side::Side;
use super::vouch::{Care, model, stored_ids};
use super::{
    Holder, Kind, RecordFolder, Run, Segment, Store, StoreError, Writer, atomic, index, intent,
    known, media,
};
use crate::model::PostId;

/// What reports about the whole store are named.
const WHOLE: &str = "store";
const NO_RUN: &str = "holds no run, though cotag stored posts here";

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// What was found in one folder of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagReport {
    /// `#london`, `comments of #london`; `store` for what concerns the whole store.
    pub name: String,
    /// What its records are; `None` for the whole store.
    pub kind: Option<Kind>,
    /// Distinct records stored.
    pub posts: u64,
    /// Runs in the ledger; without any, hashes cannot be checked.
    pub runs: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// What was mended in one folder of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// `#london`, `comments of #london`; `store` for what concerns the whole store.
    pub name: String,
    /// What was done, one sentence each; empty where nothing was wrong.
    pub done: Vec<String>,
    /// Files kept as they were before.
    pub backups: Vec<PathBuf>,
}

/// Checks a whole store: JSON valid, each post once, id lists as stored, bytes as in the ledgers.
///
/// # Errors
/// The disk's own.
pub fn verify(store: &Store) -> Result<Vec<TagReport>, StoreError> {
    let mut reports = Vec::new();
    let mut keys = BTreeSet::new();
    for place in store.places()? {
        let checked = Checked::new(store.root(), &place)?;
        keys.extend(checked.key.clone());
        reports.push(TagReport {
            name: place.name,
            kind: Some(place.kind),
            posts: checked.order.len() as u64,
            runs: checked.ledger.runs.len(),
            findings: checked.findings(),
        });
    }
    let orphans = orphans(store.root(), &keys);
    if !orphans.is_empty() {
        reports.push(TagReport {
            name: WHOLE.into(),
            kind: None,
            posts: 0,
            runs: 0,
            findings: orphans,
        });
    }
    Ok(reports)
}

/// As [`verify`], while nobody writes: a write under way looks like an interrupted one.
///
/// `waiting` is called once if another process writes. A store that this process may not lock is
/// checked as it stands.
///
/// # Errors
/// [`StoreError::Locked`] after `timeout`; as [`verify`].
pub fn verify_at_rest(
    store: &Store,
    timeout: Duration,
    waiting: &mut dyn FnMut(&Holder),
) -> Result<Vec<TagReport>, StoreError> {
    let root = store.root();
    let mut locks = vec![Lock::take_if_any(
        root,
        lock::POSTS,
        "verify",
        timeout,
        waiting,
    )?];
    for side in Side::ALL {
        locks.push(Lock::take_if_any(
            root,
            side.lock(),
            "verify",
            timeout,
            waiting,
        )?);
    }
    let reports = verify(store);
    drop(locks);
    reports
}

/// Lists in `post_ids.json` without a folder; or the file itself, if it is no JSON.
fn orphans(root: &Path, keys: &BTreeSet<String>) -> Vec<Finding> {
    let file = ids::post_ids_path(root);
    match ids::keys(root) {
        Err(error) => vec![Finding {
            file,
            what: error.to_string(),
        }],
        Ok(listed) => listed
            .into_iter()
            .filter(|key| !keys.contains(key))
            // The seed tool lists a hashtag before its first post.
            .filter(|key| {
                ids::listed(root, key).is_ok_and(|list| list.is_some_and(|list| !list.is_empty()))
            })
            .map(|key| Finding {
                file: file.clone(),
                what: format!(
                    "lists ids of `{}`, of which no posts are stored",
                    key.escape_debug()
                ),
            })
            .collect(),
    }
}

/// Everything that can be known of one folder.
struct Checked {
    posts: PathBuf,
    kind: Kind,
    /// Its name in `post_ids.json`, where that lists it.
    key: Option<String>,
    layout: Layout,
    torn: Option<u64>,
    damage: Vec<String>,
    /// Ids in the order of the file, each once.
    order: Vec<PostId>,
    duplicates: u64,
    listed: Result<Option<Vec<PostId>>, StoreError>,
    ledger: Ledger,
    ledger_faults: Vec<String>,
    media: Vec<Finding>,
    index_fault: Option<(PathBuf, String)>,
}

impl Checked {
    fn new(root: &Path, place: &RecordFolder) -> Result<Self, StoreError> {
        let posts = &place.folder;
        let path = posts.join("data.json");
        let ledger = Ledger::read(posts)?;
        // Hashing takes as long as reading: one thread does it meanwhile.
        let (records, faults) = std::thread::scope(|scope| {
            let faults = scope.spawn(|| ledger_faults(&path, &ledger, false));
            (Records::of(place), faults.join())
        });
        let records = records?;
        let failed = |_| std::io::Error::other("the hashing thread failed");
        let mut ledger_faults = faults.map_err(failed)??;
        if ledger.runs.is_empty() && records.ours {
            ledger_faults.push(NO_RUN.to_owned());
        }
        let key = place.listed.then(|| ids::key(posts, &place.tag));
        let damaged = records.end.damaged.into_iter();
        let damaged = damaged.map(|damage| (damage.offset, damage.why));
        Ok(Self {
            layout: records.end.layout,
            torn: records.end.torn,
            damage: damaged
                .chain(records.unreadable)
                .map(|(offset, why)| format!("byte {offset}: {why}"))
                .collect(),
            duplicates: (records.rows - records.order.len()) as u64,
            order: records.order,
            listed: match &key {
                Some(key) => ids::listed(root, key),
                None => Ok(None),
            },
            index_fault: records.index_fault,
            ledger_faults,
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

    fn findings(&self) -> Vec<Finding> {
        let data = self.posts.join("data.json");
        let mut findings = Vec::new();
        let mut add = |file: &Path, what: String| {
            findings.push(Finding {
                file: file.to_owned(),
                what,
            });
        };
        if let Some(offset) = self.torn {
            add(
                &data,
                format!("byte {offset}: the file ends inside a record; a write was interrupted"),
            );
        }
        for what in &self.damage {
            add(&data, what.clone());
        }
        if self.duplicates > 0 {
            add(
                &data,
                format!(
                    "{} {}s stand in it more than once",
                    self.duplicates,
                    self.kind.noun()
                ),
            );
        }
        for what in &self.ledger_faults {
            add(&self.posts.join(FILE), what.clone());
        }
        if let Some(what) = self.list_fault() {
            add(Path::new("ids/post_ids.json"), what);
        }
        if let Some(what) = known::fault(&self.posts, &self.ledger, &self.order) {
            add(&known::path(&self.posts), what);
        }
        if let Some((path, what)) = &self.index_fault {
            add(path, what.clone());
        }
        findings.extend(self.media.iter().cloned());
        findings
    }

    /// How `post_ids.json` differs from the posts stored.
    fn list_fault(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        let listed = match &self.listed {
            Err(error) => return Some(error.to_string()),
            Ok(None) if self.order.is_empty() => return None,
            Ok(None) => return Some(format!("has no list of `{key}`")),
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
        (!parts.is_empty()).then(|| format!("`{key}`: {}", parts.join("; ")))
    }
}

/// Where the ledger's lines or the bytes they vouch for are not as written.
pub(super) fn ledger_faults(
    data: &Path,
    ledger: &Ledger,
    ours: bool,
) -> Result<Vec<String>, StoreError> {
    let mut faults: Vec<String> = ledger
        .broken
        .iter()
        .map(|line| format!("line {line} was changed, or does not follow from the line before"))
        .collect();
    if ledger.runs.is_empty() && ours {
        faults.push(NO_RUN.to_owned());
    }
    let Some(start) = ledger.runs.iter().rposition(|run| run.data.from == 0) else {
        if !ledger.runs.is_empty() {
            faults.push("no run vouches for the beginning of data.json".into());
        }
        return Ok(faults);
    };
    let mut file = fs::File::open(data)?;
    let end = match tail(&mut file)? {
        Tail::Closed { end, .. } => end,
        Tail::Torn => file.seek(SeekFrom::End(0))?,
    };
    let mut covered = 0;
    for run in &ledger.runs[start..] {
        let Segment { from, to, sha256 } = &run.data;
        if *from != covered {
            faults.push(format!(
                "run {}: bytes {covered} to {from} of data.json are no run's",
                run.run
            ));
        }
        if *to > end {
            faults.push(format!(
                "run {}: data.json ended at byte {to} and is shorter now",
                run.run
            ));
        } else if hash_range(data, *from, *to)? != *sha256 {
            faults.push(format!(
                "run {}: bytes {from} to {to} of data.json are not those it wrote",
                run.run
            ));
        }
        covered = *to;
    }
    if covered < end {
        faults.push(format!(
            "data.json has {} bytes behind those of the last run; a write was interrupted, or another program wrote",
            end - covered
        ));
    }
    Ok(faults)
}

/// Mends a store: no post is deleted, and what is left out stays in a backup.
///
/// Duplicates and unfinished records go, id lists are made again, and a run `repair` vouches for the result.
///
/// # Errors
/// The disk's own.
pub fn repair(
    writer: &mut Writer,
    timeout: Duration,
    waiting: &mut dyn FnMut(&Holder),
) -> Result<Vec<Repaired>, StoreError> {
    let mut others = Vec::new();
    for side in Side::ALL {
        let root = writer.store().root();
        others.extend(Lock::take_if_any(
            root,
            side.lock(),
            "repair",
            timeout,
            waiting,
        )?);
    }
    let mut repaired = Vec::new();
    if let Some(backup) = writer.mended.take() {
        repaired.push(Repaired {
            name: WHOLE.into(),
            done: vec!["wrote cotag.json anew: it could not be read".to_owned()],
            backups: vec![backup],
        });
    }
    let mut lists = BTreeMap::new();
    let root = writer.store().root().to_owned();
    let mut lists_wrong = false;
    for place in writer.store().places()? {
        atomic::sweep(&place.folder)?;
        let checked = Checked::new(&root, &place)?;
        let mut report = Repaired {
            name: place.name.clone(),
            done: Vec::new(),
            backups: Vec::new(),
        };
        if let Some(what) = checked.list_fault() {
            report
                .done
                .push(format!("made the id list again: it {what}"));
            lists_wrong = true;
        }
        let order = repair_folder(&checked, &place, &mut report)?;
        if let Some(key) = checked.key {
            lists_wrong |= order != checked.order;
            lists.insert(key, order);
        }
        repaired.push(report);
    }
    let orphans = orphans(&root, &lists.keys().cloned().collect());
    lists_wrong |= !orphans.is_empty();
    if lists_wrong {
        let file = ids::post_ids_path(&root);
        let mut report = Repaired {
            name: WHOLE.into(),
            done: Vec::new(),
            backups: Vec::new(),
        };
        report.done.extend(
            orphans
                .into_iter()
                .map(|orphan| format!("post_ids.json: {}; left out", orphan.what)),
        );
        if file.exists() {
            report.backups.push(backup(&file)?);
        }
        ids::update(&root, &lists, Others::Drop)?;
        repaired.push(report);
    }
    Ok(repaired)
}

/// Mends one folder; returns the ids of the posts that it holds then.
fn repair_folder(
    checked: &Checked,
    place: &RecordFolder,
    report: &mut Repaired,
) -> Result<Vec<PostId>, StoreError> {
    let path = checked.posts.join("data.json");
    let mut ledger = Ledger::read(&checked.posts)?;
    let unreadable = checked.damage.len();
    let rewrite = checked.torn.is_some()
        || unreadable > 0
        || checked.duplicates > 0
        || checked.layout == Layout::Other;
    let mut why = Vec::new();
    let mut segment = None;
    let mut order = checked.order.clone();
    if rewrite {
        report.backups.push(backup(&path)?);
        intent::write(&checked.posts)?;
        let rewritten = rewrite_once(&path, checked.kind, Damages::LeaveOut)?;
        if rewritten.duplicates > 0 {
            why.push(format!("left out {} duplicates", rewritten.duplicates));
        }
        if rewritten.lost {
            why.push("cut out what is no whole record".to_owned());
        }
        if checked.layout == Layout::Other {
            why.push(format!("wrote one {} per line", checked.kind.noun()));
        }
        segment = Some(rewritten.segment);
        // Writing anew may find posts that a torn end had hidden.
        order = stored_ids(&path, checked.kind, Care::Whole)?;
    }
    if known::fault(&checked.posts, &checked.ledger, &checked.order).is_some() {
        fs::remove_file(known::path(&checked.posts))?;
        report
            .done
            .push("removed the cache of ids: it was another's".to_owned());
    }
    if checked.index_fault.is_some() {
        index::forget(&checked.posts);
        report
            .done
            .push("removed the index: it was of other posts".to_owned());
    }
    if !ledger.broken.is_empty() {
        report.backups.push(backup(&checked.posts.join(FILE))?);
        ledger = Ledger::rechained(&checked.posts, std::mem::take(&mut ledger.runs))?;
    }
    if !checked.ledger_faults.is_empty() {
        why.push(format!(
            "vouched anew for data.json: {}",
            checked.ledger_faults.join("; ")
        ));
    }
    if checked.layout == Layout::Empty && !why.is_empty() {
        atomic::replace(&path, |out| out.write_all(b"[\n]\n"))?;
    }
    if !why.is_empty() {
        let data = match segment {
            Some(segment) => segment,
            None => {
                let mut file = fs::File::open(&path)?;
                let Tail::Closed { end, .. } = tail(&mut file)? else {
                    return Err(super::rewrite::damaged(
                        &path,
                        0,
                        "it changed while it was repaired",
                    ));
                };
                Segment {
                    from: 0,
                    to: end,
                    sha256: hash_range(&path, 0, end)?,
                }
            }
        };
        let model = model(&path, &ledger, &place.tag, place.kind)?;
        let run = Run::of_store("repair", &model, why.join("; "), order.len() as u64, data);
        ledger.append(&checked.posts, run)?;
    }
    intent::clear(&checked.posts)?;
    report.done.extend(why);
    Ok(order)
}
