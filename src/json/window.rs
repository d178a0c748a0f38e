//! The part of a stream that is in memory: bytes read, but not yet used.

use std::io::{self, Read};

/// How much is asked of the stream at once.
const CHUNK: usize = 256 * 1024;

/// A reader with its unread bytes, which can be looked at before they are taken.
///
/// Also a reader itself, so that the bytes looked at reach whoever comes next.
#[derive(Debug)]
pub struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the stream `buffer[0]` stood.
    base: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    /// A window over the start of a stream; nothing is read yet.
    pub fn new(input: R) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            base: 0,
            ended: false,
        }
    }

    /// The bytes in memory that nobody has taken.
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// How many bytes of the stream have been taken.
    pub fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Whether the stream holds nothing beyond [`Window::unread`], as far as is known.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads on, keeping what is there; false at the end of the stream.
    ///
    /// # Errors
    /// What the reader reports.
    pub fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.end == self.buffer.len() {
            self.make_room();
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads until that many bytes are there or the stream ends.
    ///
    /// # Errors
    /// What the reader reports.
    pub fn fill_to(&mut self, count: usize) -> io::Result<()> {
        while self.unread().len() < count && self.fill()? {}
        Ok(())
    }

    /// Takes bytes, at most all there are.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Gives back bytes taken since the last [`Window::fill`].
    pub(super) fn give_back(&mut self, count: usize) {
        self.start = self.start.saturating_sub(count);
    }

    /// The bytes taken last, as long as nothing has been read since.
    pub(super) fn taken(&self, count: usize) -> &[u8] {
        &self.buffer[self.start.saturating_sub(count)..self.start]
    }

    fn make_room(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if self.end + CHUNK > self.buffer.len() {
            let size = (self.end + self.end / 2 + CHUNK).next_multiple_of(CHUNK);
            self.buffer.resize(size, 0);
        } else if self.buffer.len() > 16 * CHUNK && self.end < CHUNK {
            // One huge record must not keep its memory for the rest of the file.
            self.buffer.truncate(4 * CHUNK);
            self.buffer.shrink_to_fit();
        }
    }
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread().is_empty() && !self.fill()? {
            return Ok(0);
        }
        let count = into.len().min(self.unread().len());
        into[..count].copy_from_slice(&self.unread()[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_still_read() {
        let text: Vec<u8> = (0..=255).cycle().take(3 * CHUNK + 7).collect();
        let mut window = Window::new(text.as_slice());
        window.fill_to(CHUNK + 1).unwrap();
        assert!(window.unread().len() > CHUNK);
        window.consume(5);
        let mut rest = Vec::new();
        window.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, text[5..]);
        assert_eq!(window.offset(), text.len() as u64);
    }
}
