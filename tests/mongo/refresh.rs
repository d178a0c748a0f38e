//! Refreshing a database: each post asked for once, posts that are gone removed on good evidence only,
//! never stored again, whatever dies in between.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use cotag::source::sandbox::Running;
use mongodb::bson::{Document, doc};

use crate::access::with_driver;
use crate::collect::{SINCE, UNTIL, stored};
use crate::desk::{Desk, outcome, sandbox, wait_until};
use crate::server::{Database, Server, database};

fn refresh(desk: &Desk, api: &Running, store: &str, more: &str) -> Command {
    let words = format!("refresh --retry-wait 1ms --daily-quota 100000 --store {store} {more}");
    desk.asking(api, &words)
}

fn download(desk: &Desk, api: &Running, store: &str, tags: &str) {
    let words = format!(
        "download -t {tags} -p --since {SINCE} --until {UNTIL} --retry-wait 1ms --store {store}"
    );
    outcome(&mut desk.asking(api, &words)).expect(0);
}

fn documents(database: &Database, collection: &str) -> Vec<Document> {
    with_driver(database, async |database| {
        let mut cursor = database
            .collection::<Document>(collection)
            .find(doc! {})
            .sort(doc! { "_id": 1 })
            .await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    })
}

/// Every few posts of a set, taken away.
fn take_away(api: &Running, posts: &BTreeSet<u64>, number: usize) -> BTreeSet<u64> {
    let step = posts.len() / number;
    let gone: Vec<u64> = posts.iter().copied().step_by(step).take(number).collect();
    api.remove(&gone);
    gone.into_iter().collect()
}

fn days(api: &Running, days: u64) {
    api.advance(Duration::from_hours(24 * days));
}

#[test]
fn a_post_of_two_hashtags_is_asked_for_once_and_removed_after_two_days() {
    let (desk, api, database) = (Desk::new(), sandbox(800, 0), database());
    let store = &database.address;
    download(&desk, &api, store, "london viral");
    let london = stored(&desk, store, "london");
    let viral = stored(&desk, store, "viral");
    let all: BTreeSet<u64> = &london | &viral;
    let shared: BTreeSet<u64> = &london & &viral;
    assert!(shared.len() > 3, "{} posts are shared", shared.len());
    let mut gone = take_away(&api, &london, 5);
    gone.extend(take_away(&api, &shared, 2));
    days(&api, 16);
    let plan = outcome(&mut refresh(&desk, &api, store, "--dry-run --older-than 0")).expect(0);
    assert!(
        plan.out
            .contains(&format!("#london: {} posts (synthetic)", london.len())),
        "{}",
        plan.out
    );
    assert!(
        plan.out
            .contains(&format!("{} more with a hashtag above", shared.len())),
        "{}",
        plan.out
    );
    let before = api.requests().len();
    outcome(&mut refresh(&desk, &api, store, ""))
        .expect(0)
        .says("0 removed");
    let asked = api.requests().len() - before;
    let least = london.len().div_ceil(100) + (viral.len() - shared.len()).div_ceil(100);
    assert!(asked <= least + 5, "{asked} requests for {least} batches");
    assert_eq!(
        stored(&desk, store, "london"),
        london,
        "one look removes nothing"
    );
    let history = documents(&database, "history");
    assert_eq!(history.len(), all.len() - gone.len());
    assert!(history[0].get_i64("view_count").is_ok(), "{}", history[0]);
    assert_eq!(documents(&database, "missing").len(), gone.len());
    desk.cotag(&format!("verify --store {store}")).expect(0);
    // Nothing but the missing ones is due now, and the same day says nothing new.
    outcome(&mut refresh(&desk, &api, store, ""))
        .expect(0)
        .says("0 removed");
    assert_eq!(documents(&database, "history").len(), history.len());
    let waiting = outcome(&mut refresh(&desk, &api, store, "--dry-run")).expect(0);
    assert!(
        waiting.out.contains("was not found on 2024-06-19"),
        "{}",
        waiting.out
    );
    days(&api, 1);
    outcome(&mut refresh(&desk, &api, store, "")).expect(0);
    assert_eq!(stored(&desk, store, "london"), &london - &gone);
    assert_eq!(stored(&desk, store, "viral"), &viral - &gone);
    let stones = documents(&database, "tombstones");
    let buried: BTreeSet<u64> = stones
        .iter()
        .map(|stone| stone.get_str("_id").unwrap().parse().unwrap())
        .collect();
    assert_eq!(buried, gone);
    assert_eq!(
        stones[0].get_str("why").unwrap(),
        "not found on 2024-06-19 and on 2024-06-20"
    );
    assert!(documents(&database, "missing").is_empty());
    // Fewer posts than the runs tell of, and the tombstones say why.
    desk.cotag(&format!("verify --store {store}")).expect(0);
    let plan = outcome(&mut refresh(&desk, &api, store, "--dry-run")).expect(0);
    assert!(!plan.out.contains("was not found"), "{}", plan.out);
}

