//! Going through marked text from token to token without decoding or copying any of it.
//!
//! Only text as programs write it is followed: no white space but one blank behind a colon or a
//! comma. Anything else is [`Odd`], which says nothing about its being JSON.

use memchr::memmem::Finder;

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
}

impl<'b> Raw<'b> {
    /// A string's text as it stands between the quotes.
    #[inline]
    pub fn string(self) -> Option<&'b [u8]> {
        self.json.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }
}

impl<'b> Marked<'b> {
    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    fn byte(&self, at: usize) -> Result<u8, Odd> {
        self.text.get(at).copied().ok_or(Odd)
    }

    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    fn slice(&self, from: usize, to: usize) -> Result<&'b [u8], Odd> {
        self.text.get(from..to).ok_or(Odd)
    }

    /// The value that starts here.
    ///
    /// # Errors
    /// It is no value, or does not end in the text.
    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    pub fn value(&self, at: usize) -> Result<Raw<'b>, Odd> {
        let end = match self.byte(at)? {
            b'"' => self.marks.quote(at + 1).ok_or(Odd)? + 1,
            open @ (b'{' | b'[') => {
                let close = self.marks.closing(at).ok_or(Odd)?;
                // `{` and `}`, `[` and `]` are two apart.
                if self.byte(close)? != open + 2 {
                    return Err(Odd);
                }
                close + 1
            }
            _ => at + scalar(self.text.get(at..).ok_or(Odd)?)?,
        };
        let json = self.slice(at, end)?;
        Ok(Raw { at, json })
    }

    /// The value of a key in an object that holds nothing but strings, numbers and words, without
    /// going through the members before it; `None` if the object has no such key.
    ///
    /// # Errors
    /// The object holds more than that, or a backslash, or the key twice.
    #[inline]
    pub fn in_flat(self, object: Raw<'b>, key: &Finder<'_>) -> Result<Option<Raw<'b>>, Odd> {
        let end = object.at + object.json.len();
        if object.json[0] != b'{' || !self.marks.is_flat(object.at + 1, end - 1) {
            return Err(Odd);
        }
        let Some(first) = key.find(object.json) else {
            return Ok(None);
        };
        let behind = first + key.needle().len();
        // Without backslashes no quote stands inside a string, so `"key":` is a key. But a string
        // can end where the needle begins.
        let before = object.json[..first].trim_ascii_end().last();
        if !matches!(before, Some(b'{' | b',')) || key.find(&object.json[behind..]).is_some() {
            return Err(Odd);
        }
        let at = object.at + behind;
        let value = self.value(at + usize::from(self.byte(at)? == b' '))?;
        match self.byte(value.at + value.json.len())? {
            b',' | b'}' => Ok(Some(value)),
            _ => Err(Odd),
        }
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

/// Whether a text begins with a few bytes, without a call where these are at most 16.
#[inline]
fn begins(text: &[u8], literal: &[u8]) -> bool {
    let Some(text) = text.get(..literal.len()) else {
        return false;
    };
    let same = |a: Option<&[u8; 8]>, b: Option<&[u8; 8]>| {
        a.map(|a| u64::from_le_bytes(*a)) == b.map(|b| u64::from_le_bytes(*b))
    };
    match literal.len() {
        8..=16 => {
            same(text.first_chunk(), literal.first_chunk())
                && same(text.last_chunk(), literal.last_chunk())
        }
        4..=7 => {
            text.first_chunk::<4>() == literal.first_chunk::<4>()
                && text.last_chunk::<4>() == literal.last_chunk::<4>()
        }
        _ => text == literal,
    }
}

/// How many bytes the number or word has that a text begins with.
#[inline]
fn scalar(text: &[u8]) -> Result<usize, Odd> {
    match text.first() {
        Some(b't') if text.starts_with(b"true") => Ok(4),
        Some(b'f') if text.starts_with(b"false") => Ok(5),
        Some(b'n') if text.starts_with(b"null") => Ok(4),
        _ => number(text),
    }
}

/// How many bytes a number has.
#[inline]
fn number(text: &[u8]) -> Result<usize, Odd> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = digits(text.get(sign..).unwrap_or_default());
    if whole == 0 || whole > 1 && text[sign] == b'0' {
        return Err(Odd);
    }
    let mut end = sign + whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(&text[end + 1..]);
        if fraction == 0 {
            return Err(Odd);
        }
        end += 1 + fraction;
    }
    // Exponents are for the full parser.
    match text.get(end) {
        Some(b'e' | b'E') => Err(Odd),
        _ => Ok(end),
    }
}

/// How many digits a text begins with.
#[inline]
fn digits(text: &[u8]) -> usize {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const TO_NEXT: u64 = 0x0606_0606_0606_0606;
    let mut count = 0;
    // Eight at once: the upper half of each byte is that of a digit, also six further on.
    while let Some((eight, _)) = text[count..].split_first_chunk::<8>() {
        let eight = u64::from_le_bytes(*eight);
        if eight & HIGH != ZEROS || eight.wrapping_add(TO_NEXT) & HIGH != ZEROS {
            break;
        }
        count += 8;
    }
    while text.get(count).is_some_and(u8::is_ascii_digit) {
        count += 1;
    }
    count
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
    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
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
    /// The next key, as it stands between the quotes, and its value.
    ///
    /// # Errors
    /// The text is odd; nothing behind it can be trusted.
    #[inline]
    pub fn next_member(&mut self) -> Result<Option<(&'b [u8], Raw<'b>)>, Odd> {
        let Some(at) = self.0.next()? else {
            return Ok(None);
        };
        let marked = self.0.marked;
        if marked.byte(at)? != b'"' {
            return Err(Odd);
        }
        let close = marked.marks.quote(at + 1).ok_or(Odd)?;
        let key = marked.slice(at + 1, close)?;
        if marked.byte(close + 1)? != b':' {
            return Err(Odd);
        }
        let value = close + 2 + usize::from(marked.byte(close + 2)? == b' ');
        let value = marked.value(value)?;
        self.0.at = value.at + value.json.len();
        Ok(Some((key, value)))
    }

    /// The next value, if its key is the one expected: `literal` is the key with its quotes and the
    /// colon.
    ///
    /// # Errors
    /// As [`Members::next_member`].
    #[expect(
        clippy::inline_always,
        reason = "measured: a call costs as much as the work"
    )]
    #[inline(always)]
    pub fn next_if(&mut self, literal: &[u8]) -> Result<Option<Raw<'b>>, Odd> {
        let before = self.0.clone();
        let marked = self.0.marked;
        if let Some(at) = self.0.next()?
            && begins(&marked.text[at..], literal)
        {
            let value = at + literal.len();
            let value = marked.value(value + usize::from(marked.byte(value)? == b' '))?;
            self.0.at = value.at + value.json.len();
            return Ok(Some(value));
        }
        self.0 = before;
        Ok(None)
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
    pub fn next_element(&mut self) -> Result<Option<Raw<'b>>, Odd> {
        let Some(at) = self.0.next()? else {
            return Ok(None);
        };
        let value = self.0.marked.value(at)?;
        self.0.at = at + value.json.len();
        Ok(Some(value))
    }
}
