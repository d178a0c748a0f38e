//! The data directory: its files, other layouts, hostile names, locks, and what crashes leave.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::{Desk, Fed, wait_until};
use crate::make::{array, bulky, id, ids, lines, london, scraper, seed_file, web};

const DATA: &str = "data/london/posts/data.json";

#[test]
fn the_directory_is_laid_out_as_promised() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..2)));
    desk.cotag("import posts.ndjson -t london").fine();
    let mut files: Vec<_> = desk
        .snapshot("data")
        .into_keys()
        .map(|path| {
            path.strip_prefix(desk.root())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    // A segment of the index has the name of the ledger's line.
    files.retain(|name| !name.ends_with("-0.columns"));
    files.sort();
    assert_eq!(
        files,
        [
            "data",
            "data/.cotag.lock",
            "data/cotag.json",
            "data/ids",
            "data/ids/.ends.json",
            "data/ids/post_ids.json",
            "data/ids/video_ids.json",
            "data/london",
            "data/london/posts",
            "data/london/posts/data.json",
            "data/london/posts/index",
            "data/london/posts/index/ids",
            "data/london/posts/index/posts.json",
            "data/london/posts/runs.jsonl",
            "data/london/videos",
        ]
    );
    let text = desk.read(DATA);
    let parts: Vec<&str> = text.split('\n').collect();
    assert_eq!(
        (parts[0], parts[3], parts[4], parts.len()),
        ("[", "]", "", 5)
    );
    assert!(parts[1].starts_with("{\"id\":") && parts[1].ends_with("}},"));
    assert!(parts[2].starts_with("{\"id\":") && parts[2].ends_with("}}"));
}

#[test]
fn adding_leaves_the_posts_that_are_there_untouched() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..50)));
    desk.write("b.ndjson", lines(&london(40..60)));
    desk.cotag("import a.ndjson -t london").fine();
    let first = desk.read(DATA);
    let ledger = desk.read("data/london/posts/runs.jsonl");
    desk.cotag("import b.ndjson -t london").fine();
    let second = desk.read(DATA);
    assert!(second.starts_with(first.trim_end_matches("\n]\n")));
    assert!(
        desk.read("data/london/posts/runs.jsonl")
            .starts_with(&ledger)
    );
    assert_eq!(desk.ids(DATA), ids(0..60));
    assert_eq!(
        desk.json("data/ids/post_ids.json"),
        json!({"london": ids(0..60)})
    );
    desk.cotag("verify")
        .fine()
        .stdout("#london: ok, 60 posts, the hashes of 2 runs agree\n");
}

#[test]
fn other_programs_read_the_array() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..3)));
    desk.cotag("import posts.ndjson -t london").fine();
    let outcome = desk.shell("command -v python3 >/dev/null || exit 99; python3 -c 'import json; print(len(json.load(open(\"data/london/posts/data.json\"))))'");
    if outcome.code != Some(99) {
        outcome.code(0).stdout("3\n");
    }
    let outcome = desk
        .shell("command -v jq >/dev/null || exit 99; jq -r '.[].id' data/london/posts/data.json");
    if outcome.code != Some(99) {
        outcome.code(0).stdout(&(ids(0..3).join("\n") + "\n"));
    }
}

/// The posts 0, 1, 0 of #london in a layout that is not ours.
fn layouts() -> Vec<(&'static str, String)> {
    let posts = [
        scraper(0, "london a"),
        scraper(1, "london"),
        scraper(0, "london a"),
    ];
    let values: Vec<serde_json::Value> = posts
        .iter()
        .map(|post| serde_json::from_str(post).unwrap())
        .collect();
    vec![
        ("one line", seed_file(&posts)),
        ("pretty", serde_json::to_string_pretty(&values).unwrap()),
        ("compact", serde_json::to_string(&values).unwrap()),
        ("byte order mark", format!("\u{feff}{}", seed_file(&posts))),
        ("our lines", format!("[\n{}\n]\n", posts.join(",\n"))),
        (
            "lines with carriage returns",
            format!("[\r\n{}\r\n]\r\n", posts.join(",\r\n")),
        ),
        ("indented lines", format!("[\n  {}\n]", posts.join(",\n  "))),
        ("commas first", format!("[\n{}\n]", posts.join("\n,"))),
        ("no last line break", format!("[\n{}\n]", posts.join(",\n"))),
    ]
}