#[test]
fn more_posts_gone_than_one_request_may_miss_were_never_removed() {
    let (desk, api, database) = (Desk::new(), sandbox(800, 0), database());
    let store = &database.address;
    download(&desk, &api, store, "london");
    let before = stored(&desk, store, "london");
    let gone = take_away(&api, &before, 45);
    days(&api, 31);
    outcome(&mut refresh(&desk, &api, store, ""))
        .expect(0)
        .says("45 not found");
    days(&api, 1);
    let asked = api.requests().len();
    outcome(&mut refresh(&desk, &api, store, ""))
        .expect(0)
        .says("45 posts asked for (5 more to check the answers by)")
        .says("45 removed as gone");
    let asked = api.requests().len() - asked;
    assert!(asked <= 2, "{asked} requests, with the one for a token");
    assert_eq!(stored(&desk, store, "london"), &before - &gone);
    // What was found lately is not found either: that says nothing.
    let left = &before - &gone;
    let more = take_away(&api, &left, 25);
    days(&api, 31);
    outcome(&mut refresh(&desk, &api, store, "")).expect(0);
    assert_eq!(documents(&database, "missing").len(), more.len());
    api.remove(&left.iter().copied().collect::<Vec<_>>());
    days(&api, 1);
    outcome(&mut refresh(&desk, &api, store, ""))
        .expect(3)
        .says("says more about the answer");
    assert_eq!(stored(&desk, store, "london"), left);
    desk.cotag(&format!("verify --store {store}")).expect(0);
}

#[test]
fn a_removed_post_comes_back_by_no_import_copy_or_download() {
    let (desk, api, database) = (Desk::new(), sandbox(800, 0), database());
    let store = &database.address;
    download(&desk, &api, "files", "london");
    desk.cotag(&format!("copy --from files --to {store}"))
        .expect(0);
    let before = stored(&desk, store, "london");
    let viral = api.truth_of_tag("viral", SINCE..=UNTIL);
    let gone = take_away(&api, &(&before & &viral), 3);
    days(&api, 16);
    outcome(&mut refresh(&desk, &api, store, "--compliance"))
        .expect(0)
        .says("3 removed as gone");
    let left = &before - &gone;
    assert_eq!(stored(&desk, store, "london"), left);
    let file = desk.root().join("files/london/posts/data.json");
    // Also under another hashtag.
    for tag in ["london", "viral"] {
        for update in ["", "--update"] {
            desk.cotag(&format!(
                "import {} -t {tag} {update} --store {store}",
                file.display()
            ))
            .expect(0)
            .says("3 posts not stored again: removed before as gone at TikTok");
            assert!(stored(&desk, store, tag).is_disjoint(&gone));
        }
    }
    assert_eq!(stored(&desk, store, "london"), left);
    // A server that still gives them.
    let elsewhere = sandbox(800, 0);
    download(&desk, &elsewhere, store, "viral");
    assert_eq!(stored(&desk, store, "viral"), &viral - &gone);
    desk.cotag(&format!("verify --store {store}")).expect(0);
}

