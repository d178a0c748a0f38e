//! A full disk, missing rights, signals, closed outputs: the system says no, and nothing is lost.

use pretty_assertions::assert_eq;
use serde_json::json;

use crate::harness::{Desk, Fed, wait_until};
use crate::make::{array, bulky, gzip, id, ids, lines, london, scraper, seed_file};

const DATA: &str = "data/london/posts/data.json";

#[test]
fn a_full_disk_leaves_what_was_stored_before_and_the_next_run_completes() {
    // No file may grow beyond some 512-byte blocks: for the writer that is a full disk.
    let desk = Desk::new();
    let posts = bulky(0..300, 1000);
    desk.write("first.ndjson", lines(&posts[..10]));
    desk.write("all.ndjson", lines(&posts));
    desk.cotag("import first.ndjson -t london").fine();
    for blocks in [30, 40, 100] {
        let outcome = desk.shell(&format!(
            "trap '' XFSZ; ulimit -f {blocks}; $COTAG import all.ndjson -t london"
        ));
        outcome.fails(
            1,
            &[
                "error: cannot add to `./data/london/posts/data.json`",
                "what was stored before is unharmed",
            ],
        );
        assert_eq!(desk.ids(DATA), ids(0..10), "{blocks}");
        desk.cotag("verify").fine();
        desk.cotag("frequencies london")
            .fine()
            .shows(&["Total posts: 10\n"]);
    }
    desk.cotag("import all.ndjson -t london")
        .fine()
        .shows(&["london    300  290"]);
    assert_eq!(desk.ids(DATA), ids(0..300));
    desk.cotag("verify").fine();
}

#[test]
fn a_full_disk_while_a_file_is_rewritten_leaves_the_old_one() {
    let desk = Desk::new();
    let posts: Vec<String> = (0..60).map(|number| scraper(number, "london")).collect();
    desk.write(DATA, seed_file(&posts));
    desk.write(
        "data/ids/post_ids.json",
        json!({"london": ids(0..60)}).to_string(),
    );
    desk.write("more.ndjson", lines(&london(100..101)));
    let before = desk.bytes(DATA);
    let outcome = desk.shell("trap '' XFSZ; ulimit -f 20; $COTAG import more.ndjson -t london");
    outcome.fails(1, &["error: cannot write `./data/london/posts/data.json`"]);
    assert!(desk.bytes(DATA) == before);
    assert_eq!(
        desk.names("data/london/posts", ""),
        ["data.json"],
        "something was left behind"
    );
    desk.cotag("import more.ndjson -t london").code(0);
    assert_eq!(desk.ids(DATA).len(), 61);
    desk.cotag("verify").fine();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..3)));
    desk.cotag("import posts.ndjson -t london").fine();
    for words in ["frequencies london", "posts london --format csv", "verify"] {
        desk.shell(&format!("$COTAG {words} >/dev/full"))
            .fails(1, &["No space left on device"]);
    }
}

/// The binary as somebody without rights, since the tests may run as root.
#[cfg(unix)]
fn as_nobody(desk: &Desk, words: &str) -> std::process::Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = desk.command(words);
    if fs_err::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.contains("\nUid:\t0\t"))
    {
        // The binary may lie where only root may look.
        let copy = desk.path("cotag-binary");
        if !copy.exists() {
            fs_err::copy(env!("CARGO_BIN_EXE_cotag"), &copy).unwrap();
        }
        command = std::process::Command::new(copy);
        command
            .args(words.split_whitespace())
            .current_dir(desk.root())
            .env_remove("COTAG_DATA_DIR")
            .stdin(std::process::Stdio::null())
            .uid(65534)
            .gid(65534);
    }
    command
}

