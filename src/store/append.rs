//! Adding lines to `data.json` in place, before its closing bracket.
//!
//! The posts already there are never touched: at any moment the file is the old array, the new
//! one, or the old one with an unfinished line behind it, which readers leave out and the next
//! writer cuts off.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::runs::hex;
use super::{Segment, atomic};

const CLOSING: &[u8] = b"\n]\n";

/// `data.json`, open for adding.
#[derive(Debug)]
pub(super) struct Appender {
    path: PathBuf,
    file: fs::File,
    /// Just behind the last post, or behind `[`.
    end: u64,
    /// No post is stored or pending; and none is stored.
    empty: bool,
    stored_none: bool,
    pending: Vec<u8>,
    start: u64,
    hash: Sha256,
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
        let mut appender = Self {
            path: path.to_owned(),
            file,
            end,
            empty,
            stored_none: empty,
            pending: Vec::new(),
            start: end,
            hash: Sha256::new(),
        };
        if empty {
            // The first segment begins with the bracket, so that segments cover the whole file.
            appender.start = 0;
            appender.file.rewind()?;
            let mut opening = vec![0; usize::try_from(end).unwrap_or(0)];
            appender.file.read_exact(&mut opening)?;
            appender.hash.update(&opening);
        }
        Ok(Some(appender))
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
        if self.pending.is_empty() {
            return Ok(());
        }
        let added = self.pending.len();
        self.pending.extend_from_slice(CLOSING);
        match self.write(self.end) {
            Ok(()) => {
                self.hash.update(&self.pending[..added]);
                self.end += added as u64;
                self.stored_none = false;
                self.pending.clear();
                Ok(())
            }
            Err(error) => {
                self.pending = CLOSING.to_vec();
                let closed = self.write(self.end);
                self.pending.clear();
                self.empty = self.stored_none;
                closed.and(Err(io::Error::new(
                    error.kind(),
                    format!(
                        "cannot add to `{}`: {error}; what was stored before is unharmed",
                        self.path.display()
                    ),
                )))
            }
        }
    }

    fn write(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&self.pending)?;
        self.file.set_len(at + self.pending.len() as u64)?;
        self.file.sync_data()
    }

    /// The range that was added since opening.
    pub(super) fn segment(&self) -> Segment {
        Segment {
            from: self.start,
            to: self.end,
            sha256: hex(&self.hash.clone().finalize()),
        }
    }
}

/// Hash of a range of a file.
pub(super) fn hash_range(path: &Path, from: u64, to: u64) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut hash = Sha256::new();
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
    Ok(hex(&hash.finalize()))
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
                // Whether in one step or in several.
                if round == 2 {
                    appender.commit().unwrap();
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
