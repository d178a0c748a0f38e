//! Checking a JSON object in one pass over its bytes, and splitting it into its fields on the way.
//!
//! What is taken here serde_json takes too, with the same parts; a property test holds both together.
//! What is unusual (keys with escapes, control characters, deep nesting) and what is no JSON is left
//! to serde_json, which also says what is wrong with it.

use std::cell::Cell;

use super::redact;

/// Containers around a value; with more the other parser is asked.
const DEEPEST: u32 = 64;

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    /// A key whose value [`redact`](super::redact) would blank, at whatever depth. Not noticed where it has
    /// escapes.
    pub(super) secret: bool,
    /// A key with escapes.
    pub(super) escaped_key: bool,
}

/// Splits an object: `each` is given the keys, without quotes, and the values, without white space around
/// them. `None` where the other parser has to be asked; what was given before is worth nothing then.
pub(super) fn object<'t>(text: &'t str, mut each: impl FnMut(&'t str, &'t str)) -> Option<Met> {
    let met = Cell::default();
    let check = Check(text.as_bytes(), &met);
    let mut at = check.members(check.blank(0), &mut |key, value| {
        each(text.get(key.0..key.1)?, text.get(value.0..value.1)?);
        Some(())
    })?;
    at = check.blank(at);
    (at == text.len()).then(|| met.get())
}

/// Splits an array into the texts of its members; `None` where the other parser has to be asked.
pub(super) fn array(text: &str) -> Option<Vec<&str>> {
    // Most arrays are short lists of hashtags.
    let mut parts = Vec::with_capacity(16);
    let met = Cell::default();
    let check = Check(text.as_bytes(), &met);
    let mut at = check.items(check.blank(0), DEEPEST, &mut |value| {
        parts.push(text.get(value.0..value.1)?);
        Some(())
    })?;
    at = check.blank(at);
    (at == text.len()).then_some(parts)
}

/// The value of one key of an object, of a repeated key the last. The outer `None`: the other parser
/// has to be asked.
#[expect(clippy::option_option, reason = "not known, or known not to be there")]
pub(super) fn member<'t>(text: &'t str, wanted: &str) -> Option<Option<&'t str>> {
    let mut found = None;
    object(text, |key, value| {
        if key == wanted {
            found = Some(value);
        }
    })?;
    Some(found)
}

/// From the first byte to behind the last.
type Span = (usize, usize);

/// The text, and what was met in it.
#[derive(Clone, Copy)]
struct Check<'t>(&'t [u8], &'t Cell<Met>);

