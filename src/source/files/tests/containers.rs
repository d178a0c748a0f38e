//! Every kind of file and tool, one small made-up file each.

use std::io::Write as _;

use base64::Engine as _;
use pretty_assertions::assert_eq;

use super::*;

#[test]
fn arrays_objects_and_lines_hold_the_same_posts() {
    let (a, b) = (web(A), web(B));
    let pretty = |text: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).unwrap())
            .unwrap()
    };
    for (file, kind) in [
        (format!("[{a},{b}]"), "tiktok.com items (JSON array)"),
        (
            format!("\u{feff}[\n{a},\n{b}\n]\n"),
            "tiktok.com items (JSON array)",
        ),
        (
            pretty(&format!("[{a},{b}]")),
            "tiktok.com items (JSON array)",
        ),
        (format!("[{a}]\n[{b}]"), "tiktok.com items (JSON array)"),
        (
            format!("\u{feff}{a}\r\n\r\n{b}\r\n"),
            "tiktok.com items (JSON, a record per line)",
        ),
        (
            format!("{a},\n{b},\n"),
            "tiktok.com items (JSON, a record per line)",
        ),
        (
            format!("{}\n{}", pretty(&a), pretty(&b)),
            "tiktok.com items (JSON)",
        ),
    ] {
        let read = read_all(&file);
        assert_eq!(kind_and_ids(&file), (kind.to_owned(), vec![A, B]), "{file}");
        for raw in &read.raw {
            assert!(!raw.contains('\n') && !raw.contains("s3cret"));
            assert!(
                serde_json::from_str::<serde_json::Value>(raw)
                    .unwrap()
                    .is_object()
            );
        }
    }
    assert_eq!(kind_and_ids(web(A)).1, [A]);
}

#[test]
fn records_stay_byte_for_byte_but_for_secrets() {
    let record = web(A).replace(":5}", ": 5.0 , \"x\":1e3}");
    let read = read_all(format!("[ {record} ]"));
    assert_eq!(read.raw, [record.replace("s3cret", "")]);
}

#[test]
fn places_can_be_looked_up() {
    let first = format!("[\n  {},\n  {}\n]", web(A), web(B));
    let byte = first.rfind("{\"id\"").unwrap();
    assert_eq!(
        read_all(&first).found,
        [
            format!("{A} record 1 at byte 4"),
            format!("{B} record 2 at byte {byte}")
        ]
    );
    assert_eq!(
        read_all(format!("{}\n\n{}\n", web(A), web(B))).found,
        [format!("{A} line 1"), format!("{B} line 3")]
    );
}

#[test]
fn gzip_and_zstd_are_unpacked_frame_by_frame() {
    let file = format!("{}\n{}\n", web(A), web(B));
    let (first, second) = file.split_at(300);
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |text: &str| {
        ruzstd::encoding::compress_to_vec(
            text.as_bytes(),
            ruzstd::encoding::CompressionLevel::Fastest,
        )
    };
    let skipped = b"\x50\x2A\x4D\x18\x03\x00\x00\x00abc".to_vec();
    for packed in [
        gzip(&file),
        [gzip(first), gzip(second)].concat(),
        zstd(&file),
        [zstd(first), skipped, zstd(second)].concat(),
    ] {
        let read = read_all(&packed);
        assert_eq!(read.found, [format!("{A} line 1"), format!("{B} line 2")]);
        assert_eq!(read.summary.bytes, packed.len() as u64);
    }
}

