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

/// A sandbox and all that it holds in April.
struct April {
    practice: Practice,
    rows: Vec<Value>,
}

impl April {
    fn new() -> Self {
        let practice = Practice::start(&options());
        let rows = everything(&practice);
        assert!(rows.len() > 500);
        Self { practice, rows }
    }

    /// A condition finds just the rows for which `holds` holds, which are some but not all.
    fn check(&self, field: &str, operation: &str, values: &[&str], holds: impl Fn(&Value) -> bool) {
        let query = json!({"and": [condition(field, operation, values)]});
        let expected: BTreeSet<u64> = self
            .rows
            .iter()
            .filter(|row| holds(row))
            .map(|row| row["id"].as_u64().unwrap())
            .collect();
        let some = !expected.is_empty() && expected.len() < self.rows.len();
        assert!(some, "{query} tests nothing");
        let truth = self.practice.running.truth(&query, april()).unwrap();
        assert_eq!(truth, expected, "{query}");
        let mut body = london();
        body["query"] = query;
        let pages = self.practice.pages(&body);
        let found: BTreeSet<u64> = pages.iter().flat_map(Reply::ids).collect();
        assert_eq!(found, expected);
    }

    /// A value of some row.
    fn some(&self, key: &str) -> Value {
        self.rows[7][key].clone()
    }
}

#[test]
fn texts_are_found() {
    let april = April::new();
    let has = |row: &Value, tag: &str| tags(row).contains(&tag.to_owned());
    april.check("hashtag_name", "EQ", &["newyork"], |row| {
        has(row, "newyork")
    });
    april.check("hashtag_name", "EQ", &["NewYork"], |row| {
        has(row, "newyork")
    });
    let any = ["london", "ロンドン", "art"];
    april.check("hashtag_name", "IN", &any, |row| {
        any.iter().any(|tag| has(row, tag))
    });

    let caption = |row: &Value| row["video_description"].as_str().unwrap().to_lowercase();
    let words = ["hidden place"];
    april.check("keyword", "EQ", &words, |row| {
        caption(row).contains(words[0])
    });
    april.check("keyword", "IN", &["Отлично", "☕"], |row| {
        caption(row).contains("отлично") || caption(row).contains('☕')
    });

    let user = april.some("username");
    let name = [user.as_str().unwrap()];
    april.check("username", "EQ", &name, |row| row["username"] == user);
    april.check("region_code", "IN", &["GB", "NG"], |row| {
        row["region_code"] == "GB" || row["region_code"] == "NG"
    });
}

#[test]
fn ids_are_found_to_the_last_digit() {
    let april = April::new();
    for (field, key) in [("video_id", "id"), ("music_id", "music_id")] {
        let value = april.some(key);
        let (text, beside) = (value.to_string(), (value.as_u64().unwrap() + 1).to_string());
        april.check(field, "EQ", &[&text], |row| row[key] == value);
        april.check(field, "IN", &[&beside, &text], |row| row[key] == value);
    }
    let mut effects = april.rows.iter().map(|row| &row["effect_ids"][0]);
    let effect = effects.find_map(Value::as_str).unwrap();
    april.check("effect_id", "EQ", &[effect], |row| {
        row["effect_ids"][0] == effect
    });
}

#[test]
fn days_lengths_and_counts_are_compared() {
    let april = April::new();
    let day = |row: &Value| {
        let at = jiff::Timestamp::from_second(row["create_time"].as_i64().unwrap()).unwrap();
        at.strftime("%Y%m%d").to_string()
    };
    let tenth = "20240410";
    april.check("create_date", "LT", &[tenth], |row| {
        day(row).as_str() < tenth
    });
    april.check("create_date", "LTE", &[tenth], |row| {
        day(row).as_str() <= tenth
    });
    april.check("create_date", "EQ", &[tenth], |row| day(row) == tenth);

    let seconds = |row: &Value| row["video_duration"].as_u64().unwrap();
    april.check("video_length", "EQ", &["SHORT"], |row| seconds(row) < 15);
    april.check("video_length", "EQ", &["LONG"], |row| seconds(row) > 60);
    april.check("video_length", "IN", &["MID", "EXTRA_LONG"], |row| {
        (15..=60).contains(&seconds(row))
    });

    // Where the count is missing nothing is known of it, so no comparison holds.
    let views = |row: &Value, holds: fn(u64) -> bool| row["view_count"].as_u64().is_some_and(holds);
    assert!(april.rows.iter().any(|row| row.get("view_count").is_none()));
    april.check("view_count", "GT", &["1000"], |row| {
        views(row, |is| is > 1000)
    });
    april.check("view_count", "GTE", &["1000"], |row| {
        views(row, |is| is >= 1000)
    });
    april.check("view_count", "LT", &["1000"], |row| {
        views(row, |is| is < 1000)
    });
    april.check("comment_count", "LTE", &["0"], |row| {
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
    assert!(expected.len() > 2);
    assert_eq!(practice.running.truth(&query, april()).unwrap(), expected);
    assert!(
        practice
            .running
            .truth(&json!({}), april())
            .unwrap_err()
            .contains("at least one")
    );
}
