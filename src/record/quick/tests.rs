//! The quick reading against the full one.

use proptest::prelude::*;

use super::super::{Stored, Unreadable};
use super::keys::ROLES;
use super::*;
use crate::model::spelling;

/// Reads a line in both ways; says whether the quick reading took it.
fn compare(reader: &mut Reader, line: &[u8]) -> bool {
    // Something stands before and behind it, as in a file.
    let block = [b"{\"a\":\"\\\\\"},\n", line, b",\n{\"id\":\"2\"}\n"].concat();
    let (start, end) = (12, 12 + line.len());
    let text = String::from_utf8_lossy(line);
    let full = Stored::read(&text);
    // As a line, and as a record among others of a single line.
    let single = [b"[{\"a\":\"\\\\\"},", line, b", {\"id\":\"2\"}]"].concat();
    let summary = |read: &Read<'_>| {
        let brief = &read.brief;
        (brief.id, brief.created, read.origin, brief.listed.len())
    };
    let among = reader.read(&single, start);
    let among = among.filter(|read| read.end == end).as_ref().map(summary);
    let read = reader.read(&block, start).filter(|read| read.end == end);
    assert_eq!(among, read.as_ref().map(summary), "{text}");
    assert!(
        read.is_none() || !line.iter().any(|&byte| byte < 0x20),
        "{text}"
    );
    let Some(Read { brief, origin, .. }) = read else {
        return false;
    };
    let full = match full {
        // Damage inside a value that nobody asked for.
        Err(Unreadable::Json(_)) => return true,
        full => full.expect("what the full reading refuses is not read quickly"),
    };
    same(&brief, origin, &full, &text);
    true
}

/// Both say the same of a record.
fn same(brief: &Brief<'_>, origin: Option<Origin>, full: &Stored<'_>, text: &str) {
    let post = &full.post;
    assert_eq!(brief.id, post.id, "{text}");
    assert_eq!(brief.created, post.created, "{text}");
    let lossy =
        |text: Option<&'_ [u8]>| text.map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(
        lossy(brief.author).as_deref(),
        post.author.as_deref(),
        "{text}"
    );
    assert_eq!(
        lossy(brief.language).as_deref(),
        post.language.as_deref(),
        "{text}"
    );
    let region = brief
        .region
        .map(|code| code.map(|letter| letter.to_ascii_uppercase()));
    let full_region = post.region.as_deref().map(str::as_bytes);
    assert_eq!(
        region.as_ref().map(<[u8; 2]>::as_slice),
        full_region,
        "{text}"
    );
    assert_eq!((brief.format, origin), (post.format, full.origin), "{text}");
    let names: Vec<Cow<'_, str>> = brief.names().map(name_text).collect();
    let names: Vec<&str> = names.iter().map(|name| spelling(name)).collect();
    assert_eq!(names, post.listed_tags, "{text}");
    if names.is_empty() {
        assert_eq!(brief.caption, post.caption, "{text}");
    }
}

const WEB: &str = r#"{"id":"7448222677682146582","desc":"look #Sürpriz","createTime":1734174484,"author":{"id":"6","uniqueId":"ramz.a"},"locationCreated":"tr","textLanguage":"un","textExtra":[{"type":1,"hashtagName":"sürpriz"},{"hashtagName":""},{"hashtagName":"\u0444yp"}],"challenges":[{"title":"Sürpriz"}],"video":{"a":[{"b":"}]"}]},"stats":{}}"#;
const RESEARCH: &str = r##"{"id":7455843246682524961,"create_time":1735948798,"username":"x","region_code":"GB","video_description":"#fyp \"quoted\" \\","hashtag_names":["family","HandWash"],"video_label":{"hashtag_names":["no"]},"like_count":0}"##;
const SEALED: &str =
    r#","_cotag":{"origin":"import","format":"research","run":"20261121T201500Z-0"}}"#;

