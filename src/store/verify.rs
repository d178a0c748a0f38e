//! Is the store what its ledgers say, and mending it where it is not.

mod checked;
mod faults;
mod lost;
mod records;
mod repair;
mod unfinished;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::checked::Checked;
use super::lock::{self, Lock};
use super::side::Side;
use super::{Holder, Kind, RecordFolder, Store, StoreError, ids};
pub(super) use faults::ledger_faults;
pub(super) use lost::said_stored;
pub use repair::repair;
pub(super) use unfinished::behind;

/// What reports about the whole store are named.
const WHOLE: &str = "store";

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// An interrupted run has left it so, and the next one completes it: nothing is damaged.
    pub unfinished: bool,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// `#london`, `comments of #london`; `store` for what concerns the whole store.
    pub name: String,
    /// What was done, one sentence each; empty where nothing was wrong.
    pub done: Vec<String>,
    /// Files kept as they were before.
    pub backups: Vec<PathBuf>,
    /// Records that runs had stored and that are gone for good, unless a backup holds them.
    pub lost: u64,
}

/// Checks a whole store: JSON valid, each post once, id lists as stored, bytes as in the ledgers.
///
/// # Errors
/// The disk's own.
pub fn verify(store: &Store) -> Result<Vec<TagReport>, StoreError> {
    let mut reports = Vec::new();
    let mut keys = BTreeSet::new();
    for place in store.places_told_of()? {
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
            unfinished: false,
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
                unfinished: false,
            })
            .collect(),
    }
}

impl Store {
    /// Every folder that holds records, and those that a ledger says have held some.
    fn places_told_of(&self) -> Result<Vec<RecordFolder>, StoreError> {
        let mut places = self.places_that_may_be()?;
        let mut failed = Ok(());
        places.retain(|place| {
            place.exists()
                || place.folder.join(super::runs::FILE).is_file()
                || match said_stored(place) {
                    Ok(said) => said > 0,
                    Err(error) => {
                        failed = Err(error);
                        false
                    }
                }
        });
        failed.map(|()| places)
    }
}
