//! `cotag import`: what goes where, from which files, and what is said about it.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::harness::Desk;
use crate::make::{
    array, gzip, id, ids, lines, research, research_video, scraper, seed_file, web, zstd,
};

const HEADER: &str = "Hashtag  Read  New  Already stored  Updated  Without the tag  Rejected\n";

/// The summary's row of one hashtag: read, new, known, updated, without, rejected.
fn row(tag: &str, counts: [u64; 6]) -> String {
    let [read, new, known, updated, without, rejected] = counts;
    let width = tag.len().max(7);
    format!(
        "{tag:width$}  {read:>4}  {new:>3}  {known:>14}  {updated:>7}  {without:>15}  {rejected:>8}\n"
    )
}

#[test]
fn each_post_goes_to_each_listed_tag_that_it_carries() {
    let desk = Desk::new();
    let posts = [
        web(0, "London paris"),
        web(1, "PARIS"),
        web(2, "rome"),
        web(3, "london"),
        web(0, "london"),
    ];
    desk.write("posts.ndjson", lines(&posts));
    let expected =
        HEADER.to_owned() + &row("london", [5, 2, 1, 0, 2, 0]) + &row("paris", [5, 2, 0, 0, 3, 0]);
    desk.cotag("import posts.ndjson -t London -t paris")
        .fine()
        .stdout(&expected)
        .stderr("");
    assert_eq!(desk.ids("data/london/posts/data.json"), ids([0, 3]));
    assert_eq!(desk.ids("data/paris/posts/data.json"), ids([0, 1]));
    assert_eq!(
        desk.json("data/ids/post_ids.json"),
        json!({"london": ids([0, 3]), "paris": ids([0, 1])})
    );
    assert!(!desk.path("data/rome").exists());
    let again =
        HEADER.to_owned() + &row("london", [5, 0, 3, 0, 2, 0]) + &row("paris", [5, 0, 2, 0, 3, 0]);
    desk.cotag("import posts.ndjson -t paris london")
        .fine()
        .stdout(&again);
    desk.cotag("verify").fine();
}

#[test]
fn the_tags_may_stand_in_a_file_and_untagged_posts_may_be_kept() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&[web(0, "london"), web(1, "rome")]));
    desk.write("tags.txt", "# of interest\nlondon, #paris\n");
    desk.cotag("import posts.ndjson -f tags.txt --keep-untagged")
        .fine()
        .stdout(
            &(HEADER.to_owned()
                + &row("london", [2, 2, 0, 0, 1, 0])
                + &row("paris", [2, 2, 0, 0, 2, 0])),
        );
    assert_eq!(desk.ids("data/london/posts/data.json"), ids([0, 1]));
    assert_eq!(desk.ids("data/paris/posts/data.json"), ids([0, 1]));
    // The table says so: only one of two posts carries the hashtag.
    assert_eq!(
        desk.cotag("frequencies london").fine().counts(),
        ["london 1", "rome 1"]
    );
}

#[test]
fn without_a_tag_the_ten_commonest_are_shown_and_nothing_is_stored() {
    let desk = Desk::new();
    let mut posts: Vec<_> = (0..12)
        .map(|number| web(number, &format!("a Bb t{number:02}")))
        .collect();
    posts.push(web(20, "a"));
    desk.write("posts.json", array(&posts));
    desk.cotag("import posts.json").fails(
        2,
        &["The commonest in `posts.json`: #a (13 posts), #Bb (12 posts), #t00 (1 post), #t01 (1 post)", "#t07 (1 post)\n"],
    );
    desk.feed("import -", array(&posts))
        .fails(2, &["The commonest in `-`: #a (13 posts)"]);
    desk.cotag("import").fails(2, &["FILE|DIR|-"]);
    assert!(!desk.path("data").exists());
}

