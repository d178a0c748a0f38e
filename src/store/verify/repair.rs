//! Mending a store: nothing vanishes, and what is gone is told and asked for again.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use fs_err as fs;

use super::super::append::{Tail, hash_range, tail};
use super::super::ids::{self, Others};
use super::super::lock::Lock;
use super::super::rewrite::{Damages, backup, damaged, rewrite_once};
use super::super::runs::{FILE, Ledger};
use super::super::scan::Layout;
use super::super::side::Side;
use super::super::vouch::{Care, model, stored_ids};
use super::super::{
    Holder, RecordFolder, Run, Segment, StoreError, Writer, atomic, index, intent, known,
};
use super::checked::Checked;
use super::{Repaired, WHOLE, orphans};
use crate::model::PostId;

/// Mends a store: no post is deleted, and what is left out stays in a backup.
///
/// Duplicates and unfinished records go, id lists are made again, and a run `repair` vouches for the result.
/// Where posts are gone that runs had stored, what was asked for is opened to be asked for again.
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
            lost: 0,
        });
    }
    let mut lists = BTreeMap::new();
    let root = writer.store().root().to_owned();
    let mut lists_wrong = false;
    for place in writer.store().places_told_of()? {
        atomic::sweep(&place.folder)?;
        let checked = Checked::new(&root, &place)?;
        let mut report = Repaired {
            name: place.name.clone(),
            ..Repaired::default()
        };
        if let Some((what, _)) = checked.list_fault() {
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
            ..Repaired::default()
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
    let path = place.data();
    let mut ledger = Ledger::read(&checked.posts)?;
    let mut why = Vec::new();
    if checked.is_missing {
        fs::create_dir_all(&checked.posts)?;
        why.push("data.json was missing".to_owned());
    }
    let (segment, order) = rewritten(checked, place, &mut why, report)?;
    // Before the ledger vouches for what is left.
    let lost = checked.lost_of(place, &order)?;
    if lost.count > 0 {
        lost.ask_again(place, &ledger, report)?;
    }
    if checked.known_fault.is_some() {
        fs::remove_file(known::path(&checked.posts))?;
        let what = "removed the cache of ids: it had others than data.json";
        report.done.push(what.to_owned());
    }
    if checked.index_fault.is_some() {
        index::forget(&checked.posts);
        let what = "removed the index: it was of other posts";
        report.done.push(what.to_owned());
    }
    if !ledger.broken.is_empty() {
        report.backups.push(backup(&checked.posts.join(FILE))?);
        ledger = Ledger::rechained(&checked.posts, std::mem::take(&mut ledger.runs))?;
    }
    if !checked.faults.is_empty() {
        let told = checked.faults.told().join("; ");
        why.push(format!("vouched anew for data.json: {told}"));
    }
    if checked.layout == Layout::Empty && !why.is_empty() {
        atomic::replace(&path, |out| out.write_all(b"[\n]\n"))?;
    }
    // Where there is no run and no record, nobody knows whether these were made-up ones.
    let nameless = ledger.runs.is_empty() && order.is_empty();
    if !why.is_empty() && !nameless {
        let data = match segment {
            Some(segment) => segment,
            None => whole(&path)?,
        };
        let model = model(&path, &ledger, &place.tag, place.kind)?;
        let told = lost.told(place.kind).into_iter();
        let told: Vec<String> = told.chain(why.iter().cloned()).collect();
        let run = Run::of_store("repair", &model, told.join("; "), order.len() as u64, data);
        ledger.append(&checked.posts, run)?;
    }
    intent::clear(&checked.posts)?;
    report.done.extend(why);
    Ok(order)
}

/// Writes `data.json` anew where anything in it is no whole record, each once, in a line; returns
/// what the ledger is to vouch for then, and the ids.
fn rewritten(
    checked: &Checked,
    place: &RecordFolder,
    why: &mut Vec<String>,
    report: &mut Repaired,
) -> Result<(Option<Segment>, Vec<PostId>), StoreError> {
    let is_right = checked.torn.is_none()
        && checked.damage.is_empty()
        && checked.duplicates == 0
        && checked.layout != Layout::Other;
    if is_right {
        return Ok((None, checked.order.clone()));
    }
    let path = place.data();
    let kept = backup(&path)?;
    intent::write(&checked.posts)?;
    let rewritten = rewrite_once(&path, checked.kind, Damages::LeaveOut)?;
    let noun = checked.kind.noun();
    if rewritten.duplicates > 0 {
        why.push(format!("left out {} duplicates", rewritten.duplicates));
    }
    if rewritten.lost {
        let torn = checked
            .torn
            .map(|at| format!("byte {at}: an unfinished end"));
        let cut: Vec<String> = checked.damage.iter().cloned().chain(torn).collect();
        let more = match cut.len().saturating_sub(3) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let name = kept.file_name().unwrap_or_default().to_string_lossy();
        why.push(format!(
            "cut out what is no whole {noun}, all of it is kept in {name} ({}{more})",
            cut.iter().take(3).cloned().collect::<Vec<_>>().join("; ")
        ));
    }
    report.backups.push(kept);
    if checked.layout == Layout::Other {
        why.push(format!("wrote one {noun} per line"));
    }
    // Writing anew may find posts that a torn end had hidden.
    let order = stored_ids(&path, checked.kind, Care::Whole)?;
    Ok((Some(rewritten.segment), order))
}

/// All bytes of a file of lines.
fn whole(path: &std::path::Path) -> Result<Segment, StoreError> {
    let mut file = fs::File::open(path)?;
    let Tail::Closed { end, .. } = tail(&mut file)? else {
        return Err(damaged(path, 0, "it changed while it was repaired"));
    };
    Ok(Segment {
        from: 0,
        to: end,
        sha256: hash_range(path, 0, end)?,
    })
}
