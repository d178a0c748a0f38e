//! Input that is not as it should be: a clear error, and nothing is lost.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{array, gzip, id, ids, lines, london, research, web, zstd};

const DATA: &str = "data/london/posts/data.json";

/// Imports a text for #london and expects these posts to be stored with this exit code.
#[track_caller]
fn expect(name: &str, text: impl AsRef<[u8]>, code: i32, numbers: &[u64]) -> Desk {
    let desk = Desk::new();
    desk.write(name, text);
    let outcome = desk.args(&["import", name, "-t", "london"]).code(code);
    assert_eq!(
        desk.ids(DATA),
        ids(numbers.iter().copied()),
        "{}",
        outcome.stderr
    );
    desk.cotag("verify").fine();
    desk.cotag("frequencies london").fine();
    desk
}

#[test]
fn truncated_json_gives_what_is_whole() {
    let text = array(&london(0..3));
    let cut = &text[..text.len() - 20];
    let desk = expect("cut.json", cut, 3, &[0, 1]);
    let rejected = desk.json_lines("data/london/posts/rejected.jsonl");
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0]["reason"], "the file ends inside this record");
    assert!(
        rejected[0]["place"]
            .as_str()
            .unwrap()
            .starts_with("record 3 at byte ")
    );
    // Without its closing bracket alone, all posts are there.
    expect("open.json", text.trim_end_matches(']'), 3, &[0, 1, 2]);
    let text = lines(&london(0..3));
    expect("cut.ndjson", &text[..text.len() - 20], 3, &[0, 1]);
    let body = research(&[
        crate::make::research_video(0, &["london"]),
        crate::make::research_video(1, &["london"]),
    ]);
    let cut = body.find(&id(1).to_string()).unwrap();
    let desk = Desk::new();
    desk.write("cut.json", &body[..cut]);
    desk.cotag("import cut.json -t london")
        .code(3)
        .shows(&["london      2    1"]);
}

