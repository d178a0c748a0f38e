//! Records that runs had stored and that are gone: how many, which, and having them asked for again.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;
use jiff::Timestamp;

use super::super::journal::{Journal, JournalLine};
use super::super::known::Known;
use super::super::runs::Ledger;
use super::super::{
    Asked, AskedLine, AskedState, Coverage, Kind, RecordFolder, StoreError, Tombstones, WindowLine,
    WindowState, atomic,
};
use super::Repaired;
use crate::model::PostId;

/// Why a search or a list is open again.
const WHY: &str = "asked again: records that were stored are gone";
/// How many files are named that posts were imported from.
const NAMED: usize = 3;

/// What is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// How many records runs had stored here.
    pub(super) of: u64,
    /// How many of them are gone; those that were removed on purpose are not.
    pub(super) count: u64,
    /// Their ids, as far as a list or a cache still has them.
    pub(super) ids: Vec<PostId>,
}

impl Lost {
    /// What of a folder is gone whose bytes are not all as the ledger says; `listed` are the ids of
    /// `post_ids.json`.
    pub(super) fn of(
        place: &RecordFolder,
        ledger: &Ledger,
        ours: bool,
        stored: &[PostId],
        listed: &[PostId],
    ) -> Result<Self, StoreError> {
        let there: HashSet<u64> = stored.iter().map(|id| id.get()).collect();
        let (mut buried, mut not_entered) = (HashSet::new(), 0);
        if place.listed {
            for stone in Tombstones::read(&place.folder)?.lines() {
                let Ok(id) = stone.id.parse::<PostId>() else {
                    continue;
                };
                buried.insert(id.get());
                // Its removal was interrupted before the ledger told of it.
                let entered = ledger.runs.iter().any(|run| run.run == stone.run);
                not_entered += u64::from(!entered && !there.contains(&id.get()));
            }
        }
        let is_gone = |id: &u64| !there.contains(id) && !buried.contains(id);
        let gone_of = |ids: &mut dyn Iterator<Item = u64>| -> Vec<PostId> {
            ids.filter(&is_gone).filter_map(PostId::new).collect()
        };
        if let Some(known) = Known::cached(&place.folder, ledger) {
            let ids = gone_of(&mut known.stored());
            return Ok(Self {
                of: known.len() as u64,
                count: ids.len() as u64,
                // Names are not numbers: those of accounts say nothing to anybody.
                ids: if matches!(place.kind, Kind::Posts | Kind::Comments) {
                    ids
                } else {
                    Vec::new()
                },
            });
        }
        let ids = gone_of(&mut listed.iter().map(|id| id.get()));
        let (of, count) = match ledger.runs.last() {
            Some(last) => {
                let there = stored.len() as u64 + not_entered;
                (last.posts, last.posts.saturating_sub(there))
            }
            None => {
                let said = said_stored(place)?;
                if said == 0 && !ours {
                    return Ok(Self::default());
                }
                let there = stored.len() as u64;
                let count = said.saturating_sub(there).max(ids.len() as u64);
                (there + count, count)
            }
        };
        Ok(Self {
            of,
            count,
            ids: if count > 0 { ids } else { Vec::new() },
        })
    }

    /// `1 of 7 posts that runs had stored is gone`, if any is.
    pub(super) fn told(&self, kind: Kind) -> Option<String> {
        let of = match self.of {
            1 => format!("1 {}", kind.noun()),
            of => format!("{of} {}s", kind.noun()),
        };
        let are = if self.count == 1 { "is" } else { "are" };
        let told = format!("{} of {of} that runs had stored {are} gone", self.count);
        (self.count > 0).then_some(told)
    }

