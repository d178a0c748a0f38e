//! Reading of a record only what counting hashtags needs, without decoding or copying any of it.
//!
//! Two formats are read so, those that make up nearly all large files. A record is only read this
//! way where every token of its own level is as programs write it and every part that is asked for
//! is of the type it should be; `None` hands it to the full reading, of which this one must give
//! the answer exactly. What a record's keys mean is asked of [`recognise`] once for each sequence of
//! keys, so that this file knows no rules of its own about formats.
//!
//! Damage inside a value that nobody asks for is not seen here as long as quotes and brackets
//! still match. `cotag verify` reads everything.

use std::borrow::Cow;

use hashbrown::HashMap;
use memchr::memmem::Finder;

use super::recognise::{is_comment, recognise};
use super::values::{LINKS, created, may_be_rounded, tag, time, unix_time};
use crate::json::{Fields, Marked, Odd, Raw, Value};
use crate::model::{Brief, Format, Name, Origin, PostId};

/// Keys and sequences of keys that are remembered; a file with more has its records read in full.
const MOST_KEYS: u16 = 4096;
const MOST_SHAPES: usize = 4096;

/// The first key's place in a sequence, and the end of every other.
const NO_KEY: u16 = u16::MAX;

/// Reads records one after the other and remembers what they have in common.
#[derive(Debug, Default)]
pub struct Reader {
    keys: Vec<Key>,
    by_text: HashMap<Box<[u8]>, u16>,
    /// The key that a record began with the last time.
    first: u16,
    shapes: HashMap<Box<[u16]>, Shape>,
    last_shape: Option<(Box<[u16]>, Shape)>,
    envelope: (Vec<u8>, Provenance),
    sequence: Vec<u16>,
    names: Vec<Name>,
    nested: Nested,
}

/// Searches for keys of nested objects.
#[derive(Debug)]
struct Nested {
    tag: Finder<'static>,
    title: Finder<'static>,
    handle: Finder<'static>,
}

impl Default for Nested {
    fn default() -> Self {
        Self {
            tag: Finder::new("\"hashtagName\":"),
            title: Finder::new("\"title\":"),
            handle: Finder::new("\"uniqueId\":"),
        }
    }
}

type Provenance = (Option<Origin>, Option<Format>);

/// A key that was met.
#[derive(Debug)]
struct Key {
    /// With its quotes and the colon behind it.
    literal: Box<[u8]>,
    role: Option<Role>,
    /// The key that came next the last time.
    next: u16,
}

/// What is remembered of records with the same keys in the same order.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// What the keys show; `None` where they show nothing or the record is a comment.
    format: Option<Format>,
    /// The keys can be followed: none is repeated, none makes the record a comment.
    usable: bool,
    /// One of the keys may hold a link to the post's page.
    has_link: bool,
}

/// The parts of a record that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Id,
    Envelope,
    // tiktok.com
    CreateTime,
    Author,
    User,
    Desc,
    TextExtra,
    Challenges,
    Contents,
    // Research API
    CreateTimeUnix,
    Username,
    AuthorName,
    VideoDescription,
    HashtagNames,
}

const ROLES: [(&str, Role); 14] = [
    ("id", Role::Id),
    ("_cotag", Role::Envelope),
    ("createTime", Role::CreateTime),
    ("author", Role::Author),
    ("user", Role::User),
    ("desc", Role::Desc),
    ("textExtra", Role::TextExtra),
    ("challenges", Role::Challenges),
    ("contents", Role::Contents),
    ("create_time", Role::CreateTimeUnix),
    ("username", Role::Username),
    ("author_name", Role::AuthorName),
    ("video_description", Role::VideoDescription),
    ("hashtag_names", Role::HashtagNames),
];

/// The values of the parts; null is as good as missing.
struct Parts<'b>([Option<Raw<'b>>; ROLES.len()]);

impl<'b> Parts<'b> {
    fn get(&self, role: Role) -> Option<Raw<'b>> {
        self.0[role as usize].filter(|value| value.json != b"null")
    }
}

