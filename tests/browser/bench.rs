//! The real binary, a real browser, a profile and a data directory of one test.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;
use serde_json::Value;

use crate::site::Site;

/// One test's folder: data, profile and home.
pub(crate) struct Bench {
    pub(crate) site: Site,
    folder: tempfile::TempDir,
}

/// What a run left.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) told: String,
    /// The most memory that the program itself had at a time, in MiB, as far as it was seen.
    pub(crate) most: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        assert!(
            cotag::source::browser::find().is_some(),
            "no browser: tests/tools says how to get one"
        );
        Self {
            site: Site::start(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cotag"));
        command
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("TMPDIR", std::env::temp_dir())
            .stdin(Stdio::null());
        command
    }

    /// The usual run: without a window, with short pauses.
    pub(crate) fn words(&self, more: &str) -> String {
        let mut words = format!(
            "download -p --source browser --headless --site-url {} --scroll-wait 20ms {more}",
            self.site.url
        );
        for (flag, usual) in [("--idle-scrolls", "60"), ("--timeout", "60s")] {
            if !more.contains(flag) {
                words += &format!(" {flag} {usual}");
            }
        }
        words
    }

    pub(crate) fn download(&self, more: &str) -> Outcome {
        Outcome::of(self.start(&self.words(more)))
    }

    pub(crate) fn start(&self, words: &str) -> Child {
        self.command(words)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Ids of the posts stored under a name; each once.
    pub(crate) fn stored(&self, name: &str) -> BTreeSet<u64> {
        let path = self.data().join(name).join("posts/data.json");
        let text = fs::read_to_string(path).unwrap_or_else(|_| "[]".into());
        let posts: Vec<Value> = serde_json::from_str(&text).unwrap();
        let ids: Vec<u64> = posts
            .iter()
            .map(|post| post["id"].as_str().unwrap().parse().unwrap())
            .collect();
        let set: BTreeSet<u64> = ids.iter().copied().collect();
        assert_eq!(set.len(), ids.len(), "each post once");
        set
    }

    /// The last line of a name's ledger.
    pub(crate) fn last_run(&self, name: &str) -> Value {
        let path = self.data().join(name).join("posts/runs.jsonl");
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    pub(crate) fn stopped(&self, name: &str) -> String {
        self.last_run(name)["stopped"].as_str().unwrap().to_owned()
    }

    /// Waits until so many posts are in the file, whole or not.
    pub(crate) fn wait_for_posts(&self, name: &str, posts: usize) {
        let path = self.data().join(name).join("posts/data.json");
        wait("posts to be stored", || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            text.matches("\"_cotag\":").count() >= posts
        });
    }

    /// Processes of browsers with a profile of this bench: their ids, the browsers' own first.
    pub(crate) fn browsers(&self) -> Vec<u32> {
        let mark = self.folder.path().to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let of_browser = line.contains("--user-data-dir=") && !line.starts_with("/bin/sh");
            if line.contains(&mark) && of_browser && !line.contains("target/debug/cotag") {
                found.push((line.contains("--type="), id));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// Every file below the test's folder, without the browser's profile.
    pub(crate) fn files(&self) -> Vec<String> {
        let root = self.folder.path();
        walkdir::WalkDir::new(root)
            .into_iter()
            .filter_entry(|entry| {
                !entry.path().starts_with(root.join("state/cotag/browser"))
                    && !entry.path().starts_with(root.join("home"))
            })
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path: &Path = entry.path().strip_prefix(root).unwrap();
                path.display().to_string()
            })
            .collect()
    }
}

impl Outcome {
    /// Waits for the end of a run.
    pub(crate) fn of(mut child: Child) -> Self {
        let stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap());
        let mut most = 0;
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            most = most.max(peak(child.id()));
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            code,
            told: reader.join().unwrap(),
            most,
        }
    }

    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.told);
        self
    }

    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.told.contains(text), "{text:?} in\n{}", self.told);
        self
    }
}

/// The most memory that a process ever had, in MiB.
fn peak(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib >> 10)
}

pub(crate) fn wait(what: &str, until: impl Fn() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(
            start.elapsed() < Duration::from_mins(3),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn signal(name: &str, id: u32) {
    let sent: Output = Command::new("kill")
        .args([name, &id.to_string()])
        .output()
        .unwrap();
    assert!(sent.status.success());
}
