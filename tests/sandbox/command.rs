//! `cotag sandbox serve` as a program.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use assert_cmd::cargo::cargo_bin_cmd;
use predicates::prelude::*;

use crate::client::ask_for_token;

struct Served(Child, String);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(args: &[&str]) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cotag"))
        .args(["sandbox", "serve"])
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.strip_prefix("listening on ").unwrap().trim_end();
    Served(child, url.to_owned())
}

#[test]
fn it_prints_where_it_listens_and_answers() {
    let served = serve(&["--token-life", "60"]);
    let form = "client_key=sandbox&client_secret=sandbox&grant_type=client_credentials";
    assert_eq!(ask_for_token(&served.1, form).json()["expires_in"], 60);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_it_well_and_it_says_what_to_set() {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    if u64::from_str_radix(ignored.trim(), 16).unwrap() & 0b10 != 0 {
        // Started in the background: children are not to be interrupted.
        return;
    }
    let mut served = serve(&[]);
    let id = served.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(served.0.wait().unwrap().code(), Some(0));
    let mut told = String::new();
    let mut stderr = served.0.stderr.take().unwrap();
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    for words in [
        "TIKTOK_API_URL=http://127.0.0.1:",
        "TIKTOK_CLIENT_KEY=sandbox",
        "TIKTOK_CLIENT_SECRET=sandbox",
    ] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn wrong_options_are_told() {
    let served = serve(&[]);
    let port = served.1.rsplit(':').next().unwrap();
    for (args, code, words) in [
        (["--fault", "storm"], 2, "storm-500"),
        (["--port", "70000"], 2, "70000"),
        (["--quota", "-1"], 2, "-1"),
        (["--posts", "0"], 2, "1..=20000"),
        (["--token-life", "0"], 2, "1..=86400"),
        (["--storm", "0"], 2, "0"),
        (["--unavailable", "soon"], 2, "`soon` is no date"),
        (["--unavailable", "2024-04-05..2024-04-01"], 2, "is after"),
        (["--port", port], 1, "cannot listen on 127.0.0.1"),
    ] {
        cargo_bin_cmd!("cotag")
            .args(["sandbox", "serve"])
            .args(args)
            .assert()
            .code(code)
            .stderr(predicate::str::contains(words));
    }
}