#[test]
fn other_layouts_are_read_as_they_are_and_changed_by_nothing_but_an_addition() {
    for (name, text) in layouts() {
        let desk = Desk::new();
        desk.write(DATA, &text);
        desk.write(
            "data/ids/post_ids.json",
            json!({"london": ids([1, 0])}).to_string(),
        );
        let before = desk.snapshot("data");
        let table = desk.cotag("frequencies london").code(0);
        assert_eq!(table.counts(), ["london 2", "a 1"], "{name}");
        table.says(&["Left out: 1 of 3 records that repeat a post."]);
        desk.cotag("posts london")
            .code(0)
            .shows(&["Total posts: 2"]);
        desk.cotag("verify")
            .code(6)
            .shows(&["1 posts stand in it more than once"]);
        assert!(before == desk.snapshot("data"), "reading changed {name}");
    }
}

#[test]
fn other_layouts_are_rewritten_by_the_first_addition() {
    for (name, text) in layouts() {
        let desk = Desk::new();
        desk.write(DATA, &text);
        desk.write("more.ndjson", lines(&[web(1, "london"), web(2, "london")]));
        let outcome = desk.cotag("import more.ndjson -t london").code(0);
        if !text.starts_with("[\n{") && !text.starts_with("[\r\n{") {
            outcome.says(&[
                "#london: data.json was rewritten, one post per line; 1 duplicate left out",
                "data.backup-[TIME].json",
            ]);
            assert_eq!(desk.ids(DATA), ids([0, 1, 2]), "{name}");
            let kept = desk.names("data/london/posts", "data.backup-");
            assert_eq!(kept.len(), 1, "{name}");
            assert_eq!(
                desk.read(&format!("data/london/posts/{}", kept[0])),
                text,
                "{name}"
            );
            desk.cotag("verify").fine();
        }
        assert_eq!(
            desk.cotag("frequencies london").code(0).counts(),
            ["london 3", "a 1"],
            "{name}"
        );
        desk.cotag("repair").code(0);
        desk.cotag("verify").fine();
        assert_eq!(desk.ids(DATA), ids([0, 1, 2]), "{name}");
        // The seed tool's records are kept as it wrote them but for line breaks.
        if name == "one line" {
            assert!(
                desk.read(DATA)
                    .starts_with(&format!("[\n{},\n", scraper(0, "london a")))
            );
        }
    }
}

#[test]
fn our_own_posts_laid_out_anew_by_another_program_are_taken_back() {
    // `jq .` and the like: the ledger's hashes no longer fit, the posts do.
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..5)));
    desk.cotag("import a.ndjson -t london").fine();
    let pretty = serde_json::to_string_pretty(&desk.json(DATA)).unwrap();
    desk.write(DATA, pretty);
    desk.cotag("verify").code(6);
    desk.write("b.ndjson", lines(&london(3..8)));
    desk.cotag("import b.ndjson -t london")
        .code(0)
        .says(&["data.json was rewritten"]);
    assert_eq!(desk.ids(DATA), ids(0..8));
    desk.cotag("verify").fine();
}