#[test]
fn truncated_archives_give_what_was_unpacked() {
    let text = lines(&london(0..2000));
    for (name, packed) in [
        ("cut.gz", gzip(text.as_bytes())),
        ("cut.zst", zstd(text.as_bytes())),
    ] {
        let desk = Desk::new();
        desk.write(name, &packed[..packed.len() / 2]);
        desk.cotag(&format!("import {name} -t london"))
            .code(3)
            .says(&["could not be read"]);
        assert!(!desk.ids(DATA).is_empty() || name == "cut.zst", "{name}");
        assert!(
            desk.read("data/london/posts/rejected.jsonl")
                .contains("the compressed data is damaged"),
            "{name}"
        );
        desk.cotag("verify").fine();
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_replaced_and_told() {
    let mut text = lines(&[web(0, "london").with("desc", json!("#london caf?"))]).into_bytes();
    let at = text.iter().position(|&byte| byte == b'?').unwrap();
    text[at] = 0xE9;
    text.extend(lines(&london(1..2)).bytes());
    let desk = expect("latin.ndjson", &text, 0, &[0, 1]);
    assert_eq!(desk.json(DATA)[0]["desc"], "#london caf\u{fffd}");
    desk.cotag("import latin.ndjson -t london")
        .code(0)
        .says(&["1 texts were not valid UTF-8"]);
}

#[test]
fn lone_surrogates_are_replaced_and_told() {
    let text = lines(&[web(0, "london").with("desc", json!("#london ?"))])
        .replace('?', "\\ud83d x \\udc00");
    let desk = expect("half.ndjson", text + &lines(&london(1..2)), 0, &[0, 1]);
    assert_eq!(desk.json(DATA)[0]["desc"], "#london \u{fffd} x \u{fffd}");
    desk.cotag("import half.ndjson -t london")
        .code(0)
        .says(&["1 records held half a surrogate pair"]);
}

#[test]
fn nul_bytes_are_dropped_and_told() {
    let text =
        lines(&[web(0, "london").with("desc", json!("#london ?"))]).replace('?', "a\0b\\u0000c");
    let desk = expect("nul.ndjson", text + &lines(&london(1..2)), 0, &[0, 1]);
    assert_eq!(desk.json(DATA)[0]["desc"], "#london ab\0c");
    desk.cotag("import nul.ndjson -t london")
        .code(0)
        .says(&["held NUL bytes", "escaped NUL characters"]);
}

#[test]
fn ids_that_went_through_a_float_are_refused_per_row() {
    let csv = format!(
        "id,username,create_time,video_description,hashtag_names,view_count\n7.5E+18,ann,1,x,['london'],1\n{},ann,1,x,['london'],1\n\"7,52056E+18\",a,1,x,['london'],1\n",
        id(0)
    );
    let desk = expect("floats.csv", csv, 3, &[0]);
    let rejected = desk.json_lines("data/london/posts/rejected.jsonl");
    let places: Vec<_> = rejected
        .iter()
        .map(|line| line["place"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["row 2", "row 4"]);
    assert!(
        rejected
            .iter()
            .all(|line| line["reason"].as_str().unwrap().contains("floating-point"))
    );
}

#[test]
fn odd_ids_are_refused_and_leave_the_others() {
    let odd = [
        "0",
        "-5",
        "9223372036854775808",
        "99999999999999999999999",
        "",
        "abc",
        "7189254512345678901.0",
        "７189254512345678901",
    ];
    let mut text: String = odd
        .iter()
        .map(|id| web(0, "london").with("id", json!(id)).json() + "\n")
        .collect();
    text += &web(0, "london").with("id", json!(null)).json();
    text += "\n";
    text += &web(0, "london").with("id", json!([id(5)])).json();
    text += "\n";
    let desk = expect("odd.ndjson", text + &lines(&london(1..2)), 3, &[1]);
    assert_eq!(
        desk.json_lines("data/london/posts/rejected.jsonl").len(),
        odd.len() + 2
    );
}

#[test]
fn values_of_the_wrong_kind_make_no_reader_fail() {
    let kinds = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!("x"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!({"a": {"b": 1}}),
    ];
    let keys = [
        "desc",
        "createTime",
        "author",
        "textExtra",
        "challenges",
        "contents",
        "stats",
        "statsV2",
        "video",
        "music",
        "imagePost",
        "locationCreated",
        "textLanguage",
        "isAd",
    ];
    let mut posts = Vec::new();
    let mut number = 0;
    for key in keys {
        for kind in &kinds {
            posts.push(
                web(number, "london")
                    .with("challenges", json!([{"title": "london"}]))
                    .with(key, kind.clone()),
            );
            number += 1;
        }
    }
    let desk = Desk::new();
    desk.write("odd.ndjson", lines(&posts));
    desk.cotag("import odd.ndjson -t london --keep-untagged")
        .code(0);
    assert_eq!(desk.ids(DATA).len(), posts.len());
    for words in [
        "frequencies london --columns all",
        "posts london",
        "frequencies london --format json",
        "posts london --since 2020-01-01 --region GB --lang en --author x --without a",
    ] {
        let outcome = desk.cotag(words);
        assert!(
            matches!(outcome.code, Some(0 | 1)),
            "{words}: {}",
            outcome.stderr
        );
        assert!(
            !outcome.stderr.contains("panicked"),
            "{words}: {}",
            outcome.stderr
        );
    }
    desk.cotag("verify").fine();
}

#[test]
fn times_and_counts_out_of_range_are_unknown() {
    let times = [
        json!(u64::MAX),
        json!(-1),
        json!("99999999999999999"),
        json!(0),
        json!("yesterday"),
        json!(253_402_300_800_i64),
    ];
    let posts: Vec<_> = times
        .iter()
        .zip(0..)
        .map(|(time, number)| {
            web(number, "london")
                .with("createTime", time.clone())
                .with("stats", json!({"playCount": u64::MAX}))
        })
        .collect();
    let desk = Desk::new();
    desk.write("odd.ndjson", lines(&posts));
    desk.cotag("import odd.ndjson -t london").fine();
    // Sums do not overflow.
    desk.cotag("frequencies london --columns views")
        .fine()
        .shows(&[&u64::MAX.to_string()]);
    desk.cotag("posts london").fine();
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let bad = format!(
        "{{\"id\":\"{}\",\"desc\":\"#london\",\"createTime\":5,\"x\":{deep}}}\n",
        id(0)
    );
    for (name, text) in [
        ("deep.json", deep.clone()),
        ("deep.ndjson", bad.clone() + &lines(&london(1..2))),
        ("objects.json", "{\"a\":".repeat(100_000)),
    ] {
        let desk = Desk::new();
        desk.write(name, text);
        let outcome = desk.cotag(&format!("import {name} -t london"));
        assert!(
            matches!(outcome.code, Some(0 | 1 | 3)),
            "{name}: {:?} {}",
            outcome.code,
            outcome.stderr
        );
        assert!(
            !outcome.stderr.contains("overflow") && outcome.stderr.len() < 5000,
            "{name}: {}",
            outcome.stderr
        );
        if name == "deep.ndjson" {
            assert!(desk.ids(DATA).contains(&ids([1])[0]));
        }
    }
}

#[test]
fn deep_nesting_costs_no_count_but_its_own_record() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let post = |number: u64, more: &str| {
        let id = id(number);
        format!("{{\"id\":\"{id}\",\"desc\":\"#london\",\"createTime\":5{more}}}")
    };
    let more = format!(",\"x\":{deep}");
    // In a value that nobody asks for, and in one that has to be looked at.
    let odd = format!(",\"contents\":{deep}");
    for bad in [&more, &odd] {
        let records = [post(0, ""), post(1, bad), post(2, "")];
        let desk = Desk::new();
        desk.write("posts.json", format!("[\n{}\n]\n", records.join(",\n")));
        let outcome = desk.cotag("frequencies ./posts.json");
        assert!(
            matches!(outcome.code, Some(0 | 3 | 6)),
            "{}",
            outcome.stderr
        );
        assert!(
            ["2     1.0000", "3     1.0000"]
                .iter()
                .any(|row| outcome.stdout.contains(row)),
            "{} {}",
            outcome.stdout,
            outcome.stderr
        );
        assert!(outcome.stderr.len() < 5000, "{}", outcome.stderr);
    }
}

#[test]
fn a_hundred_thousand_hashtags_of_one_post_are_counted_once_each() {
    let names: Vec<String> = (0..100_000)
        .map(|number| format!("tag{}", number / 2))
        .collect();
    let many = web(0, "london").with(
        "textExtra",
        names
            .iter()
            .map(|name| json!({"hashtagName": name}))
            .collect(),
    );
    let few = web(1, "london").with("textExtra", json!([{"hashtagName": "Tag7"}]));
    let desk = Desk::new();
    desk.write("posts.json", array(&[many, few]));
    let outcome = desk.cotag("frequencies ./posts.json 60000").fine();
    let rows: Vec<Vec<&str>> = outcome
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| row.len() == 4 && row[1].to_lowercase().starts_with("tag"))
        .collect();
    assert_eq!(rows.len(), 50_000);
    assert_eq!(rows[0][1..3], ["Tag7", "2"]);
    assert!(rows[1..].iter().all(|row| row[2] == "1"));
}

#[test]
fn merge_conflict_markers_and_stray_lines_are_rejected_one_by_one() {
    let posts = london(0..3);
    let text = format!(
        "{}\n<<<<<<< HEAD\n{}\n=======\n\n{}\n>>>>>>> branch\n",
        posts[0].json(),
        posts[1].json(),
        posts[2].json()
    );
    let desk = expect("conflict.ndjson", text, 3, &[0, 1, 2]);
    assert_eq!(desk.json_lines("data/london/posts/rejected.jsonl").len(), 3);
}

#[test]
fn a_damaged_record_in_an_array_costs_no_other() {
    let posts: Vec<String> = london(0..4).iter().map(crate::make::Web::json).collect();
    let broken = posts[1].replacen("\"desc\":\"", "\"desc\":", 1);
    for separator in [",", ",\n", ", \n  "] {
        let text = format!(
            "[{}{}\n]",
            separator.trim_start_matches([',', ' ']),
            [&posts[0], &broken, &posts[2], &posts[3]]
                .map(String::as_str)
                .join(separator)
        );
        let desk = Desk::new();
        desk.write("broken.json", text);
        let outcome = desk.cotag("import broken.json -t london").code(3);
        let found = desk.ids(DATA);
        assert!(found.contains(&ids([0])[0]), "{}", outcome.stderr);
        if separator != "," {
            assert_eq!(found, ids([0, 2, 3]), "{separator:?}");
        }
    }
}

#[test]
fn damage_in_a_file_of_nobodys_store_was_said_to_be_repairable() {
    let desk = Desk::new();
    let mut lines: Vec<String> = london(0..9).iter().map(crate::make::Web::json).collect();
    for line in &mut lines[2..] {
        *line = line.replacen("\":", "\"", 1);
    }
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    desk.write("posts.json", &text);
    let outcome = desk
        .cotag("frequencies posts.json 1 -d")
        .code(3)
        .shows(&["Total posts: 2"]);
    let told = &outcome.stderr;
    assert!(
        !told.contains("repair") && told.contains("2 more places could not be read"),
        "{told}"
    );
}

#[test]
fn unicode_line_separators_split_no_record() {
    let caption = "#london a\u{2028}b\u{2029}c\u{85}d\u{200b}#x\u{2060}";
    let desk = expect(
        "lines.ndjson",
        lines(&[web(0, "").with("desc", json!(caption))]),
        0,
        &[0],
    );
    assert_eq!(desk.json(DATA)[0]["desc"], caption);
    assert_eq!(
        desk.cotag("frequencies london").fine().counts(),
        ["london 1", "x 1"]
    );
}

#[test]
fn carriage_returns_blank_lines_and_byte_order_marks_are_no_records() {
    let posts: Vec<String> = london(0..2).iter().map(crate::make::Web::json).collect();
    expect(
        "crlf.ndjson",
        format!("\u{feff}{}\r\n\r\n  \r\n{}\r\n", posts[0], posts[1]),
        0,
        &[0, 1],
    );
    expect(
        "bom.json",
        format!("\u{feff}  [{}, {}]  \n", posts[0], posts[1]),
        0,
        &[0, 1],
    );
    expect(
        "concatenated.json",
        format!("{}{}", posts[0], posts[1]),
        0,
        &[0, 1],
    );
    expect(
        "commas.ndjson",
        format!("{},\n{},\n", posts[0], posts[1]),
        0,
        &[0, 1],
    );
}

#[test]
fn tables_with_short_rows_and_open_quotes_are_told() {
    let header = "id,username,create_time,video_description,hashtag_names,view_count\n";
    let row = |number: u64| format!("{},ann,1,x,['london'],1\n", id(number));
    let desk = expect(
        "short.csv",
        format!("{header}{}{},ann\n{}", row(0), id(1), row(2)),
        3,
        &[0, 2],
    );
    assert!(
        desk.read("data/london/posts/rejected.jsonl")
            .contains("2 cells where the header has 6 columns")
    );
    expect(
        "semi.csv",
        format!("{header}{}", row(0)).replace(',', ";"),
        0,
        &[0],
    );
    let desk = Desk::new();
    desk.write(
        "quote.csv",
        format!(
            "{header}{}{},ann,1,\"open,['london'],1\n{}",
            row(0),
            id(1),
            row(2)
        ),
    );
    desk.cotag("import quote.csv -t london").code(3);
    assert_eq!(desk.ids(DATA), ids([0]));
    desk.write("header.csv", header);
    desk.cotag("import header.csv -t london --data-dir none")
        .fails(1, &["no posts in this file: an empty list or table"]);
}

#[test]
fn a_hashtag_that_is_none_is_refused() {
    let desk = Desk::new();
    desk.write("posts.json", array(&london(0..1)));
    for tag in ["#", "", " ", "＃", "\u{a0}"] {
        desk.args(&["import", "posts.json", "-t", tag])
            .fails(2, &["is no hashtag"]);
    }
    assert!(!desk.path("data").exists());
}

#[test]
fn a_file_of_nothing_but_damage_was_said_to_have_no_posts_and_to_be_filled() {
    let desk = Desk::new();
    desk.write("posts.json", format!("[{}", "{\"id\":1,\n".repeat(3)));
    desk.cotag("frequencies posts.json")
        .fails(
            1,
            &[
                "posts.json has no posts, only 1 record that cannot be read",
                "rejected.jsonl",
            ],
        )
        .keeps_quiet_about(&["fill it"]);
}
