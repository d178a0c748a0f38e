//! What people and machines get wrong: each has its exit code and its advice, and costs no posts.

use crate::bench::{Bench, KEY, options};

#[test]
fn wrong_and_missing_credentials_are_5_with_the_ways_on() {
    let bench = Bench::new(&options());
    let mut wrong = bench.command("download -t london -p --retry-wait 1ms");
    wrong.env("TIKTOK_CLIENT_SECRET", "another-secret-1");
    let output = wrong.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("does not accept the credentials"), "{told}");
    assert!(
        !told.contains("another-secret-1") && !told.contains(KEY),
        "{told}"
    );

    let mut none = bench.command("download -t london -p");
    none.env_remove("TIKTOK_CLIENT_KEY")
        .env_remove("TIKTOK_CLIENT_SECRET");
    let output = none.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8_lossy(&output.stderr);
    for way in [
        "TIKTOK_CLIENT_KEY",
        "api-credentials.ini",
        "--source sandbox",
    ] {
        assert!(told.contains(way), "{told}");
    }
    assert_eq!(bench.requests(), 0);
}

#[test]
fn credentials_files_work_and_are_warned_about_when_others_can_read_them() {
    let bench = Bench::new(&options());
    let ini = format!(
        "[Tiktok]\nCLIENT_ID = 1\nCLIENT_SECRET = {}\nCLIENT_KEY = {KEY}\nGRANT_TYPE = client_credentials\n",
        crate::bench::SECRET
    );
    fs_err::write(bench.path("api-credentials.ini"), ini).unwrap();
    let mut check = bench.command("auth check --retry-wait 1ms");
    check
        .env_remove("TIKTOK_CLIENT_KEY")
        .env_remove("TIKTOK_CLIENT_SECRET");
    let output = check.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("found in `api-credentials.ini`"), "{told}");
    if cfg!(unix) {
        assert!(told.contains("chmod 600"), "{told}");
    }
}

#[test]
fn without_a_network_it_ends_after_a_few_tries_and_keeps_what_there_is() {
    let bench = Bench::new(&options());
    bench.download("--max-requests 2").expect(4);
    let stored = bench.stored();
    assert!(!stored.is_empty());
    // A port that was free a moment ago and that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    bench
        .download(&format!("--api-url {url}"))
        .expect(1)
        .says("the API cannot be reached: no connection to 127.0.0.1");
    assert_eq!(bench.stored(), stored);
    bench.download("").expect(0);
    bench.assert_complete();
}

#[test]
fn bad_words_are_refused_before_anything_is_asked() {
    let bench = Bench::new(&options());
    for (words, told) in [
        ("-p", "for which hashtags?"),
        ("-t ## -p", "is no hashtag"),
        ("-t london", "required"),
        ("-t london -p --region UK", "`UK` is no region"),
        (
            "-t london -p --since 2024-05-02 --until 2024-05-01",
            "is after --until",
        ),
        ("-t london -p --since 2017-12-31", "before 2018"),
        ("-t london -p --until 2999-01-01", "is in the future"),
        ("-t london -p --since 2024-02-30", "is no day such as"),
        ("-t london -p --window 31", "31"),
        ("-t london -p --retry-wait soon", "is no time"),
        ("-t london -p --api-url ftp://x", "is no URL"),
        ("-t london -p --limit 0", "0 would leave nothing"),
        ("-t london -p --max-requests 0", "0 would leave nothing"),
        ("-t london -p --limit 1e3", "is no whole number"),
        ("-t london -v --min-views 1M", "is no whole number"),
    ] {
        bench.run(&format!("download {words}")).expect(2).says(told);
    }
    fs_err::write(bench.path("tags.txt"), "# nothing\n,\n").unwrap();
    bench
        .run("download -f tags.txt -p")
        .expect(2)
        .says("`tags.txt` names no hashtag");
    assert!(bench.server.requests().is_empty());
    assert!(!bench.data().exists());
}

#[test]
fn videos_of_made_up_posts_are_told_to_be_none_after_the_posts() {
    let bench = Bench::new(&options());
    let nothing = "#london: the posts are made up, so there is nothing to fetch";
    bench.download("-v").expect(0).says(nothing);
    bench.assert_complete();
    bench.run("download -t london -v").expect(0).says(nothing);
}

#[test]
fn two_downloads_at_once_wait_for_each_other() {
    let bench = Bench::new(&options());
    let mut first = bench.start("--window 1 --retry-wait 500ms");
    bench.wait_for_a_page();
    bench
        .download("--lock-timeout 0")
        .expect(1)
        .says("is being written by `cotag download`");
    first.kill().unwrap();
    first.wait().unwrap();
    bench.download("").expect(0);
    bench.assert_complete();
}

#[test]
fn a_dry_run_asks_nothing_and_writes_nothing() {
    let bench = Bench::new(&options());
    let plan = bench.download("--dry-run").expect(0);
    assert!(
        plan.out
            .contains("#london: 2024-04-20 – 2024-05-19, 5 searches"),
        "{}",
        plan.out
    );
    assert!(bench.server.requests().is_empty() && !bench.data().exists());
}

