//! The whole way from the API to the store: the real binary against the sandbox over loopback.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests; a test run may tell its numbers"
)]

mod bench;
mod checks;
mod comments;
mod cuts;
#[cfg(unix)]
mod ends;
mod faults;
mod lost;
mod mistakes;
mod proxy;
mod refresh;
#[cfg(unix)]
mod terminal;
mod users;

use std::time::Duration;

use cotag::source::sandbox::{Fault, Options};

use bench::{Bench, UNTIL, faulty, options};

#[test]
fn everything_is_stored_with_no_request_too_many_and_nothing_is_asked_twice() {
    let bench = Bench::new(&options());
    let first = bench.download("").expect(0);
    bench.assert_complete();
    let truth = bench.truth().len();
    assert!(truth > 300, "{truth}");
    let first = first
        .says("Hashtags to scrape: ['london']\n")
        .says(&format!(
            "Scraped {truth} posts containing the hashtag 'london'\n"
        ))
        .says(&format!("Successfully scraped {truth} total entries\n"));
    // Five windows of at most 7 days, a page per hundred positions.
    let pages: usize = (0..5_i8)
        .map(|week| {
            let from = bench::SINCE.saturating_add(jiff::Span::new().days(i32::from(week) * 7));
            let to = from.saturating_add(jiff::Span::new().days(6)).min(UNTIL);
            bench
                .server
                .truth_of_tag("london", from..=to)
                .len()
                .div_ceil(100)
                .max(1)
        })
        .sum();
    let requests = bench.requests();
    assert!(bench.server.requests().iter().all(|one| one.status == 200));
    assert!(
        requests <= pages as u64 + 1,
        "{requests} requests for {pages} pages"
    );
    bench.assert_no_secret(&first);

    let runs = fs_err::read(bench.data().join("london/posts/runs.jsonl")).unwrap();
    bench
        .download("")
        .expect(0)
        .says("No new posts were found for the hashtag: london\n")
        .says("Successfully scraped 0 total entries\n");
    assert_eq!(bench.requests(), requests, "all is known, nothing is asked");
    let again = fs_err::read(bench.data().join("london/posts/runs.jsonl")).unwrap();
    assert_eq!(runs, again, "a run without work leaves no trace");
}

#[test]
fn a_used_up_quota_ends_the_run_and_the_next_day_goes_on() {
    let small = Options {
        quota: 4,
        ..options()
    };
    let bench = Bench::new(&small);
    let mut days = 0;
    loop {
        let outcome = bench.download("");
        if outcome.code == Some(0) {
            break;
        }
        outcome
            .expect(4)
            .says("the day's requests are used up")
            .says("come back after 2024-06-");
        days += 1;
        assert!(days < 10);
        bench.server.advance(Duration::from_hours(24));
    }
    assert!(days >= 1);
    bench.assert_complete();
}

#[test]
fn our_own_count_ends_the_run_too_and_waiting_goes_on() {
    let bench = Bench::new(&Options {
        now: Some("2024-06-03T23:59:52Z".parse().unwrap()),
        ..options()
    });
    bench
        .download("--max-requests 2")
        .expect(4)
        .says("2 requests sent");
    bench
        .download("--daily-quota 4")
        .expect(4)
        .says("the day's requests are used up\n");
    let waited = bench.download("--daily-quota 20 --max-requests 3");
    waited.expect(4);
    let waited = bench.download("--daily-quota 7 --wait");
    waited.expect(0).says("waiting until 2024-06-04 00:00 UTC");
    bench.assert_complete();
    let quota = bench.run("quota").expect(0);
    assert!(
        quota.out.contains("0 of 1000 requests used"),
        "{}",
        quota.out
    );
}

#[test]
fn a_storm_is_sat_out_and_the_rest_is_fetched_later() {
    let storm = Options {
        storm_length: 500,
        ..faulty(&[Fault::Storm500])
    };
    let bench = Bench::new(&storm);
    bench
        .download("")
        .expect(4)
        .says("the API fails every request");
    let requests = bench.requests();
    assert!(requests <= 30, "{requests} requests into a storm");
    let bench = bench.with_server(&faulty(&[]));
    bench.download("").expect(0);
    bench.assert_complete();
}

#[test]
fn days_that_always_fail_are_unavailable_and_asked_again_only_on_request() {
    let hole = jiff::civil::date(2024, 5, 6)..=jiff::civil::date(2024, 5, 7);
    let broken = Options {
        unavailable: Some(hole.clone()),
        ..options()
    };
    let bench = Bench::new(&broken);
    bench
        .download("")
        .expect(3)
        .says("--retry-failed asks again");
    let truth: std::collections::BTreeSet<u64> = bench
        .truth()
        .difference(&bench.server.truth_of_tag("london", hole))
        .copied()
        .collect();
    assert_eq!(bench.stored(), truth, "all other days are there");
    let unavailable: Vec<String> = bench
        .coverage()
        .iter()
        .filter(|row| row["state"] == "unavailable" && row["part"].is_null())
        .map(|row| row["from"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(unavailable, ["2024-05-06", "2024-05-07"]);
    let before = bench.requests();
    assert!(before < 60, "{before} requests");
    bench.download("").expect(0);
    assert_eq!(bench.requests(), before, "left alone");
    let bench = bench.with_server(&options());
    bench.download("--retry-failed").expect(0);
    bench.assert_complete();
}

#[test]
fn the_two_youngest_days_are_asked_again_until_they_are_complete() {
    let bench = Bench::new(&options());
    let words = "download -t london -p --retry-wait 1ms";
    bench
        .run(&format!("{words} --since 2024-05-28 --until 2024-06-03"))
        .expect(0)
        .says("may not have all posts after 2024-06-01");
    let states = |bench: &Bench| -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let rows = bench.coverage();
        rows.iter()
            .map(|row| (text(&row["from"]), text(&row["state"])))
            .collect()
    };
    assert_eq!(
        states(&bench),
        [
            ("2024-05-28".into(), "done".into()),
            ("2024-06-01".into(), "inside-lag".into())
        ]
    );
    bench.server.advance(Duration::from_hours(72));
    bench.run(words).expect(0);
    let days = jiff::civil::date(2024, 5, 28)..=jiff::civil::date(2024, 6, 4);
    assert_eq!(
        bench.stored(),
        bench.server.truth_of_tag("london", days.clone())
    );
    bench.server.advance(Duration::from_hours(24));
    bench.run(&format!("{words} --until 2024-06-04")).expect(0);
    assert_eq!(bench.stored(), bench.server.truth_of_tag("london", days));
    assert!(
        states(&bench)
            .iter()
            .all(|(_, state)| state == "done" || state == "inside-lag")
    );
}

#[test]
fn several_searches_at_once_store_the_same() {
    let bench = Bench::new(&faulty(&[
        Fault::FreshSearch,
        Fault::ExpiredToken,
        Fault::Drop,
    ]));
    bench.download("--concurrency 4 --window 2").expect(0);
    bench.assert_complete();
}
