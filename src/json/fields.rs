//! A record looked at field by field: only what is asked for is decoded.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{lone_surrogates, split};

/// A JSON object split into its own fields, none of them decoded yet.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    all: Vec<(&'a str, Value<'a>)>,
    /// The mark of each key, by which most others are told from it at once.
    marks: Vec<u8>,
    /// Keys that have escapes, by their number among all.
    decoded: Vec<(usize, String)>,
    /// See [`Fields::row`].
    row: Option<u64>,
    shallow: bool,
    /// Nothing was met that is to be looked for: escapes by number, control characters, secrets.
    clean: bool,
}

/// Keys that are looked for together, in one pass over the fields.
#[derive(Debug)]
pub struct Wanted<const N: usize> {
    names: [&'static str; N],
    /// The number of the name that has a mark; `u8::MAX` where none has.
    numbers: [u8; 256],
}

impl<const N: usize> Wanted<N> {
    /// For these keys, whose marks must all differ.
    ///
    /// # Panics
    /// Where they do not: in a constant, it does not compile.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer")]
    #[must_use]
    pub const fn new(names: [&'static str; N]) -> Self {
        assert!(N < u8::MAX as usize);
        let mut numbers = [u8::MAX; 256];
        let mut number = 0;
        while number < N {
            let mark = split::mark(names[number]) as usize;
            assert!(
                numbers[mark] == u8::MAX,
                "two of the keys have the same mark"
            );
            numbers[mark] = number as u8;
            number += 1;
        }
        Self { names, numbers }
    }
}

/// One JSON value as its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Fields<'a> {
    /// Splits an object. The whole text is checked to be one valid JSON value.
    ///
    /// # Errors
    /// The text is not valid JSON, or not an object.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        match Self::split(text) {
            Some((fields, _)) => Ok(fields),
            None => serde_json::from_str(text),
        }
    }

    /// As [`Fields::parse`], of text on one line that none of [`redact`](super::redact),
    /// [`one_line`](super::one_line) and [`lone_surrogates`] would change; `None` where that is not sure.
    pub fn parse_clean(text: &'a str) -> Option<Self> {
        // Secrets stand in links, behind `=` or `%`, or under a key; any character may hide behind `\u`.
        if !split::is_plain(text) {
            return None;
        }
        let (fields, met) = Self::split(text)?;
        let clean = !met.secret && !met.escaped_key;
        clean.then_some(Self { clean, ..fields })
    }

    fn split(text: &'a str) -> Option<(Self, split::Met)> {
        let mut fields = Self {
            all: Vec::with_capacity(32),
            marks: Vec::with_capacity(32),
            shallow: true,
            ..Self::default()
        };
        let met = split::object(text, |mark, key, value| {
            fields.marks.push(mark);
            fields.all.push((key, Value(value)));
        })?;
        fields.row = met.row;
        Some((fields, met))
    }

    /// Whether it is known that no value stands in more than 65 objects and arrays.
    pub fn are_shallow(&self) -> bool {
        self.shallow
    }

    /// Whether it is known that no character is written as `\u` and its number.
    pub fn are_clean(&self) -> bool {
        self.clean
    }

    /// A number that all objects with the same keys in the same order have, and no others; `None` where it is
    /// not known. Objects with the same keys may come to have other numbers.
    pub fn row(&self) -> Option<u64> {
        self.row
    }

    /// A field's key.
    #[inline]
    fn key(&self, number: usize) -> &str {
        if !self.decoded.is_empty()
            && let Some((_, key)) = self.decoded.iter().find(|(at, _)| *at == number)
        {
            return key;
        }
        self.all.get(number).map_or("", |(key, _)| key)
    }

    /// The value of each of these keys, of a repeated key the last, be it null.
    pub fn pick<const N: usize>(&self, wanted: &Wanted<N>) -> [Option<Value<'a>>; N] {
        let mut found = [None; N];
        for (at, (mark, (_, value))) in self.marks.iter().zip(&self.all).enumerate() {
            let number = usize::from(wanted.numbers[usize::from(*mark)]);
            if wanted
                .names
                .get(number)
                .is_some_and(|name| self.key(at) == *name)
                && let Some(found) = found.get_mut(number)
            {
                *found = Some(*value);
            }
        }
        found
    }

    /// The last field of a key.
    fn find(&self, key: &str) -> Option<&Value<'a>> {
        let mark = split::mark(key);
        let mut before = self.marks.as_slice();
        loop {
            let at = memchr::memrchr(mark, before)?;
            match self.all.get(at) {
                Some((_, value)) if self.key(at) == key => return Some(value),
                _ => before = &before[..at],
            }
        }
    }

    /// The value of a key, of a repeated key the last; `None` where it is missing or null.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let value = self.find(key)?;
        (value.0 != "null").then_some(*value)
    }

    /// A number that is the same for the same keys in the same order, and mostly another for others.
    pub fn signature(&self) -> u64 {
        let mixed = |number: u64, mark: &u8| {
            (number.rotate_left(7) ^ u64::from(*mark)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        };
        self.marks.iter().fold(0, mixed)
    }

    /// Whether the key is there, be it null.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// A string's text, without NUL characters; `None` for anything but a string.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// As [`Fields::text`], an empty string counted as missing.
    pub fn filled(&self, key: &str) -> Option<Cow<'a, str>> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// A string's text or a number's digits, as they stand; empty counts as missing.
    pub fn literal(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.literal()
    }

    /// A count; see [`Value::count`].
    pub fn count(&self, key: &str) -> Option<u64> {
        self.get(key)?.count()
    }

    /// `true` or `false`; `None` for anything else.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    /// A nested object; empty where the key is missing or no object.
    #[must_use]
    pub fn object(&self, key: &str) -> Fields<'a> {
        self.get(key).and_then(Value::object).unwrap_or_default()
    }

    /// A nested array's members; empty where the key is missing or no array.
    pub fn array(&self, key: &str) -> Vec<Value<'a>> {
        self.get(key).map(Value::array).unwrap_or_default()
    }

    /// The value of a flattened key: `outer/inner` or `outer.inner`.
    pub fn flattened(&self, outer: &str, inner: &str) -> Option<Value<'a>> {
        let is_it = |name: &str| {
            name.strip_prefix(outer)
                .and_then(|rest| rest.strip_prefix(['/', '.']))
                == Some(inner)
        };
        let at = (0..self.all.len()).rev().find(|at| is_it(self.key(*at)))?;
        let (_, value) = self.all.get(at)?;
        (value.0 != "null").then_some(*value)
    }

    /// All fields in the order of the text, repeated keys included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        let all = self.all.iter().enumerate();
        all.map(|(at, (_, value))| (self.key(at), *value))
    }

    /// Whether the object has no field (or was none).
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl<'a> Value<'a> {
    /// One JSON value that was cut out elsewhere. It is the caller's duty that it is one.
    pub fn of_json(text: &'a str) -> Self {
        Self(text)
    }

    /// The JSON text, byte for byte.
    pub fn as_json(self) -> &'a str {
        self.0
    }

    /// Its first byte, which tells what kind of value it is.
    #[inline]
    pub fn first_byte(self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    /// Whether it is null.
    #[inline]
    pub fn is_null(self) -> bool {
        self.first_byte() == Some(b'n')
    }

    /// A string's text, without NUL characters; lone surrogates become U+FFFD.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let [b'"', inside @ .., b'"'] = self.0.as_bytes() else {
            return None;
        };
        if !has_backslash(inside) {
            return self.0.get(1..=inside.len()).map(Cow::Borrowed);
        }
        let decoded: String = serde_json::from_str(self.0)
            .or_else(|_| serde_json::from_str(&lone_surrogates(self.0)))
            .ok()?;
        Some(Cow::Owned(if decoded.contains('\0') {
            decoded.replace('\0', "")
        } else {
            decoded
        }))
    }

    /// A string's text or a number's digits, as they stand; empty counts as missing.
    pub fn literal(self) -> Option<Cow<'a, str>> {
        if let Some(b'-' | b'0'..=b'9') = self.first_byte() {
            Some(Cow::Borrowed(self.0))
        } else {
            self.text().filter(|text| !text.is_empty())
        }
    }

    /// A whole number at or above 0, be it a number or a string of digits.
    ///
    /// `12.0` is 12 (pandas writes counts so once a cell of the column is empty).
    /// `""`, `-1`, `53.3M` and the like are no counts.
    pub fn count(self) -> Option<u64> {
        if let Some(number) = self.digits() {
            return Some(number);
        }
        let literal = self.literal()?;
        let digits = match literal.split_once('.') {
            Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
            Some(_) => return None,
            None => &literal,
        };
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    }

    /// The number of one to nineteen digits, with quotes around them or without; `None` for anything else.
    #[inline]
    pub fn digits(self) -> Option<u64> {
        let digits = match self.0.as_bytes() {
            [b'"', inside @ .., b'"'] => inside,
            bytes => bytes,
        };
        let mut number = 0_u64;
        let mut is_other = !(1..=19).contains(&digits.len());
        for byte in digits.iter().take(19) {
            let digit = byte.wrapping_sub(b'0');
            is_other |= digit > 9;
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        (!is_other).then_some(number)
    }

    /// `true` or `false`; `None` for anything else.
    pub fn flag(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The fields of an object; `None` for anything else.
    pub fn object(self) -> Option<Fields<'a>> {
        if self.0.starts_with('{') {
            Fields::parse(self.0).ok()
        } else {
            None
        }
    }

    /// The value of one key of an object, without keeping the others; `None` for anything else.
    ///
    /// Cheaper than [`Value::object`] where only one field is wanted.
    pub fn member(self, key: &str) -> Option<Value<'a>> {
        if !self.0.starts_with('{') {
            return None;
        }
        let value = match split::member(self.0, key) {
            Some(found) => found?,
            None => {
                let mut deserializer = serde_json::Deserializer::from_str(self.0);
                deserializer.deserialize_map(Member(key)).ok()??.get()
            }
        };
        (value != "null").then_some(Value(value))
    }

    /// The members of an array; empty for anything else.
    pub fn array(self) -> Vec<Value<'a>> {
        if !self.0.starts_with('[') {
            return Vec::new();
        }
        if let Some(members) = split::array(self.0) {
            return members.into_iter().map(Value).collect();
        }
        let members: Vec<&'a RawValue> = serde_json::from_str(self.0).unwrap_or_default();
        members.into_iter().map(|raw| Value(raw.get())).collect()
    }
}