#[test]
fn real_posts_never_meet_made_up_ones() {
    let bench = Bench::new(&options());
    bench.download("").expect(0);
    let real = r##"{"id":"7189254512345678901","desc":"#london","createTime":1714000000,"author":{"uniqueId":"a"},"challenges":[{"title":"london"}],"stats":{"playCount":1}}"##;
    fs_err::write(bench.path("real.json"), format!("[{real}]")).unwrap();
    bench
        .run("import real.json -t london")
        .expect(1)
        .says("must not be mixed");
}

#[test]
fn queries_in_files_are_crawled_and_stored_under_a_name() {
    let bench = Bench::new(&options());
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut printed = Vec::new();
    for ending in ["ini", "toml", "json"] {
        let outcome = bench.run(&format!(
            "crawl {examples}/query-video.{ending} --print-query"
        ));
        printed.push(outcome.expect(0).out);
    }
    assert_eq!(printed[0], printed[1]);
    assert_eq!(printed[0], printed[2]);
    assert!(bench.server.requests().is_empty());

    let query = "[or_1]\noperation = IN\nfield_name = hashtag_name\nfield_values = london, #paris\n[not_1]\noperation = EQ\nfield_name = region_code\nfield_values = us\n[date]\nstart_date = 20240501\nend_date = 20240507\n";
    fs_err::write(bench.path("cities.ini"), query).unwrap();
    bench.run("crawl cities.ini --retry-wait 1ms").expect(0);
    let text = fs_err::read_to_string(bench.data().join("ids/post_ids.json")).unwrap();
    let lists: serde_json::Value = serde_json::from_str(&text).unwrap();
    let stored = lists["cities"].as_array().unwrap().len();
    let body = serde_json::json!({
        "or": [{"field_name": "hashtag_name", "operation": "IN", "field_values": ["london", "paris"]}],
        "not": [{"field_name": "region_code", "operation": "EQ", "field_values": ["US"]}],
    });
    let days = jiff::civil::date(2024, 5, 1)..=jiff::civil::date(2024, 5, 7);
    assert_eq!(stored, bench.server.truth(&body, days).unwrap().len());
    assert!(stored > 50);

    fs_err::write(bench.path("bad.ini"), query.replace("= EQ", "= LIKE")).unwrap();
    bench
        .run("crawl bad.ini")
        .expect(1)
        .says("`bad.ini`: line 6: `operation`: `LIKE` is no operation");
}

#[test]
fn a_malformed_query_file_is_told_with_its_line_and_key() {
    let bench = Bench::new(&options());
    let good = "[and_1]\noperation = EQ\nfield_name = region_code\nfield_values = GB\n[date]\nstart_date = 20240501\nend_date = 20240507\n";
    for (from, to, told) in [
        (
            "= EQ",
            "= LIKE",
            "line 2: `operation`: `LIKE` is no operation",
        ),
        (
            "region_code",
            "region",
            "line 3: `field_name`: `region` is no field",
        ),
        ("= GB", "= UK", "line 4: `field_values`: `UK` is no region"),
        (
            "= GB",
            "=",
            "line 4: `field_values`: `region_code` is compared with nothing",
        ),
        (
            "= GB",
            "GB",
            "line 4: `field_values GB` is no `key = value`",
        ),
        ("operation = EQ\n", "", "line 1: [and_1] lacks `operation`"),
        (
            "and_1]",
            "and_1",
            "line 1: `[and_1` lacks its closing bracket",
        ),
        ("and_1", "nor_1", "line 1: [nor_1] is no section of a query"),
        (
            "20240501",
            "20240231",
            "line 6: `start_date`: `20240231` is no date",
        ),
        (
            "20240507",
            "20240430",
            "`start_date` 2024-05-01 is after `end_date` 2024-04-30",
        ),
    ] {
        fs_err::write(bench.path("bad.ini"), good.replace(from, to)).unwrap();
        bench
            .run("crawl bad.ini")
            .expect(1)
            .says(&format!("`bad.ini`: {told}"));
    }
    fs_err::write(bench.path("bad.ini"), good.replace("20240501", "20171231")).unwrap();
    bench.run("crawl bad.ini").expect(2).says("before 2018");
    bench.run("crawl none.ini").expect(1).says("none.ini");
    assert!(bench.server.requests().is_empty());
    assert!(!bench.data().exists());
}

#[test]
fn tag_files_have_comments_and_tags_may_have_their_sign() {
    let bench = Bench::new(&options());
    let list = "# cities\n#london\nparis, #newyork\n\n   # no more\n";
    fs_err::write(bench.path("tags.txt"), list).unwrap();
    bench
        .run("download -f tags.txt -t #Paris -p --retry-wait 1ms")
        .expect(0)
        .says("Hashtags to scrape: ['paris', 'london', 'newyork']\n");
}

#[test]
fn the_servers_clock_counts_where_this_machines_is_wrong() {
    // The server is years behind this machine.
    let bench = Bench::new(&options());
    bench
        .run("download -t london -p --retry-wait 1ms")
        .expect(0)
        .says("this machine's clock differs from the server's by");
    let (from, to) = (jiff::civil::date(2024, 5, 3), jiff::civil::date(2024, 6, 1));
    assert_eq!(
        bench.stored(),
        bench.server.truth_of_tag("london", from..=to)
    );
    let before = bench.requests();
    bench
        .run("download -t london -p --until 2024-06-20 --retry-wait 1ms")
        .expect(2)
        .says("--until 2024-06-20 is in the future: today is 2024-06-03 (UTC)");
    assert_eq!(bench.requests(), before);
}