#[test]
fn empty_files_are_empty_stores() {
    for text in ["", "\n", "[]", "[\n]\n", " [ ] "] {
        let desk = Desk::new();
        desk.write(DATA, text);
        desk.write("data/ids/post_ids.json", "{}");
        desk.cotag("frequencies london")
            .fails(1, &["there are no posts of #london"]);
        desk.cotag("verify").fine();
        desk.cotag("repair").code(0);
        desk.write("a.ndjson", lines(&london(0..2)));
        desk.cotag("import a.ndjson -t london").fine();
        assert_eq!(desk.ids(DATA), ids(0..2), "{text:?}");
        desk.cotag("verify").fine();
    }
}

#[test]
fn a_seed_tree_with_spellings_in_folders_of_their_own_is_one_hashtag() {
    let desk = Desk::new();
    desk.write(
        "data/London/posts/data.json",
        seed_file(&[scraper(0, "London"), scraper(1, "london")]),
    );
    desk.write(
        "data/london/posts/data.json",
        seed_file(&[scraper(1, "london"), scraper(2, "london")]),
    );
    desk.cotag("frequencies LONDON")
        .code(0)
        .shows(&["Total posts: 3\n"])
        .says(&["1 of 4 records that repeat"]);
}

/// Hashtags that are no good names for folders, and some that collide by case or normalisation.
const HOSTILE: [&str; 23] = [
    "..",
    ".",
    "../../etc/x",
    "a/b",
    "a\\b",
    "con",
    "NUL",
    "com1.txt",
    "ids",
    "img",
    "cotag.json",
    ".hidden",
    "dot.",
    "100%",
    "a\u{202e}b",
    "a:b*c?",
    "-rf",
    "~",
    "straße",
    "strasse",
    "é",
    "cafe\u{301}",
    "k\u{212a}",
];

#[test]
fn hostile_hashtags_become_safe_folders_and_come_back() {
    let desk = Desk::new();
    let long = "東".repeat(300);
    let tags: Vec<&str> = HOSTILE.into_iter().chain([long.as_str()]).collect();
    let posts: Vec<_> = tags
        .iter()
        .enumerate()
        .map(|(number, tag)| {
            web(number as u64, "x").with(
                "textExtra",
                json!([{"hashtagName": tag}, {"hashtagName": "common"}]),
            )
        })
        .collect();
    desk.write("posts.json", array(&posts));
    desk.write("sentinel", "here");
    let mut args = vec!["import", "posts.json"];
    for tag in &tags {
        args.extend(["-t", tag]);
    }
    // A value that looks like an option is glued to its flag.
    let args: Vec<String> = args
        .join("\u{1}")
        .replace("-t\u{1}-rf", "--tag=-rf")
        .split('\u{1}')
        .map(str::to_owned)
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    desk.args(&args).fine();
    for (number, tag) in tags.iter().enumerate() {
        let listed = desk.args(&["posts", "--format", "csv", "--", tag]).fine();
        assert!(
            listed.stdout.contains(&id(number as u64).to_string()),
            "{tag}"
        );
    }
    let mut folders = desk.names("data", "");
    folders.retain(|name| ![".cotag.lock", "cotag.json", "ids"].contains(&name.as_str()));
    assert_eq!(folders.len(), tags.len());
    for name in &folders {
        assert!(
            name.len() <= 255 && !name.ends_with('.') && !name.starts_with('.'),
            "{name}"
        );
        assert!(
            !["con", "nul", "com1.txt", "img"].contains(&name.to_lowercase().as_str()),
            "{name}"
        );
    }
    let folded: std::collections::BTreeSet<String> =
        folders.iter().map(|name| name.to_uppercase()).collect();
    assert_eq!(
        folded.len(),
        folders.len(),
        "two folders differ by case alone"
    );
    // What was mapped is recorded, so that it can be undone.
    let recorded = desk.json("data/cotag.json");
    let recorded = recorded["folders"].as_object().unwrap();
    assert_eq!(recorded["a%2Fb"], "a/b");
    assert_eq!(recorded["%69ds"], "ids");
    assert_eq!(recorded.values().filter(|tag| **tag == long).count(), 1);
    desk.cotag("verify").fine();
    assert_eq!(desk.names("", "sentinel"), ["sentinel"]);
    assert!(!desk.path("data/etc").exists() && desk.path("data/ids/post_ids.json").is_file());
    // The folders are found again under the same hashtags, and taken over whole.
    let summary = desk.args(&args).fine();
    assert!(
        desk.names("data", "").len() == tags.len() + 3,
        "{}",
        summary.stdout
    );
    let taken = desk.cotag("import data --data-dir second").fine();
    assert_eq!(taken.stdout.lines().count(), tags.len() + 1);
    for tag in &tags {
        desk.args(&["posts", "--data-dir", "second", "--", tag])
            .fine()
            .shows(&["Total posts: 1\n"]);
    }
}

