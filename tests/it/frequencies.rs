//! `cotag frequencies`: every form of the command, the table, formats, columns, filters.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{array, id, lines, london, research, research_video, scraper, seed_file, web};

/// #london with posts of many kinds: one of them without the tag, one twice in the file.
fn stocked() -> Desk {
    let desk = Desk::new();
    let posts = [
        web(0, "London fyp").by("ann").views(10),
        web(1, "london fyp 東京").by("ann").views(30),
        web(2, "london LONDON uk").by("ben").views(5),
        web(3, "london fyp 👩‍🍳").by("cat").views(700),
        web(2, "london LONDON uk").by("ben").views(5),
        web(4, "paris"),
    ];
    let file = desk.write("posts.ndjson", lines(&posts));
    desk.args(&["import", file.to_str().unwrap(), "-t", "london"])
        .fine();
    desk
}

const TABLE: &str = "\
Rank  Hashtag  Occurrences  Frequency
0     london             4     1.0000
1     fyp                3     0.7500
2     uk                 1     0.2500
3     東京               1     0.2500
4     👩‍🍳                 1     0.2500
Total posts: 4
";

#[test]
fn the_table_is_the_seed_tools_and_stderr_says_what_it_is_of() {
    stocked()
        .cotag("frequencies london 20 -d")
        .code(0)
        .stdout(TABLE)
        .stderr(
            "n = 4 posts of #london, 2024-05-01 (UTC), from tiktok.com items (imported).\n\
             A sample of #london, not all of TikTok.\n\
             5 hashtags in all; 20 were asked for.\n",
        );
}

#[test]
fn every_spelling_of_the_command_is_accepted() {
    let desk = stocked();
    desk.write("tags.txt", "# my hashtags\n#London\n");
    let short = "\
Rank  Hashtag  Occurrences  Frequency
0     london             4     1.0000
1     fyp                3     0.7500
Total posts: 4
";
    for words in [
        "frequencies london 20 -d",
        "frequencies london",
        "frequencies london 20",
        "frequencies #LONDON -d",
        "frequencies -d london 20",
        "frequencies -ht london -n 20 -d",
        "frequencies --hashtag london --number 20 --print",
        "frequencies -n 20 london",
        "frequencies -f tags.txt",
        "frequencies -f tags.txt 20",
        "frequencies --file tags.txt -d",
        "freq london",
        "frequencies london London ＃london",
        "--quiet frequencies london",
        "frequencies london -q",
        "--data-dir data frequencies london",
        "frequencies --data-dir data london",
        "frequencies london 20 -d --data-dir data",
        "--lock-timeout 1 frequencies london",
    ] {
        desk.cotag(words).fine().stdout(TABLE);
    }
    for words in [
        "frequencies london 2",
        "frequencies -ht london -n 2",
        "frequencies -f tags.txt 2",
    ] {
        desk.cotag(words).fine().stdout(short);
    }
}

#[test]
fn the_data_directory_may_come_from_the_environment_and_an_option_goes_before_it() {
    let desk = stocked();
    fs_err::rename(desk.path("data"), desk.path("elsewhere")).unwrap();
    let mut command = desk.command("frequencies london");
    desk.run(command.env("COTAG_DATA_DIR", "elsewhere"))
        .fine()
        .stdout(TABLE);
    let mut command = desk.command("frequencies london --data-dir elsewhere");
    desk.run(command.env("COTAG_DATA_DIR", "nowhere"))
        .fine()
        .stdout(TABLE);
    desk.cotag("frequencies london").fails(
        1,
        &["error: no data directory at `./data`", "COTAG_DATA_DIR"],
    );
}

#[test]
fn a_number_behind_a_hashtag_is_how_many_rows_and_alone_it_is_a_hashtag() {
    let desk = Desk::new();
    desk.write("posts.json", array(&[web(0, "2024 a b"), web(1, "2024 a")]));
    desk.cotag("import posts.json -t 2024").fine();
    let three = ["2024 2", "a 2", "b 1"];
    assert_eq!(desk.cotag("frequencies 2024").fine().counts(), three);
    assert_eq!(desk.cotag("frequencies 2024 2").fine().counts(), three[..2]);
    assert_eq!(
        desk.cotag("frequencies --hashtag 2024").fine().counts(),
        three
    );
    assert_eq!(
        desk.cotag("frequencies --hashtag 2024 -n 1")
            .fine()
            .counts(),
        three[..1]
    );
}

