//! What imports and the store got wrong before, each named after what went wrong.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::{Desk, Fed, wait_until};
use crate::make::{id, ids, lines, london, scraper, seed_file, web};

const DATA: &str = "data/london/posts/data.json";
const RUNS: &str = "data/london/posts/runs.jsonl";
const REJECTED: &str = "data/london/posts/rejected.jsonl";

#[test]
fn rejected_records_were_kept_in_memory_until_the_end() {
    let desk = Desk::new();
    // More than the first bytes by which a file is recognised.
    let bad = format!("broken {}\n", "x".repeat(600)).repeat(2500);
    let mut import = Fed::start(desk.command("import - -t london"));
    import.feed((lines(&london(0..1)) + &bad).as_bytes());
    wait_until("the first records to be listed", || {
        fs_err::read_to_string(desk.path(REJECTED))
            .is_ok_and(|text| text.ends_with('\n') && text.lines().count() >= 2000)
    });
    import.signal("KILL");
    import.wait();
    assert_eq!(desk.json_lines(REJECTED).len() % 1000, 0);
    // Again and again: nothing is listed twice, and the rest comes behind it.
    for _ in 0..2 {
        desk.feed("import - -t london", lines(&london(0..1)) + &bad)
            .code(3);
        assert_eq!(desk.json_lines(REJECTED).len(), 2500);
    }
    desk.cotag("verify").fine();
}

#[test]
fn tags_separated_by_commas_were_one_hashtag_that_no_post_has() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&[web(0, "fyp"), web(1, "viral")]));
    desk.cotag("import posts.ndjson -t fyp,viral")
        .fine()
        .shows(&["fyp         2    1", "viral       2    1"]);
}

#[test]
fn an_import_that_stored_nothing_said_nothing() {
    let desk = Desk::new();
    desk.write(
        "posts.ndjson",
        lines(&[web(0, "rome"), web(1, "rome milan")]),
    );
    desk.cotag("import posts.ndjson -t londn")
        .code(0)
        .says(&["warning: nothing was stored for #londn: none of the 2 posts read carries it; the commonest hashtags are #rome (2 posts), #milan (1 post); try", "--keep-untagged"]);
    desk.cotag("import posts.ndjson -t londn rome")
        .code(0)
        .says(&["nothing was stored for #londn: none of the 2 posts read carries it; try"])
        .keeps_quiet_about(&["#rome:", "for #rome"]);
    desk.cotag("import posts.ndjson -t londn --keep-untagged")
        .fine();
}

#[test]
fn candidates_counted_records_of_the_first_file_only() {
    let desk = Desk::new();
    let posts = [web(0, "a"), web(0, "a"), web(1, "a b")];
    desk.write("folder/1.ndjson", lines(&posts));
    desk.write("folder/2.ndjson", lines(&[web(1, "a b"), web(2, "a c")]));
    desk.write("folder/3.json", "{\"london\": [\"1\"]}");
    desk.cotag("import folder").fails(
        2,
        &["The commonest in 2 files: #a (3 posts), #b (1 post), #c (1 post)"],
    );
}

#[test]
fn a_crash_between_an_update_and_its_ledger_line_was_vouched_for_as_if_nothing_were() {
    // Posts that keep their length when updated, and posts that do not.
    for views in [2, 123_456] {
        let desk = Desk::new();
        desk.write(
            "a.ndjson",
            lines(&[web(0, "london").views(1), web(1, "london").views(1)]),
        );
        desk.write("b.ndjson", lines(&[web(0, "london").views(views)]));
        desk.write("c.ndjson", lines(&[web(2, "london")]));
        desk.cotag("import a.ndjson -t london").fine();
        let (ledger, list) = (desk.read(RUNS), desk.read("data/ids/post_ids.json"));
        let other = Desk::new();
        for file in ["a.ndjson", "b.ndjson"] {
            other.write(file, desk.read(file));
            other
                .cotag(&format!("import {file} -t london --update"))
                .fine();
        }
        // As the killed update leaves it: renamed, with the mark, and the ledger as before.
        desk.write(DATA, other.read(DATA));
        desk.write("data/london/posts/.rewriting", "");
        assert_eq!(
            (desk.read(RUNS), desk.read("data/ids/post_ids.json")),
            (ledger, list)
        );
        desk.cotag("frequencies london").fine();
        desk.cotag("verify").code(3);
        desk.cotag("import c.ndjson -t london").fine().says(&[
            "#london: an earlier rewrite was interrupted; data.json is whole and was entered anew",
        ]);
        desk.cotag("verify").fine();
        assert_eq!(desk.ids(DATA), ids(0..3));
        assert!(!desk.path("data/london/posts/.rewriting").exists());
    }
}

