//! Objects are split as the other parser splits them, whatever was split before.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// The same by the other parser.
fn by_serde(text: &str) -> Option<Vec<(String, String)>> {
    struct Members(Vec<(String, String)>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct All;
            impl<'de> serde::de::Visitor<'de> for All {
                type Value = Members;
                fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    to.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members, A::Error> {
                    let mut all = Vec::new();
                    while let Some(key) = map.next_key::<String>()? {
                        let value: &RawValue = map.next_value()?;
                        all.push((key, value.get().to_owned()));
                    }
                    Ok(Members(all))
                }
            }
            from.deserialize_map(All)
        }
    }
    serde_json::from_str::<Members>(text)
        .ok()
        .map(|members| members.0)
}

fn split(text: &str) -> Option<Vec<(String, String)>> {
    let mut parts = Vec::new();
    object(text, |_, key, value| {
        parts.push((key.to_owned(), value.to_owned()));
    })?;
    Some(parts)
}

#[test]
fn keys_of_secrets_are_met_at_any_depth() {
    for (text, secret) in [
        (r#"{"cookie":1}"#, true),
        (r#"{"a":[{"b":{"Set-Cookie":"x"}}]}"#, true),
        (
            r#"{"a":"cookie","b":["cookie"],"cookie_":1,"my cookie":2}"#,
            false,
        ),
    ] {
        assert_eq!(object(text, |_, _, _| ()).unwrap().secret, secret, "{text}");
    }
}

#[test]
fn keys_with_escapes_are_told() {
    for (text, escaped_key) in [
        (r#"{"a":{"b\"cookie":1}}"#, true),
        (r#"{"a":{"b":"\"cookie","c":{}}}"#, false),
    ] {
        assert_eq!(
            object(text, |_, _, _| ()).unwrap().escaped_key,
            escaped_key,
            "{text}"
        );
    }
    assert_eq!(object(r#"{"b\"cookie":1}"#, |_, _, _| ()), None);
}

#[test]
fn what_is_no_json_is_left_to_the_other_parser() {
    for text in [
        "",
        "{",
        "{}x",
        "[]",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":nul}"#,
        r#"{"a":nulls}"#,
        r#"{"a":tru e}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\u12"}"#,
        "{\"a\":\"\t\"}",
        "{\"a\":\"long enough for wide instructions: 0123456789012345678901234567890 \u{1}\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":{"b" 1}}"#,
        r#"{"a":{b:1}}"#,
        r#"{"a":"open}"#,
        r#"{"a":"open\"#,
        r#"{"a":1}}"#,
        r#"{"a":{"b":1,}}"#,
        r#"{"a":{1:1}}"#,
        "{\"a\":\u{a0}1}",
    ] {
        assert_eq!(split(text), None, "{text}");
        assert_eq!(by_serde(text), None, "{text}");
    }
}

#[test]
fn parts_are_those_of_the_other_parser() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60), "]".repeat(60));
    for text in [
        "{}",
        " { } ",
        r#"{"a":1}"#,
        r#"{"a" : [ ] , "b":{ }, "":""}"#,
        "\n{\"a\":\r\n-0.5e-7,\t\"a\":0}\n",
        r#"{"é":"\"\\\/\b\f\n\r\t\u00e9\ud83d","x":[{"y":[null,true,false]}]}"#,
        r#"{"a":1e400,"b":123456789012345678901234567890,"c":0,"d":-0,"e":1E+5}"#,
        r#"{"a":"ünïcödé of more bytes than are looked at one word after the other, €uro and 日本語","b":"\\"}"#,
        &deep,
    ] {
        let found = split(text);
        assert!(found.is_some(), "{text}");
        assert_eq!(found, by_serde(text), "{text}");
    }
    assert_eq!(
        array(r#" ["a", 1,{"b":[2]} ]"#).unwrap(),
        ["\"a\"", "1", r#"{"b":[2]}"#]
    );
    assert_eq!(
        (array("[1,]"), array("[1] 2"), array("{}")),
        (None, None, None)
    );
    assert_eq!(member(r#"{"a":1,"b":2,"a":3}"#, "a"), Some(Some("3")));
    assert_eq!(
        (member(r#"{"a":1}"#, "b"), member(r#"{"a":1"#, "a")),
        (Some(None), None)
    );
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        Just(serde_json::Value::Null),
        "([a-z\\\\\"\n\u{0}-\u{40}é日🌀]|[a-z /=]{1,70}){0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec(("[a-zé\\\\]{0,12}|ttwid|sessionid", inner), 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn it_takes_nothing_that_the_other_parser_does_not(
        members in prop::collection::vec(("[a-zA-Z_]{0,20}|cookies?|Set-Cookie|msToken", value()), 0..8),
        pretty: bool,
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>(), 0..3)),
    ) {
        let object_of = members.into_iter().collect::<serde_json::Map<_, _>>();
        let text = if pretty {
            serde_json::to_string_pretty(&object_of).unwrap()
        } else {
            serde_json::to_string(&object_of).unwrap()
        };
        let mut bytes = text.into_bytes();
        let whole = damage.is_none();
        if let Some((at, byte, how)) = damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let expected = by_serde(&text);
        match split(&text) {
            Some(parts) => {
                for (key, _) in &parts {
                    let last = parts.iter().rfind(|(name, _)| name == key);
                    prop_assert_eq!(
                        member(&text, key).unwrap(),
                        last.map(|(_, value)| value.as_str())
                    );
                }
                prop_assert_eq!(Some(parts), expected);
            }
            None => prop_assert!(!whole),
        }
        let met = object(&text, |_, _, _| ());
        if let Some(met) = met
            && !met.secret
            && !text.contains(['\\', '=', '%'])
        {
            prop_assert_eq!(super::super::redact(&text), text.as_str());
        }
        if super::super::Fields::parse_clean(&text).is_some() {
            prop_assert_eq!(super::super::redact(&text), text.as_str());
            prop_assert_eq!(super::super::one_line(&text), text.as_str());
            prop_assert_eq!(super::super::lone_surrogates(&text), text.as_str());
            prop_assert!(!text.contains('\0'));
        }
        let list = format!("[{text},{text}]");
        if let Some(items) = array(&list) {
            let by_serde: Vec<&RawValue> = serde_json::from_str(&list).unwrap();
            let by_serde: Vec<&str> = by_serde.into_iter().map(RawValue::get).collect();
            prop_assert_eq!(items, by_serde);
        }
    }
}

#[test]
fn what_stood_before_does_not_make_json_of_what_is_none() {
    // So many keys that those that open objects and those that follow others share places.
    for round in 0..600 {
        let text = format!(r#"{{"a{round}":{{"b{round}":1,"c":2}},"d{round}":3,"c":4}}"#);
        assert_eq!(split(&text), by_serde(&text));
        for bad in [
            format!(r#","d{round}":3}}"#),
            format!(r#"{{"a{round}":{{"b{round}":1{{"a{round}":2}}}}}}"#),
            format!(r#"{{"a{round}":1{{"b{round}":1}}"#),
            format!(r#"{{"a{round}":[,"c":2]}}"#),
            format!(r#"{{"a{round}":{{"b{round}":1 "c":2}}}}"#),
            format!(r#"{{"a{round}":{{"b{round}"1,"c":2}}}}"#),
        ] {
            assert_eq!(split(&bad), None, "{bad}");
        }
    }
}

#[test]
fn blanks_before_values_may_come_and_go() {
    for text in [
        r#"{"a":1,"b":"x","c":[1],"d":{"e":2}}"#,
        r#"{"a": 1, "b": "x", "c": [1], "d": {"e": 2}}"#,
        r#"{"a":  1 ,"b": "x" , "c":[ 1],"d": { "e":2 } }"#,
        r#"{"a":1,"b":"x","c":[1],"d":{"e":2}}"#,
    ] {
        for _ in 0..3 {
            let parts = split(text);
            assert!(parts.is_some(), "{text}");
            assert_eq!(parts, by_serde(text), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn plain_text_is_told(
        before in "[a-z\\\\ ]{0,130}",
        odd in r"(=|%|\\u|\\|u|\\\\u|	|é|)",
        behind in "[a-z ]{0,70}",
    ) {
        let text = format!("{before}{odd}{behind}");
        let expected = !text.contains(['=', '%', '\t']) && !text.contains("\\u");
        prop_assert_eq!(is_plain(&text), expected);
    }
}
