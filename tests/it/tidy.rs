//! The rules of the repository: which room may use which, and what no file may hold.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// Each room and the rooms that it may use; `ARCHITECTURE.md` gives the reasons.
const ROOMS: [(&str, &[&str]); 12] = [
    ("http", &[]),
    ("json", &[]),
    ("model", &[]),
    ("record", &["json", "model"]),
    ("source", &["http", "record", "json", "model"]),
    ("store", &["record", "json", "model"]),
    ("analysis", &["model"]),
    ("output", &["analysis", "model"]),
    ("cli", &["model", "source"]),
    ("error", &["store", "source", "output"]),
    ("settings", &["cli", "error", "http", "source", "store"]),
    ("ui", &["output", "error"]),
];

/// Rooms that may use all others.
const FREE: [&str; 3] = ["commands", "lib", "main"];

/// Lines from which on a file asks to be split.
const LONGEST: usize = 600;

fn sources(below: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> = walkdir::WalkDir::new(root.join(below))
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "rs"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.path().strip_prefix(root).unwrap().to_owned(), text)
        })
        .collect();
    found.sort();
    assert!(found.len() > 5, "no sources below {below}");
    found
}

/// The room of a file: the first folder or file below `src`.
fn room(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str();
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// How deep a file's module lies below the crate's root: `src/store/mod.rs` is 1.
fn depth(path: &Path) -> usize {
    let folders = path.components().count() - 2;
    let name = path.file_stem().unwrap();
    folders + usize::from(name != "mod" && name != "lib" && name != "main")
}

/// The rooms that a text names by `crate::room` or by climbing out with `super::super::room`.
fn used(text: &str, depth: usize) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    let mut paths = vec!["crate::".to_owned(), "cotag::".to_owned()];
    // A module inside the file may climb one step more.
    paths.extend((depth..depth + 2).map(|steps| "super::".repeat(steps)));
    for path in paths.iter().filter(|path| !path.is_empty()) {
        for (at, _) in code.match_indices(path.as_str()) {
            let climbs_on = code[..at].ends_with("::");
            let rest = &code[at + path.len()..];
            if climbs_on || rest.starts_with("super::") {
                continue;
            }
            rooms.extend(first_names(rest));
        }
    }
    rooms
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut names = Vec::new();
    let (mut level, mut start) = (1, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' => level -= 1,
            ',' if level == 1 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if level == 0 {
            names.push(name(&group[start..at]));
            break;
        }
    }
    names
}

#[test]
fn no_room_uses_one_that_it_may_not() {
    let known: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).chain(FREE).collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let room = room(&path);
        assert!(
            known.contains(&room.as_str()),
            "{}: say what this room may use",
            path.display()
        );
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            continue;
        };
        for other in used(&text, depth(&path)) {
            if other != room
                && known.contains(&other.as_str())
                && !allowed.contains(&other.as_str())
            {
                wrong.push(format!("{} uses `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reading_of_paths_sees_every_way_to_name_a_room() {
    let text = "use crate::store::Store;\nuse crate::{model, output::{a, b}};\n// crate::comments\n\
                let x = crate::analysis::wilson(1, 2); use super::super::source::files;";
    let mut found = used(text, 2);
    found.sort();
    assert_eq!(found, ["analysis", "model", "output", "source", "store"]);
    assert_eq!(
        used("use super::sibling; use super::super::own;", 3),
        Vec::<String>::new()
    );
}

#[test]
fn counting_and_layout_do_no_io_and_know_no_clock() {
    for (path, text) in sources("src") {
        let room = room(&path);
        let forbidden: &[&str] = match room.as_str() {
            "analysis" => &[
                "std::fs",
                "fs_err",
                "std::io",
                "std::net",
                "std::env",
                "std::process",
                "async ",
                ".await",
                "::now(",
                "Instant",
                "SystemTime",
                "println!",
            ],
            "output" => &[
                "std::fs",
                "fs_err",
                "std::net",
                "std::env::",
                "std::process",
                "async ",
                ".await",
                "::now(",
                "Instant",
                "SystemTime",
                "println!",
            ],
            "model" | "json" | "record" => &[
                "std::fs",
                "fs_err",
                "std::net",
                "std::process",
                "async ",
                "::now(",
            ],
            _ => &[],
        };
        for word in forbidden {
            assert!(!text.contains(word), "{} holds `{word}`", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let length = text.lines().count();
        assert!(length <= LONGEST, "{} has {length} lines", path.display());
        assert!(
            text.starts_with("//! "),
            "{} does not say what it is for",
            path.display()
        );
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not hold them.
    let words = ["todo", "unimplemented"].map(|name| format!("{name}!"));
    let ignored = ["#[", "ignore"].concat();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        for word in words.iter().chain([&ignored]) {
            assert!(
                !text.contains(word.as_str()),
                "{} holds `{word}`",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_of_this_machine_is_named() {
    let work = ["/wo", "rk/"].concat();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        assert!(
            !text.contains(&work),
            "{} names a path of one machine",
            path.display()
        );
    }
}