#[test]
fn the_hash_is_of_the_stored_bytes() {
    let read = read_all(r#"{"id":"7189254512345678901","desc":"","author":"x"}"#);
    assert_eq!(
        read.summary.sha256,
        "ee289081ad9bf657f3a9d32f95dc93f51dac6c6ceb5679ca166150d8565f6b41"
    );
}

#[test]
fn zeeschuimer_lines_are_opened() {
    let line = |id: u64| {
        format!(
            r#"{{"nav_index":"1:4:0","item_id":"{id}","timestamp_collected":1697108706245,"source_platform":"tiktok.com","source_url":"https://www.tiktok.com/api/x?msToken=s3cret","data":{},"id":9}}"#,
            web(id)
        )
    };
    let read = read_all(format!("{}\n{}\n", line(A), line(B)));
    assert_eq!(read.summary.kind, "Zeeschuimer NDJSON");
    assert_eq!(
        read.found,
        [
            format!("{A} line 1 2023-10-12T11:05:06.245Z"),
            format!("{B} line 2 2023-10-12T11:05:06.245Z")
        ]
    );
    assert_eq!(read.raw[0], web(A).replace("s3cret", ""));
}

#[test]
fn four_cat_lines_lose_their_envelope() {
    let item = web(A);
    let meta = r#"{"source_platform": "tiktok.com", "timestamp_collected": 1697108706245, "source_url": "u"}"#;
    let line = format!("{}, \"__import_meta\": {meta}}}", &item[..item.len() - 1]);
    let read = read_all(&line);
    assert_eq!(read.summary.kind, "4CAT NDJSON");
    assert_eq!(read.found, [format!("{A} line 1 2023-10-12T11:05:06.245Z")]);
    assert_eq!(read.raw, [item.replace("s3cret", "")]);
}

#[test]
fn our_own_posts_lose_our_envelope() {
    let item = web(A);
    let own =
        r#""_cotag":{"origin":"import","format":"web","fetched":"2024-01-02T03:04:05Z","run":"1"}"#;
    let read = read_all(format!("[\n{},{own}}}\n]\n", &item[..item.len() - 1]));
    assert_eq!(
        read.found,
        [format!("{A} record 1 at byte 2 2024-01-02T03:04:05Z")]
    );
    assert_eq!(read.raw, [item.replace("s3cret", "")]);
}

#[test]
fn answers_of_tiktok_are_opened() {
    let (a, b) = (web(A), web(B));
    for (file, kind) in [
        (
            format!(r#"{{"extra":{{}},"itemList":[{a},{b}],"statusCode":0}}"#),
            "tiktok.com answer",
        ),
        (
            format!("{{\n \"item_list\": [\n{a},\n{b}\n],\n\"status_code\": 0\n}}"),
            "tiktok.com search answer",
        ),
        (
            format!(
                r#"{{"status_code":203,"data":[{{"type":1,"item":{a}}},{{"type":4,"user_list":[]}},{{"type":1,"item":{b}}}]}}"#
            ),
            "tiktok.com search answer",
        ),
        (
            format!(r#"{{"AppContext":{{}},"ItemModule":{{"{A}":{a},"{B}":{b}}}}}"#),
            "TikTok page state",
        ),
        (
            format!(
                r#"{{"__DEFAULT_SCOPE__":{{"webapp.video-detail":{{"itemInfo":{{"itemStruct":{a}}},"statusCode":0}},"webapp.updated-items":[{b}]}}}}"#
            ),
            "TikTok page state",
        ),
        (
            format!("{{\"headers\":{{\"cookie\":\"x\"}},\"collector\":[{a},{b}]}}"),
            "tiktok-scraper result",
        ),
    ] {
        assert_eq!(kind_and_ids(&file), (kind.to_owned(), vec![A, B]), "{file}");
    }
    let read = read_all(format!(
        r#"{{"data":[{{"type":1,"item":{}}},{{"type":4,"users":[]}}]}}"#,
        web(A)
    ));
    assert_eq!(
        read.summary.notes,
        ["1 search results that are no posts (accounts, live rooms) were skipped"]
    );
}

#[test]
fn pages_are_opened() {
    let item = web(A);
    for state in [
        format!(
            r#"<script id="SIGI_STATE" type="application/json">{{"ItemModule":{{"1":{item}}}}}</script>"#
        ),
        format!(
            "<script>window['SIGI_STATE']={{\"ItemModule\":{{\"1\":{item}}}}};window['x']=1</script>"
        ),
        format!(
            r#"<script id="__UNIVERSAL_DATA_FOR_REHYDRATION__" type="application/json">{{"__DEFAULT_SCOPE__":{{"webapp.video-detail":{{"itemInfo":{{"itemStruct":{item}}}}}}}}}</script>"#
        ),
        format!(
            r#"<script id="__NEXT_DATA__" type="application/json" crossorigin="x">{{"props":{{"pageProps":{{"itemInfo":{{"itemStruct":{item}}}}}}}}}</script>"#
        ),
    ] {
        let page = format!("<!DOCTYPE html><html><body>SIGI_STATE {state}</body></html>");
        assert_eq!(
            kind_and_ids(&page),
            ("TikTok page (HTML)".to_owned(), vec![A]),
            "{page}"
        );
    }
}

#[test]
fn tools_with_wrappers_of_their_own_are_opened() {
    let research = |id: u64| {
        format!(r#"{{"id":{id},"video_description":"x","hashtag_names":[],"create_time":1}}"#)
    };
    let (a, b) = (research(A), research(B));
    let body = |id: u64| {
        format!(
            r#"{{"data":{{"videos":[{}],"cursor":1}},"error":{{"code":"ok"}}}}"#,
            research(id)
        )
    };
    let info = |id: u64| {
        format!(
            r#"{{"id":"{id}","formats":[],"extractor_key":"TikTok","description":"","uploader":"x","timestamp":1}}"#
        )
    };
    let aweme = |id: u64| format!(r#"{{"aweme_id":"{id}","desc":""}}"#);
    for (file, kind) in [
        (
            format!(
                r#"{{"error":{{"code":"ok"}},"data":{{"has_more":false,"videos":[{a},{b}]}}}}"#
            ),
            "Research API answer",
        ),
        (format!("{}\n{}\n", body(A), body(B)), "Research API answer"),
        (format!("[{},{}]", body(A), body(B)), "Research API answer"),
        (format!("[{a},{b}]"), "Research API (JSON array)"),
        (
            format!(
                r#"{{"_type":"playlist","id":"x","entries":[{},{}]}}"#,
                info(A),
                info(B)
            ),
            "yt-dlp playlist",
        ),
        (
            format!(
                r#"{{"username":"x","collected_at":"2026-05-06T07:14:03+00:00","videos":[{},{}]}}"#,
                info(A),
                info(B)
            ),
            "yt-dlp fields in a wrapper",
        ),
        (
            format!(
                r#"{{"status_code":0,"aweme_list":[{},{}]}}"#,
                aweme(A),
                aweme(B)
            ),
            "TikTok app API answer",
        ),
        (
            format!(
                r#"[[2,{{"category":"tiktok"}}],[3,"https://v",{}],[3,"",{}]]"#,
                web(A),
                web(B)
            ),
            "gallery-dl listing",
        ),
    ] {
        assert_eq!(kind_and_ids(&file), (kind.to_owned(), vec![A, B]), "{file}");
    }
    let read = read_all(format!(
        r#"{{"username":"x","collected_at":"2026-05-06T07:14:03+00:00","videos":[{}]}}"#,
        info(A)
    ));
    assert_eq!(
        read.found,
        [format!("{A} record 1 at byte 69 2026-05-06T07:14:03Z")]
    );
}

#[test]
fn har_entries_are_opened_one_by_one() {
    let body = format!(r#"{{"itemList":[{},{}],"statusCode":0}}"#, web(A), web(B));
    let entry = |path: &str, content: serde_json::Value| {
        serde_json::json!({
            "startedDateTime": "2024-05-06T07:08:09.123+02:00",
            "request": {"method": "GET", "url": format!("https://www.tiktok.com{path}?msToken=s3cret")},
            "response": {"status": 200, "content": content},
        })
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let json = "application/json";
    let list = "/api/challenge/item_list/";
    let cut = &body[..body.len() - 40];
    let har = serde_json::json!({"log": {"version": "1.2", "creator": {}, "pages": [], "entries": [
        entry("/other", serde_json::json!({"mimeType": json, "text": "{}"})),
        entry(list, serde_json::json!({"mimeType": json, "text": body})),
        entry(list, serde_json::json!({"mimeType": json, "text": base64(body.as_bytes()), "encoding": "base64"})),
        entry(list, serde_json::json!({"mimeType": json, "text": base64(&gzip.finish().unwrap()), "encoding": "base64"})),
        entry(list, serde_json::json!({"mimeType": json, "text": cut})),
        entry(list, serde_json::json!({"mimeType": json, "size": 7})),
        entry(list, serde_json::json!({"mimeType": json, "text": ""})),
        entry(list, serde_json::json!({"mimeType": json, "text": "{\"statusCode\":10101}"})),
        entry("/api/preload/item_list/", serde_json::json!({"mimeType": json, "text": body})),
        entry("/@ann", serde_json::json!({"mimeType": "text/html", "text":
            format!(r#"<script id="SIGI_STATE">{{"ItemModule":{{"1":{}}}}}</script>"#, web(A))})),
    ]}});
    for text in [har.to_string(), serde_json::to_string_pretty(&har).unwrap()] {
        let read = read_all(&text);
        assert_eq!(read.summary.kind, "HAR");
        let time = "2024-05-06T05:08:09.123Z";
        assert_eq!(
            read.found,
            [
                format!("{A} entry 2, item 1 {time}"),
                format!("{B} entry 2, item 2 {time}"),
                format!("{A} entry 3, item 1 {time}"),
                format!("{B} entry 3, item 2 {time}"),
                format!("{A} entry 4, item 1 {time}"),
                format!("{B} entry 4, item 2 {time}"),
                format!("{A} entry 5, item 1 {time}"),
                "! entry 5, item 2: the file ends inside this record".to_owned(),
                format!("{A} entry 10, item 1 {time}"),
            ]
        );
        assert!(!format!("{read:?}").contains("s3cret"));
        assert_eq!(read.summary.notes.len(), 3, "{:?}", read.summary.notes);
    }
}

#[test]
fn tables_become_objects_of_their_columns() {
    let columns = "id,thread_id,author,author_full,body,timestamp,hashtags";
    let row = |id: u64| {
        format!("{id},{id},ann,Ann,\"two\nlines; \"\"q\"\"\",2023-01-01 00:00:00,\"cat,dog\"")
    };
    let file = format!(
        "\u{feff}{columns}\r\n{}\r\n{},more\r\n{}\r\n",
        row(A),
        row(B),
        row(B)
    );
    let read = read_all(&file);
    assert_eq!(read.summary.kind, "4CAT CSV");
    assert_eq!(
        read.found,
        [
            format!("{A} row 2"),
            "! row 3: 8 cells where the header has 7 columns".to_owned(),
            format!("{B} row 4"),
        ]
    );
    assert!(read.raw[0].starts_with(&format!(r#"{{"id":"{A}","thread_id":"{A}","author":"ann""#)));
    assert!(
        read.raw[0].contains(r#""body":"two\nlines; \"q\"""#),
        "{}",
        read.raw[0]
    );
    let semicolons = format!(
        "{}\n{A};{A};ann;Ann;a,b;2023-01-01;cat",
        columns.replace(',', ";")
    );
    assert_eq!(
        kind_and_ids(semicolons),
        ("Zeeschuimer CSV".to_owned(), vec![A])
    );
    for (file, kind) in [
        (
            format!("\"id\",\"text\",\"createTime\",\"authorMeta.secUid\"\n\"{A}\",\"x\",1,\"s\""),
            "tiktok-scraper CSV",
        ),
        (
            format!("authorMeta/name,id,text,createTime\nann,{A},x,1"),
            "Apify CSV",
        ),
        (
            format!(
                "video_description,username,id,hashtag_names\nx,ann,{A},\"['a', \"\"b'c\"\"]\""
            ),
            "Research API CSV",
        ),
        (
            format!(
                "video_id,video_timestamp,video_diggcount,video_description\n{A},2024-01-01T00:00:00,1.0,x"
            ),
            "pyktok CSV",
        ),
    ] {
        assert_eq!(kind_and_ids(&file), (kind.to_owned(), vec![A]), "{file}");
    }
}

#[test]
fn a_given_format_is_used_for_the_records() {
    let file = format!("tag,id\ncat,{A}\n");
    let read = read_as(file.as_bytes(), Some(Format::ResearchCsv)).unwrap();
    assert_eq!(read.found, [format!("{A} row 2")]);
    let file = format!(r#"{{"data":{{"videos":[{{"id":{A}}}]}}}}"#);
    let read = read_as(file.as_bytes(), Some(Format::Research)).unwrap();
    assert_eq!(read.found.len(), 1);
    assert!(read.found[0].starts_with(&A.to_string()));
}

#[test]
fn reading_stops_when_asked() {
    let file = format!("[{},{}]", web(A), web(B));
    let mut count = 0;
    let mut input = file.as_bytes();
    let summary = read(
        Input::Reader(&mut input),
        &ReadOptions::default(),
        &|_| {},
        &mut |_| {
            count += 1;
            ControlFlow::Break(())
        },
    )
    .unwrap();
    assert_eq!((count, summary.posts, summary.sha256.as_str()), (1, 1, ""));
}

#[test]
fn progress_tells_the_bytes_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), web(A)).unwrap();
    let seen = std::cell::Cell::new(0);
    let summary = read(
        Input::Path(file.path()),
        &ReadOptions::default(),
        &|bytes| seen.set(bytes),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    assert_eq!(
        (seen.get(), summary.bytes),
        (web(A).len() as u64, web(A).len() as u64)
    );
}