#[test]
fn a_mark_without_a_rewrite_changes_nothing() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..2)));
    desk.cotag("import a.ndjson -t london").fine();
    desk.write("data/london/posts/.rewriting", "");
    desk.cotag("verify").fine();
    desk.cotag("import a.ndjson -t london --update")
        .fine()
        .keeps_quiet_about(&["rewrite was interrupted"]);
    assert_eq!(desk.json_lines(RUNS).len(), 2);
    desk.cotag("verify").fine();
    assert!(!desk.path("data/london/posts/.rewriting").exists());
}

#[test]
fn inputs_that_were_not_read_to_their_end_were_entered_without_a_word() {
    let desk = Desk::new();
    // A packed file that is cut is a rejected record; a folder as standard input fails to be read.
    let text = lines(&london(0..3));
    let mut writer = Fed::start(desk.command("import - -t london"));
    writer.feed(text.as_bytes());
    wait_until("the lock to be taken", || {
        fs_err::read_to_string(desk.path("data/.cotag.lock")).is_ok_and(|text| text.ends_with('}'))
    });
    writer.wait_until_read();
    writer.signal("INT");
    assert_eq!(writer.wait(), Some(130));
    let run = desk.json_lines(RUNS).remove(0);
    assert_eq!(
        run["inputs"],
        json!([{"path": "-", "kind": "tiktok.com items (JSON, a record per line)", "bytes": text.len(),
                "sha256": "", "stopped": "interrupted"}])
    );
    // What was read to its end has its hash and no such word.
    desk.feed("import - -t london", &text).fine();
    let input = &desk.json_lines(RUNS)[1]["inputs"][0];
    assert_eq!(input.get("stopped"), None);
    assert_eq!(input["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn an_error_hid_what_had_been_stored() {
    let desk = Desk::new();
    // A synthetic post behind real ones ends the import.
    let synthetic = web(9, "london").with(
        "_cotag",
        json!({"origin": "synthetic", "format": "web", "run": "x"}),
    );
    desk.write("posts.ndjson", lines(&london(0..2)) + &lines(&[synthetic]));
    desk.cotag("import posts.ndjson -t london")
        .code(1)
        .shows(&["london      3    2"])
        .says(&["must not be mixed"]);
    assert_eq!(desk.ids(DATA), ids(0..2));
    let run = desk.json_lines(RUNS).remove(0);
    assert_eq!(run["inputs"][0]["path"], "posts.ndjson");
    assert!(
        run["inputs"][0]["stopped"]
            .as_str()
            .unwrap()
            .contains("mixed")
    );
    desk.cotag("verify").fine();
}

#[test]
fn one_hashtag_that_could_not_be_finished_kept_the_others_from_being_entered() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&[web(0, "a b")]) + "broken\n");
    // The list of #a is a folder.
    desk.write("data/a/posts/rejected.jsonl/x", "");
    desk.write("data/cotag.json", "{\"cotag_store\": 1}");
    desk.cotag("import posts.ndjson -t a b")
        .code(1)
        .shows(&["b           2    1"])
        .says(&["error: "]);
    assert_eq!(desk.json_lines("data/b/posts/runs.jsonl").len(), 1);
}

#[test]
fn verify_beside_an_import_gave_a_false_alarm() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..2)));
    desk.cotag("import a.ndjson -t london").fine();
    let mut writer = Fed::start(desk.command("import - -t london"));
    writer.feed(lines(&london(2..3)).as_bytes());
    let held = format!("\"pid\":{}", writer.id());
    wait_until("the lock to be taken", || {
        fs_err::read_to_string(desk.path("data/.cotag.lock")).is_ok_and(|text| text.contains(&held))
    });
    desk.cotag("verify --lock-timeout 0")
        .fails(1, &["is being written by `cotag import`"]);
    let verify = Fed::start(desk.command("verify --lock-timeout 60"));
    verify.wait_until_told("waiting for `cotag import`");
    writer.finish(&desk).fine();
    verify.finish(&desk).fine();
    // Nobody can have written where there is no lock.
    fs_err::remove_file(desk.path("data/.cotag.lock")).unwrap();
    desk.cotag("verify").fine();
    assert!(!desk.path("data/.cotag.lock").exists());
}

