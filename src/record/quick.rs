//! Reading of a record only what counting hashtags needs, without decoding or copying any of it.
//!
//! Two formats are read so, those that make up nearly all large files. A record is only read this
//! way where every key of its own level is as programs write it and every part that is asked for
//! is of the type it should be; `None` hands it to the full reading, of which this one must give
//! the answer exactly. What a record's keys mean is asked of [`recognise`] once for each sequence of
//! keys ([`keys`]), so that this file knows no rules of its own about formats.
//!
//! Damage inside a value that nobody asks for is not seen here as long as quotes and brackets
//! still match. `cotag verify` reads everything.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

mod keys;

use std::borrow::Cow;

use fearless_simd::{Simd, dispatch};

use self::keys::{AUTHOR, Keys, Parts, RECORD, Role, Shape, Span, TAG};
use super::recognise::{is_comment, recognise};
use super::values::{LINKS, created, may_be_rounded, tag, time, unix_time};
use crate::json::{self, Fields, Odd, Value, Vectors};
use crate::model::{Brief, Format, Name, Origin, PostId};

/// Reads records one after the other and remembers what they have in common.
#[derive(Debug, Default)]
pub struct Reader {
    vectors: Vectors,
    keys: Keys,
    envelope: (Vec<u8>, Provenance),
    names: Names,
}

type Provenance = (Option<Origin>, Option<Format>);

/// What was read of a record.
#[derive(Debug)]
pub struct Read<'b> {
    /// The post.
    pub brief: Brief<'b>,
    /// How it came, where that is known.
    pub origin: Option<Origin>,
    /// Where the record ends: behind its closing bracket.
    pub end: usize,
}

/// The names in the lists of hashtags that were met.
#[derive(Debug, Default)]
struct Names {
    listed: Vec<Name>,
    /// There are escapes in them.
    escaped: bool,
}

impl Reader {
    /// Reads the record that starts at a place of a text.
    ///
    /// `None` says nothing about the record but that it has to be read in full. No line feed stands in
    /// what was read.
    #[inline]
    pub fn read<'b>(&'b mut self, text: &'b [u8], at: usize) -> Option<Read<'b>> {
        let level = self.vectors.0;
        dispatch!(level, simd => self.read_with(simd, text, at)).ok()
    }

