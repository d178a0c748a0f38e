//! Comments in a database: as on files, whatever dies in between, by two collectors at once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::Duration;

use cotag::model::{Format, Origin};
use cotag::record::Envelope;
use cotag::source::sandbox::Running;
use cotag::store::mongo::Database;
use cotag::store::place::Place;
use cotag::store::{Records, Side, SideStore};
use mongodb::bson::{Document, doc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

use crate::access::with_driver;
use crate::desk::{Desk, Outcome, outcome, sandbox, wait_until};
use crate::server::{Database as TestDatabase, Server, database};

/// What a test server gets through.
pub(crate) const POSTS: usize = 90;
const DAYS: &str = "download -t london -p --retry-wait 1ms --since 2024-05-01 --until 2024-05-08";
/// Two pages of a post at most: a test server needs its time.
const COMMENTS: &str =
    "comments --for london --retry-wait 1ms --daily-quota 100000 --max-per-post 150";

pub(crate) fn run(desk: &Desk, api: &Running, words: &str) -> Outcome {
    outcome(&mut desk.asking(api, words))
}

/// A database that need not survive a power failure, and so is some times as fast.
pub(crate) fn hasty() -> TestDatabase {
    let mut database = database();
    let sign = if database.address.contains('?') {
        '&'
    } else {
        '?'
    };
    database.address += &format!("{sign}w=1&journal=false");
    database
}

/// Starts it with nobody listening.
pub(crate) fn start(desk: &Desk, api: &Running, words: &str) -> std::process::Child {
    let mut command = desk.asking(api, words);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Requests of a kind so far.
pub(crate) fn asked(api: &Running, what: &str) -> usize {
    let requests = api.requests();
    requests
        .iter()
        .filter(|request| request.path.contains(what))
        .count()
}

/// The records of a file without what tells how they came, in order.
pub(crate) fn records(desk: &Desk, file: &str) -> Vec<String> {
    let text = fs_err::read_to_string(desk.root().join(file)).unwrap_or_default();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches(','))
        .filter(|line| line.len() > 1)
        .map(|line| Envelope::open(line).0)
        .collect();
    lines.sort();
    lines
}

/// Comments that the same command stores in a directory.
fn expected(desk: &Desk, api: &Running) -> BTreeSet<u64> {
    run(desk, api, DAYS).expect(0);
    run(desk, api, COMMENTS).expect(0);
    let lines = records(desk, "data/london/comments/data.json");
    let ids: BTreeSet<u64> = lines.iter().map(|line| id(line)).collect();
    assert!(ids.len() > 500 && ids.len() == lines.len());
    ids
}

fn id(line: &str) -> u64 {
    let comment: Value = serde_json::from_str(line).unwrap();
    comment["id"].as_u64().unwrap()
}

/// Comments in the database, which has each once by its id.
fn stored(address: &str) -> BTreeSet<u64> {
    let Ok(Place::Database(place)) = Place::parse(address) else {
        panic!("no database");
    };
    let database = Database::open(&place).unwrap();
    let london = Records::Comments(cotag::model::Hashtag::new("london"));
    let mut lines = database.lines_of(&london).unwrap();
    let mut ids = BTreeSet::new();
    while let Some(line) = lines.next().unwrap() {
        assert!(ids.insert(id(&line)));
    }
    ids
}

/// `coverage --comments` without times, requests and log ids, which differ from run to run.
fn coverage(desk: &Desk, store: &str) -> Vec<Value> {
    let outcome = desk
        .cotag(&format!(
            "coverage --comments london --format ndjson {store}"
        ))
        .expect(0);
    let rows = outcome.out.lines().map(|line| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("at");
        row
    });
    rows.collect()
}

