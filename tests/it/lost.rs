//! Loss is never quiet: what is gone is counted, named, and asked for again; what an interrupted run
//! left is no loss.

use serde_json::json;

use crate::harness::Desk;
use crate::make::{id, ids, lines, london};

const DATA: &str = "data/london/posts/data.json";
const WINDOWS: &str = "data/london/posts/windows.jsonl";

/// Seven posts of #london by two runs.
fn stocked() -> Desk {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..4)));
    desk.write("b.ndjson", lines(&london(4..7)));
    desk.cotag("import a.ndjson -t london").fine();
    desk.cotag("import b.ndjson -t london").fine();
    desk
}

/// A window of `windows.jsonl`.
fn window(day: u8, state: &str, new: u64) -> String {
    let line = json!({
        "query": "q", "from": format!("2024-05-0{day}"), "to": format!("2024-05-0{day}"), "state": state,
        "why": "no more", "new": new, "requests": 1, "min_id": "5", "run": "r", "at": "2024-06-01T00:00:00Z",
    });
    line.to_string() + "\n"
}

#[test]
fn a_repair_of_an_emptied_file_said_nothing_of_the_posts_that_were_gone() {
    let desk = stocked();
    let windows = window(1, "done", 7) + &window(2, "split", 0) + &window(3, "unavailable", 0);
    desk.write(WINDOWS, &windows);
    desk.write(&format!("{WINDOWS}.before-repair"), "an older one");
    desk.write(DATA, "");
    desk.cotag("verify")
        .code(6)
        .shows(&["data.json: 7 of 7 posts that runs had stored are gone\n"]);
    desk.cotag("repair")
        .code(3)
        .shows(&[
            "#london: 7 of 7 posts that runs had stored are gone\n",
            &format!("of 7 the ids are known ({}, ", id(0)),
            "all days that were asked for are open again",
            "posts were imported from a.ndjson, b.ndjson: import that again\n",
            "kept as it was before: ./data/london/posts/windows.jsonl.before-repair-2\n",
        ])
        .says(&["warning: 7 records that had been stored are gone"]);
    let lost = desk.names("data/london/posts", "lost-");
    let named = desk.read(&format!("data/london/posts/{}", lost[0]));
    assert_eq!(named.lines().collect::<Vec<_>>(), ids(0..7));
    assert_eq!(
        desk.read(&format!("{WINDOWS}.before-repair")),
        "an older one"
    );
    assert_eq!(
        desk.read(&format!("{WINDOWS}.before-repair-2")),
        windows,
        "the ledger is not kept as it was"
    );
    let now = desk.json_lines(WINDOWS);
    let states: Vec<_> = now.iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["open", "split", "unavailable"]);
    for open in [&now[0], &now[2]] {
        assert_eq!(open["requests"], 0);
        assert!(open.get("min_id").is_none(), "a search would go on: {open}");
    }
    let runs = desk.json_lines("data/london/posts/runs.jsonl");
    let told = runs[2]["stopped"].as_str().unwrap();
    assert!(told.starts_with("7 of 7 posts that runs had stored are gone"));
    desk.cotag("verify").fine();
    desk.cotag("import a.ndjson b.ndjson -t london").fine();
    assert_eq!(desk.ids(DATA), ids(0..7));
}

#[test]
fn a_record_with_a_damaged_id_vanished_from_a_repaired_file() {
    let desk = stocked();
    let damaged = desk
        .read(DATA)
        .replacen(&format!("\"id\":\"{}\"", id(2)), "\"ix\":\"\"", 1);
    desk.write(DATA, &damaged);
    // Not even a list or a cache has the id.
    for gone in ["data/ids", "data/london/posts/index"] {
        fs_err::remove_dir_all(desk.path(gone)).unwrap();
    }
    desk.cotag("repair").code(3).shows(&[
        "#london: 1 of 7 posts that runs had stored is gone\n",
        "cut out what is no whole post, all of it is kept in data.backup-[TIME].json (byte ",
    ]);
    let kept = desk.names("data/london/posts", "data.backup-");
    assert_eq!(
        desk.read(&format!("data/london/posts/{}", kept[0])),
        damaged
    );
    desk.cotag("verify").fine();
}

