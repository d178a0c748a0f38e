//! Raw records: what the source said comes back byte for byte.

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::Desk;
use crate::make::{id, research_video, scraper, web};

#[test]
fn a_raw_record_is_got_back_byte_for_byte() {
    let desk = Desk::new();
    let records = [
        format!(
            r#"{{"id": "{}",   "desc":"caf\u00e9 #london \ud83d\ude00 \/ é", "createTime": 5 , "x": 1.0e3, "y": 18446744073709551615, "stats":{{}} }}"#,
            id(0)
        ),
        format!(
            r##"{{"desc":"#london ,\"_cotag\":{{","id":"{}","createTime":5,"author":{{"uniqueId":"a"}}}}"##,
            id(1)
        ),
        scraper(2, "london"),
        research_video(3, &["london"]).to_string(),
    ];
    for (number, record) in records.iter().enumerate() {
        desk.write(&format!("{number}.json"), format!("[ {record} \n]"));
        desk.cotag(&format!("import {number}.json -t london"))
            .fine();
    }
    let stored = desk.read("data/london/posts/data.json");
    let back: Vec<String> = stored
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(raw)
        .collect();
    assert_eq!(back, records);
}

/// A stored line without our envelope, as the manual tells people to get it back.
fn raw(line: &str) -> String {
    let line = line.trim_end_matches(',');
    let at = line.rfind(",\"_cotag\":{").unwrap();
    line[..at].to_owned() + "}"
}

#[test]
fn tokens_in_links_are_blanked_and_nothing_else() {
    let desk = Desk::new();
    let record = |token: &str| {
        format!(
            r##"{{"id":"{}","desc":"#london token=abc","createTime":5,"video":{{"duration":1,"playAddr":"https://v16.tiktokcdn.com/a?x-expires=1&x-signature={token}&tk={token}&l=2"}}}}"##,
            id(0)
        )
    };
    desk.write("post.json", record("SECRET"));
    desk.cotag("import post.json -t london").fine();
    let stored = desk.read("data/london/posts/data.json");
    assert_eq!(raw(stored.lines().nth(1).unwrap()), record(""));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writing_then_reading_is_identity(
        captions in prop::collection::vec(any::<String>(), 1..12),
        keys in prop::collection::vec("[a-zA-Z_\\PC]{1,6}", 0..4),
        spaced: bool,
    ) {
        let desk = Desk::new();
        let records: Vec<String> = captions.iter().enumerate().map(|(number, caption)| {
            let mut post = web(number as u64, "london").with("desc", json!(caption));
            for key in &keys {
                // Keys of secrets are blanked on purpose; ours are prefixed to be none.
                post = post.with(&format!("k{key}"), json!({"nested": [caption, number, null]}));
            }
            let text = post.json();
            if spaced { text.replace("\"createTime\":", "\"createTime\" :\t ") } else { text }
        }).collect();
        desk.write("in.json", format!("[{}]", records.join(",")));
        desk.cotag("import in.json -t london").fine();
        let stored = desk.read("data/london/posts/data.json");
        let back: Vec<String> = stored.split('\n').filter(|line| line.starts_with('{')).map(raw).collect();
        prop_assert_eq!(&back, &records);
        let parsed: Vec<Value> = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(parsed.len(), records.len());
        // Exported and imported again, it is the same store but for the run.
        desk.cotag("import data --data-dir second").fine();
        let second = desk.read("second/london/posts/data.json");
        let again: Vec<String> = second.split('\n').filter(|line| line.starts_with('{')).map(raw).collect();
        prop_assert_eq!(&again, &records);
    }
}
