//! Redirects, cookies, sounds without pictures, and posts with their media in one run.

use pretty_assertions::assert_eq;
use serde_json::json;

use super::site::{Manner, Site};
use super::{Stage, photo, yt_dlp};
use crate::harness::Desk;
use crate::make::{array, id, web};

#[test]
fn a_redirect_into_a_private_network_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    let links = [format!(
        "{}/redirect/{}/img/x",
        site.url,
        other.url.trim_start_matches("http://")
    )];
    let desk = Desk::new();
    desk.write("posts.json", array(&[photo(1, &links, "")]));
    desk.cotag("import posts.json -t london").fine();
    let stage = Stage { desk, site };
    stage.site.set(1, Manner::Missing);
    stage
        .fetch("")
        .code(3)
        .says(&["picture 1: the link is refused: `127.0.0.1` is an address of a private network"]);
    assert_eq!(stage.site.count("/redirect"), 1);
    assert_eq!(other.count(""), 0, "the redirect was followed");
    assert_eq!(stage.videos(), Vec::<String>::new());
}

#[test]
fn a_post_of_which_only_a_sound_comes_is_taken_for_a_photo_post() {
    let stage = Stage::new(&[web(1, "london"), web(2, "london")]);
    stage.site.set(1, Manner::OnlySound);
    stage.site.set(2, Manner::SoundAndNoPictures);
    stage
        .fetch("")
        .code(3)
        .says(&[&id(2).to_string(), "its page shows no pictures"]);
    let one = id(1);
    assert_eq!(
        stage.videos(),
        [format!("{one}_01.jpg"), format!("{one}_02.jpg")],
        "a sound is no video"
    );
    assert_eq!(stage.recorded(), json!([one.to_string()]));
    stage.desk.cotag("verify").fine();
}

#[test]
fn cookies_reach_the_server_and_nothing_else() {
    let stage = Stage::new(&[web(1, "london"), web(2, "london")]);
    stage.site.set(2, Manner::Missing);
    stage.desk.write(
        "cookies.txt",
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4000000000\tsessionid\ts3cr3t-cookie\n",
    );
    let outcome = stage.fetch("--cookies cookies.txt").code(3);
    assert!(stage.site.count("cookie: sessionid=s3cr3t-cookie") >= 2);
    assert!(!(outcome.stdout + &outcome.stderr).contains("s3cr3t"));
    for (path, bytes) in stage.desk.snapshot("data") {
        let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
        assert!(!text.contains("s3cr3t"), "{}", path.display());
    }
    stage
        .fetch("--cookies nowhere.txt")
        .fails(2, &["there is no file `nowhere.txt`"]);
}

#[test]
fn posts_and_then_their_media_are_one_run_with_one_exit_code() {
    // The sandbox makes the same posts each time: what they are is looked up first.
    let collect = "download -t london -p --source sandbox --since 2024-05-01 --until 2024-05-01";
    let first = Desk::new();
    first.cotag(collect).fine();
    let posts = first.json("data/london/posts/data.json");
    let posts = posts.as_array().unwrap();
    // Records of the API have numbers for ids.
    let gone = posts[0]["id"].as_u64().unwrap();

    let stage = Stage {
        desk: Desk::new(),
        site: Site::new(),
    };
    stage.site.set_id(gone, Manner::Missing);
    let run = || {
        let mut command = stage.desk.command(collect);
        command.args(["-v", "--media-site", &stage.site.url, "--yt-dlp"]);
        command.arg(yt_dlp());
        stage.desk.run(&mut command)
    };
    let outcome = run().code(3);
    let fetched = posts.len() - 1;
    let collected = outcome.stderr.find("containing the hashtag 'london'");
    let media = outcome.stderr.find("meet the filters, 0 fetched before");
    assert!(collected.unwrap() < media.unwrap(), "{}", outcome.stderr);
    outcome.says(&[&gone.to_string(), "HTTP Error 404", ", 1 failed"]);
    assert_eq!(stage.videos().len(), fetched);
    let runs = stage.desk.json_lines("data/london/posts/runs.jsonl");
    let commands: Vec<_> = runs.iter().map(|run| &run["command"]).collect();
    assert_eq!(commands, ["download", "download-media"]);
    stage.desk.cotag("verify").fine();

    stage.site.set_id(gone, Manner::Whole);
    run().fine();
    assert_eq!(stage.videos().len(), posts.len());
}