impl Reader {
    /// Reads the record that starts at a place of the marked text and must end with it.
    ///
    /// `None` says nothing about the record but that it has to be read in full.
    pub fn read<'b>(
        &'b mut self,
        record: Marked<'b>,
        at: usize,
    ) -> Option<(Brief<'b>, Option<Origin>)> {
        self.try_read(record, at).ok()
    }

    fn try_read<'b>(
        &'b mut self,
        record: Marked<'b>,
        at: usize,
    ) -> Result<(Brief<'b>, Option<Origin>), Odd> {
        let parts = self.parts(record, at)?;
        let shape = self.shape(&record.text[at..])?;
        if !shape.usable {
            return Err(Odd);
        }
        let (origin, named) = match parts.get(Role::Envelope) {
            Some(envelope) => self.envelope(envelope)?,
            None => (None, None),
        };
        self.names.clear();
        let names = &mut self.names;
        let parts = &parts;
        let brief = match named.or(shape.format).ok_or(Odd)? {
            Format::Web => web(record, parts, (shape, &self.nested), names)?,
            Format::Research => research(record, parts, shape, names)?,
            _ => return Err(Odd),
        };
        let brief = Brief {
            listed: &self.names,
            ..brief
        };
        Ok((brief, origin))
    }

    /// Goes through the record's own level; leaves its keys in `sequence`.
    fn parts<'b>(&mut self, record: Marked<'b>, at: usize) -> Result<Parts<'b>, Odd> {
        let mut parts = Parts([None; ROLES.len()]);
        let mut members = record.members(at)?;
        let mut all_strings = true;
        let mut before = NO_KEY;
        self.sequence.clear();
        loop {
            let expected = match self.keys.get(usize::from(before)) {
                Some(before) => before.next,
                None => self.first,
            };
            let met = match self.keys.get(usize::from(expected)) {
                Some(key) => members.next_if(&key.literal)?,
                None => None,
            };
            let (index, value) = match met {
                Some(value) => (expected, value),
                None => match members.next_member()? {
                    Some((key, value)) => (self.key(key, before)?, value),
                    None => break,
                },
            };
            if let Some(role) = self.keys[usize::from(index)].role {
                parts.0[role as usize] = Some(value);
            }
            all_strings &= value.json[0] == b'"';
            self.sequence.push(index);
            before = index;
        }
        if all_strings {
            // A row of a table is told by that.
            self.sequence.push(NO_KEY);
        }
        if members.at() == record.text.len() {
            Ok(parts)
        } else {
            Err(Odd)
        }
    }

    /// The number of a key, which is from now on expected behind the one before it.
    fn key(&mut self, text: &[u8], before: u16) -> Result<u16, Odd> {
        let number = self.key_number(text)?;
        match self.keys.get_mut(usize::from(before)) {
            Some(before) => before.next = number,
            None => self.first = number,
        }
        Ok(number)
    }

    fn key_number(&mut self, text: &[u8]) -> Result<u16, Odd> {
        if let Some(&known) = self.by_text.get(text) {
            return Ok(known);
        }
        let number = u16::try_from(self.keys.len()).map_err(|_| Odd)?;
        if number == MOST_KEYS || text.contains(&b'\\') {
            return Err(Odd);
        }
        let role = ROLES.iter().find(|(name, _)| name.as_bytes() == text);
        self.keys.push(Key {
            literal: [b"\"", text, b"\":"].concat().into(),
            role: role.map(|(_, role)| *role),
            next: NO_KEY,
        });
        self.by_text.insert(text.into(), number);
        Ok(number)
    }

    /// What the sequence of keys means.
    fn shape(&mut self, json: &[u8]) -> Result<Shape, Odd> {
        if let Some((sequence, shape)) = &self.last_shape
            && **sequence == *self.sequence
        {
            return Ok(*shape);
        }
        let shape = match self.shapes.get(&*self.sequence) {
            Some(known) => *known,
            None if self.shapes.len() == MOST_SHAPES => return Err(Odd),
            None => {
                let shape = shape(json)?;
                self.shapes.insert(self.sequence.as_slice().into(), shape);
                shape
            }
        };
        self.last_shape = Some((self.sequence.as_slice().into(), shape));
        Ok(shape)
    }

    /// What an envelope says; those of one import are mostly the same.
    fn envelope(&mut self, value: Raw<'_>) -> Result<Provenance, Odd> {
        if self.envelope.0 != value.json {
            let text = std::str::from_utf8(value.json).map_err(|_| Odd)?;
            let fields = match value.json[0] {
                b'{' => Fields::parse(text).map_err(|_| Odd)?,
                _ => return Err(Odd),
            };
            let origin = fields.text("origin").and_then(|name| name.parse().ok());
            let format = fields.text("format").and_then(|name| name.parse().ok());
            self.envelope = (value.json.to_owned(), (origin, format));
        }
        Ok(self.envelope.1)
    }
}

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

fn web<'b>(
    record: Marked<'b>,
    parts: &Parts<'b>,
    (shape, keys): (Shape, &Nested),
    names: &mut Vec<Name>,
) -> Result<Brief<'b>, Odd> {
    let id = post_id(parts.get(Role::Id), shape)?;
    listed_objects(record, parts.get(Role::TextExtra), &keys.tag, names)?;
    if names.is_empty() {
        listed_objects(record, parts.get(Role::Challenges), &keys.title, names)?;
    }
    if names.is_empty()
        && let Some(contents) = parts.get(Role::Contents)
        && contents.json != b"[]"
    {
        return Err(Odd);
    }
    let author = parts.get(Role::Author);
    let author = match author {
        Some(author) if author.json[0] == b'{' => member(record, author, &keys.handle)?,
        other => other,
    };
    brief(
        record,
        (id, Format::Web),
        parts.get(Role::CreateTime),
        has_handle(author.or(parts.get(Role::User)))?,
        parts.get(Role::Desc).filter(|_| names.is_empty()),
    )
}

