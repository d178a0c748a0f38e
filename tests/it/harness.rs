//! A folder of its own for each test, and the binary run in it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::Value;

/// How long a test waits for something that must happen, before it fails.
const PATIENCE: Duration = Duration::from_mins(3);

/// A test's own folder, gone when the test ends.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    #[track_caller]
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// A JSON file as a value.
    #[track_caller]
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// A file of JSON lines as values.
    #[track_caller]
    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        let text = self.read(name);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Ids of the posts in a `data.json`, in its order.
    #[track_caller]
    pub(crate) fn ids(&self, name: &str) -> Vec<String> {
        let posts = self.json(name);
        let posts = posts.as_array().unwrap();
        posts
            .iter()
            .map(|post| post["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every file below a folder with its bytes; folders with none.
    pub(crate) fn snapshot(&self, below: &str) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        walkdir::WalkDir::new(self.path(below))
            .into_iter()
            .flatten()
            .map(|entry| {
                let content = entry
                    .file_type()
                    .is_file()
                    .then(|| fs::read(entry.path()).unwrap());
                (entry.into_path(), content)
            })
            .collect()
    }

    /// Names in a folder that begin so, sorted.
    pub(crate) fn names(&self, folder: &str, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }

    /// The binary in this folder, with no settings from outside. `words` are split at spaces.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cotag"));
        command
            .args(words.split_whitespace())
            .current_dir(self.root())
            .env_remove("COTAG_DATA_DIR")
            .stdin(Stdio::null());
        command
    }

    /// Runs `cotag` with these words, split at spaces.
    #[must_use]
    #[track_caller]
    pub(crate) fn cotag(&self, words: &str) -> Outcome {
        self.run(&mut self.command(words))
    }

    /// Runs `cotag` with these arguments as they are.
    #[must_use]
    #[track_caller]
    pub(crate) fn args(&self, args: &[&str]) -> Outcome {
        self.run(self.command("").args(args))
    }

    /// Runs `cotag` with bytes on its standard input.
    #[must_use]
    #[track_caller]
    pub(crate) fn feed(&self, words: &str, input: impl AsRef<[u8]>) -> Outcome {
        let file = self.write("stdin", input);
        let file = fs::File::open(file).unwrap().into_parts().0;
        self.run(self.command(words).stdin(file))
    }

    /// Runs a command to its end.
    #[must_use]
    #[track_caller]
    pub(crate) fn run(&self, command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        Outcome {
            words: format!("{command:?}"),
            code: output.status.code(),
            stdout: self.masked(&output.stdout),
            stderr: self.masked(&output.stderr),
        }
    }

    /// Runs a script of the shell; `$COTAG` is the binary.
    #[must_use]
    #[track_caller]
    pub(crate) fn shell(&self, script: &str) -> Outcome {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .current_dir(self.root())
            .env("COTAG", env!("CARGO_BIN_EXE_cotag"))
            .env_remove("COTAG_DATA_DIR")
            .stdin(Stdio::null());
        self.run(&mut command)
    }

    /// Text with what differs from run to run replaced by its name.
    fn masked(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).replace(self.root().to_str().unwrap(), "[DIR]");
        let text = mask(&text, "99999999T999999.999999Z", "[RUN]");
        let text = mask(&text, "99999999T999999Z", "[TIME]");
        mask(&text, "9999-99-99 99:99:99 UTC", "[TIME]")
    }
}

