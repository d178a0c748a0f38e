//! Tests of reading a `data.json`: layouts, torn ends, damage, several threads.

use std::path::PathBuf;

use pretty_assertions::assert_eq;

use super::super::blocks::BLOCK;
use super::*;
use crate::record::{Stored, Unreadable};

struct Text {
    folder: tempfile::TempDir,
}

impl Text {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("data.json"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data.json")
    }

    fn layout(&self) -> Layout {
        layout(&self.path()).unwrap()
    }

    /// Ids and offsets of the records in the order of the file, and how the scan ended.
    fn scan(&self) -> (Vec<(u64, u64)>, ScanEnd) {
        let (states, end) = scan(&self.path(), &Vec::new, &collect).unwrap();
        let mut found = states.concat();
        found.sort_unstable();
        (found, end)
    }

    fn ids(&self) -> Vec<u64> {
        self.scan().0.into_iter().map(|(_, id)| id).collect()
    }
}

fn collect(found: &mut Vec<(u64, u64)>, line: Line<'_>) -> Verdict {
    match Stored::read(line.text) {
        Ok(stored) => found.push((line.offset, stored.post.id.get())),
        Err(Unreadable::Json(_)) => return Verdict::NotJson,
        Err(_) => {}
    }
    Verdict::Read
}

fn post(id: u64) -> String {
    format!("{{\"id\":\"{id}\",\"desc\":\"a\",\"createTime\":5}}")
}

fn ours(ids: &[u64]) -> String {
    let posts: Vec<String> = ids.iter().map(|&id| post(id)).collect();
    format!("[\n{}\n]\n", posts.join(",\n"))
}

#[test]
fn layouts_are_told_by_how_a_file_starts() {
    let one = post(1);
    for (text, layout) in [
        (String::new(), Layout::Empty),
        (" \n\t\r\n".into(), Layout::Empty),
        ("\u{feff}".into(), Layout::Empty),
        ("[\n]\n".into(), Layout::Lines),
        ("[\n".into(), Layout::Lines),
        (ours(&[1, 2]), Layout::Lines),
        (format!("\u{feff}{}", ours(&[1])), Layout::Lines),
        (ours(&[1, 2]).replace('\n', "\r\n"), Layout::Lines),
        (format!("[\n{one}"), Layout::Lines),
        (format!("[\n{}", &one[..10]), Layout::Lines),
        ("[]".into(), Layout::Other),
        ("[".into(), Layout::Other),
        (format!("[{one}]"), Layout::Other),
        (format!("[\n  {one}\n]"), Layout::Other),
        ("[\n{\n\"id\": 1}]".into(), Layout::Other),
        ("[\n{\"id\": \"1\",\n\"a\": 2}]".into(), Layout::Other),
        (one, Layout::Other),
    ] {
        assert_eq!(Text::new(&text).layout(), layout, "{text:?}");
    }
}

#[test]
fn every_layout_gives_the_same_records() {
    let (one, two, three) = (post(1), post(2), post(3));
    for text in [
        ours(&[1, 2, 3]),
        format!("\u{feff}{}", ours(&[1, 2, 3])),
        ours(&[1, 2, 3]).replace('\n', "\r\n"),
        format!("[{one},{two},{three}]"),
        format!("[{one}, {two}, {three}]\n"),
        format!("[{one},\n{two},\n{three}]\n"),
        format!("[\n{one},\n{two},\n{three}]"),
        format!("[\n{one},\n{two},\n{three} ]"),
        format!("[\n{one}\n,{two}\n,{three}\n]"),
        format!("[\n{one},\n\n  {two}  ,\n{three}\n\n]\n\n"),
        format!("[\n{one},\n{two}, {three}\n]\n"),
        format!("[\n{one},\n{}\n]", two.replace(',', ",\n") + "," + &three),
        format!(
            "[ {} ]",
            [one, two, three].join(" ,\n\t").replace(':', " :\n ")
        ),
    ] {
        let text = Text::new(&text);
        let (found, end) = text.scan();
        let ids: Vec<u64> = found.iter().map(|(_, id)| *id).collect();
        let bytes = fs::read_to_string(text.path()).unwrap();
        assert_eq!(ids, [1, 2, 3], "{bytes}");
        assert!(
            end.torn.is_none() && end.damaged.is_empty(),
            "{bytes}: {end:?}"
        );
    }
}

