//! Import, list, verify, copy: the same as in a directory.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::server::database;

/// Posts of TikTok's web interface, one a line.
fn posts(ids: std::ops::Range<u64>, tags: &[&str], views: u64) -> String {
    let post = |id: u64| {
        let extra: Vec<Value> = tags
            .iter()
            .map(|tag| json!({ "hashtagName": tag }))
            .collect();
        let post = json!({
            "id": (7_189_254_512_345_678_000 + id).to_string(),
            "desc": "a $post with .dots",
            "createTime": 1_673_884_800 + id,
            "author": { "uniqueId": format!("ann{}", id % 3) },
            "stats": { "playCount": views + id, "diggCount": 1, "shareCount": 1, "commentCount": 1 },
            "textExtra": extra,
            "$odd.key": { "$gt": 1.50 },
        });
        format!("{post}\n")
    };
    ids.map(post).collect()
}

#[test]
fn an_import_is_idempotent_and_both_stores_say_the_same() {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    desk.write("a.ndjson", &posts(0..40, &["London", "fyp", "a.b$c"], 10));
    desk.write("b.ndjson", &posts(30..60, &["london", "FYP"], 20));
    for place in [store.as_str(), ""] {
        desk.cotag(&format!("import a.ndjson -t london {place}"))
            .expect(0)
            .says("40");
        let second = desk
            .cotag(&format!("import a.ndjson b.ndjson -t london {place}"))
            .expect(0);
        assert!(second.out.contains("20"), "{}", second.out);
    }
    for words in [
        "frequencies london 20 --format json",
        "frequencies london 20 --columns all --format csv",
        "frequencies london 1 --one-per-author --columns interval",
        "posts london --format ndjson",
        "posts london --with fyp --without a.b$c --format csv",
    ] {
        let (files, there) = (
            desk.cotag(words).expect(0),
            desk.cotag(&format!("{words} {store}")).expect(0),
        );
        assert_eq!(files.out, there.out, "{words}");
        assert_eq!(files.err, there.err, "{words}");
    }
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says("#london: ok, 60 posts, 2 runs");
    desk.cotag(&format!("frequencies paris {store}"))
        .expect(1)
        .says("no posts stored for #paris")
        .says("stored there: #london");
    desk.cotag(&format!("posts london --with nothing {store}"))
        .expect(1);
}

#[test]
fn a_repeated_id_and_ids_that_are_none_are_told_as_for_files() {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    let good = posts(0..3, &["london"], 10);
    let other = posts(1..2, &["london", "other"], 99);
    let odd = |id: &str| posts(5..6, &["london"], 1).replace("7189254512345678005", id);
    let bad = [
        odd(""),
        odd("seven"),
        odd("7.18925E+18"),
        odd("9223372036854775808"),
    ];
    desk.write("a.ndjson", &format!("{good}{other}{}", bad.concat()));
    let mut said = Vec::new();
    for place in [store.as_str(), ""] {
        let told = desk.cotag(&format!("import a.ndjson -t london {place}"));
        assert_eq!(told.code, Some(3), "{}", told.err);
        said.push(told.out);
    }
    assert_eq!(said[0], said[1]);
    // The first record of a post stays.
    let list = "posts london --format ndjson";
    let (there, here) = (desk.cotag(&format!("{list} {store}")), desk.cotag(list));
    assert_eq!(there.out, here.out);
    assert_eq!(there.out.lines().count(), 3);
    assert!(!there.out.contains("other"), "{}", there.out);
    desk.cotag(&format!("verify {store}")).expect(0);
}

