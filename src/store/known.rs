//! Which posts are stored: a cache of their ids beside the posts, and those added since.
//!
//! `posts/index/ids` is a row of frames, one for each run that added posts, so that adding costs what
//! is added and not what is there. A frame is little-endian:
//!
//! ```text
//! 8 bytes   "cotagid2"
//! u64       end of data.json that the frame and those before it cover
//! u64       number of ids
//! 64 bytes  SHA-256 of the ledger's line that vouches for that much of data.json, in hexadecimal
//! u64…      the ids, sorted
//! u32       CRC-32 of all bytes before it, from the beginning of the file
//! ```
//!
//! It is made again from the posts wherever it does not cover exactly what the ledger vouches for.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;

use super::runs::Ledger;
use super::{StoreError, atomic};
use crate::model::PostId;

const MAGIC: &[u8; 8] = b"cotagid2";
/// Up to the ids.
const HEADER: usize = 24 + LINE;
/// A hash in hexadecimal.
const LINE: usize = 64;
/// With more frames than this the next write makes one of them.
const MOST_FRAMES: usize = 24;

/// The ids of a hashtag's posts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The cache's bytes, and in them the sorted ids of each frame.
    bytes: Vec<u8>,
    frames: Vec<std::ops::Range<usize>>,
    /// Bytes of the cache that are right, and their checksum; `None` where it has to be made anew.
    cached: Option<(u64, crc32fast::Hasher)>,
    stored: usize,
    added: HashSet<u64>,
    order: Vec<PostId>,
}

impl Known {
    /// The stored ids as the cache has them, if it covers what the ledger vouches for.
    pub(super) fn cached(posts: &Path, ledger: &Ledger) -> Option<Self> {
        let last = ledger.runs.last()?;
        let mut known = Self {
            bytes: fs::read(path(posts)).ok()?,
            ..Self::default()
        };
        let mut hasher = crc32fast::Hasher::new();
        let (mut at, mut vouched) = (0, (0, &[][..]));
        while let Some(frame) = frame(&known.bytes, at, &mut hasher) {
            known.stored += frame.ids.len() / 8;
            at = frame.ids.end + 4;
            vouched = (frame.data_end, frame.line);
            known.frames.push(frame.ids);
        }
        let fits = vouched == (last.data.to, ledger.head.as_ref()?.as_bytes())
            && known.stored as u64 == last.posts;
        if known.frames.len() <= MOST_FRAMES {
            known.cached = Some((at as u64, hasher));
        }
        fits.then_some(known)
    }

    /// Ids that were read from the posts.
    pub(super) fn of(ids: &[PostId]) -> Self {
        let mut stored: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        stored.sort_unstable();
        stored.dedup();
        let bytes: Vec<u8> = stored.iter().flat_map(|id| id.to_le_bytes()).collect();
        Self {
            frames: std::iter::once(0..bytes.len()).collect(),
            bytes,
            stored: stored.len(),
            ..Self::default()
        }
    }

    fn sorted(&self) -> impl Iterator<Item = &[[u8; 8]]> {
        let frames = self.frames.iter();
        frames.map(|frame| self.bytes[frame.clone()].as_chunks::<8>().0)
    }

    /// The ids stored when it was read.
    pub(super) fn stored(&self) -> impl Iterator<Item = u64> {
        self.sorted().flatten().map(|&id| u64::from_le_bytes(id))
    }

    fn is_stored(&self, id: u64) -> bool {
        self.sorted().any(|ids| {
            ids.binary_search_by_key(&id, |&bytes| u64::from_le_bytes(bytes))
                .is_ok()
        })
    }

    /// Whether a post is stored or was added.
    pub(super) fn contains(&self, id: PostId) -> bool {
        self.added.contains(&id.get()) || self.is_stored(id.get())
    }

    /// Whether these are the ids known, each once, in whatever order.
    pub(super) fn are(&self, ids: &[PostId]) -> bool {
        if self.stored == 0 && ids == self.order {
            return true;
        }
        let mut distinct: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        ids.len() == self.len()
            && distinct.len() == ids.len()
            && ids.iter().all(|&id| self.contains(id))
    }

    /// Adds an id; `false` if it is known.
    pub(super) fn insert(&mut self, id: PostId) -> bool {
        let is_new = !self.is_stored(id.get()) && self.added.insert(id.get());
        if is_new {
            self.order.push(id);
        }
        is_new
    }

    /// The ids added, in their order.
    pub(super) fn added(&self) -> &[PostId] {
        &self.order
    }

    /// Forgets all but the first so many ids added: the others could not be stored.
    pub(super) fn keep(&mut self, added: usize) {
        for id in self.order.drain(added..) {
            self.added.remove(&id.get());
        }
    }

    /// How many ids are known.
    pub(super) fn len(&self) -> usize {
        self.stored + self.order.len()
    }

    /// Brings the cache up to date with what the ledger vouches for now. Not synced: what is lost is
    /// made again.
    pub(super) fn save(mut self, posts: &Path, ledger: &Ledger) -> Result<(), StoreError> {
        let (Some(last), Some(line)) = (ledger.runs.last(), &ledger.head) else {
            return Ok(());
        };
        let mut new: Vec<u64> = self.added.drain().collect();
        new.sort_unstable();
        let cache = path(posts);
        if let Some((length, mut hasher)) = self.cached.take() {
            let mut file = fs::OpenOptions::new().write(true).open(&cache)?;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            return Ok(file.write_all(&framed(&new, last.data.to, line, &mut hasher))?);
        }
        new.extend(self.stored());
        new.sort_unstable();
        if let Some(folder) = cache.parent() {
            fs::create_dir_all(folder)?;
            atomic::sweep(folder)?;
        }
        let bytes = framed(&new, last.data.to, line, &mut crc32fast::Hasher::new());
        Ok(atomic::replace_cache(&cache, |out| out.write_all(&bytes))?)
    }
}

