//! Adding lines to `data.json` in place, before its closing bracket.
//!
//! The posts already there are never touched: at any moment the file is the old array, the new
//! one, or the old one with an unfinished line behind it, which readers leave out and the next
//! writer cuts off.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use fs_err as fs;
use ring::digest::{Context, SHA256};

use super::runs::hex;
use super::{Segment, atomic};

pub(super) const CLOSING: &[u8] = b"\n]\n";
/// Fewer bytes are not worth a thread to hash them. In tests so few that there is one.
const HASHED_APART: usize = if cfg!(test) { 40 } else { 1 << 17 };

/// `data.json`, open for adding.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    stored: Arc<Stored>,
    /// Just behind the last post, or behind `[`.
    end: u64,
    /// No post is stored or pending; and none is stored.
    empty: bool,
    stored_none: bool,
    pending: Vec<u8>,
    start: u64,
    /// Bytes handed to `behind` of which nobody has heard yet.
    under_way: u64,
    behind: Option<Behind>,
}

/// The file, and the hash of what was added to it.
struct Stored {
    file: fs::File,
    hash: Mutex<Context>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Stored").field(&self.file).finish()
    }
}

/// What stands at the end of a file of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// A closed array whose last post (or opening bracket) ends here.
    Closed {
        /// Just behind the last post or the opening bracket.
        end: u64,
        /// The array has no post.
        empty: bool,
    },
    /// No closing bracket behind a whole post.
    Torn,
}

/// Looks at the end of a file of lines.
pub(super) fn tail(file: &mut fs::File) -> io::Result<Tail> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(4096);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(4096).read_to_end(&mut bytes)?;
    let Some(before) = bytes.trim_ascii_end().strip_suffix(b"]") else {
        return Ok(Tail::Torn);
    };
    let before = before.trim_ascii_end();
    let end = start + before.len() as u64;
    Ok(match before.last() {
        Some(b'}') => Tail::Closed { end, empty: false },
        Some(b'[') if end <= 4 => Tail::Closed { end, empty: true },
        _ => Tail::Torn,
    })
}

impl Appender {
    /// Opens a file of lines whose tail is closed; makes an empty array where there is no file.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let missing = fs::metadata(path).map_or(true, |meta| meta.len() == 0);
        if missing {
            atomic::replace(path, |out| out.write_all(b"[\n]\n"))?;
        }
        let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
        let Tail::Closed { end, empty } = tail(&mut file)? else {
            return Ok(None);
        };
        // The first segment begins with the bracket, so that segments cover the whole file.
        let mut hash = Context::new(&SHA256);
        if empty {
            file.rewind()?;
            let mut opening = vec![0; usize::try_from(end).unwrap_or(0)];
            file.read_exact(&mut opening)?;
            hash.update(&opening);
        }
        Ok(Some(Self {
            path: path.to_owned(),
            stored: Arc::new(Stored {
                file,
                hash: Mutex::new(hash),
            }),
            end,
            empty,
            stored_none: empty,
            pending: Vec::new(),
            start: if empty { 0 } else { end },
            under_way: 0,
            behind: None,
        }))
    }

    /// Just behind the last post.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether no post is stored.
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Bytes waiting to be committed.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Takes a line in; it is stored by the next [`Appender::commit`].
    pub(super) fn push(&mut self, line: &str) {
        self.pending
            .extend_from_slice(if self.empty { b"\n" } else { b",\n" });
        self.pending.extend_from_slice(line.as_bytes());
        self.empty = false;
    }

    /// Writes what is pending and syncs it to disk.
    ///
    /// # Errors
    /// When writing fails (a full disk): the file is then closed again behind what it held before.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.settle()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let added = self.pending.len();
        self.pending.extend_from_slice(CLOSING);
        let written = self.stored.add(self.end, &self.pending, added);
        self.pending.clear();
        self.settled(written, added as u64)
    }

    /// Has what is pending written and synced on another thread; the next call of this or of
    /// [`Appender::commit`] waits for it.
    ///
    /// # Errors
    /// As [`Appender::commit`], of what the last call had begun to write; what is pending is lost too.
    pub(super) fn commit_behind(&mut self) -> io::Result<()> {
        self.settle()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        self.under_way = self.pending.len() as u64;
        self.pending.extend_from_slice(CLOSING);
        let behind = self
            .behind
            .get_or_insert_with(|| Behind::new(Arc::clone(&self.stored)));
        self.pending = behind.write(self.end, std::mem::take(&mut self.pending));
        Ok(())
    }

    /// Waits for what is written on the other thread.
    fn settle(&mut self) -> io::Result<()> {
        let added = std::mem::take(&mut self.under_way);
        match &mut self.behind {
            Some(behind) if added > 0 => {
                let written = behind.wait();
                self.settled(written, added)
            }
            _ => Ok(()),
        }
    }

    /// What becomes of the file once an addition was written, or was not.
    fn settled(&mut self, written: io::Result<()>, added: u64) -> io::Result<()> {
        let Err(error) = written else {
            self.end += added;
            self.stored_none = false;
            return Ok(());
        };
        self.pending.clear();
        let closed = self.stored.write(self.end, CLOSING);
        self.empty = self.stored_none;
        closed.and(Err(io::Error::new(
            error.kind(),
            format!(
                "cannot add to `{}`: {error}; what was stored before is unharmed",
                self.path.display()
            ),
        )))
    }

    /// The range that was added since opening.
    pub(super) fn segment(&self) -> Segment {
        Segment {
            from: self.start,
            to: self.end,
            sha256: hex(self.stored.hash().clone().finish().as_ref()),
        }
    }
}

