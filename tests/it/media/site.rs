//! A site of this machine with pages of posts, and their media.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::make::id;

/// How the server answers for the media of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Whole,
    Missing,
    /// Breaks off after so many bytes of every first answer; goes on where asked to.
    Cut(usize),
    /// A piece, and then nothing until the connection is closed.
    Slow,
    NoVideo,
    /// What should be the film is a sound.
    OnlySound,
    /// So it is, and the page has no pictures either.
    SoundAndNoPictures,
}

/// A site with pages of posts, and their media.
pub(super) struct Site {
    pub(super) url: String,
    manners: Arc<Mutex<HashMap<u64, Manner>>>,
    /// Requests as `path range`, and the cookies that came with them.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

/// Bytes that begin like a film, the same for the same post.
pub(super) fn film(number: u64) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    bytes.extend((0..300_000_u64).map(|at| (at.wrapping_mul(number + 7) >> 3).to_le_bytes()[0]));
    bytes
}

pub(super) fn picture(name: &str) -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec();
    bytes.extend(name.bytes().cycle().take(3000));
    bytes
}

pub(super) fn sound() -> Vec<u8> {
    let mut bytes = b"ID3\x04\0".to_vec();
    bytes.extend([7; 2000]);
    bytes
}

impl Site {
    pub(super) fn new() -> Self {
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

    pub(super) fn set(&self, number: u64, manner: Manner) {
        self.set_id(id(number), manner);
    }

    pub(super) fn set_id(&self, post: u64, manner: Manner) {
        self.manners.lock().unwrap().insert(post, manner);
    }

    /// How often something whose path holds this was asked for.
    pub(super) fn count(&self, part: &str) -> usize {
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
    let Some((path, from, cookies)) = request(&stream)? else {
        return Ok(());
    };
    let path = path.as_str();
    asked
        .lock()
        .unwrap()
        .push(format!("{path} {}", from.unwrap_or(0)));
    asked.lock().unwrap().extend(cookies);
    if let Some(to) = path.strip_prefix("/redirect/") {
        let head = format!("Location: http://{to}\r\n");
        return answer(&mut stream, "302 Found", "text/html", &head, b"");
    }
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
            page(base, post, manner).as_bytes(),
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

/// A request's path, first byte and line of cookies.
type Request = (String, Option<usize>, Option<String>);

fn request(stream: &TcpStream) -> std::io::Result<Option<Request>> {
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
    let cookies = lines.iter().find(|line| line.starts_with("cookie:"));
    Ok(path.map(|path| (path.to_owned(), from, cookies.cloned())))
}

/// The page of a post: a film, and the state of a photo post.
fn page(base: &str, post: u64, manner: Manner) -> String {
    let state = json!({"a": {"itemStruct": {"id": post.to_string(), "imagePost": {"images": [
            {"imageURL": {"urlList": [format!("{base}/img/{post}_1?x-signature=abc")]}},
            {"imageURL": {"urlList": [format!("{base}/img/{post}_2?x-signature=abc")]}}]}}}});
    let state = if manner == Manner::SoundAndNoPictures {
        json!({})
    } else {
        state
    };
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
    } else if matches!(manner, Manner::OnlySound | Manner::SoundAndNoPictures) {
        ("video/mp4", sound())
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
