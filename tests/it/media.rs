//! `cotag download -v` with the real yt-dlp, against a server of this machine.

mod edges;
mod site;

use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use self::site::{Manner, Site, film, picture};
use crate::harness::{Desk, Fed, Outcome, wait_until};
use crate::make::{Web, array, id, web};

/// The real program, which `tests/tools` sets up.
fn yt_dlp() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/venv/bin/yt-dlp");
    assert!(
        path.exists(),
        "no yt-dlp at {}: run tests/tools first",
        path.display()
    );
    path
}

/// A store with these posts, and a site that has their media.
struct Stage {
    desk: Desk,
    site: Site,
}

impl Stage {
    fn new(posts: &[Web]) -> Self {
        let desk = Desk::new();
        desk.write("posts.json", array(posts));
        desk.cotag("import posts.json -t london").fine();
        Self {
            desk,
            site: Site::new(),
        }
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.desk.command("download -t london -v --media-site");
        command
            .arg(&self.site.url)
            .arg("--yt-dlp")
            .arg(yt_dlp())
            .args(words.split_whitespace());
        command
    }

    #[track_caller]
    fn fetch(&self, words: &str) -> Outcome {
        self.desk.run(&mut self.command(words))
    }

    fn videos(&self) -> Vec<String> {
        self.desk.names("data/london/videos", "")
    }

    fn recorded(&self) -> Value {
        self.desk.json("data/ids/video_ids.json")["london"].clone()
    }
}

fn mp4(number: u64) -> String {
    format!("{}.mp4", id(number))
}

fn photo(number: u64, links: &[String], sound: &str) -> Web {
    let images: Vec<Value> = links
        .iter()
        .map(|link| json!({"imageURL": {"urlList": [link]}}))
        .collect();
    web(number, "london")
        .with("imagePost", json!({"images": images}))
        .with("music", json!({"id": "5", "playUrl": sound}))
}

#[test]
fn videos_are_fetched_once_recorded_and_vouched_for() {
    let stage = Stage::new(&[
        web(1, "london"),
        web(2, "london"),
        web(3, "london").by("../../etc/x"),
    ]);
    stage.fetch("").fine().says(&[
        "#london: 3 posts meet the filters, 0 fetched before, 3 to fetch",
        "media of 3 posts fetched, 0 failed",
    ]);
    assert_eq!(stage.videos(), [mp4(1), mp4(2), mp4(3)]);
    let file = stage.desk.bytes(&format!("data/london/videos/{}", mp4(2)));
    assert!(file == film(id(2)));
    assert_eq!(stage.recorded().as_array().unwrap().len(), 3);
    let runs = stage.desk.json_lines("data/london/posts/runs.jsonl");
    let last = runs.last().unwrap();
    assert_eq!(last["command"], "download-media");
    assert_eq!(last["media"].as_array().unwrap().len(), 3);
    assert_eq!(last["media"][0]["bytes"], file.len());
    stage.desk.cotag("verify").fine();

    // Again: nothing is asked for, nothing is written.
    let (asked, before) = (stage.site.count(""), stage.desk.snapshot("data"));
    stage
        .fetch("")
        .fine()
        .says(&["3 fetched before, 0 to fetch"]);
    assert_eq!(stage.site.count(""), asked);
    let names = |snapshot: std::collections::BTreeMap<PathBuf, Option<Vec<u8>>>| {
        snapshot.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(stage.desk.snapshot("data")), names(before));

    // A changed file and a missing one show.
    let mut changed = film(id(1));
    changed[200_000] ^= 1;
    stage
        .desk
        .write(&format!("data/london/videos/{}", mp4(1)), changed);
    fs::remove_file(stage.desk.path(&format!("data/london/videos/{}", mp4(3)))).unwrap();
    stage.desk.cotag("verify").code(6).shows(&[
        "is not what was fetched: its hash differs",
        "is in the ledger, but no longer there",
    ]);
    stage
        .fetch("")
        .fine()
        .says(&["media of 1 post were fetched before, but are no longer in videos/"]);
}