/// Whether there is an escape in a string; most strings are short.
#[inline]
fn has_backslash(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    if text.len() > 40 {
        return memchr::memchr(b'\\', text).is_some();
    }
    let Some(last) = text.last_chunk::<8>() else {
        return text.contains(&b'\\');
    };
    // The lowest of the highest bits that are set is that of a byte that is zero.
    let met = |eight: &[u8; 8]| {
        let bytes = u64::from_le_bytes(*eight) ^ (ONES * u64::from(b'\\'));
        bytes.wrapping_sub(ONES) & !bytes & (ONES * 0x80)
    };
    let (words, _) = text.as_chunks::<8>();
    words.iter().fold(met(last), |all, word| all | met(word)) != 0
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields {
                    all: Vec::with_capacity(32),
                    marks: Vec::with_capacity(32),
                    ..Fields::default()
                };
                while let Some(key) = map.next_key_seed(Key)? {
                    let raw: &'de RawValue = map.next_value()?;
                    fields.marks.push(split::mark(&key));
                    let key = match key {
                        Cow::Borrowed(key) => key,
                        Cow::Owned(key) => {
                            fields.decoded.push((fields.all.len(), key));
                            ""
                        }
                    };
                    fields.all.push((key, Value(raw.get())));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The value of one key, of a repeated key the last.
struct Member<'k>(&'k str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key_seed(Key)? {
            if key == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A key, borrowed wherever it has no escapes (serde's own `Cow` always copies).
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_as_written() {
        let fields = Fields::parse(
            r#"{"id":7189254512345678901,"n":null,"c":"12.0","d":-1,"e":"","x":{"y":[1,"a"]},"id":2,"k\u0065y":true}"#,
        )
        .unwrap();
        assert_eq!(
            fields.literal("id").unwrap(),
            "2",
            "the last of a repeated key counts"
        );
        assert!(fields.get("n").is_none() && fields.has("n"));
        assert_eq!(fields.count("c"), Some(12));
        assert_eq!((fields.count("d"), fields.count("e")), (None, None));
        assert_eq!(fields.object("x").array("y").len(), 2);
        assert_eq!(fields.flag("key"), Some(true));
    }

    #[test]
    fn one_member_is_what_the_whole_object_says() {
        let text = r#"{"a":1,"b":{"a":2},"c":null,"a":3,"k\u0065y":"\ud83d"}"#;
        let object = Value(text).object().unwrap();
        for key in ["a", "b", "c", "key", "none"] {
            assert_eq!(Value(text).member(key), object.get(key), "{key}");
        }
        assert_eq!(Value("[1]").member("a"), None);
        let flat = Fields::parse(r#"{"x/y":1,"x.y":2,"z/y":3}"#).unwrap();
        assert_eq!(flat.flattened("x", "y").unwrap().count(), Some(2));
        assert_eq!(flat.flattened("z", "y").unwrap().count(), Some(3));
        assert!(flat.flattened("x", "").is_none());
    }

    #[test]
    fn fields_picked_together_are_those_that_are_found_alone() {
        static KEYS: Wanted<3> = Wanted::new(["a", "b", "longer"]);
        let fields = Fields::parse(r#"{"a":1,"x":2,"longer":null,"a":3,"q":4}"#).unwrap();
        let picked = fields.pick(&KEYS).map(|value| value.map(Value::as_json));
        assert_eq!(picked, [Some("3"), None, Some("null")]);
    }

    #[test]
    fn digits_are_read_as_any_number_is() {
        for text in ["0", "7", "\"42\"", "007", "9999999999999999999"] {
            let plain: u64 = text.trim_matches('"').parse().unwrap();
            assert_eq!(
                (Value(text).digits(), Value(text).count()),
                (Some(plain), Some(plain))
            );
        }
        for text in [
            "",
            "\"\"",
            "-1",
            "1.0",
            "1e3",
            "12345678901234567890",
            "null",
            "\"",
            "[1]",
        ] {
            assert_eq!(Value(text).digits(), None, "{text}");
        }
        assert_eq!(
            Value("12345678901234567890").count(),
            Some(12_345_678_901_234_567_890)
        );
    }

    #[test]
    fn texts_are_mended() {
        let fields =
            Fields::parse(r#"{"a":"x\ud83dy","b":"a\u0000b","c":"\ud83d\ude00"}"#).unwrap();
        assert_eq!(fields.text("a").unwrap(), "x\u{fffd}y");
        assert_eq!(fields.text("b").unwrap(), "ab");
        assert_eq!(fields.text("c").unwrap(), "😀");
    }

    #[test]
    fn floats_are_no_counts() {
        for text in [r#""53.3M""#, "1.5", "1e3", r#""1 000""#, r#""٣""#] {
            assert_eq!(Value(text).count(), None, "{text}");
        }
    }
}
