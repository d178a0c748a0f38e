//! Tests of telling what a whole file is.

use super::*;

/// The kind of a text, and how many posts and rejected records it gives.
fn kind(mut text: &[u8]) -> Result<(String, u64, u64), FileError> {
    let options = ReadOptions::default();
    let each = &mut |_: Found<'_>| ControlFlow::Continue(());
    let summary = read(Input::Reader(&mut text), &options, &|_| (), each)?;
    Ok((summary.kind, summary.posts, summary.rejected))
}

const POST: &str = r##"{"id":"7189254512345678901","desc":"#a","createTime":1714521600}"##;

#[test]
fn har_files_without_line_breaks_were_taken_for_lines_of_records() {
    let body = format!("{{\"itemList\":[{POST}]}}").replace('"', "\\\"");
    let har = format!(
        r#"{{"log":{{"creator":{{}},"entries":[{{"request":{{"url":"https://www.tiktok.com/api/challenge/item_list/"}},"response":{{"status":200,"content":{{"text":"{body}"}}}}}}]}}}}"#
    );
    for text in [har.clone(), har.replace(",\"entries\"", ",\n\"entries\"")] {
        let (kind, posts, rejected) = kind(text.as_bytes()).unwrap();
        assert_eq!((kind.as_str(), posts, rejected), ("HAR", 1, 0));
    }
}

#[test]
fn single_posts_and_lines_of_posts_are_told_apart() {
    for (text, posts) in [
        (POST.to_owned(), 1),
        (format!("{POST}\n{POST}\n"), 2),
        (format!("{POST} {POST}"), 2),
        (format!("[{POST},\n{POST}]"), 2),
    ] {
        let (_, found, rejected) = kind(text.as_bytes()).unwrap();
        assert_eq!((found, rejected), (posts, 0), "{text}");
    }
}
