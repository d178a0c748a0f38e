//! Tests of the walk: where it goes, where it stops, and how it finds its way past damage.

use proptest::prelude::*;

use super::*;

/// The items of an array, `!` for each that was broken.
fn items(text: &str, limit: usize) -> Vec<String> {
    items_found(text, limit, true)
}

/// As `items`, by bit masks where that may be or never.
fn items_found(text: &str, limit: usize, marked: bool) -> Vec<String> {
    let mut walk = Walk::new(text.as_bytes()).with_limit(limit);
    let mut items = Vec::new();
    if walk.enter().is_err() {
        return items;
    }
    loop {
        if !marked {
            walk.guess = 0;
        }
        let item = match walk.next_item() {
            Ok(false) => return items,
            Ok(true) => walk
                .capture()
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            Err(error) => Err(error),
        };
        match item {
            Ok(item) if serde_json::from_str::<serde_json::Value>(&item).is_ok() => {
                items.push(item);
                continue;
            }
            Ok(_) => items.push("!".to_owned()),
            Err(error) => items.push(match error {
                WalkError::Cut { .. } => "cut".to_owned(),
                WalkError::TooLarge { .. } => "large".to_owned(),
                _ => "!".to_owned(),
            }),
        }
        if !walk.resume().unwrap_or(false) {
            items.push("lost".to_owned());
            return items;
        }
    }
}

#[test]
fn values_come_as_they_stand() {
    let text = "\u{feff} [ {\"a\": [1, \"]\\\"\"]},\r\n12 , \"x\", null ,] 7";
    let mut walk = Walk::new(text.as_bytes());
    assert_eq!(walk.enter().unwrap(), Kind::Array);
    let mut seen = Vec::new();
    while walk.next_item().unwrap() {
        let kind = walk.peek().unwrap().unwrap();
        let offset = usize::try_from(walk.offset()).unwrap();
        let value = String::from_utf8(walk.capture().unwrap().to_vec()).unwrap();
        assert!(text[offset..].starts_with(&value));
        seen.push((kind, value));
    }
    assert_eq!(
        seen,
        [
            (Kind::Object, "{\"a\": [1, \"]\\\"\"]}".to_owned()),
            (Kind::Other, "12".to_owned()),
            (Kind::String, "\"x\"".to_owned()),
            (Kind::Other, "null".to_owned()),
        ]
    );
    assert_eq!(walk.capture().unwrap(), b"7");
    assert!(walk.peek().unwrap().is_none());
}

#[test]
fn keys_are_decoded_and_values_skipped() {
    let mut walk = Walk::new(r#"{"\u0061":{"b":[1,2]},"\ud83d":"x","c":3}"#.as_bytes());
    walk.enter().unwrap();
    assert_eq!(walk.next_key().unwrap().as_deref(), Some("a"));
    walk.skip().unwrap();
    assert_eq!(walk.next_key().unwrap().as_deref(), Some("\u{fffd}"));
    walk.skip().unwrap();
    assert_eq!(walk.next_key().unwrap().as_deref(), Some("c"));
    assert_eq!(walk.capture().unwrap(), b"3");
    assert_eq!(walk.next_key().unwrap(), None);
}

#[test]
fn a_cut_is_told_from_damage() {
    for (text, ends) in [
        ("[{\"a\":1},{\"a\"", "cut"),
        ("[{\"a\":1}", "cut"),
        ("[{\"a\":1} {\"a\":2}]", "!"),
        ("[{\"a\":1},}]", "!"),
        ("[{\"a\":1},{\"a\":\"\n\"}]", "!"),
    ] {
        assert_eq!(items(text, 100), ["{\"a\":1}", ends, "lost"], "{text}");
    }
}

#[test]
fn a_broken_record_does_not_take_the_next_line_with_it() {
    for broken in [
        "{\"b\":",
        "{\"b\":1",
        "{\"b\":\"x}",
        "{b}",
        "oops",
        "{\"b\":1]]",
    ] {
        let text = format!("[\n{{\"a\":1}},\n{broken},\n{{\"c\":1}},\n{{\"d\":2}}\n]\n");
        assert_eq!(
            items(&text, 1000),
            ["{\"a\":1}", "!", "{\"c\":1}", "{\"d\":2}"],
            "{broken}"
        );
    }
}

#[test]
fn indented_records_resume_at_their_own_indent() {
    let text = "[\n  {\n    \"a\": [\n      {}\n    ]\n  },\n  {\n    \"b\": \"x\n  },\n  {\n    \"c\": 3\n  }\n]";
    let items = items(text, 1000);
    assert_eq!(items.len(), 3, "{items:?}");
    assert_eq!((items[1].as_str(), &items[2][..1]), ("!", "{"));
}

#[test]
fn records_are_not_cut_where_their_parts_start_lines_too() {
    let text = "[\n{\n\"a\":\n{\n\"b\": x\n}\n},\n{\n\"c\": [\n{\n}\n]\n}\n]";
    assert_eq!(items(text, 1000).len(), 2);
}

#[test]
fn a_value_above_the_limit_is_passed_over() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(600_000));
    assert_eq!(
        items(&format!("[1,{large},2]"), 100_000),
        ["1", "large", "2"]
    );
    let lines = format!("[\n{{}},\n{large},\n{{\"b\":2}}]");
    assert_eq!(items(&lines, 100_000), ["{}", "large", "{\"b\":2}"]);
}

