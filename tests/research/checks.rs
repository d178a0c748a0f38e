//! What is told: the lines of the seed tool, coverage, quota, and what `auth check` finds wrong.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use cotag::source::sandbox::Fault;

use crate::bench::{Bench, KEY, Outcome, SECRET, faulty, options};

/// A server that gives one answer to every request for a token, and one to every other.
fn canned(token: (u16, &'static str), query: (u16, &'static str)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let head = head(&mut client);
            let (status, body) = if head.contains("/oauth/") {
                token
            } else {
                query
            };
            let answer = format!(
                "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = client.write_all(answer.as_bytes());
        }
    });
    url
}

/// The head of a request; its body is read too.
fn head(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let got = client.read(&mut piece).unwrap_or(0);
        bytes.extend_from_slice(&piece[..got]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert_ne!(got, 0, "half a request");
            continue;
        };
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().unwrap());
        if body.len() >= length || got == 0 {
            return head.to_owned();
        }
    }
}

const TOKEN: (u16, &str) = (
    200,
    r#"{"access_token":"clt.2.abcdefgh","expires_in":7200,"token_type":"Bearer"}"#,
);

fn check(token: (u16, &'static str), query: (u16, &'static str)) -> Outcome {
    let bench = Bench::new(&options());
    let url = canned(token, query);
    let outcome = bench.run(&format!("auth check --retry-wait 1ms --api-url {url}"));
    bench.assert_no_secret(&outcome);
    outcome
}

#[test]
fn auth_check_tells_each_failure_apart() {
    let ok = (
        200,
        r#"{"data":{"videos":[],"has_more":false},"error":{"code":"ok","message":"","log_id":"1"}}"#,
    );
    let good = check(TOKEN, ok).expect(0);
    assert_eq!(good.out, "the Research API can be used\n");
    good.says("credentials: found in TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET")
        .says("token: granted")
        .says("query: answered");

    let client = r#"{"error":"invalid_client","error_description":"Client info is illegal or malformed.","log_id":"1"}"#;
    for status in [200, 400, 401] {
        check((status, client), ok)
            .expect(5)
            .says("does not accept the credentials: HTTP")
            .says("invalid_client: Client info is illegal or malformed.")
            .says("it may have lapsed");
    }
    let quoting = r#"{"error":"invalid_client","error_description":"no s3cr3t-of-the-test-987 for awkeyofthetest123"}"#;
    check((200, quoting), ok).expect(5);

    let page = "<html>not found</html>";
    for status in [200, 404] {
        check((status, page), ok)
            .expect(1)
            .says("cannot be reached: HTTP")
            .says("with a web page in place of an answer")
            .says("--api-url");
    }
    let no_approval = r#"{"error":{"code":"scope_not_authorized","message":"The user did not authorize the scope","log_id":"1"}}"#;
    check(TOKEN, (401, no_approval))
        .expect(5)
        .says("token: granted")
        .says("scope_not_authorized")
        .says("still approved");
    let quota = r#"{"error":{"code":"daily_quota_limit_exceeded","message":"The API daily quota limit exceeded. Please try again later.","log_id":"1"}}"#;
    check(TOKEN, (429, quota))
        .expect(4)
        .says("the day's requests are used up")
        .says("come back after");
    let rate = r#"{"error":{"code":"rate_limit_exceeded","message":"","log_id":"1"}}"#;
    check(TOKEN, (429, rate)).expect(4).says("asked too often");
    let internal =
        r#"{"error":{"code":"internal_error","message":"Something is wrong","log_id":"1"}}"#;
    check(TOKEN, (500, internal))
        .expect(4)
        .says("come back in a few hours");

    let bench = Bench::new(&options());
    let mut half = bench.command("auth check");
    half.env_remove("TIKTOK_CLIENT_SECRET");
    let output = half.output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("TIKTOK_CLIENT_KEY is set, but TIKTOK_CLIENT_SECRET is not"),
        "{told}"
    );
    assert!(!told.contains(KEY) && !told.contains(SECRET));
}

#[test]
fn auth_check_gave_up_on_a_single_500() {
    let bench = Bench::new(&faulty(&[Fault::Storm500]));
    bench
        .run("auth check --retry-wait 1ms")
        .expect(0)
        .says("query: answered");
}

#[test]
fn another_search_id_is_followed_and_told() {
    let bench = Bench::new(&faulty(&[Fault::RenamedSearch]));
    let told = "another search_id: it is followed";
    bench.download("").expect(0).says(told);
    bench.assert_complete();
}

#[test]
fn several_hashtags_are_told_one_by_one_and_in_sum() {
    let bench = Bench::new(&options());
    let outcome = bench
        .run("download -t london paris -p --since 2024-05-01 --until 2024-05-07 --retry-wait 1ms")
        .expect(0);
    let days = jiff::civil::date(2024, 5, 1)..=jiff::civil::date(2024, 5, 7);
    let count = |tag: &str| bench.server.truth_of_tag(tag, days.clone()).len();
    let (london, paris) = (count("london"), count("paris"));
    let lines: Vec<&str> = outcome
        .err
        .lines()
        .filter(|line| line.contains("crape"))
        .collect();
    assert_eq!(
        lines,
        [
            "Hashtags to scrape: ['london', 'paris']",
            &format!("Scraped {london} posts containing the hashtag 'london'"),
            &format!("Scraped {paris} posts containing the hashtag 'paris'"),
            &format!("Successfully scraped {} total entries", london + paris),
        ]
    );
    assert!(outcome.out.is_empty(), "nothing but data goes to stdout");

    // Coverage is the same in every form.
    let rows = bench.coverage();
    let sum: u64 = rows.iter().map(|row| row["new"].as_u64().unwrap()).sum();
    assert_eq!(sum, london as u64);
    let table = bench.run("coverage london").expect(0).out;
    let csv = bench.run("coverage london --format csv").expect(0).out;
    for text in [&table, &csv] {
        assert!(text.contains("2024-05-01") && text.contains("2024-05-07"));
        assert!(text.contains("no more (has_more false)"), "{text}");
    }
    bench.run("coverage berlin").expect(1).says("berlin");
}
