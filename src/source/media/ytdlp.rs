//! yt-dlp as a child process: found, asked for its version, fed with a batch of links.
//!
//! It gets nothing foreign but links of our own making, on its standard input. Its files land in a
//! directory of ours under names made of the post's id; where they go from there is not its business.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::events::{self, BYTES, DONE, Said};
use crate::model::PostId;
use crate::source::programs::{self, ProbeError, find_on_path};

/// What to tell people who have none.
pub const HOW_TO_GET_YT_DLP: &str = "get yt-dlp from https://github.com/yt-dlp/yt-dlp/releases (one file), with `pipx install yt-dlp` \
     or `brew install yt-dlp`, put it on PATH or name it with --yt-dlp PATH";

/// How long an interrupt may wait for a line.
const POLL: Duration = Duration::from_millis(100);
/// No line that matters is longer.
const LONGEST_LINE: u64 = 64 * 1024;

/// yt-dlp on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YtDlp {
    path: PathBuf,
}

/// How to fetch.
#[derive(Clone, Debug)]
pub struct Fetching {
    /// The directory for its files, parts of earlier runs included.
    pub work: PathBuf,
    /// Larger files are not fetched.
    pub most: u64,
    /// A cookie file for yt-dlp, which also writes to it.
    pub cookies: Option<PathBuf>,
    /// Proxy; `None` takes the system's.
    pub proxy: Option<String>,
    /// Links lead to another site than TikTok's, which the user named.
    pub own_site: bool,
}

/// What becomes of a post of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes are there.
    Bytes(PostId, u64),
    /// This file is whole.
    Whole(PostId, PathBuf),
    /// It could not be fetched, and why.
    Failed(PostId, String),
}