#[test]
fn comments_in_a_database_are_those_of_a_directory_and_are_asked_for_once() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    for place in ["", &store] {
        run(&desk, &api, &format!("{DAYS} {place}")).expect(0);
        let plan = run(&desk, &api, &format!("{COMMENTS} --dry-run {place}")).expect(0);
        assert!(plan.out.contains("to ask, about"), "{}", plan.out);
        run(&desk, &api, &format!("{COMMENTS} {place}"))
            .expect(0)
            .says("are not disclosed");
    }
    let lines = records(&desk, "data/london/comments/data.json");
    let ids: BTreeSet<u64> = lines.iter().map(|line| id(line)).collect();
    assert_eq!(stored(&database.address), ids);
    assert_eq!(coverage(&desk, ""), coverage(&desk, &store));
    let states: BTreeSet<String> = coverage(&desk, &store)
        .iter()
        .map(|row| row["state"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        ["withheld", "done", "enough"]
            .iter()
            .all(|&state| states.contains(state))
    );
    for words in [
        "frequencies --in comments london 20 --format json",
        "frequencies --in comments london 10 --columns interval",
        "frequencies --in comments london 10 --since 2024-05-02 --min-count 2 --format csv",
    ] {
        let files = desk.cotag(words).expect(0);
        let there = desk.cotag(&format!("{words} {store}")).expect(0);
        assert_eq!((files.out, files.err), (there.out, there.err), "{words}");
    }
    let explained = desk
        .cotag(&format!(
            "frequencies --in comments london --explain-query {store}"
        ))
        .expect(0);
    assert!(explained.out.contains("\"aggregate\": \"comments\""));
    let before = asked(&api, "comment/list");
    run(&desk, &api, &format!("{COMMENTS} {store}"))
        .expect(0)
        .says("0 comments new");
    assert_eq!(
        asked(&api, "comment/list"),
        before,
        "facts are not asked again"
    );
    // The answers to the comments of one post.
    let few = coverage(&desk, &store);
    let of = |row: &&Value| (20..60).contains(&row["stored"].as_u64().unwrap());
    let few = few.iter().find(of).unwrap();
    desk.write("one.txt", few["post"].as_str().unwrap());
    for place in ["", &store] {
        let words = "comments --ids one.txt --replies --retry-wait 1ms --daily-quota 100000";
        run(&desk, &api, &format!("{words} {place}"))
            .expect(0)
            .says("comments returned");
    }
    assert_eq!(coverage(&desk, ""), coverage(&desk, &store));
    assert!(stored(&database.address).len() > ids.len());
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says("comments of #london: ok");
}

#[test]
fn comments_copied_there_and_back_are_the_same_and_known_to_have_been_asked_for() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, DAYS).expect(0);
    run(&desk, &api, COMMENTS).expect(0);
    desk.cotag(&format!("copy --from data --to {}", database.address))
        .expect(0)
        .says("comments of #london");
    desk.cotag(&format!("copy --from {} --to back", database.address))
        .expect(0)
        .says("comments of #london");
    let file = "london/comments/data.json";
    let there = records(&desk, &format!("back/{file}"));
    assert_eq!(there, records(&desk, &format!("data/{file}")));
    let same = |words: &str| {
        let files = desk.cotag(&format!("{words} --data-dir back")).expect(0);
        let there = desk.cotag(&format!("{words} {store}")).expect(0);
        assert_eq!(files.out, there.out, "{words}");
    };
    same("coverage --comments london --format json");
    same("frequencies --in comments london 20 --format json");
    desk.cotag("verify --data-dir back").expect(0);
    // What was copied is known to have been asked for.
    let before = asked(&api, "comment/list");
    for place in [&store, "--data-dir back"] {
        run(&desk, &api, &format!("{COMMENTS} {place}")).expect(0);
    }
    assert_eq!(asked(&api, "comment/list"), before);
}

#[test]
fn posts_come_first_in_a_database_too() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 150), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    let words = "download -t paris -p --retry-wait 1ms --since 2024-04-01 --until 2024-05-20";
    let before = asked(&api, "video/query");
    let mut download = start(&desk, &api, &format!("{words} --window 1 {store}"));
    wait_until("some pages", || asked(&api, "video/query") >= before + 2);
    run(&desk, &api, &format!("{COMMENTS} --max-requests 1 {store}"))
        .expect(4)
        .says("posts come first: waiting for the collector on");
    assert!(download.try_wait().unwrap().is_some(), "not waited for");
    // With requests of their own they need not wait.
    let words = words.replace("paris", "newyork");
    let mut download = start(&desk, &api, &format!("{words} --window 1 {store}"));
    let beside = run(
        &desk,
        &api,
        &format!("{COMMENTS} --share 20% --max-requests 2 {store}"),
    );
    assert!(!beside.expect(4).err.contains("posts come first"));
    let _ = download.kill();
    download.wait().unwrap();
}