#[test]
fn directories_of_others_are_refused_and_left_alone() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..1)));
    desk.write("home/letter.txt", "dear");
    desk.write("home/.profile", "x");
    desk.write("newer/cotag.json", "{\"cotag_store\": 99}");
    desk.write("odd/cotag.json", "not json");
    desk.write("file", "x");
    let before = desk.snapshot("");
    for (directory, code, says) in [
        (
            "home",
            1,
            "`home` is not a cotag data directory: it holds `letter.txt`",
        ),
        (
            "newer",
            1,
            "was written by a later version of cotag (store format 99)",
        ),
        ("odd", 6, "cotag.json` is damaged"),
        ("file", 1, "file"),
    ] {
        for command in [
            "import a.ndjson -t london",
            "frequencies london",
            "verify",
            "repair",
        ] {
            // A manifest that cannot be read is for `repair` to mend.
            if (directory, command) != ("odd", "repair") {
                desk.cotag(&format!("{command} --data-dir {directory}"))
                    .fails(code, &["error: ", says]);
            }
        }
    }
    assert!(
        before == desk.snapshot(""),
        "a directory of others was changed"
    );
    // An empty one may be taken.
    fs_err::create_dir(desk.path("empty")).unwrap();
    desk.cotag("frequencies london --data-dir empty")
        .fails(1, &["nothing is stored there yet"]);
    desk.cotag("import a.ndjson -t london --data-dir empty")
        .fine();
}

#[test]
fn synthetic_and_real_posts_are_never_mixed() {
    let desk = Desk::new();
    let envelope = json!({"origin": "synthetic", "format": "web", "run": "x"});
    let made_up = web(0, "london").with("_cotag", envelope).json();
    desk.write("made-up.json", format!("[\n{made_up}\n]\n"));
    desk.write("real.json", array(&[web(1, "london")]));
    desk.cotag("import made-up.json -t london").fine();
    desk.cotag("frequencies london")
        .fine()
        .says(&["Synthetic: these posts were made up"]);
    let before = desk.snapshot("data/london");
    desk.cotag("import real.json -t london").fails(
        1,
        &["#london in `./data` holds synthetic posts; real ones must not be mixed with them"],
    );
    assert!(before == desk.snapshot("data/london"));
    desk.cotag("import real.json -t london --data-dir real")
        .fine();
    desk.cotag("import made-up.json -t london --data-dir real")
        .fails(1, &["holds real posts; synthetic ones must not"]);
    // Nor in one command.
    desk.cotag("import real.json made-up.json -t london --data-dir both")
        .code(1);
    assert_eq!(desk.ids("both/london/posts/data.json"), ids([1]));
}

/// An import that has taken the lock and waits for the rest of its input.
fn writer_at_work(desk: &Desk) -> Fed {
    let mut writer = Fed::start(desk.command("import - -t london"));
    writer.feed(lines(&london(0..3)).as_bytes());
    wait_until("the lock to be taken", || {
        fs_err::read_to_string(desk.path("data/.cotag.lock")).is_ok_and(|text| text.ends_with('}'))
    });
    writer
}

