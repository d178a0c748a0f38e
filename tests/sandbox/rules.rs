//! Every rule of the documentation, broken once.

use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use cotag::source::sandbox::{Client, Options, Sandbox};
use serde_json::{Value, json};

use crate::client::{FIELDS, Practice, VIDEOS, ask_for_token, london, options, send};

#[test]
fn a_token_is_given_for_key_and_secret_only() {
    let running = Sandbox::start(&options()).unwrap();
    let good = ask_for_token(
        &running.url,
        "client_key=sandbox&client_secret=sandbox&grant_type=client_credentials",
    );
    let json = good.json();
    assert!(json["access_token"].as_str().unwrap().starts_with("clt."));
    assert_eq!(
        (&json["expires_in"], &json["token_type"]),
        (&json!(7200), &json!("Bearer"))
    );
    assert!(json.get("data").is_none() && json.get("error").is_none());

    for (form, error) in [
        (
            "client_key=sandbox&grant_type=client_credentials",
            "invalid_request",
        ),
        (
            "client_key=&client_secret=x&grant_type=client_credentials",
            "invalid_request",
        ),
        ("", "invalid_request"),
        (
            "client_key=sandbox&client_secret=x&grant_type=client_credentials",
            "invalid_client",
        ),
        (
            "client_key=x&client_secret=sandbox&grant_type=client_credentials",
            "invalid_client",
        ),
        (
            "client_key=sandbox&client_secret=sandbox&grant_type=password",
            "unsupported_grant_type",
        ),
    ] {
        let json = ask_for_token(&running.url, form).json();
        assert_eq!(json["error"], error, "{form}");
        assert!(json["error_description"].is_string() && json["log_id"].is_string());
        assert!(json.get("access_token").is_none());
    }
    let as_json = ["Content-Type: application/json".to_owned()];
    let form = "client_key=sandbox&client_secret=sandbox&grant_type=client_credentials";
    let reply = send(&running.url, "POST", "/v2/oauth/token/", &as_json, form);
    assert_eq!(reply.json()["error"], "invalid_request");
}

#[test]
fn every_answer_says_that_it_is_the_sandboxs_and_what_time_it_is_there() {
    let practice = Practice::start(&options());
    practice.running.advance(Duration::from_hours(24));
    for reply in [practice.ask(&london()), practice.ask(&json!({}))] {
        assert!(reply.head.contains("x-cotag-sandbox: 1"), "{}", reply.head);
        let date = reply
            .head
            .lines()
            .find_map(|line| line.strip_prefix("date: "));
        assert!(
            date.unwrap().starts_with("mon, 23 nov 2026 12:0"),
            "{}",
            reply.head
        );
    }
}

#[test]
fn a_key_and_secret_of_ones_own() {
    let client = Client {
        key: "mine".into(),
        secret: "s3 cret&".into(),
    };
    let running = Sandbox::start(&Options {
        client,
        ..options()
    })
    .unwrap();
    let form = "client_key=mine&client_secret=s3+cret%26&grant_type=client_credentials";
    assert!(ask_for_token(&running.url, form).json()["access_token"].is_string());
    let log = format!("{:?}", running.requests());
    assert!(!log.contains("s3") && !log.contains("cret%26"), "{log}");
    assert!(!format!("{running:?}").contains("s3 cret"));
}

