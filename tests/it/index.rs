//! The index beside the posts: it changes how fast an answer comes, never the answer.

use fs_err as fs;
use pretty_assertions::assert_eq;

use crate::harness::Desk;
use crate::make::{lines, london, scraper, web};

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
