//! Going through marked text from token to token without decoding or copying any of it.
//!
//! Only text as programs write it is followed: no white space but one blank behind a colon or a
//! comma. Anything else is [`Odd`], which says nothing about its being JSON.

#![expect(
    clippy::inline_always,
    reason = "measured: a call costs as much as the work, and only so wide instructions are used"
)]

use super::Marks;
use super::marks::Found;

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
    /// A byte of the text.
    ///
    /// # Errors
    /// It has none there.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> Result<u8, Odd> {
        self.text.get(at).copied().ok_or(Odd)
    }

    /// What stands between the quotes of a value that must be one string.
    ///
    /// # Errors
    /// It is none.
    #[inline(always)]
    pub fn string(self, value: Span) -> Result<Span, Odd> {
        let close = self.marks.found().quote(value.from + 1).ok_or(Odd)?;
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
        let close = self.marks.closing(self.text, open).ok_or(Odd)?;
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
        if self.byte(at)? != b'[' || self.byte(at + 1)? != b'"' {
            return Err(Odd);
        }
        Ok(Strings {
            marked: self,
            quotes: self.marks.found(),
            from: at + 1,
            ended: false,
        })
    }

    /// The brackets and commas outside of strings.
    #[inline(always)]
    pub fn breaks(self) -> Breaks<'b> {
        Breaks(self.marks.found())
    }

    /// The items of the object or array that starts here.
    ///
    /// # Errors
    /// There is none, or it is empty.
    #[inline(always)]
    pub fn items(self, at: usize) -> Result<Items<'b>, Odd> {
        let (open, from) = (self.byte(at)?, at + 1);
        if open | 0x20 != b'{' || self.byte(from)? == open + 2 {
            return Err(Odd);
        }
        Ok(Items {
            marked: self,
            from,
            come_to: from,
            close: open + 2,
            ended: false,
        })
    }
}

/// Brackets and commas outside of strings.
#[derive(Clone, Copy, Debug)]
pub struct Breaks<'b>(Found<'b>);

impl Breaks<'_> {
    /// The first one at or behind a place.
    ///
    /// # Errors
    /// There is none.
    #[inline(always)]
    pub fn first(self, from: usize) -> Result<usize, Odd> {
        self.0.break_at(from).ok_or(Odd)
    }
}

/// What stands between a pair of brackets, cut at the commas.
#[derive(Debug)]
pub struct Items<'b> {
    marked: Marked<'b>,
    /// Where the next item starts, and up to where it was looked at.
    from: usize,
    come_to: usize,
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
            let at = self.marked.breaks().first(self.come_to)?;
            let rest = text.get(at..).ok_or(Odd)?;
            let span = Span {
                from: self.from,
                to: at,
            };
            match *rest.first().ok_or(Odd)? {
                b',' => {
                    self.from = at + 1 + usize::from(rest.get(1) == Some(&b' '));
                    self.come_to = at + 1;
                    return Ok(Some(span));
                }
                b'{' | b'[' => self.come_to = self.marked.closing(at)?,
                close if close == self.close => {
                    self.from = at + 1;
                    self.ended = true;
                    return Ok(Some(span));
                }
                _ => return Err(Odd),
            }
        }
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
    quotes: Found<'b>,
    /// Where the next string begins; once the last was read, behind the array.
    from: usize,
    ended: bool,
}

impl Strings<'_> {
    /// What stands between the quotes of the next string; `None` behind the last.
    ///
    /// # Errors
    /// Something else than a string follows.
    #[inline(always)]
    pub fn next(&mut self) -> Result<Option<Span>, Odd> {
        if self.ended {
            return Ok(None);
        }
        let from = self.from + 1;
        let to = self.quotes.quote(from).ok_or(Odd)?;
        match self.marked.byte(to + 1)? {
            b',' => {
                let blank = usize::from(self.marked.byte(to + 2)? == b' ');
                self.from = to + 2 + blank;
                if self.marked.byte(self.from)? != b'"' {
                    return Err(Odd);
                }
            }
            b']' => {
                self.from = to + 2;
                self.ended = true;
            }
            _ => return Err(Odd),
        }
        Ok(Some(Span { from, to }))
    }

    /// Behind the closing bracket, once the last string was read.
    #[inline(always)]
    pub fn end(&self) -> usize {
        self.from
    }
}