#[test]
fn packed_files_and_standard_input_are_read_like_plain_ones() {
    let desk = Desk::new();
    let text = lines(&[web(0, "london a"), web(1, "london")]);
    let summary = HEADER.to_owned() + &row("london", [2, 2, 0, 0, 0, 0]);
    desk.write("plain.ndjson", &text);
    // The name says nothing.
    desk.write("packed.gz", gzip(text.as_bytes()));
    desk.write("odd-name.json", gzip(text.as_bytes()));
    desk.write("packed.zst", zstd(text.as_bytes()));
    for (number, file) in ["plain.ndjson", "packed.gz", "odd-name.json", "packed.zst"]
        .iter()
        .enumerate()
    {
        desk.cotag(&format!("import {file} -t london --data-dir d{number}"))
            .fine()
            .stdout(&summary);
        let outcome = desk
            .cotag(&format!("frequencies london --data-dir d{number}"))
            .fine();
        assert_eq!(outcome.counts(), ["london 2", "a 1"], "{file}");
    }
    desk.feed("import - -t london --data-dir in", &text)
        .fine()
        .stdout(&summary);
    desk.feed("import - -t london --data-dir zin", zstd(text.as_bytes()))
        .fine()
        .stdout(&summary);
    let run = &desk.json_lines("in/london/posts/runs.jsonl")[0];
    assert_eq!(
        (&run["inputs"][0]["path"], &run["inputs"][0]["bytes"]),
        (&json!("-"), &json!(text.len()))
    );
}

#[test]
fn the_ledger_says_what_was_read() {
    let desk = Desk::new();
    let text = lines(&[web(0, "london"), web(1, "rome")]) + "broken\n";
    desk.write("posts.ndjson", &text);
    desk.cotag("import posts.ndjson -t london").code(3);
    let run = desk.json_lines("data/london/posts/runs.jsonl").remove(0);
    for (key, value) in [
        ("command", json!("import")),
        ("origin", json!("import")),
        ("hashtag", json!("london")),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("read", json!(3)),
        ("new", json!(1)),
        ("known", json!(0)),
        ("without_tag", json!(1)),
        ("rejected", json!(1)),
        ("posts", json!(1)),
        ("stopped", json!("end of input")),
    ] {
        assert_eq!(run[key], value, "{key}");
    }
    let input = &run["inputs"][0];
    let sum = desk.shell("sha256sum posts.ndjson").code(0);
    assert_eq!(input["path"], "posts.ndjson");
    assert_eq!(input["bytes"], text.len());
    assert_eq!(input["sha256"].as_str(), sum.stdout.split(' ').next());
    assert_eq!(
        run["run"],
        desk.json("data/london/posts/data.json")[0]["_cotag"]["run"]
    );
}

#[test]
fn unreadable_records_are_listed_counted_and_told_by_the_exit_code() {
    let desk = Desk::new();
    let text = format!(
        "{}\n{{\"id\": \"7.52E+18\", \"desc\": \"#london\", \"createTime\": 5}}\nnot json\n{}\n",
        web(0, "london").json(),
        web(1, "london").json()
    );
    desk.write("posts.ndjson", text);
    desk.cotag("import posts.ndjson -t london")
        .code(3)
        .stdout(&(HEADER.to_owned() + &row("london", [4, 2, 0, 0, 0, 2])))
        .says(&["warning: 2 records of `posts.ndjson` could not be read; see rejected.jsonl"]);
    let rejected = desk.json_lines("data/london/posts/rejected.jsonl");
    let reasons: Vec<_> = rejected
        .iter()
        .map(|line| {
            (
                line["place"].as_str().unwrap(),
                line["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (
                "line 2",
                "the post id went through a floating-point number and lost its last digits"
            ),
            ("line 3", "not a JSON object"),
        ]
    );
    assert_eq!(rejected[0]["file"], "posts.ndjson");
    assert!(
        rejected[0]["excerpt"]
            .as_str()
            .unwrap()
            .starts_with("{\"id\": \"7.52E+18\"")
    );
    assert_eq!(
        rejected[0]["run"],
        desk.json_lines("data/london/posts/runs.jsonl")[0]["run"]
    );
    assert_eq!(desk.ids("data/london/posts/data.json"), ids([0, 1]));
    // A second time they are counted again, but listed already.
    desk.cotag("import posts.ndjson -t london").code(3);
    assert_eq!(desk.json_lines("data/london/posts/rejected.jsonl").len(), 2);
    desk.cotag("verify").fine();
}

#[test]
fn strict_refuses_and_changes_nothing() {
    let desk = Desk::new();
    desk.write("good.ndjson", lines(&[web(0, "london")]));
    desk.write("bad.ndjson", lines(&[web(1, "london")]) + "{broken\n");
    desk.cotag("import good.ndjson -t london").fine();
    let before = desk.snapshot("data");
    desk.cotag("import bad.ndjson -t london --strict").fails(
        1,
        &[
            "`bad.ndjson`, line 2: ",
            "error: 1 record of `bad.ndjson` cannot be read; nothing was changed",
        ],
    );
    desk.cotag("import good.ndjson bad.ndjson -t paris --strict --keep-untagged")
        .fails(1, &["nothing was changed"]);
    desk.feed("import - -t london --strict", "{broken\n{}\n")
        .code(1)
        .stdout("");
    assert!(before == desk.snapshot("data"), "the directory changed");
    desk.cotag("import bad.ndjson -t london --strict --data-dir fresh")
        .code(1)
        .stdout("");
    assert!(!desk.path("fresh").exists());
    // What can be read is imported as without it, from standard input too.
    desk.feed("import - -t london --strict", lines(&[web(2, "london")]))
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [1, 1, 0, 0, 0, 0])));
}

