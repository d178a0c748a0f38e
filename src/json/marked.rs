//! Going through marked text from token to token without decoding or copying any of it.
//!
//! Only text as programs write it is followed: no white space but one blank behind a colon or a
//! comma. Anything else is [`Odd`], which says nothing about its being JSON.

use super::Marks;

/// The text is not as programs write it; the full parser has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd;

/// Marked text.
#[derive(Clone, Copy, Debug)]
pub struct Marked<'b> {
    /// The text up to where the tokens must have ended.
    pub text: &'b [u8],
    /// Its marks.
    pub marks: &'b Marks,
}

/// A value that was passed over. Strings, numbers and words are whole; of arrays and objects only
/// the brackets were matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'b> {
    /// Where it starts.
    pub at: usize,
    /// Its text.
    pub json: &'b [u8],
    /// Whether a backslash stands in it (looked for in strings only).
    pub escaped: bool,
}

impl<'b> Raw<'b> {
    /// A string's text as it stands between the quotes.
    pub fn string(self) -> Option<&'b [u8]> {
        self.json.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }
}

impl<'b> Marked<'b> {
    fn byte(&self, at: usize) -> Result<u8, Odd> {
        self.text.get(at).copied().ok_or(Odd)
    }

    fn slice(&self, from: usize, to: usize) -> Result<&'b [u8], Odd> {
        self.text.get(from..to).ok_or(Odd)
    }

    /// The value that starts here.
    ///
    /// # Errors
    /// It is no value, or does not end in the text.
    pub fn value(&self, at: usize) -> Result<Raw<'b>, Odd> {
        let (end, escaped) = match self.byte(at)? {
            b'"' => {
                let close = self.marks.quote(at + 1).ok_or(Odd)?;
                (close + 1, self.marks.has_backslash(at + 1, close))
            }
            open @ (b'{' | b'[') => {
                let close = self.marks.closing(at).ok_or(Odd)?;
                // `{` and `}`, `[` and `]` are two apart.
                if self.byte(close)? != open + 2 {
                    return Err(Odd);
                }
                (close + 1, false)
            }
            _ => (self.scalar(at)?, false),
        };
        let json = self.slice(at, end)?;
        Ok(Raw { at, json, escaped })
    }

    /// Where the number or word that starts here ends.
    fn scalar(&self, at: usize) -> Result<usize, Odd> {
        let rest = self.text.get(at..).ok_or(Odd)?;
        let length = match rest.first() {
            Some(b't') if rest.starts_with(b"true") => 4,
            Some(b'f') if rest.starts_with(b"false") => 5,
            Some(b'n') if rest.starts_with(b"null") => 4,
            _ => number(rest)?,
        };
        Ok(at + length)
    }

    /// The members of the object that starts here.
    ///
    /// # Errors
    /// There is no object.
    pub fn members(self, at: usize) -> Result<Members<'b>, Odd> {
        Ok(Members(self.items(at, b'{')?))
    }

    /// The elements of the array that starts here.
    ///
    /// # Errors
    /// There is no array.
    pub fn elements(self, at: usize) -> Result<Elements<'b>, Odd> {
        Ok(Elements(self.items(at, b'[')?))
    }

    fn items(self, at: usize, open: u8) -> Result<Items<'b>, Odd> {
        if self.byte(at)? == open {
            Ok(Items {
                marked: self,
                at: at + 1,
                close: open + 2,
                first: true,
            })
        } else {
            Err(Odd)
        }
    }
}

/// How many bytes a number has.
fn number(text: &[u8]) -> Result<usize, Odd> {
    let digits = |from: usize| {
        text[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = digits(sign);
    if whole == 0 || whole > 1 && text[sign] == b'0' {
        return Err(Odd);
    }
    let mut end = sign + whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if fraction == 0 {
            return Err(Odd);
        }
        end += 1 + fraction;
    }
    // Exponents are for the full parser.
    if matches!(text.get(end), Some(b'e' | b'E')) {
        return Err(Odd);
    }
    Ok(end)
}

/// What stands between a pair of brackets.
#[derive(Clone, Debug)]
struct Items<'b> {
    marked: Marked<'b>,
    /// Behind what was read.
    at: usize,
    close: u8,
    first: bool,
}

impl Items<'_> {
    /// Goes to the next item; `None` behind the closing bracket.
    #[inline]
    fn next(&mut self) -> Result<Option<usize>, Odd> {
        let byte = self.marked.byte(self.at)?;
        if byte == self.close {
            self.at += 1;
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) {
            if byte != b',' {
                return Err(Odd);
            }
            self.at += 1;
            self.at += usize::from(self.marked.byte(self.at)? == b' ');
        }
        Ok(Some(self.at))
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub struct Members<'b>(Items<'b>);

impl<'b> Members<'b> {
    /// The next key, as it stands between the quotes and without escapes, and its value.
    ///
    /// # Errors
    /// The text is odd; nothing behind it can be trusted.
    #[inline]
    pub fn next(&mut self) -> Result<Option<(&'b [u8], Raw<'b>)>, Odd> {
        let Some(at) = self.0.next()? else {
            return Ok(None);
        };
        let marked = self.0.marked;
        if marked.byte(at)? != b'"' {
            return Err(Odd);
        }
        let close = marked.marks.quote(at + 1).ok_or(Odd)?;
        let key = marked.slice(at + 1, close)?;
        if marked.marks.has_backslash(at + 1, close) || marked.byte(close + 1)? != b':' {
            return Err(Odd);
        }
        let value = close + 2 + usize::from(marked.byte(close + 2)? == b' ');
        let value = marked.value(value)?;
        self.0.at = value.at + value.json.len();
        Ok(Some((key, value)))
    }

    /// Behind what was read.
    pub fn at(&self) -> usize {
        self.0.at
    }
}

/// The elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'b>(Items<'b>);

impl<'b> Elements<'b> {
    /// The next element.
    ///
    /// # Errors
    /// The text is odd; nothing behind it can be trusted.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Raw<'b>>, Odd> {
        let Some(at) = self.0.next()? else {
            return Ok(None);
        };
        let value = self.0.marked.value(at)?;
        self.0.at = at + value.json.len();
        Ok(Some(value))
    }
}
