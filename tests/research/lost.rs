//! What was lost from the store is asked for again, once `repair` has told of it.

use std::time::Duration;

use cotag::source::sandbox::Options;
use fs_err as fs;

use crate::bench::{Bench, UNTIL, options};

const DATA: &str = "london/posts/data.json";

/// A kind of loss, what is done to the store, and how many posts are gone of so many.
type Loss = (&'static str, fn(&Bench), fn(usize) -> usize);

fn text(bench: &Bench) -> String {
    fs::read_to_string(bench.data().join(DATA)).unwrap()
}

const LOSSES: [Loss; 4] = [
    (
        "an emptied file",
        |bench| fs::write(bench.data().join(DATA), "").unwrap(),
        |all| all,
    ),
    (
        "a tail cut by one post",
        |bench| {
            let text = text(bench);
            let cut = text.trim_end_matches("\n]\n").rfind(",\n").unwrap();
            fs::write(bench.data().join(DATA), &text[..cut + 20]).unwrap();
        },
        |_| 1,
    ),
    (
        "a record without its id",
        |bench| {
            let damaged = text(bench).replacen("\"id\":", "\"iq\":", 1);
            fs::write(bench.data().join(DATA), damaged).unwrap();
        },
        |_| 1,
    ),
    (
        "no file and no lists",
        |bench| {
            fs::remove_file(bench.data().join(DATA)).unwrap();
            fs::remove_dir_all(bench.data().join("ids")).unwrap();
        },
        |all| all,
    ),
];

#[test]
fn days_of_lost_posts_stayed_done_after_a_repair() {
    let bench = Bench::new(&options());
    bench.download("").expect(0);
    let all = bench.truth().len();
    for (name, lose, gone) in LOSSES {
        lose(&bench);
        let verified = bench.run("verify").expect(6);
        let gone = gone(all);
        assert!(
            verified.out.contains(&format!(
                "{gone} of {all} posts that runs had stored {} gone\n",
                if gone == 1 { "is" } else { "are" }
            )),
            "{name}: {}",
            verified.out
        );
        // A change that leaves the file as long as it was is for `verify` to find.
        let unnoticed = name == "a record without its id";
        bench.download("").expect(if unnoticed { 0 } else { 6 });
        let repaired = bench.run("repair").expect(3);
        for told in [
            "all days that were asked for are open again: the next `cotag download`",
            "the ids are known",
            "windows.jsonl.before-repair",
        ] {
            assert!(repaired.out.contains(told), "{name}: {}", repaired.out);
        }
        bench.run("verify").expect(0);
        let open = |window: &serde_json::Value| window["state"] == "open" && window["new"] == 0;
        assert!(bench.coverage().iter().all(open), "{name}");
        let before = bench.requests();
        // Since the first day ever asked for, without naming it.
        let again = format!("download -t london -p --until {UNTIL} --retry-wait 1ms");
        bench.run(&again).expect(0);
        assert!(bench.requests() > before, "{name}: nothing was asked");
        bench.assert_complete();
        let asked = bench.requests();
        bench.download("").expect(0);
        assert_eq!(bench.requests(), asked, "{name}: done, and asked again");
    }
}

#[test]
fn comments_that_were_lost_stayed_read_to_their_end() {
    let bench = Bench::new(&sandbox_with_comments());
    bench.download("").expect(0);
    let comments = "comments --for london --retry-wait 1ms --daily-quota 100000";
    bench.run(comments).expect(0);
    let data = bench.data().join("london/comments/data.json");
    let whole = fs::read_to_string(&data).unwrap();
    let many = whole.lines().count();
    fs::remove_file(&data).unwrap();
    bench.run("verify").expect(6);
    let repaired = bench.run("repair").expect(3);
    assert!(
        repaired
            .out
            .contains("what was asked for is open again: the next `cotag comments` asks for it"),
        "{}",
        repaired.out
    );
    bench.run(comments).expect(0);
    let again = fs::read_to_string(&data).unwrap();
    assert_eq!(again.lines().count(), many);
    bench.run("verify").expect(0);
}

/// Few posts, so that their comments are soon read.
fn sandbox_with_comments() -> Options {
    Options {
        posts: 300,
        quota: 100_000,
        ..options()
    }
}

#[test]
fn a_killed_first_download_was_told_to_be_damage() {
    let slow = Options {
        delay: Duration::from_millis(300),
        ..options()
    };
    let bench = Bench::new(&slow);
    let mut child = bench.start("--window 1");
    bench.wait_for_a_page();
    child.kill().unwrap();
    child.wait().unwrap();
    let verified = bench.run("verify").expect(3);
    assert!(verified.out.contains("which was interrupted: "));
    assert!(!verified.err.contains("repair"), "{}", verified.err);
    let bench = bench.with_server(&options());
    bench.download("").expect(0);
    bench.assert_complete();
}
