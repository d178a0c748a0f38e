//! Blanking secrets in a raw record: access tokens in links, cookies. Everything else stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Parameters of links whose values open something, or tell who was looking. In lower case.
const PARAMETERS: [&str; 30] = [
    "x-signature",
    "signature",
    "_signature",
    "vsignature",
    "x-tos-signature",
    "x-tos-authkey",
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "refresh_token",
    "access_token",
    "mstoken",
    "x-bogus",
    "x-gnarly",
    "verifyfp",
    "fp",
    "device_id",
    "deviceid",
    "odinid",
    "tk",
    "iid",
    "webidlasttime",
    "s_v_web_id",
    "ttwid",
    "sessionid",
    "session_id",
    "sid_tt",
    "csrf_token",
    "tt_chain_token",
    "tt_csrf_token",
];

/// Keys whose strings are secrets. In lower case.
const KEYS: [&str; 19] = [
    "cookie",
    "cookies",
    "set-cookie",
    "mstoken",
    "ttwid",
    "sessionid",
    "sessionid_ss",
    "sid_tt",
    "tt_chain_token",
    "tt_csrf_token",
    "csrftoken",
    "csrf_token",
    "csrfsessionid",
    "developer_token",
    "refresh_token",
    "access_token",
    "verifyfp",
    "odinid",
    "s_v_web_id",
];

/// Parts of all names above, as TikTok spells them: one pass finds the places worth a look.
///
/// Few and not shorter than three bytes, so that the search can use vector instructions.
const TRACES: [&str; 24] = [
    "ignature",
    "authkey",
    "redential",
    "oken",
    "Bogus",
    "Gnarly",
    "verifyFp",
    "device_id",
    "deviceId",
    "odinId",
    "LastTime",
    "web_id",
    "ttwid",
    "session_id",
    "sessionid",
    "sid_tt",
    "ookie",
    "csrfsession",
    "tk=",
    "tk%3",
    "fp=",
    "fp%3",
    "iid=",
    "iid%3",
];

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(TRACES)
        .ok()
});

/// Blanks the values of secret link parameters and secret keys in JSON text.
///
/// `…&x-signature=abc&t=1` becomes `…&x-signature=&t=1`, `"cookies": "a=b"` becomes `"cookies": ""`.
/// The answer is valid JSON if the text was.
pub fn redact(json: &str) -> Cow<'_, str> {
    let Some(search) = SEARCH.as_ref() else {
        return Cow::Owned(String::new());
    };
    let mut blanked: Option<String> = None;
    let mut kept = 0;
    for trace in search.find_iter(json) {
        if trace.start() < kept {
            continue;
        }
        let Some((start, end)) = secret(json, trace.start()).filter(|(start, end)| start < end)
        else {
            continue;
        };
        let text = blanked.get_or_insert_with(|| String::with_capacity(json.len()));
        text.push_str(&json[kept..start]);
        kept = end;
    }
    match blanked {
        Some(mut text) => {
            text.push_str(&json[kept..]);
            Cow::Owned(text)
        }
        None => Cow::Borrowed(json),
    }
}

/// Where the secret stands that belongs to the name around this place, if it is one.
fn secret(json: &str, trace: usize) -> Option<(usize, usize)> {
    let bytes = json.as_bytes();
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // No name is longer; a cut one is none of ours.
    let before = &bytes[trace.saturating_sub(40)..trace];
    let start = trace - before.iter().rev().take_while(is_name).count();
    let end = trace + bytes[trace..].iter().take(40).take_while(is_name).count();
    match bytes.get(end)? {
        b'=' => parameter_value(json, start, end, false),
        b'%' if json[end + 1..].starts_with("3D") || json[end + 1..].starts_with("3d") => {
            parameter_value(json, start, end, true)
        }
        b'"' if json[..start].ends_with('"') && is_one_of(&KEYS, &json[start..end]) => {
            string_value(json, end + 1)
        }
        _ => None,
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Where the value of a link's parameter stands, if its name is one to blank.
///
/// `encoded` is a parameter of a link inside a link: `…%26x-signature%3D…`.
fn parameter_value(json: &str, start: usize, end: usize, encoded: bool) -> Option<(usize, usize)> {
    let before = &json[..start];
    // What looks like the name's start may be the end of an escaped `&` or `?`.
    let separator = if before.ends_with(['?', '&']) || before.ends_with("&amp;") {
        0
    } else if before.ends_with('\\') && json[start..].starts_with("u0026") {
        5
    } else if before.ends_with('%')
        && ["26", "3F", "3f"]
            .iter()
            .any(|code| json[start..].starts_with(code))
    {
        2
    } else {
        return None;
    };
    let name = json.get(start + separator..end)?;
    if !is_one_of(&PARAMETERS, name) {
        return None;
    }
    if !in_link(before) {
        return None;
    }
    let value = end + if encoded { 3 } else { 1 };
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'&' | b'"' | b'#' | b'\\' | b'\'' | b'<' | b'>' | b','
            )
    };
    let rest = &json.as_bytes()[value..];
    let mut length = rest.iter().position(ends).unwrap_or(rest.len());
    if encoded {
        // The next parameter starts with an encoded `&` or `#`.
        let inside = &json[value..value + length];
        let next = ["%26", "%23"]
            .iter()
            .filter_map(|mark| inside.find(mark))
            .min();
        length = next.unwrap_or(length);
    }
    Some((value, value + length))
}