/// Replaces every place that looks like the pattern, in which `9` is any digit.
fn mask(text: &str, pattern: &str, name: &str) -> String {
    let fits = |place: &str| {
        place.len() >= pattern.len()
            && place.bytes().zip(pattern.bytes()).all(|(found, wanted)| {
                found == wanted || (wanted == b'9' && found.is_ascii_digit())
            })
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if fits(rest) {
            masked.push_str(name);
            rest = &rest[pattern.len()..];
        } else {
            masked.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    masked
}

/// What a run of the binary left behind; its path, times and ids replaced by `[DIR]`, `[TIME]`, `[RUN]`.
pub(crate) struct Outcome {
    words: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The exit code must be this.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "{}\nstdout: {}\nstderr: {}",
            self.words,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Success without a word on stderr that begins with `warning` or `error`.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        let fine = self.code(0);
        assert!(
            !fine.stderr.contains("warning: ") && !fine.stderr.contains("error: "),
            "{}\n{}",
            fine.words,
            fine.stderr
        );
        fine
    }

    /// Failure with this code, nothing on stdout, and these words on stderr.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &[&str]) -> Self {
        self.code(code).stdout("").says(says)
    }

    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        assert_eq!(self.stdout, expected, "{}\n{}", self.words, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn stderr(self, expected: &str) -> Self {
        assert_eq!(self.stderr, expected, "{}", self.words);
        self
    }

    /// Each of these stands on stderr.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{}\nnot said: {text}\nstderr: {}",
                self.words,
                self.stderr
            );
        }
        self
    }

    /// None of these stands on stderr.
    #[track_caller]
    pub(crate) fn keeps_quiet_about(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                !self.stderr.contains(text),
                "{}\nsaid: {text}\nstderr: {}",
                self.words,
                self.stderr
            );
        }
        self
    }

    /// Each of these stands on stdout.
    #[track_caller]
    pub(crate) fn shows(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.stdout.contains(text),
                "{}\nnot shown: {text}\nstdout: {}\nstderr: {}",
                self.words,
                self.stdout,
                self.stderr
            );
        }
        self
    }

    /// Lines of stdout, each a list of words.
    pub(crate) fn rows(&self) -> Vec<Vec<&str>> {
        self.stdout
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect()
    }

    /// Rows of a frequency table as `hashtag count`.
    pub(crate) fn counts(&self) -> Vec<String> {
        self.rows()
            .iter()
            .filter(|row| row.len() >= 4 && row[0].bytes().all(|byte| byte.is_ascii_digit()))
            .map(|row| format!("{} {}", row[1], row[2]))
            .collect()
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Waits until something is so; fails after a while.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A run of the binary whose standard input the test feeds, ended when dropped.
pub(crate) struct Fed {
    child: Child,
    /// What it says, to be looked at while it runs.
    told: tempfile::NamedTempFile,
}

impl Fed {
    pub(crate) fn start(mut command: Command) -> Self {
        let told = tempfile::NamedTempFile::new().unwrap();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(told.reopen().unwrap());
        Self {
            child: command.spawn().unwrap(),
            told,
        }
    }

    /// Writes to its standard input; what it no longer reads is lost.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let input = self.child.stdin.as_mut().unwrap();
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Waits until what was fed has been read, and a little longer, so that it has also been taken in.
    #[track_caller]
    pub(crate) fn wait_until_read(&self) {
        let input = self.child.stdin.as_ref().unwrap();
        wait_until("the input to be read", || {
            rustix::io::ioctl_fionread(input) == Ok(0)
        });
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Waits until it has said something.
    #[track_caller]
    pub(crate) fn wait_until_told(&self, text: &str) {
        wait_until(text, || {
            fs::read_to_string(self.told.path()).is_ok_and(|told| told.contains(text))
        });
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end without closing its standard input.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let mut code = None;
        wait_until("the end of a run", || {
            let status = self.child.try_wait().unwrap();
            code = status.and_then(|status| status.code());
            status.is_some()
        });
        code
    }

    /// Closes its standard input and waits for its end.
    #[must_use]
    #[track_caller]
    pub(crate) fn finish(mut self, desk: &Desk) -> Outcome {
        drop(self.child.stdin.take());
        let code = self.wait();
        let mut shown = Vec::new();
        std::io::Read::read_to_end(self.child.stdout.as_mut().unwrap(), &mut shown).unwrap();
        Outcome {
            words: format!("process {}", self.child.id()),
            code,
            stdout: desk.masked(&shown),
            stderr: desk.masked(&fs::read(self.told.path()).unwrap()),
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
