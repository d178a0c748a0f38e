//! Users in a database: as on files, resumed, noted, by two collectors at once.

use std::time::Duration;

use cotag::source::sandbox::Running;

use crate::comments::{POSTS, asked, hasty, records, run, start};
use crate::desk::{Desk, outcome, sandbox, wait_until};

const LISTS: &str = "--info --followers --following --liked --pinned --reposted";
const WAIT: &str = "--retry-wait 1ms --daily-quota 100000 --max-per-list 150";

fn names() -> impl Iterator<Item = String> {
    (0..145).map(|number| format!("synthetic.london.{number}"))
}

/// Accounts that tell of themselves, the most followed first.
fn open(api: &Running) -> Vec<String> {
    let mut names: Vec<String> = names()
        .filter(|name| api.relations_of(name, false).is_some())
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(api.relations_of(name, false)));
    names
}

/// One that is private, one that is not there.
fn closed(api: &Running) -> [String; 2] {
    let mut closed = names().filter(|name| api.relations_of(name, false).is_none());
    let mut of = |private: bool| closed.find(|name| api.is_private(name) == private);
    [true, false].map(|private| {
        of(private)
            .or_else(|| {
                names().find(|name| {
                    api.relations_of(name, false).is_none() && api.is_private(name) == private
                })
            })
            .unwrap()
    })
}

#[test]
fn users_in_a_database_are_those_of_a_directory() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    let name = open(&api).remove(0);
    let [private, missing] = closed(&api);
    let words = format!("users --usernames {name},{private},{missing} {LISTS} {WAIT}");
    let ends = ["", &store].map(|place| {
        let ended = run(&desk, &api, &format!("{words} {place}")).expect(3);
        ended.says("private, missing or banned").err
    });
    assert_eq!(ends[0], ends[1]);
    let before = asked(&api, "/user/");
    run(&desk, &api, &format!("{words} {store}"))
        .expect(3)
        .says("0 requests")
        .says("private, missing or banned");
    assert_eq!(asked(&api, "/user/"), before);
    let plan = run(&desk, &api, &format!("{words} --dry-run {store}")).expect(0);
    let there = format!("@{private}: private, missing or banned");
    assert!(plan.out.contains(&there), "{}", plan.out);
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says(&format!("@{name} followers: ok"));
    desk.cotag(&format!("copy --from {} --to back", database.address))
        .expect(0);
    desk.cotag("verify --data-dir back").expect(0);
    let mut stored = 0;
    for list in [
        "info",
        "followers",
        "following",
        "liked",
        "pinned",
        "reposted",
    ] {
        let file = format!("users/{name}/{list}/data.json");
        let files = records(&desk, &format!("data/{file}"));
        assert_eq!(files, records(&desk, &format!("back/{file}")), "{list}");
        stored += files.len();
    }
    assert!(stored > 100, "{stored}");
    // The copy knows what was asked, and so does a copy of the copy.
    let before = asked(&api, "/user/");
    run(&desk, &api, &format!("{words} --data-dir back")).expect(3);
    let other = hasty();
    desk.cotag(&format!("copy --from back --to {}", other.address))
        .expect(0);
    run(&desk, &api, &format!("{words} --store {}", other.address)).expect(3);
    assert_eq!(asked(&api, "/user/"), before);
    // Another profile each time that it is asked.
    api.advance(Duration::from_hours(24));
    run(
        &desk,
        &api,
        &format!("users --usernames {name} --again {WAIT} {store}"),
    )
    .expect(0);
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says(&format!("@{name} info: ok, 2 profiles, 2 runs"));
}

#[test]
fn the_busiest_authors_are_those_of_a_directory() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 0), hasty());
    let store = format!("--store {}", database.address);
    for place in ["", &store] {
        let words = "download -t london -p --retry-wait 1ms --since 2024-05-01 --until 2024-05-08";
        run(&desk, &api, &format!("{words} {place}")).expect(0);
    }
    for words in [
        "users --authors-of london --top 7 --dry-run",
        "users --authors-of london --dry-run",
    ] {
        let files = run(&desk, &api, words).expect(0);
        let there = run(&desk, &api, &format!("{words} {store}")).expect(0);
        assert_eq!(files.out, there.out);
        assert!(files.out.lines().count() >= 7, "{}", files.out);
    }
}

#[test]
fn users_that_are_killed_go_on_and_two_collectors_share_the_lists() {
    let (desk, api, database) = (Desk::new(), sandbox(POSTS, 15), hasty());
    let store = format!("--store {}", database.address);
    let users = open(&api).into_iter().take(4).collect::<Vec<_>>();
    let words = format!(
        "users --usernames {} --info --followers --liked {WAIT} {store}",
        users.join(",")
    );
    let mut child = start(&desk, &api, &words);
    wait_until("some pages", || asked(&api, "/user/") >= 4);
    let _ = child.kill();
    child.wait().unwrap();
    let before = asked(&api, "/user/");
    let both = [0, 1].map(|_| start(&desk, &api, &words));
    for mut child in both {
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "{code:?}");
    }
    let shared = asked(&api, "/user/") - before;
    desk.cotag(&format!("verify {store}")).expect(0);
    // One collector needs as many requests for all of it; the killed one had some already.
    let alone = hasty();
    let before = asked(&api, "/user/");
    let words = words.replace(&store, &format!("--store {}", alone.address));
    let code = outcome(&mut desk.asking(&api, &words)).code;
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    let needed = asked(&api, "/user/") - before;
    assert!(shared <= needed, "{shared} requests instead of {needed}");
    let report = |address: &str| {
        let told = desk.cotag(&format!("verify --store {address}")).expect(0);
        // The number of runs is another matter.
        let lines = told.out.lines().map(|line| {
            let parts: Vec<&str> = line.split(", ").take(2).collect();
            parts.join(", ")
        });
        lines.collect::<Vec<String>>()
    };
    let told = report(&database.address);
    assert_eq!(told, report(&alone.address));
    assert!(told.len() >= 8, "{told:?}");
}
