//! Reaching a browser that is open, at the address of its DevTools port.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::wire::Wire;
use crate::json::Fields;

/// A line to the browser at an address such as `http://127.0.0.1:9222`; why there is none, if so.
pub(super) fn reach(address: &str) -> Result<Wire, String> {
    let url = debugger(address)?;
    let stream = dial(&url)?;
    Wire::socket(&url, stream)
}

/// The WebSocket of the browser at an address: as given, or as the browser tells.
fn debugger(address: &str) -> Result<String, String> {
    if address.starts_with("ws://") {
        return Ok(address.to_owned());
    }
    let host = address
        .strip_prefix("http://")
        .unwrap_or(address)
        .trim_end_matches('/');
    if host.contains("://") || host.contains('/') || !host.contains(':') {
        return Err("an address such as http://127.0.0.1:9222 is needed".into());
    }
    let mut stream = dial(&format!("ws://{host}/"))?;
    let told = |error: io::Error| error.to_string();
    let request =
        format!("GET /json/version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .map_err(told)?;
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = Vec::new();
    // Browsers do not always end the connection: enough is read when the object is whole.
    let mut part = [0; 4096];
    while answer.len() < 64 << 10 {
        let count = stream.read(&mut part).map_err(told)?;
        answer.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&answer);
        if let Some(found) = socket_in(&text) {
            return Ok(found);
        }
        if count == 0 {
            break;
        }
    }
    Err("what answers there is no browser with a DevTools port".into())
}

/// The WebSocket's address in the browser's answer.
fn socket_in(answer: &str) -> Option<String> {
    let body = &answer[answer.find("\r\n\r\n")? + 4..];
    let fields = Fields::parse(body.trim()).ok()?;
    let url = fields.text("webSocketDebuggerUrl")?;
    url.starts_with("ws://").then(|| url.into_owned())
}

fn dial(url: &str) -> Result<TcpStream, String> {
    let rest = url.strip_prefix("ws://").unwrap_or(url);
    let host = rest.split('/').next().unwrap_or_default();
    let addresses = host.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut last = "no such host".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, Duration::from_secs(10)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_socket_is_found_in_its_answer() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\n \"Browser\": \"Chrome/1\",\n \
                      \"webSocketDebuggerUrl\": \"ws://127.0.0.1:9/devtools/browser/a\"\n}\n";
        assert_eq!(
            socket_in(answer).as_deref(),
            Some("ws://127.0.0.1:9/devtools/browser/a")
        );
        assert_eq!(
            socket_in(&answer[..answer.len() - 4]),
            None,
            "not whole yet"
        );
        for wrong in ["https://a:1", "a", "http://a/b:1"] {
            assert!(debugger(wrong).is_err(), "{wrong}");
        }
    }
}
