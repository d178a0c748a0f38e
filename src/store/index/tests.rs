//! The index on disk: what it holds, what it notices, how it grows.

use sha2::{Digest as _, Sha256};

use super::super::runs::{Ledger, hex};
use super::segment::Opened;
use super::*;
use crate::model::{Builder, Hashtag, Origin, Tables as _, Window};
use crate::record::Stored;
use crate::store::{Run, Writer};

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
    let mut tables = Vec::new();
    let is_whole = built(&data, u64::MAX, &mut |table| {
        tables.push(table);
        Ok(())
    });
    assert!(is_whole.unwrap());
    tables.remove(0)
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
    assert_eq!((VERSION, &hash[..16]), (3, "ce690a104a888187"), "{rows:#?}");
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
    let part = segment::read(&path, &[Column::Uses, Column::Views]).unwrap();
    assert_eq!((&part.uses, &part.views), (&table.uses, &table.views));
    assert!(part.tags.is_empty() && part.spellings.is_empty() && part.author.is_empty());
}

/// Sixty posts, and the folder with their segment.
fn stored() -> (tempfile::TempDir, Columns) {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = Builder::default();
    for text in records(0..60) {
        let read = Stored::read(&text).unwrap();
        builder.push(&read.post, read.origin);
    }
    let table = builder.finish().unwrap();
    segment::write(&folder.path().join("x.columns"), &table).unwrap();
    (folder, table)
}

#[test]
fn texts_come_from_the_pages_that_they_stand_in() {
    let (folder, table) = stored();
    let path = folder.path().join("x.columns");
    for (list, names) in [
        (Column::Spellings, &table.spellings),
        (Column::Authors, &table.authors),
    ] {
        let all: Vec<&str> = names.iter().collect();
        let length = u32::try_from(all.len()).unwrap();
        assert!(length > 10 && names.text().len() > 40);
        for start in 0..=length {
            let opened = Opened::new(&path).unwrap();
            let mut scanned = Vec::new();
            let read = opened.scan(list, start..length, &mut |number, lengths, mut texts| {
                assert_eq!(number as usize, start as usize + scanned.len());
                for &length in lengths {
                    let (name, rest) = texts.split_at(length as usize);
                    scanned.push(String::from_utf8(name.to_vec()).unwrap());
                    texts = rest;
                }
                assert_eq!(texts, b"");
                scanned.len() < 7
            });
            assert_eq!(read, Some(()));
            assert!(scanned.len() >= 7.min((length - start) as usize));
            assert_eq!(scanned, all[start as usize..][..scanned.len()]);
            let some: Vec<u32> = (start..length).step_by(3).collect();
            let expected: Vec<&str> = some.iter().map(|&number| all[number as usize]).collect();
            assert_eq!(opened.texts(list, &some).unwrap(), expected);
        }
        assert_eq!(Opened::new(&path).unwrap().texts(list, &[length]), None);
    }
    assert_eq!(Opened::new(&path).unwrap().texts(Column::Tags, &[0]), None);
    let whole = fs::read(&path).unwrap();
    let opened = Opened::new(&path).unwrap();
    let first = *b"london";
    let at = whole.windows(6).rposition(|bytes| *bytes == first).unwrap();
    let mut damaged = whole;
    damaged[at] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let length = u32::try_from(table.spelling_count).unwrap();
    let all: Vec<u32> = (0..length).collect();
    assert_eq!(opened.texts(Column::Spellings, &all), None);
    let scanned = opened.scan(Column::Spellings, 0..length, &mut |_, _, _| true);
    assert_eq!(scanned, None);
}

#[test]
fn windows_of_hashtags_are_as_in_the_whole() {
    let (folder, table) = stored();
    let path = folder.path().join("x.columns");
    let opened = Opened::new(&path).unwrap();
    let length = table.tags.len();
    assert!(length > 40);
    let mut window = Window::default();
    for start in 0..=length {
        for end in [start, start + 1, start + 30, length] {
            let numbers = start..end;
            let read = opened.window("tag", numbers.clone(), &mut window);
            assert_eq!(read.is_some(), end <= length, "{numbers:?}");
            assert_eq!(window.holds(&numbers), end <= length, "{numbers:?}");
            if read.is_some() {
                let mut found = vec![0; end - start];
                window.unpack(start, &mut found);
                let found = found.into_iter().map(u64::from);
                assert!(found.eq(table.tags.range(numbers)));
            }
        }
    }
    assert_eq!(opened.window("nothing", 0..1, &mut window), None);
    // Damage in one page is seen by who asks for it.
    let whole = fs::read(&path).unwrap();
    let packed = table.tags.bytes();
    let tags = whole
        .windows(packed.len())
        .position(|bytes| bytes == packed);
    let mut damaged = whole.clone();
    damaged[tags.unwrap()] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert_eq!(opened.window("tag", 0..1, &mut window), None);
    assert!(!window.holds(&(0..1)));
}

