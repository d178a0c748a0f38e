//! The query language: every field and operation against a plain reading of the rows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Practice, Reply, april, london, options};

const ALL: &str = "id,create_time,username,region_code,video_description,music_id,comment_count,view_count,\
    effect_ids,hashtag_names,video_duration";

/// All rows of April: whatever has a view count, or has none.
fn everything(practice: &Practice) -> Vec<Value> {
    let mut body = london();
    body["query"] = json!({"not": [condition("username", "EQ", &["nobody"])]});
    let mut rows = Vec::new();
    loop {
        let reply = practice.ask_fields(ALL, &body);
        let data = reply.json()["data"].clone();
        rows.extend(data["videos"].as_array().unwrap().clone());
        if data["has_more"] == false {
            return rows;
        }
        body = Practice::next(&body, &reply);
    }
}

fn condition(field: &str, operation: &str, values: &[&str]) -> Value {
    json!({"field_name": field, "operation": operation, "field_values": values})
}

fn tags(row: &Value) -> Vec<String> {
    let caption = row["video_description"].as_str().unwrap();
    let words = caption.split(' ').filter_map(|word| word.strip_prefix('#'));
    words.map(str::to_lowercase).collect()
}

#[test]
fn every_field_and_operation_finds_what_it_should() {
    let practice = Practice::start(&options());
    let rows = everything(&practice);
    assert!(rows.len() > 1_300);
    let some = |key: &str| rows[7][key].to_string().replace('"', "");
    let (id, music, user) = (some("id"), some("music_id"), some("username"));
    let effect = rows
        .iter()
        .find_map(|row| row["effect_ids"][0].as_str())
        .unwrap();
    let views = |row: &Value| row["view_count"].as_u64();
    let day = |row: &Value| {
        let at = jiff::Timestamp::from_second(row["create_time"].as_i64().unwrap()).unwrap();
        at.strftime("%Y%m%d").to_string()
    };
    let seconds = |row: &Value| row["video_duration"].as_u64().unwrap();
    let caption = |row: &Value| row["video_description"].as_str().unwrap().to_lowercase();

    let check = |query: Value, holds: &dyn Fn(&Value) -> bool| {
        let expected: BTreeSet<u64> = rows
            .iter()
            .filter(|row| holds(row))
            .map(|row| row["id"].as_u64().unwrap())
            .collect();
        assert!(
            !expected.is_empty() && expected.len() < rows.len(),
            "{query} tests nothing"
        );
        assert_eq!(
            practice.running.truth(&query, april()).unwrap(),
            expected,
            "{query}"
        );
        let mut body = london();
        body["query"] = query;
        let found: BTreeSet<u64> = practice.pages(&body).iter().flat_map(Reply::ids).collect();
        assert_eq!(found, expected);
    };
    let one =
        |field, operation, values: &[&str]| json!({"and": [condition(field, operation, values)]});

    check(one("hashtag_name", "EQ", &["newyork"]), &|row| {
        tags(row).contains(&"newyork".into())
    });
    check(one("hashtag_name", "EQ", &["NewYork"]), &|row| {
        tags(row).contains(&"newyork".into())
    });
    check(
        one("hashtag_name", "IN", &["london", "ロンドン", "art"]),
        &|row| {
            tags(row)
                .iter()
                .any(|tag| ["london", "ロンドン", "art"].contains(&tag.as_str()))
        },
    );
    check(one("keyword", "EQ", &["hidden place"]), &|row| {
        caption(row).contains("hidden place")
    });
    check(one("keyword", "IN", &["Отлично", "☕"]), &|row| {
        caption(row).contains("отлично") || caption(row).contains('☕')
    });
    check(one("username", "EQ", &[&user]), &|row| {
        row["username"] == user.as_str()
    });
    check(one("region_code", "IN", &["GB", "NG"]), &|row| {
        row["region_code"] == "GB" || row["region_code"] == "NG"
    });
    check(
        one("video_id", "IN", &[&id, "7000000000000000000"]),
        &|row| row["id"].to_string() == id,
    );
    check(one("music_id", "EQ", &[&music]), &|row| {
        row["music_id"].to_string() == music
    });
    check(one("effect_id", "EQ", &[effect]), &|row| {
        row["effect_ids"][0] == effect
    });
    check(one("create_date", "LT", &["20240410"]), &|row| {
        day(row).as_str() < "20240410"
    });
    check(one("create_date", "EQ", &["20240410"]), &|row| {
        day(row) == "20240410"
    });
    check(one("video_length", "EQ", &["SHORT"]), &|row| {
        seconds(row) < 15
    });
    check(one("video_length", "IN", &["MID", "EXTRA_LONG"]), &|row| {
        (15..=60).contains(&seconds(row))
    });
    check(one("video_length", "EQ", &["LONG"]), &|row| {
        seconds(row) > 60
    });
    check(one("view_count", "GT", &["1000"]), &|row| {
        views(row) > Some(1000)
    });
    check(one("view_count", "GTE", &["1000"]), &|row| {
        views(row) >= Some(1000)
    });
    check(one("view_count", "LT", &["1000"]), &|row| {
        views(row).is_some_and(|is| is < 1000)
    });
    check(one("comment_count", "LTE", &["0"]), &|row| {
        row["comment_count"] == 0
    });
}

#[test]
fn and_or_and_not_hold_together() {
    let practice = Practice::start(&options());
    let rows = everything(&practice);
    let query = json!({
        "and": [condition("hashtag_name", "EQ", &["fyp"]), condition("hashtag_name", "EQ", &["viral"])],
        "or": [condition("region_code", "EQ", &["GB"]), condition("region_code", "EQ", &["FR"])],
        "not": [condition("hashtag_name", "EQ", &["london"]), condition("hashtag_name", "EQ", &["foryou"])],
    });
    let expected: BTreeSet<u64> = rows
        .iter()
        .filter(|row| {
            let has = |tag: &str| tags(row).contains(&tag.to_owned());
            has("fyp")
                && has("viral")
                && !has("london")
                && !has("foryou")
                && (row["region_code"] == "GB" || row["region_code"] == "FR")
        })
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert!(expected.len() > 5);
    assert_eq!(practice.running.truth(&query, april()).unwrap(), expected);
    assert!(
        practice
            .running
            .truth(&json!({}), april())
            .unwrap_err()
            .contains("at least one")
    );
}
