//! Which posts are stored: a cache of their ids beside the posts, and those added since.
//!
//! `posts/index/ids` is a row of frames, one for each run that added posts, so that adding costs what
//! is added and not what is there. A frame is little-endian:
//!
//! ```text
//! 8 bytes  "cotagid1"
//! u64      end of data.json that the frame and those before it cover
//! u64      where the hashtag's list in post_ids.json ends, behind its last id
//! u64      last id of that list
//! u64      number of ids
//! u64…     the ids, sorted
//! u32      CRC-32 of all bytes before it, from the beginning of the file
//! ```
//!
//! It is made again from the posts wherever it does not cover exactly what the ledger vouches for.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use hashbrown::HashSet;

use super::ids::ListEnd;
use super::{StoreError, atomic};
use crate::model::PostId;

const MAGIC: &[u8; 8] = b"cotagid1";
const HEADER: usize = 40;
/// With more frames than this the next write makes one of them.
const MOST_FRAMES: usize = 24;

/// The ids of a hashtag's posts.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Sorted lists of stored ids.
    stored: Vec<Vec<u64>>,
    /// What the cache said of the list in `post_ids.json`.
    pub(super) list_end: Option<ListEnd>,
    /// Bytes of the cache that are right; `None` where it has to be made anew.
    cached: Option<(u64, crc32fast::Hasher)>,
    added: HashSet<u64>,
    /// The ids added, in their order.
    pub(super) order: Vec<PostId>,
}

impl Known {
    /// The stored ids as the cache has them, if it covers so many bytes and posts.
    pub(super) fn cached(posts: &Path, data_end: u64, count: u64) -> Option<Self> {
        let bytes = fs::read(path(posts)).ok()?;
        let mut known = Self::default();
        let mut hasher = crc32fast::Hasher::new();
        let (mut rest, mut end) = (bytes.as_slice(), 0);
        while let Some((frame, behind)) = frame(rest, &mut hasher) {
            end = frame.data_end;
            known.list_end = Some(frame.list_end);
            known.stored.push(frame.ids);
            rest = behind;
        }
        let length = (bytes.len() - rest.len()) as u64;
        let stored: usize = known.stored.iter().map(Vec::len).sum();
        if known.stored.len() <= MOST_FRAMES {
            known.cached = Some((length, hasher));
        }
        (end == data_end && stored as u64 == count).then_some(known)
    }

    /// Ids that were read from somewhere else.
    pub(super) fn of(ids: &[PostId]) -> Self {
        let mut stored: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        stored.sort_unstable();
        stored.dedup();
        Self {
            stored: vec![stored],
            ..Self::default()
        }
    }

    /// Whether a post is stored or was added.
    pub(super) fn contains(&self, id: PostId) -> bool {
        let id = id.get();
        self.added.contains(&id) || self.stored.iter().any(|ids| ids.binary_search(&id).is_ok())
    }

    /// Adds an id; `false` if it is known.
    pub(super) fn insert(&mut self, id: PostId) -> bool {
        let is_new = !self.contains(id);
        if is_new {
            self.added.insert(id.get());
            self.order.push(id);
        }
        is_new
    }

    /// How many ids are known.
    pub(super) fn len(&self) -> usize {
        self.stored.iter().map(Vec::len).sum::<usize>() + self.added.len()
    }

    /// Brings the cache up to date. Not synced: what is lost is made again.
    pub(super) fn save(
        &mut self,
        posts: &Path,
        data_end: u64,
        list_end: ListEnd,
    ) -> Result<(), StoreError> {
        let mut new: Vec<u64> = self.added.drain().collect();
        new.sort_unstable();
        let cache = path(posts);
        if let Some((length, hasher)) = &mut self.cached {
            let mut file = fs::OpenOptions::new().write(true).open(&cache)?;
            file.set_len(*length)?;
            file.seek(SeekFrom::Start(*length))?;
            let bytes = framed(&new, data_end, list_end, hasher);
            file.write_all(&bytes)?;
            *length += bytes.len() as u64;
            self.stored.push(new);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.stored).concat();
        all.append(&mut new);
        // This sort finds the sorted lists and merges them.
        #[expect(clippy::stable_sort_primitive, reason = "it is the one that merges")]
        all.sort();
        if let Some(folder) = cache.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut hasher = crc32fast::Hasher::new();
        let bytes = framed(&all, data_end, list_end, &mut hasher);
        atomic::replace(&cache, |out| out.write_all(&bytes))?;
        self.cached = Some((bytes.len() as u64, hasher));
        self.stored.push(all);
        Ok(())
    }
}

