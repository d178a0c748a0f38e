//! A stream that waits to be hashed together with another one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use super::pairs::Block;
use super::{Blocks, Kind, Sha256};

/// Bytes that are queued together: whole blocks.
const CHUNK: usize = 1 << 18;
/// Chunks that wait for another stream, which is more than what an import has read and not stored; from then
/// on the queue is hashed alone.
const PATIENCE: usize = 24;
/// Chunks beyond these before whoever brings more has to wait.
const ROOM: usize = 4;

/// Queues whose streams may be hashed together with others.
static WAITING: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// A stream that is hashed by whoever hashes another one, or after a while by a thread of its own.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    filling: Vec<u8>,
    chunk: usize,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    inside: Mutex<Inside>,
    changed: Condvar,
}

struct Inside {
    /// Each with the number of its blocks that are hashed already.
    chunks: VecDeque<(Vec<u8>, usize)>,
    /// `None` while somebody hashes, so that the order is kept.
    hash: Option<Sha256>,
    /// To be filled again.
    spare: Vec<Vec<u8>>,
    patience: usize,
    ended: bool,
}

impl Queue {
    /// A stream of which nothing has come yet.
    pub(crate) fn new() -> Self {
        Self::of(Sha256::new(), CHUNK)
    }

    /// Chunks have so many bytes, of whole blocks.
    pub(super) fn of(hash: Sha256, chunk: usize) -> Self {
        let may_wait = matches!(hash.0, Kind::Paired(_));
        let shared = Arc::new(Shared {
            inside: Mutex::new(Inside {
                chunks: VecDeque::new(),
                hash: Some(hash),
                spare: Vec::new(),
                patience: if may_wait { PATIENCE } else { 0 },
                ended: false,
            }),
            changed: Condvar::new(),
        });
        if may_wait {
            let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|queue| queue.strong_count() > 0);
            waiting.push(Arc::downgrade(&shared));
        }
        let impatient = Arc::clone(&shared);
        Self {
            shared,
            filling: Vec::new(),
            chunk,
            thread: Some(std::thread::spawn(move || impatient.work())),
        }
    }

    /// Takes the next bytes in.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.filling.capacity() == 0 {
                self.filling.reserve_exact(self.chunk);
            }
            let (first, others) = bytes.split_at(bytes.len().min(self.chunk - self.filling.len()));
            self.filling.extend_from_slice(first);
            bytes = others;
            if self.filling.len() == self.chunk {
                let full = std::mem::take(&mut self.filling);
                self.filling = self.shared.push(full);
            }
        }
    }

    /// The hash of all of it, in hexadecimal; empty where the thread failed.
    pub(crate) fn finish(mut self) -> String {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        let joined = self.thread.take().is_some_and(|it| it.join().is_ok());
        let hash = self.shared.lock().hash.take();
        match hash {
            Some(mut hash) if joined => {
                hash.update_alone(&self.filling);
                hash.finish()
            }
            _ => String::new(),
        }
    }
}

impl Drop for Queue {
    /// Nobody asks for the hash any more.
    fn drop(&mut self) {
        let mut inside = self.shared.lock();
        inside.ended = true;
        inside.chunks.clear();
        drop(inside);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'i>(&self, inside: MutexGuard<'i, Inside>) -> MutexGuard<'i, Inside> {
        self.changed
            .wait(inside)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a chunk; gives one to fill.
    fn push(&self, chunk: Vec<u8>) -> Vec<u8> {
        let mut inside = self.lock();
        while inside.chunks.len() >= inside.patience + ROOM {
            inside = self.wait(inside);
        }
        inside.chunks.push_back((chunk, 0));
        let spare = inside.spare.pop().unwrap_or_default();
        let too_many = inside.chunks.len() > inside.patience;
        drop(inside);
        if too_many {
            self.changed.notify_all();
        }
        spare
    }

    /// Hashes what has waited too long, and at the end everything.
    fn work(self: Arc<Self>) {
        loop {
            let mut inside = self.lock();
            loop {
                let due = inside.ended || inside.chunks.len() > inside.patience;
                if due && inside.hash.is_some() {
                    break;
                }
                inside = self.wait(inside);
            }
            let Some(mut taken) = Taken::of(&self, inside) else {
                return;
            };
            taken.hash_alone();
        }
    }
}

/// A chunk that is being hashed; what is left of it, and the hash, go back when it is dropped.
struct Taken {
    queue: Arc<Shared>,
    hash: Option<Sha256>,
    chunk: Vec<u8>,
    hashed: usize,
}

impl Taken {
    /// The next chunk, if there is one and nobody hashes.
    fn of(queue: &Arc<Shared>, mut inside: MutexGuard<'_, Inside>) -> Option<Self> {
        if inside.chunks.is_empty() || inside.hash.is_none() {
            return None;
        }
        let (chunk, hashed) = inside.chunks.pop_front()?;
        Some(Self {
            queue: Arc::clone(queue),
            hash: inside.hash.take(),
            chunk,
            hashed,
        })
    }

    fn hash_alone(&mut self) {
        let blocks = &self.chunk[self.hashed * 64..];
        if let Some(hash) = &mut self.hash {
            hash.update_alone(blocks);
        }
        self.hashed = self.chunk.len() / 64;
    }

    /// Hashes it together with blocks of another stream; gives how many of those.
    fn hash_with(&mut self, own: &mut Blocks, blocks: &[Block]) -> usize {
        let Some(Sha256(Kind::Paired(hash))) = &mut self.hash else {
            return 0;
        };
        let (waiting, _) = self.chunk[self.hashed * 64..].as_chunks();
        let count = own.add_with(blocks, hash, waiting);
        hash.length += count as u64 * 64;
        self.hashed += count;
        count
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut inside = self.queue.lock();
        inside.hash = self.hash.take();
        let mut chunk = std::mem::take(&mut self.chunk);
        if self.hashed * 64 < chunk.len() {
            inside.chunks.push_front((chunk, self.hashed));
        } else {
            chunk.clear();
            inside.spare.push(chunk);
        }
        drop(inside);
        self.queue.changed.notify_all();
    }
}

/// Adds blocks to a stream, together with what waits, or else alone; gives those that are left.
pub(super) fn with_waiting<'b>(own: &mut Blocks, blocks: &'b [Block]) -> &'b [Block] {
    if let Some(mut taken) = any() {
        let count = taken.hash_with(own, blocks);
        if count > 0 {
            return &blocks[count..];
        }
    }
    // Something may come to wait meanwhile.
    let (first, others) = blocks.split_at(blocks.len().min(CHUNK / 64));
    own.add(first);
    others
}

/// A chunk that waits somewhere.
fn any() -> Option<Taken> {
    let queues: Vec<Arc<Shared>> = {
        let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().filter_map(Weak::upgrade).collect()
    };
    queues
        .iter()
        .find_map(|queue| Taken::of(queue, queue.lock()))
}
