//! The keys of objects as a tree: a branch for every sequence of keys that was met.
//!
//! Records of one source have their keys in one order, with some missing here and there. Following
//! a record along the tree costs one comparison per key, and its end tells all that depends on
//! which keys it has.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

use fearless_simd::Simd;

use crate::json::{self, Odd};
use crate::model::Format;

/// Nodes that are remembered; of a file with more, records are read in full.
const MOST_NODES: usize = 1 << 14;
/// Keys that may follow the same ones.
const MOST_BRANCHES: usize = 64;

/// Where a record's keys begin.
pub(super) const RECORD: u32 = 0;
/// Where those of a member of a list of tags begin.
pub(super) const TAG: u32 = 1;
/// Where those of an author begin.
pub(super) const AUTHOR: u32 = 2;

/// What a record's keys show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// `None` where they show nothing.
    pub(super) format: Option<Format>,
    /// None is repeated, none makes the record a comment.
    pub(super) usable: bool,
    /// One of them may hold a link to the post's page.
    pub(super) has_link: bool,
}

/// The parts of an object that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
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
    LocationCreated,
    TextLanguage,
    // Research API
    CreateTimeUnix,
    Username,
    AuthorName,
    VideoDescription,
    HashtagNames,
    RegionCode,
    // in a member of a list of tags
    HashtagName,
    Title,
    // in an author
    UniqueId,
    /// Nobody asks for it.
    None,
}

/// The keys and where they are looked for.
pub(super) const ROLES: [(u32, &str, Role); 20] = [
    (RECORD, "id", Role::Id),
    (RECORD, "_cotag", Role::Envelope),
    (RECORD, "createTime", Role::CreateTime),
    (RECORD, "author", Role::Author),
    (RECORD, "user", Role::User),
    (RECORD, "desc", Role::Desc),
    (RECORD, "textExtra", Role::TextExtra),
    (RECORD, "challenges", Role::Challenges),
    (RECORD, "contents", Role::Contents),
    (RECORD, "locationCreated", Role::LocationCreated),
    (RECORD, "textLanguage", Role::TextLanguage),
    (RECORD, "create_time", Role::CreateTimeUnix),
    (RECORD, "username", Role::Username),
    (RECORD, "author_name", Role::AuthorName),
    (RECORD, "video_description", Role::VideoDescription),
    (RECORD, "hashtag_names", Role::HashtagNames),
    (RECORD, "region_code", Role::RegionCode),
    (TAG, "hashtagName", Role::HashtagName),
    (TAG, "title", Role::Title),
    (AUTHOR, "uniqueId", Role::UniqueId),
];

/// Where a value stands: from the first byte to behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Span {
    /// Its text.
    #[inline(always)]
    pub(super) fn of(self, text: &[u8]) -> Result<&[u8], Odd> {
        text.get(self.from..self.to).ok_or(Odd)
    }

    /// What stands between the quotes of a value that must be a string. That it has an end was seen when
    /// it was passed over.
    #[inline(always)]
    pub(super) fn string(self, text: &[u8]) -> Result<Self, Odd> {
        if json::byte(text, self.from)? == b'"' {
            Ok(Self {
                from: self.from + 1,
                to: self.to - 1,
            })
        } else {
            Err(Odd)
        }
    }
}

/// Where the values of the parts stand.
#[derive(Debug, Default)]
pub(super) struct Parts {
    places: [(u32, u32); Role::None as usize + 1],
    /// There are escapes in a string among the values.
    pub(super) escaped: bool,
}

impl Parts {
    /// The value; null is as good as missing.
    #[inline(always)]
    pub(super) fn get(&self, role: Role) -> Option<Span> {
        let (from, to) = self.places[role as usize];
        let value = Span {
            from: from as usize,
            to: to as usize,
        };
        (to > 0).then_some(value)
    }

    /// Of a text of less than 4 GB.
    #[expect(clippy::cast_possible_truncation, reason = "the text has fewer bytes")]
    #[inline(always)]
    fn set(&mut self, role: Role, from: usize, to: usize) {
        self.places[role as usize] = (from as u32, to as u32);
    }

    /// Forgets a value.
    #[inline(always)]
    pub(super) fn clear(&mut self, role: Role) {
        self.set(role, 0, 0);
    }
}