impl Check<'_> {
    #[inline]
    fn note_key(self, (from, to): Span) {
        if self.0.get(from..to).is_some_and(redact::is_secret_key) {
            let met = self.1.get();
            self.1.set(Met {
                secret: true,
                ..met
            });
        }
    }

    fn byte(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    /// Behind the white space here.
    #[inline]
    fn blank(self, mut at: usize) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte(at) {
            at += 1;
        }
        at
    }

    /// Behind the object here; `each` is given each key, without its quotes, and its value.
    #[inline]
    fn members(
        self,
        open: usize,
        each: &mut impl FnMut(Span, Span) -> Option<()>,
    ) -> Option<usize> {
        if self.byte(open)? != b'{' {
            return None;
        }
        let mut at = self.blank(open + 1);
        if self.byte(at)? == b'}' {
            return Some(at + 1);
        }
        loop {
            if self.byte(at)? != b'"' {
                return None;
            }
            let close = self.plain(at + 1)?;
            let colon = self.blank(close + 1);
            if self.byte(colon)? != b':' {
                return None;
            }
            let value = self.blank(colon + 1);
            let end = self.value(value, DEEPEST)?;
            self.note_key((at + 1, close));
            each((at + 1, close), (value, end))?;
            at = self.blank(end);
            match self.byte(at)? {
                b',' => at = self.blank(at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// Behind the array here; `each` is given each member.
    #[inline]
    fn items(
        self,
        open: usize,
        depth: u32,
        each: &mut impl FnMut(Span) -> Option<()>,
    ) -> Option<usize> {
        if self.byte(open)? != b'[' {
            return None;
        }
        let mut at = self.blank(open + 1);
        if self.byte(at)? == b']' {
            return Some(at + 1);
        }
        loop {
            let end = self.value(at, depth)?;
            each((at, end))?;
            at = self.blank(end);
            match self.byte(at)? {
                b',' => at = self.blank(at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// Behind the value here.
    fn value(self, at: usize, depth: u32) -> Option<usize> {
        match self.byte(at)? {
            b'"' => self.string(at + 1),
            b'-' => self.number(at + 1),
            b'0'..=b'9' => self.number(at),
            b'{' => self.nested(at, depth.checked_sub(1)?),
            b'[' => self.items(at, depth.checked_sub(1)?, &mut |_| Some(())),
            b'n' => self.word(at, b"null"),
            b't' => self.word(at, b"true"),
            b'f' => self.word(at, b"false"),
            _ => None,
        }
    }

    /// Behind an object of which nobody asks for the parts.
    fn nested(self, open: usize, depth: u32) -> Option<usize> {
        let mut at = self.blank(open + 1);
        if self.byte(at)? == b'}' {
            return Some(at + 1);
        }
        loop {
            if self.byte(at)? != b'"' {
                return None;
            }
            let close = match self.plain(at + 1) {
                Some(close) => close,
                None => self.escaped_key(at + 1)?,
            };
            self.note_key((at + 1, close));
            let colon = self.blank(close + 1);
            if self.byte(colon)? != b':' {
                return None;
            }
            at = self.blank(self.value(self.blank(colon + 1), depth)?);
            match self.byte(at)? {
                b',' => at = self.blank(at + 1),
                b'}' => return Some(at + 1),
                _ => return None,
            }
        }
    }

    /// The closing quote of a key with escapes whose inside begins here.
    #[cold]
    fn escaped_key(self, at: usize) -> Option<usize> {
        let met = self.1.get();
        self.1.set(Met {
            escaped_key: true,
            ..met
        });
        Some(self.string(at)? - 1)
    }

    fn word(self, at: usize, word: &[u8]) -> Option<usize> {
        self.0.get(at..)?.starts_with(word).then(|| at + word.len())
    }

    /// Behind a number whose sign was met.
    fn number(self, at: usize) -> Option<usize> {
        let mut end = self.digits(at)?;
        if self.byte(at) == Some(b'0') && end > at + 1 {
            return None;
        }
        if self.byte(end) == Some(b'.') {
            end = self.digits(end + 1)?;
        }
        if let Some(b'e' | b'E') = self.byte(end) {
            let signed = matches!(self.byte(end + 1), Some(b'+' | b'-'));
            end = self.digits(end + 1 + usize::from(signed))?;
        }
        Some(end)
    }

    /// Behind at least one digit.
    fn digits(self, at: usize) -> Option<usize> {
        let mut end = at;
        while self.byte(end).is_some_and(|byte| byte.is_ascii_digit()) {
            end += 1;
        }
        (end > at).then_some(end)
    }

    /// Behind the string whose inside begins here.
    fn string(self, mut at: usize) -> Option<usize> {
        loop {
            at = self.special(at)?;
            match self.byte(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at = self.escape(at + 1)?,
                _ => return None,
            }
        }
    }

    /// The closing quote of a string without escapes whose inside begins here.
    fn plain(self, at: usize) -> Option<usize> {
        let at = self.special(at)?;
        (self.byte(at)? == b'"').then_some(at)
    }

    /// Behind what follows a backslash.
    fn escape(self, at: usize) -> Option<usize> {
        match self.byte(at)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
            b'u' => {
                let digits = self.0.get(at + 1..at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
            }
            _ => None,
        }
    }

    /// The next quote, backslash or control character.
    #[inline]
    fn special(self, mut at: usize) -> Option<usize> {
        /// Most strings are short; in long ones wider instructions are worth a call.
        const SHORT: usize = 6;
        for _ in 0..SHORT {
            let Some(eight) = self.0.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
                return self.special_byte(at);
            };
            let marks = specials(u64::from_le_bytes(*eight));
            if marks != 0 {
                return Some(at + (marks.trailing_zeros() >> 3) as usize);
            }
            at += 8;
        }
        self.special_far(at)
    }

    fn special_byte(self, at: usize) -> Option<usize> {
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        Some(at + self.0.get(at..)?.iter().position(is_special)?)
    }

    #[inline(never)]
    fn special_far(self, at: usize) -> Option<usize> {
        let rest = self.0.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        let before = rest.get(..found)?;
        (lowest(before) >= b' ').then_some(at + found)
    }
}

/// The lowest byte; 255 where there is none. Without a branch, so that wide instructions are made of it.
pub(super) fn lowest(bytes: &[u8]) -> u8 {
    bytes.iter().fold(u8::MAX, |lowest, &byte| lowest.min(byte))
}

/// The highest bit of each byte that is a quote, a backslash or a control character, up to the first
/// of them; what follows that may be wrong.
#[inline]
fn specials(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let quotes = bytes ^ (ONES * 0x22);
    let escapes = bytes ^ (ONES * 0x5c);
    let found = quotes.wrapping_sub(ONES) & !quotes
        | escapes.wrapping_sub(ONES) & !escapes
        | bytes.wrapping_sub(ONES * 0x20) & !bytes;
    found & (ONES * 0x80)
}

#[cfg(test)]
mod tests {
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
        object(text, |key, value| {
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
            assert_eq!(object(text, |_, _| ()).unwrap().secret, secret, "{text}");
        }
    }

    #[test]
    fn keys_with_escapes_are_told() {
        for (text, escaped_key) in [
            (r#"{"a":{"b\"cookie":1}}"#, true),
            (r#"{"a":{"b":"\"cookie","c":{}}}"#, false),
        ] {
            assert_eq!(
                object(text, |_, _| ()).unwrap().escaped_key,
                escaped_key,
                "{text}"
            );
        }
        assert_eq!(object(r#"{"b\"cookie":1}"#, |_, _| ()), None);
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
            let met = object(&text, |_, _| ());
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
}
