//! A text taken line by line: on LF only, since U+2028 and its like stand inside captions.

use std::io::{self, Read};

use memchr::memchr;

use super::Window;
use super::walk::VALUE_LIMIT;

/// Bytes that are kept of a line that is too large.
const SHOWN: usize = 4096;

/// The lines of a text of any size, one in memory at a time.
#[derive(Debug)]
pub struct Lines<R> {
    window: Window<R>,
    limit: usize,
    number: u64,
    /// Bytes of the line handed out last, its line end included.
    taken: usize,
    /// The start of a line that is too large.
    start: Vec<u8>,
}

/// One line.
#[derive(Debug)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Without its line end (LF or CRLF); of a line above the limit only the start.
    pub text: &'a [u8],
    /// The line is larger than the limit, and has been skipped.
    pub too_large: bool,
    /// Whether a line end follows; not so in the last line of a text that was cut.
    pub ended: bool,
}

impl<R: Read> Lines<R> {
    /// The lines from where a window stands.
    pub fn over(window: Window<R>) -> Self {
        Self {
            window,
            limit: VALUE_LIMIT,
            number: 0,
            taken: 0,
            start: Vec::new(),
        }
    }

    /// The same lines with another limit on the length of one, in bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The next line; `None` at the end of the text.
    ///
    /// # Errors
    /// The text could not be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.window.consume(std::mem::take(&mut self.taken));
        let mut searched = 0;
        let (length, ended) = loop {
            let bytes = self.window.unread();
            if let Some(step) = memchr(b'\n', &bytes[searched..]) {
                break (searched + step, true);
            }
            searched = bytes.len();
            if searched > self.limit {
                return self.skip_rest().map(Some);
            }
            if !self.window.fill()? {
                break (searched, false);
            }
        };
        if length == 0 && !ended {
            return Ok(None);
        }
        self.number += 1;
        self.taken = length + usize::from(ended);
        let text = &self.window.unread()[..length];
        Ok(Some(Line {
            number: self.number,
            text: text.strip_suffix(b"\r").unwrap_or(text),
            too_large: length > self.limit,
            ended,
        }))
    }

    /// Goes behind a line that is too large, keeping its start to show.
    fn skip_rest(&mut self) -> io::Result<Line<'_>> {
        let start = self.window.unread();
        self.start = start[..start.len().min(SHOWN)].to_vec();
        self.number += 1;
        let ended = loop {
            let bytes = self.window.unread();
            if let Some(step) = memchr(b'\n', bytes) {
                self.window.consume(step + 1);
                break true;
            }
            let length = bytes.len();
            self.window.consume(length);
            if !self.window.fill()? {
                break false;
            }
        };
        Ok(Line {
            number: self.number,
            text: &self.start,
            too_large: true,
            ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], limit: usize) -> Vec<(u64, String, bool, bool)> {
        let mut lines = Lines::over(Window::new(text)).with_limit(limit);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            let text = String::from_utf8_lossy(line.text).into_owned();
            all.push((line.number, text, line.too_large, line.ended));
        }
        all
    }

    #[test]
    fn only_line_feeds_end_lines() {
        assert_eq!(
            all("a\u{2028}b\r\n\nc".as_bytes(), 100),
            [
                (1, "a\u{2028}b".to_owned(), false, true),
                (2, String::new(), false, true),
                (3, "c".to_owned(), false, false),
            ]
        );
        assert!(all(b"", 100).is_empty());
    }

    #[test]
    fn a_huge_line_is_passed_over() {
        let text = format!("a\n<{}\nb\n<{}", "x".repeat(900_000), "y".repeat(900_000));
        let lines = all(text.as_bytes(), 1000);
        let shape: Vec<_> = lines.iter().map(|line| (line.0, line.2, line.3)).collect();
        assert_eq!(
            shape,
            [
                (1, false, true),
                (2, true, true),
                (3, false, true),
                (4, true, false)
            ]
        );
        // It was their end that was shown.
        assert!(lines[1].1.starts_with("<x") && lines[3].1.starts_with("<y"));
        assert!(lines[1].1.len() <= SHOWN && lines[3].1.len() <= SHOWN);
    }
}
