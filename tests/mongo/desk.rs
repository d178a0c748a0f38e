//! The real binary in a folder of its own, with nothing set from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cotag::source::sandbox::{Client, Options, Running, Sandbox};
use fs_err as fs;

const KEY: &str = "awkeyofthetest123";
const SECRET: &str = "s3cr3t-of-the-test-987";

pub(crate) struct Desk(tempfile::TempDir);

/// How a command ended.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cotag"));
        command
            .args(words.split_whitespace())
            .current_dir(self.root())
            .env_remove("COTAG_DATA_DIR")
            .env_remove("COTAG_STORE")
            .env_remove("TIKTOK_CLIENT_KEY")
            .env_remove("TIKTOK_CLIENT_SECRET")
            .env("XDG_STATE_HOME", self.root().join("state"))
            .env("XDG_CONFIG_HOME", self.root().join("settings"))
            .stdin(Stdio::null());
        command
    }

    /// As [`Desk::command`], asking a sandbox.
    pub(crate) fn asking(&self, api: &Running, words: &str) -> Command {
        let mut command = self.command(words);
        command
            .env("TIKTOK_API_URL", &api.url)
            .env("TIKTOK_CLIENT_KEY", KEY)
            .env("TIKTOK_CLIENT_SECRET", SECRET);
        command
    }

    /// Runs `cotag` with these words, split at spaces.
    pub(crate) fn cotag(&self, words: &str) -> Outcome {
        outcome(&mut self.command(words))
    }
}

/// A Research API of so many posts that answers after so many milliseconds.
pub(crate) fn sandbox(posts: usize, delay: u64) -> Running {
    Sandbox::start(&Options {
        posts,
        quota: 100_000,
        now: Some("2024-06-03T06:00:00Z".parse().unwrap()),
        client: Client {
            key: KEY.into(),
            secret: SECRET.into(),
        },
        delay: Duration::from_millis(delay),
        ..Options::default()
    })
    .unwrap()
}

/// Waits until something is so; fails only after longer than the busiest machine needs.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_mins(3),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text) || self.out.contains(text),
            "not said: {text}\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn keeps_quiet_about(self, text: &str) -> Self {
        assert!(!self.err.contains(text), "said: {text}\n{}", self.err);
        self
    }
}
