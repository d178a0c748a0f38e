//! Refreshing: new figures, posts that are gone removed on good evidence only, and never stored again.

use std::collections::BTreeSet;
use std::time::Duration;

use cotag::source::sandbox::{Fault, Options};
use serde_json::Value;

use crate::bench::{Bench, faulty, options};

const REFRESH: &str = "refresh -t london --retry-wait 1ms --daily-quota 100000";

fn lines(bench: &Bench, name: &str) -> Vec<Value> {
    let path = bench.data().join("london/posts").join(name);
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(|line| line.trim_end_matches(','));
    lines
        .filter(|line| line.len() > 1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sound(bench: &Bench) {
    assert_eq!(bench.stored(), bench.listed());
    let verified = bench.run("verify");
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

fn days(bench: &Bench, days: u64) {
    bench.server.advance(Duration::from_hours(24 * days));
}

/// A download, then so many of its posts taken away.
fn with_gone(options: &Options, gone: usize) -> (Bench, BTreeSet<u64>, Vec<u64>) {
    let bench = Bench::new(options);
    bench.download("").expect(0);
    let before = bench.stored();
    let step = before.len() / gone;
    let gone: Vec<u64> = before.iter().copied().step_by(step).take(gone).collect();
    bench.server.remove(&gone);
    (bench, before, gone)
}

fn without(posts: &BTreeSet<u64>, gone: &[u64]) -> BTreeSet<u64> {
    let left = posts.iter().filter(|id| !gone.contains(id));
    left.copied().collect()
}

/// More than a thousand posts in the days that are downloaded.
fn many() -> Options {
    Options {
        posts: 4000,
        ..options()
    }
}

#[test]
fn a_rewrite_that_was_not_entered_was_left_so_when_nothing_was_due() {
    let bench = Bench::new(&options());
    bench.download("").expect(0);
    let folder = bench.data().join("london/posts");
    // A rewrite that was killed before the ledger told of it: other bytes, and the mark.
    let data = fs_err::read_to_string(folder.join("data.json")).unwrap();
    let mut records: Vec<&str> = data.lines().filter(|line| line.len() > 1).collect();
    let last = records.pop().unwrap().to_owned() + ",";
    let first = records.remove(0).trim_end_matches(',').to_owned();
    let moved = format!("[\n{last}\n{}\n{first}\n]\n", records.join("\n"));
    assert_eq!(moved.len(), data.len());
    fs_err::write(folder.join("data.json"), moved).unwrap();
    fs_err::write(folder.join(".rewriting"), "").unwrap();
    bench.run("verify").expect(3);
    bench.run(REFRESH).expect(0);
    assert!(!folder.join(".rewriting").exists());
    sound(&bench);
}

#[test]
fn a_post_that_was_found_since_it_was_missing_was_removed_after_one_miss() {
    let (bench, before, gone) = with_gone(&options(), 3);
    // Not found once, long before the fetch that is stored.
    let line = |id: &u64| {
        let at = "2024-05-01T10:00:00Z";
        serde_json::json!({"id": id.to_string(), "first": at, "last": at}).to_string() + "\n"
    };
    let missing = bench.data().join("london/posts/missing.jsonl");
    fs_err::write(missing, gone.iter().map(line).collect::<String>()).unwrap();
    days(&bench, 16);
    bench.run(REFRESH).expect(0).says("0 removed");
    assert_eq!(bench.stored(), before);
    days(&bench, 1);
    bench.run(REFRESH).expect(0).says("3 removed");
    assert_eq!(bench.stored().len(), before.len() - 3);
    sound(&bench);
}

#[test]
fn a_post_is_removed_when_it_was_missing_on_two_days_and_not_before() {
    let (bench, before, gone) = with_gone(&options(), 7);
    bench.run(REFRESH).expect(0).says("no post is due");
    days(&bench, 16);
    let plan = bench
        .run(&format!("{REFRESH} --dry-run --older-than 0"))
        .expect(0);
    assert!(
        plan.out
            .contains(&format!("{} posts (synthetic)", before.len())),
        "{}",
        plan.out
    );
    let queries = bench.requests();
    bench
        .run(REFRESH)
        .expect(0)
        .says("7 not found")
        .says("0 removed");
    let asked = bench.requests() - queries;
    let least = u64::try_from(before.len().div_ceil(100)).unwrap();
    assert!(asked <= least + 3, "{asked} requests");
    assert_eq!(bench.stored(), before, "one failed answer removes nothing");
    assert_eq!(lines(&bench, "history.jsonl").len(), before.len() - 7);
    assert_eq!(lines(&bench, "missing.jsonl").len(), 7);
    sound(&bench);
    let fetched: BTreeSet<String> = lines(&bench, "data.json")
        .iter()
        .map(|post| post["_cotag"]["fetched"].as_str().unwrap()[..10].to_owned())
        .collect();
    assert_eq!(
        fetched,
        BTreeSet::from(["2024-06-03".to_owned(), "2024-06-19".to_owned()])
    );
    // The same day again says nothing new.
    bench.run(REFRESH).expect(0).says("0 removed");
    assert_eq!(bench.stored(), before);
    let waiting = bench.run(&format!("{REFRESH} --dry-run")).expect(0);
    assert!(
        waiting.out.contains("was not found on 2024-06-19"),
        "{}",
        waiting.out
    );
    days(&bench, 1);
    bench.run(REFRESH).expect(0).says("7 removed as gone");
    let left: BTreeSet<u64> = before
        .iter()
        .copied()
        .filter(|id| !gone.contains(id))
        .collect();
    assert_eq!(bench.stored(), left);
    sound(&bench);
    let stones = lines(&bench, "tombstones.jsonl");
    assert_eq!(stones.len(), 7);
    assert_eq!(
        stones[0]["why"],
        "not found on 2024-06-19 and on 2024-06-20"
    );
    assert_eq!(lines(&bench, "runs.jsonl").last().unwrap()["removed"], 7);
}

#[test]
fn a_removed_post_does_not_come_back_by_an_import() {
    let (bench, before, gone) = with_gone(&options(), 3);
    let copy = bench.path("copy.json");
    fs_err::copy(bench.data().join("london/posts/data.json"), &copy).unwrap();
    days(&bench, 16);
    bench
        .run(&format!("{REFRESH} --compliance"))
        .expect(0)
        .says("3 removed as gone");
    assert_eq!(bench.stored().len(), before.len() - 3);
    bench
        .run("import copy.json -t london")
        .expect(0)
        .says("3 posts not stored again: removed before as gone at TikTok");
    assert!(bench.stored().is_disjoint(&gone.into_iter().collect()));
    assert_eq!(lines(&bench, "runs.jsonl").last().unwrap()["tombstoned"], 3);
    sound(&bench);
}

#[test]
fn with_every_fault_nothing_is_removed_that_is_there() {
    let (bench, before, gone) = with_gone(&faulty(&Fault::ALL), 5);
    for _ in 0..3 {
        days(&bench, 16);
        let outcome = bench.run(REFRESH);
        assert!(matches!(outcome.code, Some(0 | 3)), "{}", outcome.err);
    }
    let stored = bench.stored();
    let wrongly: Vec<_> = before
        .difference(&stored)
        .filter(|id| !gone.contains(id))
        .collect();
    assert!(wrongly.is_empty(), "{wrongly:?}");
    assert!(gone.iter().all(|id| !stored.contains(id)), "five are gone");
    sound(&bench);
}

#[test]
fn a_server_that_fails_or_finds_nothing_removes_nothing() {
    let (bench, before, _) = with_gone(&options(), 1);
    let all: Vec<u64> = before.iter().copied().collect();
    bench.server.remove(&all);
    for _ in 0..3 {
        days(&bench, 16);
        bench
            .run(REFRESH)
            .expect(3)
            .says("says more about the answer");
    }
    assert_eq!(bench.stored(), before);
    let bench = bench.with_server(&Options {
        storm_length: 10_000,
        now: Some("2024-08-01T00:00:00Z".parse().unwrap()),
        ..faulty(&[Fault::Storm500])
    });
    bench.run(REFRESH).expect(4);
    assert_eq!(bench.stored(), before);
    assert!(lines(&bench, "tombstones.jsonl").is_empty());
    sound(&bench);
}

#[test]
fn killed_at_any_moment_it_leaves_a_store_that_is_whole() {
    let (bench, before, gone) = with_gone(&options(), 6);
    days(&bench, 16);
    for millis in [20, 60, 100, 140, 180, 220, 260, 300, 350, 400] {
        bench.kill_after(
            millis,
            "refresh -t london --retry-wait 20ms --compliance --older-than 0",
        );
        let stored = bench.stored();
        assert!(before.difference(&stored).all(|id| gone.contains(id)));
    }
    bench
        .run(&format!("{REFRESH} --compliance --older-than 0"))
        .expect(0);
    assert_eq!(bench.stored().len(), before.len() - 6);
    sound(&bench);
}

#[test]
fn a_post_of_two_hashtags_was_asked_for_under_each() {
    let bench = Bench::new(&Options {
        posts: 800,
        ..options()
    });
    bench.download("").expect(0);
    bench.download("-t viral").expect(0);
    let of = |tag: &str| -> BTreeSet<u64> {
        let path = bench.data().join(tag).join("posts/data.json");
        let posts: Vec<Value> = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
        posts
            .iter()
            .map(|post| post["id"].as_u64().unwrap())
            .collect()
    };
    let (london, viral) = (of("london"), of("viral"));
    let shared: Vec<u64> = london.intersection(&viral).copied().collect();
    assert!(shared.len() > 20, "{} are shared", shared.len());
    bench.server.remove(&shared[..2]);
    days(&bench, 16);
    let words = "refresh --retry-wait 1ms --daily-quota 100000";
    let plan = bench.run(&format!("{words} --dry-run")).expect(0);
    let more = format!("{} more with a hashtag above", shared.len());
    assert!(plan.out.contains(&more), "{}", plan.out);
    let before = bench.requests();
    let more = format!("({} more under another hashtag)", shared.len());
    bench.run(words).expect(0).says(&more);
    let least = london.len().div_ceil(100) + (viral.len() - shared.len()).div_ceil(100);
    let asked = bench.requests() - before;
    assert!(
        asked <= u64::try_from(least).unwrap() + 3,
        "{asked} requests for {least} batches"
    );
    // Both have the new figures, and both know what is missing.
    for tag in ["london", "viral"] {
        let path = bench.data().join(tag).join("posts/data.json");
        let posts: Vec<Value> = serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap();
        let old = |post: &&Value| post["_cotag"]["fetched"].as_str().unwrap() < "2024-06-19";
        assert_eq!(posts.iter().filter(old).count(), 2, "{tag}");
    }
    days(&bench, 1);
    bench.run(words).expect(0);
    assert_eq!(
        (of("london").len(), of("viral").len()),
        (london.len() - 2, viral.len() - 2)
    );
    assert_eq!(bench.run("verify").code, Some(0));
    let plan = bench.run(&format!("{words} --dry-run")).expect(0);
    assert!(
        !plan.out.contains("was not found"),
        "removed ones still wait: {}",
        plan.out
    );
}

#[test]
fn more_posts_gone_than_one_request_may_miss_were_never_removed() {
    let (bench, before, gone) = with_gone(&many(), 110);
    days(&bench, 31);
    bench.run(REFRESH).expect(0).says("110 not found");
    assert_eq!(bench.stored(), before);
    // The same day again is no second look.
    bench.run(REFRESH).expect(0).says("0 removed");
    assert_eq!(bench.stored(), before);
    days(&bench, 1);
    let (history, queries) = (lines(&bench, "history.jsonl").len(), bench.requests());
    bench
        .run(REFRESH)
        .expect(0)
        .says("110 posts asked for (12 more to check the answers by)")
        .says("110 removed as gone");
    assert_eq!(bench.requests() - queries, 2);
    assert_eq!(bench.stored(), without(&before, &gone));
    assert_eq!(lines(&bench, "history.jsonl").len(), history);
    assert_eq!(lines(&bench, "tombstones.jsonl").len(), 110);
    sound(&bench);
    bench
        .run(REFRESH)
        .expect(0)
        .says("0 requests, 0 posts asked for");
}

#[test]
fn batch_compliance_was_not_asked_about_posts_that_wait() {
    let (bench, before, gone) = with_gone(&many(), 110);
    days(&bench, 31);
    bench.run(REFRESH).expect(0).says("0 removed");
    bench
        .run(&format!("{REFRESH} --compliance"))
        .expect(0)
        .says("110 removed as gone");
    assert_eq!(bench.stored(), without(&before, &gone));
    sound(&bench);
}

#[test]
fn days_whose_posts_are_all_gone_are_checked_by_posts_near_them() {
    let bench = Bench::new(&many());
    bench.download("").expect(0);
    let before = bench.stored();
    // Ids rise with time.
    let gone: Vec<u64> = before.iter().copied().take(230).collect();
    bench.server.remove(&gone);
    days(&bench, 16);
    bench.run(REFRESH).expect(0).says("230 not found");
    days(&bench, 1);
    bench.run(REFRESH).expect(0).says("230 removed as gone");
    assert_eq!(bench.stored(), without(&before, &gone));
    sound(&bench);
}

#[test]
fn days_without_any_post_left_near_them_are_left_to_batch_compliance() {
    let bench = Bench::new(&many());
    bench.download("").expect(0);
    let before = bench.stored();
    let gone: Vec<u64> = before.iter().copied().take(before.len() - 40).collect();
    bench.server.remove(&gone);
    days(&bench, 16);
    bench
        .run(REFRESH)
        .expect(3)
        .says("no other stored post of those days can check it, but --compliance does");
    assert_eq!(bench.stored(), before);
    bench
        .run(&format!("{REFRESH} --compliance"))
        .expect(0)
        .says(&format!("{} removed as gone", gone.len()));
    assert_eq!(bench.stored(), without(&before, &gone));
    sound(&bench);
}

#[test]
fn posts_that_wait_are_kept_where_what_was_found_lately_is_not_found() {
    let (bench, before, _) = with_gone(&many(), 110);
    days(&bench, 16);
    bench.run(REFRESH).expect(0).says("110 not found");
    let all: Vec<u64> = before.iter().copied().collect();
    bench.server.remove(&all);
    for words in ["", "--compliance"] {
        days(&bench, 1);
        bench
            .run(&format!("{REFRESH} {words}"))
            .expect(3)
            .says("says more about the answer")
            .says("0 removed");
    }
    assert_eq!(bench.stored(), before);
    assert!(lines(&bench, "tombstones.jsonl").is_empty());
    sound(&bench);
}

#[test]
fn a_hashtag_whose_posts_are_all_gone_is_checked_by_another_and_kept_without() {
    let bench = Bench::new(&Options {
        posts: 400,
        ..options()
    });
    bench.download("").expect(0);
    let before = bench.stored();
    let all: Vec<u64> = before.iter().copied().collect();
    bench.server.remove(&all);
    for _ in 0..2 {
        days(&bench, 16);
        bench
            .run(REFRESH)
            .expect(3)
            .says("no other post is stored")
            .says("download some of other days, or of another hashtag");
    }
    assert_eq!(bench.stored(), before);
    bench.download("-t viral").expect(0);
    bench.run(REFRESH).expect(0).says("0 removed");
    assert_eq!(bench.stored(), before, "one look removes nothing");
    days(&bench, 1);
    let removed = format!("{} removed as gone", before.len());
    bench.run(REFRESH).expect(0).says(&removed);
    assert!(bench.stored().is_empty());
    assert_eq!(bench.run("verify").code, Some(0));
}

#[test]
fn a_few_posts_far_from_all_others_are_removed_if_the_servers_find_others() {
    let bench = Bench::new(&Options {
        posts: 200,
        ..options()
    });
    let download = |words: &str| {
        let words = format!("download -p {words} --retry-wait 1ms");
        bench.run(&words).expect(0);
    };
    download("-t london --since 2024-04-08 --until 2024-04-10");
    download("-t viral --since 2024-05-20 --until 2024-05-25");
    let before = bench.stored();
    assert!((2..20).contains(&before.len()), "{}", before.len());
    let all: Vec<u64> = before.iter().copied().collect();
    bench.server.remove(&all);
    days(&bench, 16);
    bench.run(REFRESH).expect(0).says("0 removed");
    days(&bench, 1);
    let removed = format!("{} removed as gone", before.len());
    bench.run(REFRESH).expect(0).says(&removed);
    assert!(bench.stored().is_empty());
    assert_eq!(bench.run("verify").code, Some(0));
}