impl Stored {
    /// Writes bytes at a place, where the file then ends, and hashes the first of them.
    fn add(&self, at: u64, bytes: &[u8], hashed: usize) -> io::Result<()> {
        let mut hash = self.hash().clone();
        let hashed = &bytes[..hashed];
        if hashed.len() < HASHED_APART {
            self.write(at, bytes)?;
            hash.update(hashed);
        } else {
            // The disk takes its time to sync.
            std::thread::scope(|scope| {
                scope.spawn(|| hash.update(hashed));
                self.write(at, bytes)
            })?;
        }
        *self.hash() = hash;
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.set_len(at + bytes.len() as u64)?;
        file.sync_data()
    }

    fn hash(&self) -> MutexGuard<'_, Context> {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that writes one addition at a time.
#[derive(Debug)]
struct Behind {
    /// Place and bytes, the closing ones included; they come back to be filled again.
    jobs: Option<SyncSender<(u64, Vec<u8>)>>,
    done: Receiver<(io::Result<()>, Vec<u8>)>,
    thread: Option<JoinHandle<()>>,
    spare: Vec<u8>,
}

impl Behind {
    fn new(stored: Arc<Stored>) -> Self {
        let (jobs, given) = sync_channel::<(u64, Vec<u8>)>(1);
        let (answer, done) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            for (at, mut bytes) in given {
                let written = stored.add(at, &bytes, bytes.len() - CLOSING.len());
                bytes.clear();
                if answer.send((written, bytes)).is_err() {
                    return;
                }
            }
        });
        Self {
            jobs: Some(jobs),
            done,
            thread: Some(thread),
            spare: Vec::new(),
        }
    }

    /// Begins to write; gives back an empty buffer.
    fn write(&mut self, at: u64, bytes: Vec<u8>) -> Vec<u8> {
        if let Some(jobs) = &self.jobs {
            // If the thread is gone, waiting for its answer says so.
            let _ = jobs.send((at, bytes));
        }
        std::mem::take(&mut self.spare)
    }

    fn wait(&mut self) -> io::Result<()> {
        let failed = |_| io::Error::other("the writing thread failed");
        let (written, spare) = self.done.recv().map_err(failed)?;
        self.spare = spare;
        written
    }
}