#[test]
fn an_update_replaces_and_a_plain_import_does_not() {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    desk.write("old.ndjson", &posts(0..3, &["london"], 10));
    desk.write("new.ndjson", &posts(0..5, &["london"], 1000));
    let views = |place: &str| {
        desk.cotag(&format!(
            "frequencies london --columns views --format csv {place}"
        ))
        .expect(0)
        .out
    };
    for place in [store.as_str(), ""] {
        desk.cotag(&format!("import old.ndjson -t london {place}"))
            .expect(0);
        desk.cotag(&format!("import new.ndjson -t london {place}"))
            .expect(0);
    }
    assert_eq!(views(&store), views(""));
    let mut said = Vec::new();
    for place in [store.as_str(), ""] {
        said.push(
            desk.cotag(&format!("import new.ndjson -t london --update {place}"))
                .expect(0)
                .out,
        );
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(views(&store), views(""));
    desk.cotag(&format!("verify {store}")).expect(0);
}

#[test]
fn a_copy_there_and_back_is_the_same_bytes() {
    let (desk, database) = (Desk::new(), database());
    desk.write("a.ndjson", &posts(0..40, &["London", "fyp"], 10));
    desk.write("b.ndjson", &posts(40..80, &["paris", "$x", "London"], 10));
    desk.cotag("import a.ndjson b.ndjson -t london -t paris")
        .expect(0);
    let there = format!("copy --from data --to {}", database.address);
    desk.cotag(&there)
        .expect(0)
        .says("80 posts compared")
        .says("0 missing there");
    // What is there already is known the second time.
    desk.cotag(&there).expect(0).says("0 new, 40 already there");
    desk.cotag(&format!("copy --from {} --to back", database.address))
        .expect(0);
    for tag in ["london", "paris"] {
        let read = |folder: &str| {
            let path = desk.root().join(format!("{folder}/{tag}/posts/data.json"));
            let text = fs_err::read_to_string(path).unwrap();
            let mut lines: Vec<String> = text
                .lines()
                .map(|line| line.trim_end_matches(',').to_owned())
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(read("data"), read("back"), "{tag}");
    }
    desk.cotag("verify --data-dir back").expect(0);
}

#[test]
fn a_copy_takes_tombstones_over() {
    let (desk, database) = (Desk::new(), database());
    desk.write("a.ndjson", &posts(0..3, &["london"], 10));
    desk.cotag("import a.ndjson -t london").expect(0);
    let copy = format!("copy --from data --to {}", database.address);
    let told = desk.cotag(&copy).expect(0);
    assert!(!told.err.contains("taken over"), "{}", told.err);
    desk.write(
        "data/london/posts/tombstones.jsonl",
        "{\"id\":\"7189254512345678009\",\"removed\":\"2026-11-22T00:00:00Z\",\"why\":\"gone\",\"run\":\"r\"}\n",
    );
    desk.cotag(&copy).expect(0).says("1 tombstone taken over");
    desk.write("b.ndjson", &posts(9..10, &["london"], 10));
    desk.cotag(&format!(
        "import b.ndjson -t london --store {}",
        database.address
    ))
    .expect(0)
    .says("1 post not stored again");
}

#[test]
fn a_copy_over_another_record_of_a_post_is_told() {
    let (desk, database) = (Desk::new(), database());
    desk.write("a.ndjson", &posts(0..3, &["london"], 10));
    desk.write("b.ndjson", &posts(0..3, &["london"], 11));
    desk.cotag("import a.ndjson -t london").expect(0);
    desk.cotag(&format!(
        "import b.ndjson -t london --store {}",
        database.address
    ))
    .expect(0);
    desk.cotag(&format!("copy --from data --to {}", database.address))
        .expect(6)
        .says("3 with another record there");
}

#[test]
fn made_up_posts_do_not_mix_with_real_ones() {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    let made = posts(0..3, &["london"], 10).replace(
        "\"desc\"",
        "\"_cotag\":{\"origin\":\"synthetic\",\"format\":\"web\",\"run\":\"r\"},\"x\"",
    );
    desk.write("real.ndjson", &posts(0..3, &["london", "paris"], 10));
    desk.write("made.ndjson", &made);
    desk.cotag(&format!("import real.ndjson -t london {store}"))
        .expect(0);
    let second = desk.cotag(&format!("import made.ndjson -t london {store}"));
    assert_ne!(second.code, Some(0), "{}{}", second.out, second.err);
}

#[test]
fn a_record_too_large_for_a_document_is_listed_and_the_others_are_stored() {
    let (desk, database) = (Desk::new(), database());
    let store = format!("--store {}", database.address);
    let large = posts(9..10, &["london"], 1).replace("a $post", &"x".repeat(17 << 20));
    desk.write("a.ndjson", &(posts(0..3, &["london"], 10) + &large));
    desk.cotag(&format!("import a.ndjson -t london {store}"))
        .expect(3)
        .says("17 MiB");
    desk.cotag(&format!("verify {store}"))
        .expect(0)
        .says("ok, 3 posts");
}