#[test]
fn records_as_programs_write_them_are_read_quickly() {
    let mut reader = Reader::default();
    let sealed = format!("{}{SEALED}", RESEARCH.strip_suffix('}').unwrap());
    let spaced = serde_json::to_string_pretty(
        &serde_json::json!({"id": 5, "username": "a", "create_time": 7}),
    )
    .unwrap()
    .replace("\n  ", " ")
    .replace("{ ", "{")
    .replace('\n', "");
    let page_state = WEB.replace(r#"{"id":"6","uniqueId":"ramz.a"}"#, r#""ramz.a""#);
    let no_tags = RESEARCH.replace(r#"["family","HandWash"]"#, "[]");
    let untimed = WEB.replace(r#""createTime":1734174484"#, r#""createTime":"""#);
    for line in [
        WEB,
        RESEARCH,
        &sealed,
        &spaced,
        &page_state,
        &no_tags,
        &untimed,
        WEB,
    ] {
        assert!(compare(&mut reader, line.as_bytes()), "{line}");
    }
}

#[test]
fn what_is_odd_is_left_to_the_full_reading() {
    let mut reader = Reader::default();
    for (from, to) in [
        // A key twice, escaped, or with white space before its colon.
        (r#""like_count":0"#, r#""id":5"#),
        (r#""like_count":0"#, r#""hashtag_names":[]"#),
        (r#""hashtag_names""#, r#""hashtag\u005fnames""#),
        (r#""hashtag_names":"#, r#""hashtag_names" :"#),
        // Names that have to be cleaned first, and what is no name.
        (r#""family""#, r##""#family""##),
        (r#""family""#, r#""\u0040family""#),
        (r#""family""#, "\"\u{3000}family\""),
        (r#""family""#, "5"),
        (r#"["family","HandWash"]"#, r#""family, HandWash""#),
        // Ids that are none.
        ("7455843246682524961", "7.4e18"),
        ("7455843246682524961", "07455843246682524961"),
        ("7455843246682524961", "9223372036854775808"),
        ("7455843246682524961", "null"),
        // A rounded id beside a link that holds the true one.
        (
            r#""like_count":0"#,
            r#""share_url":"https://www.tiktok.com/@a/video/7455843246682524961","id2":0"#,
        ),
        // A comment, an author that has to be looked at, and text that is no JSON.
        (r#""like_count":0"#, r#""parent_comment_id":0"#),
        (r#""username":"x""#, r#""username":"@x""#),
        (r#""username":"x""#, r#""username":"\u0000""#),
        ("\"like_count\":0}", "\"like_count\":0"),
        ("\"like_count\":0}", "\"like_count\":0}}"),
        ("\"like_count\":0}", "\"like_count\":0,}"),
        ("\"like_count\":0", "\"like_count\" 0"),
        ("{\"id\"", "{,\"id\""),
    ] {
        let mut line = RESEARCH.replace(from, to);
        if to.contains("share_url") {
            line = line.replacen("7455843246682524961", "7455843246682524000", 1);
        }
        assert_ne!(line, RESEARCH, "{from}");
        assert!(!compare(&mut reader, line.as_bytes()), "{line}");
    }
}

#[test]
fn a_second_blank_before_a_value_hid_region_and_language() {
    let mut reader = Reader::default();
    for (line, key) in [(RESEARCH, "region_code"), (WEB, "textLanguage")] {
        let colon = format!("\"{key}\":");
        for (blanks, taken) in [(" ", true), ("  ", false)] {
            let spaced = line.replace(&colon, &format!("{colon}{blanks}"));
            let spaced = spaced.replace("\"un\"", "\"en\"");
            assert_eq!(compare(&mut reader, spaced.as_bytes()), taken, "{spaced}");
        }
    }
}

proptest! {
    #[test]
    fn whole_numbers_are_read_as_the_standard_library_does(
        text in "[0-9]{0,22}|[0-9]{0,12}[!-~][0-9]{0,12}",
    ) {
        let expected = text.parse().ok().filter(|_| text.len() < 20 && !text.starts_with('+'));
        prop_assert_eq!(whole_number(text.as_bytes()), expected);
    }
}

/// Values of all types, many of them in the wrong place.
fn value() -> impl Strategy<Value = String> {
    let text = "([a-z#@ {}\\[\\],:é＃]|\\\\\"|\\\\\\\\|\\\\u00[0-4][0-9a-f]|\\\\ud83d|\\\\ude00|\\\\n|\"id\"){0,8}"
        .prop_map(|text| format!("\"{}\"", text.replace("\"id\"", "\\\"id\\\":")));
    let leaf = prop_oneof![
        4 => text,
        2 => Just("7448222677682146582".to_owned()),
        1 => Just("7448222677682146600".to_owned()),
        1 => Just("\"7448222677682146582\"".to_owned()),
        1 => Just("\"https://www.tiktok.com/@a/video/7448222677682146582\"".to_owned()),
        1 => Just("\"REDACTED\"".to_owned()),
        1 => "\"([A-Za-z]{2}|un|[a-z]{2}-[A-Z]{2}|\\\\u0041b)\"",
        1 => "null|true|-?[1-9][0-9]{0,11}|0|0\\.[0-9]{1,3}|[1-9]e[0-9]",
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key(), inner), 0..4).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(key, value)| format!("{key}:{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(
        ROLES
            .iter()
            .map(|(_, name, _)| *name)
            .chain([
                "hashtagName",
                "title",
                "uniqueId",
                "cid",
                "share_url",
                "like_count",
                "video",
                "stats",
                "locationCreated",
                "textLanguage",
                "region_code",
                "origin",
                "format",
                "hashtag\\u005fnames",
                "\\u0069d",
                "x\\\"id",
                "aweme_id",
            ])
            .collect::<Vec<_>>(),
    );
    known.prop_map(|key| format!("\"{key}\""))
}

fn tags() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        3 => "[a-zéф#@]{0,3}",
        1 => "\\\\u0(444|023|040|020)[a-z]{0,2}",
        1 => Just("\\ud83d\\ude00".to_owned()),
    ];
    let name = name.prop_map(|name| format!("\"{name}\""));
    prop_oneof![
        prop::collection::vec(name.clone(), 0..4)
            .prop_map(|names| format!("[{}]", names.join(","))),
        prop::collection::vec((name, "hashtagName|title|x"), 0..4).prop_map(|names| {
            let items = names
                .into_iter()
                .map(|(name, key)| format!("{{\"type\":1,\"{key}\":{name}}}"));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }),
    ]
}

fn record() -> impl Strategy<Value = String> {
    let usual = prop_oneof![
        Just(vec![
            ("\"id\"", "\"7448222677682146582\""),
            ("\"createTime\"", "5"),
            ("\"desc\"", "\"#a\"")
        ]),
        Just(vec![
            ("\"id\"", "7448222677682146582"),
            ("\"create_time\"", "5"),
            ("\"username\"", "\"a\"")
        ]),
    ];
    let listed = (
        prop::sample::select(vec!["textExtra", "challenges", "hashtag_names"]),
        tags(),
    )
        .prop_map(|(key, list)| (format!("\"{key}\""), list));
    let envelope = Just((
        "\"_cotag\"".to_owned(),
        "{\"origin\":\"import\",\"format\":\"web\"}".to_owned(),
    ));
    let other = prop_oneof![3 => (key(), value()), 3 => listed, 1 => envelope];
    let style = prop::sample::select(vec![
        (":", ","),
        (": ", ", "),
        (":  ", ",  "),
        (" :", " ,\t"),
    ]);
    (
        usual,
        prop::collection::vec(other, 0..6),
        style,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(usual, mut members, (colon, comma), at)| {
            let at = at.index(members.len() + 1);
            let usual = usual
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()));
            members.splice(at..at, usual);
            let members = members
                .into_iter()
                .map(|(key, value)| format!("{key}{colon}{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(comma))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_quick_reading_says_what_the_full_one_says(records in prop::collection::vec(record(), 1..8)) {
        let mut reader = Reader::default();
        for line in records.iter().chain(&records) {
            compare(&mut reader, line.as_bytes());
        }
    }

    #[test]
    fn cut_and_damaged_lines_are_never_misread(
        records in prop::collection::vec(record(), 1..4),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut reader = Reader::default();
        for line in &records {
            compare(&mut reader, line.as_bytes());
            let mut damaged = line.as_bytes().to_vec();
            for (at, byte) in &places {
                let at = at.index(line.len());
                prop_assert!(!compare(&mut reader, &line.as_bytes()[..at]), "cut at {}: {}", at, line);
                damaged[at] = if *byte == b'\n' { 0xff } else { *byte };
            }
            compare(&mut reader, &damaged);
        }
    }
}