fn path(posts: &Path) -> PathBuf {
    posts.join("index").join("ids")
}

struct Frame {
    data_end: u64,
    list_end: ListEnd,
    ids: Vec<u64>,
}

/// The frame at the beginning of some bytes, and what is behind it; `None` if there is no whole one.
fn frame<'b>(bytes: &'b [u8], hasher: &mut crc32fast::Hasher) -> Option<(Frame, &'b [u8])> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let (words, _) = header.as_chunks::<8>();
    let word = |number: usize| words.get(number).copied().map(u64::from_le_bytes);
    if words.first()? != MAGIC {
        return None;
    }
    let length = usize::try_from(word(4)?).ok()?.checked_mul(8)?;
    let (ids, rest) = body.split_at_checked(length)?;
    let (sum, behind) = rest.split_first_chunk::<4>()?;
    let mut upto = hasher.clone();
    upto.update(&bytes[..HEADER + length]);
    if upto.clone().finalize() != u32::from_le_bytes(*sum) {
        return None;
    }
    upto.update(sum);
    *hasher = upto;
    let (ids, _) = ids.as_chunks::<8>();
    let frame = Frame {
        data_end: word(1)?,
        list_end: ListEnd {
            place: word(2)?,
            last: word(3)?,
        },
        ids: ids.iter().copied().map(u64::from_le_bytes).collect(),
    };
    Some((frame, behind))
}

fn framed(
    ids: &[u64],
    data_end: u64,
    list_end: ListEnd,
    hasher: &mut crc32fast::Hasher,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + ids.len() * 8 + 4);
    bytes.extend_from_slice(MAGIC);
    let header = [data_end, list_end.place, list_end.last, ids.len() as u64];
    for word in header.iter().chain(ids) {
        bytes.extend_from_slice(&word.to_le_bytes());
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

    const END: ListEnd = ListEnd { place: 7, last: 5 };

    fn id(number: u64) -> PostId {
        PostId::new(number).unwrap()
    }

    #[test]
    fn what_was_saved_is_known_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let posts = folder.path();
        let mut known = Known::of(&[id(9), id(5)]);
        assert!(!known.insert(id(5)) && known.insert(id(7)) && !known.insert(id(7)));
        known.save(posts, 100, END).unwrap();
        for run in 1..60 {
            let count = known.len() as u64;
            known = Known::cached(posts, 99 + run, count).unwrap();
            assert!(known.contains(id(7)) && known.insert(id(1000 + run)));
            known.save(posts, 100 + run, END).unwrap();
        }
        let known = Known::cached(posts, 159, 62).unwrap();
        assert!(known.stored.len() <= MOST_FRAMES + 1);
        assert_eq!(known.list_end, Some(END));
        assert!((1..60).all(|run| known.contains(id(1000 + run))));
        assert!(Known::cached(posts, 158, 62).is_none(), "stale");
        assert!(Known::cached(posts, 159, 61).is_none(), "of other posts");

        let bytes = fs::read(path(posts)).unwrap();
        for at in [0, 8, 41, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(path(posts), &damaged).unwrap();
            assert!(Known::cached(posts, 159, 62).is_none(), "byte {at}");
        }
        fs::write(path(posts), &bytes[..bytes.len() - 3]).unwrap();
        assert!(Known::cached(posts, 159, 62).is_none(), "torn");
    }
}
