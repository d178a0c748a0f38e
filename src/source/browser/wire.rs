//! The line to a browser: DevTools messages, whole and of bounded size, over a pipe or a WebSocket.
//!
//! A pipe is what a browser of our own gets: no port is open that other programs of the machine could
//! use, and the browser ends itself when our end closes, however we ended.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
};
use std::time::Duration;

use tungstenite::WebSocket;
use tungstenite::protocol::WebSocketConfig;

/// The largest message read: a body of [`super::BODY_LIMIT`] as base64, and what is around it.
const MESSAGE_LIMIT: usize = super::BODY_LIMIT / 3 * 4 + (1 << 20);
/// The largest message read that answers no question of ours: pages can make them as long as they like.
const EVENT_LIMIT: usize = 4 << 20;
/// How many messages may wait to be looked at.
const WAITING: usize = 16;
/// How often a WebSocket looks for something to send.
const POLL: Duration = Duration::from_millis(10);

/// The line. Reading ends for good once the browser has closed its end.
#[derive(Debug)]
pub(super) struct Wire {
    incoming: Receiver<String>,
    outgoing: Outgoing,
}

#[derive(Debug)]
enum Outgoing {
    Pipe(ChildStdin),
    Socket(Sender<String>),
}

/// The browser has closed its end, or was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Wire {
    /// Over a browser's pipes: messages end with a zero byte.
    pub(super) fn pipe(to: ChildStdin, from: ChildStdout) -> Self {
        let (sender, incoming) = sync_channel(WAITING);
        std::thread::spawn(move || read_pipe(BufReader::new(from), &sender));
        Self {
            incoming,
            outgoing: Outgoing::Pipe(to),
        }
    }

    /// Over a WebSocket, such as `ws://127.0.0.1:9222/devtools/browser/…`.
    pub(super) fn socket(url: &str, stream: TcpStream) -> Result<Self, String> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let (socket, _) = tungstenite::client::client_with_config(url, stream, Some(config))
            .map_err(|error| told(&error))?;
        socket
            .get_ref()
            .set_read_timeout(Some(POLL))
            .map_err(|error| told(&error))?;
        let (sender, incoming) = sync_channel(WAITING);
        let (outgoing, to_send) = channel();
        std::thread::spawn(move || run_socket(socket, &sender, &to_send));
        Ok(Self {
            incoming,
            outgoing: Outgoing::Socket(outgoing),
        })
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: String) -> Result<(), Gone> {
        match &mut self.outgoing {
            Outgoing::Pipe(pipe) => {
                let mut bytes = message.into_bytes();
                bytes.push(0);
                pipe.write_all(&bytes).map_err(|_| Gone)
            }
            Outgoing::Socket(sender) => sender.send(message).map_err(|_| Gone),
        }
    }

    /// The next message; `None` if there is none within that time.
    pub(super) fn receive(&self, within: Duration) -> Result<Option<String>, Gone> {
        match self.incoming.recv_timeout(within) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }
}

/// Hands on messages until the pipe ends or nobody listens any more.
fn read_pipe(mut from: BufReader<impl Read>, to: &SyncSender<String>) {
    while let Ok(Some(message)) = next_message(&mut from) {
        if let Message::Whole(text) = message
            && to.send(text).is_err()
        {
            return;
        }
    }
}

/// What came through a pipe.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Whole(String),
    /// Left out.
    TooLarge,
}

/// The next message up to its zero byte; `None` at the end.
fn next_message(from: &mut BufReader<impl Read>) -> io::Result<Option<Message>> {
    let mut message = Vec::new();
    let mut too_large = false;
    loop {
        let part = from.fill_buf()?;
        if part.is_empty() {
            return Ok(None);
        }
        let end = memchr::memchr(0, part);
        let length = end.unwrap_or(part.len());
        if message.len() + length > limit(&message) {
            too_large = true;
            message = Vec::new();
        }
        if !too_large {
            message.extend_from_slice(&part[..length]);
        }
        from.consume(length + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(Some(if too_large {
                Message::TooLarge
            } else {
                Message::Whole(text(message))
            }));
        }
    }
}

/// How large a message may be that starts so: an answer begins with the number of its question.
fn limit(start: &[u8]) -> usize {
    if start.is_empty() || start.starts_with(b"{\"id\":") {
        MESSAGE_LIMIT
    } else {
        EVENT_LIMIT
    }
}

fn text(message: Vec<u8>) -> String {
    String::from_utf8(message)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Reads and writes in turns: the one socket cannot be shared by two threads.
fn run_socket(mut socket: WebSocket<TcpStream>, to: &SyncSender<String>, from: &Receiver<String>) {
    use tungstenite::{Error, Message};
    loop {
        loop {
            match from.try_recv() {
                Ok(message) => {
                    if socket.send(Message::text(message)).is_err() {
                        return;
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    let _ = socket.close(None);
                    let _ = socket.flush();
                    return;
                }
            }
        }
        match socket.read() {
            Ok(Message::Text(message)) => {
                if message.len() <= limit(message.as_bytes())
                    && to.send(message.to_string()).is_err()
                {
                    return;
                }
            }
            Ok(_) => {}
            Err(Error::Io(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(bytes: &[u8]) -> Vec<Message> {
        // A small buffer, so that messages come in parts.
        let mut from = BufReader::with_capacity(1000, bytes);
        let mut found = Vec::new();
        while let Some(message) = next_message(&mut from).unwrap() {
            found.push(message);
        }
        found
    }

    #[test]
    fn messages_end_with_a_zero_byte_and_an_unfinished_one_is_none() {
        let found = messages(b"{\"id\":1}\0{\"method\":\"a\"}\0{\"id\":");
        let expected = ["{\"id\":1}", "{\"method\":\"a\"}"].map(|text| Message::Whole(text.into()));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_event_as_long_as_a_page_likes_is_left_out_and_reading_goes_on() {
        let event = format!("{{\"method\":\"{}\"}}", "x".repeat(EVENT_LIMIT));
        let answer = format!("{{\"id\":1,\"result\":\"{}\"}}", "x".repeat(EVENT_LIMIT));
        let bytes = format!("{event}\0{answer}\0{{\"id\":2}}\0");
        let found = messages(bytes.as_bytes());
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], Message::TooLarge);
        assert!(
            found[1] == Message::Whole(answer),
            "an answer may be that long"
        );
        assert_eq!(found[2], Message::Whole("{\"id\":2}".into()));
    }
}