#[test]
fn without_a_good_token_nothing_is_answered() {
    let options = Options {
        token_life: Duration::from_mins(10),
        ..options()
    };
    let mut practice = Practice::start(&options);
    let url = practice.running.url.clone();
    let path = format!("{VIDEOS}?fields=id");
    let body = london().to_string();
    let json = "Content-Type: application/json".to_owned();
    let token = practice.token.clone();
    for authorization in [
        None,
        Some("Authorization: Bearer".to_owned()),
        Some("Authorization: Bearer clt.2.nothing".to_owned()),
        Some(format!("Authorization: Basic {token}")),
        Some(format!("Authorization: {token}")),
    ] {
        let headers: Vec<String> = [json.clone()].into_iter().chain(authorization).collect();
        let reply = send(&url, "POST", &path, &headers, &body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "access_token_invalid")
        );
        assert_eq!(reply.json()["data"], json!({}));
        assert!(reply.json()["error"]["log_id"].as_str().unwrap().len() > 20);
    }
    assert_eq!(practice.running.used(), 0, "nobody's quota");

    let lower = [json, format!("Authorization: bearer {token}")];
    assert_eq!(
        send(&url, "POST", &path, &lower, &body).status,
        200,
        "the docs write both"
    );

    practice.running.advance(Duration::from_secs(599));
    assert_eq!(practice.ask(&london()).status, 200);
    practice.running.advance(Duration::from_secs(2));
    assert_eq!(practice.ask(&london()).code(), "access_token_invalid");
    practice.renew();
    assert_eq!(practice.ask(&london()).status, 200);
}

/// [`london`] with some keys set, or taken out where the value is null.
fn london_with(changes: &Value) -> Value {
    let mut body = london();
    for (key, value) in changes.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

#[test]
fn bodies_that_break_a_rule_are_refused_with_the_reason() {
    let practice = Practice::start(&options());
    for (changes, reason) in [
        (json!({"query": null}), "query is missing"),
        (json!({"query": []}), "query must be an object"),
        (json!({"query": {}}), "at least one"),
        (
            json!({"query": {"and": [], "or": [], "not": []}}),
            "at least one",
        ),
        (json!({"start_date": null}), "start_date is missing"),
        (json!({"end_date": null}), "end_date is missing"),
        (json!({"start_date": 20_240_401}), "string YYYYMMDD"),
        (json!({"start_date": "2024-04-01"}), "string YYYYMMDD"),
        (json!({"end_date": "20240431"}), "string YYYYMMDD"),
        (json!({"end_date": "２０２４０４３０"}), "string YYYYMMDD"),
        (
            json!({"end_date": "20240331"}),
            "start_date is after end_date",
        ),
        (json!({"end_date": "20240502"}), "31 days after"),
        (json!({"max_count": 101}), "1 to 100"),
        (json!({"max_count": 0}), "1 to 100"),
        (json!({"max_count": -5}), "whole number"),
        (json!({"max_count": "100"}), "whole number"),
        (json!({"max_count": 2.5}), "whole number"),
        (json!({"cursor": "0"}), "whole number"),
        (json!({"cursor": 100}), "Invalid count or cursor"),
        (
            json!({"search_id": 7_500_000}),
            "search_id must be a string",
        ),
        (
            json!({"search_id": "7500000"}),
            "Search Id 7500000 is invalid or expired",
        ),
        (json!({"is_random": "no"}), "is_random"),
        (json!({"fields": "id"}), "unknown key `fields`"),
    ] {
        let reply = practice.ask(&london_with(&changes));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "invalid_params"),
            "{changes}"
        );
        assert!(
            reply.message().contains(reason),
            "{changes}: {}",
            reply.message()
        );
    }
    assert_eq!(practice.running.used(), 23, "refused requests cost, too");
}

#[test]
fn what_the_documentation_allows_is_answered() {
    let practice = Practice::start(&options());
    for changes in [
        json!({"end_date": "20240501"}),
        json!({"end_date": "20240401"}),
        json!({"start_date": "20270101", "end_date": "20270102"}),
        json!({"max_count": 1}),
        json!({"cursor": 0, "is_random": false}),
        json!({"query": {"and": [], "or": [{"field_name": "keyword", "operation": "IN", "field_values": ["hidden place", "x"]}], "not": []}}),
    ] {
        assert_eq!(
            practice.ask(&london_with(&changes)).status,
            200,
            "{changes}"
        );
    }
    let mut nulls = london();
    nulls["cursor"] = Value::Null;
    nulls["search_id"] = Value::Null;
    assert_eq!(practice.ask(&nulls).status, 200);

    let without = london_with(&json!({"max_count": null}));
    assert_eq!(practice.ask(&without).ids().len(), 20, "the default");
}

