//! A file given out to threads in blocks of whole records.
//!
//! Lines end where a line feed stands. In a single line nobody knows where a record ends without
//! having read everything before it, so there a block ends where it looks so: behind a `}` that is
//! followed by what the file's first record begins with. Whoever reads the blocks sees whether that
//! was right.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_err as fs;
use memchr::memmem;

use crate::json::Vectors;

/// Bytes handed to a thread at a time: few enough to stay in a core's cache. In tests so few that
/// every record lies across blocks.
pub(super) const BLOCK: usize = if cfg!(test) { 64 } else { 1 << 18 };
/// A record of more bytes than this is not looked for the end of.
const LONGEST: usize = if cfg!(test) { 1 << 12 } else { 1 << 26 };

/// A piece of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'b> {
    /// Bytes of the file before it.
    pub(super) offset: u64,
    /// Its text.
    pub(super) bytes: &'b [u8],
    /// Whether the file ends with it.
    pub(super) is_last: bool,
}

/// Where blocks end.
#[derive(Clone, Debug)]
pub(super) enum Cut {
    /// Behind a line feed.
    Lines,
    /// Behind a record of a single line.
    Records {
        /// From the record's closing bracket to the next one's first key.
        between: Vec<u8>,
        /// The second key, which objects inside a record hardly have in the same place.
        second: Vec<u8>,
    },
}

impl Cut {
    /// How records of a single line follow each other, judged by the first, which a file begins with; `None`
    /// if that cannot be told.
    pub(super) fn after(head: &[u8]) -> Option<Self> {
        let first = key(head.strip_prefix(b"[{")?)?;
        let mut value = 2 + first.len();
        value += usize::from(head.get(value) == Some(&b' '));
        let end = Vectors::default().value(head, value).ok()?;
        let rest = head.get(end..)?.strip_prefix(b",")?;
        let second = key(rest.strip_prefix(b" ").unwrap_or(rest))?;
        let behind = head.get(2 + first.len()..)?;
        let blank: &[u8] = if behind.first() == Some(&b' ') {
            b" "
        } else {
            b""
        };
        Some(Self::Records {
            between: [b"},", blank, b"{", first, blank].concat(),
            second: [b",", blank, second].concat(),
        })
    }

    /// Where to cut a text, not before `from`.
    fn last(&self, text: &[u8], from: usize) -> Option<usize> {
        match self {
            Self::Lines => memchr::memrchr(b'\n', &text[from..]).map(|at| from + at + 1),
            Self::Records { between, second } => {
                /// Enough for an id or a time in the first member.
                const NEAR: usize = 64;
                let start = from.saturating_sub(between.len() + NEAR);
                let mut text = &text[start..];
                while let Some(at) = memmem::rfind(text, between) {
                    let behind = &text[at + between.len()..];
                    let near = &behind[..behind.len().min(NEAR + second.len())];
                    if memmem::find(near, second).is_some() {
                        return Some(start + at + 1);
                    }
                    text = &text[..at];
                }
                None
            }
        }
    }
}

/// The key that a text begins with, with its quotes and the colon.
fn key(text: &[u8]) -> Option<&[u8]> {
    let close = memchr::memchr(b'"', text.strip_prefix(b"\"")?)? + 1;
    text.get(..close + 2).filter(|key| key.ends_with(b":"))
}

/// Memory for a block, cleared once and then used again and again.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// How many of them are text.
    used: usize,
}

impl Buffer {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Reads up to [`BLOCK`] more bytes, fewer only at the end of the file; says whether there were any.
    fn fill(&mut self, file: &mut impl io::Read) -> io::Result<bool> {
        let (from, end) = (self.used, self.used + BLOCK);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        while self.used < end {
            match file.read(&mut self.bytes[self.used..end]) {
                Ok(0) => break,
                Ok(got) => self.used += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.used > from)
    }

    /// Begins anew with some text.
    fn begin(&mut self, text: &[u8]) {
        if self.bytes.len() < text.len() {
            self.bytes.resize(text.len(), 0);
        }
        self.bytes[..text.len()].copy_from_slice(text);
        self.used = text.len();
    }
}

/// The file, given out block by block.
struct Blocks {
    /// Read no further than the file was long when it was opened: what is added meanwhile is half there.
    file: io::Take<std::fs::File>,
    cut: Cut,
    /// What was read behind the last block.
    carry: Vec<u8>,
    /// Bytes before `carry`.
    offset: u64,
    /// No end of a record was found: not laid out as it seemed.
    lost: bool,
}

impl Blocks {
    /// Fills `block` with the next whole records (at the end of the file with what is left) and
    /// returns their place and whether they are the last; `None` when nothing is left.
    fn next(&mut self, block: &mut Buffer) -> io::Result<Option<(u64, bool)>> {
        if self.lost {
            return Ok(None);
        }
        // Not exchanged: a thread's own buffer is near its core.
        block.begin(&self.carry);
        self.carry.clear();
        let offset = self.offset;
        loop {
            let start = block.used;
            if !block.fill(&mut self.file)? {
                self.offset += block.used as u64;
                return Ok((block.used > 0).then_some((offset, true)));
            }
            if let Some(end) = self.cut.last(block.text(), start) {
                self.carry.extend_from_slice(&block.text()[end..]);
                block.used = end;
                self.offset += end as u64;
                return Ok(Some((offset, false)));
            }
            if block.used > LONGEST {
                self.lost = true;
                return Ok(None);
            }
        }
    }
}

/// Calls `each` with every block of a file, each thread with a state of its own, and returns the
/// states; `None` as soon as `each` returns `false`.
///
/// # Errors
/// The disk's own.
pub(super) fn each_block<S: Send>(
    path: &Path,
    cut: Cut,
    new: &(dyn Fn() -> S + Sync),
    each: &(dyn Fn(&mut S, Block<'_>) -> bool + Sync),
) -> io::Result<Option<Vec<S>>> {
    let file = fs::File::open(path)?.into_file();
    let length = file.metadata()?.len();
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(usize::try_from(length / BLOCK as u64).unwrap_or(usize::MAX) + 1);
    let stopped = AtomicBool::new(false);
    let blocks = Mutex::new(Blocks {
        file: file.take(length),
        cut,
        carry: Vec::new(),
        offset: 0,
        lost: false,
    });
    let failed = || io::Error::other("a reading thread failed");
    let work = || -> io::Result<S> {
        let mut state = new();
        let mut block = Buffer::default();
        while !stopped.load(Ordering::Relaxed) {
            let next = blocks.lock().map_err(|_| failed())?.next(&mut block)?;
            let Some((offset, is_last)) = next else {
                break;
            };
            let block = Block {
                offset,
                bytes: block.text(),
                is_last,
            };
            if !each(&mut state, block) {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        Ok(state)
    };
    let states: Vec<io::Result<S>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut states = vec![work()];
        let others = others.into_iter();
        states.extend(others.map(|thread| thread.join().unwrap_or_else(|_| Err(failed()))));
        states
    });
    let lost = blocks.into_inner().map_or(true, |blocks| blocks.lost);
    if stopped.into_inner() || lost {
        return Ok(None);
    }
    states.into_iter().collect::<io::Result<_>>().map(Some)
}