#[test]
fn several_hashtags_make_a_table_each_in_their_order() {
    let desk = Desk::new();
    desk.write(
        "posts.json",
        array(&[web(0, "paris a"), web(1, "london a"), web(2, "london b")]),
    );
    desk.cotag("import posts.json -t london -t paris").fine();
    desk.write("tags", "paris,\n# and\nlondon");
    let expected = "\
Co-occurring hashtags for #paris posts
Rank  Hashtag  Occurrences  Frequency
0     a                  1     1.0000
1     paris              1     1.0000
Total posts: 1

Co-occurring hashtags for #london posts
Rank  Hashtag  Occurrences  Frequency
0     london             2     1.0000
1     a                  1     0.5000
2     b                  1     0.5000
Total posts: 2
";
    for words in [
        "frequencies paris london 20",
        "frequencies -ht paris london -n 20",
        "frequencies -f tags",
    ] {
        desk.cotag(words).fine().stdout(expected);
    }
    // One that is not stored spoils the exit code, not the others.
    desk.cotag("frequencies paris nope london")
        .code(3)
        .stdout(expected)
        .says(&[
            "error: no posts stored for #nope in `./data`",
            "hint: stored there: #london, #paris",
        ]);
}

#[test]
fn a_path_is_counted_without_storing_anything() {
    let desk = Desk::new();
    let posts = [web(0, "london a"), web(1, "london"), web(0, "london a")];
    let mut files = vec![
        ("lines.ndjson", lines(&posts)),
        ("array.json", array(&posts)),
        (
            "seed/data.json",
            seed_file(&[
                scraper(0, "london a"),
                scraper(1, "london"),
                scraper(0, "london a"),
            ]),
        ),
        (
            "research.json",
            research(&[
                research_video(0, &["london", "a"]),
                research_video(1, &["london"]),
                research_video(0, &["london", "a"]),
            ]),
        ),
    ];
    files.push(("spaces in its name.json", array(&posts)));
    for (name, text) in files {
        desk.write(name, text);
        let outcome = desk.args(&["frequencies", name, "20"]).fine();
        assert_eq!(outcome.counts(), ["london 2", "a 1"], "{name}");
        assert!(outcome.stdout.ends_with("Total posts: 2\n"), "{name}");
        outcome.says(&["Left out: 1 of 3 records that repeat a post."]);
    }
    assert!(!desk.path("data").exists());
    // A stored hashtag's file gives the same numbers as the hashtag.
    desk.cotag("import array.json -t london").fine();
    let by_path = desk.cotag("frequencies data/london/posts/data.json").fine();
    assert_eq!(
        by_path.stdout,
        desk.cotag("frequencies london").fine().stdout
    );
}

#[test]
fn equal_counts_are_ordered_by_code_point_and_the_order_never_changes() {
    let desk = Desk::new();
    let posts = [
        web(0, "london z é a b Zz 東 _x 1"),
        web(1, "london b a z é 1 _x 東 zz"),
    ];
    desk.write("posts.json", array(&posts));
    let first = desk.cotag("frequencies posts.json").fine();
    assert_eq!(
        first.counts(),
        [
            "1 2", "_x 2", "a 2", "b 2", "london 2", "z 2", "Zz 2", "é 2", "東 2"
        ]
    );
    for _ in 0..5 {
        desk.cotag("frequencies posts.json")
            .fine()
            .stdout(&first.stdout);
    }
}

#[test]
fn a_post_counts_a_hashtag_once_and_the_commonest_spelling_is_shown() {
    let desk = Desk::new();
    let posts = [
        web(0, "FYP fyp ＦＹＰ SONDAKİKA"),
        web(1, "Fyp sondakika mooove！"),
        web(2, "Fyp mooove!"),
    ];
    desk.write("posts.json", array(&posts));
    assert_eq!(
        desk.cotag("frequencies posts.json").fine().counts(),
        ["Fyp 3", "mooove! 2", "SONDAKİKA 2"]
    );
}

