//! `cotag download -v` with the real yt-dlp, against a server of this machine.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fs_err as fs;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::harness::{Desk, Fed, Outcome, wait_until};
use crate::make::{Web, array, id, web};

/// How the server answers for the media of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Whole,
    Missing,
    /// Breaks off after so many bytes of every first answer; goes on where asked to.
    Cut(usize),
    /// A piece, and then nothing until the connection is closed.
    Slow,
    NoVideo,
}

/// A site with pages of posts, and their media.
struct Site {
    url: String,
    manners: Arc<Mutex<HashMap<u64, Manner>>>,
    /// Requests as `path range`.
    asked: Arc<Mutex<Vec<String>>>,
}

/// Bytes that begin like a film, the same for the same post.
fn film(number: u64) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    bytes.extend((0..300_000_u64).map(|at| (at.wrapping_mul(number + 7) >> 3).to_le_bytes()[0]));
    bytes
}

fn picture(name: &str) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec();
    bytes.extend(name.bytes().cycle().take(3000));
    bytes
}

fn sound() -> Vec<u8> {
    let mut bytes = b"ID3\x04\0".to_vec();
    bytes.extend([7; 2000]);
    bytes
}

impl Site {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let manners = Arc::new(Mutex::new(HashMap::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (known, noted, base) = (manners.clone(), asked.clone(), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, noted, base) = (known.clone(), noted.clone(), base.clone());
                // The other side may go away at any moment; the test sees what came of it.
                std::thread::spawn(move || drop(serve(stream, &known, &noted, &base)));
            }
        });
        Self {
            url,
            manners,
            asked,
        }
    }

    fn set(&self, number: u64, manner: Manner) {
        self.manners.lock().unwrap().insert(id(number), manner);
    }

    /// How often something whose path holds this was asked for.
    fn count(&self, part: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|path| path.contains(part)).count()
    }
}

fn serve(
    mut stream: TcpStream,
    manners: &Mutex<HashMap<u64, Manner>>,
    asked: &Mutex<Vec<String>>,
    base: &str,
) -> std::io::Result<()> {
    let Some((path, from)) = request(&stream)? else {
        return Ok(());
    };
    let path = path.as_str();
    asked
        .lock()
        .unwrap()
        .push(format!("{path} {}", from.unwrap_or(0)));
    let post = path
        .split(['/', '.', '_'])
        .find_map(|part| {
            part.parse::<u64>()
                .ok()
                .filter(|number| *number > 1_000_000)
        })
        .unwrap_or_default();
    let manner = manners
        .lock()
        .unwrap()
        .get(&post)
        .copied()
        .unwrap_or(Manner::Whole);
    if manner == Manner::Missing {
        return answer(&mut stream, "404 Not Found", "text/html", "", b"gone");
    }
    if path.starts_with("/@") {
        return answer(
            &mut stream,
            "200 OK",
            "text/html",
            "",
            page(base, post).as_bytes(),
        );
    }
    let (kind, whole) = file(path, post, manner);
    let start = from.unwrap_or(0).min(whole.len());
    let body = &whole[start..];
    let (status, range) = match from {
        Some(_) => (
            "206 Partial Content",
            format!(
                "Content-Range: bytes {start}-{}/{}\r\n",
                whole.len() - 1,
                whole.len()
            ),
        ),
        None => ("200 OK", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{range}Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    match manner {
        Manner::Cut(bytes) => stream.write_all(&body[..bytes.min(body.len())]),
        Manner::Slow => {
            stream.write_all(&body[..50_000.min(body.len())])?;
            std::thread::sleep(Duration::from_mins(1));
            Ok(())
        }
        _ => stream.write_all(body),
    }
}

/// Path and first byte that are asked for.
fn request(stream: &TcpStream) -> std::io::Result<Option<(String, Option<usize>)>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.to_ascii_lowercase());
    }
    let path = lines
        .first()
        .and_then(|line| line.split_whitespace().nth(1));
    let from = lines.iter().find_map(|line| {
        let range = line.strip_prefix("range: bytes=")?;
        range.split('-').next()?.parse().ok()
    });
    Ok(path.map(|path| (path.to_owned(), from)))
}

/// The page of a post: a film, and the state of a photo post.
fn page(base: &str, post: u64) -> String {
    let state = json!({"a": {"itemStruct": {"id": post.to_string(), "imagePost": {"images": [
            {"imageURL": {"urlList": [format!("{base}/img/{post}_1?x-signature=abc")]}},
            {"imageURL": {"urlList": [format!("{base}/img/{post}_2?x-signature=abc")]}}]}}}});
    format!(
        "<html><head><title>../../etc {post}</title><meta property=\"og:video\" content=\"/media/{post}.mp4\">\
             <script id=\"__UNIVERSAL_DATA_FOR_REHYDRATION__\" type=\"application/json\">{state}</script></head></html>"
    )
}

/// What a link to media leads to.
fn file(path: &str, post: u64, manner: Manner) -> (&'static str, Vec<u8>) {
    if path.starts_with("/img/") {
        ("image/png", picture(path))
    } else if path.starts_with("/sound/") {
        ("audio/mpeg", sound())
    } else if manner == Manner::NoVideo {
        ("video/mp4", b"<html>please log in</html>".repeat(90))
    } else {
        ("video/mp4", film(post))
    }
}

fn answer(
    stream: &mut TcpStream,
    status: &str,
    kind: &str,
    more: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

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