/// Whether the text ends inside a link: a caption that says `?signature=x` is none.
///
/// Looks back only so far; what is longer without a space is taken for a link.
fn in_link(before: &str) -> bool {
    const FAR: usize = 4096;
    let near = &before.as_bytes()[before.len().saturating_sub(FAR)..];
    let starts =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>');
    let link = match near.iter().rposition(starts) {
        Some(at) => &near[at + 1..],
        None if near.len() == FAR => return true,
        None => near,
    };
    link.first() == Some(&b'/')
        || ["//", "\\/\\/", "%2F%2F", "%2f%2f"]
            .iter()
            .any(|slashes| memchr::memmem::find(link, slashes.as_bytes()).is_some())
}

/// Where the inside of the string behind a key stands; `None` if something else follows.
fn string_value(json: &str, key_end: usize) -> Option<(usize, usize)> {
    let rest = json[key_end..].trim_ascii_start().strip_prefix(':')?;
    let inside = rest.trim_ascii_start().strip_prefix('"')?;
    let start = json.len() - inside.len();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inside.as_bytes().get(at..)?)?;
        if inside.as_bytes()[at] == b'"' {
            return Some((start, start + at));
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_become_empty() {
        for (given, blanked) in [
            (
                r#"{"u":"https://a/b?x-expires=1&x-signature=Ab%2F1%3D&t=4"}"#,
                r#"{"u":"https://a/b?x-expires=1&x-signature=&t=4"}"#,
            ),
            (
                r#"{"u":"https:\/\/a\/b?dr=1\u0026refresh_token=ab\u0026tk=tt_chain_token","b":"tk=1"}"#,
                r#"{"u":"https:\/\/a\/b?dr=1\u0026refresh_token=\u0026tk=","b":"tk=1"}"#,
            ),
            (
                r#"{"u":"https://a/?signature=x&amp;msToken=y#z","v":"https://b/?X-Bogus=1 and ?X-Bogus=1"}"#,
                r#"{"u":"https://a/?signature=&amp;msToken=#z","v":"https://b/?X-Bogus= and ?X-Bogus=1"}"#,
            ),
            (
                r#"{"u":"/api/?WebIdLastTime=1&device_id=2&count=3&verifyFp=verify_x"}"#,
                r#"{"u":"/api/?WebIdLastTime=&device_id=&count=3&verifyFp="}"#,
            ),
            (
                r#"{"u":"https://a/?u=https%3A%2F%2Fb%3Fx-signature%3Dab%252F%26t%3D1"}"#,
                r#"{"u":"https://a/?u=https%3A%2F%2Fb%3Fx-signature%3D%26t%3D1"}"#,
            ),
            (
                r#"{"cookies":"a=\"b\"; c","Cookie" : "d","msToken":"e","cookie":7}"#,
                r#"{"cookies":"","Cookie" : "","msToken":"","cookie":7}"#,
            ),
        ] {
            assert_eq!(redact(given), blanked, "{given}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            r#"{"signature":"bio of an account","desc":"is ?signature=x a link"}"#,
            r#"{"u":"https://a/?x-signature=&x-expires=12","cookies":""}"#,
            r#"{"u":"https://a/?mytoken=12&policy=2&nottk=3","text":"\"cookie\" jar"}"#,
            r#"{"desc":"my \"cookie\": \"yum\""}"#,
        ] {
            assert!(
                matches!(redact(text), Cow::Borrowed(_)),
                "{text} {}",
                redact(text)
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_twice_is_once(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "\"", "\\", "&", "?", "https://a", "x-signature=", "tk=", "\\u0026", "%26",
                    "%3D", "signature%3D", "\"cookie\"", ":", "é", "\u{2028}", "#", "abc", " ",
                ]),
                0..20,
            )
        ) {
            let text = parts.concat();
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once), once.as_str());
        }
    }
}