fn condition(field: &str, operation: &str, values: &Value) -> Value {
    json!({"field_name": field, "operation": operation, "field_values": values})
}

fn assert_refused(practice: &Practice, query: &Value, reason: &str) {
    let reply = practice.ask(&london_with(&json!({ "query": query })));
    let answer = (reply.status, reply.code());
    assert_eq!(answer, (400, "invalid_params".into()), "{query}");
    assert!(
        reply.message().contains(reason),
        "{query}: {}",
        reply.message()
    );
}

#[test]
fn unknown_names_and_values_of_conditions_are_refused_with_the_reason() {
    let practice = Practice::start(&options());
    for (field, operation, values, reason) in [
        (
            "hashtag",
            "EQ",
            json!(["a"]),
            "unknown field_name `hashtag`",
        ),
        ("like_count", "GT", json!(["1"]), "unknown field_name"),
        ("keyword", "eq", json!(["a"]), "unknown operation `eq`"),
        ("keyword", "LIKE", json!(["a"]), "unknown operation"),
        ("keyword", "EQ", json!(["a", "b"]), "exactly one value"),
        ("view_count", "GT", json!(["1", "2"]), "exactly one value"),
        ("keyword", "EQ", json!([]), "is empty"),
        ("keyword", "EQ", json!("a"), "list of strings"),
        ("view_count", "GT", json!([1000]), "list of strings"),
        ("view_count", "GT", json!(["many"]), "no whole number"),
        ("hashtag_name", "GT", json!(["a"]), "EQ and IN only"),
        ("region_code", "EQ", json!(["UK"]), "no region code"),
        (
            "region_code",
            "IN",
            json!(["GB", "gb"]),
            "`gb` is no region",
        ),
        ("video_length", "EQ", json!(["short"]), "none of SHORT"),
        ("video_id", "EQ", json!(["x"]), "no whole number"),
        ("create_date", "LT", json!(["2024-04-01"]), "no date"),
    ] {
        let condition = condition(field, operation, &values);
        for list in ["and", "or", "not"] {
            assert_refused(&practice, &json!({ list: [condition] }), reason);
        }
    }
}

#[test]
fn queries_of_another_shape_are_refused_with_the_reason() {
    let practice = Practice::start(&options());
    for (condition, reason) in [
        (
            json!({"operation": "EQ", "field_values": ["a"]}),
            "field_name must be",
        ),
        (
            json!({"field_name": "keyword", "field_values": ["a"]}),
            "operation must be",
        ),
        (
            json!({"field_name": "keyword", "operation": "EQ"}),
            "list of strings",
        ),
        (json!({"and": []}), "unknown key `and`"),
        (json!("london"), "must be an object"),
    ] {
        assert_refused(&practice, &json!({"and": [condition]}), reason);
    }
    assert_refused(&practice, &json!({"xor": []}), "unknown list `xor`");
    assert_refused(&practice, &json!({"and": {}}), "query.and must be a list");
}

#[test]
fn fields_are_needed_and_must_be_known() {
    let practice = Practice::start(&options());
    let body = london().to_string();
    for (query, reason) in [
        ("", "fields is missing"),
        ("?fields=", "fields is missing"),
        ("?max_count=10", "fields is missing"),
        ("?fields=id,video_id", "unknown field `video_id`"),
        (
            "?fields=favourites_count",
            "unknown field `favourites_count`",
        ),
        ("?fields=id,", "unknown field ``"),
    ] {
        let reply = practice.ask_raw(&format!("{VIDEOS}{query}"), &body);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "invalid_params"),
            "{query}"
        );
        assert!(
            reply.message().contains(reason),
            "{query}: {}",
            reply.message()
        );
    }
    for query in [
        "?fields=id,%20username",
        "?fields=id%2Cusername",
        "?x=1&fields=id,username,id",
    ] {
        let reply = practice.ask_raw(&format!("{VIDEOS}{query}"), &body);
        assert_eq!(
            reply.json()["data"]["videos"][0].as_object().unwrap().len(),
            2,
            "{query}"
        );
    }
}

