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

use self::keys::{AUTHOR, Keys, Parts, RECORD, Role, Shape, TAG};
use super::recognise::{is_comment, recognise};
use super::values::{LINKS, created, may_be_rounded, tag, time, unix_time};
use crate::json::{Fields, Marked, Odd, Span, Value};
use crate::model::{Brief, Format, Name, Origin, PostId};

/// Reads records one after the other and remembers what they have in common.
#[derive(Debug, Default)]
pub struct Reader {
    keys: Keys,
    envelope: (Vec<u8>, Provenance),
    names: Vec<Name>,
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

impl Reader {
    /// Reads the record that starts at a place of the marked text.
    ///
    /// `None` says nothing about the record but that it has to be read in full.
    #[inline]
    pub fn read<'b>(&'b mut self, record: Marked<'b>, at: usize) -> Option<Read<'b>> {
        self.try_read(record, at).ok()
    }

    #[inline(always)]
    fn try_read<'b>(&'b mut self, record: Marked<'b>, at: usize) -> Result<Read<'b>, Odd> {
        let mut parts = Parts::default();
        let walked = self.keys.walk(RECORD, record, at, &mut parts)?;
        let end = walked.end;
        let shape = match self.keys.shape(&walked) {
            Some(known) => known,
            None => {
                let shape = shape(Span { from: at, to: end }.of(record)?)?;
                self.keys.remember(&walked, shape)
            }
        };
        if !shape.usable {
            return Err(Odd);
        }
        let (origin, named) = match parts.get(Role::Envelope) {
            Some(envelope) => self.envelope(envelope.of(record)?)?,
            None => (None, None),
        };
        self.names.clear();
        let brief = match named.or(shape.format).ok_or(Odd)? {
            Format::Web => self.web(record, &parts, shape)?,
            Format::Research => self.research(record, &parts, shape)?,
            _ => return Err(Odd),
        };
        let brief = Brief {
            listed: &self.names,
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
    fn web<'b>(
        &mut self,
        record: Marked<'b>,
        parts: &Parts,
        shape: Shape,
    ) -> Result<Brief<'b>, Odd> {
        let part = |role| parts.get(role);
        let id = post_id(record, part(Role::Id), shape)?;
        self.listed_objects(record, part(Role::TextExtra), Role::HashtagName)?;
        if self.names.is_empty() {
            self.listed_objects(record, part(Role::Challenges), Role::Title)?;
        }
        if self.names.is_empty()
            && let Some(contents) = part(Role::Contents)
            && contents.of(record)? != b"[]"
        {
            return Err(Odd);
        }
        let author = match part(Role::Author) {
            Some(author) if author.of(record)?.starts_with(b"{") => {
                let mut members = Parts::default();
                let walked = self.keys.walk(AUTHOR, record, author.from, &mut members)?;
                if walked.end != author.to || self.keys.is_repeated(&walked) {
                    return Err(Odd);
                }
                members.get(Role::UniqueId)
            }
            other => other,
        };
        let brief = brief(
            record,
            (id, Format::Web),
            part(Role::CreateTime),
            part(Role::Desc).filter(|_| self.names.is_empty()),
        )?;
        Ok(Brief {
            author: handle(record, author.or(part(Role::User)))?,
            region: region(record, part(Role::LocationCreated))?,
            language: language(record, part(Role::TextLanguage))?,
            ..brief
        })
    }