/// How an object was followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walked {
    node: u32,
    /// All values are strings: a row of a table is told by that.
    all_strings: bool,
    /// Behind the object.
    pub(super) end: usize,
}

/// The tree.
#[derive(Debug)]
pub(super) struct Keys {
    /// What following needs of each node.
    nodes: Vec<Node>,
    /// What the tree's growth needs of it.
    more: Vec<More>,
}

/// A key behind those that lead to it.
#[derive(Debug)]
#[repr(align(128))]
struct Node {
    literal: Literal,
    /// The key that mostly follows; before there is one a root, whose literal nothing begins with.
    first: u32,
    role: Role,
}

/// The rest of a node.
#[derive(Debug)]
struct More {
    /// The key with its quotes, the bracket or comma before it and the colon behind it.
    text: Box<[u8]>,
    /// The key before it, and the root of both.
    before: u32,
    root: u32,
    /// A key stands twice on the way here.
    repeated: bool,
    /// The keys that were met behind it, and the first of these.
    next: Vec<u32>,
    /// What records show that end here: others, and those of which all values are strings.
    shapes: [Option<Shape>; 2],
}

impl Default for Keys {
    fn default() -> Self {
        let mut keys = Self {
            nodes: Vec::new(),
            more: Vec::new(),
        };
        for root in [RECORD, TAG, AUTHOR] {
            keys.push(&[], (root, root), false, Role::None);
        }
        keys
    }
}

impl Keys {
    fn push(&mut self, text: &[u8], (before, root): (u32, u32), repeated: bool, role: Role) {
        self.nodes.push(Node {
            literal: Literal::new(text),
            first: RECORD,
            role,
        });
        self.more.push(More {
            text: text.into(),
            before,
            root,
            repeated,
            next: Vec::new(),
            shapes: [None; 2],
        });
    }

    /// Follows the object that starts at a place. A container that is a part is handed to `enter`, which
    /// returns what is behind it.
    ///
    /// # Errors
    /// There is none, or it is not as programs write it.
    #[inline(always)]
    pub(super) fn follow<S: Simd>(
        &mut self,
        simd: S,
        text: &[u8],
        (root, start): (u32, usize),
        parts: &mut Parts,
        mut enter: impl FnMut(&mut Self, &mut Parts, Role, usize) -> Result<usize, Odd>,
    ) -> Result<Walked, Odd> {
        if text.get(start) != Some(&b'{') || u32::try_from(text.len()).is_err() {
            return Err(Odd);
        }
        let mut all_strings = true;
        let mut number = root;
        let mut next = self.nodes.get(root as usize).ok_or(Odd)?.first;
        // The bracket or comma before a key.
        let mut at = start;
        loop {
            let rest = text.get(at..).ok_or(Odd)?;
            let mut node = self.nodes.get(next as usize).ok_or(Odd)?;
            if !node.literal.begins(rest) {
                if rest.first() == Some(&b'}') {
                    return Ok(Walked {
                        node: number,
                        all_strings,
                        end: at + 1,
                    });
                }
                next = self.other(number, rest)?;
                node = self.nodes.get(next as usize).ok_or(Odd)?;
            }
            number = next;
            next = node.first;
            let role = node.role;
            let mut from = at + node.literal.length;
            let mut first = json::byte(text, from)?;
            if first == b' ' {
                from += 1;
                first = json::byte(text, from)?;
            }
            match first {
                b'"' => {
                    let (end, escaped) = json::string(simd, text, from)?;
                    parts.escaped |= escaped;
                    parts.set(role, from, end);
                    at = end;
                }
                b'{' | b'[' => {
                    all_strings = false;
                    at = match role {
                        Role::None => json::container(simd, text, from)?,
                        role => enter(self, parts, role, from)?,
                    };
                    parts.set(role, from, at);
                }
                _ => {
                    all_strings = false;
                    at = json::scalar(simd, text, from)?;
                    parts.set(role, from, at);
                    if first == b'n' && text.get(from..at) == Some(b"null") {
                        parts.clear(role);
                    }
                }
            }
        }
    }

