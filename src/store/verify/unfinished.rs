//! What an interrupted run leaves, which the next writer completes by itself: no damage.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use fs_err as fs;
use hashbrown::HashSet;

use super::super::runs::Ledger;
use super::super::scan::Layout;
use super::super::{Kind, StoreError, intent, known};
use super::faults::LedgerFaults;
use super::records::Records;
use crate::json::Fields;
use crate::model::PostId;

/// What an interrupted run has left in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unfinished {
    /// The unfinished record at the end stands behind all that the ledger vouches for.
    pub(super) torn: bool,
    /// What stands behind that is of a run that the ledger does not know.
    pub(super) behind: Option<Behind>,
    /// `data.json` was replaced, and the ledger does not tell of it yet.
    pub(super) rewrite: bool,
}

/// Records of a run that was not entered into the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Behind {
    /// The run's id; empty where no whole record was written.
    pub(super) run: String,
    /// Their ids.
    pub(super) ids: HashSet<u64>,
}

impl Unfinished {
    /// Looks at a folder that has no other damage; `whole` where no record is lost.
    pub(super) fn of(
        (posts, kind): (&Path, Kind),
        ledger: &Ledger,
        faults: &LedgerFaults,
        records: &Records,
        whole: bool,
    ) -> Result<Self, StoreError> {
        let end = &records.end;
        let damaged = !end.damaged.is_empty() || !records.unreadable.is_empty();
        if damaged || !whole || end.layout == Layout::Other || !ledger.broken.is_empty() {
            return Ok(Self::default());
        }
        if end.torn.is_none() && !faults.is_empty() && intent::stands(posts) {
            return Ok(Self {
                rewrite: true,
                ..Self::default()
            });
        }
        if !faults.wrong.is_empty() {
            return Ok(Self::default());
        }
        let vouched = ledger.runs.last().map_or(0, |run| run.data.to);
        let region = match faults.behind {
            Some((from, to)) => Some((from, end.torn.unwrap_or(to))),
            // The cache is written after the first run was entered: then its line was taken away.
            None if faults.no_run && !known::path(posts).exists() => {
                Some((0, end.torn.unwrap_or(u64::MAX)))
            }
            None => None,
        };
        let behind = match region {
            Some(region) => behind(&posts.join("data.json"), kind, ledger, region)?,
            None => None,
        };
        Ok(Self {
            torn: end.torn.is_some_and(|torn| torn >= vouched),
            behind,
            rewrite: false,
        })
    }

    /// Whether a record stands where no run vouches for it yet.
    pub(super) fn holds(&self, id: PostId) -> bool {
        let behind = self.behind.as_ref();
        behind.is_some_and(|behind| behind.ids.contains(&id.get()))
    }
}

/// The records in a range of lines, if all are of one run that the ledger does not know: what
/// another program wrote names no run of ours, or one that has ended.
pub(in super::super) fn behind(
    data: &Path,
    kind: Kind,
    ledger: &Ledger,
    (from, to): (u64, u64),
) -> Result<Option<Behind>, StoreError> {
    let mut file = fs::File::open(data)?;
    file.seek(SeekFrom::Start(from))?;
    let mut lines = BufReader::new(file.take(to.saturating_sub(from)));
    let mut found = Behind::default();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = line.trim_ascii();
        let text = text.strip_suffix(b",").unwrap_or(text).trim_ascii_end();
        if !matches!(text, b"" | b"[" | b",]" | b"\xef\xbb\xbf[" | b"]") {
            let Some((id, run)) = run_of(text, kind) else {
                return Ok(None);
            };
            if found.run.is_empty() {
                found.run = run;
            } else if found.run != run {
                return Ok(None);
            }
            found.ids.insert(id.get());
        }
        line.clear();
    }
    let ended = ledger.runs.iter().any(|run| run.run == found.run);
    Ok((!ended).then_some(found))
}

/// A record's id and its run's.
fn run_of(text: &[u8], kind: Kind) -> Option<(PostId, String)> {
    let text = std::str::from_utf8(text).ok()?;
    let id = kind.entry(text).ok()?.id;
    let fields = Fields::parse(text).ok()?;
    let run = fields.object("_cotag").text("run")?.into_owned();
    Some((id, run))
}