    #[inline(always)]
    fn read_with<'b, S: Simd>(
        &'b mut self,
        simd: S,
        text: &'b [u8],
        at: usize,
    ) -> Result<Read<'b>, Odd> {
        let Self { keys, names, .. } = self;
        names.listed.clear();
        names.escaped = false;
        let mut parts = Parts::default();
        let walked = keys.follow(
            simd,
            text,
            (RECORD, at),
            &mut parts,
            #[inline(always)]
            |keys, parts, role, open| match role {
                Role::HashtagNames => names.strings(simd, text, open),
                Role::TextExtra => {
                    names.objects(simd, text, (keys, parts), (open, Role::HashtagName))
                }
                Role::Author => inner(simd, text, (keys, parts), (AUTHOR, open)),
                _ => json::container(simd, text, open),
            },
        )?;
        let end = walked.end;
        let shape = match self.keys.shape(&walked) {
            Some(known) => known,
            None => {
                let shape = shape(Span { from: at, to: end }.of(text)?)?;
                self.keys.remember(&walked, shape)
            }
        };
        if !shape.usable {
            return Err(Odd);
        }
        let (origin, named) = match parts.get(Role::Envelope) {
            Some(envelope) => self.envelope(envelope.of(text)?)?,
            None => (None, None),
        };
        let brief = match named.or(shape.format).ok_or(Odd)? {
            Format::Web => self.web(simd, text, &mut parts, shape)?,
            Format::Research => self.research(text, &parts, shape)?,
            _ => return Err(Odd),
        };
        let brief = Brief {
            listed: &self.names.listed,
            escaped: self.names.escaped,
            ..brief
        };
        Ok(Read { brief, origin, end })
    }

    /// What an envelope says; those of one import are mostly the same.
    #[inline(always)]
    fn envelope(&mut self, json: &[u8]) -> Result<Provenance, Odd> {
        if self.envelope.0 != json {
            let text = std::str::from_utf8(json).map_err(|_| Odd)?;
            let fields = Fields::parse(text).map_err(|_| Odd)?;
            let origin = fields.text("origin").and_then(|name| name.parse().ok());
            let format = fields.text("format").and_then(|name| name.parse().ok());
            self.envelope = (json.to_owned(), (origin, format));
        }
        Ok(self.envelope.1)
    }

    #[inline(always)]
    fn web<'b, S: Simd>(
        &mut self,
        simd: S,
        text: &'b [u8],
        parts: &mut Parts,
        shape: Shape,
    ) -> Result<Brief<'b>, Odd> {
        if parts.get(Role::HashtagNames).is_some()
            || matches!(parts.get(Role::TextExtra), Some(list) if json::byte(text, list.from)? != b'[')
        {
            return Err(Odd);
        }
        let id = post_id(text, parts.get(Role::Id), shape)?;
        if self.names.listed.is_empty()
            && let Some(list) = parts.get(Role::Challenges)
        {
            let Self { keys, names, .. } = self;
            let open = (list.from, Role::Title);
            simd.vectorize(
                #[inline(always)]
                || names.objects(simd, text, (keys, parts), open),
            )?;
        }
        let no_names = self.names.listed.is_empty();
        if no_names
            && let Some(contents) = parts.get(Role::Contents)
            && contents.of(text)? != b"[]"
        {
            return Err(Odd);
        }
        let author = match parts.get(Role::Author) {
            Some(author) if author.of(text)?.starts_with(b"{") => parts.get(Role::UniqueId),
            other => other,
        };
        let caption = parts.get(Role::Desc).filter(|_| no_names);
        let stated = parts.get(Role::CreateTime);
        let brief = brief(text, (id, Format::Web), stated, caption)?;
        let author = author.or(parts.get(Role::User));
        Ok(Brief {
            author: handle(text, author, parts)?,
            region: region(text, parts.get(Role::LocationCreated), parts)?,
            language: language(text, parts.get(Role::TextLanguage), parts)?,
            ..brief
        })
    }

    #[inline(always)]
    fn research<'b>(
        &mut self,
        text: &'b [u8],
        parts: &Parts,
        shape: Shape,
    ) -> Result<Brief<'b>, Odd> {
        if parts.get(Role::TextExtra).is_some()
            || matches!(parts.get(Role::HashtagNames), Some(list) if json::byte(text, list.from)? != b'[')
        {
            return Err(Odd);
        }
        let id = post_id(text, parts.get(Role::Id), shape)?;
        let filled = |role| match parts.get(role) {
            Some(value) if !matches!(value.of(text), Ok(b"\"\"")) => Some(value),
            _ => None,
        };
        let caption = match self.names.listed.as_slice() {
            [] => parts.get(Role::VideoDescription),
            _ => None,
        };
        let stated = filled(Role::CreateTimeUnix);
        let brief = brief(text, (id, Format::Research), stated, caption)?;
        let author = match filled(Role::Username) {
            None => filled(Role::AuthorName),
            username => username,
        };
        Ok(Brief {
            author: handle(text, author, parts)?,
            region: region(text, parts.get(Role::RegionCode), parts)?,
            ..brief
        })
    }
}

/// Follows an object inside of a record, in which no key may stand twice, and returns what is behind it.
#[inline(always)]
fn inner<S: Simd>(
    simd: S,
    text: &[u8],
    (keys, parts): (&mut Keys, &mut Parts),
    start: (u32, usize),
) -> Result<usize, Odd> {
    let walked = keys.follow(
        simd,
        text,
        start,
        parts,
        #[inline(always)]
        |_, _, _, open| json::container(simd, text, open),
    )?;
    if keys.is_repeated(&walked) {
        return Err(Odd);
    }
    Ok(walked.end)
}

