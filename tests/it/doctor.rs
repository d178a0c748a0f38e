//! `cotag doctor`: every check, good and bad, and nothing secret in what it says.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::harness::{Desk, Outcome};
use crate::make::{array, id, scraper, seed_file, web};

/// A desk whose programs are only those that a test puts into `bin`.
struct Patient {
    desk: Desk,
}

impl Patient {
    fn new() -> Self {
        let desk = Desk::new();
        fs::create_dir(desk.path("bin")).unwrap();
        Self { desk }
    }

    fn program(&self, name: &str, script: &str) {
        let path = self
            .desk
            .write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.desk.command(words);
        command
            .env("PATH", self.desk.path("bin"))
            .env("HOME", self.desk.root())
            .env("XDG_CONFIG_HOME", self.desk.path("config"))
            .env_remove("COTAG_CONFIG")
            .env_remove("TIKTOK_CLIENT_KEY")
            .env_remove("TIKTOK_CLIENT_SECRET")
            .env_remove("TIKTOK_API_URL");
        command
    }

    fn doctor(&self, words: &str) -> Outcome {
        self.desk
            .run(&mut self.command(&format!("doctor --format json {words}")))
    }
}

/// State, finding and advice of a check.
#[track_caller]
fn check(outcome: &Outcome, name: &str) -> (String, String, String) {
    let document = outcome.json();
    let found = document["checks"].as_array().unwrap();
    let found = found.iter().find(|check| check["check"] == name);
    let found = found.unwrap_or_else(|| panic!("no check {name}: {}", outcome.stdout));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("what"), text("try"))
}