    /// The node of the key that stands here, where another follows than mostly.
    #[cold]
    fn other(&mut self, before: u32, rest: &[u8]) -> Result<u32, Odd> {
        let next = &self.more[before as usize].next;
        let mut places = next.iter();
        let known = places.position(|&other| rest.starts_with(&self.more[other as usize].text));
        let Some(place) = known else {
            return self.enter(before, rest);
        };
        let found = next[place];
        // What is met often moves to the front.
        let to = place.saturating_sub(1);
        let next = &mut self.more[before as usize].next;
        next.swap(place, to);
        self.nodes[before as usize].first = next[0];
        Ok(found)
    }

    /// Makes a node for a key that is new behind another.
    #[cold]
    fn enter(&mut self, before: u32, rest: &[u8]) -> Result<u32, Odd> {
        let parent = &self.more[before as usize];
        let root = parent.root;
        let open: &[u8] = match rest {
            [b'{', ..] if before == root => b"{",
            [b',', b' ', ..] if before != root => b", ",
            [b',', ..] if before != root => b",",
            _ => return Err(Odd),
        };
        let inside = rest[open.len()..].strip_prefix(b"\"").ok_or(Odd)?;
        let close = memchr::memchr2(b'"', b'\\', inside).ok_or(Odd)?;
        let key = &inside[..close];
        if !inside[close..].starts_with(b"\":") || key.iter().any(u8::is_ascii_control) {
            return Err(Odd);
        }
        let literal = &rest[..open.len() + close + 3];
        if self.nodes.len() >= MOST_NODES || parent.next.len() >= MOST_BRANCHES {
            return Err(Odd);
        }
        let mut repeated = parent.repeated;
        let mut ancestor = before;
        while ancestor != root && !repeated {
            let more = &self.more[ancestor as usize];
            repeated = more.key() == key;
            ancestor = more.before;
        }
        let role = ROLES
            .iter()
            .find(|(place, name, _)| *place == root && name.as_bytes() == key);
        let number = u32::try_from(self.nodes.len()).map_err(|_| Odd)?;
        let role = role.map_or(Role::None, |(_, _, role)| *role);
        self.push(literal, (before, root), repeated, role);
        let next = &mut self.more[before as usize].next;
        next.push(number);
        self.nodes[before as usize].first = next[0];
        Ok(number)
    }

    /// Whether a key stood twice.
    #[inline(always)]
    pub(super) fn is_repeated(&self, walked: &Walked) -> bool {
        self.more[walked.node as usize].repeated
    }

    /// What the keys of the object show, as far as that was remembered.
    #[inline(always)]
    pub(super) fn shape(&self, walked: &Walked) -> Option<Shape> {
        self.more[walked.node as usize].shapes[usize::from(walked.all_strings)]
    }

    /// Remembers it.
    pub(super) fn remember(&mut self, walked: &Walked, shape: Shape) -> Shape {
        self.more[walked.node as usize].shapes[usize::from(walked.all_strings)] = Some(shape);
        shape
    }
}

impl More {
    /// What stands between the key's quotes.
    fn key(&self) -> &[u8] {
        let mut quoted = self.text.splitn(3, |&byte| byte == b'"');
        quoted.nth(1).unwrap_or_default()
    }
}

/// What stands between two values, a key among it.
#[derive(Debug)]
struct Literal {
    /// Its bytes, and ones where it has any.
    words: [u64; 4],
    masks: [u64; 4],
    length: usize,
}

impl Literal {
    fn new(text: &[u8]) -> Self {
        let mut bytes = [[0; 8]; 4];
        let mut masks = [[0; 8]; 4];
        for (at, &byte) in text.iter().take(32).enumerate() {
            bytes[at / 8][at % 8] = byte;
            masks[at / 8][at % 8] = 0xff;
        }
        if text.is_empty() || text.len() > 32 {
            // A key stands behind a bracket or a comma: none begins so.
            (bytes, masks) = ([[0; 8]; 4], [[0xff; 8]; 4]);
        }
        Self {
            words: bytes.map(u64::from_le_bytes),
            masks: masks.map(u64::from_le_bytes),
            length: text.len(),
        }
    }

    /// Whether a bracket or comma and what follows surely is this; never where it is longer than 32
    /// bytes, or hardly anything follows.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(window) = text.first_chunk::<32>() else {
            return false;
        };
        let (parts, _) = window.as_chunks::<8>();
        let differs =
            |part: usize| (u64::from_le_bytes(parts[part]) ^ self.words[part]) & self.masks[part];
        differs(0) | differs(1) | differs(2) | differs(3) == 0
    }
}