#[test]
fn one_that_fails_is_told_and_does_not_hold_up_the_others() {
    let stage = Stage::new(&[
        web(1, "london"),
        web(2, "london"),
        web(3, "london"),
        web(4, "london"),
    ]);
    stage.site.set(2, Manner::Missing);
    stage.site.set(3, Manner::NoVideo);
    stage.fetch("--jobs 1").code(3).says(&[
        &format!(
            "warning: #london: {}: [generic] {}: Unable to download webpage: HTTP Error 404",
            id(2),
            id(2)
        ),
        &format!(
            "warning: #london: {}: what the server sent is no video",
            id(3)
        ),
        "media of 2 posts fetched, 2 failed",
    ]);
    assert_eq!(stage.videos(), [mp4(1), mp4(4)]);
    assert_eq!(
        stage.recorded(),
        json!([id(4).to_string(), id(1).to_string()])
    );
    stage.desk.cotag("verify").fine();
    // What failed is tried again, and only that.
    stage.site.set(2, Manner::Whole);
    stage.site.set(3, Manner::Whole);
    stage
        .fetch("")
        .fine()
        .says(&["2 fetched before, 2 to fetch"]);
    assert_eq!(stage.site.count(&format!("/media/{}", mp4(1))), 1);
}

#[test]
fn a_body_that_breaks_off_is_continued_also_by_the_next_run() {
    let stage = Stage::new(&[web(1, "london")]);
    stage.site.set(1, Manner::Cut(40_000));
    // Each attempt brings 40,000 bytes more; there are four.
    let outcome = stage.fetch("").code(3);
    outcome.says(&["1 unfinished file kept; the next run goes on with it"]);
    assert!(!stage.videos().contains(&mp4(1)));
    let before = stage.site.asked.lock().unwrap().len();
    stage.site.set(1, Manner::Whole);
    stage.fetch("").fine();
    let asked = stage.site.asked.lock().unwrap()[before..].to_vec();
    let media = asked
        .iter()
        .find(|path| path.starts_with("/media/"))
        .unwrap();
    let from: u64 = media.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(from >= 40_000, "{asked:?}");
    assert!(stage.desk.bytes(&format!("data/london/videos/{}", mp4(1))) == film(id(1)));
    assert_eq!(stage.videos(), [mp4(1)], "something was left behind");
    stage.desk.cotag("verify").fine();
}

#[test]
fn what_is_too_large_is_left_out_and_filters_choose() {
    let stage = Stage::new(&[
        web(1, "london").views(10),
        web(2, "london").views(2000),
        web(3, "london").views(3000),
    ]);
    stage
        .fetch("--max-filesize 100k --limit 1")
        .code(3)
        .says(&[&format!("{}: larger than --max-filesize", id(3))]);
    assert_eq!(stage.videos(), Vec::<String>::new());
    stage.fetch("--min-views 1000 --limit 1").fine();
    assert_eq!(stage.videos(), [mp4(3)]);
    stage
        .fetch("--min-views 1000 --dry-run")
        .fine()
        .says(&["2 posts meet the filters"]);
    stage.fetch("--min-views 1000").fine();
    assert_eq!(stage.videos(), [mp4(2), mp4(3)]);
}

#[test]
fn photo_posts_bring_their_pictures_and_their_sound() {
    let site = Site::new();
    let link = |name: &str| format!("{}/{name}", site.url);
    let good = [link("img/a"), link("img/b"), link("img/c")];
    // Stored links lose their signatures; the page has them.
    let blanked = [link("img/d?x-signature=secret")];
    let stage = Stage {
        desk: {
            let desk = Desk::new();
            let posts = [photo(1, &good, &link("sound/s")), photo(2, &blanked, "")];
            desk.write("posts.json", array(&posts));
            desk.cotag("import posts.json -t london").fine();
            desk
        },
        site,
    };
    let mut command = stage.desk.command("download -t london -v --media-site");
    command.arg(&stage.site.url).env("PATH", "");
    stage.desk.run(&mut command).fine();
    let (one, two) = (id(1), id(2));
    assert_eq!(
        stage.videos(),
        [
            format!("{one}.mp3"),
            format!("{one}_01.jpg"),
            format!("{one}_02.jpg"),
            format!("{one}_03.jpg"),
            format!("{two}_01.jpg"),
            format!("{two}_02.jpg"),
        ]
    );
    assert!(
        stage
            .desk
            .bytes(&format!("data/london/videos/{one}_02.jpg"))
            == picture("/img/b")
    );
    assert_eq!(stage.site.count("/img/d"), 0);
    assert_eq!(stage.recorded().as_array().unwrap().len(), 2);
    let ledger = stage.desk.read("data/london/posts/runs.jsonl");
    assert!(!ledger.contains("signature"), "a signed link was kept");
    stage.desk.cotag("verify").fine();
}

#[test]
fn stored_links_into_this_machine_are_not_followed() {
    let other = Site::new();
    let links = [
        format!("{}/img/a", other.url),
        "http://169.254.169.254/latest".to_owned(),
    ];
    let stage = Stage::new(&[photo(1, &links, "")]);
    stage.site.set(1, Manner::Missing);
    stage
        .fetch("")
        .code(3)
        .says(&["picture 1: the link is refused: `127.0.0.1` is an address of a private network"]);
    assert_eq!(other.count(""), 0);
    assert_eq!(stage.videos(), Vec::<String>::new());
}

