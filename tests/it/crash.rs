//! Killed at any moment: every reader works, nothing reported as stored is lost, the next run completes.

use std::time::{Duration, Instant};

use cotag::json::Fields;
use cotag::model::{Hashtag, Origin};
use cotag::store::{Added, Run, Store, Verdict, Writer, scan, verify};
use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::{Desk, Fed};
use crate::make::{Web, id, ids, lines, london, random, scraper, seed_file, web};

const DATA: &str = "data/london/posts/data.json";
/// How long the rounds of one test may take together.
const BUDGET: Duration = Duration::from_secs(3);

/// Puts the folder `base` in the place of `data`.
fn restore(desk: &Desk) {
    let _ = fs::remove_dir_all(desk.path("data"));
    for (path, content) in desk.snapshot("base") {
        let to = desk
            .path("data")
            .join(path.strip_prefix(desk.path("base")).unwrap());
        match content {
            Some(bytes) => fs::write(to, bytes).unwrap(),
            None => fs::create_dir_all(to).unwrap(),
        }
    }
}

/// Starts a command, kills it after a while, and tells whether it was still running.
fn kill_after(desk: &Desk, words: &str, pause: Duration) -> bool {
    let mut run = Fed::start(desk.command(words));
    std::thread::sleep(pause);
    run.signal("KILL");
    run.wait().is_none()
}

