//! Files that are no posts, and the reason that each is given.

use super::*;

#[test]
fn empty_files_are_told_apart() {
    for file in ["", " \n\n", "\u{feff}"] {
        assert!(matches!(refused(file), FileError::Empty), "{file:?}");
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, b"").unwrap();
    assert!(matches!(
        refused(encoder.finish().unwrap()),
        FileError::Empty
    ));
}

#[test]
fn comments_and_other_platforms_are_refused_by_name() {
    let line = |platform: &str| {
        format!(
            r#"{{"nav_index":"1","item_id":"2","source_platform":"{platform}","data":{{"id":"3","text":"x"}}}}"#
        )
    };
    assert!(matches!(
        refused(line("tiktok-comments")),
        FileError::Comments
    ));
    let twitter = refused(line("twitter.com"));
    assert!(matches!(&twitter, FileError::OtherPlatform { platform } if platform == "twitter.com"));
    assert!(matches!(
        refused(r#"{"comments":[{"cid":"1","text":"x"}],"status_code":0}"#),
        FileError::Comments
    ));
    assert!(matches!(
        refused(r#"[{"cid":"7","text":"x"}]"#),
        FileError::Comments
    ));
}

#[test]
fn id_lists_and_personal_exports_are_refused() {
    assert!(matches!(
        refused(r#"{"anime": ["6895846066961337601", "6883604590525156609"], "f1": []}"#),
        FileError::IdList
    ));
    for start in [
        r#"{"Activity":{}}"#,
        r#"{"Ads and data":{},"Profile":{}}"#,
        "{\"Profile\":{},\n\"Video\":{}}",
    ] {
        assert!(
            matches!(refused(start), FileError::PersonalExport),
            "{start}"
        );
    }
}

#[test]
fn blocked_answers_are_not_no_posts() {
    for (file, wanted) in [
        (r#"{"statusCode":10101,"itemList":null}"#, "10101"),
        (r#"{"status_code": 8, "status_msg": "x"}"#, "8"),
        (
            r#"{"data":{},"error":{"code":"rate_limit_exceeded","message":"x"}}"#,
            "rate_limit_exceeded",
        ),
    ] {
        let why = refused(file);
        assert!(
            matches!(&why, FileError::Blocked { status } if status == wanted),
            "{file}: {why}"
        );
    }
    for file in [
        r#"{"statusCode":0,"itemList":[]}"#,
        r#"{"challengeInfo":{"challenge":{"id":"1"}},"statusCode":0}"#,
        r#"{"AppContext":{},"SEOState":{}}"#,
    ] {
        assert!(
            matches!(refused(file), FileError::NoPosts { .. }),
            "{file}: {}",
            refused(file)
        );
    }
}

#[test]
fn pages_without_state_are_refused() {
    assert!(matches!(
        refused("<html><body>SIGI_STATE {</body></html>"),
        FileError::NoPageState
    ));
}

#[test]
fn what_is_not_known_is_shown() {
    for file in [
        "hello world",
        "[1,2,3]",
        r#"{"a":1}"#,
        r#"[{"a":1},{"b":2}]"#,
        "{not json",
        "PK\u{3}\u{4}rest",
        "\u{0}\u{1}\u{2}",
        "[]",
    ] {
        let why = refused(file);
        assert!(
            matches!(
                why,
                FileError::Unrecognised { .. } | FileError::NoPosts { .. }
            ),
            "{file:?}: {why}"
        );
        assert!(!why.to_string().contains(char::is_control), "{why}");
    }
    let why = refused("name,age\nann,7\n").to_string();
    assert!(why.contains("\"name\", \"age\""), "{why}");
    assert!(refused("PK\u{3}\u{4}").to_string().contains("ZIP"));
}

#[test]
fn a_large_foreign_file_is_given_up_early() {
    let file = "{\"a\":1}\n".repeat(1000);
    let mut found = 0;
    let mut input = file.as_bytes();
    let result = read(
        Input::Reader(&mut input),
        &ReadOptions::default(),
        &|_| {},
        &mut |_| {
            found += 1;
            ControlFlow::Continue(())
        },
    );
    assert!(matches!(result, Err(FileError::Unrecognised { .. })));
    assert_eq!(found, 0);
}

#[test]
fn secrets_are_in_no_error() {
    let file = r#"[{"cookie":"s3cret","u":"https://a/?msToken=s3cret"}]"#;
    let why = refused(file);
    assert!(!format!("{why} {why:?}").contains("s3cret"));
}
