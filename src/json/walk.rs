//! The outer structure of a JSON text of any size, walked value by value.
//!
//! One value is in memory at a time, as text. What a value holds is checked by whoever parses it;
//! the walk only follows brackets and strings, without recursion, so no nesting is too deep for it.

use std::io::{self, Read};

use super::scan::{Scan, Step, find_item};
use super::{Vectors, Window, lone_surrogates};

/// How large a value may be unless told otherwise: 64 MiB.
pub const VALUE_LIMIT: usize = 64 << 20;

/// What stops a walk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The text ends inside a value or before its container is closed.
    #[error("the text ends at byte {offset}, inside a value")]
    Cut {
        /// Length of the text in bytes.
        offset: u64,
    },
    /// Not JSON from here on.
    #[error("not JSON at byte {offset}: {what}")]
    Malformed {
        /// Bytes before the place.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A value larger than the limit.
    #[error("the value at byte {offset} is larger than {limit} bytes")]
    TooLarge {
        /// Bytes before the value.
        offset: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The text could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl WalkError {
    pub(super) fn malformed(offset: u64, what: &'static str) -> Self {
        Self::Malformed { offset, what }
    }
}

/// What kind of value stands next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A number, `true`, `false`, `null`, or something that is no JSON.
    Other,
}

/// A walk over one text, which may hold several values after each other.
#[derive(Debug)]
pub struct Walk<R> {
    window: Window<R>,
    limit: usize,
    /// The containers that were entered, outermost first.
    open: Vec<Open>,
    /// White space before the value that stands next, if a line break came before it.
    indent: Option<usize>,
    /// As `indent`, of the items of the array entered last, where they can be told from their parts.
    item_indent: Option<usize>,
    /// A record was broken before: from now on each line that starts an item ends the one before.
    wary: bool,
    /// Length of the value captured last, 0 after a failure.
    captured: usize,
    too_large: bool,
    vectors: Vectors,
    /// How long the next value may be, going by the last ones.
    guess: usize,
}

#[derive(Debug)]
struct Open {
    close: u8,
    empty: bool,
}

impl<R: Read> Walk<R> {
    /// A walk from the start of a text.
    pub fn new(input: R) -> Self {
        Self::over(Window::new(input))
    }

    /// A walk from where a window stands.
    pub fn over(window: Window<R>) -> Self {
        Self {
            window,
            limit: VALUE_LIMIT,
            open: Vec::new(),
            indent: None,
            item_indent: None,
            wary: false,
            captured: 0,
            too_large: false,
            vectors: Vectors::default(),
            guess: 0,
        }
    }

    /// The same walk with another limit on the size of one value, in bytes.
    #[must_use]
    pub fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// How many bytes of the text lie behind.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// The kind of the next value, white space (and a byte order mark) skipped; `None` at the end.
    ///
    /// # Errors
    /// The text could not be read.
    pub fn peek(&mut self) -> Result<Option<Kind>, WalkError> {
        Ok(self.next_byte()?.map(|byte| match byte {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            _ => Kind::Other,
        }))
    }

    /// The bytes of the text that are in memory and not yet walked over, at least `count` of them
    /// unless the text ends before.
    ///
    /// # Errors
    /// The text could not be read.
    pub fn look_ahead(&mut self, count: usize) -> Result<&[u8], WalkError> {
        self.window.fill_to(count)?;
        Ok(self.window.unread())
    }

    /// Goes into the array or object that stands next.
    ///
    /// # Errors
    /// Something else stands next.
    pub fn enter(&mut self) -> Result<Kind, WalkError> {
        let (kind, close) = match self.next_byte()? {
            Some(b'{') => (Kind::Object, b'}'),
            Some(b'[') => (Kind::Array, b']'),
            Some(_) => return Err(self.malformed("an array or object should start here")),
            None => return Err(self.cut()),
        };
        self.window.consume(1);
        self.open.push(Open { close, empty: true });
        self.item_indent = None;
        Ok(kind)
    }

    /// Goes to the next item of the array entered last; false behind its end, which leaves it.
    ///
    /// # Errors
    /// The text ends or goes on with something else.
    pub fn next_item(&mut self) -> Result<bool, WalkError> {
        let more = self.next_member()?;
        let empty = self.open.last().is_some_and(|open| open.empty);
        if more && empty {
            self.learn_indent()?;
        }
        if let Some(open) = self.open.last_mut().filter(|_| more) {
            open.empty = false;
        }
        Ok(more)
    }

    /// The next key of the object entered last, decoded, its value next; `None` behind its end,
    /// which leaves it.
    ///
    /// # Errors
    /// The text ends or goes on with something else.
    pub fn next_key(&mut self) -> Result<Option<String>, WalkError> {
        if !self.next_member()? {
            return Ok(None);
        }
        if self.next_byte()? != Some(b'"') {
            return Err(self.malformed("a key should start here"));
        }
        let key = decode(self.capture()?);
        match self.next_byte()? {
            Some(b':') => self.window.consume(1),
            Some(_) => return Err(self.malformed("a colon should follow the key")),
            None => return Err(self.cut()),
        }
        if let Some(open) = self.open.last_mut() {
            open.empty = false;
        }
        Ok(Some(key))
    }

    /// The next value's bytes, without white space around them. Not checked to be valid JSON.
    ///
    /// # Errors
    /// The value has no end, is too large or none at all. The walk then stands before it:
    /// see [`Walk::resume`].
    pub fn capture(&mut self) -> Result<&[u8], WalkError> {
        self.captured = 0;
        if self.next_byte()?.is_none() {
            return Err(self.cut());
        }
        if let Some(length) = self.leapt().filter(|length| *length <= self.limit) {
            self.window.consume(length);
            self.captured = length;
            return Ok(self.window.taken(length));
        }
        let mut scan = Scan::new(self.item_indent.filter(|_| self.wary));
        let length = loop {
            match scan.run(self.window.unread(), self.window.offset())? {
                Step::Done(length) => break length,
                Step::More if self.window.unread().len() > self.limit => {
                    self.too_large = true;
                    return Err(self.larger());
                }
                Step::More => {
                    if !self.window.fill()? {
                        if scan.may_end() {
                            break self.window.unread().len();
                        }
                        return Err(self.cut());
                    }
                }
            }
        };
        if length > self.limit {
            self.too_large = true;
            return Err(self.larger());
        }
        let value = &self.window.unread()[..length];
        if value.starts_with(b"{") != value.ends_with(b"}") {
            return Err(self.malformed("the brackets of this value do not match"));
        }
        self.window.consume(length);
        self.captured = length;
        self.guess = length + length / 4;
        Ok(self.window.taken(length))
    }

    /// The length of an object that stands on one line and is hardly longer than the last, found by
    /// vectors; `None` where it is to be searched for.
    fn leapt(&mut self) -> Option<usize> {
        /// Not worth it for keys and small values, nor the memory for large ones.
        const LENGTHS: std::ops::Range<usize> = if cfg!(test) { 2 } else { 200 }..1 << 22;

        let text = self.window.unread();
        if !LENGTHS.contains(&self.guess) || text.first() != Some(&b'{') {
            return None;
        }
        let text = &text[..text.len().min(self.guess)];
        let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
        let length = self.vectors.closing(line, 0)?;
        self.guess = self.guess.max(length + length / 4);
        line[..length].ends_with(b"}").then_some(length)
    }

    /// Goes past the next value without keeping it, however large.
    ///
    /// # Errors
    /// The value has no end, or none stands here.
    pub fn skip(&mut self) -> Result<(), WalkError> {
        self.captured = 0;
        if self.next_byte()?.is_none() {
            return Err(self.cut());
        }
        let mut scan = Scan::new(None);
        loop {
            match scan.run(self.window.unread(), self.window.offset())? {
                Step::Done(length) => {
                    self.window.consume(length);
                    return Ok(());
                }
                Step::More => {
                    let scanned = scan.drop_scanned();
                    self.window.consume(scanned);
                    if !self.window.fill()? {
                        return if scan.may_end() {
                            Ok(())
                        } else {
                            Err(self.cut())
                        };
                    }
                }
            }
        }
    }

    /// After an item that could not be captured, or that turned out not to be JSON: goes to where
    /// the next item surely starts. False where there is no such place: the rest is lost.
    ///
    /// Sure is the end of an item that was captured or skipped, and, where the array's items start
    /// lines, the next line that starts as they do (JSON strings hold no line breaks).
    ///
    /// # Errors
    /// The text could not be read, or a value too large has no end.
    pub fn resume(&mut self) -> Result<bool, WalkError> {
        let too_large = std::mem::take(&mut self.too_large);
        if self.captured > 0 {
            let captured = std::mem::take(&mut self.captured);
            let found = self
                .item_indent
                .map(|indent| find_item(self.window.taken(captured), indent));
            if let Some(Ok(before)) = found {
                self.window.give_back(captured - before);
                self.expect_item();
            }
            return Ok(true);
        }
        let Some(indent) = self.item_indent else {
            if too_large {
                self.skip()?;
            }
            return Ok(too_large);
        };
        loop {
            match find_item(self.window.unread(), indent) {
                Ok(before) => {
                    self.window.consume(before);
                    self.expect_item();
                    return Ok(true);
                }
                Err(searched) => {
                    self.window.consume(searched);
                    if !self.window.fill()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    fn expect_item(&mut self) {
        self.wary = true;
        if let Some(open) = self.open.last_mut() {
            open.empty = true;
        }
    }

    /// Whether another member follows in the container entered last, past the comma before it.
    fn next_member(&mut self) -> Result<bool, WalkError> {
        self.captured = 0;
        let Some(&Open { close, empty }) = self.open.last() else {
            return Ok(false);
        };
        let mut byte = self.next_byte()?.ok_or_else(|| self.cut())?;
        if byte == b',' && !empty {
            self.window.consume(1);
            // A comma before the closing bracket is harmless and common in files made by hand.
            byte = self.next_byte()?.ok_or_else(|| self.cut())?;
        } else if byte != close && !empty {
            return Err(self.malformed("a comma or a closing bracket should stand here"));
        }
        if byte == close {
            self.window.consume(1);
            self.open.pop();
            self.item_indent = None;
            return Ok(false);
        }
        Ok(true)
    }

    /// Remembers how the first item of an array starts its line, unless its parts may start so too.
    fn learn_indent(&mut self) -> Result<(), WalkError> {
        if self.wary && self.item_indent.is_some() {
            return Ok(());
        }
        self.window.fill_to(2)?;
        let parts_start_lines = matches!(self.window.unread().get(1), Some(b'\n' | b'\r'));
        self.item_indent = self
            .indent
            .filter(|indent| *indent > 0 || !parts_start_lines)
            .filter(|_| self.window.unread().first() == Some(&b'{'));
        Ok(())
    }

    /// The next byte that is no white space.
    fn next_byte(&mut self) -> Result<Option<u8>, WalkError> {
        if self.window.offset() == 0 {
            self.window.fill_to(3)?;
            if self.window.unread().starts_with(b"\xEF\xBB\xBF") {
                self.window.consume(3);
            }
        }
        self.indent = None;
        loop {
            let bytes = self.window.unread();
            let blank = bytes
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                .count();
            if blank > 0 {
                self.indent = match memchr::memrchr(b'\n', &bytes[..blank]) {
                    Some(line) => Some(blank - line - 1),
                    None => self.indent.map(|indent| indent + blank),
                };
            }
            let next = bytes.get(blank).copied();
            self.window.consume(blank);
            if next.is_some() || !self.window.fill()? {
                return Ok(next);
            }
        }
    }

    fn cut(&self) -> WalkError {
        WalkError::Cut {
            offset: self.window.offset() + self.window.unread().len() as u64,
        }
    }

    fn malformed(&self, what: &'static str) -> WalkError {
        WalkError::malformed(self.window.offset(), what)
    }

    fn larger(&self) -> WalkError {
        WalkError::TooLarge {
            offset: self.window.offset(),
            limit: self.limit,
        }
    }
}

/// A key's text; what cannot be decoded stays as it is written.
fn decode(quoted: &[u8]) -> String {
    let text = String::from_utf8_lossy(quoted);
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&lone_surrogates(&text)))
        .unwrap_or_else(|_| text.trim_matches('"').to_owned())
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
