//! The real binary in a folder of its own, with nothing set from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs_err as fs;

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

    /// Runs `cotag` with these words, split at spaces.
    pub(crate) fn cotag(&self, words: &str) -> Outcome {
        outcome(&mut self.command(words))
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