#[test]
fn a_second_writer_waits_says_for_whom_and_gives_up() {
    let desk = Desk::new();
    desk.write("b.ndjson", lines(&london(5..8)));
    let writer = writer_at_work(&desk);
    let who = format!("`cotag import` (process {}, since [TIME])", writer.id());
    desk.cotag("import b.ndjson -t london --lock-timeout 0")
        .fails(
            1,
            &[
                &format!("error: `./data` is being written by {who}"),
                "--lock-timeout",
            ],
        );
    desk.cotag("repair --lock-timeout 0").code(1);
    desk.cotag("import b.ndjson -t london --lock-timeout 1")
        .fails(
            1,
            &[
                &format!("waiting for {who} to finish"),
                "is being written by",
            ],
        );
    // One that is patient gets its turn.
    let second = Fed::start(desk.command("import b.ndjson -t london --lock-timeout 60"));
    second.wait_until_told("waiting for `cotag import`");
    writer.finish(&desk).fine();
    second
        .finish(&desk)
        .fine()
        .says(&[&format!("waiting for {who} to finish")]);
    assert_eq!(desk.ids(DATA), ids((0..3).chain(5..8)));
    desk.cotag("verify").fine();
}

#[test]
fn readers_do_not_wait_for_a_writer() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(10..12)));
    desk.cotag("import a.ndjson -t london").fine();
    let writer = writer_at_work(&desk);
    for _ in 0..3 {
        desk.cotag("frequencies london --lock-timeout 0")
            .fine()
            .shows(&["Total posts: 2\n"]);
    }
    desk.cotag("posts london").fine();
    writer.finish(&desk).fine();
    desk.cotag("frequencies london")
        .fine()
        .shows(&["Total posts: 5\n"]);
}

#[test]
fn readers_see_whole_posts_while_a_writer_adds() {
    let desk = Desk::new();
    let posts = bulky(0..300, 60_000);
    desk.write("first.ndjson", lines(&posts[..20]));
    desk.write("all.ndjson", lines(&posts));
    desk.cotag("import first.ndjson -t london").fine();
    let writer = Fed::start(desk.command("import all.ndjson -t london"));
    let mut last = 20;
    while last < 300 {
        let table = desk.cotag("frequencies london 1").code(0);
        let count = table.rows()[1][2].parse().unwrap();
        assert!(count >= last, "{count} after {last}: {}", table.stderr);
        last = count;
    }
    writer.finish(&desk).fine();
    desk.cotag("verify").fine();
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let desk = Desk::new();
    let writers: Vec<Fed> = (0..6)
        .map(|number| {
            desk.write(
                &format!("{number}.ndjson"),
                lines(&london(number * 10..number * 10 + 15)),
            );
            Fed::start(desk.command(&format!(
                "import {number}.ndjson -t london t1 --lock-timeout 60"
            )))
        })
        .collect();
    for writer in writers {
        writer.finish(&desk).fine();
    }
    let mut found = desk.ids(DATA);
    found.sort();
    assert_eq!(found, ids(0..65));
    desk.cotag("verify").fine();
}

#[test]
fn a_killed_writer_leaves_no_lock() {
    let desk = Desk::new();
    let mut writer = writer_at_work(&desk);
    writer.signal("KILL");
    writer.wait();
    desk.write("a.ndjson", lines(&london(0..1)));
    desk.cotag("import a.ndjson -t london --lock-timeout 0")
        .fine();
}

#[test]
fn an_edited_id_list_made_the_next_import_store_a_post_twice() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..3)));
    desk.cotag("import a.ndjson -t london").fine();
    // As many ids as before, one of them another.
    desk.write(
        "data/ids/post_ids.json",
        json!({"london": ids([0, 1, 9])}).to_string(),
    );
    desk.write("b.ndjson", lines(&london(0..10)));
    desk.cotag("import b.ndjson -t london").code(0);
    assert_eq!(desk.ids(DATA), ids(0..10));
    desk.cotag("verify").fine();
}
