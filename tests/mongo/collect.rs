//! Downloads into a database: one that dies in between, and several collectors at once.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use cotag::model::{Hashtag, Origin};
use cotag::source::sandbox::Running;
use cotag::store::mongo::Database;
use cotag::store::place::Place;
use cotag::store::{Claim, StoreWriter, WindowLine, WindowState};
use jiff::civil::{Date, date};

use crate::desk::{Desk, outcome, sandbox, wait_until};
use crate::server::{Server, database};

pub(crate) const SINCE: Date = date(2024, 4, 20);
pub(crate) const UNTIL: Date = date(2024, 5, 19);
fn download(desk: &Desk, server: &Running, store: &str, more: &str) -> Command {
    let words = format!(
        "download -t london -p --since {SINCE} --until {UNTIL} --retry-wait 1ms --store {store} {more}"
    );
    desk.asking(server, &words)
}

/// Ids in the database, and what a complete download has.
pub(crate) fn stored(desk: &Desk, store: &str, tag: &str) -> BTreeSet<u64> {
    let list = desk
        .cotag(&format!("posts {tag} --format ndjson --store {store}"))
        .expect(0);
    let mut ids = BTreeSet::new();
    for line in list.out.lines() {
        let post: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            ids.insert(post["id"].as_str().unwrap().parse().unwrap()),
            "twice: {line}"
        );
    }
    ids
}

fn truth(server: &Running) -> BTreeSet<u64> {
    server.truth_of_tag("london", SINCE..=UNTIL)
}

#[test]
fn a_download_into_a_database_is_complete_and_the_next_asks_nothing() {
    let (desk, api, database) = (Desk::new(), sandbox(2000, 0), database());
    outcome(&mut download(&desk, &api, &database.address, "")).expect(0);
    assert_eq!(stored(&desk, &database.address, "london"), truth(&api));
    let asked = api.requests().len();
    outcome(&mut download(&desk, &api, &database.address, ""))
        .expect(0)
        .says("No new posts");
    // A token, and nothing else.
    assert!(api.requests().len() <= asked + 1);
    desk.cotag(&format!("coverage london --store {}", database.address))
        .expect(0)
        .says("done");
    desk.cotag(&format!("verify --store {}", database.address))
        .expect(0);
}

#[test]
fn days_that_were_too_young_were_never_asked_for_again_in_a_database() {
    let (desk, api, database) = (Desk::new(), sandbox(300, 0), database());
    let words = "download -t london -p --since 2024-05-28 --until 2024-06-03 --retry-wait 1ms";
    let words = format!("{words} --store {}", database.address);
    let days = date(2024, 5, 28)..=date(2024, 6, 3);
    outcome(&mut desk.asking(&api, &words))
        .expect(0)
        .says("may not have all posts");
    let first = stored(&desk, &database.address, "london");
    api.advance(Duration::from_hours(96));
    outcome(&mut desk.asking(&api, &words)).expect(0);
    let all = stored(&desk, &database.address, "london");
    assert_eq!(all, api.truth_of_tag("london", days));
    assert!(first.len() < all.len(), "{} at once", first.len());
    desk.cotag(&format!("coverage london --store {}", database.address))
        .expect(0)
        .keeps_quiet_about("inside-lag");
}

#[test]
fn a_database_that_is_killed_in_mid_download_loses_and_doubles_nothing() {
    let server = Server::start(&["--sync-on-commit"]);
    let (desk, api) = (Desk::new(), sandbox(2000, 200));
    let store = format!("{}?serverSelectionTimeoutMS=1500", server.address("posts"));
    let run = download(&desk, &api, &store, "--window 3")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("some pages", || api.requests().len() >= 6);
    server.kill();
    let ended = run.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("mongodb://127.0.0.1"), "{told}");
    server.restart(&[]);
    let before = stored(&desk, &store, "london");
    assert!(!before.is_empty() && before.is_subset(&truth(&api)));
    outcome(&mut download(&desk, &api, &store, "--window 3")).expect(0);
    assert_eq!(stored(&desk, &store, "london"), truth(&api));
    desk.cotag(&format!("verify --store {store}")).expect(0);
}

#[test]
fn two_collectors_share_the_windows() {
    let (desk, api, database) = (Desk::new(), sandbox(2000, 30), database());
    let alone = {
        let other = self::database();
        outcome(&mut download(&desk, &api, &other.address, "--window 3")).expect(0);
        api.requests().len()
    };
    let both: Vec<_> = (0..2)
        .map(|_| {
            download(&desk, &api, &database.address, "--window 3")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut run in both {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(stored(&desk, &database.address, "london"), truth(&api));
    let together = api.requests().len() - alone;
    assert!(
        together <= alone + 4,
        "{together} requests instead of {alone}"
    );
}

#[test]
fn a_window_has_one_collector_until_it_gives_it_back() {
    let database = database();
    let place = Place::parse(&database.address).unwrap();
    let tag = Hashtag::new("london").unwrap();
    let window = WindowLine {
        run: "r".into(),
        ..WindowLine::new("q", SINCE, UNTIL, WindowState::Open)
    };
    let open = || {
        let mut writer = StoreWriter::open(&place, "test", Duration::ZERO, &mut |_| ()).unwrap();
        let posts = writer.posts(&tag, Origin::Synthetic).unwrap();
        (writer, posts.windows().unwrap())
    };
    let ((_first, mut ours), (_second, theirs)) = (open(), open());
    ours.begin(vec![window.clone()]).unwrap();
    assert!(matches!(ours.claim(&window).unwrap(), Claim::Ours(Some(_))));
    let Claim::Theirs(holder) = theirs.claim(&window).unwrap() else {
        panic!("two collectors on one window");
    };
    assert_eq!(holder.pid, i64::from(std::process::id()));
    // Nor are some of its days to be had.
    let some_days = WindowLine::new("q", SINCE, SINCE, WindowState::Open);
    assert!(matches!(
        theirs.claim(&some_days).unwrap(),
        Claim::Theirs(_)
    ));
    let other_days = WindowLine::new(
        "q",
        UNTIL.tomorrow().unwrap(),
        date(2024, 6, 1),
        WindowState::Open,
    );
    assert!(matches!(theirs.claim(&other_days).unwrap(), Claim::Ours(_)));
    ours.put(vec![WindowLine {
        pages: 3,
        ..window.clone()
    }])
    .unwrap();
    ours.release(&window).unwrap();
    let Claim::Ours(Some(now)) = theirs.claim(&window).unwrap() else {
        panic!("not given back");
    };
    assert_eq!(now.pages, 3, "the other goes on where we stopped");
    // Who lost a window does not write over it.
    assert!(ours.put(vec![window]).is_err());
    let Place::Database(place) = &place else {
        panic!("no database");
    };
    assert!(Database::open(place).is_ok());
}