#[test]
fn nothing_but_whole_posts_is_indexed() {
    for records in [
        vec![RECORDS[0], RECORDS[0]],
        vec![RECORDS[0], r#"{"id":"x"}"#],
        vec![RECORDS[0], "{"],
    ] {
        let (_folder, data) = file(&records);
        assert!(!built(&data, 500, &mut |_| Ok(())).unwrap());
        let posts = data.parent().unwrap();
        let extension = Extension::open(posts, 2);
        extension.save(posts, &Ledger::default(), 2).unwrap();
        assert!(Index::open(posts).is_none());
    }
    let (folder, _) = file(&RECORDS);
    for (stored, is_indexed) in [(7, false), (8, true)] {
        let extension = Extension::open(folder.path(), stored);
        let saved = extension.save(folder.path(), &Ledger::default(), stored);
        saved.unwrap();
        assert_eq!(Index::open(folder.path()).is_some(), is_indexed, "{stored}");
    }
}

/// The ledger after a run of its own, after which segments are named.
fn ledger(run: u64) -> Ledger {
    Ledger {
        head: Some(format!("{run:064}").chars().rev().collect()),
        ..Ledger::default()
    }
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
            let rome = format!("\"rome{}\"", round % 9);
            stored.push(record.replace(&old, &id).replace("\"rome\"", &rome));
        }
        for text in &stored[usize::try_from(before).unwrap()..] {
            // One that comes late is not left out.
            if round % 3 == 2 {
                extension.close();
            }
            let read = Stored::read(text).unwrap();
            extension.push(&read.post, read.origin);
        }
        fs::write(&data, format!("[\n{}\n]\n", stored.join(",\n"))).unwrap();
        if round % 3 == 1 {
            extension.close();
        }
        extension
            .save(posts, &ledger(round), stored.len() as u64)
            .unwrap();
        let compared = compared_in(posts, 700).unwrap();
        assert_eq!(compared.fault, None, "round {round}");
        assert_eq!(compared.ids.len(), stored.len());
        let (told, counted) = hashtags(&Index::open(posts).unwrap());
        assert_eq!(told, Some(counted), "round {round}");
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

/// How many hashtags an index has, as it tells and as its segments do.
fn hashtags(index: &Index) -> (Option<u64>, u64) {
    let tables = index.tables().unwrap();
    let mut all = std::collections::BTreeSet::new();
    for number in 0..tables.count() {
        let table = tables.read(number, &Column::ALL).unwrap();
        let names = table.hashtags().into_iter();
        all.extend(names.map(|tag| table.spellings.get(tag).to_owned()));
    }
    (tables.distinct(), all.len() as u64)
}

#[test]
fn another_number_of_hashtags_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let posts = folder.path();
    let all = records(0..30);
    fs::write(
        posts.join("data.json"),
        format!("[\n{}\n]\n", all.join(",\n")),
    )
    .unwrap();
    let extension = Extension::open(posts, all.len() as u64);
    extension.save(posts, &ledger(1), all.len() as u64).unwrap();
    let path = folder.path().join("index").join(MANIFEST);
    let mut manifest: Manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest.segments[0].fresh = Some(1);
    fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    assert!(Index::open(posts).is_none());
    manifest.check = check(&manifest.segments).unwrap();
    fs::write(&path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    let fault = compared_in(posts, 700).unwrap().fault.unwrap();
    assert!(fault.1.contains("other hashtags"), "{fault:?}");
}

/// Records of posts that all differ, the first at `from`.
fn records(range: std::ops::Range<u64>) -> Vec<String> {
    let record = |number: u64| {
        let text = RECORDS[usize::try_from(number % 7).unwrap()];
        let old = Stored::read(text).unwrap().post.id.to_string();
        text.replace(&old, &format!("71{number:017}"))
            .replace("ondon", &format!("ondon{}", number % 11))
            .replace("ann", &format!("ann{}", number % 13))
    };
    range.map(record).collect()
}

fn rows(tables: &[Columns]) -> Vec<String> {
    let mut rows = Vec::new();
    for table in tables {
        let mut tag = 0;
        rows.extend((0..table.posts).map(|post| format!("{:?}", table.row(post, &mut tag))));
    }
    rows
}

#[test]
fn posts_put_aside_in_chunks_tell_what_the_file_tells() {
    let folder = tempfile::tempdir().unwrap();
    let posts = folder.path();
    let data = posts.join("data.json");
    let all = records(0..200);
    for (stored, until) in [(0, 120_u64), (120, 127), (127, 200)] {
        let mut extension = Extension::open(posts, stored);
        extension.at_once = 10;
        for text in records(stored..until) {
            let read = Stored::read(&text).unwrap();
            extension.push(&read.post, read.origin);
        }
        let written = usize::try_from(until - stored).unwrap() / 10;
        assert_eq!(extension.chunks.len(), written);
        if stored > 0 {
            extension.close();
        }
        let text = all[..usize::try_from(until).unwrap()].join(",\n");
        fs::write(&data, format!("[\n{text}\n]\n")).unwrap();
        extension.save(posts, &ledger(until), until).unwrap();
        let index = Index::open(posts).unwrap();
        let mut tables = Vec::new();
        for segment in &index.segments {
            tables.push(index.read_segment(segment, &Column::ALL).unwrap());
        }
        let mut read = Vec::new();
        let is_whole = built(&data, u64::MAX, &mut |table| {
            read.push(table);
            Ok(())
        });
        assert!(is_whole.unwrap() && tables.iter().all(Columns::adds_up));
        assert_eq!(rows(&tables), rows(&read), "until {until}");
    }
}

#[test]
fn an_import_of_more_posts_than_are_kept_in_memory_had_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let london = Hashtag::new("london").unwrap();
    let timeout = std::time::Duration::from_secs(1);
    for until in [AT_ONCE as u64 * 3 + 1, AT_ONCE as u64 * 8] {
        let mut writer = Writer::open(folder.path(), "import", timeout, &mut |_| ()).unwrap();
        let mut tag = writer.tag(&london, Origin::Import).unwrap();
        for line in records(0..until) {
            tag.add_line(&line).unwrap();
            if tag.pending() > 2000 {
                tag.commit_behind().unwrap();
            }
        }
        let posts = tag.folder().to_owned();
        writer.finish(vec![(tag, Run::default())]).unwrap();
        let index = Index::open(&posts).unwrap();
        assert_eq!(index.posts(), until);
        assert_eq!(compared_in(&posts, 1000).unwrap().fault, None);
    }
}

