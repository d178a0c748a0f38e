//! Files cut off, bent and mended: what is lost, what is kept, what is told.

use std::io::Write as _;

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_file_that_ends_inside_a_record_loses_only_that() {
    let (a, b) = (web(A), web(B));
    let half = &b[..b.len() / 2];
    for file in [
        format!("[{a},{half}"),
        format!("[\n{a},\n{half}"),
        format!("{a}\n{half}"),
        format!(r#"{{"itemList":[{a},{half}"#),
        format!(r#"{{"data":{{"videos":[{a},{half}"#),
        format!(r#"{{"ItemModule":{{"1":{a},"2":{half}"#),
    ] {
        let read = read_all(&file);
        assert_eq!(
            (read.summary.posts, read.summary.rejected),
            (1, 1),
            "{file}\n{read:?}"
        );
        assert!(
            read.found[1].contains("the file ends inside this record"),
            "{:?}",
            read.found
        );
        assert!(!read.excerpts[0].contains("s3cret"));
    }
    let read = read_all(format!("[{a},"));
    assert_eq!((read.summary.posts, read.summary.rejected), (1, 1));
    assert_eq!(
        read_all(half).found,
        ["! record 1 at byte 0: the file ends inside this record"]
    );
}

#[test]
fn lines_that_are_no_json_are_rejected_one_by_one() {
    let file = format!(
        "{{broken\n{}\n<<<<<<< HEAD\n{}\n{{\"id\":}}\n12\n",
        web(A),
        web(B)
    );
    let read = read_all(&file);
    assert_eq!(
        (read.summary.posts, read.summary.rejected),
        (2, 4),
        "{read:?}"
    );
    assert!(read.found[0].starts_with("! line 1: not JSON"));
    assert!(read.found[2].starts_with("! line 3: not a JSON object"));
}

#[test]
fn damage_in_an_array_costs_one_record_where_records_start_lines() {
    for broken in [
        "{\"id\":\"1\"",
        "{\"id\":\"1}",
        "}",
        "{\"id\" 1}",
        "nonsense",
    ] {
        let file = format!("[\n{},\n{broken},\n{}\n]\n", web(A), web(B));
        let read = read_all(&file);
        assert_eq!(
            (read.summary.posts, read.summary.rejected),
            (2, 1),
            "{broken}: {read:?}"
        );
    }
    let read = read_all(format!("[{},{{\"id\":\"1}},{}]", web(A), web(B)));
    assert_eq!(read.summary.posts, 1);
    assert_eq!(
        read.summary.rejected, 1,
        "the rest is lost with one reason: {read:?}"
    );
}

#[test]
fn damaged_text_is_mended_and_counted() {
    let mut file = format!(
        "{}\n{}\n",
        web(A).replace("& co", "\\ud83d \\u0000"),
        web(B).replace("& co", "caf\u{1} \0")
    )
    .into_bytes();
    let at = file.iter().position(|byte| *byte == 1).unwrap();
    file[at] = 0xE9;
    let read = read_all(&file);
    assert_eq!(read.summary.posts, 2, "{read:?}");
    assert_eq!(read.summary.notes.len(), 4, "{:?}", read.summary.notes);
    assert!(read.raw[0].contains("\\ufffd \\u0000"));
    assert!(read.raw[1].contains("caf\u{fffd} \""));
}

#[test]
fn error_rows_of_apify_are_counted() {
    let file = format!(
        r#"[{{"url":"u","error":"not found","errorCode":"NOT_FOUND"}},{{"id":"{A}","text":"x","createTimeISO":"2023-04-22T17:23:49.000Z","webVideoUrl":"u","authorMeta":{{}}}}]"#
    );
    let read = read_all(&file);
    assert_eq!(
        (read.summary.posts, read.summary.rejected),
        (1, 0),
        "{read:?}"
    );
    assert_eq!(
        read.summary.notes,
        ["1 error rows of the tool were skipped"]
    );
}

#[test]
fn a_damaged_archive_gives_what_was_unpacked() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder
        .write_all(format!("{}\n{}\n", web(A), web(B)).as_bytes())
        .unwrap();
    let packed = encoder.finish().unwrap();
    let read = read_all(&packed[..packed.len() - 20]);
    assert_eq!(read.summary.posts, 1);
    assert!(
        read.found
            .last()
            .unwrap()
            .contains("compressed data is damaged"),
        "{read:?}"
    );
}

#[test]
fn an_unclosed_quote_ends_the_table_not_the_memory() {
    let mut file =
        format!("id,thread_id,author_full,body\n{A},{A},x,fine\n{B},{B},x,\"open ").into_bytes();
    file.resize(crate::json::VALUE_LIMIT + 3_000_000, b'y');
    let read = read_all(&file);
    assert_eq!((read.summary.posts, read.summary.rejected), (1, 1));
    assert!(read.found[1].contains("row 3: this row is larger than 64 MiB"));
}

#[test]
fn a_record_above_the_limit_is_passed_over() {
    let huge = "x".repeat(crate::json::VALUE_LIMIT + 10);
    let file = format!("[{},{{\"id\":\"{huge}\"}},{}]", web(A), web(B));
    let read = read_all(&file);
    assert_eq!(read.found.len(), 3);
    assert!(
        read.found[1].ends_with("larger than 64 MiB"),
        "{}",
        read.found[1]
    );
    assert_eq!(read.excerpts[0].len(), 200);
}

#[test]
fn merge_conflict_marks_do_not_hide_the_rows() {
    let file = format!(
        "id,thread_id,author_full\n<<<<<<< HEAD\n{A},{A},x\n=======\n{B},{B},y\n>>>>>>> 1\n"
    );
    let read = read_all(&file);
    assert_eq!((read.summary.posts, read.summary.rejected), (2, 3));
}
