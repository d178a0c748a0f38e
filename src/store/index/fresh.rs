//! How many hashtags of a segment the segments before it do not have, counted once when it is written:
//! so that readers know how many hashtags all of them have without looking through their lists.

use std::ops::Range;

use hashbrown::HashMap;

use super::segment::Opened;
use crate::model::{Column, Sketch};

/// Fewer texts are not worth another thread. In tests so few that there are several.
const SMALL: usize = if cfg!(test) { 4 } else { 1 << 15 };

/// The number of a segment's hashtags that are in none of those before it; `None` where one of them
/// cannot be read.
pub(super) fn fresh(segment: &Opened, before: &[Opened]) -> Option<u64> {
    if before.is_empty() {
        return Some(segment.read(&[Column::Leading])?.leading.distinct);
    }
    let columns = [Column::Uses, Column::Variants, Column::Spellings];
    let table = segment.read(&columns)?;
    let mut sketch = Sketch::default();
    let mut numbers: HashMap<&[u8], usize> = HashMap::new();
    for tag in table.hashtags() {
        let name = table.spellings.bytes(tag);
        sketch.add(name);
        numbers.insert(name, numbers.len());
    }
    let mut is_known = vec![false; numbers.len()];
    for other in before {
        let met = |share: Range<u32>| {
            let mut met = Vec::new();
            other.scan(Column::Spellings, share, &mut |_, lengths, texts| {
                sketch.sift(lengths, texts, |_, name| {
                    met.extend(numbers.get(name).copied());
                });
                true
            })?;
            Some(met)
        };
        let shares = shares(other.read(&[])?.spelling_count)?;
        let found: Vec<Option<Vec<usize>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = shares
                .into_iter()
                .map(|share| scope.spawn(|| met(share)))
                .collect();
            let joined = threads
                .into_iter()
                .map(|thread| thread.join().ok().flatten());
            joined.collect()
        });
        for number in found.into_iter().collect::<Option<Vec<_>>>()?.concat() {
            is_known[number] = true;
        }
    }
    Some(is_known.iter().filter(|known| !**known).count() as u64)
}

/// A share of a list's numbers for each core.
fn shares(length: usize) -> Option<Vec<Range<u32>>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = u32::try_from(length.div_ceil(cores).max(SMALL)).ok()?;
    let length = u32::try_from(length).ok()?;
    let starts = (0..length).step_by(each as usize);
    let share = |start: u32| start..length.min(start.saturating_add(each));
    Some(starts.map(share).collect())
}
