//! `cotag verify` and `cotag repair`: every kind of damage is found, told, and mended without loss.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::Desk;
use crate::make::{id, ids, lines, london, scraper, seed_file, web};

const DATA: &str = "data/london/posts/data.json";
const RUNS: &str = "data/london/posts/runs.jsonl";
const LIST: &str = "data/ids/post_ids.json";

/// Two runs of #london, and #paris.
fn stocked() -> Desk {
    let desk = Desk::new();
    desk.write("a.ndjson", lines(&london(0..4)));
    desk.write("b.ndjson", lines(&london(4..7)));
    desk.write("c.ndjson", lines(&[web(50, "paris")]));
    desk.cotag("import a.ndjson -t london").fine();
    desk.cotag("import b.ndjson -t london").fine();
    desk.cotag("import c.ndjson -t paris").fine();
    desk
}

#[test]
fn a_sound_store_is_told_to_be_so() {
    let desk = stocked();
    let before = desk.snapshot("data");
    desk.cotag("verify").code(0).stdout(
        "#london: ok, 7 posts, the hashes of 2 runs agree\n#paris: ok, 1 post, the hash of 1 run agrees\n",
    ).stderr("2 hashtags checked, nothing wrong.\n");
    assert!(before == desk.snapshot("data"));
    desk.cotag("repair")
        .code(0)
        .stdout("")
        .stderr("Nothing to mend.\n");
    desk.cotag("verify").fine();
    assert!(
        desk.snapshot("data").keys().eq(before.keys()),
        "repairing nothing left files"
    );
    desk.cotag("verify --data-dir none")
        .fails(1, &["no data directory at `none`"]);
    desk.cotag("repair --data-dir none")
        .fails(1, &["no data directory at `none`"]);
    assert!(!desk.path("none").exists());
}

/// A kind of damage, and what `verify` says about it.
struct Damage {
    name: &'static str,
    does: fn(&Desk),
    says: &'static str,
    /// Posts that can be read from the file afterwards.
    left: std::ops::Range<u64>,
    /// Posts that are gone from the file, but for a backup.
    lost: &'static [u64],
}

fn edit(desk: &Desk, name: &str, change: impl FnOnce(String) -> String) {
    let text = desk.read(name);
    let changed = change(text.clone());
    assert_ne!(text, changed, "the damage was not done");
    desk.write(name, changed);
}

fn line(text: &str, number: usize) -> String {
    text.lines()
        .nth(number)
        .unwrap()
        .trim_end_matches(',')
        .to_owned()
}