#[test]
fn an_empty_machine_is_told_what_is_missing_and_can_go_on() {
    let patient = Patient::new();
    let outcome = patient.doctor("").code(0);
    let document = outcome.json();
    assert_eq!(document["schema"], "cotag/doctor/1");
    assert_eq!(document["healthy"], true);
    let names: Vec<&Value> = document["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| &check["check"])
        .collect();
    assert_eq!(
        json!(names),
        json!([
            "version",
            "data-directory",
            "disk-space",
            "credentials",
            "settings",
            "browser",
            "yt-dlp",
            "fonts",
            "clock"
        ])
    );
    let (state, what, _) = check(&outcome, "data-directory");
    assert_eq!(state, "ok");
    assert!(what.contains("not there yet"), "{what}");
    for (name, advice) in [
        ("credentials", "TIKTOK_CLIENT_KEY"),
        ("browser", "--chrome PATH"),
        ("yt-dlp", "pipx install yt-dlp"),
    ] {
        let (state, _, tries) = check(&outcome, name);
        assert_eq!(state, "warn", "{name}");
        assert!(tries.contains(advice), "{tries}");
    }
    assert!(
        !patient.desk.path("data").exists(),
        "looking made a directory"
    );
    let table = patient.desk.run(&mut patient.command("doctor")).code(0);
    table.shows(&[
        "warn  browser         no Chrome, Chromium or Edge found\n",
        "→ install Chrome",
    ]);
}

#[test]
fn a_whole_store_is_looked_at_and_left_as_it_is() {
    let patient = Patient::new();
    patient
        .desk
        .write("posts.json", array(&[web(1, "london"), web(2, "london")]));
    patient.desk.cotag("import posts.json -t london").fine();
    let before = patient.desk.snapshot("data");
    let outcome = patient.doctor("").code(0);
    assert_eq!(check(&outcome, "lock").0, "ok");
    assert_eq!(check(&outcome, "duplicates").0, "ok");
    let (state, what, _) = check(&outcome, "store");
    assert_eq!(state, "ok");
    assert!(what.starts_with("1 hashtag, 2 posts"), "{what}");
    assert!(patient.desk.snapshot("data") == before);

    // What another program added, or cut off, shows without a hash.
    let path = patient.desk.path("data/london/posts/data.json");
    let text = fs::read_to_string(&path).unwrap();
    for changed in [
        text.replace("\n]\n", ",\n{\"id\":\"5\"}\n]\n"),
        text[..text.len() - 9].to_owned(),
    ] {
        fs::write(&path, changed).unwrap();
        let (state, what, tries) = check(&patient.doctor("").code(0), "store");
        assert_eq!(state, "warn", "{what}");
        assert!(tries.contains("cotag repair"), "{tries}");
    }
}

#[test]
fn repeated_posts_of_an_old_tree_are_counted() {
    let patient = Patient::new();
    let posts: Vec<String> = [1, 2, 3, 1, 2]
        .map(|number| scraper(number, "london"))
        .into();
    patient
        .desk
        .write("data/london/posts/data.json", seed_file(&posts));
    patient.desk.write(
        "data/ids/post_ids.json",
        json!({"london": [id(1).to_string()]}).to_string(),
    );
    let (state, what, tries) = check(&patient.doctor("").code(0), "duplicates");
    assert_eq!(
        (state.as_str(), what.as_str()),
        ("warn", "#london: 2 of 5 rows repeat a post")
    );
    assert!(tries.contains("left out of every count"), "{tries}");
}

#[test]
fn a_directory_that_is_not_ours_or_not_writable_fails() {
    let patient = Patient::new();
    patient.desk.write("other/thesis.tex", "x");
    let outcome = patient.doctor("--data-dir other").code(1);
    assert_eq!(check(&outcome, "store").0, "fail");
    assert_eq!(outcome.json()["healthy"], false);
    patient.desk.write("file", "x");
    assert_eq!(
        check(&patient.doctor("--data-dir file").code(1), "data-directory").0,
        "fail"
    );
    // Nobody writes there, not even root, to whom rights mean nothing.
    if cfg!(target_os = "linux") {
        for folder in ["/proc/cotag-data", "/proc"] {
            let outcome = patient.doctor(&format!("--data-dir {folder}")).code(1);
            let (state, what, tries) = check(&outcome, "data-directory");
            assert_eq!(state, "fail", "{what}");
            assert!(tries.contains("--data-dir"), "{tries}");
        }
    }
}

#[test]
fn programs_that_hang_or_print_anything_are_told_and_ended() {
    let patient = Patient::new();
    patient.program("yt-dlp", "echo 2026.10.26");
    patient.program("chromium", "echo Chromium 156.0.1");
    let outcome = patient.doctor("").code(0);
    assert_eq!(
        check(&outcome, "yt-dlp").1,
        "2026.10.26, `[DIR]/bin/yt-dlp`"
    );
    assert_eq!(check(&outcome, "browser").0, "ok");
    for (script, what) in [
        ("printf '\\033[2Jhello\\n'", "printed"),
        ("echo 1.2.3", "printed `1.2.3` in place of a version"),
        ("exit 3", "exit status: 3"),
        ("cat /dev/zero", ""),
        ("echo 2020.01.01", "days old"),
    ] {
        patient.program("yt-dlp", script);
        let outcome = patient.doctor("").code(0);
        let found = check(&outcome, "yt-dlp");
        assert_eq!(found.0, "warn", "{script}: {}", found.1);
        assert!(found.1.contains(what), "{script}: {}", found.1);
    }
    patient.program("yt-dlp", "/bin/sleep 400");
    let begun = Instant::now();
    let found = check(&patient.doctor("").code(0), "yt-dlp");
    assert!(
        found.1.contains("did not answer within 10 seconds"),
        "{}",
        found.1
    );
    assert!(begun.elapsed() < Duration::from_mins(2));
}

#[test]
fn credentials_are_found_and_never_shown() {
    let patient = Patient::new();
    let mut command = patient.command("doctor");
    command
        .env("TIKTOK_CLIENT_KEY", "awKEYKEYKEY")
        .env("TIKTOK_CLIENT_SECRET", "s3cr3t-value");
    let outcome = patient.desk.run(&mut command).code(0);
    outcome
        .shows(&[
            "ok    credentials",
            "from TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET",
        ])
        .hides();
    // A file that others can read, whole and with a mistake in it.
    for (text, state, code) in [
        (
            "client_key = \"awKEYKEYKEY\"\nclient_secret = \"s3cr3t-value\"\n",
            "warn",
            0,
        ),
        (
            "client_key = \"awKEYKEYKEY\"\nclient_secret = s3cr3t-value\n",
            "fail",
            1,
        ),
    ] {
        let file = patient.desk.write("open.toml", text);
        fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let outcome = patient.doctor("--config open.toml").code(code);
        let found = check(&outcome, "settings");
        assert_eq!(found.0, state, "{}", found.1);
        outcome.hides();
    }
    let mut half = patient.command("doctor --format json");
    half.env("TIKTOK_CLIENT_SECRET", "s3cr3t-value");
    let outcome = patient.desk.run(&mut half).code(1);
    assert_eq!(check(&outcome, "credentials").0, "fail");
    outcome.hides();
}

impl Outcome {
    /// Key and secret stand nowhere.
    #[track_caller]
    fn hides(&self) {
        for secret in ["awKEYKEYKEY", "s3cr3t-value"] {
            assert!(!self.stdout.contains(secret), "{}", self.stdout);
            assert!(!self.stderr.contains(secret), "{}", self.stderr);
        }
    }
}

#[test]
fn only_online_asks_the_server_and_compares_the_clock() {
    let patient = Patient::new();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let answer = "HTTP/1.1 404 Not Found\r\nDate: Wed, 01 Jan 2025 00:00:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let served = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        let count = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    let offline = patient.doctor(&format!("--api-url {url}")).code(0);
    assert!(!offline.stdout.contains("\"api\""));
    assert!(!served.is_finished(), "it asked without being told to");
    let online = patient.doctor(&format!("--online --api-url {url}")).code(0);
    assert_eq!(check(&online, "api").0, "ok");
    let (state, what, tries) = check(&online, "clock");
    assert_eq!(state, "warn", "{what}");
    assert!(what.contains("s from the API's server"), "{what}");
    assert!(tries.contains("set the clock"), "{tries}");
    assert!(served.join().unwrap().starts_with("GET / HTTP/1.1"));
    // Nobody listens there any more.
    let outcome = patient.doctor(&format!("--online --api-url {url}")).code(1);
    assert_eq!(check(&outcome, "api").0, "fail");
}