impl YtDlp {
    /// The program named, else the first on `PATH`; `None` where there is none.
    pub fn find(named: Option<&Path>) -> Option<Self> {
        let path = match named {
            // A bare name is one to look for; what stands beside us is not meant by it.
            Some(named) if named.components().count() == 1 && !named.is_absolute() => {
                find_on_path(&[named.to_str()?])
            }
            Some(named) => named.is_file().then(|| named.to_owned()),
            None => find_on_path(&["yt-dlp"]),
        };
        Some(Self { path: path? })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version that it says it is.
    ///
    /// # Errors
    /// It does not start, hangs, or says something else.
    pub fn version(&self, patience: Duration) -> Result<String, ProbeError> {
        let version = programs::version(&self.path, patience)?;
        let dated = version.starts_with("20") && version.get(4..5) == Some(".");
        if dated {
            Ok(version)
        } else {
            Err(ProbeError::Garbage(version))
        }
    }

    /// Fetches the videos of a batch one after the other, until all are settled or `stop` says so.
    ///
    /// Each post is told as whole or failed exactly once, unless stopped.
    ///
    /// # Errors
    /// yt-dlp cannot be started.
    pub fn fetch(
        &self,
        batch: &[(PostId, String)],
        how: &Fetching,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(Progress),
    ) -> io::Result<()> {
        let mut rest = batch.to_vec();
        while !rest.is_empty() && !stop() {
            let before = rest.len();
            let mut round = Round {
                how,
                rest: &mut rest,
                current: None,
                last_line: String::new(),
                tell,
            };
            self.round(&mut round, stop)?;
            let last_line = std::mem::take(&mut round.last_line);
            if rest.len() == before && !stop() {
                // It did not even begin: another round would end in the same way.
                for (id, _) in rest.drain(..) {
                    tell(Progress::Failed(
                        id,
                        format!("yt-dlp ended early: {last_line}"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// One process, for all that is left.
    fn round(&self, round: &mut Round<'_>, stop: &dyn Fn() -> bool) -> io::Result<()> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(&self.path);
        command
            .args(arguments(round.how))
            .env("YTDLP_NO_PLUGINS", "1")
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = programs::start(&mut command)?;
        // It holds the writing end, and so would this process keep the pipe open for ever.
        drop(command);
        let links: Vec<&str> = round.rest.iter().map(|(_, link)| link.as_str()).collect();
        let links = links.join(
            "
",
        ) + "
";
        if let Some(mut stdin) = child.stdin.take() {
            // A child that has ended already tells why on the other side.
            let _ = stdin.write_all(links.as_bytes());
        }
        let lines = lines(reader);
        loop {
            match lines.recv_timeout(POLL) {
                Ok(line) if round.hear(&line) => {}
                Err(RecvTimeoutError::Timeout) if !stop() => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {
                    programs::end(&mut child);
                    return Ok(());
                }
            }
            if stop() {
                programs::end(&mut child);
                return Ok(());
            }
        }
        // Its outputs are closed: it has ended, or does nothing that could be of use.
        programs::end(&mut child);
        if let Some(id) = round.current {
            round.settle(id, "yt-dlp ended without a file");
        }
        Ok(())
    }
}

/// A process at work, and what it has left to do.
struct Round<'r> {
    how: &'r Fetching,
    rest: &'r mut Vec<(PostId, String)>,
    current: Option<PostId>,
    last_line: String,
    tell: &'r mut dyn FnMut(Progress),
}

impl Round<'_> {
    /// Takes a line; false if the process must be ended.
    fn hear(&mut self, line: &str) -> bool {
        if !line.trim().is_empty() && !line.starts_with(BYTES) {
            self.last_line = crate::json::redact_shown(line).chars().take(200).collect();
        }
        match events::read(line) {
            None => {}
            Some(Said::Begins(link)) => {
                // The one before was left without a word.
                if let Some(id) = self.id_of(&link)
                    && let Some(before) = self.current.replace(id).filter(|&before| before != id)
                {
                    self.settle(before, "yt-dlp left no file");
                    self.current = Some(id);
                }
            }
            Some(Said::Bytes(bytes)) => {
                if let Some(id) = self.current {
                    (self.tell)(Progress::Bytes(id, bytes));
                    if bytes > self.how.most {
                        self.settle(id, "larger than --max-filesize");
                        remove_files(&self.how.work, id);
                        return false;
                    }
                }
            }
            Some(Said::Done(link)) => {
                if let Some(id) = self.id_of(&link) {
                    self.settle(id, "yt-dlp says that it is done, but left no file");
                }
            }
            Some(Said::Failed(reason)) => {
                let first = self.rest.first().map(|(id, _)| *id);
                if let Some(id) = self.current.or(first) {
                    self.fail(id, reason);
                }
            }
            Some(Said::TooLarge) => {
                if let Some(id) = self.current {
                    self.fail(id, "larger than --max-filesize".to_owned());
                }
            }
        }
        true
    }

    fn id_of(&self, link: &str) -> Option<PostId> {
        let found = self.rest.iter().find(|(_, known)| known == link);
        found.map(|(id, _)| *id)
    }

    /// Tells the post's file as whole; without one, that it failed so.
    fn settle(&mut self, id: PostId, otherwise: &str) {
        match file_of(&self.how.work, id) {
            Some(file) => {
                self.done(id);
                (self.tell)(Progress::Whole(id, file));
            }
            None => self.fail(id, otherwise.to_owned()),
        }
    }

    fn fail(&mut self, id: PostId, reason: String) {
        self.done(id);
        (self.tell)(Progress::Failed(id, reason));
    }

    fn done(&mut self, id: PostId) {
        self.rest.retain(|(other, _)| *other != id);
        self.current = self.current.filter(|&current| current != id);
    }
}

/// Everything that we ask of it. Its own configuration, plugins, other extractors, other programs and
/// names made of foreign text are out.
fn arguments(how: &Fetching) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = [
        "--ignore-config",
        "--no-exec",
        "--use-extractors",
        if how.own_site { "generic" } else { "TikTok" },
        "--no-playlist",
        "--no-cache-dir",
        "--no-mtime",
        "--no-simulate",
        "--no-quiet",
        "--no-warnings",
        "--no-colors",
        "--encoding",
        "utf-8",
        "--progress",
        "--newline",
        "--ignore-errors",
        "--continue",
        "--no-overwrites",
        "--fixup",
        "never",
        "--socket-timeout",
        "20",
        "--retries",
        "3",
        // One file with picture and sound: nothing to be merged by another program.
        "--format",
        "b",
        "--parse-metadata",
        "original_url:/(?P<cotag_id>[0-9]+)$",
        "--output",
        // With the format, so that a part of one is not continued with another.
        "%(cotag_id)s.%(format_id)s.%(ext)s",
        "--print",
        &format!("after_move:{DONE}%(original_url)s"),
        "--progress-template",
        &format!("download:{BYTES}%(progress.downloaded_bytes)s"),
        "--max-filesize",
        &how.most.to_string(),
    ]
    .map(Into::into)
    .to_vec();
    arguments.push("--paths".into());
    let mut home = std::ffi::OsString::from("home:");
    home.push(&how.work);
    arguments.push(home);
    if let Some(cookies) = &how.cookies {
        arguments.push("--cookies".into());
        arguments.push(cookies.into());
    }
    if let Some(proxy) = &how.proxy {
        arguments.push("--proxy".into());
        arguments.push(proxy.into());
    } else if how.own_site {
        // A site on this machine or its network is not behind the system's proxy.
        arguments.extend(["--proxy".into(), "".into()]);
    }
    // No more options from here; the links come on standard input.
    arguments.extend(["--batch-file".into(), "-".into(), "--".into()]);
    arguments
}

/// The whole file of a post: not its parts, and nothing that only resembles it.
fn file_of(work: &Path, id: PostId) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = files(work, id)
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            !matches!(extension, Some("part" | "ytdl" | "temp"))
        })
        .collect();
    found.sort();
    found.into_iter().next()
}

fn remove_files(work: &Path, id: PostId) {
    for path in files(work, id) {
        // Left where that fails; it is a part of nothing.
        let _ = fs_err::remove_file(path);
    }
}

fn files(work: &Path, id: PostId) -> impl Iterator<Item = PathBuf> {
    let start = format!("{id}.");
    fs_err::read_dir(work)
        .into_iter()
        .flatten()
        .flatten()
        .filter(move |entry| {
            entry.file_name().to_string_lossy().starts_with(&start)
                && entry.file_type().is_ok_and(|kind| kind.is_file())
        })
        .map(|entry| entry.path())
}

/// Lines of the child, read by a thread of its own: a read cannot be given up.
fn lines(reader: io::PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        loop {
            let mut line = Vec::new();
            let read = reader
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line);
            let line = String::from_utf8_lossy(&line).into_owned();
            if read.unwrap_or(0) == 0 || sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_is_an_argument_and_no_setting_from_outside_counts() {
        let how = Fetching {
            work: "/w".into(),
            most: 5,
            cookies: None,
            proxy: None,
            own_site: false,
        };
        let words = arguments(&how);
        let joined = words.join(std::ffi::OsStr::new(" "));
        let joined = joined.to_str().unwrap();
        for wanted in [
            "--ignore-config",
            "--use-extractors TikTok",
            "--batch-file - --",
            "--max-filesize 5",
            "--paths home:/w",
        ] {
            assert!(joined.contains(wanted), "{wanted}");
        }
        for unwanted in ["generic", "--cookies", "--proxy", "%(title)", "%(id)"] {
            assert!(!joined.contains(unwanted), "{unwanted}");
        }
    }
}