const KINDS: [Damage; 21] = [
    Damage {
        name: "a flipped byte in a caption",
        does: |desk| edit(desk, DATA, |text| text.replacen("#london", "#lOndon", 1)),
        says: "are not those it wrote",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a flipped bracket",
        does: |desk| {
            edit(desk, DATA, |text| {
                text.replacen(
                    "{\"id\":\"7189254512345678002\"",
                    "z\"id\":\"7189254512345678002\"",
                    1,
                )
            });
        },
        says: "data.json: byte ",
        left: 0..7,
        lost: &[2],
    },
    Damage {
        name: "a flipped quote",
        does: |desk| {
            edit(desk, DATA, |text| {
                text.replacen("\"7189254512345678002\",", "\"7189254512345678002x,", 1)
            });
        },
        says: "data.json: byte ",
        left: 0..7,
        lost: &[2],
    },
    Damage {
        name: "the first byte",
        does: |desk| edit(desk, DATA, |text| text.replacen('[', "{", 1)),
        says: "not a JSON array",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a file cut inside a post",
        does: |desk| edit(desk, DATA, |text| text[..text.len() - 40].to_owned()),
        says: "the file ends inside a record",
        left: 0..6,
        lost: &[],
    },
    Damage {
        name: "a file cut inside an earlier post",
        does: |desk| {
            edit(desk, DATA, |text| {
                text[..text.find("678003").unwrap()].to_owned()
            });
        },
        says: "is shorter now",
        left: 0..3,
        lost: &[],
    },
    Damage {
        name: "a file cut behind a post",
        does: |desk| edit(desk, DATA, |text| text.trim_end_matches("\n]\n").to_owned()),
        says: "the file ends inside a record",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "an emptied file",
        does: |desk| edit(desk, DATA, |_| String::new()),
        says: "is shorter now",
        left: 0..0,
        lost: &[],
    },
    Damage {
        name: "a post twice",
        does: |desk| {
            edit(desk, DATA, |text| {
                let post = line(&text, 3);
                text.replace("\n]\n", &format!(",\n{post}\n]\n"))
            });
        },
        says: "1 posts stand in it more than once",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a post that nobody entered",
        does: |desk| {
            edit(desk, DATA, |text| {
                let post = line(&text, 3).replace(&id(2).to_string(), &id(7).to_string());
                text.replace("\n]\n", &format!(",\n{post}\n]\n"))
            });
        },
        says: "bytes behind those of the last run",
        left: 0..8,
        lost: &[],
    },
    Damage {
        name: "a record that is no post",
        does: |desk| {
            edit(desk, DATA, |text| {
                text.replace("\n]\n", ",\n{\"hello\": 1}\n]\n")
            });
        },
        says: "not a TikTok post",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "an id taken off the list",
        does: |desk| {
            edit(desk, LIST, |text| {
                text.replacen(&format!("\"{}\", ", id(2)), "", 1)
            });
        },
        says: "`london`: lacks 1 stored posts (the first is 7189254512345678002)",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a foreign id on the list",
        does: |desk| {
            edit(desk, LIST, |text| {
                text.replacen(&id(2).to_string(), &id(99).to_string(), 1)
            });
        },
        says: "lists 1 posts that are not stored (the first is 7189254512345678099)",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "an id twice on the list",
        does: |desk| {
            edit(desk, LIST, |text| {
                text.replacen(
                    &format!("\"{}\"", id(2)),
                    &format!("\"{0}\", \"{0}\"", id(2)),
                    1,
                )
            });
        },
        says: "lists 1 ids twice",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a list of a hashtag without posts",
        does: |desk| {
            edit(desk, LIST, |text| {
                text.replacen('{', "{\"rome\": [\"5\"],", 1)
            });
        },
        says: "lists ids of `rome`, of which no posts are stored",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a list that is no JSON",
        does: |desk| edit(desk, LIST, |text| text.replacen('{', "", 1)),
        says: "not a JSON object of lists",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "no list",
        does: |desk| fs_err::remove_file(desk.path(LIST)).unwrap(),
        says: "has no list of `london`",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "an earlier line of the ledger edited",
        does: |desk| {
            edit(desk, RUNS, |text| {
                text.replacen("\"read\":4", "\"read\":5", 1)
            });
        },
        says: "line 1 was changed",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "the last line of the ledger edited",
        does: |desk| {
            edit(desk, RUNS, |text| {
                text.replacen("\"read\":3", "\"read\":9", 1)
            });
        },
        says: "line 2 was changed",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "a line of the ledger removed",
        does: |desk| edit(desk, RUNS, |text| line(&text, 1) + "\n"),
        says: "no run vouches for the beginning of data.json",
        left: 0..7,
        lost: &[],
    },
    Damage {
        name: "no ledger",
        does: |desk| fs_err::remove_file(desk.path(RUNS)).unwrap(),
        says: "runs.jsonl",
        left: 0..7,
        lost: &[],
    },
];

impl Damage {
    /// What an interrupted write leaves too, and the next one completes.
    fn is_unfinished(&self) -> bool {
        self.name == "a file cut behind a post"
    }

    /// What `repair` ends with: 3 where posts are gone that runs had stored.
    fn repaired(&self) -> i32 {
        let left = self.left.clone();
        let left = left.filter(|number| *number < 7 && !self.lost.contains(number));
        if left.count() < 7 { 3 } else { 0 }
    }
}

#[test]
fn every_kind_of_damage_is_found_with_exit_code_6() {
    for kind in KINDS {
        let desk = stocked();
        (kind.does)(&desk);
        let before = desk.snapshot("data");
        let outcome = desk.cotag("verify");
        let code = if kind.is_unfinished() { 3 } else { 6 };
        assert_eq!(
            outcome.code,
            Some(code),
            "{}: {}",
            kind.name,
            outcome.stdout
        );
        assert!(
            outcome.stdout.contains(kind.says),
            "{}: {}",
            kind.name,
            outcome.stdout
        );
        assert!(
            outcome.stdout.contains("#paris: ok, 1 post")
                || outcome.stdout.contains("post_ids.json"),
            "{}: {}",
            kind.name,
            outcome.stdout
        );
        outcome.says(&[if kind.is_unfinished() {
            "nothing is damaged or lost"
        } else {
            "`cotag repair` mends them and keeps a backup"
        }]);
        assert!(
            before == desk.snapshot("data"),
            "{}: looking changed it",
            kind.name
        );
    }
}