#[test]
fn csv_tsv_and_lines_hold_every_row_with_its_total() {
    let desk = stocked();
    desk.cotag("frequencies london 3 --format csv")
        .fine()
        .stdout(
            "of,rank,hashtag,spelling,occurrences,frequency,total,sources\n\
             #london,0,london,london,4,1.000000,4,tiktok.com items (imported)\n\
             #london,1,fyp,fyp,3,0.750000,4,tiktok.com items (imported)\n\
             #london,2,uk,uk,1,0.250000,4,tiktok.com items (imported)\n",
        );
    desk.cotag("frequencies london 1 --format tsv")
        .fine()
        .stdout(
            "of\trank\thashtag\tspelling\toccurrences\tfrequency\ttotal\tsources\n\
             #london\t0\tlondon\tlondon\t4\t1.000000\t4\ttiktok.com items (imported)\n",
        );
    desk.cotag("frequencies london 1 --format ndjson").fine().stdout(
        "{\"of\":\"#london\",\"rank\":0,\"hashtag\":\"london\",\"spelling\":\"london\",\"occurrences\":4,\"frequency\":1.0,\"total\":4,\"sources\":\"tiktok.com items (imported)\"}\n",
    );
    desk.cotag("frequencies london 2 --format md").fine().stdout(
        "| Rank | Hashtag | Occurrences | Frequency |\n\
         | --- | --- | --- | --- |\n\
         | 0 | london | 4 | 1.0000 |\n\
         | 1 | fyp | 3 | 0.7500 |\n\
         \n\
         Total posts: 4. n = 4 posts of \\#london, 2024-05-01 (UTC), from tiktok.com items (imported). A sample of \\#london, not all of TikTok.\n",
    );
}

#[test]
fn the_json_document_says_what_it_counted() {
    let desk = stocked();
    let document = desk
        .cotag("frequencies london 1 --format json")
        .fine()
        .json();
    assert_eq!(document["schema"], "cotag/frequencies/1");
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    let table = &document["tables"][0];
    assert_eq!(
        table["tags_from"],
        json!({"mode": "auto", "structured": 4, "caption": 0, "both": 0, "none": 0})
    );
    assert_eq!(
        table["rows"],
        json!([{"of": "#london", "rank": 0, "hashtag": "london", "spelling": "london", "occurrences": 4, "frequency": 1.0, "total": 4, "sources": "tiktok.com items (imported)"}])
    );
    assert_eq!(
        (&table["total"], &table["distinct_hashtags"]),
        (&json!(4), &json!(5))
    );
    let sample = &table["sample"];
    assert_eq!(sample["first"], "2024-05-01T00:00:00Z");
    assert_eq!(sample["last"], "2024-05-01T03:00:00Z");
    assert_eq!(
        sample["provenance"],
        json!([{"origin": "import", "format": "web", "posts": 4}])
    );
    assert_eq!(sample["synthetic"], false);
}

#[test]
fn excel_gets_a_mark_text_ids_and_no_formula() {
    let desk = Desk::new();
    let hostile = web(0, "london")
        .with(
            "textExtra",
            json!([{"hashtagName": "=HYPERLINK(\"x\")"}, {"hashtagName": "+1"}, {"hashtagName": "london"}, {"hashtagName": "a,b"}]),
        );
    desk.write("posts.json", array(&[hostile]));
    desk.cotag("frequencies posts.json --format csv --excel")
        .fine()
        .stdout(
            "\u{feff}of,rank,hashtag,spelling,occurrences,frequency,total,sources\n\
             posts.json,0,'+1,'+1,1,1.000000,1,tiktok.com items (imported)\n\
             posts.json,1,\"'=hyperlink(\"\"x\"\")\",\"'=HYPERLINK(\"\"x\"\")\",1,1.000000,1,tiktok.com items (imported)\n\
             posts.json,2,\"a,b\",\"a,b\",1,1.000000,1,tiktok.com items (imported)\n\
             posts.json,3,london,london,1,1.000000,1,tiktok.com items (imported)\n",
        );
    desk.cotag("frequencies posts.json --excel")
        .fails(2, &["--excel goes with --format csv or tsv"]);
}