#[test]
fn parts_of_any_size_give_the_posts_in_their_order() {
    let all = records(0..40);
    let texts: Vec<&str> = all.iter().map(String::as_str).collect();
    let (_folder, data) = file(&texts);
    let read = |bytes: u64| {
        let mut tables = Vec::new();
        let mut ids = Vec::new();
        let whole = parts::each(&data, bytes, &mut |part| {
            tables.extend(part.table);
            ids.extend(part.ids);
            Ok(())
        });
        assert_eq!(whole.unwrap(), Some(()));
        (ids, rows(&tables))
    };
    let whole = read(u64::MAX);
    assert_eq!(whole.0.len(), 40);
    for bytes in [1, 2, 100, 333, 334, 335, 1000, 5000] {
        assert_eq!(read(bytes), whole, "{bytes}");
    }
}

#[test]
fn an_index_of_other_posts_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let posts = folder.path();
    let data = posts.join("data.json");
    let all = records(0..30);
    fs::write(&data, format!("[\n{}\n]\n", all.join(",\n"))).unwrap();
    let save = |stored: &[String]| {
        let told = stored.len() as u64;
        let mut extension = Extension::open(posts, 0);
        for text in stored {
            let read = Stored::read(text).unwrap();
            extension.push(&read.post, read.origin);
        }
        extension.save(posts, &ledger(told), told).unwrap();
    };
    save(&all);
    assert_eq!(compared_in(posts, 700).unwrap().fault, None);
    let mut other = all.clone();
    other.swap(3, 18);
    save(&other);
    let fault = compared_in(posts, 700).unwrap().fault.unwrap();
    assert!(fault.1.contains("other posts"), "{fault:?}");
    save(&all[..29]);
    let fault = compared_in(posts, 700).unwrap().fault.unwrap();
    assert!(fault.1.contains("fewer posts"), "{fault:?}");
    let more = records(0..31);
    save(&more);
    let fault = compared_in(posts, 700).unwrap().fault.unwrap();
    assert!(fault.1.contains("other posts"), "{fault:?}");
}
