//! One writer at a time; readers never wait.

use std::fmt;
use std::fs::TryLockError;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Who holds it adds posts, and may change anything that no other lock is for.
pub(super) const POSTS: &str = ".cotag.lock";
const POLL: Duration = Duration::from_millis(50);

/// Who writes to a data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    pid: u32,
    command: String,
    since: Timestamp,
}

impl Holder {
    /// The command that it runs.
    pub fn command(&self) -> &str {
        &self.command
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(
            formatter,
            "`cotag {}` (process {}, since {since})",
            self.command, self.pid
        )
    }
}

/// The right to write; given back when dropped, by the system even when the process is killed.
#[derive(Debug)]
pub(super) struct Lock {
    file: fs::File,
    /// Written back in the end: checking a store leaves every byte of it as it was.
    before: Option<Vec<u8>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The text only tells whom to wait for; it can be any.
            let _ = rewritten(&mut self.file, before);
        }
    }
}

impl Lock {
    /// Waits for a lock of `root` at most `timeout`; `waiting` is called once if it has to wait.
    pub(super) fn take(
        root: &Path,
        name: &str,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join(name))?;
        let mut lock = Self::wait(file, root, timeout, waiting)?;
        lock.sign(command)?;
        Ok(lock)
    }

    /// As [`Lock::take`], but changes nothing where nobody can have written: `None` where there is
    /// no lock, or where this process may not write to it.
    pub(super) fn take_if_any(
        root: &Path,
        name: &str,
        command: &str,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Option<Self>, StoreError> {
        let path = root.join(name);
        match fs::OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => {
                let mut lock = Self::wait(file, root, timeout, waiting)?;
                let mut before = Vec::new();
                lock.file.rewind()?;
                lock.file.read_to_end(&mut before)?;
                lock.before = Some(before);
                lock.sign(command)?;
                Ok(Some(lock))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem => Ok(None),
                _ => Err(error.into()),
            },
        }
    }

    /// Who holds a lock at this moment.
    pub(super) fn holder(root: &Path, name: &str) -> io::Result<Option<Holder>> {
        let path = root.join(name);
        let mut file = match fs::OpenOptions::new().read(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Shared, so that two who only look do not see each other; given back when the file closes.
        match file.file().try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read_holder(&mut file))),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn wait(
        mut file: fs::File,
        root: &Path,
        timeout: Duration,
        waiting: &mut dyn FnMut(&Holder),
    ) -> Result<Self, StoreError> {
        let start = Instant::now();
        let mut told = false;
        loop {
            match file.file().try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) => {}
            }
            let holder = read_holder(&mut file);
            if start.elapsed() >= timeout {
                return Err(StoreError::Locked {
                    root: root.to_owned(),
                    holder,
                });
            }
            if !told {
                waiting(&holder);
                told = true;
            }
            std::thread::sleep(POLL);
        }
        Ok(Self { file, before: None })
    }

    /// Tells the others for whom they wait.
    fn sign(&mut self, command: &str) -> io::Result<()> {
        let me = Holder {
            pid: std::process::id(),
            command: command.to_owned(),
            since: Timestamp::now(),
        };
        rewritten(&mut self.file, &serde_json::to_vec(&me)?)
    }
}

fn rewritten(file: &mut fs::File, text: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text)
}

/// The file's text may be a moment old or half written: then an unknown holder is named.
fn read_holder(file: &mut fs::File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    read.ok()
        .and_then(|_| serde_json::from_str(&text).ok())
        .unwrap_or(Holder {
            pid: 0,
            command: "?".into(),
            since: Timestamp::UNIX_EPOCH,
        })
}
