//! Making a value one line, and cutting a key out of an object: the rest stays byte for byte.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::Walk;

/// A JSON value on one line.
///
/// A value without line breaks stays as it is. Otherwise each run of white space between tokens
/// that holds a line break is dropped; strings are never touched.
pub fn one_line(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    if memchr2(b'\n', b'\r', bytes).is_none() {
        return Cow::Borrowed(json);
    }
    let mut line = String::with_capacity(json.len());
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = behind_string(bytes, at),
            b' ' | b'\t' | b'\n' | b'\r' => {
                let end = at
                    + bytes[at..]
                        .iter()
                        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                        .count();
                if memchr2(b'\n', b'\r', &bytes[at..end]).is_some() {
                    line.push_str(&json[kept..at]);
                    kept = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    line.push_str(&json[kept..]);
    Cow::Owned(line)
}

/// The index behind the string that starts here.
fn behind_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += step;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

/// An object without one of its keys, everything else byte for byte.
///
/// Text that is no object, or has no such key, stays as it is.
pub fn without_key<'a>(json: &'a str, key: &str) -> Cow<'a, str> {
    match member(json, key) {
        Some((start, end)) => Cow::Owned([&json[..start], &json[end..]].concat()),
        None => Cow::Borrowed(json),
    }
}

/// Where a member stands in an object, one comma included.
fn member(json: &str, key: &str) -> Option<(usize, usize)> {
    let mut walk = Walk::new(json.as_bytes()).with_limit(json.len());
    walk.enter().ok()?;
    let place = |walk: &Walk<&[u8]>| usize::try_from(walk.offset()).ok();
    let mut start = place(&walk)?;
    let mut first = true;
    while let Some(found) = walk.next_key().ok()? {
        walk.skip().ok()?;
        let end = place(&walk)?;
        if found == key {
            let comma = memchr(b',', &json.as_bytes()[end..])
                .filter(|step| first && json[end..end + step].trim().is_empty());
            return Some((start, comma.map_or(end, |step| end + step + 1)));
        }
        (start, first) = (end, false);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_line_breaks_between_tokens_go() {
        for (given, line) in [
            ("{\"a\": 1, \"b\":\t2}", "{\"a\": 1, \"b\":\t2}"),
            (
                "{\n    \"a\": 1,\r\n \"b\": [\n]\n}",
                "{\"a\": 1,\"b\": []}",
            ),
            ("{\n\"a\": \"x\\\"  y\"}", "{\"a\": \"x\\\"  y\"}"),
            ("{ \n \"open", "{\"open"),
        ] {
            assert_eq!(one_line(given), line, "{given:?}");
        }
    }

    #[test]
    fn a_key_goes_and_the_rest_stays() {
        for (given, rest) in [
            (r#"{"a": 1, "x": {"a": 2}}"#, r#"{"a": 1}"#),
            (r#"{"x": 2 , "a": "x"}"#, r#"{ "a": "x"}"#),
            (r#"{"a":1,"x":2,"b":3}"#, r#"{"a":1,"b":3}"#),
            (r#"{"x":1}"#, "{}"),
            (r#"{"a":{"x":1}}"#, r#"{"a":{"x":1}}"#),
            (r#"[{"x":1}]"#, r#"[{"x":1}]"#),
            (r#"{"x":"#, r#"{"x":"#),
        ] {
            assert_eq!(without_key(given, "x"), rest, "{given}");
        }
    }

    proptest! {
        #[test]
        fn one_line_means_the_same(keys in prop::collection::vec("\\PC{0,8}", 0..5), number: i64) {
            let value: serde_json::Value =
                keys.iter().map(|key| (key.clone(), serde_json::json!([number, key]))).collect();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let line = one_line(&pretty);
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        }

        #[test]
        fn any_text_is_taken(text in "[{}\\[\\]\":,\\\\\n x]{0,60}") {
            one_line(&text);
            without_key(&text, "x");
        }
    }
}