#[test]
fn without_yt_dlp_the_way_to_it_is_told() {
    let stage = Stage::new(&[web(1, "london")]);
    let mut command = stage.desk.command("download -t london -v --media-site");
    command.arg(&stage.site.url).env("PATH", "");
    stage.desk.run(&mut command).fails(
        1,
        &[
            "videos need yt-dlp, which was not found",
            "pipx install yt-dlp",
        ],
    );
    stage
        .desk
        .cotag("download -t london -v --media-site file:///etc")
        .fails(2, &["is no URL"]);
    stage
        .desk
        .cotag("download -t london -v --yt-dlp /dev/null")
        .fails(1, &["`/dev/null` is no program", "pipx install yt-dlp"]);
}

#[test]
fn reversed_days_are_wrong_usage_not_no_posts() {
    let stage = Stage::new(&[web(1, "london")]);
    stage
        .desk
        .cotag("download -t london -v --since 2025-01-01 --until 2024-01-01")
        .fails(2, &["--since 2025-01-01 is after --until 2024-01-01"]);
}

#[test]
fn an_interrupt_ends_yt_dlp_too_and_keeps_what_is_there() {
    let stage = Stage::new(&[web(1, "london"), web(2, "london")]);
    stage.site.set(1, Manner::Slow);
    let fed = Fed::start(stage.command("--jobs 1"));
    wait_until("the slow one", || {
        stage.site.count(&format!("/media/{}", mp4(1))) > 0
    });
    wait_until("the first file", || stage.videos().contains(&mp4(2)));
    fed.signal("INT");
    let outcome = fed.finish(&stage.desk).code(130);
    outcome.says(&["media of 1 post fetched"]);
    wait_until("the end of yt-dlp", || running(stage.desk.root()) == 0);
    assert_eq!(stage.recorded(), json!([id(2).to_string()]));
    stage.desk.cotag("verify").fine();
    stage.site.set(1, Manner::Whole);
    stage.fetch("").fine();
    assert_eq!(stage.videos(), [mp4(1), mp4(2)]);
    assert_eq!(stage.site.count(&format!("/media/{}", mp4(2))), 1);
}

#[test]
fn a_killed_run_leaves_nothing_half_and_nothing_is_fetched_twice() {
    let stage = Stage::new(&[web(1, "london"), web(2, "london")]);
    stage.site.set(1, Manner::Slow);
    let mut fed = Fed::start(stage.command("--jobs 1"));
    wait_until("the slow one", || {
        stage.site.count(&format!("/media/{}", mp4(1))) > 0
    });
    wait_until("the first file", || stage.videos().contains(&mp4(2)));
    fed.signal("KILL");
    fed.wait();
    assert!(!stage.videos().contains(&mp4(1)));
    stage.site.set(1, Manner::Whole);
    stage.fetch("").fine();
    assert_eq!(stage.videos(), [mp4(1), mp4(2)]);
    assert_eq!(stage.site.count(&format!("/media/{}", mp4(2))), 1);
    let runs = stage.desk.json_lines("data/london/posts/runs.jsonl");
    let media = runs.last().unwrap()["media"].as_array().unwrap().clone();
    let found: Vec<_> = media.iter().map(|file| file["found"] == true).collect();
    assert_eq!(found, [true, false], "{media:?}");
    assert!(stage.desk.bytes(&format!("data/london/videos/{}", mp4(1))) == film(id(1)));
    stage.desk.cotag("verify").fine();
}

#[test]
fn a_yt_dlp_that_only_ends_is_told_and_not_called_for_ever() {
    let stage = Stage::new(&[web(1, "london"), web(2, "london")]);
    let fake = stage.desk.write(
        "fake",
        "#!/bin/sh\n[ \"$1\" = --version ] && { echo 2026.01.01; exit; }\necho called >> calls\necho 'ERROR: strange' >&2\nexit 1\n",
    );
    let status = Command::new("chmod").arg("755").arg(&fake).status();
    assert!(status.unwrap().success());
    let mut command = stage
        .desk
        .command("download -t london -v --jobs 1 --yt-dlp ./fake --media-site");
    command.arg(&stage.site.url);
    stage
        .desk
        .run(&mut command)
        .code(3)
        .says(&["strange", "2 failed"]);
    assert!(stage.desk.read("calls").lines().count() <= 2);
}

/// Processes that work in this folder.
fn running(folder: &Path) -> usize {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|place| place == folder))
        .count()
}
