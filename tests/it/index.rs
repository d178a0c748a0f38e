//! What is kept beside the posts to be fast, the index and the ids: it never changes an answer.

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{ids, lines, london, scraper, web};

const FOLDER: &str = "data/london/posts/index";

/// Questions of all kinds.
const ASKED: [&str; 12] = [
    "",
    "-n 3 --columns all",
    "--since 2023-01-01 --until 2023-12-31",
    "--region GB",
    "--lang en,fr",
    "--author user1",
    "--require-tags london,rome --any-tags",
    "--require-tags london,rome",
    "--one-per-author",
    "--min-count 2 --exclude-tags generic",
    "--tags-from structured",
    "--tags-from both",
];

/// Answers with the index are those without.
fn same_answers(desk: &Desk, when: &str) {
    for asked in ASKED {
        let with = desk.cotag(&format!("frequencies london --format json {asked}"));
        let without = desk.cotag(&format!(
            "frequencies london --format json --no-index {asked}"
        ));
        assert_eq!(with.stdout, without.stdout, "{when}: {asked}");
        assert_eq!(with.stderr, without.stderr, "{when}: {asked}");
        assert_eq!(with.code, without.code, "{when}: {asked}");
    }
}

fn indexed(desk: &Desk) -> bool {
    desk.path(&format!("{FOLDER}/posts.json")).exists()
}

#[test]
fn the_index_changes_no_answer() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..30)));
    let others: Vec<_> = (30..60)
        .map(|number| {
            web(
                number,
                if number % 2 == 0 {
                    "london Rome"
                } else {
                    "London fyp rome"
                },
            )
        })
        .collect();
    desk.write("b.ndjson", lines(&others));
    desk.cotag("import a.ndjson -t london").fine();
    assert!(indexed(&desk));
    same_answers(&desk, "one addition");
    desk.cotag("import b.ndjson -t london").fine();
    same_answers(&desk, "two additions");
    desk.cotag("import b.ndjson -t london --update").fine();
    assert!(indexed(&desk));
    same_answers(&desk, "an update");
    desk.cotag("verify").fine();
}

#[test]
fn an_index_that_is_lost_or_does_not_fit_is_not_missed() {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..30)));
    desk.write("b.ndjson", lines(&london(20..40)));
    desk.cotag("import a.ndjson -t london").fine();
    let data = desk.read("data/london/posts/data.json");
    // Another program changed a letter: same length, another time.
    desk.write(
        "data/london/posts/data.json",
        data.replacen("\"london\"", "\"lundon\"", 1),
    );
    same_answers(&desk, "a changed file");
    desk.write("data/london/posts/data.json", &data);
    desk.cotag("import b.ndjson -t london").fine();
    assert!(indexed(&desk), "built anew");
    same_answers(&desk, "built anew");
    for entry in fs::read_dir(desk.path(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for damaged in [&bytes[..bytes.len() / 2], b"", b"\0\0\0\0"] {
            fs::write(&path, damaged).unwrap();
            same_answers(&desk, "a damaged file");
        }
        fs::remove_file(&path).unwrap();
        same_answers(&desk, "a missing file");
        fs::write(&path, &bytes).unwrap();
    }
    desk.cotag("import b.ndjson -t london").fine();
    desk.cotag("verify").fine();
}

#[test]
fn another_tools_tree_is_indexed_by_the_first_addition() {
    let desk = Desk::new();
    let old: Vec<_> = (0..5).map(|number| scraper(number, "london")).collect();
    desk.write("data/london/posts/data.json", crate::make::seed_file(&old));
    same_answers(&desk, "a seed tree");
    desk.write("b.ndjson", lines(&london(20..40)));
    desk.cotag("import b.ndjson -t london").code(0);
    assert!(indexed(&desk));
    same_answers(&desk, "adopted");
}

#[test]
fn the_cache_of_ids_changes_nothing_whatever_becomes_of_it() {
    const DATA: &str = "data/london/posts/data.json";
    const CACHE: &str = "data/london/posts/index/ids";
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..30)));
    desk.write("b.ndjson", lines(&london(20..40)));
    desk.write("c.ndjson", lines(&london(10..60)));
    desk.cotag("import a.ndjson -t london").fine();
    let old = desk.bytes(CACHE);
    desk.cotag("import b.ndjson -t london").fine();
    let whole = desk.bytes(CACHE);
    let mut flipped = whole.clone();
    flipped[120] ^= 4;
    fs::rename(desk.path("data"), desk.path("base")).unwrap();
    for cache in [
        None,
        Some(&old[..]),
        Some(&whole[..200]),
        Some(&flipped),
        Some(b""),
    ] {
        desk.shell("rm -rf data && cp -a base data").code(0);
        match cache {
            None => fs::remove_file(desk.path(CACHE)).unwrap(),
            Some(bytes) => {
                desk.write(CACHE, bytes);
            }
        }
        desk.cotag("verify").fine();
        desk.cotag("import c.ndjson -t london").fine();
        assert_eq!(desk.ids(DATA), ids((0..40).chain(40..60)));
        let list = desk.json("data/ids/post_ids.json");
        assert_eq!(list, json!({"london": ids(0..60)}));
        desk.cotag("verify").fine();
        assert!(desk.bytes(CACHE).len() > whole.len());
    }
}

#[test]
fn ids_are_added_to_the_lists_of_several_hashtags_in_place() {
    let desk = Desk::new();
    let mut expected = json!({"london": [], "rome": []});
    for round in 0..12 {
        let posts: Vec<_> = (round * 20..round * 20 + 20)
            .map(|number| web(number, if number % 3 == 0 { "rome" } else { "london" }))
            .collect();
        for number in round * 20..round * 20 + 20 {
            let name = if number % 3 == 0 { "rome" } else { "london" };
            let list = expected[name].as_array_mut().unwrap();
            list.extend(ids([number]).into_iter().map(serde_json::Value::from));
        }
        desk.write("posts.ndjson", lines(&posts));
        desk.cotag("import posts.ndjson -t london rome").fine();
        assert_eq!(desk.json("data/ids/post_ids.json"), expected);
    }
    // One of the two lists grew past its room, which moved the other.
    desk.cotag("verify").fine();
}
