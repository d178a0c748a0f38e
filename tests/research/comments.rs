//! Comments: of stored posts and of ids, with every fault, killed, and beside a download.

use std::collections::BTreeSet;

use cotag::source::sandbox::{Fault, Options};
use serde_json::Value;

use crate::bench::{Bench, faulty, options};

/// Comments of #london's posts of a few days: some hundred posts are enough.
const DAYS: &str = "download -t london -p --retry-wait 1ms --since 2024-05-01 --until 2024-05-04";
const COMMENTS: &str = "comments --for london --retry-wait 1ms --daily-quota 100000";
/// The same, where the day's requests are counted.
const COUNTED: &str = "comments --for london --retry-wait 1ms --daily-quota 30";

fn small() -> Options {
    Options {
        posts: 400,
        quota: 100_000,
        ..options()
    }
}

impl Bench {
    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs_err::read_to_string(self.data().join(file)).unwrap_or_default();
        text.lines()
            .map(|line| line.trim_end_matches(','))
            .filter(|line| line.len() > 1)
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Ids of the stored comments, each exactly once.
    fn comments(&self, folder: &str) -> BTreeSet<u64> {
        let mut ids = BTreeSet::new();
        for line in self.lines(&format!("{folder}/comments/data.json")) {
            assert_eq!(line["_cotag"]["origin"], "synthetic");
            assert!(ids.insert(line["id"].as_u64().unwrap()), "twice: {line}");
        }
        ids
    }

    /// What there is under the stored posts, at most so much each.
    fn all_comments(&self, replies: bool) -> BTreeSet<u64> {
        let mut all = BTreeSet::new();
        for post in self.stored() {
            all.extend(self.server.comments_of(post, replies).unwrap_or_default());
        }
        all
    }

    fn asked(&self, what: &str) -> usize {
        let requests = self.server.requests();
        requests
            .iter()
            .filter(|request| request.path.contains(what))
            .count()
    }

    fn assert_sound(&self) {
        let verified = self.run("verify");
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    }
}

#[test]
fn all_comments_are_stored_once_and_nothing_is_asked_twice() {
    let bench = Bench::new(&small());
    bench.run(DAYS).expect(0);
    let outcome = bench.run(COMMENTS).expect(0).says("are not disclosed");
    let all = bench.all_comments(false);
    assert!(all.len() > 1000, "{}", all.len());
    assert_eq!(bench.comments("london"), all);
    bench.assert_sound();
    bench.assert_no_secret(&outcome);
    let before = bench.asked("comment/list");
    let withheld: Vec<Value> = bench
        .lines("london/comments/asked.jsonl")
        .into_iter()
        .filter(|line| line["state"] == "withheld")
        .collect();
    assert!(!withheld.is_empty(), "some posts do not disclose theirs");
    assert!(
        withheld[0]["why"]
            .as_str()
            .unwrap()
            .contains("not allowed to be disclosed")
    );
    bench.run(COMMENTS).expect(0).says("0 comments new");
    assert_eq!(
        bench.asked("comment/list"),
        before,
        "facts are not asked again"
    );
    let counts = bench
        .run("frequencies --in comments london 10 --format json")
        .expect(0);
    let counts: Value = serde_json::from_str(&counts.out).unwrap();
    assert_eq!(counts["tables"][0]["counted"], "comments");
    assert_eq!(counts["tables"][0]["sample"]["posts"], all.len());
    let table = bench.run("frequencies --in comments london 3").expect(0);
    assert!(
        table
            .out
            .contains(&format!("Total comments: {}", all.len())),
        "{}",
        table.out
    );
    table
        .says("comments of #london")
        .says("Synthetic: these comments");
    bench
        .run("frequencies --in comments london --one-per-author")
        .expect(2);
    let coverage = bench.run("coverage --comments london").expect(0);
    assert!(
        coverage
            .out
            .contains(&format!("{} comments stored of", all.len())),
        "{}",
        coverage.out
    );
    // The answers are asked for after the comments, and belong to them.
    bench.run(&format!("{COMMENTS} --replies")).expect(0);
    assert_eq!(bench.comments("london"), bench.all_comments(true));
    bench.assert_sound();
    let before = bench.asked("comment/list");
    bench.run(&format!("{COMMENTS} --replies")).expect(0);
    assert_eq!(bench.asked("comment/list"), before);
}

#[test]
fn every_fault_at_once_costs_requests_but_no_comments() {
    let bench = Bench::new(&Options {
        posts: 300,
        ..faulty(&Fault::ALL)
    });
    bench.run(DAYS).expect(0);
    let outcome = bench.run(COMMENTS).expect(0);
    assert_eq!(
        bench.comments("london"),
        bench.all_comments(false),
        "{}",
        outcome.err
    );
    bench.assert_sound();
}

#[test]
fn what_was_asked_again_before_midnight_was_asked_once_more_after_it() {
    let bench = Bench::new(&small());
    bench.run(DAYS).expect(0);
    let words = "comments --for london --retry-wait 1ms --max-per-post 100";
    bench
        .run(&format!("{words} --daily-quota 100000"))
        .expect(0);
    let all = bench.asked("comment/list");
    let done = bench
        .lines("london/comments/asked.jsonl")
        .iter()
        .filter(|line| line["state"] == "done")
        .count();
    assert!(done > 2, "{done} of {all}");
    // Shortly before the day's end, on which two requests are left; a busy machine must get them done.
    let now = bench.server.now();
    let midnight: jiff::Timestamp = "2024-06-04T00:00:00Z".parse().unwrap();
    let left = midnight.duration_since(now) - jiff::SignedDuration::from_secs(20);
    bench.server.advance(left.unsigned_abs());
    let quota = bench.server.used() + 2;
    bench
        .run(&format!("{words} --again --wait --daily-quota {quota}"))
        .expect(0)
        .says("waiting until 2024-06-04");
    assert_eq!(bench.asked("comment/list"), all + done);
}