#[test]
fn update_takes_the_newer_fetch_and_the_default_keeps_the_first() {
    let desk = Desk::new();
    let wrapped = |views: u64, milliseconds: u64| {
        json!({"nav_index": "1", "item_id": id(0).to_string(), "timestamp_collected": milliseconds, "source_platform": "tiktok.com",
               "data": serde_json::from_str::<Value>(&web(0, "london").views(views).json()).unwrap()})
        .to_string()
            + "\n"
    };
    desk.write(
        "first.ndjson",
        wrapped(10, 1_714_600_000_000) + &lines(&[web(1, "london").views(1)]),
    );
    desk.write("older.ndjson", wrapped(5, 1_714_500_000_000));
    desk.write("newer.ndjson", wrapped(20, 1_714_700_000_000));
    let views = |desk: &Desk| {
        let listed = desk
            .cotag("frequencies london --columns views --format ndjson")
            .fine();
        serde_json::from_str::<Value>(listed.stdout.lines().next().unwrap()).unwrap()["views_sum"]
            .as_u64()
            .unwrap()
    };
    desk.cotag("import first.ndjson -t london").fine();
    desk.cotag("import newer.ndjson -t london")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [1, 0, 1, 0, 0, 0])));
    assert_eq!(views(&desk), 11);
    desk.cotag("import older.ndjson -t london --update")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [1, 0, 1, 0, 0, 0])));
    assert_eq!(views(&desk), 11);
    desk.cotag("import newer.ndjson -t london --update")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [1, 0, 1, 1, 0, 0])));
    assert_eq!(views(&desk), 21);
    assert_eq!(
        desk.ids("data/london/posts/data.json"),
        ids([0, 1]),
        "the order stays"
    );
    desk.cotag("verify").fine();
    desk.write("third.ndjson", lines(&[web(2, "london").views(100)]));
    desk.cotag("import third.ndjson -t london").fine();
    assert_eq!(views(&desk), 121);
    desk.cotag("verify").fine();
}

#[test]
fn a_seed_directory_is_taken_over_whole_and_left_as_it_is() {
    let desk = Desk::new();
    // Two overlapping runs of version 1: posts stand twice.
    desk.write(
        "old/data/anime/posts/data.json",
        seed_file(&[
            scraper(0, "anime a"),
            scraper(1, "anime"),
            scraper(0, "anime a"),
        ]),
    );
    desk.write(
        "old/data/London/posts/data.json",
        seed_file(&[scraper(2, "elsewhere")]),
    );
    desk.write("old/data/empty/posts/data.json", "");
    desk.write(
        "old/data/ids/post_ids.json",
        json!({"anime": ids([0, 1]), "London": ids([2])}).to_string(),
    );
    let before = desk.snapshot("old");
    let expected =
        HEADER.to_owned() + &row("anime", [3, 2, 1, 0, 0, 0]) + &row("london", [1, 1, 0, 0, 1, 0]);
    desk.cotag("import old")
        .fine()
        .stdout(&expected)
        .says(&["`old` is a data directory of 3 hashtags"]);
    desk.cotag("import old/data --data-dir second")
        .fine()
        .stdout(&expected);
    assert!(before == desk.snapshot("old"), "the old tree changed");
    desk.cotag("verify").fine();
    // Its posts belong to the hashtag whatever they carry, as in the old tool.
    assert_eq!(
        desk.cotag("frequencies london").fine().counts(),
        ["elsewhere 1"]
    );
    desk.cotag("frequencies anime")
        .fine()
        .shows(&["Total posts: 2\n"]);
    // Chosen hashtags only.
    desk.cotag("import old -t a --data-dir third")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("a", [4, 1, 1, 0, 2, 0])));
}

