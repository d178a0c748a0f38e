//! What the documents say, held against the program.

use fs_err as fs;
use std::path::Path;
use std::process::{Command, Output};

use pretty_assertions::assert_eq;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn cotag(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cotag"))
        .args(words)
        .current_dir(root())
        .env_remove("COTAG_DATA_DIR")
        .output()
        .unwrap()
}

/// The commands of a document's `console` blocks, each with what stands below it.
fn examples(document: &str) -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => examples.push((command.to_owned(), String::new())),
                None => {
                    let (_, output) = examples.last_mut().expect("a command comes first");
                    *output += line;
                    output.push('\n');
                }
            },
            _ => {}
        }
    }
    examples
}

#[test]
fn the_examples_of_the_readme_print_what_stands_there() {
    let examples = examples(&read("README.md"));
    assert!(examples.len() >= 4);
    for (command, expected) in examples {
        let words: Vec<&str> = command.split_whitespace().collect();
        assert_eq!(words[0], "cotag", "{command}");
        let output = cotag(&words[1..]);
        assert!(output.status.success(), "{command}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            expected,
            "{command}"
        );
    }
}

#[test]
fn the_first_command_of_the_readme_prints_the_table_of_the_corpus() {
    assert!(read("README.md").contains("cargo run --release -- frequencies london 20 -d\n"));
    let output = cotag(&["frequencies", "london", "20", "-d"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.lines().count(), 22);
    assert!(table.ends_with("Total posts: 360\n"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("Synthetic: these posts were made up"),
        "{told}"
    );
}

#[test]
fn exit_codes_are_documented_as_they_are() {
    let mut table = String::new();
    for (exit, meaning) in cotag::Exit::TABLE {
        table += &format!("| {} | {meaning} |\n", exit as u8);
    }
    for document in ["README.md", "docs/output.md"] {
        assert!(read(document).contains(&table), "{document} lacks\n{table}");
    }
}

#[test]
fn the_test_command_of_the_readme_is_what_ci_runs() {
    assert!(read("README.md").contains("```sh\ntests/run\n```"));
    assert!(read(".ci/run").contains("\ntests/run"));
}

#[test]
fn every_option_is_in_the_help_and_every_command_has_examples() {
    for command in ["import", "frequencies", "posts", "urls", "doctor"] {
        let output = cotag(&[command, "--help"]);
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(
            help.contains("Examples:\n  cotag "),
            "{command} has no examples:\n{help}"
        );
    }
}

#[test]
fn the_corpus_in_data_is_what_the_generator_makes() {
    let made = tempfile::tempdir().unwrap();
    let status = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--example", "synthetic", "--"])
        .arg(made.path())
        .current_dir(root())
        .status()
        .unwrap();
    assert!(status.success());
    let mut compared = 0;
    for entry in walkdir::WalkDir::new(made.path()) {
        let entry = entry.unwrap();
        let inside = entry.path().strip_prefix(made.path()).unwrap();
        // Caches hold the times of files, and are not committed.
        let is_cache = inside.components().any(|part| part.as_os_str() == "index")
            || inside.ends_with(".ends.json")
            || inside == Path::new(".cotag.lock");
        if entry.file_type().is_file() && !is_cache {
            assert_eq!(
                fs::read_to_string(entry.path()).unwrap(),
                fs::read_to_string(root().join("data").join(inside)).unwrap(),
                "{}",
                inside.display()
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 9);
}
