//! Searches that have to be asked otherwise: too much at once, a last day left out, long lists.

use std::collections::BTreeSet;

use cotag::source::sandbox::Options;

use crate::bench::{Bench, SINCE, UNTIL, faulty, options};

#[test]
fn the_last_day_of_every_window_was_lost_where_end_date_is_exclusive() {
    let exclusive = Options {
        exclusive_end: true,
        ..options()
    };
    for more in [
        "",
        "--window 1",
        "--window 30",
        "--window 3 --concurrency 3",
    ] {
        let bench = Bench::new(&exclusive);
        bench
            .download(more)
            .expect(0)
            .says("leaves out the day that is named as the last");
        bench.assert_complete();
        // What is known of the server is kept: nothing is asked again, the next days in one request.
        let before = bench.requests();
        bench.download(more).expect(0);
        assert_eq!(bench.requests(), before, "{more}");
        let later = jiff::civil::date(2024, 5, 20);
        bench
            .run(&format!(
                "download -t london -p --since {SINCE} --until {later} --retry-wait 1ms"
            ))
            .expect(0);
        assert_eq!(
            bench.stored(),
            bench.server.truth_of_tag("london", SINCE..=later)
        );
        assert_eq!(bench.requests(), before + 1, "{more}");
    }
}

#[test]
fn an_inclusive_end_is_found_out_with_a_request_or_none() {
    // Few posts: most windows have none on their last day.
    let sparse = Options {
        posts: 12,
        ..options()
    };
    let bench = Bench::new(&sparse);
    bench.download("--window 5").expect(0);
    bench.assert_complete();
    let requests = bench.requests();
    assert!((6..=8).contains(&requests), "{requests} for 6 windows");
    // A hashtag without any post.
    let before = bench.requests();
    bench
        .run(&format!(
            "download -t nobody -p --since {SINCE} --until {UNTIL} --retry-wait 1ms"
        ))
        .expect(0)
        .says("No posts were found for the hashtag: nobody\n")
        .says("is no proof that there are none");
    let requests = bench.requests() - before;
    assert!(requests <= 6, "{requests} for 5 windows");
    let before = bench.requests();
    bench
        .run(&format!(
            "download -t nobody -p --since {SINCE} --until {UNTIL} --retry-wait 1ms"
        ))
        .expect(0);
    assert_eq!(bench.requests(), before, "that there is nothing is known");
}

#[test]
fn days_that_are_too_much_are_cut_into_shares_that_leave_nothing_out() {
    let heavy = |most| Options {
        heavy: Some(most),
        ..faulty(&[])
    };
    // More than a day has, about what one has, a part of one.
    for most in [120, 40, 28] {
        let bench = Bench::new(&heavy(most));
        bench.download("").expect(0);
        bench.assert_complete();
        let parts: BTreeSet<String> = bench
            .coverage()
            .iter()
            .filter_map(|row| row["part"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(parts.contains("short"), most < 120, "{most}: {parts:?}");
        assert_eq!(
            parts.contains("mid/regions-1"),
            most < 40,
            "{most}: {parts:?}"
        );
        let before = bench.requests();
        bench.download("").expect(0);
        assert_eq!(bench.requests(), before, "all is known");
    }
    // A query that names the length already is cut by region, one that names the region by length.
    let query = |field: &str, values: &str| {
        format!(
            "[and_1]\noperation = EQ\nfield_name = hashtag_name\nfield_values = london\n\
             [and_2]\noperation = IN\nfield_name = {field}\nfield_values = {values}\n\
             [date]\nstart_date = 20240501\nend_date = 20240507\n"
        )
    };
    for (field, values, most, part) in [
        ("video_length", "SHORT", 8, None),
        ("region_code", "GB", 18, None),
        // Both are in one group of regions, which is too much.
        ("region_code", "GB,FR", 16, Some("mid/region-GB")),
    ] {
        let bench = Bench::new(&heavy(most));
        fs_err::write(bench.path("london.ini"), query(field, values)).unwrap();
        bench.run("crawl london.ini --retry-wait 1ms").expect(0);
        let values: Vec<&str> = values.split(',').collect();
        let body = serde_json::json!({"and": [
            {"field_name": "hashtag_name", "operation": "EQ", "field_values": ["london"]},
            {"field_name": field, "operation": "IN", "field_values": values},
        ]});
        let days = jiff::civil::date(2024, 5, 1)..=jiff::civil::date(2024, 5, 7);
        assert_eq!(
            bench.stored(),
            bench.server.truth(&body, days).unwrap(),
            "{field}"
        );
        let parts: Vec<String> = bench
            .coverage()
            .iter()
            .filter_map(|row| row["part"].as_str().map(str::to_owned))
            .collect();
        assert!(
            part.is_none_or(|part| parts.iter().any(|name| name == part)),
            "{field} {most}: {parts:?}"
        );
    }
}

#[test]
fn lists_longer_than_the_api_takes_are_cut_or_refused() {
    let bench = Bench::new(&options());
    let names: Vec<String> = (0..130).map(|n| format!("synthetic.london.{n}")).collect();
    bench
        .download(&format!("--username {}", names.join(",")))
        .expect(0);
    let body = |names: &[String]| {
        serde_json::json!({
            "and": [{"field_name": "hashtag_name", "operation": "EQ", "field_values": ["london"]},
                    {"field_name": "username", "operation": "IN", "field_values": names}],
        })
    };
    let mut truth = BTreeSet::new();
    for some in names.chunks(100) {
        truth.extend(bench.server.truth(&body(some), SINCE..=UNTIL).unwrap());
    }
    assert!(truth.len() > 50, "{}", truth.len());
    assert_eq!(bench.stored(), truth);
    let words = names.join(",");
    bench
        .download(&format!("--username {words} --keyword {words}"))
        .expect(2)
        .says("`keyword` is compared with 130 values");
}