#[test]
fn a_version_2_directory_is_taken_over_whole() {
    let desk = Desk::new();
    desk.write(
        "old/london/posts.json",
        array(&[web(0, "london a"), web(1, "london")]),
    );
    desk.write("old/paris/posts.json", array(&[web(2, "paris")]));
    desk.write("old/paris/media/1.mp4", "x");
    desk.cotag("import old").fine().stdout(
        &(HEADER.to_owned()
            + &row("london", [2, 2, 0, 0, 0, 0])
            + &row("paris", [1, 1, 0, 0, 0, 0])),
    );
    assert_eq!(
        desk.cotag("frequencies london").fine().counts(),
        ["london 2", "a 1"]
    );
    // Writing into it would mix two tools' files.
    desk.cotag("import old/london/posts.json -t london --data-dir old")
        .fails(
            1,
            &[
                "`old` is a data directory of tiktok-hashtag-analysis 2",
                "hint: take it over with `cotag import old`",
            ],
        );
}

#[test]
fn a_folder_of_files_is_read_file_by_file_and_others_are_left_out() {
    let desk = Desk::new();
    desk.write("captures/a.json", array(&[web(0, "london")]));
    desk.write(
        "captures/deep/b.ndjson.gz",
        gzip(lines(&[web(1, "london")]).as_bytes()),
    );
    desk.write(
        "captures/package.json",
        "{\"name\": \"other\", \"version\": \"1\"}",
    );
    desk.write("captures/notes.txt", "nothing of interest");
    desk.write("captures/picture.png", "x");
    desk.cotag("import captures -t london")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [2, 2, 0, 0, 0, 0])))
        .says(&[
            "left out `captures/notes.txt`",
            "left out `captures/package.json`",
        ])
        .keeps_quiet_about(&["picture"]);
    fs_err::create_dir(desk.path("none")).unwrap();
    desk.cotag("import none -t london")
        .fails(1, &["no file of posts in `none`"]);
    // One of several named files may be of another kind: the rest is imported, the exit code tells.
    desk.cotag("import captures/notes.txt captures/a.json -t london --data-dir second")
        .code(3)
        .stdout(&(HEADER.to_owned() + &row("london", [1, 1, 0, 0, 0, 0])))
        .says(&["error: `captures/notes.txt`: not recognised"]);
}

#[test]
fn a_har_recording_gives_its_posts_and_no_secrets() {
    let desk = Desk::new();
    let body = format!(
        "{{\"itemList\": {}, \"statusCode\": 0, \"cursor\": \"30\"}}",
        array(&[web(0, "london"), web(1, "london a")])
    );
    let entry = |url: &str, content: Value| {
        json!({"startedDateTime": "2024-05-03T10:00:00.000Z",
               "request": {"method": "GET", "url": url, "cookies": [{"name": "sessionid", "value": "SECRET"}], "headers": [{"name": "Cookie", "value": "SECRET"}]},
               "response": {"status": 200, "content": content}})
    };
    let har = json!({"log": {"version": "1.2", "creator": {"name": "Firefox"}, "pages": [], "entries": [
        entry("https://www.tiktok.com/api/challenge/item_list/?msToken=SECRET&aid=1", json!({"mimeType": "application/json", "text": body})),
        entry("https://www.tiktok.com/api/challenge/item_list/?msToken=SECRET", json!({"mimeType": "application/json"})),
        entry("https://example.com/api/item_list/", json!({"mimeType": "application/json", "text": body})),
    ]}});
    desk.write("session.har", har.to_string());
    desk.cotag("import session.har -t london")
        .code(0)
        .stdout(&(HEADER.to_owned() + &row("london", [2, 2, 0, 0, 0, 0])))
        .says(&["`session.har`: 1 answers of TikTok were saved without their body"]);
    let stored = desk.read("data/london/posts/data.json");
    assert!(
        !stored.contains("SECRET") && !desk.read("data/london/posts/runs.jsonl").contains("SECRET")
    );
    assert!(stored.contains("\"fetched\":\"2024-05-03T10:00:00Z\""));
}