#[test]
fn comments_that_are_killed_at_any_moment_go_on_without_loss() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 15), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    for more in [2, 5] {
        let before = asked(&api, "comment/list");
        let mut child = start(&desk, &api, &format!("{COMMENTS} {store}"));
        wait_until("some pages", || {
            asked(&api, "comment/list") >= before + more || child.try_wait().unwrap().is_some()
        });
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(!stored(&database.address).is_empty());
    // The lease of a collector that is dead on this machine is not waited for.
    run(&desk, &api, &format!("{COMMENTS} {store}"))
        .expect(0)
        .keeps_quiet_about("waiting for");
    assert_eq!(stored(&database.address), expected(&desk, &api));
    desk.cotag(&format!("verify {store}")).expect(0);
}

#[test]
fn a_database_that_is_killed_among_comments_loses_and_doubles_nothing() {
    let server = Server::start(&["--sync-on-commit"]);
    let (desk, api) = (Desk::new(), sandbox(POSTS, 60));
    let address = format!("{}?serverSelectionTimeoutMS=1500", server.address("posts"));
    let store = format!("--store {address}");
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    let mut command = desk.asking(&api, &format!("{COMMENTS} {store}"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    wait_until("some pages", || asked(&api, "comment/list") >= 6);
    server.kill();
    let ended = child.unwrap().wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("mongodb://127.0.0.1"), "{told}");
    server.restart(&[]);
    let truth = expected(&desk, &api);
    let before = stored(&address);
    assert!(!before.is_empty() && before.is_subset(&truth));
    run(&desk, &api, &format!("{COMMENTS} {store}")).expect(0);
    assert_eq!(stored(&address), truth);
    desk.cotag(&format!("verify {store}")).expect(0);
}

#[test]
fn two_collectors_of_comments_never_read_one_list() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 20), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    let both = [0, 1].map(|_| start(&desk, &api, &format!("{COMMENTS} {store}")));
    for mut child in both {
        assert!(child.wait().unwrap().success());
    }
    // Each page of each list was asked for once.
    let rows = coverage(&desk, &store);
    let requests: u64 = rows
        .iter()
        .map(|row| row["requests"].as_u64().unwrap())
        .sum();
    assert_eq!(asked(&api, "comment/list") as u64, requests);
    assert_eq!(stored(&database.address), expected(&desk, &api));
    desk.cotag(&format!("verify {store}")).expect(0);
}

#[test]
fn ids_go_to_the_hashtag_that_holds_them_and_limits_hold() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    let days = jiff::civil::date(2024, 5, 1)..=jiff::civil::date(2024, 5, 20);
    let open = |id: &u64| {
        let comments = api.comments_of(*id, false);
        comments.is_some_and(|all| (1..500).contains(&all.len()))
    };
    let paris = api.truth_of_tag("paris", days);
    let alone = paris.into_iter().find(open).unwrap();
    let held = jiff::civil::date(2024, 5, 1)..=jiff::civil::date(2024, 5, 20);
    let held = api.truth_of_tag("london", held);
    let held = held.into_iter().find(open).unwrap();
    desk.write(
        "ids.txt",
        &format!("{alone}\n{held}\n7111111111111111111\n"),
    );
    run(
        &desk,
        &api,
        &format!("comments --ids ids.txt --retry-wait 1ms {store}"),
    )
    .expect(0)
    .says("1 is gone");
    assert_eq!(
        stored(&database.address),
        api.comments_of(held, false).unwrap()
    );
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says("comments of other posts: ok");
    run(&desk, &api, &format!("{COMMENTS} --max-requests 3 {store}"))
        .expect(4)
        .says("--max-requests allows");
    run(&desk, &api, &format!("{COMMENTS} {store}")).expect(0);
    let all = stored(&database.address);
    assert!(all.is_superset(&expected(&desk, &api)));
    desk.cotag(&format!("copy --from {} --to back", database.address))
        .expect(0)
        .says("comments of other posts");
    desk.cotag("verify --data-dir back").expect(0);
    desk.cotag(&format!("frequencies --in comments paris {store}"))
        .expect(1)
        .says("no posts stored for #paris");
}

