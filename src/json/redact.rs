//! Blanking secrets in a raw record: access tokens in links, cookies. Everything else stays.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// Parameters of links whose values open something, or tell who was looking.
const PARAMETERS: [&str; 34] = [
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
    "web_id",
    "webid",
    "wid",
    "s_v_web_id",
    "ttwid",
    "sessionid",
    "session_id",
    "sid_tt",
    "csrftoken",
    "csrf_token",
    "tt_chain_token",
    "tt_csrf_token",
];

/// Keys whose strings are secrets.
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

/// What every parameter and key above ends in, or is: one pass finds the places worth a look.
///
/// A short name on its own (`tk`) must come with the character before it.
static TRACES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut traces: Vec<String> = Vec::new();
    for ending in [
        "signature",
        "authkey",
        "credential",
        "token",
        "bogus",
        "gnarly",
        "verifyfp",
        "device_id",
        "deviceid",
        "odinid",
        "webidlasttime",
        "web_id",
        "webid",
        "ttwid",
        "session_id",
        "sessionid",
        "sid_tt",
    ] {
        traces.push(format!("{ending}="));
        traces.push(format!("{ending}%3d"));
    }
    for short in ["tk", "fp", "iid", "wid"] {
        for before in ["?", "&", "u0026", "amp;"] {
            traces.push(format!("{before}{short}="));
        }
        traces.push(format!("%26{short}%3d"));
        traces.push(format!("%3f{short}%3d"));
    }
    traces.extend(KEYS.iter().map(|key| format!("\"{key}\"")));
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .build(traces)
        .ok()
});

/// Blanks the values of secret link parameters and secret keys in JSON text.
///
/// `…&x-signature=abc&t=1` becomes `…&x-signature=&t=1`, `"cookies": "a=b"` becomes `"cookies": ""`.
/// The answer is valid JSON if the text was.
pub fn redact(json: &str) -> Cow<'_, str> {
    let Some(traces) = TRACES.as_ref() else {
        return Cow::Owned(String::new());
    };
    let mut blanked: Option<String> = None;
    let mut kept = 0;
    for trace in traces.find_iter(json) {
        if trace.start() < kept {
            continue;
        }
        let found = &json[trace.range()];
        let secret = if found.starts_with('"') {
            string_value(json, trace.end())
        } else {
            parameter_value(json, trace.start(), trace.end())
        };
        let Some((start, end)) = secret.filter(|(start, end)| start < end) else {
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

/// Where the value of a link's parameter stands, if the name before it is one to blank.
fn parameter_value(json: &str, trace: usize, value: usize) -> Option<(usize, usize)> {
    let bytes = json.as_bytes();
    let encoded = !json[..value].ends_with('=');
    let equals = if encoded { value - 3 } else { value - 1 };
    // The trace may be a name's end (`x-signature`) or start before it (`&tk`).
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = bytes[..equals]
        .iter()
        .rev()
        .take_while(|byte| is_name(byte))
        .count();
    let mut start = equals - length;
    let before = &json[..start];
    if encoded {
        let rest = before.strip_suffix('%')?;
        let separator = json.get(rest.len() + 1..rest.len() + 3)?;
        if !separator.eq_ignore_ascii_case("26") && !separator.eq_ignore_ascii_case("3f") {
            return None;
        }
        start += 2;
    } else if before.ends_with('\\') && json[start..].starts_with("u0026") {
        start += 5;
    } else if !before.ends_with(['?', '&']) && !before.ends_with("&amp;") {
        return None;
    }
    let name = json[start..equals.max(start)].to_ascii_lowercase();
    if start > trace + 6 || !PARAMETERS.contains(&name.as_str()) || !in_link(before) {
        return None;
    }
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(
                byte,
                b'&' | b'"' | b'#' | b'\\' | b'\'' | b'<' | b'>' | b','
            )
    };
    let rest = &bytes[value..];
    let mut end = rest.iter().position(ends).unwrap_or(rest.len());
    if encoded {
        // Inside a link inside a link the next parameter starts with an encoded `&` or `#`.
        let next = ["%26", "%23"]
            .iter()
            .filter_map(|mark| json[value..value + end].find(mark))
            .min();
        end = next.unwrap_or(end);
    }
    Some((value, value + end))
}

/// Whether the text ends inside a link: a caption that says `?signature=x` is none.
fn in_link(before: &str) -> bool {
    let start = before
        .bytes()
        .rposition(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>'))
        .map_or(0, |at| at + 1);
    let link = &before.as_bytes()[start..];
    link.first() == Some(&b'/')
        || memchr::memmem::find(link, b"//").is_some()
        || memchr::memmem::find(link, b"\\/\\/").is_some()
        || memchr::memmem::find(link, b"%2F%2F").is_some()
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
