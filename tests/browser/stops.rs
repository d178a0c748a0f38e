//! What is stored, and every reason to stop.

use std::time::Instant;

use crate::bench::Bench;
use crate::site::{POSTS, id, ids};

#[test]
fn every_post_that_the_pages_show_is_stored_once_with_its_origin() {
    let bench = Bench::new();
    let start = Instant::now();
    let outcome = bench
        .download("-t london -t slow --search big.ben --user anna")
        .expect(0);
    let seconds = start.elapsed().as_secs_f64();
    for name in ["london", "slow"] {
        assert_eq!(bench.stored(name), ids(name, POSTS), "{name}");
        assert_eq!(bench.stopped(name), "end of list");
    }
    // The search page has no posts in its state, its list begins behind them all the same.
    let found = bench.stored("search-big.ben");
    assert_eq!(
        found,
        (6..POSTS).map(|number| id("big.ben", number)).collect()
    );
    assert_eq!(bench.stored("user-anna"), ids("anna", POSTS));
    println!(
        "{} posts of 4 pages in {seconds:.1} s with the browser's start: {:.0} posts per second, 0 missed",
        4 * POSTS - 6,
        (4.0 * 150.0 - 6.0) / seconds
    );
    let outcome = outcome
        .says("Scraped 150 posts containing the hashtag 'london'")
        .says("ranks for whoever looks, never all posts")
        .says("may not scrape beside it")
        .says("the site speaks of 737000 posts")
        .says("20 without the hashtag");
    assert!(!outcome.told.contains("s3cr3t"), "{}", outcome.told);

    let run = bench.last_run("london");
    assert_eq!(run["origin"], "browser");
    assert_eq!(run["new"], 150);
    assert_eq!(run["without_tag"], 20);
    let input = &run["inputs"][0];
    assert!(input["path"].as_str().unwrap().ends_with("/tag/london"));
    assert!(input["kind"].as_str().unwrap().starts_with("tag page in "));
    assert_eq!(input["sha256"].as_str().unwrap().len(), 64);
    let data = fs_err::read_to_string(bench.data().join("london/posts/data.json")).unwrap();
    assert_eq!(
        data.matches("\"origin\":\"browser\",\"format\":\"web\",\"fetched\":\"20")
            .count(),
        150
    );
    assert!(
        data.contains("東京 😀"),
        "letters of all scripts come through"
    );
    assert!(!data.contains("s3cr3t"));

    let table = bench
        .command("frequencies london 3 --format json")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&table.stdout).contains("a browser (ranked pages)"));
    let verified = bench.command("verify").status().unwrap();
    assert!(verified.success());
    assert!(bench.browsers().is_empty(), "the browser is closed");

    // The same again adds nothing, and says so.
    bench
        .download("-t london")
        .expect(0)
        .says("No new posts were found for the hashtag: london");
    assert_eq!(bench.last_run("london")["new"], 0);
}

#[test]
fn limits_and_pages_without_end_are_ended() {
    let bench = Bench::new();
    bench
        .download("-t endless --limit 50")
        .expect(0)
        .says("stopped: limit");
    let stored = bench.stored("endless").len();
    assert!((50..=80).contains(&stored), "{stored}");
    assert_eq!(bench.stopped("endless"), "limit");
    bench
        .download("-t endless --timeout 3s")
        .expect(0)
        .says("stopped: timeout");
    assert!(bench.stored("endless").len() > stored);
    // The same posts over and over are no new ones.
    bench.download("-t stuck").expect(0);
    assert!(bench.stopped("stuck").starts_with("no new post in "));
    assert_eq!(bench.stored("stuck"), ids("stuck", 20));
}

#[test]
fn refusals_are_4_with_what_to_do_and_keep_what_came_before() {
    let bench = Bench::new();
    for (name, posts, why) in [
        ("emptybody", 66, "an empty answer with status 200"),
        ("status", 0, "status code 10101"),
        ("forbidden", 0, "status 403"),
        ("nothing", 0, "the list ended before its first post"),
        ("walled", 66, "the site wants a login"),
        ("captcha", 6, "the site shows a captcha"),
    ] {
        bench
            .download(&format!("-t {name}"))
            .expect(4)
            .says(why)
            .says("log in or solve the captcha");
        assert_eq!(bench.stored(name), ids(name, posts), "{name}");
        let stopped = bench.stopped(name);
        assert!(
            stopped.starts_with("blocked or captcha: ") && stopped.contains(why),
            "{stopped}"
        );
    }
}

#[test]
fn pages_that_lead_elsewhere_are_not_followed() {
    let bench = Bench::new();
    bench
        .download("-t tologin")
        .expect(4)
        .says("the site wants a login");
    bench
        .download("-t away")
        .expect(4)
        .says("another site (localhost)");
    assert!(bench.stored("away").len() <= 150);
}

#[test]
fn what_does_not_exist_and_what_shows_nothing_are_1_with_a_reason() {
    let bench = Bench::new();
    bench
        .download("-t nosuch gone silent london")
        .expect(1)
        .says("no such tag: there is no such hashtag (status code 10205)")
        .says("no such tag: its page has status 404")
        .says("no post at all; the site gave no reason");
    assert_eq!(
        bench.stopped("nosuch"),
        "no such tag: there is no such hashtag (status code 10205)"
    );
    assert_eq!(
        bench.stored("london").len() as u64,
        POSTS,
        "the others are read"
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let words = bench
        .words("-t nobody")
        .replace(&bench.site.port.to_string(), &port.to_string());
    crate::bench::Outcome::of(bench.start(&words))
        .expect(1)
        .says("net::ERR_CONNECTION_REFUSED");
    assert!(bench.stopped("nobody").contains("could not be opened"));
}

#[test]
fn answers_that_break_off_are_told_and_the_page_goes_on() {
    let bench = Bench::new();
    bench
        .download("-t broken")
        .expect(0)
        .says("of the list were refused or broke off; the page went on");
    assert_eq!(bench.stored("broken"), ids("broken", POSTS));
    // An answer that is cut but whole as far as the browser knows: what can be read of it is kept.
    bench
        .download("-t cut")
        .expect(4)
        .says("cut off or no JSON");
    assert_eq!(bench.stored("cut"), ids("cut", 7));
}
