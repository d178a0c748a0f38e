//! Users: what accounts say of themselves, their lists, their own quota, and those who are not there.

use std::collections::BTreeSet;

use cotag::source::sandbox::{Fault, Options};
use serde_json::Value;

use crate::bench::{Bench, faulty, options};

const WAIT: &str = "--retry-wait 1ms --daily-quota 100000";

fn lines(bench: &Bench, file: &str) -> Vec<Value> {
    let text = fs_err::read_to_string(bench.data().join(file)).unwrap_or_default();
    text.lines()
        .map(|line| line.trim_end_matches(','))
        .filter(|line| line.len() > 1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Names of made-up authors: with many followers, private, missing, and one in another case.
struct Names {
    busy: String,
    private: String,
    missing: String,
}

fn names(bench: &Bench) -> Names {
    let all = || (0..145).map(|number| format!("synthetic.london.{number}"));
    let followers = |name: &String| bench.server.relations_of(name, false);
    let busy = all()
        .filter(|name| {
            bench
                .server
                .relations_of(name, true)
                .is_some_and(|count| count > 0)
        })
        .max_by_key(|name| followers(name).unwrap_or(0));
    let told: Vec<String> = all().filter(|name| followers(name).is_none()).collect();
    let is_private = |name: &&String| bench.server.is_private(name);
    Names {
        busy: busy.unwrap(),
        private: told.iter().find(is_private).unwrap().clone(),
        missing: told.iter().find(|name| !is_private(name)).unwrap().clone(),
    }
}

#[test]
fn a_run_killed_before_its_ledger_line_was_never_entered() {
    let bench = Bench::new(&options());
    let name = names(&bench).busy;
    let words = format!("users --usernames {name} --info --followers {WAIT}");
    bench.run(&words).expect(0);
    // The records and how far the lists came are stored, the run is not.
    let ledger = bench.data().join(format!("users/{name}/info/runs.jsonl"));
    fs_err::remove_file(ledger).unwrap();
    bench.run("verify").expect(6);
    bench.run(&words).expect(0);
    bench.run("verify").expect(0);
}

#[test]
fn a_cursor_that_is_refused_was_sent_for_ever() {
    let bench = Bench::new(&options());
    let name = names(&bench).busy;
    let words = format!("users --usernames {name} --followers {WAIT}");
    bench.run(&words).expect(0);
    let file = format!("users/{name}/asked.jsonl");
    let mut line = lines(&bench, &file).pop().unwrap();
    line["state"] = "open".into();
    line["cursor"] = "no-cursor".into();
    fs_err::write(bench.data().join(&file), format!("{line}\n")).unwrap();
    bench.run(&words).expect(3);
    bench.run(&words).expect(0);
    bench.run("verify").expect(0);
}

#[test]
fn every_list_is_stored_whole_with_every_fault() {
    let bench = Bench::new(&faulty(&Fault::ALL));
    let name = names(&bench).busy;
    let words = format!(
        "users --usernames {} --info --followers --following --liked --pinned --reposted {WAIT}",
        name.to_uppercase()
    );
    let outcome = bench.run(&words);
    assert!(matches!(outcome.code, Some(0 | 3)), "{}", outcome.err);
    let folder = format!("users/{name}");
    for (list, following) in [("followers", false), ("following", true)] {
        let stored = lines(&bench, &format!("{folder}/{list}/data.json"));
        let names: BTreeSet<&str> = stored
            .iter()
            .map(|row| row["username"].as_str().unwrap())
            .collect();
        let there = bench.server.relations_of(&name, following).unwrap();
        assert_eq!((names.len(), stored.len()), (there, there), "{list}");
    }
    let info = lines(&bench, &format!("{folder}/info/data.json"));
    assert_eq!(info.len(), 1);
    assert_eq!(info[0]["username"], name.as_str());
    assert_eq!(info[0]["_cotag"]["origin"], "synthetic");
    assert!(
        !info[0].to_string().contains("x-signature=abc"),
        "tokens are blanked"
    );
    let reposted = lines(&bench, &format!("{folder}/reposted/data.json"));
    let ids: BTreeSet<u64> = reposted
        .iter()
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert!(ids.len() > 10 && ids.len() == reposted.len());
    let verified = bench.run("verify");
    assert_eq!(verified.code, Some(0), "{}", verified.out);
    assert!(
        verified.out.contains(&format!("@{name} followers: ok")),
        "{}",
        verified.out
    );
    bench.assert_no_secret(&outcome);
    // What is known is not asked again; --again adds another profile.
    let before = bench.server.requests().len();
    bench.run(&words);
    let asked = bench.server.requests()[before..]
        .iter()
        .filter(|one| one.path.contains("/user/"))
        .count();
    assert_eq!(asked, 0);
    bench.server.advance(std::time::Duration::from_hours(24));
    bench
        .run(&format!("users --usernames {name} --again {WAIT}"))
        .expect(0);
    assert_eq!(lines(&bench, &format!("{folder}/info/data.json")).len(), 2);
}

#[test]
fn private_and_missing_accounts_are_noted_and_skipped() {
    let bench = Bench::new(&options());
    let names = names(&bench);
    let words = format!(
        "users --usernames {},{},{} --info --followers {WAIT}",
        names.private, names.missing, names.busy
    );
    bench
        .run(&words)
        .expect(3)
        .says("2 private, missing or banned");
    let state =
        |name: &str| lines(&bench, &format!("users/{name}/asked.jsonl"))[0]["state"].clone();
    assert_eq!(state(&names.private), "withheld");
    assert_eq!(state(&names.missing), "missing");
    assert_eq!(state(&names.busy), "done");
    assert!(
        !bench
            .data()
            .join(format!("users/{}/info", names.missing))
            .exists()
    );
    let before = bench.server.requests().len();
    bench.run(&words).expect(3).says("0 requests");
    assert!(
        bench.server.requests()[before..]
            .iter()
            .all(|one| one.path.contains("token"))
    );
    bench
        .run("users --usernames ../etc")
        .expect(2)
        .says("is no user name");
    bench.run("users --authors-of london").expect(1);
}

#[test]
fn followers_have_a_quota_of_their_own_and_go_on_the_next_day() {
    let bench = Bench::new(&Options {
        relations_quota: 2,
        ..options()
    });
    let name = names(&bench).busy;
    let there = bench.server.relations_of(&name, false).unwrap();
    assert!(there > 200, "{there}");
    let words = format!("users --usernames {name} --followers --info {WAIT}");
    bench
        .run(&words)
        .expect(4)
        .says("the day's requests are used up");
    assert_eq!(bench.server.used_for_relations(), 2);
    assert_eq!(
        lines(&bench, &format!("users/{name}/info/data.json")).len(),
        1,
        "counted apart"
    );
    let mut days = 0;
    while bench.run(&words).code != Some(0) {
        bench.server.advance(std::time::Duration::from_hours(24));
        days += 1;
        assert!(days < 50);
    }
    let stored = lines(&bench, &format!("users/{name}/followers/data.json"));
    assert_eq!(stored.len(), there);
    assert_eq!(bench.run("verify").code, Some(0));
}

#[test]
fn the_busiest_authors_come_first_and_a_hashtag_called_users_is_not_in_the_way() {
    let bench = Bench::new(&options());
    bench
        .run("download -t london -p --retry-wait 1ms --since 2024-05-01 --until 2024-05-04")
        .expect(0);
    let plan = bench
        .run("users --authors-of london --top 3 --dry-run")
        .expect(0);
    assert_eq!(plan.out.lines().count(), 3);
    assert!(plan.out.starts_with("@synthetic.london."), "{}", plan.out);
    let outcome = bench.run(&format!("users --authors-of london --top 3 {WAIT}"));
    assert!(matches!(outcome.code, Some(0 | 3)), "{}", outcome.err);
    let post = r##"{"id":"7189254512345678901","desc":"#users #comments","createTime":1700000000,"author":{"uniqueId":"a"},"stats":{}}"##;
    fs_err::write(bench.path("posts.json"), format!("[{post}]")).unwrap();
    for tag in ["users", "comments"] {
        bench.run(&format!("import posts.json -t {tag}")).expect(0);
        assert!(
            bench
                .run(&format!("frequencies {tag} 5"))
                .expect(0)
                .out
                .contains("Total posts: 1")
        );
    }
    assert!(bench.data().join("%75sers/posts/data.json").is_file());
    assert!(bench.data().join("%63omments/posts/data.json").is_file());
    assert_eq!(bench.run("verify").code, Some(0));
}