#[test]
fn readers_give_what_is_whole_whatever_the_damage() {
    for kind in KINDS {
        let desk = stocked();
        (kind.does)(&desk);
        let listed = desk.cotag("posts london --format csv");
        let left: Vec<u64> = kind
            .left
            .clone()
            .filter(|number| !kind.lost.contains(number))
            .collect();
        if left.is_empty() {
            assert_eq!(listed.code, Some(1), "{}: {}", kind.name, listed.stderr);
            continue;
        }
        let mut found: Vec<String> = listed
            .stdout
            .lines()
            .skip(1)
            .map(|row| row[..19].to_owned())
            .collect();
        found.sort();
        assert_eq!(found, ids(left), "{}: {}", kind.name, listed.stderr);
        // Damage inside is an exit code of its own; a torn end is told, and left to the next writer.
        let inside = !kind.lost.is_empty() || kind.name == "the first byte";
        assert_eq!(
            listed.code,
            Some(match kind.name {
                "a record that is no post" => 3,
                _ if inside => 6,
                _ => 0,
            }),
            "{}: {}",
            kind.name,
            listed.stderr
        );
    }
}

#[test]
fn repair_mends_every_kind_and_loses_no_post() {
    for kind in KINDS {
        let desk = stocked();
        (kind.does)(&desk);
        let damaged = fs_err::read(desk.path(DATA)).unwrap();
        let repaired = desk.cotag("repair").code(kind.repaired());
        assert!(!repaired.stdout.is_empty(), "{}", kind.name);
        let verified = desk.cotag("verify");
        assert_eq!(verified.code, Some(0), "{}: {}", kind.name, verified.stdout);
        let left: Vec<u64> = kind
            .left
            .clone()
            .filter(|number| !kind.lost.contains(number))
            .collect();
        assert_eq!(desk.ids(DATA), ids(left.clone()), "{}", kind.name);
        // Whatever was cut out stands in a backup, whole.
        if fs_err::read(desk.path(DATA)).unwrap() != damaged && !damaged.is_empty() {
            let kept = desk.names("data/london/posts", "data.backup-");
            assert_eq!(kept.len(), 1, "{}: {}", kind.name, repaired.stdout);
            assert_eq!(
                desk.bytes(&format!("data/london/posts/{}", kept[0])),
                damaged,
                "{}",
                kind.name
            );
        }
        assert_eq!(desk.json(LIST)["london"], json!(ids(left)), "{}", kind.name);
        assert_eq!(desk.json(LIST)["paris"], json!(ids([50])), "{}", kind.name);
        // Repairing twice changes nothing more.
        let once = desk.snapshot("data");
        desk.cotag("repair").code(0).stderr("Nothing to mend.\n");
        let twice = desk.snapshot("data");
        assert!(once.keys().eq(twice.keys()), "{}", kind.name);
        // What was lost comes back with the next import of it.
        desk.cotag("import a.ndjson b.ndjson -t london").code(0);
        let mut all = desk.ids(DATA);
        all.sort();
        all.retain(|id| *id != ids([7])[0]);
        assert_eq!(all, ids(0..7), "{}", kind.name);
        desk.cotag("verify").fine();
    }
}

#[test]
fn the_next_import_never_makes_damage_worse() {
    for kind in KINDS {
        let desk = stocked();
        (kind.does)(&desk);
        desk.write("d.ndjson", lines(&london(20..22)));
        let outcome = desk.cotag("import d.ndjson -t london");
        // Either it is taken in, or refused with the way out.
        let refused = outcome.code == Some(6);
        match outcome.code {
            Some(0) => {}
            Some(6) => {
                outcome.says(&["is damaged", "`cotag repair` mends it"]);
                desk.cotag("repair").code(kind.repaired());
                desk.cotag("import d.ndjson -t london").code(0);
            }
            other => panic!("{}: {other:?} {}", kind.name, outcome.stderr),
        }
        let listed = desk.cotag("posts london --format csv").stdout;
        let left = kind
            .left
            .clone()
            .filter(|number| !kind.lost.contains(number));
        for id in ids(left.chain(20..22)) {
            assert!(listed.contains(&id), "{}: {id} is gone", kind.name);
        }
        let last = if refused { 0 } else { kind.repaired() };
        desk.cotag("repair").code(last);
        desk.cotag("verify").fine();
    }
}

