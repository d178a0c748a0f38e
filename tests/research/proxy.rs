//! `--proxy`: every request goes through it, and its password is never shown.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::bench::{Bench, options};

const PASSWORD: &str = "pr0xy-passw0rd";

/// A proxy for plain HTTP: passes each request on, one per connection, and remembers its head.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(refuses: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || pass_on(client, refuses, &kept));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn pass_on(mut client: TcpStream, refuses: bool, kept: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut piece = [0; 4096];
        let got = client.read(&mut piece).unwrap_or(0);
        if got == 0 {
            return;
        }
        bytes.extend_from_slice(&piece[..got]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.parse().unwrap());
            break (head, end + 4 + length);
        }
    };
    while bytes.len() < length {
        let mut piece = [0; 4096];
        let got = client.read(&mut piece).unwrap_or(0);
        bytes.extend_from_slice(&piece[..got]);
    }
    kept.lock().unwrap().push(head.clone());
    if refuses {
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = client.write_all(answer);
        return;
    }
    // POST http://host:port/path HTTP/1.1
    let target = head.split_whitespace().nth(1).unwrap();
    let rest = target.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut server = TcpStream::connect(host).unwrap();
    let text = head.replacen(target, path, 1);
    let body = &bytes[head.len() + 4..];
    server
        .write_all(format!("{text}\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    server.write_all(body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    let _ = client.write_all(&answer);
}

#[test]
fn all_requests_go_through_the_proxy_and_its_password_is_not_shown() {
    let bench = Bench::new(&options());
    let proxy = Proxy::start(false);
    let words = format!("--proxy http://somebody:{PASSWORD}@{}", proxy.address);
    let outcome = bench.download(&words).expect(0);
    bench.assert_complete();
    let heads = proxy.heads();
    assert_eq!(heads.len(), bench.server.requests().len());
    for head in heads {
        assert!(
            head.starts_with(&format!("POST {}/v2/", bench.server.url)),
            "{head}"
        );
        assert!(
            head.to_lowercase().contains("proxy-authorization: basic "),
            "{head}"
        );
    }
    for told in [&outcome.out, &outcome.err] {
        assert!(!told.contains(PASSWORD), "{told}");
    }
    bench.assert_no_secret(&outcome);
    for entry in walkdir::WalkDir::new(bench.data()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = fs_err::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(PASSWORD));
        }
    }
}

#[test]
fn what_is_wrong_with_the_proxy_is_told_without_its_password() {
    let bench = Bench::new(&options());
    let refusing = Proxy::start(true).address;
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap().to_string();
    drop(closed);
    for (place, told) in [
        (refusing, "the proxy wants a name and password"),
        (nobody, "no connection to"),
        ("[::bad".to_owned(), "the proxy is no URL"),
    ] {
        let outcome = bench
            .download(&format!("--proxy http://somebody:{PASSWORD}@{place}"))
            .expect(1)
            .says(told)
            .says("--proxy");
        assert!(!outcome.err.contains(PASSWORD), "{}", outcome.err);
    }
    assert!(bench.server.requests().is_empty());
}