#[test]
fn an_unfinished_record_is_torn_and_the_others_are_there() {
    let whole = ours(&[1, 2, 3]);
    let second = whole.find(&post(2)).unwrap();
    let third = whole.find(&post(3)).unwrap();
    for cut in 3..whole.len() - 2 {
        let text = Text::new(&whole[..cut]);
        let (found, end) = text.scan();
        let complete = [
            3 + post(1).len(),
            second + 1 + post(2).len(),
            third + 1 + post(3).len(),
        ];
        let expected = complete.iter().filter(|&&at| at <= cut + 1).count();
        assert_eq!(found.len(), expected, "{cut}");
        assert!(
            end.torn.is_some() && end.damaged.is_empty(),
            "{cut}: {end:?}"
        );
    }
    let (_, end) = Text::new(&whole[..third + 5]).scan();
    assert_eq!(end.torn, Some(third as u64));
    let (_, end) = Text::new(whole.trim_end_matches("\n]\n")).scan();
    assert_eq!(end.torn, Some(whole.len() as u64 - 3));
}

#[test]
fn damage_in_the_middle_sends_the_file_through_the_walk() {
    for (broken, ids) in [
        ("{\"id\":\"2\",\"desc\":\"a", vec![1, 3]),
        ("{\"id\":\"2\",\"desc\":a\"}", vec![1, 3]),
        ("}}}]]]", vec![1, 3]),
        ("\u{0}\u{0}\u{0}", vec![1, 3]),
        ("\"id\":\"2\"}", vec![1, 3]),
    ] {
        let text = format!("[\n{},\n{broken},\n{}\n]\n", post(1), post(3));
        let text = Text::new(text);
        assert_eq!(text.layout(), Layout::Lines);
        assert_eq!(text.ids(), ids, "{broken:?}");
        let (_, end) = text.scan();
        assert!(!end.damaged.is_empty(), "{broken:?}");
        assert!(
            end.damaged
                .iter()
                .all(|damage| damage.offset >= post(1).len() as u64),
            "{end:?}"
        );
    }
}

#[test]
fn posts_behind_a_record_without_an_end_were_taken_for_its_torn_rest() {
    let open = "{\"id\":\"2\",\"a\":{\"b\":{";
    let text = format!(
        "[\n{},\n{open},\nx,\n{},\n{}\n]\n",
        post(1),
        post(3),
        post(4)
    );
    let (found, end) = Text::new(text).scan();
    let ids: Vec<u64> = found.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, [1, 3, 4]);
    assert!(end.torn.is_none() && !end.damaged.is_empty());
}

#[test]
fn an_array_that_seemed_to_end_early_hid_all_posts_behind_it_without_a_word() {
    // A bracket lost in one record and one gained in another keep the balance.
    for middle in ["{\"id\":\"2\",\"a\":1}],\"b\":2}", "{\"id\":\"2\"}]", "]"] {
        let text = format!(
            "[\n{},\n{middle},\n{},\n{}\n]\n",
            post(1),
            post(3),
            post(4).replace(":5", ":5{")
        );
        let text = Text::new(text + &ours(&[5, 6])[2..]);
        let (found, end) = text.scan();
        let ids: Vec<u64> = found.iter().map(|(_, id)| *id).collect();
        assert!(
            [1, 3, 5, 6].iter().all(|id| ids.contains(id)),
            "{middle}: {ids:?}"
        );
        assert!(!end.damaged.is_empty(), "{middle}");
        let bytes = fs::read(text.path()).unwrap();
        for (offset, _) in found {
            assert!(bytes[usize::try_from(offset).unwrap()..].starts_with(b"{\"id\""));
        }
    }
}

#[test]
fn a_damaged_first_bracket_hid_every_post() {
    let text = Text::new(ours(&[1, 2]).replacen('[', "{", 1));
    assert_eq!(text.ids(), [1, 2]);
    let (found, end) = text.scan();
    assert_eq!(end.damaged.len(), 1);
    let whole = Text::new(ours(&[1, 2]));
    assert_eq!(found, whole.scan().0, "offsets are those in the file");
    // What is no array of lines gives nothing, and says so.
    let (found, end) = Text::new("{\"a\": 1}").scan();
    assert!(found.is_empty() && end.damaged.len() == 1);
}

#[test]
fn records_that_are_no_posts_do_not_count_as_damage_of_the_file() {
    let text = Text::new(format!(
        "[\n{},\n{{\"hello\":1}},\n{}\n]\n",
        post(1),
        post(2)
    ));
    let (found, end) = text.scan();
    assert_eq!(found.len(), 2);
    assert!(end.torn.is_none() && end.damaged.is_empty());
}