impl Names {
    /// Takes the names under a key in an array of objects.
    #[inline(always)]
    fn objects<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8],
        (keys, parts): (&mut Keys, &mut Parts),
        (open, role): (usize, Role),
    ) -> Result<usize, Odd> {
        let mut at = open + 1;
        match text.get(open..=at) {
            Some(b"[]") => return Ok(at + 1),
            Some([b'[', _]) => {}
            _ => return Err(Odd),
        }
        loop {
            parts.clear(role);
            let end = inner(simd, text, (keys, parts), (TAG, at))?;
            if let Some(name) = parts.get(role) {
                let name = name.string(text)?;
                self.take(text, name)?;
                self.escaped |= parts.escaped;
            }
            at = end + 1;
            match json::byte(text, end)? {
                b',' => at += usize::from(json::byte(text, at)? == b' '),
                b']' => return Ok(at),
                _ => return Err(Odd),
            }
        }
    }

    /// Takes the names in an array of strings.
    #[inline(always)]
    fn strings<S: Simd>(&mut self, simd: S, text: &[u8], open: usize) -> Result<usize, Odd> {
        if json::byte(text, open)? != b'[' {
            return Err(Odd);
        }
        json::strings(
            simd,
            text,
            open,
            #[inline(always)]
            |from, to, escaped| {
                self.escaped |= escaped;
                self.take(text, Span { from, to })
            },
        )
    }

    /// Takes a name in, if it surely is a hashtag's; empty ones are none.
    #[inline(always)]
    fn take(&mut self, text: &[u8], name: Span) -> Result<(), Odd> {
        if name.from == name.to {
            return Ok(());
        }
        if !PLAIN[usize::from(json::byte(text, name.from)?)] && !begins_plainly(name.of(text)?) {
            return Err(Odd);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the text is of less than 4 GB"
        )]
        self.listed.push((name.from as u32, name.to as u32));
        Ok(())
    }
}

/// Of each byte whether a name that begins with it surely is a hashtag's: letters, digits, `_`, most
/// scripts.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = matches!(
            byte,
            0x61..=0x7a | 0x41..=0x5a | 0x30..=0x39 | 0x5f | 0xc3..=0xe0 | 0xe4..=0xee | 0xf0..
        );
        byte += 1;
    }
    plain
};

/// Asks the full reading what a record's keys mean.
fn shape(json: &[u8]) -> Result<Shape, Odd> {
    let text = std::str::from_utf8(json).map_err(|_| Odd)?;
    let fields = Fields::parse(text).map_err(|_| Odd)?;
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    let repeated = keys.windows(2).any(|pair| pair[0] == pair[1]);
    Ok(Shape {
        format: recognise(&fields),
        usable: !repeated && !is_comment(&fields),
        has_link: LINKS.iter().any(|link| fields.has(link)),
    })
}

#[inline(always)]
fn brief(
    record: &[u8],
    (id, format): (PostId, Format),
    stated: Option<Span>,
    caption: Option<Span>,
) -> Result<Brief<'_>, Odd> {
    let stated = match stated {
        None => None,
        Some(stated) => match whole_number(stated.of(record)?) {
            Some(seconds) => unix_time(seconds),
            None => time(Some(text(record, stated)?)),
        },
    };
    let caption = match caption {
        // What cannot be decoded is damaged.
        Some(caption) => Some(text(record, caption)?.text().ok_or(Odd)?),
        None => None,
    };
    Ok(Brief {
        id,
        created: created(stated, id),
        author: None,
        region: None,
        language: None,
        format,
        text: record,
        listed: &[],
        escaped: false,
        caption,
    })
}

/// A value that must be one string.
#[inline(always)]
fn text(record: &[u8], value: Span) -> Result<Value<'_>, Odd> {
    value.string(record)?;
    std::str::from_utf8(value.of(record)?)
        .map(Value::of_json)
        .map_err(|_| Odd)
}

/// An id of digits that cannot have been rounded, or has no link beside it that would know.
#[inline(always)]
fn post_id(record: &[u8], stated: Option<Span>, shape: Shape) -> Result<PostId, Odd> {
    let stated = stated.ok_or(Odd)?.of(record)?;
    let digits = stated
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""))
        .unwrap_or(stated);
    let id = whole_number(digits).and_then(PostId::new).ok_or(Odd)?;
    let is_number = digits.len() == stated.len();
    if is_number && digits[0] == b'0' || shape.has_link && may_be_rounded(id) {
        return Err(Odd);
    }
    Ok(id)
}

/// A number of at most 19 digits and nothing else.
#[inline(always)]
fn whole_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let (eights, rest) = digits.as_chunks::<8>();
    let mut number = 0;
    for eight in eights {
        number = number * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?;
    }
    for &byte in rest {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    Some(number)
}