#[test]
fn a_result_goes_to_a_file_whole_or_not_at_all() {
    let desk = stocked();
    desk.cotag("frequencies london -o table.txt")
        .fine()
        .stdout("")
        .says(&["wrote `table.txt`"]);
    assert_eq!(desk.read("table.txt"), TABLE);
    desk.cotag("frequencies london --format csv --output table.txt")
        .fine();
    assert!(desk.read("table.txt").starts_with("of,rank"));
    desk.cotag("frequencies london -o -").fine().stdout(TABLE);
    desk.cotag("frequencies london -o no/such/folder.txt")
        .fails(1, &["no/such/folder.txt"]);
    desk.cotag("frequencies nope -o table.txt")
        .code(1)
        .stdout("");
    assert!(
        desk.read("table.txt").starts_with("of,rank"),
        "a failed command leaves the old file"
    );
    #[cfg(target_os = "linux")]
    desk.cotag("frequencies london -o /dev/full")
        .fails(1, &["No space left"]);
}

#[test]
fn columns_on_request() {
    let desk = stocked();
    desk.cotag("frequencies london 2 --columns all")
        .fine()
        .stdout(
            "Rank  Hashtag  Occurrences  Frequency  Authors  Top author  95 % from  95 % to  Views  Median views\n\
             0     london             4     1.0000        3      0.5000     0.5101   1.0000    745          20.0\n\
             1     fyp                3     0.7500        2      0.6667     0.3006   0.9544    740          30.0\n\
             Total posts: 4\n",
        );
    desk.cotag("frequencies london 1 --columns views,authors --format csv")
        .fine()
        .stdout(
            "of,rank,hashtag,spelling,occurrences,frequency,total,authors,views_sum,views_median,sources\n\
             #london,0,london,london,4,1.000000,4,3,745,20.0,tiktok.com items (imported)\n",
        );
    desk.cotag("frequencies london --columns likes")
        .fails(2, &["invalid value 'likes'"]);
}

#[test]
fn a_missing_count_is_not_zero() {
    let desk = Desk::new();
    desk.write(
        "posts.json",
        array(&[
            web(0, "a b")
                .with("stats", json!(null))
                .with("author", json!(null)),
            web(1, "a").views(8),
        ]),
    );
    desk.cotag("frequencies posts.json --columns views,top-author --format csv")
        .fine()
        .stdout(
            "of,rank,hashtag,spelling,occurrences,frequency,total,top_author_share,views_sum,views_median,sources\n\
             posts.json,0,a,a,2,1.000000,2,1.0000,8,8.0,tiktok.com items (imported)\n\
             posts.json,1,b,b,1,0.500000,2,,,,tiktok.com items (imported)\n",
        );
}

#[test]
fn the_number_of_rows_must_make_sense() {
    let desk = stocked();
    for words in [
        "frequencies london 0",
        "frequencies london -n 0",
        "frequencies london -n x",
    ] {
        desk.cotag(words)
            .fails(2, &["the number of rows must be a whole number above 0"]);
    }
    desk.cotag("frequencies london -5").fails(2, &["-5"]);
    desk.cotag("frequencies london 99999999999999999999999999")
        .fails(2, &["whole number"]);
    desk.cotag("frequencies london 1000")
        .fine()
        .stdout(TABLE)
        .says(&["5 hashtags in all; 1000 were asked for."]);
    desk.cotag("frequencies").fails(2, &["which hashtag?"]);
    desk.cotag("frequencies -d").fails(2, &["which hashtag?"]);
}

#[test]
fn a_hashtag_never_stored_is_answered_with_those_that_are() {
    let desk = stocked();
    desk.cotag("frequencies lundon")
        .code(1)
        .stdout("")
        .stderr("error: no posts stored for #lundon in `./data`\nhint: stored there: #london\n");
    desk.cotag("frequencies ###")
        .fails(2, &["`###` is no hashtag"]);
}