#[test]
fn tables_and_the_research_api_are_read() {
    let desk = Desk::new();
    desk.write(
        "research.json",
        research(&[
            research_video(0, &["london"]),
            research_video(1, &["LONDON", "uk"]),
        ]),
    );
    let csv = format!(
        "id,username,create_time,video_description,hashtag_names,view_count\r\n{},ann,1714521600,\"a, b\n#london\",\"['london', 'x']\",5\r\n",
        id(2)
    );
    desk.write("client.csv", csv);
    desk.cotag("import research.json client.csv -t london")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [3, 3, 0, 0, 0, 0])));
    assert_eq!(
        desk.cotag("frequencies london").fine().counts(),
        ["london 3", "uk 1", "x 1"]
    );
    // A row is kept as an object of its columns; ids stay numbers or text as they were.
    let stored = desk.json("data/london/posts/data.json");
    assert_eq!(stored[0]["id"], id(0));
    assert_eq!(stored[2]["id"], id(2).to_string());
    assert_eq!(stored[2]["video_description"], "a, b\n#london");
    assert_eq!(stored[2]["_cotag"]["format"], "research-csv");
}

#[test]
fn what_is_no_file_of_posts_is_refused_with_the_reason() {
    let desk = Desk::new();
    for (name, text, reason) in [
        ("empty.json", String::new(), "the file is empty"),
        ("blank.json", " \n\t\n".into(), "the file is empty"),
        (
            "comments.json",
            json!({"comments": [{"cid": "1", "text": "x"}], "cursor": 1}).to_string(),
            "comments, not posts",
        ),
        (
            "comments.ndjson",
            json!({"nav_index": "1", "source_platform": "tiktok-comments", "data": {"id": "1"}})
                .to_string()
                + "\n",
            "comments, not posts",
        ),
        (
            "insta.ndjson",
            json!({"nav_index": "1", "source_platform": "instagram.com", "data": {"id": "1"}})
                .to_string()
                + "\n",
            "instagram.com, not of TikTok",
        ),
        (
            "own.json",
            json!({"Activity": {"Video Browsing History": {}}, "Profile": {}}).to_string(),
            "own data export",
        ),
        (
            "post_ids.json",
            json!({"london": ids(0..3)}).to_string(),
            "id list of a bellingcat data folder",
        ),
        (
            "blocked.json",
            json!({"statusCode": 10201, "statusMsg": "x"}).to_string(),
            "status 10201",
        ),
        (
            "page.html",
            "<!DOCTYPE html><html><body>hello</body></html>".into(),
            "no TikTok page data",
        ),
        (
            "table.csv",
            "name,age\nann,5\n".into(),
            "its columns are \"name\", \"age\"",
        ),
        ("any.txt", "hello world\n".into(), "not recognised"),
        ("bytes.bin", "\u{0}\u{1}\u{2}".into(), "not recognised"),
        (
            "other.json",
            json!([{"name": "x"}, {"name": "y"}]).to_string(),
            "not recognised",
        ),
        ("number.json", "5".into(), "not recognised"),
    ] {
        desk.write(name, text);
        desk.cotag(&format!("import {name} -t london"))
            .fails(1, &[&format!("error: `{name}`: "), reason]);
        desk.cotag(&format!("frequencies {name}"))
            .fails(1, &[reason]);
    }
    desk.cotag("import missing.json -t london")
        .fails(1, &["missing.json"]);
    // Nothing was stored.
    desk.cotag("frequencies london")
        .fails(1, &["no posts stored for #london"]);
}

#[test]
fn a_format_may_be_named_where_the_content_does_not_tell() {
    let desk = Desk::new();
    desk.write(
        "odd.json",
        format!(
            "[{{\"id\": \"{}\", \"note\": 1, \"textExtra\": [{{\"hashtagName\": \"london\"}}]}}]",
            id(0)
        ),
    );
    desk.cotag("import odd.json -t london --format web")
        .fine()
        .stdout(&(HEADER.to_owned() + &row("london", [1, 1, 0, 0, 0, 0])));
    desk.cotag("import odd.json -t london --format nonsense")
        .fails(2, &["invalid value 'nonsense'", "tiktok-scraper"]);
}