#[test]
fn strict_refused_a_folder_for_a_file_that_is_left_out() {
    let desk = Desk::new();
    desk.write("folder/posts.ndjson", lines(&london(0..2)));
    desk.write("folder/ids.json", "{\"london\": [\"7189254512345678000\"]}");
    for options in ["", " --strict"] {
        desk.cotag(&format!("import folder -t london{options}"))
            .code(0)
            .says(&["left out `folder/ids.json`: "]);
    }
    // What is named must be readable.
    desk.cotag("import folder/ids.json folder/posts.ndjson -t london --strict")
        .code(1);
    assert_eq!(desk.ids(DATA), ids(0..2));
}

#[test]
fn adopting_folders_of_two_spellings_left_one_without_a_list() {
    let desk = Desk::new();
    desk.write(
        "data/London/posts/data.json",
        seed_file(&[scraper(0, "London")]),
    );
    desk.write(
        "data/london/posts/data.json",
        seed_file(&[scraper(1, "london")]),
    );
    desk.write(
        "data/rome/posts/data.json",
        seed_file(&[scraper(2, "rome")]),
    );
    desk.write("a.ndjson", lines(&[web(3, "london")]));
    desk.cotag("import a.ndjson -t london")
        .code(0)
        .says(&["#london: entered 1 post that another tool had stored"])
        .keeps_quiet_about(&["interrupted"]);
    assert_eq!(
        desk.json("data/ids/post_ids.json"),
        json!({"London": ids([0]), "london": ids([1, 3]), "rome": ids([2])})
    );
    desk.cotag("verify").fine();
}

#[test]
fn posts_whose_ids_a_spreadsheet_rounded_were_merged() {
    let desk = Desk::new();
    let mut table = "id,username,create_time,video_description,hashtag_names\n".to_owned();
    for user in ["ann", "bob", "cem"] {
        table += &format!("7189254512345670000,{user},1714521600,x,['london']\n");
    }
    table += &format!("{},dee,1714521600,x,['london']\n", id(1));
    desk.write("posts.csv", table);
    desk.cotag("import posts.csv -t london")
        .code(3)
        .shows(&["london      4    1               0"]);
    assert_eq!(desk.ids(DATA), ids([1]));
    let reason = desk.json_lines(REJECTED)[0]["reason"].to_string();
    assert!(reason.contains("as a spreadsheet rounds ids"), "{reason}");
}

#[test]
fn a_format_that_the_content_contradicts_was_obeyed() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..2)));
    desk.write(
        "table.csv",
        format!("id,username,video_description\n{},ann,#london\n", id(5)),
    );
    desk.cotag("import posts.ndjson -t london --format research")
        .fails(
            1,
            &["given as Research API, but its fields are those of tiktok.com items"],
        );
    desk.cotag("import table.csv -t london --format 4cat-csv")
        .fails(
            1,
            &["given as 4CAT/Zeeschuimer CSV, but its fields are those of Research API CSV"],
        );
    desk.cotag("import posts.ndjson -t london --format web")
        .fine();
    desk.cotag("import table.csv -t london --format research-csv")
        .fine();
}

#[test]
fn a_column_named_twice_was_stored_as_one_key_twice() {
    let desk = Desk::new();
    desk.write(
        "posts.csv",
        format!(
            "id,username,video_description,note,note\n{},ann,#london,first,second\n",
            id(0)
        ),
    );
    desk.cotag("import posts.csv -t london").fine();
    let post = &desk.json(DATA)[0];
    assert_eq!(
        (&post["note"], &post["note.2"]),
        (&json!("first"), &json!("second"))
    );
}

#[test]
fn secrets_stayed_in_stored_posts_and_in_excerpts() {
    let desk = Desk::new();
    let post = web(0, "london")
        .with("cookies", json!({"sid": "hush1"}))
        .with(
            "headers",
            json!({"Authorization": "Bearer hush2", "Set-Cookie": ["a=hush3"]}),
        )
        .with(
            "u",
            json!("https://a.com/?token=hush4&passport_csrf_token=hush5&x=1"),
        );
    desk.write(
        "posts.ndjson",
        post.json() + "\nCookie: msToken=hush6; ttwid=hush7\n",
    );
    desk.cotag("import posts.ndjson -t london").code(3);
    for file in [DATA, REJECTED] {
        let text = desk.read(file);
        assert!(!text.contains("hush"), "{text}");
    }
    assert_eq!(
        desk.json(DATA)[0]["u"],
        "https://a.com/?token=&passport_csrf_token=&x=1"
    );
}
