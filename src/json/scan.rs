//! Where a JSON value ends: brackets and strings only, nothing else is checked.

use memchr::{memchr, memchr3};

use super::walk::WalkError;

/// A search for the end of one value, which can stop wherever the bytes in memory end.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// How far the search got, from the value's first byte.
    at: usize,
    /// Brackets open.
    depth: u64,
    place: Within,
    /// White space before an item that starts a line; a line that starts so ends the value.
    boundary: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Start,
    Structure,
    Text,
    Scalar,
}

/// What a search found in the bytes so far.
#[derive(Debug)]
pub(super) enum Step {
    /// The value ends before this byte.
    Done(usize),
    /// More bytes are needed.
    More,
}

/// What a byte outside of strings is.
const PLAIN: u8 = 0;
const QUOTE: u8 = 1;
const OPEN: u8 = 2;
const CLOSE: u8 = 3;
const LINE: u8 = 4;

static CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    classes[b'"' as usize] = QUOTE;
    classes[b'{' as usize] = OPEN;
    classes[b'[' as usize] = OPEN;
    classes[b'}' as usize] = CLOSE;
    classes[b']' as usize] = CLOSE;
    classes[b'\n' as usize] = LINE;
    classes
};

impl Scan {
    pub(super) fn new(boundary: Option<usize>) -> Self {
        Self {
            at: 0,
            depth: 0,
            place: Within::Start,
            boundary,
        }
    }

    /// Searches on in a value's bytes; `offset` is where the value starts, for errors.
    pub(super) fn run(&mut self, bytes: &[u8], offset: u64) -> Result<Step, WalkError> {
        loop {
            let step = match self.place {
                Within::Start => self.start(bytes, offset)?,
                Within::Structure => self.structure(bytes, offset)?,
                Within::Text => self.text(bytes, offset)?,
                Within::Scalar => return Ok(self.scalar(bytes)),
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Forgets the first bytes of the value, which were taken.
    pub(super) fn drop_scanned(&mut self) -> usize {
        std::mem::take(&mut self.at)
    }

    /// A number or word is whole where the text ends, everything else is not.
    pub(super) fn may_end(&self) -> bool {
        self.place == Within::Scalar
    }

    fn start(&mut self, bytes: &[u8], offset: u64) -> Result<Option<Step>, WalkError> {
        let Some(first) = bytes.first() else {
            return Ok(Some(Step::More));
        };
        self.place = match first {
            b'{' | b'[' => Within::Structure,
            b'"' => {
                self.at = 1;
                Within::Text
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'.' => Within::Scalar,
            _ => return Err(WalkError::malformed(offset, "a value should start here")),
        };
        Ok(None)
    }

    fn structure(&mut self, bytes: &[u8], offset: u64) -> Result<Option<Step>, WalkError> {
        while let Some(&byte) = bytes.get(self.at) {
            match CLASSES[usize::from(byte)] {
                PLAIN => {}
                QUOTE => {
                    self.at += 1;
                    self.place = Within::Text;
                    return Ok(None);
                }
                OPEN => self.depth += 1,
                CLOSE => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Ok(Some(Step::Done(self.at + 1)));
                    }
                }
                _ => match self
                    .boundary
                    .map(|indent| starts_item(&bytes[self.at..], indent))
                {
                    Some(None) => return Ok(Some(Step::More)),
                    Some(Some(true)) => {
                        let at = offset + self.at as u64;
                        return Err(WalkError::malformed(
                            at,
                            "the next record starts inside this one",
                        ));
                    }
                    _ => {}
                },
            }
            self.at += 1;
        }
        Ok(Some(Step::More))
    }

    fn text(&mut self, bytes: &[u8], offset: u64) -> Result<Option<Step>, WalkError> {
        loop {
            let Some(rest) = bytes.get(self.at..) else {
                return Ok(Some(Step::More));
            };
            let Some(step) = memchr3(b'"', b'\\', b'\n', rest) else {
                self.at = bytes.len();
                return Ok(Some(Step::More));
            };
            match rest[step] {
                b'"' => {
                    self.at += step + 1;
                    self.place = Within::Structure;
                    return Ok((self.depth == 0).then_some(Step::Done(self.at)));
                }
                b'\\' if step + 1 == rest.len() => {
                    self.at += step;
                    return Ok(Some(Step::More));
                }
                b'\\' => self.at += step + 2,
                _ => {
                    let at = offset + (self.at + step) as u64;
                    return Err(WalkError::malformed(at, "a line break inside a string"));
                }
            }
        }
    }

    fn scalar(&mut self, bytes: &[u8]) -> Step {
        let ends = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"' | b':')
        };
        if let Some(step) = bytes[self.at..].iter().position(ends) {
            return Step::Done(self.at + step);
        }
        self.at = bytes.len();
        Step::More
    }
}

/// Whether a line break is followed by exactly that much white space and an object;
/// `None` where the bytes end before that can be told.
fn starts_item(bytes: &[u8], indent: usize) -> Option<bool> {
    let line = &bytes[1..];
    let blank = line
        .iter()
        .take(indent)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    if blank < indent {
        return (blank < line.len()).then_some(false);
    }
    line.get(indent).map(|first| *first == b'{')
}

/// The first line break in the bytes behind which an item starts with that much white space
/// before it: how many bytes stand before the item, or how many were searched in vain.
pub(super) fn find_item(bytes: &[u8], indent: usize) -> Result<usize, usize> {
    let mut from = 0;
    while let Some(step) = memchr(b'\n', &bytes[from..]) {
        match starts_item(&bytes[from + step..], indent) {
            Some(true) => return Ok(from + step + 1 + indent),
            Some(false) => from += step + 1,
            None => return Err(from + step),
        }
    }
    Err(bytes.len())
}