#[test]
fn a_changed_or_missing_comment_is_found() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    run(&desk, &api, &format!("{DAYS} {store}")).expect(0);
    run(&desk, &api, &format!("{COMMENTS} --max-requests 2 {store}")).expect(4);
    with_driver(&database, async |database| {
        let comments = database.collection::<Document>("comments");
        let change = doc! { "$set": { "parent": "7" } };
        comments.update_one(doc! {}, change).await
    });
    desk.cotag(&format!("verify {store}"))
        .expect(6)
        .says("not what its record says: parent");
    with_driver(&database, async |database| {
        let comments = database.collection::<Document>("comments");
        comments.delete_many(doc! {}).await
    });
    desk.cotag(&format!("verify {store}"))
        .expect(6)
        .says("stored comments 0 are there");
}

/// A page: comments by number, and the second of its fetch.
type Page = (Vec<u8>, i64);

#[test]
fn any_order_of_pages_stores_each_comment_once_as_it_was_fetched_last() {
    let database = hasty();
    let place = Place::parse(&database.address).unwrap();
    let mut next = 0_u64;
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let page = (prop::collection::vec(0_u8..12, 0..8), 0_i64..6);
    let pages = prop::collection::vec(page, 1..8);
    let side = SideStore::open(&place, Side::Comments, "test", Duration::ZERO, &mut |_| ());
    let side = side.unwrap();
    let Place::Database(there) = &place else {
        panic!("no database");
    };
    let reader = Database::open(there).unwrap();
    // Cases share a database, so each has a hashtag and ids of its own.
    let case = std::cell::RefCell::new(&mut next);
    let outcome = runner.run(&pages, |pages: Vec<Page>| {
        let number = {
            let mut next = case.borrow_mut();
            **next += 1;
            **next
        };
        let records = Records::Comments(cotag::model::Hashtag::new(&format!("case{number}")));
        let line = |comment: u8, second: i64| {
            let id = 7_516_170_000_000_000_000 + number * 1000 + u64::from(comment);
            let raw = format!(
                "{{\"id\":{id},\"video_id\":7516160338215837051,\"text\":\"#t\",\"like_count\":{second}}}"
            );
            let envelope = Envelope {
                origin: Origin::Research,
                format: Format::Research,
                fetched: jiff::Timestamp::from_second(1_750_000_000 + second).ok(),
                run: format!("r{second}"),
            };
            envelope.seal(&raw)
        };
        let mut newest: BTreeMap<u8, i64> = BTreeMap::new();
        let (mut new, mut known) = (0, 0);
        let mut writer = side.records(&records).unwrap();
        for (comments, second) in &pages {
            let lines: Vec<String> = comments.iter().map(|&id| line(id, *second)).collect();
            let added = writer.add(Origin::Research, &lines).unwrap();
            prop_assert!(added.rejected.is_empty());
            (new, known) = (new + added.new, known + added.known);
            for &comment in comments {
                let last = newest.entry(comment).or_insert(*second);
                *last = (*last).max(*second);
            }
        }
        let expected: BTreeSet<String> =
            newest.iter().map(|(&id, &second)| line(id, second)).collect();
        let mut lines = reader.lines_of(&records).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(line);
        }
        prop_assert_eq!(found.len() as u64, new);
        let taken: usize = pages.iter().map(|(comments, _)| comments.len()).sum();
        prop_assert_eq!(new + known, taken as u64);
        prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        let report = reader.verify(&records).unwrap();
        prop_assert_eq!(report.findings, Vec::<String>::new());
        Ok::<(), TestCaseError>(())
    });
    outcome.unwrap();
}
