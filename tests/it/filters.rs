//! `cotag frequencies`: which posts are counted, which rows are shown, where hashtags are taken from.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{array, research_video, web};

/// Posts that differ in everything that can be asked about.
fn varied() -> Desk {
    let desk = Desk::new();
    let posts = [
        web(0, "london a")
            .by("ann")
            .with("locationCreated", json!("GB"))
            .with("textLanguage", json!("en")),
        web(1, "london b")
            .by("ben")
            .with("locationCreated", json!("FR"))
            .with("textLanguage", json!("fr")),
        web(24, "london a b")
            .by("ann")
            .with("locationCreated", json!("GB"))
            .with("textLanguage", json!("en")),
        web(48, "london c")
            .by("cat")
            .with("textLanguage", json!("un")),
    ];
    desk.write("posts.json", array(&posts));
    desk.cotag("import posts.json -t london").fine();
    desk
}

#[test]
fn since_the_calendars_last_day_all_posts_were_counted() {
    let desk = varied();
    for from in ["london", "london --no-index", "posts.json"] {
        desk.cotag(&format!("frequencies {from} --since 9999-12-31"))
            .fails(1, &["none of the 4 posts", "meets the filters"]);
        let all = desk.cotag(&format!("frequencies {from} --until 9999-12-31"));
        assert_eq!(all.fine().counts()[0], "london 4", "{from}");
    }
}

#[test]
fn every_filter_keeps_the_posts_that_it_names() {
    let desk = varied();
    for (filter, counts) in [
        ("", "london 4, a 2, b 2, c 1"),
        ("--since 2024-05-02", "london 2, a 1, b 1, c 1"),
        ("--until 2024-05-01", "london 2, a 1, b 1"),
        (
            "--since 2024-05-02 --until 2024-05-02",
            "a 1, b 1, london 1",
        ),
        ("--region GB", "a 2, london 2, b 1"),
        ("--region gb,FR", "london 3, a 2, b 2"),
        ("--lang fr", "b 1, london 1"),
        ("--author ann", "a 2, london 2, b 1"),
        ("--author @ANN,cat", "london 3, a 2, b 1, c 1"),
        ("--require-tags a", "a 2, london 2, b 1"),
        ("--require-tags a,#B", "a 1, b 1, london 1"),
        ("--require-tags a,b --any-tags", "london 3, a 2, b 2"),
        (
            "--require-tags a --region GB --until 2024-05-01",
            "a 1, london 1",
        ),
        ("--min-count 2", "london 4, a 2, b 2"),
        ("--one-per-author", "london 3, a 1, b 1, c 1"),
    ] {
        let words = format!("frequencies london {filter}");
        let outcome = desk.cotag(&words).fine();
        // Of equal counts the smaller code point comes first; sort the expectation likewise.
        let mut expected: Vec<&str> = counts.split(", ").collect();
        let mut found = outcome.counts();
        if filter == "--one-per-author" {
            // ann used a twice and b once: she has one vote for each.
            expected = vec!["london 3", "b 2", "a 1", "c 1"];
        }
        expected.sort_unstable();
        found.sort();
        assert_eq!(found, expected, "{filter}");
    }
    desk.cotag("frequencies london --author ann")
        .fine()
        .says(&["Left out: 2 posts that the filters exclude."]);
    desk.cotag("frequencies london --one-per-author")
        .fine()
        .shows(&["Total authors: 3"]);
}

#[test]
fn a_filter_that_leaves_nothing_is_an_error_that_says_so() {
    let desk = varied();
    desk.cotag("frequencies london --since 2030-01-01").fails(
        1,
        &[
            "error: none of the 4 posts of #london meets the filters",
            "hint: widen --since",
        ],
    );
    desk.cotag("frequencies london --since 2024-05-03 --until 2024-05-01")
        .fails(2, &["--since 2024-05-03 is after --until 2024-05-01"]);
    desk.cotag("frequencies london --since yesterday")
        .fails(2, &["--since"]);
    desk.cotag("frequencies london --any-tags")
        .fails(2, &["--require-tags"]);
}

#[test]
fn excluded_tags_are_left_out_of_the_rows_and_not_of_the_posts() {
    let desk = Desk::new();
    desk.write(
        "posts.json",
        array(&[
            web(0, "london FYP foryou uk"),
            web(1, "london viral"),
            web(2, "london uk"),
        ]),
    );
    let all = desk
        .cotag("frequencies posts.json --exclude-tags generic")
        .fine();
    assert_eq!(all.counts(), ["london 3", "uk 2"]);
    all.shows(&["2 ", "0.6667", "Total posts: 3"]);
    desk.write("mine.txt", "# not these\n#LONDON, Viral\n\nfyp\n");
    assert_eq!(
        desk.cotag("frequencies posts.json --exclude-tags mine.txt")
            .fine()
            .counts(),
        ["uk 2", "foryou 1"]
    );
    desk.cotag("frequencies posts.json --exclude-tags missing.txt")
        .fails(1, &["missing.txt"]);
}