#[cfg(unix)]
#[test]
fn a_directory_without_rights_is_told_and_can_still_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..3)));
    desk.cotag("import posts.ndjson -t london").fine();
    let allow = |mode: u32| {
        for (path, content) in desk.snapshot("data") {
            let mode = if content.is_some() {
                mode & 0o666
            } else {
                mode
            };
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    fs_err::set_permissions(desk.root(), std::fs::Permissions::from_mode(0o755)).unwrap();
    allow(0o555);
    let before = desk.snapshot("data");
    desk.run(&mut as_nobody(&desk, "frequencies london"))
        .fine()
        .shows(&["Total posts: 3"]);
    desk.run(&mut as_nobody(&desk, "verify")).fine();
    for words in [
        "import posts.ndjson -t paris --keep-untagged",
        "import posts.ndjson -t london",
        "repair",
    ] {
        desk.run(&mut as_nobody(&desk, words)).fails(
            1,
            &["Permission denied", "hint: check the rights on that path"],
        );
    }
    desk.run(&mut as_nobody(
        &desk,
        "import posts.ndjson -t london --data-dir fresh",
    ))
    .fails(1, &["fresh", "Permission denied"]);
    desk.run(&mut as_nobody(&desk, "frequencies london -o out.txt"))
        .fails(1, &["out.txt", "Permission denied"]);
    assert!(before == desk.snapshot("data"));
    allow(0o755);
    // A file that may not be read.
    let secret = desk.write("secret.json", "[]");
    fs_err::set_permissions(secret, std::fs::Permissions::from_mode(0o000)).unwrap();
    desk.run(&mut as_nobody(&desk, "frequencies secret.json"))
        .fails(1, &["secret.json", "Permission denied"]);
}

#[test]
fn ctrl_c_keeps_what_was_read_and_the_next_run_completes() {
    let desk = Desk::new();
    let all = lines(&london(0..40));
    let mut writer = Fed::start(desk.command("import - -t london"));
    // Some records, then a part of one; the source goes on writing only later, or never.
    let part = all.len() / 2 + 50;
    writer.feed(&all.as_bytes()[..part]);
    wait_until("the import to begin", || {
        fs_err::read_to_string(desk.path("data/.cotag.lock")).is_ok_and(|text| text.ends_with('}'))
    });
    // It must have read what was fed before it is interrupted.
    writer.wait_until_read();
    writer.signal("INT");
    assert_eq!(writer.wait(), Some(130));
    let outcome = writer.finish(&desk).code(130);
    outcome
        .shows(&["london     20   20"])
        .says(&["warning: interrupted; what was read before is stored"]);
    assert_eq!(desk.ids(DATA), ids(0..20));
    assert!(!desk.path("data/london/posts/rejected.jsonl").exists());
    desk.cotag("verify").fine();
    let run = desk.json_lines("data/london/posts/runs.jsonl").remove(0);
    assert_eq!(run["stopped"], "interrupted");
    desk.feed("import - -t london", &all)
        .fine()
        .shows(&["london     40   20              20"]);
    assert_eq!(desk.ids(DATA), ids(0..40));
    desk.cotag("verify").fine();
}

#[test]
fn ctrl_c_in_the_middle_of_a_file_stores_whole_posts_and_the_next_run_completes() {
    let desk = Desk::new();
    let posts = bulky(0..300, 60_000);
    for (name, text) in [
        ("plain.ndjson", lines(&posts).into_bytes()),
        ("array.json", array(&posts).into_bytes()),
        ("packed.gz", gzip(lines(&posts).as_bytes())),
    ] {
        desk.write(name, text);
        let directory = format!("of-{name}");
        let words = format!("import {name} -t london --data-dir {directory}");
        let mut import = Fed::start(desk.command(&words));
        let data = format!("{directory}/london/posts/data.json");
        wait_until("the first posts to be stored", || {
            fs_err::metadata(desk.path(&data)).is_ok_and(|meta| meta.len() > 1000)
        });
        import.signal("INT");
        // It may have been faster than the signal.
        let code = import.wait();
        assert!(matches!(code, Some(0 | 130)), "{name}: {code:?}");
        let stored = desk.ids(&data);
        assert_eq!(stored, ids(0..stored.len() as u64), "{name}");
        assert!(
            !desk
                .path(&format!("{directory}/london/posts/rejected.jsonl"))
                .exists(),
            "{name}"
        );
        desk.cotag(&format!("verify --data-dir {directory}")).fine();
        desk.cotag(&words).fine();
        assert_eq!(desk.ids(&data), ids(0..300), "{name}");
        desk.cotag(&format!("verify --data-dir {directory}")).fine();
    }
}

#[test]
fn ctrl_c_never_stores_half_a_row_of_a_table() {
    let desk = Desk::new();
    let header = "id,username,create_time,video_description,hashtag_names,view_count\n";
    let half = format!(
        "{header}{},ann,1,x,['london'],1\n{},ann,1,x,['london'],10",
        id(0),
        id(1)
    );
    let mut writer = Fed::start(desk.command("import - -t london"));
    writer.feed(half.as_bytes());
    wait_until("the import to begin", || {
        desk.path("data/cotag.json").exists()
    });
    writer.wait_until_read();
    writer.signal("INT");
    assert_eq!(writer.wait(), Some(130));
    writer.finish(&desk).code(130);
    assert_eq!(desk.ids(DATA), ids([0]), "the second row may go on");
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let desk = Desk::new();
    let mut writer = Fed::start(desk.command("import - -t london"));
    writer.feed(b"{");
    wait_until("the import to begin", || {
        desk.path("data/cotag.json").exists()
    });
    writer.signal("INT");
    writer.signal("INT");
    assert_eq!(writer.wait(), Some(130));
    desk.cotag("verify").fine();
}

#[test]
fn nothing_but_data_is_on_standard_output() {
    let desk = Desk::new();
    desk.write("posts.ndjson", lines(&london(0..3)) + "broken\n");
    desk.cotag("import posts.ndjson -t london").code(3);
    for (words, code) in [
        ("frequencies london --format json", 0),
        ("posts london --format json", 0),
        ("frequencies london nope --format json", 3),
    ] {
        desk.cotag(words).code(code).json();
    }
    desk.cotag("frequencies nope").code(1).stdout("");
    desk.cotag("frequencies --nonsense").code(2).stdout("");
    desk.cotag("nonsense").code(2).stdout("");
    desk.cotag("").code(2).stdout("");
    desk.cotag("--version")
        .code(0)
        .stdout(&format!("cotag {}\n", env!("CARGO_PKG_VERSION")))
        .stderr("");
    desk.cotag("--help")
        .code(0)
        .stderr("")
        .shows(&["Exit codes: 0 done"]);
    desk.cotag("frequencies london -q").code(0).stderr("");
}
