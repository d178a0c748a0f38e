//! Whatever ends a run, nothing that was stored is lost and the next run goes on.

use std::collections::BTreeSet;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use cotag::source::sandbox::{Fault, Options};

use crate::bench::{Bench, SINCE, UNTIL, faulty, options, wait_until};

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(sent.success());
}

/// The ids of whole records, also where the last one is torn.
fn stored_so_far(bench: &Bench, name: &str) -> BTreeSet<u64> {
    let path = bench.data().join(name).join("posts/data.json");
    let text = fs_err::read(path).unwrap_or_default();
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b",").unwrap_or(line))
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter_map(|post| post["id"].as_u64())
        .collect()
}

/// Posts that the ledger of windows says are stored; a torn last line says nothing.
fn told_so_far(bench: &Bench, name: &str) -> u64 {
    let path = bench.data().join(name).join("posts/windows.jsonl");
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let mut windows = std::collections::BTreeMap::new();
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = format!("{}{}{}", line["from"], line["to"], line["part"]);
        windows.insert(key, line["new"].as_u64().unwrap());
    }
    windows.values().sum()
}

#[test]
fn killed_at_any_moment_it_goes_on_and_loses_nothing() {
    let slow = |faults: &[Fault]| Options {
        delay: Duration::from_millis(8),
        ..faulty(faults)
    };
    let query = "[and_1]\noperation = EQ\nfield_name = hashtag_name\nfield_values = london\n";
    let crawl = format!("crawl london.ini --since {SINCE} --until {UNTIL}");
    let download = format!("download -t london -p --since {SINCE} --until {UNTIL}");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = u64::from(now.unwrap().subsec_nanos());
    let mut state = seed | 1;
    let mut random = |below: u64| {
        // xorshift64: any numbers do, as long as the seed gives them again.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for (command, faults) in [
        (download.clone(), &[][..]),
        (
            format!("{download} --wait"),
            &[Fault::FreshSearch, Fault::Duplicates][..],
        ),
        (crawl, &[Fault::RenamedSearch, Fault::Drop][..]),
    ] {
        let command = format!("{command} --window 3 --retry-wait 1ms");
        let fresh = || {
            let bench = Bench::new(&slow(faults));
            fs_err::write(bench.path("london.ini"), query).unwrap();
            bench
        };
        let whole = fresh();
        let start = Instant::now();
        whole.run(&command).expect(0);
        let takes = u64::try_from(start.elapsed().as_millis()).unwrap();
        let undisturbed = whole.requests();

        let bench = fresh();
        let mut before = BTreeSet::new();
        let kills = 12;
        for kill in 0..kills {
            let mut child = bench
                .command(&command)
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(random(takes / 3 + 20)));
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().unwrap();
            let now = stored_so_far(&bench, "london");
            assert!(
                before.is_subset(&now),
                "seed {seed}, kill {kill} of `{command}`"
            );
            let told = told_so_far(&bench, "london");
            assert!(
                told <= now.len() as u64,
                "seed {seed}, kill {kill} of `{command}`: {told} told, {} stored",
                now.len()
            );
            before = now;
        }
        bench.run(&command).expect(0);
        bench.assert_complete();
        let requests = bench.requests();
        // The page in flight, and of a search that had just begun its first page.
        assert!(
            requests <= undisturbed + undisturbed / 4 + kills * 2,
            "seed {seed}, `{command}`: {requests} requests, {undisturbed} without kills"
        );
    }
}

#[test]
fn a_list_that_could_not_be_written_was_never_written_when_there_was_nothing_to_add() {
    let bench = Bench::new(&options());
    let in_the_way = bench.data().join("ids/post_ids.json");
    fs_err::create_dir_all(&in_the_way).unwrap();
    bench.download("").expect(1);
    fs_err::remove_dir(&in_the_way).unwrap();
    let asked = bench.requests();
    bench.download("").expect(0);
    assert_eq!(bench.requests(), asked);
    bench.assert_complete();
}

#[test]
fn ctrl_c_and_sigterm_save_the_page_in_flight() {
    for signal in ["-INT", "-TERM"] {
        let slow = Options {
            delay: Duration::from_millis(300),
            ..options()
        };
        let bench = Bench::new(&slow);
        let child = bench.start("--window 1 --retry-wait 10ms");
        // As soon as there is a page, end it.
        bench.wait_for_a_page();
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}");
        assert_eq!(bench.stored(), bench.listed(), "ids and ledger are written");
        let requests = bench.requests();
        let rows = bench.coverage();
        let sum = |key: &str| {
            rows.iter()
                .map(|row| row[key].as_u64().unwrap())
                .sum::<u64>()
        };
        assert_eq!(sum("returned"), bench.stored().len() as u64);
        assert_eq!(
            sum("pages"),
            requests,
            "every page that was asked for is stored"
        );
    }
    let bench = Bench::new(&options());
    bench.download("").expect(0);
}

#[test]
fn a_page_that_never_comes_is_given_up_some_seconds_after_sigterm() {
    let stuck = Options {
        delay: Duration::from_mins(1),
        ..options()
    };
    let bench = Bench::new(&options());
    bench.download("--max-requests 2").expect(4);
    let stored = bench.stored();
    let bench = bench.with_server(&stuck);
    let child = bench.start("");
    // It listens to signals before it opens the store.
    let ours = format!("\"pid\":{},", child.id());
    wait_until("the store to be open", || {
        let lock = fs_err::read_to_string(bench.data().join(".cotag.lock"));
        lock.is_ok_and(|holder| holder.contains(&ours))
    });
    send("-TERM", &child);
    let start = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(bench.stored(), stored);
    let bench = bench.with_server(&options());
    bench.download("").expect(0);
    bench.assert_complete();
}

/// No file may grow beyond a limit: what a full disk does to the one that grows most.
#[test]
fn a_full_disk_amid_a_page_ends_the_run_and_loses_nothing() {
    for blocks in [60, 200, 450] {
        let bench = Bench::new(&options());
        let plain = bench.command(&format!(
            "download -t london -p --since {SINCE} --until {UNTIL} --retry-wait 1ms"
        ));
        // The signal that would end the program is ignored, so that writing fails as it does where
        // there is no room.
        let mut limited = Command::new("sh");
        limited
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
            .arg("sh")
            .arg(plain.get_program())
            .args(plain.get_args())
            .current_dir(plain.get_current_dir().unwrap())
            .env_clear()
            .envs(
                plain
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = limited.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{blocks}: {told}");
        assert!(told.contains("data.json`: "), "{told}");
        assert!(
            told.contains("what was stored before is unharmed"),
            "{told}"
        );
        assert!(told.contains("make room"), "{told}");
        let (stored, truth) = (bench.stored(), bench.truth());
        assert!(stored.is_subset(&truth) && stored.len() < truth.len());
        assert_eq!(stored, bench.listed(), "{blocks}");
        assert_eq!(told_so_far(&bench, "london"), stored.len() as u64);
        bench.run("verify").expect(0);
        bench.download("").expect(0);
        bench.assert_complete();
    }
}
