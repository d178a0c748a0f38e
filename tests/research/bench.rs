//! A sandbox, a data directory, and the real binary between them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use cotag::source::sandbox::{Client, Fault, Options, Running, Sandbox};
use jiff::civil::{Date, date};

/// Key and secret long enough to be found wherever they leak to.
pub(crate) const KEY: &str = "awkeyofthetest123";
pub(crate) const SECRET: &str = "s3cr3t-of-the-test-987";

pub(crate) const SINCE: Date = date(2024, 4, 20);
pub(crate) const UNTIL: Date = date(2024, 5, 19);

pub(crate) struct Bench {
    pub(crate) server: Running,
    folder: tempfile::TempDir,
}

/// What a run of the program left.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn options() -> Options {
    Options {
        posts: 2000,
        now: Some("2024-06-03T06:00:00Z".parse().unwrap()),
        client: Client {
            key: KEY.into(),
            secret: SECRET.into(),
        },
        ..Options::default()
    }
}

pub(crate) fn faulty(faults: &[Fault]) -> Options {
    Options {
        faults: faults.to_vec(),
        quota: 10_000,
        posts: 3000,
        ..options()
    }
}

impl Bench {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            server: Sandbox::start(options).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Another server over the same data: another day, or one that has recovered.
    pub(crate) fn with_server(self, options: &Options) -> Self {
        Self {
            server: Sandbox::start(options).unwrap(),
            folder: self.folder,
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
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
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("TIKTOK_API_URL", &self.server.url)
            .env("TIKTOK_CLIENT_KEY", KEY)
            .env("TIKTOK_CLIENT_SECRET", SECRET)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Outcome {
        Outcome::of(&self.command(words).output().unwrap())
    }

    /// The usual download of #london, all its waits a thousandth of a second and more.
    pub(crate) fn download(&self, more: &str) -> Outcome {
        self.run(&usual(more))
    }

    pub(crate) fn start(&self, more: &str) -> Child {
        self.command(&usual(more))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Starts a command and kills it after so long, if it has not ended by itself.
    pub(crate) fn kill_after(&self, millis: u64, words: &str) {
        let mut child = self
            .command(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(millis));
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// Waits until a run that was started has stored a page.
    pub(crate) fn wait_for_a_page(&self) {
        let ledger = self.data().join("london/posts/windows.jsonl");
        wait_until("a page", || {
            fs_err::read_to_string(&ledger).is_ok_and(|text| text.contains("\"pages\":1,"))
        });
    }

    /// What a complete download holds.
    pub(crate) fn truth(&self) -> BTreeSet<u64> {
        self.server.truth_of_tag("london", SINCE..=UNTIL)
    }

    /// Ids in data.json, each exactly once.
    pub(crate) fn stored(&self) -> BTreeSet<u64> {
        let text =
            fs_err::read_to_string(self.data().join("london/posts/data.json")).unwrap_or_default();
        let mut ids = BTreeSet::new();
        for line in text.lines() {
            let line = line.trim_end_matches(',');
            if line.len() < 2 {
                continue;
            }
            let post: serde_json::Value = serde_json::from_str(line).unwrap();
            let id = post["id"].as_u64().or_else(|| post["video_id"].as_u64());
            assert_eq!(post["_cotag"]["origin"], "synthetic");
            assert!(ids.insert(id.unwrap()), "twice: {line}");
        }
        ids
    }

    /// Ids in post_ids.json.
    pub(crate) fn listed(&self) -> BTreeSet<u64> {
        let text = fs_err::read_to_string(self.data().join("ids/post_ids.json")).unwrap();
        let lists: serde_json::Value = serde_json::from_str(&text).unwrap();
        let list = lists["london"].as_array().unwrap();
        list.iter()
            .map(|id| id.as_str().unwrap().parse().unwrap())
            .collect()
    }

    pub(crate) fn coverage(&self) -> Vec<serde_json::Value> {
        let outcome = self.run("coverage london --format ndjson");
        outcome
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Video queries so far.
    pub(crate) fn requests(&self) -> u64 {
        let all = self.server.requests();
        let queries = all.iter().filter(|request| request.path.contains("query"));
        queries.count() as u64
    }

    /// Complete, each post once, listed, vouched for.
    pub(crate) fn assert_complete(&self) {
        let (stored, truth) = (self.stored(), self.truth());
        let missing: Vec<_> = truth.difference(&stored).collect();
        let alien: Vec<_> = stored.difference(&truth).collect();
        assert!(
            missing.is_empty(),
            "{} of {} missing",
            missing.len(),
            truth.len()
        );
        assert!(alien.is_empty(), "{} alien", alien.len());
        assert_eq!(self.listed(), truth);
        let verified = self.run("verify");
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    }

    /// No secret in any file or message.
    pub(crate) fn assert_no_secret(&self, outcome: &Outcome) {
        for secret in [KEY, SECRET, "clt."] {
            assert!(!outcome.err.contains(secret), "{}", outcome.err);
            assert!(!outcome.out.contains(secret));
            for entry in walkdir::WalkDir::new(self.folder.path()) {
                let entry = entry.unwrap();
                assert!(!entry.path().to_string_lossy().contains(secret));
                if entry.file_type().is_file() {
                    let bytes = fs_err::read(entry.path()).unwrap();
                    let text = String::from_utf8_lossy(&bytes);
                    assert!(!text.contains(secret), "{}", entry.path().display());
                }
            }
        }
    }
}

/// Waits until something is so; fails only after longer than the busiest machine needs.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < std::time::Duration::from_mins(3),
            "waited in vain: {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn usual(more: &str) -> String {
    let wait = if more.contains("--retry-wait") {
        ""
    } else {
        "--retry-wait 1ms"
    };
    format!("download -t london -p --since {SINCE} --until {UNTIL} {wait} {more}")
}

impl Outcome {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no `{text}` in:\n{}", self.err);
        self
    }
}