    #[inline(always)]
    fn research<'b>(
        &mut self,
        record: Marked<'b>,
        parts: &Parts,
        shape: Shape,
    ) -> Result<Brief<'b>, Odd> {
        let id = post_id(record, parts.get(Role::Id), shape)?;
        if let Some(list) = parts.get(Role::HashtagNames)
            && list.of(record)? != b"[]"
        {
            self.listed_strings(record, list)?;
        }
        let filled = |role| match parts.get(role) {
            Some(value) if !matches!(value.of(record), Ok(b"\"\"")) => Some(value),
            _ => None,
        };
        let brief = brief(
            record,
            (id, Format::Research),
            filled(Role::CreateTimeUnix),
            match self.names.as_slice() {
                [] => parts.get(Role::VideoDescription),
                _ => None,
            },
        )?;
        let author = match filled(Role::Username) {
            None => filled(Role::AuthorName),
            username => username,
        };
        Ok(Brief {
            author: handle(record, author)?,
            region: region(record, parts.get(Role::RegionCode))?,
            ..brief
        })
    }

    /// The names under a key in an array of objects.
    #[inline(always)]
    fn listed_objects(
        &mut self,
        record: Marked<'_>,
        list: Option<Span>,
        role: Role,
    ) -> Result<(), Odd> {
        let Some(list) = list else {
            return Ok(());
        };
        if list.of(record)? == b"[]" {
            return Ok(());
        }
        record.marks.widely(
            #[inline(always)]
            || {
                let mut at = list.from;
                let mut before = b'[';
                while record.byte(at)? == before {
                    let blank = before == b',' && record.byte(at + 1)? == b' ';
                    let mut members = Parts::default();
                    let start = at + 1 + usize::from(blank);
                    let walked = self.keys.follow(TAG, record, start, &mut members)?;
                    if self.keys.is_repeated(&walked) {
                        return Err(Odd);
                    }
                    if let Some(name) = members.get(role) {
                        self.take_name(record, record.string(name)?)?;
                    }
                    (at, before) = (walked.end, b',');
                }
                if record.byte(at)? == b']' && at + 1 == list.to {
                    Ok(())
                } else {
                    Err(Odd)
                }
            },
        )
    }

    /// The names in an array of strings that is not empty.
    fn listed_strings(&mut self, record: Marked<'_>, list: Span) -> Result<(), Odd> {
        record.marks.widely(
            #[inline(always)]
            || {
                let mut names = record.strings(list.from)?;
                while let Some(name) = names.next()? {
                    self.take_name(record, name)?;
                }
                if names.end() == list.to {
                    Ok(())
                } else {
                    Err(Odd)
                }
            },
        )
    }

    /// Takes a name in, if it surely is a hashtag's; empty ones are none.
    #[inline(always)]
    fn take_name(&mut self, record: Marked<'_>, name: Span) -> Result<(), Odd> {
        let Some(&first) = record.text.get(name.from) else {
            return Err(Odd);
        };
        if name.from == name.to {
            return Ok(());
        }
        if !PLAIN[usize::from(first)] && !begins_plainly(name.of(record)?) {
            return Err(Odd);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the text is of less than 4 GB"
        )]
        self.names.push((name.from as u32, name.to as u32));
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
    record: Marked<'_>,
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
        text: record.text,
        listed: &[],
        escaped: record.marks.has_escapes(),
        caption,
    })
}

/// A value that must be one string.
#[inline(always)]
fn text(record: Marked<'_>, value: Span) -> Result<Value<'_>, Odd> {
    record.string(value)?;
    std::str::from_utf8(value.of(record)?)
        .map(Value::of_json)
        .map_err(|_| Odd)
}

/// An id of digits that cannot have been rounded, or has no link beside it that would know.
#[inline(always)]
fn post_id(record: Marked<'_>, stated: Option<Span>, shape: Shape) -> Result<PostId, Odd> {
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
fn handle(record: Marked<'_>, value: Option<Span>) -> Result<Option<&[u8]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    match unescaped(record, record.string(value)?)? {
        b"" | b"REDACTED" => Ok(None),
        [b'@', ..] => Err(Odd),
        text => Ok(Some(text)),
    }
}

/// A country code, if one is there; values of other types are as good as missing.
#[inline(always)]
fn region(record: Marked<'_>, value: Option<Span>) -> Result<Option<[u8; 2]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.of(record)? {
        [b'"', a, b, b'"'] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Ok(Some([*a, *b]))
        }
        [b'"', ..] => unescaped(record, record.string(value)?).map(|_| None),
        _ => Ok(None),
    }
}

/// A language's code, if one is there; values of other types are as good as missing.
#[inline(always)]
fn language(record: Marked<'_>, value: Option<Span>) -> Result<Option<&[u8]>, Odd> {
    let Some(value) = value else {
        return Ok(None);
    };
    if value.of(record)?.first() != Some(&b'"') {
        return Ok(None);
    }
    let text = unescaped(record, record.string(value)?)?;
    Ok((!matches!(text, b"" | b"un")).then_some(text))
}

/// The inside of a string without escapes: what is escaped may turn out to be anything.
#[inline(always)]
fn unescaped(record: Marked<'_>, inside: Span) -> Result<&[u8], Odd> {
    let text = inside.of(record)?;
    if record.marks.has_escapes() && text.contains(&b'\\') {
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