/// What [`super::verify`] says of a cache that claims to fit the ledger and holds other ids.
pub(super) fn fault(posts: &Path, ledger: &Ledger, stored: &[PostId]) -> Option<String> {
    let known = Known::cached(posts, ledger)?;
    (!known.are(stored)).then(|| "holds other ids than data.json".to_owned())
}

/// Where the cache lies.
pub(super) fn path(posts: &Path) -> PathBuf {
    posts.join("index").join("ids")
}

struct Frame<'b> {
    data_end: u64,
    line: &'b [u8],
    ids: std::ops::Range<usize>,
}

/// The frame at a place; `None` if no whole one stands there.
fn frame<'b>(bytes: &'b [u8], at: usize, hasher: &mut crc32fast::Hasher) -> Option<Frame<'b>> {
    let start = at.checked_add(HEADER)?;
    let header = bytes.get(at..start)?;
    let (words, _) = header.as_chunks::<8>();
    let word = |number: usize| words.get(number).copied().map(u64::from_le_bytes);
    if words.first()? != MAGIC {
        return None;
    }
    let length = usize::try_from(word(2)?).ok()?.checked_mul(8)?;
    let end = start.checked_add(length)?;
    let sum = bytes.get(end..)?.first_chunk::<4>()?;
    let mut upto = hasher.clone();
    upto.update(&bytes[at..end]);
    if upto.clone().finalize() != u32::from_le_bytes(*sum) {
        return None;
    }
    upto.update(sum);
    *hasher = upto;
    Some(Frame {
        data_end: word(1)?,
        line: &header[24..],
        ids: start..end,
    })
}

fn framed(ids: &[u64], data_end: u64, line: &str, hasher: &mut crc32fast::Hasher) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + ids.len() * 8 + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&data_end.to_le_bytes());
    bytes.extend_from_slice(&(ids.len() as u64).to_le_bytes());
    bytes.extend_from_slice(line.as_bytes());
    for id in ids {
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    hasher.update(&bytes);
    let sum = hasher.clone().finalize().to_le_bytes();
    hasher.update(&sum);
    bytes.extend_from_slice(&sum);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Run, Segment};

    fn id(number: u64) -> PostId {
        PostId::new(number).unwrap()
    }

    /// A ledger that vouches for so many bytes and posts.
    fn ledger(end: u64, posts: u64) -> Ledger {
        Ledger {
            runs: vec![Run {
                posts,
                data: Segment {
                    to: end,
                    ..Segment::default()
                },
                ..Run::default()
            }],
            head: Some(format!("{end:064}")),
            ..Ledger::default()
        }
    }

    #[test]
    fn what_was_saved_is_known_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let posts = folder.path();
        let mut known = Known::of(&[id(9), id(5)]);
        assert!(!known.insert(id(5)) && known.insert(id(7)) && !known.insert(id(7)));
        known.save(posts, &ledger(100, 3)).unwrap();
        for run in 1..60 {
            known = Known::cached(posts, &ledger(99 + run, 2 + run)).unwrap();
            assert!(known.contains(id(7)) && known.insert(id(1000 + run)));
            known.save(posts, &ledger(100 + run, 3 + run)).unwrap();
        }
        let now = ledger(159, 62);
        let known = Known::cached(posts, &now).unwrap();
        assert!(known.frames.len() <= MOST_FRAMES + 1);
        assert!((1..60).all(|run| known.contains(id(1000 + run))));
        assert!(
            Known::cached(posts, &ledger(158, 62)).is_none(),
            "of less data"
        );
        assert!(
            Known::cached(posts, &ledger(159, 61)).is_none(),
            "of other posts"
        );
        let mut other = ledger(159, 62);
        other.head = Some("f".repeat(64));
        assert!(
            Known::cached(posts, &other).is_none(),
            "of another ledger's run"
        );

        let bytes = fs::read(path(posts)).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(path(posts), &damaged).unwrap();
            assert!(Known::cached(posts, &now).is_none(), "byte {at}");
        }
        for length in (0..bytes.len()).step_by(3) {
            fs::write(path(posts), &bytes[..length]).unwrap();
            assert!(Known::cached(posts, &now).is_none(), "torn at {length}");
        }
    }

    #[test]
    fn ids_are_compared_as_a_set() {
        let mut added = Known::default();
        assert!(added.insert(id(2)) && added.insert(id(1)));
        assert!(added.are(&[id(2), id(1)]) && added.are(&[id(1), id(2)]));
        assert!(!added.are(&[id(2)]) && !added.are(&[id(2), id(2)]));
        let mut known = Known::of(&[id(3), id(1)]);
        known.insert(id(2));
        assert!(known.are(&[id(1), id(2), id(3)]));
        assert!(!known.are(&[id(1), id(2), id(2)]) && !known.are(&[id(1), id(2)]));
        known.keep(0);
        assert!(known.are(&[id(1), id(3)]) && known.insert(id(2)));
    }
}