/// The number of eight digits, the first in the lowest byte: neighbours are added up in three steps.
#[inline(always)]
fn eight_digits(text: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let values = text ^ (0x30 * ONES);
    // Above 9 a value reaches into the high half of its byte, with 6 more or by itself.
    if (values | (values.wrapping_add(6 * ONES))) & (0xf0 * ONES) != 0 {
        return None;
    }
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// A handle, if one is there.
#[inline(always)]
fn handle<'r>(
    record: &'r [u8],
    value: Option<Span>,
    parts: &Parts,
) -> Result<Option<&'r [u8]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    match unescaped(record, value.string(record)?, parts)? {
        b"" | b"REDACTED" => Ok(None),
        [b'@', ..] => Err(Odd),
        text => Ok(Some(text)),
    }
}

/// A country code, if one is there; values of other types are as good as missing.
#[inline(always)]
fn region(record: &[u8], value: Option<Span>, parts: &Parts) -> Result<Option<[u8; 2]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.of(record)? {
        [b'"', a, b, b'"'] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Ok(Some([*a, *b]))
        }
        [b'"', ..] => unescaped(record, value.string(record)?, parts).map(|_| None),
        _ => Ok(None),
    }
}

/// A language's code, if one is there; values of other types are as good as missing.
#[inline(always)]
fn language<'r>(
    record: &'r [u8],
    value: Option<Span>,
    parts: &Parts,
) -> Result<Option<&'r [u8]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    if value.of(record)?.first() != Some(&b'"') {
        return Ok(None);
    }
    let text = unescaped(record, value.string(record)?, parts)?;
    Ok((!matches!(text, b"" | b"un")).then_some(text))
}

/// The inside of a string without escapes: what is escaped may turn out to be anything.
#[inline(always)]
fn unescaped<'r>(record: &'r [u8], inside: Span, parts: &Parts) -> Result<&'r [u8], Odd> {
    let text = inside.of(record)?;
    if parts.escaped && text.contains(&b'\\') {
        return Err(Odd);
    }
    Ok(text)
}

/// Whether a name's first character is neither cut off ([`tag`]) nor makes it a mention.
fn begins_plainly(name: &[u8]) -> bool {
    match name {
        [first, ..] if PLAIN[usize::from(*first)] => true,
        // Of these only Ogham's, general and ideographic spaces, and full-width signs are special.
        [0xe1, second, ..] if *second != 0x9a => true,
        [0xe2, second, ..] if *second > 0x81 => true,
        [0xe3, second, ..] if *second != 0x80 => true,
        [0xef, second, ..] if *second != 0xbc => true,
        _ => begins_plainly_indeed(name),
    }
}

#[cold]
fn begins_plainly_indeed(name: &[u8]) -> bool {
    match name {
        // `\u0444`: its code, unless it is one of those below or half a character.
        [b'\\', b'u', digits @ ..] => digits
            .get(..4)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .is_some_and(|unit| match char::from_u32(unit) {
                Some(c) => !is_special(c),
                None => true,
            }),
        [b'\\', ..] => false,
        [byte, ..] if byte.is_ascii() => !is_special(char::from(*byte)),
        // All special characters outside ASCII begin with one of these bytes.
        [0xc2 | 0xe1 | 0xe2 | 0xe3 | 0xef, ..] => {
            let head = &name[..name.len().min(4)];
            let valid = match std::str::from_utf8(head) {
                Ok(head) => head,
                Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
            };
            valid.chars().next().is_some_and(|c| !is_special(c))
        }
        _ => true,
    }
}

#[inline(always)]
fn is_special(c: char) -> bool {
    matches!(c, '#' | '＃' | '@' | '\0') || c.is_whitespace()
}

/// The hashtag that a name of [`Brief::listed`] spells, decoded.
pub fn name_text(name: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(name);
    if !text.contains('\\') {
        return text;
    }
    let json = format!("\"{text}\"");
    match Value::of_json(&json).text().and_then(tag) {
        Some(text) => Cow::Owned(text.into_owned()),
        // Not JSON: a reader that checks everything would have refused the record.
        None => text,
    }
}

#[cfg(test)]
mod tests;