fn research<'b>(
    record: Marked<'b>,
    parts: &Parts<'b>,
    shape: Shape,
    names: &mut Vec<Name>,
) -> Result<Brief<'b>, Odd> {
    let id = post_id(parts.get(Role::Id), shape)?;
    if let Some(list) = parts.get(Role::HashtagNames) {
        let mut elements = record.elements(list.at)?;
        while let Some(element) = elements.next_element()? {
            take_name(element, names)?;
        }
    }
    let filled = |role| parts.get(role).filter(|value| value.json != b"\"\"");
    brief(
        record,
        (id, Format::Research),
        filled(Role::CreateTimeUnix),
        has_handle(filled(Role::Username).or_else(|| filled(Role::AuthorName)))?,
        parts
            .get(Role::VideoDescription)
            .filter(|_| names.is_empty()),
    )
}

fn brief<'b>(
    record: Marked<'b>,
    (id, format): (PostId, Format),
    stated: Option<Raw<'b>>,
    has_author: bool,
    caption: Option<Raw<'b>>,
) -> Result<Brief<'b>, Odd> {
    let stated = match stated.map(|stated| (stated, whole_number(stated.json))) {
        None => None,
        Some((_, Some(seconds))) => unix_time(seconds),
        Some((stated, None)) => time(Some(value(stated)?)),
    };
    Ok(Brief {
        id,
        created: created(stated, id),
        has_author,
        format,
        text: record.text,
        listed: &[],
        caption: match caption {
            Some(caption) => value(caption)?.text(),
            None => None,
        },
    })
}

fn value(raw: Raw<'_>) -> Result<Value<'_>, Odd> {
    std::str::from_utf8(raw.json)
        .map(Value::of_json)
        .map_err(|_| Odd)
}

/// An id of digits that cannot have been rounded, or has no link beside it that would know.
fn post_id(stated: Option<Raw<'_>>, shape: Shape) -> Result<PostId, Odd> {
    let stated = stated.ok_or(Odd)?.json;
    let digits = stated
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""))
        .unwrap_or(stated);
    let id = whole_number(digits).and_then(PostId::new).ok_or(Odd)?;
    if shape.has_link && may_be_rounded(id) {
        return Err(Odd);
    }
    Ok(id)
}

/// A number of at most 19 digits and nothing else.
fn whole_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut number = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    Some(number)
}

/// Whether a handle is there.
fn has_handle(value: Option<Raw<'_>>) -> Result<bool, Odd> {
    let Some(value) = value else {
        return Ok(false);
    };
    match value.string().ok_or(Odd)? {
        b"" | b"REDACTED" => Ok(false),
        // What is escaped may turn out to be any of these.
        text if text.contains(&b'\\') => Err(Odd),
        [b'@', ..] => Err(Odd),
        _ => Ok(true),
    }
}

/// A member of an object that has it at most once.
fn member<'b>(
    record: Marked<'b>,
    object: Raw<'b>,
    key: &Finder<'_>,
) -> Result<Option<Raw<'b>>, Odd> {
    let found = match record.in_flat(object, key) {
        Ok(found) => found,
        Err(Odd) => {
            // The needle is `"key":`.
            let key = &key.needle()[1..key.needle().len() - 2];
            let mut found = None;
            let mut members = record.members(object.at)?;
            while let Some((name, value)) = members.next_member()? {
                let repeated = name == key && found.replace(value).is_some();
                if repeated || name.contains(&b'\\') {
                    return Err(Odd);
                }
            }
            found
        }
    };
    Ok(found.filter(|value| value.json != b"null"))
}

/// The names under `key` in an array of objects.
fn listed_objects(
    record: Marked<'_>,
    list: Option<Raw<'_>>,
    key: &Finder<'_>,
    names: &mut Vec<Name>,
) -> Result<(), Odd> {
    let Some(list) = list else {
        return Ok(());
    };
    let mut elements = record.elements(list.at)?;
    while let Some(element) = elements.next_element()? {
        if let Some(name) = member(record, element, key)? {
            take_name(name, names)?;
        }
    }
    Ok(())
}

/// Takes a name in, if it surely is a hashtag's; empty ones are none.
fn take_name(value: Raw<'_>, names: &mut Vec<Name>) -> Result<(), Odd> {
    let text = value.string().ok_or(Odd)?;
    if text.is_empty() {
        return Ok(());
    }
    if !begins_plainly(text) {
        return Err(Odd);
    }
    let from = u32::try_from(value.at + 1).map_err(|_| Odd)?;
    let to = u32::try_from(value.at + 1 + text.len()).map_err(|_| Odd)?;
    names.push((from, to));
    Ok(())
}

/// Whether a name's first character is neither cut off ([`tag`]) nor makes it a mention.
fn begins_plainly(name: &[u8]) -> bool {
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
