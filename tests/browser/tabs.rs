//! Tabs that a person closes, or whose page crashes, while posts come.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::bench::{Bench, Outcome};
use crate::site::ids;
use crate::trouble::open_browser;

#[test]
fn a_tab_that_is_closed_or_crashes_keeps_what_came_and_says_which() {
    let bench = Bench::new();
    let profile = bench.path("profile");
    let (mut open, port) = open_browser(&bench, &profile);
    for (how, why) in [
        ("close", "the tab was closed"),
        ("crash", "the page has crashed"),
    ] {
        let name = "endless";
        let before = bench.stored(name).len();
        let words = bench
            .words(&format!("-t {name}"))
            .replace("--headless", &format!("--connect http://127.0.0.1:{port}"));
        let child = bench.start(&words);
        bench.wait_for_posts(name, before + 60);
        let list = devtools(port, "/json/list");
        let tabs: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        let tab = tabs
            .iter()
            .find(|tab| tab["url"].as_str().unwrap().contains("/tag/endless"))
            .unwrap();
        // Held to the end: a question whose asker has hung up may be dropped.
        let _asker = if how == "close" {
            devtools(
                port,
                &format!("/json/close/{}", tab["id"].as_str().unwrap()),
            );
            None
        } else {
            Some(crash(tab["webSocketDebuggerUrl"].as_str().unwrap(), port))
        };
        Outcome::of(child)
            .expect(3)
            .says(why)
            .says("all posts that came before are stored");
        let stored = bench.stored(name);
        assert!(stored.len() >= before + 60);
        assert_eq!(
            stored,
            ids(name, stored.len() as u64),
            "none is missing between"
        );
        assert!(bench.stopped(name).contains(why), "{}", bench.stopped(name));
    }
    assert!(
        open.try_wait().unwrap().is_none(),
        "the browser is left open"
    );
    open.kill().unwrap();
    open.wait().unwrap();
}

/// What the DevTools port answers over plain HTTP.
fn devtools(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // The port keeps connections open, so the length tells the end.
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).unwrap();
        answer.extend(&part[..read]);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let of_body = name.eq_ignore_ascii_case("content-length");
                of_body.then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return body.to_owned();
            }
        }
        assert!(read > 0, "{text}");
    }
}

/// Makes a page's process end as after a fault of its own; the connection
/// that asks for it.
fn crash(address: &str, port: u16) -> TcpStream {
    let path = address.split_once(&port.to_string()).unwrap().1;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .unwrap();
    let mut head = [0; 1024];
    let read = stream.read(&mut head).unwrap();
    assert!(head[..read].starts_with(b"HTTP/1.1 101"));
    let question = br#"{"id":1,"method":"Page.crash"}"#;
    // One whole frame of text; the mask of zeros leaves it as it is.
    let length = u8::try_from(question.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend(question);
    stream.write_all(&frame).unwrap();
    stream
}
