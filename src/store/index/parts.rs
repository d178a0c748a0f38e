//! The posts of a file of lines as tables, made on all cores and given out in the order of the file.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::available_parallelism;

use fs_err as fs;

use super::super::StoreError;
use crate::model::{Builder, Columns, PostId};
use crate::record::Stored;

/// The posts of some lines.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// `None` where there are none.
    pub(super) table: Option<Columns>,
    /// Their ids, in their order.
    pub(super) ids: Vec<PostId>,
}

/// Gives out all posts in parts of so many bytes of the file; `None` from the first line on that is
/// no post. Whether a post stands twice is not asked.
///
/// # Errors
/// The disk's own; what `each` says.
pub(super) fn each(
    data: &Path,
    bytes: u64,
    each: &mut dyn FnMut(Part) -> Result<(), StoreError>,
) -> Result<Option<()>, StoreError> {
    let length = fs::metadata(data)?.len();
    let parts = length.div_ceil(bytes.max(1));
    let threads = available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    let stopped = AtomicBool::new(false);
    let work = |done: SyncSender<(u64, io::Result<Option<Part>>)>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= parts || stopped.load(Ordering::Relaxed) {
                return;
            }
            let from = number * bytes;
            let part = read(data, from, length.min(from.saturating_add(bytes)));
            if done.send((number, part)).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        // Who is ahead waits for the others, so that few parts are in memory.
        let (done, parts_read) = sync_channel(0);
        for _ in 0..threads.min(usize::try_from(parts).unwrap_or(threads)) {
            let done = done.clone();
            scope.spawn(|| work(done));
        }
        drop(done);
        let mut waiting = BTreeMap::new();
        let mut outcome = Ok(Some(()));
        for turn in 0..parts {
            while !waiting.contains_key(&turn) {
                let Ok((number, part)) = parts_read.recv() else {
                    break;
                };
                waiting.insert(number, part);
            }
            outcome = match waiting.remove(&turn) {
                Some(Ok(Some(part))) => each(part).map(Some),
                Some(Ok(None)) => Ok(None),
                Some(Err(error)) => Err(error.into()),
                None => Err(io::Error::other("a reading thread failed").into()),
            };
            if !matches!(outcome, Ok(Some(()))) {
                stopped.store(true, Ordering::Relaxed);
                break;
            }
        }
        outcome
    })
}

/// Reads the lines that begin between two places; `None` where one of them is no post.
fn read(data: &Path, from: u64, to: u64) -> io::Result<Option<Part>> {
    let mut lines = BufReader::with_capacity(1 << 18, fs::File::open(data)?);
    let mut at = from;
    if let Some(before) = from.checked_sub(1) {
        lines.seek(SeekFrom::Start(before))?;
        at = before + lines.skip_until(b'\n')? as u64;
    }
    let mut builder = Builder::default();
    let mut ids = Vec::new();
    let mut line = Vec::new();
    while at < to {
        line.clear();
        at += lines.read_until(b'\n', &mut line)? as u64;
        let text = line.trim_ascii_end();
        let text = text.strip_suffix(b",").unwrap_or(text);
        if matches!(text, b"[" | b"]" | b"") {
            continue;
        }
        let text = std::str::from_utf8(text).ok();
        let Some(stored) = text.and_then(|text| Stored::read(text).ok()) else {
            return Ok(None);
        };
        ids.push(stored.post.id);
        builder.push(&stored.post, stored.origin);
    }
    if ids.is_empty() {
        return Ok(Some(Part::default()));
    }
    Ok(builder.finish().map(|table| Part {
        table: Some(table),
        ids,
    }))
}
