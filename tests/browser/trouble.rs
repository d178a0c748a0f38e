//! Browsers that are not there, are in use, are closed or killed; and this program killed.

use std::process::{Child, Command, Stdio};

use crate::bench::{Bench, Outcome, signal, wait};
use crate::site::{POSTS, ids};

#[test]
fn without_a_browser_it_says_so_and_stores_nothing() {
    let bench = Bench::new();
    let words = bench.words("-t london");
    let mut none = bench.command(&words);
    let output = none.env("PATH", "").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("no Chrome, Chromium or Edge was found"),
        "{told}"
    );
    bench
        .download("-t london --chrome /nowhere/chrome")
        .expect(1)
        .says("`/nowhere/chrome` is no program");
    // A program that is no browser.
    bench
        .download("-t london --chrome /bin/true")
        .expect(1)
        .says("the browser `/bin/true` ended at once");
    // A window needs a screen.
    let visible = words.replace("--headless", "");
    Outcome::of(bench.start(&visible))
        .expect(1)
        .says("no display");
    // Neither credentials nor a browser: the ways on, and the exit code of missing credentials.
    let mut neither = bench.command("download -t london -p");
    let output = neither.env("PATH", "").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{told}");
    for way in ["TIKTOK_CLIENT_KEY", "--source browser", "--source sandbox"] {
        assert!(told.contains(way), "{told}");
    }
    assert!(!bench.data().exists());
}

#[test]
fn options_of_another_source_are_refused() {
    let bench = Bench::new();
    for (words, told) in [
        (
            "-t a -p --source browser --since 2024-01-01",
            "--since is for the Research API",
        ),
        (
            "-t a -p --source browser --lag 2",
            "--lag is for the Research API",
        ),
        (
            "-t a -p --source sandbox --headless",
            "--headless is for --source browser",
        ),
        (
            "-t a -p --since 2024-01-01 --headless",
            "--headless is for --source browser",
        ),
        ("-t a -p --source browser --timeout 0s", "in no time"),
        (
            "-t a -p --source browser --site-url file:///etc",
            "is no address",
        ),
        ("-p --source browser --user a/b", "is no name of an account"),
        (
            "-t a -p --source browser --connect a --headless",
            "cannot be used with",
        ),
    ] {
        let output = bench
            .command(&format!("download {words}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(told), "{words}: {said}");
    }
    let mut with_credentials = bench.command("download -t a -p --user b");
    with_credentials
        .env("TIKTOK_CLIENT_KEY", "k")
        .env("TIKTOK_CLIENT_SECRET", "s");
    let output = with_credentials.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = bench.command("quota --source browser").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_browser_killed_amid_a_run_costs_nothing_that_came_before() {
    let bench = Bench::new();
    let child = bench.start(&bench.words("-t endless"));
    bench.wait_for_posts("endless", 60);
    signal("-KILL", bench.browsers()[0]);
    Outcome::of(child)
        .expect(3)
        .says("the browser was closed or has crashed")
        .says("all posts that came before are stored");
    let stored = bench.stored("endless");
    assert!(stored.len() >= 60);
    assert_eq!(
        stored,
        ids("endless", stored.len() as u64),
        "none is missing between"
    );
    assert!(bench.stopped("endless").contains("closed or has crashed"));
    // The profile that a killed browser leaves can be used again.
    bench.download("-t endless --limit 30").expect(0);
    assert!(bench.stored("endless").len() >= stored.len() + 30);
}

#[test]
fn killed_itself_it_leaves_no_browser_behind_and_keeps_what_was_stored() {
    let bench = Bench::new();
    let mut child = bench.start(&bench.words("-t endless"));
    bench.wait_for_posts("endless", 60);
    let browsers = bench.browsers();
    assert!(!browsers.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    wait("the browser to end by itself", || {
        bench.browsers().is_empty()
    });
    bench
        .download("-t endless --limit 1")
        .expect(0)
        .says("#endless: entered ");
    assert!(bench.stored("endless").len() > 60);
}

#[test]
fn ctrl_c_ends_it_in_order() {
    let bench = Bench::new();
    let child = bench.start(&bench.words("-t endless"));
    bench.wait_for_posts("endless", 30);
    signal("-INT", child.id());
    Outcome::of(child)
        .expect(130)
        .says("interrupted; all that was fetched is stored");
    assert!(bench.stored("endless").len() >= 30);
    assert_eq!(bench.stopped("endless"), "interrupted");
    assert!(bench.browsers().is_empty());
}

#[test]
fn a_profile_in_use_is_told_and_a_browser_that_is_open_can_be_used() {
    let bench = Bench::new();
    let profile = bench.path("profile");
    let (mut open, port) = open_browser(&bench, &profile);
    bench
        .download(&format!("-t london --profile {}", profile.display()))
        .expect(1)
        .says("is in use by another browser")
        .says("--profile DIR");
    let connect = |address: &str, more: &str| {
        let words = bench
            .words(more)
            .replace("--headless", &format!("--connect {address}"));
        Outcome::of(bench.start(&words))
    };
    let address = format!("http://127.0.0.1:{port}");
    connect(&address, "-t london")
        .expect(0)
        .says("connected at");
    assert_eq!(bench.stored("london"), ids("london", POSTS));
    // Where a person looks on, a login wall is waited for; here the page takes it away by itself.
    connect(&address, "-t solved")
        .expect(0)
        .says("the site wants a login: solve the captcha or log in in the browser window")
        .says("the posts come again");
    assert_eq!(bench.stored("solved"), ids("solved", POSTS));
    connect(&address, "-t walled --timeout 6s")
        .expect(4)
        .says("the site wants a login");
    assert!(open.try_wait().unwrap().is_none(), "it is left open");
    open.kill().unwrap();
    open.wait().unwrap();
    connect(&address, "-t london")
        .expect(1)
        .says("no browser can be reached at");
    connect(&bench.site.url, "-t london")
        .expect(1)
        .says("no browser can be reached at");
}

/// The person's own browser, and the port on which others may connect to it; it does not say that
/// nobody sees it.
pub(crate) fn open_browser(bench: &Bench, profile: &std::path::Path) -> (Child, u16) {
    let found = cotag::source::browser::find().unwrap();
    let browser = Command::new(found.path)
        .arg(format!("--user-data-dir={}", profile.display()))
        .args([
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--remote-debugging-port=0"])
        .args(["--user-agent=Mozilla/5.0 Chrome/156.0.0.0", "about:blank"])
        .env("HOME", bench.path("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = profile.join("DevToolsActivePort");
    let read = || fs_err::read_to_string(&told).unwrap_or_default();
    wait("the browser's port", || read().lines().count() == 2);
    let port = read().lines().next().unwrap().parse().unwrap();
    (browser, port)
}