/// The ids that can be read, sorted, once a command has been killed.
#[track_caller]
fn readable(desk: &Desk, round: u64) -> Vec<String> {
    let table = desk.cotag("frequencies london");
    assert_eq!(table.code, Some(0), "round {round}: {}", table.stderr);
    let listed = desk.cotag("posts london --format csv").code(0);
    let mut found: Vec<String> = listed
        .stdout
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

/// Large posts, so that an import stores them in several steps.
fn large(numbers: std::ops::Range<u64>, views: u64) -> Vec<Web> {
    let filler = json!("x".repeat(60_000));
    london(numbers)
        .into_iter()
        .map(|post| post.views(views).with("filler", filler.clone()))
        .collect()
}

/// Kills a command at seeded moments, again and again from the same start.
///
/// `known` are the posts that earlier commands reported, `all` those that the command ends with.
fn rounds(desk: &Desk, words: &str, seed: u64, known: &[String], all: &[String]) {
    restore(desk);
    let start = Instant::now();
    desk.cotag(words).code(0);
    let whole = start.elapsed();
    let expected = desk.ids(DATA);
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(sorted, all);
    desk.cotag("verify").fine();

    let mut state = seed;
    let mut killed = 0;
    for round in 0..25 {
        if start.elapsed() > BUDGET && killed >= 2 {
            break;
        }
        restore(desk);
        // Killed once or twice in a row, then left alone.
        for _ in 0..=(round % 2) {
            let share = random(&mut state) % 1000;
            let pause = whole.mul_f64(f64::from(u32::try_from(share).unwrap()) / 1000.0);
            killed += u32::from(kill_after(desk, words, pause));
            let found = readable(desk, round);
            for id in known {
                assert!(
                    found.contains(id),
                    "round {round}: {id} was reported as stored"
                );
            }
        }
        desk.cotag(words).code(0);
        assert_eq!(desk.ids(DATA), expected, "round {round}");
        desk.cotag("verify").code(0);
        let left: Vec<String> = desk
            .snapshot("data")
            .keys()
            .map(|path| path.display().to_string())
            .filter(|path| path.contains(".cotag-"))
            .collect();
        assert!(left.is_empty(), "round {round} left {left:?}");
    }
    assert!(killed > 0, "no run was killed before its end");
}

#[test]
fn a_killed_import_loses_nothing_that_was_reported() {
    let desk = Desk::new();
    desk.write("first.ndjson", lines(&large(0..5, 1)));
    desk.write("second.ndjson", lines(&large(3..250, 1)));
    desk.cotag("import first.ndjson -t london --data-dir base")
        .fine();
    rounds(
        &desk,
        "import second.ndjson -t london",
        1,
        &ids(0..5),
        &ids(0..250),
    );
}

#[test]
fn a_killed_update_leaves_the_old_posts_or_the_new() {
    let desk = Desk::new();
    desk.write("first.ndjson", lines(&large(0..80, 1)));
    desk.write("second.ndjson", lines(&large(0..90, 2)));
    desk.cotag("import first.ndjson -t london --data-dir base")
        .fine();
    rounds(
        &desk,
        "import second.ndjson -t london --update",
        2,
        &ids(0..80),
        &ids(0..90),
    );
    desk.cotag("frequencies london 1 --columns views --format csv")
        .fine()
        .shows(&[",180,2.0,"]);
}

#[test]
fn a_killed_update_was_never_made_good_by_plain_imports() {
    let desk = Desk::new();
    desk.write("first.ndjson", lines(&large(0..80, 1)));
    desk.write("second.ndjson", lines(&large(0..90, 2)));
    desk.write("third.ndjson", lines(&london(90..91)));
    desk.cotag("import first.ndjson -t london --data-dir base")
        .fine();
    restore(&desk);
    let update = "import second.ndjson -t london --update";
    let start = Instant::now();
    desk.cotag(update).code(0);
    let whole = start.elapsed();
    let mut state = 6;
    for round in 0..12 {
        if start.elapsed() > BUDGET && round >= 3 {
            break;
        }
        restore(&desk);
        // The rewrite comes last.
        let share = 500 + random(&mut state) % 500;
        let pause = whole.mul_f64(f64::from(u32::try_from(share).unwrap()) / 1000.0);
        kill_after(&desk, update, pause);
        desk.cotag("import third.ndjson -t london").code(0);
        desk.cotag("verify").code(0);
    }
}

#[test]
fn a_killed_rewrite_of_a_seed_file_leaves_the_old_file_or_the_new() {
    let desk = Desk::new();
    let mut posts: Vec<String> = (0..3000).map(|number| scraper(number, "london")).collect();
    posts.push(scraper(5, "london"));
    desk.write("base/london/posts/data.json", seed_file(&posts));
    desk.write(
        "base/ids/post_ids.json",
        json!({"london": ids(0..3000)}).to_string(),
    );
    desk.write("more.ndjson", lines(&[web(4000, "london")]));
    let all: Vec<String> = ids((0..3000).chain([4000]));
    rounds(
        &desk,
        "import more.ndjson -t london",
        3,
        &ids(0..3000),
        &all,
    );
}

#[test]
fn a_killed_repair_leaves_the_damaged_file_or_the_mended() {
    let desk = Desk::new();
    let mut posts: Vec<String> = (0..3000).map(|number| scraper(number, "london")).collect();
    posts.push(scraper(5, "london"));
    desk.write("base/london/posts/data.json", seed_file(&posts));
    rounds(&desk, "repair", 4, &ids(0..3000), &ids(0..3000));
}

#[test]
fn an_import_killed_while_it_waits_for_input_can_be_repeated() {
    let desk = Desk::new();
    let all = lines(&large(0..200, 1));
    let mut state = 5;
    for _ in 0..4 {
        let _ = fs::remove_dir_all(desk.path("data"));
        let mut run = Fed::start(desk.command("import - -t london"));
        let part = usize::try_from(random(&mut state)).unwrap() % all.len();
        run.feed(&all.as_bytes()[..part]);
        run.signal("KILL");
        run.wait();
        desk.feed("import - -t london", &all).code(0);
        assert_eq!(desk.ids(DATA), ids(0..200));
        desk.cotag("verify").code(0);
    }
}

/// A store of three posts and what a fourth adds to `data.json`, before the ledger knows of it.
struct Interrupted {
    desk: Desk,
    before: Vec<u8>,
    /// Where the new bytes go, over the closing bracket.
    end: usize,
    added: Vec<u8>,
}

fn interrupted(known: u64) -> Interrupted {
    let desk = Desk::new();
    desk.write(
        "a.ndjson",
        lines(&london(0..known)) + &lines(&[web(70, "rome")]),
    );
    desk.write("b.ndjson", lines(&london(known..known + 1)));
    desk.cotag("import a.ndjson -t london rome").fine();
    if known == 0 {
        desk.write(DATA, "[\n]\n");
    }
    fs::rename(desk.path("data"), desk.path("base")).unwrap();
    restore(&desk);
    let before = desk.bytes(DATA);
    desk.cotag("import b.ndjson -t london").fine();
    let after = desk.bytes(DATA);
    let end = before.len() - 3;
    Interrupted {
        before,
        end,
        added: after[end..].to_vec(),
        desk,
    }
}

impl Interrupted {
    /// The file as a write leaves it that was interrupted after so many bytes.
    fn torn(&self, written: usize) -> Vec<u8> {
        let mut bytes = self.before[..self.end].to_vec();
        bytes.extend(&self.added[..written]);
        let rest = self.before.get(self.end + written..).unwrap_or_default();
        bytes.extend(rest);
        bytes
    }
}

/// Ids that a reader finds, in the order of the file, and whether it finds damage.
fn scanned(path: &std::path::Path) -> (Vec<u64>, bool) {
    let each = |found: &mut Vec<u64>, line: cotag::store::Line<'_>| match Fields::parse(line.text) {
        Ok(fields) => {
            found.push(fields.text("id").unwrap().parse().unwrap());
            Verdict::Read
        }
        Err(_) => Verdict::NotJson,
    };
    let (found, end) = scan(path, &Vec::new, &each).unwrap();
    (found.concat(), !end.damaged.is_empty())
}

