//! Going through marked text from token to token without decoding or copying any of it.
//!
//! Only text as programs write it is followed: no white space but one blank behind a colon or a
//! comma. Anything else is [`Odd`], which says nothing about its being JSON.

#![expect(
    clippy::inline_always,
    reason = "measured: a call costs as much as the work, and only so wide instructions are used"
)]

use super::Marks;
use super::marks::Word;

/// The text is not as programs write it; the full parser has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// Marked text.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'b> {
    /// The text, and what stands behind it, which is not looked at.
    pub text: &'b [u8],
    /// The marks of its beginning.
    pub marks: &'b Marks,
}

/// Where a value stands: from its first byte to behind its last.
///
/// Where it ends is known from brackets and commas alone; nothing was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub from: usize,
    /// Behind the last byte.
    pub to: usize,
}

impl Span {
    /// Its text.
    ///
    /// # Errors
    /// It is not in the text.
    #[inline(always)]
    pub fn of(self, record: Marked<'_>) -> Result<&[u8], Odd> {
        record.text.get(self.from..self.to).ok_or(Odd)
    }
}

impl<'b> Marked<'b> {
    #[inline(always)]
    fn byte(&self, at: usize) -> Result<u8, Odd> {
        self.text.get(at).copied().ok_or(Odd)
    }

    /// What stands between the quotes of a value that must be one string.
    ///
    /// # Errors
    /// It is none.
    #[inline(always)]
    pub fn string(self, value: Span) -> Result<Span, Odd> {
        let close = self.marks.quote(value.from + 1).ok_or(Odd)?;
        if self.byte(value.from)? == b'"' && close + 1 == value.to {
            Ok(Span {
                from: value.from + 1,
                to: close,
            })
        } else {
            Err(Odd)
        }
    }

    /// Behind the bracket that closes the one here.
    ///
    /// # Errors
    /// There is none, or it is of the other kind.
    #[inline(always)]
    pub fn closing(self, open: usize) -> Result<usize, Odd> {
        let close = self.marks.closing(open).ok_or(Odd)?;
        // `{` and `}`, `[` and `]` are two apart.
        if self.byte(close)? == self.byte(open)? + 2 {
            Ok(close + 1)
        } else {
            Err(Odd)
        }
    }

    /// The members of the array that starts here, which must all be strings.
    ///
    /// # Errors
    /// There is no array, or it is empty.
    #[inline(always)]
    pub fn strings(self, at: usize) -> Result<Strings<'b>, Odd> {
        let (from, words) = (at + 1, self.marks.words());
        let word = words.get(from >> 6).ok_or(Odd)?;
        if self.byte(at)? != b'[' || self.byte(from)? != b'"' {
            return Err(Odd);
        }
        Ok(Strings {
            marked: self,
            words,
            index: from >> 6,
            bits: word.quotes & (!0 << (from & 63)),
            from: Some(from),
            end: from,
        })
    }

    /// The items of the object or array that starts here.
    ///
    /// # Errors
    /// There is none, or it is empty.
    #[inline(always)]
    pub fn items(self, at: usize) -> Result<Items<'b>, Odd> {
        let open = self.byte(at)?;
        let (from, words) = (at + 1, self.marks.words());
        let word = words.get(from >> 6).ok_or(Odd)?;
        if open | 0x20 != b'{' || self.byte(from)? == open + 2 {
            return Err(Odd);
        }
        Ok(Items {
            marked: self,
            words,
            index: from >> 6,
            bits: word.breaks & (!0 << (from & 63)),
            from,
            close: open + 2,
            ended: false,
        })
    }
}

/// What stands between a pair of brackets, cut at the commas.
#[derive(Debug)]
pub struct Items<'b> {
    marked: Marked<'b>,
    words: &'b [Word],
    /// The word that was come to, and its brackets and commas that were not.
    index: usize,
    bits: u64,
    /// Where the next item starts.
    from: usize,
    close: u8,
    ended: bool,
}

impl Items<'_> {
    /// The next item; `None` behind the last.
    ///
    /// # Errors
    /// The brackets do not match.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<Span>, Odd> {
        if self.ended {
            return Ok(None);
        }
        let text = self.marked.text;
        loop {
            while self.bits == 0 {
                self.index += 1;
                self.bits = self.words.get(self.index).ok_or(Odd)?.breaks;
            }
            let at = self.index << 6 | self.bits.trailing_zeros() as usize;
            let rest = text.get(at..).ok_or(Odd)?;
            let span = Span {
                from: self.from,
                to: at,
            };
            match *rest.first().ok_or(Odd)? {
                b',' => {
                    self.bits &= self.bits - 1;
                    self.from = at + 1 + usize::from(rest.get(1) == Some(&b' '));
                    return Ok(Some(span));
                }
                b'{' | b'[' => self.skip(at)?,
                close if close == self.close => {
                    self.from = at + 1;
                    self.ended = true;
                    return Ok(Some(span));
                }
                _ => return Err(Odd),
            }
        }
    }

    /// Goes behind the bracket that closes the one here.
    #[inline(always)]
    fn skip(&mut self, open: usize) -> Result<(), Odd> {
        let close = self.marked.closing(open)? - 1;
        self.index = close >> 6;
        let word = self.words.get(self.index).ok_or(Odd)?;
        // All bits behind the closing bracket's.
        self.bits = word.breaks & (!1 << (close & 63));
        Ok(())
    }

    /// Behind the closing bracket, once the last item was read.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.from
    }
}

/// The strings of an array that holds nothing else.
#[derive(Debug)]
pub struct Strings<'b> {
    marked: Marked<'b>,
    words: &'b [Word],
    /// The word that was come to, and its quotes that were not.
    index: usize,
    bits: u64,
    /// Where the next string begins.
    from: Option<usize>,
    end: usize,
}

impl Strings<'_> {
    /// What stands between the quotes of the next string; `None` behind the last.
    ///
    /// # Errors
    /// Something else than a string follows.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<Span>, Odd> {
        let Some(from) = self.from else {
            return Ok(None);
        };
        if self.quote()? != from {
            return Err(Odd);
        }
        let to = self.quote()?;
        match self.marked.byte(to + 1)? {
            b',' => {
                let blank = self.marked.text.get(to + 2) == Some(&b' ');
                self.from = Some(to + 2 + usize::from(blank));
            }
            b']' => {
                self.from = None;
                self.end = to + 2;
            }
            _ => return Err(Odd),
        }
        Ok(Some(Span { from: from + 1, to }))
    }

    #[inline(always)]
    fn quote(&mut self) -> Result<usize, Odd> {
        while self.bits == 0 {
            self.index += 1;
            self.bits = self.words.get(self.index).ok_or(Odd)?.quotes;
        }
        let at = self.index << 6 | self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Ok(at)
    }

    /// Behind the closing bracket, once the last string was read.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.end
    }
}
