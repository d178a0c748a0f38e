//! Where a ledger and the bytes of `data.json` do not fit each other.

use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use fs_err as fs;

use super::super::append::{Tail, hash_range, tail};
use super::super::runs::Ledger;
use super::super::{Segment, StoreError};

/// What does not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct LedgerFaults {
    /// Lines that were changed, bytes that are not those written.
    pub(super) wrong: Vec<String>,
    /// Where the bytes begin and end that stand behind those of the last run.
    pub(super) behind: Option<(u64, u64)>,
    /// There is no run, and records that cotag stored.
    pub(super) no_run: bool,
}

impl LedgerFaults {
    /// Those of the ledger itself, without a look at `data.json`.
    pub(super) fn of_lines(ledger: &Ledger) -> Self {
        let what =
            |line| format!("line {line} was changed, or does not follow from the line before");
        Self {
            wrong: ledger.broken.iter().map(what).collect(),
            ..Self::default()
        }
    }

    /// Whether all is as it should be.
    pub(in super::super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them as sentences.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = self.wrong.clone();
        told.extend(self.behind.map(|(from, end)| {
            format!(
                "data.json has {} bytes behind those of the last run; a write was interrupted, or another program wrote",
                end - from
            )
        }));
        if self.no_run {
            told.push("holds no run, though cotag stored posts here".to_owned());
        }
        told
    }
}

/// Where the ledger's lines or the bytes they vouch for are not as written.
pub(in super::super) fn ledger_faults(
    data: &Path,
    ledger: &Ledger,
) -> Result<LedgerFaults, StoreError> {
    let mut faults = LedgerFaults::of_lines(ledger);
    let Some(start) = ledger.runs.iter().rposition(|run| run.data.from == 0) else {
        if !ledger.runs.is_empty() {
            let what = "no run vouches for the beginning of data.json";
            faults.wrong.push(what.to_owned());
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
            faults.wrong.push(format!(
                "run {}: bytes {covered} to {from} of data.json are no run's",
                run.run
            ));
        }
        if *to > end {
            faults.wrong.push(format!(
                "run {}: data.json ended at byte {to} and is shorter now",
                run.run
            ));
        } else if hash_range(data, *from, *to)? != *sha256 {
            faults.wrong.push(format!(
                "run {}: bytes {from} to {to} of data.json are not those it wrote",
                run.run
            ));
        }
        covered = *to;
    }
    if covered < end {
        faults.behind = Some((covered, end));
    }
    Ok(faults)
}
