//! Whatever the bytes, nothing panics and nothing is counted twice.

use proptest::prelude::*;

use super::*;

/// Whatever comes, each finding is whole: valid JSON on one line, a reason, a short excerpt.
fn check(file: &[u8]) -> Option<u64> {
    let read = read_as(file, None).ok()?;
    for raw in &read.raw {
        assert!(!raw.contains(['\n', '\r']));
        assert!(
            serde_json::from_str::<serde_json::Value>(raw)
                .unwrap()
                .is_object()
        );
    }
    for excerpt in &read.excerpts {
        assert!(excerpt.chars().count() <= 200);
    }
    Some(read.summary.posts)
}

fn small_files() -> Vec<Vec<u8>> {
    let (a, b) = (web(A), web(B));
    let har = serde_json::json!({"log": {"entries": [{
        "startedDateTime": "2024-05-06T07:08:09Z",
        "request": {"url": "https://www.tiktok.com/api/post/item_list/"},
        "response": {"content": {"text": format!(r#"{{"itemList":[{a}]}}"#)}},
    }]}});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, format!("[{a},{b}]").as_bytes()).unwrap();
    vec![
        format!("[{a},{b}]").into_bytes(),
        format!("[\n{a},\n{b}\n]\n").into_bytes(),
        format!("{a}\n{b}\n").into_bytes(),
        format!(r#"{{"nav_index":"1","source_platform":"tiktok.com","timestamp_collected":1,"data":{a}}}"#).into_bytes(),
        format!(r#"{{"status_code":0,"data":[{{"type":1,"item":{a}}}]}}"#).into_bytes(),
        format!(r#"{{"ItemModule":{{"{A}":{a}}}}}"#).into_bytes(),
        format!(r#"<script id="SIGI_STATE">{{"ItemModule":{{"{A}":{a}}}}}</script>"#).into_bytes(),
        format!("id,thread_id,author_full,body\n{A},{A},x,\"a\"\"b\"\n").into_bytes(),
        format!(r#"[[3,"u",{a}]]"#).into_bytes(),
        har.to_string().into_bytes(),
        gzip.finish().unwrap(),
        ruzstd::encoding::compress_to_vec(a.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest),
    ]
}

#[test]
fn every_truncation_is_survived() {
    for file in small_files() {
        let whole = check(&file).unwrap();
        for end in 0..file.len() {
            assert!(check(&file[..end]).unwrap_or(0) <= whole);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(file in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&file);
    }

    #[test]
    fn any_json_like_text_is_survived(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\n", " ", "1", "\"id\"", "\"data\"", "\"item\"",
                "\"type\"", "\"itemList\"", "\"log\"", "\"entries\"", "\"videos\"", "\"ItemModule\"",
                "\"7189254512345678901\"", "\"desc\":\"x\"", "\"statusCode\"", "\"_cotag\"", "null",
                "\"__import_meta\"", "\"source_platform\"", "\"tiktok.com\"", "\"__DEFAULT_SCOPE__\"",
            ]),
            0..40,
        )
    ) {
        check(parts.concat().as_bytes());
    }

    #[test]
    fn flipped_bytes_are_survived(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let files = small_files();
        let mut file = files[which.index(files.len())].clone();
        for (at, byte) in flips {
            let at = at.index(file.len());
            file[at] = byte;
        }
        check(&file);
    }
}

#[test]
fn deep_nesting_is_survived() {
    let deep = 200_000;
    for (open, close) in [
        ("[", "]"),
        ("{\"data\":", "}"),
        ("{\"data\":{\"videos\":[", "]}}"),
        ("{\"item\":", "}"),
    ] {
        let text = format!("{}1{}", open.repeat(deep), close.repeat(deep));
        check(text.as_bytes());
        check(format!("[{text}]").as_bytes());
        check(format!("{text}\n{text}").as_bytes());
    }
}