#[test]
fn deep_nesting_does_not_overflow() {
    let text = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let mut walk = Walk::new(text.as_bytes());
    walk.enter().unwrap();
    assert!(walk.next_item().unwrap());
    assert_eq!(walk.capture().unwrap().len(), 2_000_000);
    assert!(!walk.next_item().unwrap());
}

#[test]
fn small_reads_change_nothing() {
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(1).min(self.0.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let text = br#"{"list": [ {"a":"\\\"x"} , -1.5e3 , "\u00e9" ] , "end":true}"#;
    let mut walk = Walk::new(Slow(text));
    walk.enter().unwrap();
    assert_eq!(walk.next_key().unwrap().as_deref(), Some("list"));
    walk.enter().unwrap();
    let mut seen = Vec::new();
    while walk.next_item().unwrap() {
        seen.push(String::from_utf8(walk.capture().unwrap().to_vec()).unwrap());
    }
    assert_eq!(seen, [r#"{"a":"\\\"x"}"#, "-1.5e3", r#""\u00e9""#]);
    assert_eq!(walk.next_key().unwrap().as_deref(), Some("end"));
    walk.skip().unwrap();
    assert_eq!(walk.next_key().unwrap(), None);
}

proptest! {
    #[test]
    fn any_bytes_end_the_walk(text in "[\\[\\]{}\",:\\\\ \na1]{0,80}") {
        items(&text, 20);
        items(&format!("[\n{text}"), 1000);
    }

    #[test]
    fn bit_masks_find_what_searching_finds(
        items in prop::collection::vec(
            prop::sample::select(vec![
                "{}", "{\"a\":1}", "{\"a\":[{}, \"]\\\"}\"]}", "{\"a\":\"{[\"}", "{\n\"a\":2\n}", "{\"a\":[}",
                "{\"open", "[1]", "12", "{\"é\":{\"b\":{}}}", "{\"a\":1]", "]", "\"x\"",
            ]),
            0..12,
        ),
        between in prop::sample::select(vec![",", ",\n", ", ", ",\n  "]),
    ) {
        let text = format!("[\n{}\n]", items.join(between));
        prop_assert_eq!(items_found(&text, 1000, true), items_found(&text, 1000, false));
    }

    #[test]
    fn values_are_found_whole(numbers in prop::collection::vec("\\PC{0,12}", 1..6), pretty: bool) {
        let values: Vec<_> = numbers.iter().map(|text| serde_json::json!({ text: [text, {}] })).collect();
        let text = if pretty {
            serde_json::to_string_pretty(&values)
        } else {
            serde_json::to_string(&values)
        };
        let found: Vec<serde_json::Value> = items(&text.unwrap(), 1000)
            .iter()
            .map(|item| serde_json::from_str(item).unwrap())
            .collect();
        prop_assert_eq!(found, values);
    }
}