#[test]
fn foreign_text_cannot_drive_the_terminal() {
    let desk = Desk::new();
    let post = web(0, "london").with(
        "textExtra",
        json!([{"hashtagName": "a\u{1b}[2Jb"}, {"hashtagName": "\u{202e}c"}, {"hashtagName": "d\ne"}]),
    );
    desk.write("posts.json", array(&[post]));
    let outcome = desk.cotag("frequencies posts.json").fine();
    assert!(
        !outcome.stdout.contains(['\u{1b}', '\u{202e}']),
        "{}",
        outcome.stdout
    );
    outcome.shows(&["a\\u{1b}[2Jb", "\\u{202e}c", "d\\u{a}e"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let desk = Desk::new();
    let many: Vec<_> = (0..3000)
        .map(|number| web(number, &format!("t{number}")))
        .collect();
    desk.write("posts.json", lines(&many));
    for words in [
        "frequencies posts.json 3000 -q",
        "frequencies posts.json 3000 -q --format csv",
        "posts posts.json -q",
        "--help",
    ] {
        let script = format!("{{ $COTAG {words}; echo $? >code; }} | head -1");
        let outcome = desk.shell(&script).code(0).stderr("");
        assert_eq!(outcome.stdout.lines().count(), 1, "{words}");
        assert_eq!(desk.read("code"), "0\n", "{words}");
    }
}

#[test]
fn all_threads_together_count_what_one_would() {
    let desk = Desk::new();
    // Several blocks of a megabyte, with repeats far apart.
    let mut posts = london(0..6000);
    posts.extend(london(100..110));
    let filler = "x".repeat(400);
    let posts: Vec<_> = posts
        .into_iter()
        .map(|post| post.with("filler", json!(filler)))
        .collect();
    let text = format!(
        "[\n{}\n]\n",
        posts
            .iter()
            .map(crate::make::Web::json)
            .collect::<Vec<_>>()
            .join(",\n")
    );
    desk.write("data/london/posts/data.json", text);
    desk.cotag("frequencies london")
        .fine()
        .stdout(
            "Rank  Hashtag  Occurrences  Frequency\n\
             0     london          6000     1.0000\n\
             1     t0              2000     0.3333\n\
             2     t1              2000     0.3333\n\
             3     t2              2000     0.3333\n\
             Total posts: 6000\n",
        )
        .says(&["Left out: 10 of 6010 records that repeat a post."]);
    assert!(
        desk.cotag("posts london --format csv")
            .fine()
            .stdout
            .contains(&id(5999).to_string())
    );
}

#[test]
fn seed_spellings_of_plot_are_understood() {
    // The picture is drawn elsewhere; here only that no spelling is taken for something else.
    let desk = stocked();
    for words in [
        "frequencies london 20 --plot",
        "frequencies london 20 -p",
        "frequencies -ht london -n 20 -plt",
        "frequencies london 20 -d -p",
    ] {
        let outcome = desk.cotag(words);
        assert_ne!(outcome.code, Some(2), "{words}: {}", outcome.stderr);
    }
}

#[test]
fn a_file_that_ends_in_csv_was_given_a_text_table() {
    let desk = Desk::new();
    desk.write("posts.json", array(&[web(1, "london fyp")]));
    for (file, start) in [
        ("a.csv", "of,rank,hashtag,"),
        ("A.CSV", "of,rank,hashtag,"),
        ("a.tsv", "of\trank\thashtag\t"),
        ("a.json", "{\n"),
        ("a.ndjson", "{\"of\":"),
        ("a.md", "| "),
        ("a.txt", "Rank"),
    ] {
        desk.cotag(&format!("frequencies posts.json -o {file}"))
            .fine();
        let text = desk.read(file);
        assert!(text.starts_with(start), "{file}: {text}");
    }
    // A chart's file is no table's, and is told so.
    let chart = desk.cotag("frequencies posts.json --plot -o c.csv").code(2);
    assert!(chart.stderr.contains("c.csv"), "{}", chart.stderr);
    // The name of the format decides where both are given.
    desk.cotag("frequencies posts.json -o b.csv --format json")
        .fine();
    assert!(desk.read("b.csv").starts_with('{'));
}
