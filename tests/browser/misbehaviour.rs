//! Pages that mean harm: nothing is written outside the data directory, and memory is bounded.

use crate::bench::Bench;
use crate::site::{POSTS, id, ids};

/// Memory that the largest answers may cost, in MiB: the answer as text, as bytes, and what is stored of it.
const MOST: u64 = 700;

#[test]
fn dialogs_windows_downloads_and_local_files_change_nothing() {
    let bench = Bench::new();
    bench.download("-t hostile").expect(0);
    assert_eq!(bench.stored("hostile"), ids("hostile", POSTS));
    assert_eq!(outside(&bench), Vec::<String>::new());
    assert!(bench.browsers().is_empty());
    assert!(bench.site.lists() > 0);
    assert!(
        !bench
            .site
            .asked()
            .iter()
            .any(|path| path.contains("favicon") && path.contains("evil")),
        "only the page's own requests"
    );
}

#[test]
fn bombs_are_rejected_one_by_one_and_the_posts_between_them_kept() {
    let bench = Bench::new();
    let outcome = bench
        .download("-t bombs")
        .expect(3)
        .says("see rejected.jsonl");
    println!("bombs: at most {} MiB", outcome.most);
    assert!(outcome.most < MOST, "{} MiB", outcome.most);
    let stored = bench.stored("bombs");
    for number in [0, 5, 10, 12, 13, 15, 16] {
        assert!(stored.contains(&id("bombs", number)), "{number}");
    }
    assert!(
        !outcome.told.contains('\u{1b}'),
        "no control characters on the terminal"
    );
    assert_eq!(outside(&bench), Vec::<String>::new());
    let verified = bench.command("verify").status().unwrap();
    assert!(verified.success());
}

#[test]
fn an_answer_larger_than_is_read_is_told_and_costs_no_memory() {
    let bench = Bench::new();
    let outcome = bench
        .download("-t huge --idle-scrolls 200")
        .expect(3)
        .says("larger than 64 MiB");
    println!("an answer of 90 MiB: at most {} MiB", outcome.most);
    assert!(outcome.most < 100, "{} MiB", outcome.most);
    assert_eq!(bench.stored("huge"), ids("huge", POSTS));
}

#[test]
fn a_page_that_hangs_is_left() {
    let bench = Bench::new();
    let outcome = bench.download("-t busy --idle-scrolls 3 --timeout 20s");
    assert!(outcome.told.contains("stopped: "), "{}", outcome.told);
    assert!(bench.stored("busy").len() >= 6);
    assert!(bench.browsers().is_empty());
}

/// Files that are neither in the data directory nor the browser's own.
fn outside(bench: &Bench) -> Vec<String> {
    let mut files = bench.files();
    // Where Chromium notes whether it may send crash reports; the profile and its home are left out already.
    files.retain(|path| {
        !path.starts_with("data/") && !path.starts_with("config/chromium/Crash Reports/")
    });
    files
}
