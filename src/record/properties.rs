//! Properties of the whole room: whatever a file holds, it is read or refused.

use proptest::prelude::*;

use super::{Recogniser, Unreadable, read, read_outline, recognise, recognise_header};
use crate::json::Fields;
use crate::model::{Counts, Format, Post, caption_tags};

/// Keys that the readers ask for, at whatever depth.
const KEYS: &[&str] = &[
    "id",
    "desc",
    "createTime",
    "author",
    "uniqueId",
    "user",
    "video",
    "duration",
    "music",
    "title",
    "authorName",
    "textExtra",
    "hashtagName",
    "challenges",
    "contents",
    "stats",
    "statsV2",
    "playCount",
    "diggCount",
    "imagePost",
    "images",
    "imageURL",
    "urlList",
    "locationCreated",
    "textLanguage",
    "isAd",
    "adAuthorization",
    "hashtag_names",
    "video_description",
    "username",
    "create_time",
    "view_count",
    "music_id",
    "region_code",
    "video_id",
    "text",
    "authorMeta",
    "authorMeta/name",
    "authorMeta.name",
    "name",
    "createTimeISO",
    "hashtags",
    "hashtags/0/name",
    "hashtags/99999999999/name",
    "webVideoUrl",
    "isSlideshow",
    "secretID",
    "error",
    "errorCode",
    "mediaUrls",
    "thread_id",
    "author_full",
    "body",
    "timestamp",
    "unix_timestamp",
    "tiktok_url",
    "video_url",
    "video_timestamp",
    "video_diggcount",
    "video_title",
    "video_length",
    "author_name",
    "formats",
    "extractor",
    "webpage_url",
    "upload_date",
    "vcodec",
    "artists",
    "uploader",
    "aweme_id",
    "statistics",
    "text_extra",
    "hashtag_name",
    "cha_list",
    "download_addr",
    "url_list",
    "share_url",
    "",
    "\u{feff}id",
];

/// Values that have gone wrong somewhere, or are just inside what is allowed.
const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "7.5e18",
    "1e400",
    "7189254512345678901",
    "18446744073709551616",
    "99999999999999",
    "253402207200",
    "9223372036854775807",
    r#""""#,
    r#""7189254512345678901""#,
    r#""7189254512345670000""#,
    r#""7,52E+18""#,
    r#""-9999-01-01""#,
    r#""9999-12-31T23:59:59""#,
    r#""2024-03-31T17:53:27""#,
    r#""20240331""#,
    r#""99999999""#,
    r#""\ud83d""#,
    r#""\u0000""#,
    r#""https://www.tiktok.com/@a/video/7189254512345678901""#,
    r#""https://tiktok.com/@/photo/""#,
    r#""//tiktok.com/v/v/v""#,
    r#""['a', 'b""#,
    r#""c(\"a\", \"\\u""#,
    r#""é,@,#,＃""#,
    r#""REDACTED""#,
];

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => prop::sample::select(VALUES).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        1 => any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[{}]", values.join(","))),
            object(inner, 0..6),
        ]
    })
}

fn object(
    value: impl Strategy<Value = String>,
    size: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(KEYS), value), size).prop_map(|fields| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::to_string(key).unwrap()))
            .collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #[test]
    fn no_record_panics_in_any_format(json in object(value(), 0..24)) {
        let fields = Fields::parse(&json).unwrap();
        let mut recogniser = Recogniser::default();
        for _ in 0..2 {
            prop_assert_eq!(recogniser.recognise(&fields), recognise(&fields));
        }
        let columns: Vec<&str> = fields.iter().map(|(key, _)| key).collect();
        let _ = recognise_header(&columns);
        for format in Format::ALL {
            let outline = read_outline(format, &fields);
            prop_assert_eq!(outline.clone().err(), read(format, &fields).err());
            if let Ok(post) = read(format, &fields) {
                let outline = outline.unwrap();
                let views = outline.counts.views;
                prop_assert_eq!(
                    &Post { counts: Counts { views, ..post.counts }, music: post.music.clone(), duration: post.duration, ..outline },
                    &post
                );
                prop_assert_eq!(post.format, format);
                prop_assert!(post.listed_tags.iter().all(|tag| !tag.is_empty() && !tag.starts_with(['@', '#'])));
                prop_assert!(post.region.as_deref().is_none_or(|region| region.len() == 2));
                prop_assert!(post.duration != Some(0));
                prop_assert!(post.link().starts_with("http"));
                let _ = caption_tags(post.caption.as_deref().unwrap_or_default()).count();
            }
        }
    }

    #[test]
    fn ids_come_out_as_they_went_in(id in 1_u64..1 << 63, as_text: bool) {
        let quote = if as_text { "\"" } else { "" };
        for (format, key) in [
            (Format::Web, "id"), (Format::Research, "id"), (Format::Scraper, "id"),
            (Format::PyktokCsv, "video_id"), (Format::YtDlp, "id"), (Format::Aweme, "aweme_id"),
        ] {
            let json = format!("{{\"{key}\":{quote}{id}{quote}}}");
            let fields = Fields::parse(&json).unwrap();
            prop_assert_eq!(read(format, &fields).map(|post| post.id.get()), Ok(id));
        }
    }

    #[test]
    fn floats_never_become_ids(id in any::<f64>().prop_filter("a number", |id| id.is_finite())) {
        let json = format!("{{\"id\":{id:e}}}");
        let fields = Fields::parse(&json).unwrap();
        prop_assert!(matches!(read(Format::Web, &fields), Err(Unreadable::Id(_))));
    }

    #[test]
    fn a_header_and_its_rows_are_told_alike(columns in prop::collection::vec(prop::sample::select(KEYS), 0..20)) {
        let row: Vec<String> = columns.iter().map(|column| format!("{}:\"\"", serde_json::to_string(column).unwrap())).collect();
        let row = format!("{{{}}}", row.join(","));
        let by_row = recognise(&Fields::parse(&row).unwrap()).filter(|format| format.is_table());
        let by_header = recognise_header(&columns);
        // The byte order mark is cut off in a header alone.
        if !columns.contains(&"\u{feff}id") {
            prop_assert_eq!(by_row, by_header);
        }
    }
}