#[test]
fn a_copy_takes_over_what_refreshes_left_behind_and_back() {
    let (desk, api, database) = (Desk::new(), sandbox(400, 0), database());
    let store = &database.address;
    download(&desk, &api, "files", "london");
    let before = stored(&desk, "files", "london");
    let whole = desk.root().join("files/london/posts/data.json");
    let whole = fs_err::read_to_string(whole).unwrap();
    desk.write("whole.json", &whole);
    let gone = take_away(&api, &before, 4);
    days(&api, 16);
    outcome(&mut refresh(&desk, &api, "files", "--compliance")).expect(0);
    let left = &before - &gone;
    let waits = take_away(&api, &left, 2);
    days(&api, 1);
    outcome(&mut refresh(&desk, &api, "files", "--older-than 0"))
        .expect(0)
        .says("2 not found");
    // Something to be removed there, too.
    desk.cotag(&format!("import whole.json -t london --store {store}"))
        .expect(0);
    desk.cotag(&format!("copy --from files --to {store}"))
        .says("4 tombstones taken over");
    assert_eq!(stored(&desk, store, "london"), left);
    for place in [store.as_str(), "back"] {
        if place == "back" {
            desk.cotag(&format!("copy --from {store} --to back"))
                .expect(0)
                .says("4 tombstones taken over");
        }
        desk.cotag(&format!("import whole.json -t london --store {place}"))
            .expect(0)
            .says("4 posts not stored again");
        assert_eq!(stored(&desk, place, "london"), left);
        let plan = outcome(&mut refresh(&desk, &api, place, "--dry-run")).expect(0);
        assert_eq!(plan.out.matches("was not found on").count(), waits.len());
        desk.cotag(&format!("verify --store {place}")).expect(0);
    }
    let lines = |place: &str| {
        let path = desk.root().join(place).join("london/posts/history.jsonl");
        let text = fs_err::read_to_string(path).unwrap();
        let lines: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        lines
    };
    assert_eq!(lines("back"), lines("files"));
    assert_eq!(documents(&database, "history").len(), lines("files").len());
    // A second time there is nothing to take over, and removed posts are no missing ones.
    let again = desk
        .cotag(&format!("copy --from {store} --to back"))
        .expect(0);
    assert!(!again.err.contains("taken over"), "{}", again.err);
    desk.cotag("import whole.json -t london --data-dir old")
        .expect(0);
    desk.cotag(&format!("copy --from old --to {store} -t london"))
        .says("0 missing there")
        .says("4 posts removed there as gone");
}

#[test]
fn killed_at_any_moment_a_refresh_is_completed_by_the_next() {
    let (desk, api, database) = (Desk::new(), sandbox(800, 0), database());
    let store = &database.address;
    download(&desk, &api, store, "london");
    let before = stored(&desk, store, "london");
    let gone = take_away(&api, &before, 6);
    days(&api, 16);
    let words = "--compliance --older-than 0";
    for millis in [150, 300, 450, 600, 750, 900, 1100, 1300] {
        let mut run = refresh(&desk, &api, store, words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        // It may have ended by itself.
        let _ = run.kill();
        run.wait().unwrap();
        let left = stored(&desk, store, "london");
        assert!(before.difference(&left).all(|id| gone.contains(id)));
    }
    outcome(&mut refresh(&desk, &api, store, words)).expect(0);
    assert_eq!(stored(&desk, store, "london"), &before - &gone);
    desk.cotag(&format!("verify --store {store}")).expect(0);
    let figures: BTreeSet<String> = documents(&database, "history")
        .iter()
        .map(|line| line.get("_id").unwrap().to_string())
        .collect();
    assert_eq!(figures.len(), documents(&database, "history").len());
}

#[test]
fn a_database_that_is_killed_in_mid_refresh_loses_nothing_and_the_next_run_goes_on() {
    let server = Server::start(&["--sync-on-commit"]);
    let (desk, api) = (Desk::new(), sandbox(800, 400));
    let store = format!("{}?serverSelectionTimeoutMS=1500", server.address("posts"));
    download(&desk, &api, &store, "london");
    let before = stored(&desk, &store, "london");
    let gone = take_away(&api, &before, 4);
    days(&api, 16);
    let asked = api.requests().len();
    let run = refresh(&desk, &api, &store, "--compliance")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("some answers", || api.requests().len() >= asked + 3);
    server.kill();
    let ended = run.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("mongodb://127.0.0.1"), "{told}");
    server.restart(&[]);
    let left = stored(&desk, &store, "london");
    assert!(before.difference(&left).all(|id| gone.contains(id)));
    outcome(&mut refresh(&desk, &api, &store, "--compliance")).expect(0);
    assert_eq!(stored(&desk, &store, "london"), &before - &gone);
    desk.cotag(&format!("verify --store {store}")).expect(0);
}