impl Drop for Behind {
    /// Nobody may take the store's lock while something is still being written.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Hash of a range of a file.
pub(super) fn hash_range(path: &Path, from: u64, to: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut hash = Context::new(&SHA256);
    let mut rest = to.saturating_sub(from);
    let mut buffer = vec![0; 1 << 18];
    while rest > 0 {
        let wanted = buffer
            .len()
            .min(usize::try_from(rest).unwrap_or(usize::MAX));
        let got = file.read(&mut buffer[..wanted])?;
        if got == 0 {
            break;
        }
        hash.update(&buffer[..got]);
        rest -= got as u64;
    }
    Ok(hex(hash.finish().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.json");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn the_end_of_a_file_is_told() {
        let closed = |end, empty| Tail::Closed { end, empty };
        for (text, expected) in [
            ("[\n]\n", closed(1, true)),
            ("[]", closed(1, true)),
            ("\u{feff}[\n]\n", closed(4, true)),
            ("[\n{}\n]\n", closed(4, false)),
            ("[\n{}]", closed(4, false)),
            ("[\n{}  \n\n ] \n\n", closed(4, false)),
            ("[\n{},\n]\n", Tail::Torn),
            ("[\n{},]\n", Tail::Torn),
            ("[\n{}\n", Tail::Torn),
            ("[\n{}", Tail::Torn),
            ("[\n{\"a\":[1]\n", Tail::Torn),
            ("[\n{\"a\":[", Tail::Torn),
            ("", Tail::Torn),
        ] {
            let (_folder, path) = file(text);
            assert_eq!(
                tail(&mut fs::File::open(path).unwrap()).unwrap(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn segments_join_and_cover_the_file() {
        let (_folder, path) = file("");
        let mut from = 0;
        for round in 0..3 {
            let mut appender = Appender::open(&path).unwrap().unwrap();
            for line in 0..=round {
                appender.push(&format!("{{\"round\":{round},\"line\":{line}}}"));
                // Whether in one step or in several, waited for or not.
                if round == 2 {
                    appender.commit().unwrap();
                } else {
                    appender.commit_behind().unwrap();
                }
            }
            appender.commit().unwrap();
            let segment = appender.segment();
            assert_eq!(segment.from, from);
            assert_eq!(segment.sha256, hash_range(&path, from, segment.to).unwrap());
            from = segment.to;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.len() as u64, from + CLOSING.len() as u64);
        let posts: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!((posts.len(), text.lines().count()), (6, 8));
    }

    #[test]
    fn what_could_not_be_written_behind_is_told_by_the_next_commit() {
        let (_folder, path) = file("[\n{\"a\":1}\n]\n");
        let mut appender = Appender::open(&path).unwrap().unwrap();
        let end = appender.end();
        // A file that cannot be written to, in place of a disk that is full.
        appender.stored = Arc::new(Stored {
            file: fs::File::open(&path).unwrap(),
            hash: Mutex::new(Context::new(&SHA256)),
        });
        appender.push("{\"b\":2}");
        appender.commit_behind().unwrap();
        appender.push("{\"c\":3}");
        assert!(appender.commit_behind().is_err());
        assert_eq!((appender.end(), appender.pending()), (end, 0));
        assert_eq!(fs::read(&path).unwrap(), b"[\n{\"a\":1}\n]\n");
    }

    #[test]
    fn nothing_is_written_before_it_is_committed() {
        let (_folder, path) = file("[\n{\"a\":1}\n]\n");
        let before = fs::read(&path).unwrap();
        let mut appender = Appender::open(&path).unwrap().unwrap();
        appender.push("{\"b\":2}");
        assert!(appender.pending() > 0);
        assert_eq!(fs::read(&path).unwrap(), before);
        drop(appender);
        let mut appender = Appender::open(&path).unwrap().unwrap();
        appender.commit().unwrap();
        assert_eq!(
            fs::read(&path).unwrap(),
            before,
            "committing nothing changes nothing"
        );
    }
}
