//! The index on disk: what it holds, what it notices, how it grows.

use sha2::{Digest as _, Sha256};

use super::super::runs::hex;
use super::*;

/// A record of each kind of source.
const RECORDS: [&str; 8] = [
    r#"{"id":"7189254512345678901","desc":"a #London day","createTime":1673870000,"author":{"uniqueId":"ann"},"stats":{"playCount":12,"diggCount":1},"textExtra":[{"hashtagName":"london","type":1},{"hashtagName":"Fyp","type":1}],"locationCreated":"GB","textLanguage":"en","isAd":false,"_cotag":{"origin":"import","format":"web","run":"r"}}"#,
    r#"{"id":7171870750322720768,"create_time":1669831283,"username":"bob","region_code":"TH","video_description":"x #rome","hashtag_names":["rome","ROME"],"view_count":0,"_cotag":{"origin":"research","format":"research","run":"r"}}"#,
    r#"{"id":7171870750322720769,"create_time":1669831283,"username":"bob","region_code":"TH","video_description":"x #Rome","hashtag_names":[],"_cotag":{"origin":"research","format":"research","run":"r"}}"#,
    r##"{"id":"7189254512345678902","text":"#a #b","createTime":1673870000,"authorMeta":{"name":"cy"},"hashtags":[{"name":"a"}],"playCount":5,"_cotag":{"origin":"import","format":"tiktok-scraper","run":"r"}}"##,
    r#"{"id":"7189254512345678903","title":"t #dog","timestamp":1673870001,"uploader":"dee","view_count":7,"webpage_url":"https://www.tiktok.com/@dee/video/7189254512345678903","description":"d #dog","extractor":"TikTok","_cotag":{"origin":"import","format":"yt-dlp","run":"r"}}"#,
    r##"{"aweme_id":"7189254512345678904","desc":"#cat","create_time":1673870002,"author":{"unique_id":"eve"},"statistics":{"play_count":9},"text_extra":[{"hashtag_name":"cat","type":1}],"region":"US","_cotag":{"origin":"import","format":"aweme","run":"r"}}"##,
    r##"{"id":"7189254512345678905","text":"#x","createTimeISO":"2023-01-16T12:00:00.250Z","authorMeta":{"name":"fay"},"hashtags":[{"name":"x"}],"playCount":5,"webVideoUrl":"https://www.tiktok.com/@fay/video/7189254512345678905","_cotag":{"origin":"import","format":"apify","run":"r"}}"##,
    r#"{"id":"7189254512345678906","desc":"nothing known","_cotag":{"origin":"import","format":"web","run":"r"}}"#,
];

fn file(records: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.json");
    fs::write(&data, format!("[\n{}\n]\n", records.join(",\n"))).unwrap();
    (folder, data)
}

fn table() -> Columns {
    let (_folder, data) = file(&RECORDS);
    built(&data, 8).unwrap().unwrap().remove(0)
}

/// Where this fails, records are read otherwise than when indexes were written: count `VERSION` up
/// and enter the new hash.
#[test]
fn an_index_is_as_old_as_what_records_are_read_to_say() {
    let table = table();
    let mut tag = 0;
    let rows: Vec<String> = (0..table.posts)
        .map(|post| format!("{:?}", table.row(post, &mut tag)))
        .collect();
    let hash = hex(&Sha256::digest(rows.join("\n").as_bytes()));
    assert_eq!((VERSION, &hash[..16]), (1, "ce690a104a888187"), "{rows:#?}");
}

#[test]
fn damage_of_any_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.columns");
    let table = table();
    segment::write(&path, &table).unwrap();
    assert_eq!(segment::read(&path, &Column::ALL), Some(table.clone()));
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        assert_eq!(segment::read(&path, &Column::ALL), None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(segment::read(&path, &Column::ALL), None, "cut at {at}");
    }
}

#[test]
fn a_part_of_the_columns_is_as_in_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.columns");
    let table = table();
    segment::write(&path, &table).unwrap();
    let part = segment::read(&path, &[Column::Totals, Column::Views]).unwrap();
    assert_eq!((&part.uses, &part.views), (&table.uses, &table.views));
    assert!(part.tags.is_empty() && part.spellings.is_empty() && part.author.is_empty());
}

#[test]
fn nothing_but_whole_posts_is_indexed() {
    for records in [
        vec![RECORDS[0], RECORDS[0]],
        vec![RECORDS[0], r#"{"id":"x"}"#],
        vec![RECORDS[0], "{"],
    ] {
        let (_folder, data) = file(&records);
        assert_eq!(built(&data, records.len() as u64).unwrap(), None);
    }
    let (_folder, data) = file(&RECORDS);
    assert_eq!(built(&data, 7).unwrap(), None, "another number of posts");
}

#[test]
fn segments_are_merged_and_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let posts = folder.path();
    let data = posts.join("data.json");
    let mut stored = Vec::new();
    for round in 0..60_u64 {
        let before = stored.len() as u64;
        let mut extension = Extension::open(posts, before);
        assert!(extension.base.is_some(), "round {round}");
        for number in 0..=(round * 7 % 5) {
            let record = RECORDS[usize::try_from(number).unwrap()];
            let id = format!("71{:017}", round * 10 + number);
            let old = Stored::read(record).unwrap().post.id.to_string();
            stored.push(record.replace(&old, &id));
        }
        for text in &stored[usize::try_from(before).unwrap()..] {
            let read = Stored::read(text).unwrap();
            extension.push(&read.post, read.origin);
        }
        fs::write(&data, format!("[\n{}\n]\n", stored.join(",\n"))).unwrap();
        let ledger = Ledger {
            head: Some(format!("{round:064}").chars().rev().collect()),
            ..Ledger::default()
        };
        extension.save(posts, &ledger, stored.len() as u64).unwrap();
        assert_eq!(fault(posts), None, "round {round}");
    }
    let index = Index::open(posts).unwrap();
    assert!(index.segments() < 8, "{}", index.segments());
    assert_eq!(index.posts(), stored.len() as u64);
    let files = fs::read_dir(folder.path().join("index")).unwrap().count();
    assert_eq!(files, index.segments() + 1, "what was merged is gone");

    // Another time, another length, another end.
    fs::write(&data, fs::read(&data).unwrap()).unwrap();
    assert!(Index::open(posts).is_none());
    let extension = Extension::open(posts, stored.len() as u64);
    let ledger = Ledger::default();
    extension.save(posts, &ledger, stored.len() as u64).unwrap();
    assert_eq!(Index::open(posts).unwrap().posts(), stored.len() as u64);
}