#[test]
fn a_folder_without_its_data_json_passed_verify() {
    for traces in [&["data/ids"][..], &["data/ids", "data/london/posts/index"]] {
        let desk = stocked();
        fs_err::remove_file(desk.path(DATA)).unwrap();
        for trace in traces {
            fs_err::remove_dir_all(desk.path(trace)).unwrap();
        }
        desk.cotag("verify").code(6).shows(&[
            "#london: ./data/london/posts/data.json: is missing\n",
            "7 of 7 posts that runs had stored are gone\n",
        ]);
        desk.cotag("doctor --format json")
            .shows(&["it is missing; 7 posts were stored in it"]);
        desk.cotag("import a.ndjson -t london")
            .fails(6, &["of 7 stored posts 0 are there"]);
        desk.cotag("repair").code(3).shows(&[
            "7 of 7 posts that runs had stored are gone\n",
            "data.json was missing",
        ]);
        desk.cotag("verify").fine();
        desk.cotag("import a.ndjson b.ndjson -t london").fine();
        assert_eq!(desk.ids(DATA), ids(0..7));
        desk.cotag("verify").fine();
    }
}

#[test]
fn posts_that_only_the_windows_tell_of_are_missed_too() {
    let desk = stocked();
    desk.write(WINDOWS, window(1, "done", 7));
    for gone in [
        "data/ids",
        "data/london/posts/index",
        DATA,
        "data/london/posts/runs.jsonl",
    ] {
        let path = desk.path(gone);
        if path.is_dir() {
            fs_err::remove_dir_all(path).unwrap();
        } else {
            fs_err::remove_file(path).unwrap();
        }
    }
    desk.cotag("verify").code(6).shows(&["is missing\n"]);
    desk.cotag("repair").code(3);
    assert_eq!(desk.json_lines(WINDOWS)[0]["state"], "open");
    desk.cotag("verify").fine();
}

#[test]
fn a_lost_list_of_a_user_is_asked_for_again_and_no_other() {
    let desk = stocked();
    let line = |of: &str, state: &str, new: u64| {
        json!({"of": of, "state": state, "new": new, "cursor": "100"}).to_string() + "\n"
    };
    desk.write(
        "data/users/anna/asked.jsonl",
        line("followers", "done", 2)
            + &line("following", "done", 0)
            + &line("liked", "withheld", 0),
    );
    desk.cotag("verify")
        .code(6)
        .shows(&["@anna followers: ", "2 of 2 accounts that runs had stored"]);
    desk.cotag("repair").code(3).shows(&[
        "@anna followers: this list is open again: the next `cotag users` asks for it",
        "asked.jsonl.before-repair\n",
    ]);
    let asked = desk.json_lines("data/users/anna/asked.jsonl");
    let states: Vec<_> = asked.iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["open", "done", "withheld"]);
    assert!(asked[0].get("cursor").is_none());
    desk.cotag("verify").fine();
}

#[test]
fn a_killed_first_run_was_told_to_be_damage() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..4)));
    desk.cotag("import a.ndjson -t london").fine();
    // As it is until the run ends: posts, and nothing that tells of them.
    fs_err::remove_file(desk.path("data/london/posts/runs.jsonl")).unwrap();
    fs_err::remove_dir_all(desk.path("data/london/posts/index")).unwrap();
    fs_err::remove_dir_all(desk.path("data/ids")).unwrap();
    let whole = desk.read(DATA);
    for torn in [whole.clone(), whole[..whole.len() - 40].to_owned()] {
        desk.write(DATA, torn);
        desk.cotag("verify")
            .code(3)
            .shows(&["does not have run [RUN] yet, which was interrupted: "])
            .says(&["nothing is damaged or lost", "the next `cotag download`"])
            .keeps_quiet_about(&["repair", "warning"]);
    }
    desk.cotag("import a.ndjson -t london").code(0);
    desk.cotag("verify").fine();
}