#[test]
fn hashtags_come_from_the_list_else_from_the_caption_unless_told_otherwise() {
    let desk = Desk::new();
    let posts = [
        web(0, "london").with("desc", json!("#london #hidden")),
        web(1, "").with("desc", json!("no list, but #london")),
        web(2, "").with("desc", json!("nothing")),
    ];
    desk.write("posts.json", array(&posts));
    for (mode, counts, sources) in [
        (
            "auto",
            vec!["london 2"],
            json!({"mode": "auto", "structured": 1, "caption": 1, "both": 0, "none": 1}),
        ),
        (
            "structured",
            vec!["london 1"],
            json!({"mode": "structured", "structured": 1, "caption": 0, "both": 0, "none": 2}),
        ),
        (
            "caption",
            vec!["london 2", "hidden 1"],
            json!({"mode": "caption", "structured": 0, "caption": 2, "both": 0, "none": 1}),
        ),
        (
            "both",
            vec!["london 2", "hidden 1"],
            json!({"mode": "both", "structured": 0, "caption": 1, "both": 1, "none": 1}),
        ),
    ] {
        let words = format!("frequencies posts.json --tags-from {mode}");
        assert_eq!(desk.cotag(&words).fine().counts(), counts, "{mode}");
        let document = desk.cotag(&(words + " --format json")).fine().json();
        assert_eq!(document["tables"][0]["tags_from"], sources, "{mode}");
    }
}

/// Posts of two formats, with and without lists and authors, some spelled with escapes; more than a block of them.
fn records() -> Vec<serde_json::Value> {
    let post = |number: u64| {
        let place = usize::try_from(number).unwrap();
        let tags = ["london", "A", "b é", "a ünal", "ß fyp a", "fyp"];
        let tags = format!("{} t{}", tags[place % 6], number % 7);
        let author = json!({"uniqueId": format!("user{}", number % 5)});
        let web = web(number, &tags).with("author", author);
        let post = match number % 9 {
            0 => web.with("textExtra", serde_json::Value::Null),
            1 => web.with("author", serde_json::Value::Null),
            2 => web
                .with("textExtra", json!([]))
                .with("desc", json!("none \"here\"")),
            3 | 4 => {
                let tags: Vec<&str> = tags.split(' ').collect();
                let mut video = research_video(number, &tags);
                video["username"] = json!(["anna", "REDACTED", "", "ben"][place % 4]);
                return video;
            }
            _ => web,
        };
        serde_json::from_str(&post.with("filler", json!("x".repeat(300))).json()).unwrap()
    };
    // Some of them twice, far apart.
    (0..900).chain(10..20).map(post).collect()
}

#[test]
fn every_layout_of_a_file_gives_the_same_answer_to_every_question() {
    let desk = Desk::new();
    let records = records();
    let each: Vec<String> = records.iter().map(ToString::to_string).collect();
    let escaped = |text: &str| {
        let escape = |c: char| match c {
            _ if c.is_ascii() => c.to_string(),
            _ => format!("\\u{:04x}", u32::from(c)),
        };
        text.chars().map(escape).collect::<String>()
    };
    let pretty = serde_json::to_string_pretty(&records).unwrap();
    let layouts = [
        ("lines", each.join("\n") + "\n"),
        ("lines-without-an-end", escaped(&each.join("\n"))),
        ("lines-of-another-system", each.join("\r\n\r\n") + "\r\n"),
        ("lines-with-commas", each.join(",\n") + "\n"),
        ("ours", format!("[\n{}\n]\n", each.join(",\n"))),
        ("one-line", format!("[{}]", each.join(", "))),
        ("python", escaped(&format!("[{}]", each.join(", ")))),
    ];
    // Read in order and in full.
    desk.write("pretty/posts.json", pretty);
    for (layout, text) in &layouts {
        desk.write(&format!("{layout}/posts.json"), text);
    }
    for question in [
        "",
        "--columns authors,top-author",
        "--columns authors,views",
        "--one-per-author",
        "--one-per-author --require-tags fyp --format json",
        "--author anna --since 2024-05-02 --columns authors",
        "--tags-from structured --columns authors --format json",
        "--tags-from structured --require-tags A",
        "--tags-from caption",
        "--tags-from both --one-per-author",
    ] {
        let ask = |layout: &str| {
            let file = format!("{layout}/posts.json");
            let words = ["frequencies", &file, "12"];
            let words: Vec<&str> = words
                .into_iter()
                .chain(question.split_whitespace())
                .collect();
            let outcome = desk.args(&words).fine();
            let named = [&outcome.stdout, &outcome.stderr];
            named.map(|text| text.replace(&file, "FILE"))
        };
        let expected = ask("pretty");
        for (layout, _) in &layouts {
            assert_eq!(ask(layout), expected, "{layout} {question}");
        }
    }
}

#[test]
fn a_line_that_is_no_post_is_told_where_files_are_read_on_all_cores() {
    let desk = Desk::new();
    let posts: Vec<String> = (0..900)
        .map(|number| {
            web(number, "london a")
                .with("filler", json!("x".repeat(300)))
                .json()
        })
        .collect();
    for (line, code, says) in [
        (r#"{"id": 1, "#, 3, "1 record that cannot be read"),
        (
            r#"{"error": "rate limit"}"#,
            0,
            "1 error rows of the tool were skipped",
        ),
        ("[1, 2]", 3, "1 record that cannot be read"),
        ("plain words", 3, "1 record that cannot be read"),
    ] {
        let mut lines = posts.clone();
        lines.insert(700, line.to_owned());
        desk.write("posts.ndjson", lines.join("\n"));
        let outcome = desk.cotag("frequencies posts.ndjson");
        assert_eq!(outcome.counts(), ["a 900", "london 900"], "{line}");
        outcome.code(code).says(&[says]);
    }
}