#[test]
fn bytes_that_are_no_utf_8_are_read_as_they_can_be() {
    let mut text = ours(&[1, 2]).into_bytes();
    let at = text.iter().position(|&byte| byte == b'a').unwrap();
    text[at] = 0xFF;
    assert_eq!(Text::new(text).ids(), [1, 2]);
}

#[test]
fn several_threads_find_what_one_finds() {
    // Some blocks of a megabyte; each record is told by its offset and its id.
    let filler = "x".repeat(900);
    let ids: Vec<u64> = (1..=6000)
        .map(|number| if number % 1000 == 0 { 1 } else { number })
        .collect();
    let posts: Vec<String> = ids
        .iter()
        .map(|id| format!("{{\"id\":\"{id}\",\"desc\":\"{filler}\",\"createTime\":5}}"))
        .collect();
    let text = Text::new(format!("[\n{}\n]\n", posts.join(",\n")));
    assert!(fs::metadata(text.path()).unwrap().len() > 4 * BLOCK as u64);
    let (found, end) = text.scan();
    assert!(end.torn.is_none() && end.damaged.is_empty());
    assert_eq!(found.iter().map(|(_, id)| *id).collect::<Vec<_>>(), ids);
    let mut walked = Vec::new();
    walk_records(&text.path(), &mut |line| collect(&mut walked, line)).unwrap();
    assert_eq!(found, walked, "lines and walk agree on every place");
}

#[test]
fn a_line_longer_than_a_block_is_one_record() {
    let long = format!(
        "{{\"id\":\"7\",\"desc\":\"{}\",\"createTime\":5}}",
        "y".repeat(3 * BLOCK)
    );
    let text = Text::new(format!("[\n{},\n{long},\n{}\n]\n", post(1), post(2)));
    assert_eq!(text.ids(), [1, 7, 2]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in proptest::collection::vec(proptest::sample::select(&b"[]{}\",:\n\r\\ 1a\xff\0"[..]), 0..200)
    ) {
        let text = Text::new(bytes);
        text.scan();
    }

    #[test]
    fn no_damage_to_one_byte_costs_more_than_two_posts(at in 0_usize..1000, byte: u8) {
        let mut bytes = ours(&[1, 2, 3, 4, 5, 6]).into_bytes();
        let at = at % (bytes.len() - 1);
        bytes[at] = byte;
        let found = Text::new(bytes).ids();
        let left = (1..=6).filter(|id| found.contains(id)).count();
        proptest::prop_assert!(left >= 4, "{found:?}");
    }
}

#[test]
fn a_line_longer_than_a_block_may_be_is_read_in_order() {
    // In tests lines of more than 4 KB are not gathered to be read on all cores.
    let long = post(2).replace("\"a\"", &format!("\"{}\"", "a".repeat(20_000)));
    let file = Text::new(format!("[\n{},\n{long},\n{}\n]\n", post(1), post(3)));
    let (found, end) = file.scan();
    let ids: Vec<u64> = found.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!((end.torn, end.damaged), (None, Vec::new()));
    // One that never ends costs no more, and hides none before it.
    let open = format!(
        "[\n{},\n{{\"id\":\"2\",\"desc\":\"{}",
        post(1),
        "a".repeat(20_000)
    );
    let file = Text::new(&open);
    let (found, end) = file.scan();
    assert_eq!(found.len(), 1);
    assert!(end.torn.is_some() && end.damaged.is_empty());
}

#[test]
fn posts_that_are_added_while_a_file_is_read_are_no_damage() {
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::sync::atomic::{AtomicBool, Ordering};

    let first: Vec<u64> = (1..=40).collect();
    let behind = [
        b",\n",
        post(41).as_bytes(),
        b",\n",
        post(42).as_bytes(),
        b"\n]\n",
    ]
    .concat();
    // As much of it as may be there when somebody reads.
    for written in [1, 2, 10, behind.len() - 3, behind.len()] {
        let file = Text::new(ours(&first));
        let added = AtomicBool::new(false);
        let (states, end) = scan(&file.path(), &Vec::new, &|found: &mut Vec<_>, line| {
            if !added.swap(true, Ordering::Relaxed) {
                let mut open = fs::OpenOptions::new()
                    .write(true)
                    .open(file.path())
                    .unwrap();
                open.seek(SeekFrom::End(-3)).unwrap();
                open.write_all(&behind[..written]).unwrap();
            }
            collect(found, line)
        })
        .unwrap();
        let mut ids: Vec<u64> = states.concat().into_iter().map(|(_, id)| id).collect();
        ids.sort_unstable();
        assert_eq!(ids, first, "{written}");
        assert_eq!(end.damaged, [], "{written}");
    }
}
