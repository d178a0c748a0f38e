//! Repairs that keep a record's length and everything around the damage.

use std::borrow::Cow;

/// Replaces `\uD83D` without its other half by `\ufffd`, so that strict parsers read the text.
///
/// Takes JSON text; the answer has the same length.
pub fn lone_surrogates(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(step) = memchr::memchr(b'\\', &bytes[at..]) {
        at += step;
        at += match (code_unit(bytes, at), code_unit(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                mended.get_or_insert_with(|| bytes.to_vec())[at + 2..at + 6]
                    .copy_from_slice(b"fffd");
                6
            }
            _ => 2,
        };
        if at >= bytes.len() {
            break;
        }
    }
    match mended.map(String::from_utf8) {
        Some(Ok(text)) => Cow::Owned(text),
        _ => Cow::Borrowed(json),
    }
}

/// The code unit of a `\uXXXX` at this place.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_halves_are_replaced() {
        for (given, mended) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83dx""#, r#""\ufffd\ufffdx""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\uD83D\uD83D\uDE00""#, r#""\ufffd\uD83D\uDE00""#),
            (r#""ends in \""#, r#""ends in \""#),
        ] {
            assert_eq!(lone_surrogates(given), mended, "{given}");
        }
    }
}