    /// Has what is gone asked for again, and tells of it. Durable before the ledger vouches for
    /// what is left: whoever is killed between the two has it done again.
    pub(super) fn ask_again(
        &self,
        place: &RecordFolder,
        ledger: &Ledger,
        report: &mut Repaired,
    ) -> Result<(), StoreError> {
        report.lost = self.count;
        report.done.extend(self.told(place.kind));
        if !self.ids.is_empty() {
            fs::create_dir_all(&place.folder)?;
            let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
            let path = unused(&place.folder.join(format!("lost-{now}.txt")));
            atomic::replace(&path, |out| {
                self.ids.iter().try_for_each(|id| writeln!(out, "{id}"))
            })?;
            let first: Vec<String> = self.ids.iter().take(5).map(PostId::to_string).collect();
            let more = if self.ids.len() > 5 { ", …" } else { "" };
            report.done.push(format!(
                "of {} the ids are known ({}{more}), all of them in {}",
                self.ids.len(),
                first.join(", "),
                path.display()
            ));
        }
        let kept = if place.listed {
            reopen::<WindowLine>(&place.folder, &opened)?
        } else {
            let folder = asked_folder(place);
            reopen::<AskedLine>(&folder, &|line| asked_anew(place, line))?
        };
        if let Some(kept) = kept {
            report.done.push(match place.kind {
                Kind::Posts if place.listed => {
                    "all days that were asked for are open again: the next `cotag download` asks for them, and stores no post twice".to_owned()
                }
                Kind::Comments => {
                    "what was asked for is open again: the next `cotag comments` asks for it, and stores no comment twice".to_owned()
                }
                _ => {
                    "this list is open again: the next `cotag users` asks for it, and stores nothing twice".to_owned()
                }
            });
            report.backups.push(kept);
        }
        let mut imported: Vec<&str> = Vec::new();
        for run in ledger.runs.iter().filter(|run| run.command == "import") {
            for input in &run.inputs {
                if !imported.contains(&&*input.path) {
                    imported.push(&input.path);
                }
            }
        }
        if !imported.is_empty() {
            let more = match imported.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            imported.truncate(NAMED);
            report.done.push(format!(
                "posts were imported from {}{more}: import that again",
                imported.join(", ")
            ));
        }
        Ok(())
    }
}

/// How many records the ledger of searches or lists says were stored, at least.
pub(in super::super) fn said_stored(place: &RecordFolder) -> Result<u64, StoreError> {
    if place.listed {
        let coverage = Coverage::read(&place.folder)?;
        return Ok(coverage.windows().map(|line| line.new).sum());
    }
    let asked = Asked::read(&asked_folder(place))?;
    let own = asked.lines().filter(|line| is_own(place, line));
    Ok(own.map(|line| line.new).sum())
}

/// Where the ledger of lists lies: beside comments, above a user's lists.
fn asked_folder(place: &RecordFolder) -> PathBuf {
    if place.kind == Kind::Comments {
        return place.folder.clone();
    }
    let above = place.folder.parent();
    above.unwrap_or(&place.folder).to_owned()
}

/// Whether a line is about what the folder holds: a user's lists have one ledger.
fn is_own(place: &RecordFolder, line: &AskedLine) -> bool {
    let name = place.folder.file_name().and_then(|name| name.to_str());
    place.kind == Kind::Comments || name == Some(&line.of)
}

/// A window as if nothing of it had been read.
fn opened(line: &WindowLine) -> WindowLine {
    let state = match line.state {
        WindowState::Split => return line.clone(),
        WindowState::Failed | WindowState::Unavailable => line.state,
        WindowState::Open | WindowState::Done | WindowState::InsideLag => WindowState::Open,
    };
    let is_open = state == WindowState::Open;
    WindowLine {
        part: line.part.clone(),
        why: if is_open { WHY } else { &line.why }.to_owned(),
        end_date: line.end_date,
        at: if is_open { Timestamp::now() } else { line.at },
        ..WindowLine::new(&line.query, line.from, line.to, state)
    }
}

/// A list as if nothing of it had been read; facts about it stay.
fn asked_anew(place: &RecordFolder, line: &AskedLine) -> AskedLine {
    let facts = matches!(line.state, AskedState::Withheld | AskedState::Missing);
    if facts || !is_own(place, line) {
        return line.clone();
    }
    AskedLine {
        of: line.of.clone(),
        comment: line.comment.clone(),
        expected: line.expected,
        state: AskedState::Open,
        why: WHY.to_owned(),
        at: Timestamp::now(),
        ..AskedLine::default()
    }
}

/// Writes a ledger anew with all lines changed; returns where it is kept as it was, if there is one.
fn reopen<L: JournalLine>(
    folder: &Path,
    change: &dyn Fn(&L) -> L,
) -> Result<Option<PathBuf>, StoreError> {
    let path = folder.join(L::FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let lines: Vec<L> = Journal::<L>::read(folder)?.lines().map(change).collect();
    let kept = unused(&folder.join(format!("{}.before-repair", L::FILE)));
    fs::copy(&path, &kept)?;
    fs::File::open(&kept)?.sync_all()?;
    atomic::replace(&path, |out| {
        for line in &lines {
            serde_json::to_writer(&mut *out, line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    Ok(Some(kept))
}

/// A name that no file has: this one, or with a number behind it.
fn unused(path: &Path) -> PathBuf {
    let mut name = path.to_owned();
    let mut number = 2;
    while name.exists() {
        let mut numbered = path.as_os_str().to_owned();
        numbered.push(format!("-{number}"));
        name = PathBuf::from(numbered);
        number += 1;
    }
    name
}