#[test]
fn the_most_commented_come_first_and_no_more_than_wanted() {
    let bench = Bench::new(&small());
    bench.run(DAYS).expect(0);
    let plan = bench
        .run(&format!("{COMMENTS} --dry-run --max-per-post 150"))
        .expect(0);
    assert!(plan.out.contains("to ask, about"), "{}", plan.out);
    assert_eq!(bench.asked("comment/list"), 0);
    bench
        .run(&format!("{COMMENTS} --max-per-post 150 --max-requests 4"))
        .expect(4)
        .says("--max-requests allows");
    let counts = |bench: &Bench| {
        let mut counts = std::collections::BTreeMap::<u64, usize>::new();
        for line in bench.lines("london/comments/data.json") {
            *counts
                .entry(line["video_id"].as_u64().unwrap())
                .or_default() += 1;
        }
        counts
    };
    let first = counts(&bench);
    let posts = bench.lines("london/posts/data.json");
    let mut by_count: Vec<(u64, u64)> = posts
        .iter()
        .map(|post| {
            (
                post["comment_count"].as_u64().unwrap(),
                post["id"].as_u64().unwrap(),
            )
        })
        .filter(|(_, id)| bench.server.comments_of(*id, false).is_some())
        .collect();
    by_count.sort_unstable_by(|a, b| b.cmp(a));
    assert!(
        first.contains_key(&by_count[0].1),
        "the most commented is first"
    );
    bench
        .run(&format!("{COMMENTS} --max-per-post 150"))
        .expect(0);
    assert!(
        counts(&bench).values().all(|&count| count <= 200),
        "whole pages only"
    );
    // More are wanted: the reading goes on where it was.
    bench.run(COMMENTS).expect(0);
    assert_eq!(bench.comments("london"), bench.all_comments(false));
    bench.assert_sound();
}

#[test]
fn killed_at_any_moment_it_goes_on_and_loses_no_comment() {
    let bench = Bench::new(&Options {
        posts: 400,
        ..faulty(&[Fault::Duplicates])
    });
    bench.run(DAYS).expect(0);
    for millis in [20, 60, 100, 150, 200, 250, 300] {
        bench.kill_after(
            millis,
            "comments --for london --retry-wait 20ms --replies --daily-quota 100000",
        );
    }
    bench.run(&format!("{COMMENTS} --replies")).expect(0);
    assert_eq!(bench.comments("london"), bench.all_comments(true));
    bench.assert_sound();
}

#[test]
fn a_share_is_set_aside_and_a_download_leaves_it() {
    let bench = Bench::new(&small());
    bench.run(DAYS).expect(0);
    bench
        .run(&format!("{COUNTED} --share 20%"))
        .expect(4)
        .says("the 6 requests of the day that are set aside are used up");
    assert_eq!(bench.asked("comment/list"), 6);
    let counted = bench.asked("query");
    bench
        .run("download -t paris -p --daily-quota 30 --since 2024-04-01 --until 2024-05-30 --window 1 --retry-wait 1ms")
        .expect(4);
    assert_eq!(bench.asked("query"), 24, "{counted} before");
    bench
        .run(COUNTED)
        .expect(4)
        .says("the day's requests are used up");
    for wrong in ["0", "130%", "much"] {
        bench.run(&format!("{COMMENTS} --share {wrong}")).expect(2);
    }
}

#[test]
fn ids_and_links_go_to_the_hashtag_that_holds_them_or_stand_alone() {
    let bench = Bench::new(&small());
    bench.run(DAYS).expect(0);
    let days = jiff::civil::date(2024, 5, 10)..=jiff::civil::date(2024, 5, 20);
    let open = |id: &u64| {
        let comments = bench.server.comments_of(*id, false);
        comments.is_some_and(|all| (1..500).contains(&all.len()))
    };
    let alone = bench
        .server
        .truth_of_tag("paris", days)
        .into_iter()
        .find(open)
        .unwrap();
    let stored = bench.stored().into_iter().find(open).unwrap();
    let text = format!(
        "{alone}\nhttps://www.tiktok.com/@x/video/{stored}\nnonsense\n7111111111111111111\n"
    );
    fs_err::write(bench.path("ids.txt"), text).unwrap();
    bench
        .run("comments --ids ids.txt --retry-wait 1ms")
        .expect(3)
        .says("`nonsense` is neither an id nor a link");
    assert_eq!(
        bench.comments("london"),
        bench.server.comments_of(stored, false).unwrap()
    );
    assert_eq!(
        bench.comments("."),
        bench.server.comments_of(alone, false).unwrap()
    );
    let gone = bench.lines("comments/asked.jsonl");
    assert!(
        gone.iter()
            .any(|line| line["of"] == "7111111111111111111" && line["state"] == "missing")
    );
    bench.assert_sound();
    // The folder does not stand in the way of a hashtag of that name.
    let tags = bench.run("frequencies comments 5");
    assert_eq!(tags.code, Some(1), "{}", tags.out);
}