#[test]
fn bodies_must_be_json_and_say_so() {
    let practice = Practice::start(&options());
    let path = format!("{VIDEOS}?fields={FIELDS}");
    for body in ["", "query=london", "[]", "null", "{\"query\":"] {
        assert_eq!(
            practice.ask_raw(&path, body).code(),
            "invalid_params",
            "{body}"
        );
    }
    let bearer = format!("Authorization: Bearer {}", practice.token);
    let typed = |kind: &str| {
        let headers = [bearer.clone(), format!("Content-Type: {kind}")];
        let body = london().to_string();
        send(&practice.running.url, "POST", &path, &headers, &body).status
    };
    assert_eq!(typed("text/plain"), 200);
    assert_eq!(typed("application/json; charset=UTF-8"), 200);
    assert_eq!(typed("application/x-www-form-urlencoded"), 400);
}

#[test]
fn only_the_documented_paths_and_method_are_there() {
    let practice = Practice::start(&options());
    let url = &practice.running.url;
    assert_eq!(
        practice
            .ask_raw("/v2/research/video/query?fields=id", "{}")
            .status,
        404
    );
    assert_eq!(
        practice
            .ask_raw("/v2/research/playlist/info/?fields=x", "{}")
            .status,
        404
    );
    assert_eq!(practice.ask_raw("/", "{}").status, 404);
    assert_eq!(send(url, "GET", VIDEOS, &[], "").status, 405);
    let large = " ".repeat((1 << 20) + 1);
    assert_eq!(practice.ask_raw(VIDEOS, &large).status, 413);
}

#[test]
fn the_quota_counts_failures_too_and_ends_at_midnight() {
    let mut practice = Practice::start(&Options {
        quota: 3,
        ..options()
    });
    assert_eq!(practice.ask(&london()).status, 200);
    assert_eq!(practice.ask(&json!({})).status, 400);
    assert_eq!(practice.ask(&london()).status, 200);
    for _ in 0..2 {
        let reply = practice.ask(&london());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (429, "daily_quota_limit_exceeded")
        );
    }
    assert_eq!(practice.running.used(), 3);
    let log = practice.running.requests();
    assert_eq!(log.len(), 6, "the token's request, too");
    assert_eq!(log.iter().filter(|request| request.counted).count(), 3);

    // A quarter to twelve, then a quarter past.
    practice.running.advance(Duration::from_mins(11 * 60 + 45));
    practice.renew();
    assert_eq!(practice.ask(&london()).status, 429);
    practice.running.advance(Duration::from_mins(30));
    assert_eq!(practice.ask(&london()).status, 200);
    assert_eq!(practice.running.used(), 1);
}

#[test]
fn it_listens_on_the_loopback_interface_only_and_ends_when_dropped() {
    let running = Sandbox::start(&options()).unwrap();
    let address = running.url.strip_prefix("http://").unwrap().to_owned();
    let (host, port) = address.split_once(':').unwrap();
    assert_eq!(host, "127.0.0.1");
    // Sends nothing; tells the address that this machine has in its network, if it is in one.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let outside = socket.local_addr().unwrap().ip();
        if !outside.is_loopback() && !outside.is_unspecified() {
            assert!(TcpStream::connect((outside, port.parse().unwrap())).is_err());
        }
    }
    assert!(TcpStream::connect(&address).is_ok());
    drop(running);
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_port_that_is_taken_and_too_many_posts_are_told() {
    let running = Sandbox::start(&options()).unwrap();
    let port: u16 = running.url.rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::start(&Options { port, ..options() }).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on 127.0.0.1:{port}: "))
    );
    let error = Sandbox::start(&Options {
        posts: 20_001,
        ..options()
    })
    .unwrap_err();
    assert!(error.to_string().contains("no more than 20000 posts"));
}