#[test]
fn a_write_torn_after_any_byte_is_read_and_completed() {
    for known in [3, 1] {
        let torn = interrupted(known);
        let length = torn.added.len();
        let path = torn.desk.path(DATA);
        let london = Hashtag::new("london").unwrap();
        for written in (0..=length).filter(|&at| at < 12 || at + 12 > length || at % 16 == 0) {
            restore(&torn.desk);
            fs::write(&path, torn.torn(written)).unwrap();
            let (found, damaged) = scanned(&path);
            let expected: Vec<u64> = (0..known).map(id).collect();
            assert!(
                found.starts_with(&expected) && !damaged,
                "{known}/{written}: {found:?}"
            );

            // The next writer adds both the post that was lost and another one.
            let root = torn.desk.path("data");
            let mut writer = Writer::open(&root, "test", Duration::ZERO, &mut |_| ()).unwrap();
            let mut posts = writer.tag(&london, Origin::Import).unwrap();
            let complete = found.len() as u64 > known;
            for number in [known, known + 1] {
                let post = web(number, "london").json();
                let added = posts.add(id(number).to_string().parse().unwrap(), &post);
                let stored = complete && number == known;
                assert_eq!(
                    added,
                    if stored { Added::Known } else { Added::New },
                    "{known}/{written}"
                );
            }
            writer.finish(vec![(posts, Run::default())]).unwrap();
            drop(writer);
            let (found, damaged) = scanned(&path);
            assert_eq!(
                found,
                (0..known + 2).map(id).collect::<Vec<_>>(),
                "{known}/{written}"
            );
            assert!(!damaged);
            for report in verify(&Store::open(&root).unwrap()).unwrap() {
                assert!(
                    report.findings.is_empty(),
                    "{known}/{written}: {:?}",
                    report.findings
                );
            }
        }
    }
}

#[test]
fn a_torn_end_is_told_by_readers_and_by_the_writer_that_cuts_it_off() {
    let torn = interrupted(3);
    for (written, readers_say) in [
        (0, None),
        (1, Some("ends inside a post")),
        (2, Some("ends inside a post")),
        (
            40,
            Some("ends inside a post: a write was interrupted or is under way"),
        ),
        (torn.added.len() - 3, Some("ends inside a post")),
    ] {
        restore(&torn.desk);
        fs::write(torn.desk.path(DATA), torn.torn(written)).unwrap();
        let table = torn.desk.cotag("frequencies london").code(0);
        let posts = if written + 3 == torn.added.len() {
            4
        } else {
            3
        };
        assert!(
            table.stdout.ends_with(&format!("Total posts: {posts}\n")),
            "{written}"
        );
        assert_eq!(
            table.stderr.contains("ends inside a post"),
            readers_say.is_some(),
            "{written}"
        );
        torn.desk
            .cotag("verify")
            .code(if written == 0 { 0 } else { 3 });
        let import = torn.desk.cotag("import b.ndjson -t london").code(0);
        if written == 40 {
            import.says(&[
                "warning: #london: an earlier write was interrupted; its unfinished end (",
                " bytes) was cut off",
            ]);
        } else if posts == 4 {
            import.says(&["#london: entered 1 post of an interrupted run"]);
        }
        assert_eq!(torn.desk.ids(DATA), ids(0..4), "{written}");
        torn.desk.cotag("verify").fine();
    }
}

#[test]
fn posts_of_a_killed_run_were_never_listed_when_the_next_was_killed_before_its_end() {
    let torn = interrupted(3);
    restore(&torn.desk);
    fs::write(torn.desk.path(DATA), torn.torn(torn.added.len())).unwrap();
    torn.desk.cotag("verify").code(3);
    // Opened and never finished, which is what a kill leaves.
    let mut writer = Writer::open(
        &torn.desk.path("data"),
        "download",
        Duration::ZERO,
        &mut |_| (),
    )
    .unwrap();
    let opened = writer
        .tag(&Hashtag::new("london").unwrap(), Origin::Import)
        .unwrap()
        .opened;
    assert_eq!(opened.recovered, 1);
    drop(writer);
    torn.desk.cotag("verify").fine();
}

#[test]
fn a_crash_between_the_posts_and_the_ledger_is_made_good() {
    // The posts are stored, the list or the ledger are not yet.
    let torn = interrupted(3);
    let after = torn.torn(torn.added.len());
    for list_too in [false, true] {
        restore(&torn.desk);
        fs::write(torn.desk.path(DATA), &after).unwrap();
        if list_too {
            torn.desk.write(
                "data/ids/post_ids.json",
                json!({"london": ids(0..4), "rome": ids([70])}).to_string(),
            );
        }
        torn.desk
            .cotag("frequencies london")
            .fine()
            .shows(&["Total posts: 4\n"]);
        torn.desk
            .cotag("import b.ndjson -t london")
            .code(0)
            .says(&["entered 1 post of an interrupted run"]);
        torn.desk.cotag("verify").fine();
        assert_eq!(torn.desk.ids(DATA), ids(0..4));
        let commands: Vec<String> = torn
            .desk
            .json_lines("data/london/posts/runs.jsonl")
            .iter()
            .map(|run| run["command"].to_string())
            .collect();
        assert_eq!(commands, ["\"import\"", "\"recover\"", "\"import\""]);
    }
    // Half a line in the ledger.
    restore(&torn.desk);
    let ledger = torn.desk.read("data/london/posts/runs.jsonl");
    torn.desk.write(
        "data/london/posts/runs.jsonl",
        ledger.clone() + &ledger[..50],
    );
    torn.desk.cotag("frequencies london").fine();
    torn.desk.cotag("import b.ndjson -t london").code(0);
    torn.desk.cotag("verify").fine();
}