#[test]
fn an_update_of_a_damaged_file_dropped_the_damaged_post_for_good() {
    let desk = stocked();
    (KINDS[1].does)(&desk);
    let before = desk.bytes(DATA);
    desk.cotag("import a.ndjson -t london --update")
        .code(6)
        .says(&["is damaged", "cotag repair"]);
    assert!(desk.bytes(DATA).starts_with(&before[..100]));
    assert!(
        desk.read(DATA).contains("678002"),
        "the damaged post is gone"
    );
}

#[test]
fn repair_could_not_mend_the_manifest_that_its_hint_named() {
    let desk = Desk::new();
    let long = "x".repeat(300);
    desk.write("a.ndjson", lines(&[web(0, &format!("a/b {long} london"))]));
    desk.args(&[
        "import", "a.ndjson", "-t", "a/b", "-t", &long, "-t", "london",
    ])
    .fine();
    let whole = desk.json("data/cotag.json");
    edit(&desk, "data/cotag.json", |text| text.replacen('{', "", 1));
    desk.cotag("frequencies london")
        .fails(6, &["cotag.json` is damaged", "cotag repair"]);
    desk.cotag("verify").code(6);
    desk.cotag("import a.ndjson -t london").code(6);
    desk.cotag("repair")
        .code(0)
        .shows(&["store: wrote cotag.json anew", "cotag.backup-[TIME].json"]);
    assert_eq!(desk.json("data/cotag.json"), whole);
    desk.cotag("verify").fine();
    for tag in ["a/b", &long, "london"] {
        desk.args(&["posts", tag]).fine().shows(&["Total posts: 1"]);
    }
}

#[test]
fn a_post_found_only_by_the_repair_was_missing_from_the_list() {
    let desk = stocked();
    // The last line is no JSON any more, but the post in it is whole.
    edit(&desk, DATA, |text| text.replace("\n]\n", ":]\n"));
    desk.cotag("repair").code(0);
    desk.cotag("verify").fine();
    assert_eq!(desk.ids(DATA), ids(0..7));
    assert_eq!(desk.json(LIST)["london"], json!(ids(0..7)));
}

#[test]
fn version_1_damage_is_mended() {
    let desk = Desk::new();
    desk.write(
        "data/anime/posts/data.json",
        seed_file(&[
            scraper(0, "anime"),
            scraper(1, "anime"),
            scraper(0, "anime"),
        ]),
    );
    desk.write(
        "data/cats/posts/data.json",
        &seed_file(&[scraper(2, "cats"), scraper(3, "cats")])[..700],
    );
    desk.write("data/new/posts/data.json", "");
    desk.write(
        LIST,
        json!({"anime": ids([1]), "cats": ids([2, 3]), "dogs": ids([4])}).to_string(),
    );
    let before = desk.snapshot("data");
    let outcome = desk.cotag("verify").code(6);
    for says in [
        "#anime: ",
        "stand in it more than once",
        "#cats: ",
        "ends inside a record",
        "lists ids of `dogs`",
    ] {
        assert!(outcome.stdout.contains(says), "{says}: {}", outcome.stdout);
    }
    desk.cotag("repair").code(0).shows(&[
        "#anime: left out 1 duplicates",
        "#anime: kept as it was before: ./data/anime/posts/data.backup-[TIME].json",
    ]);
    desk.cotag("verify").fine();
    assert_eq!(desk.ids("data/anime/posts/data.json"), ids([0, 1]));
    assert_eq!(desk.ids("data/cats/posts/data.json"), ids([2]));
    assert_eq!(
        desk.json(LIST),
        json!({"anime": ids([0, 1]), "cats": ids([2]), "new": []})
    );
    // Every file that was there is there still, as it is or as a backup.
    let after: Vec<_> = desk.snapshot("data").into_values().flatten().collect();
    for (path, content) in before {
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            assert!(after.contains(&content), "{} is gone", path.display());
        }
    }
}
