//! The keys of objects as a tree: a branch for every sequence of keys that was met.
//!
//! Records of one source have their keys in one order, with some missing here and there. Following
//! a record along the tree costs one comparison per key, and its end tells all that depends on
//! which keys it has.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is made of the wide instructions"
)]

use crate::json::{Marked, Odd, Span};
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

/// Where the values of the parts stand: from the first byte to behind the last.
#[derive(Debug, Default)]
pub(super) struct Parts([(u32, u32); ROLES.len()]);

impl Parts {
    /// The value; null is as good as missing.
    #[inline(always)]
    pub(super) fn get(&self, role: Role) -> Option<Span> {
        let (from, to) = self.0[role as usize];
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
        self.0[role as usize] = (from as u32, to as u32);
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
pub(super) struct Keys(Vec<Node>);

/// A key behind those that lead to it.
#[derive(Debug)]
struct Node {
    literal: Literal,
    /// The key before it, and the root of both.
    before: u32,
    root: u32,
    /// A key stands twice on the way here.
    repeated: bool,
    role: Option<Role>,
    /// The keys that were met behind it, and the first of these; before there is one a root, whose
    /// literal nothing begins with.
    next: Vec<u32>,
    first: u32,
    /// What records show that end here: others, and those of which all values are strings.
    shapes: [Option<Shape>; 2],
}

impl Node {
    fn root(number: u32) -> Self {
        Self {
            literal: Literal::new(&[]),
            before: number,
            root: number,
            repeated: false,
            role: None,
            next: Vec::new(),
            first: RECORD,
            shapes: [None; 2],
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self([RECORD, TAG, AUTHOR].map(Node::root).into())
    }
}

impl Keys {
    /// Follows the object that starts at a place.
    ///
    /// # Errors
    /// There is none, or it is not as programs write it.
    #[inline(always)]
    pub(super) fn walk(
        &mut self,
        root: u32,
        record: Marked<'_>,
        at: usize,
        parts: &mut Parts,
    ) -> Result<Walked, Odd> {
        let text = record.text;
        if text.get(at) != Some(&b'{') || u32::try_from(text.len()).is_err() {
            return Err(Odd);
        }
        let mut members = record.items(at)?;
        let mut all_strings = true;
        let mut number = root;
        let mut node = self.0.get(root as usize).ok_or(Odd)?;
        while let Some(member) = members.next()? {
            let rest = text.get(member.from..).ok_or(Odd)?;
            let before = number;
            number = node.first;
            node = self.0.get(number as usize).ok_or(Odd)?;
            if !node.literal.begins(rest) {
                number = self.other(before, record, member)?;
                node = self.0.get(number as usize).ok_or(Odd)?;
            }
            let mut length = node.literal.length;
            let mut first = *rest.get(length).ok_or(Odd)?;
            if first == b' ' {
                length += 1;
                first = *rest.get(length).ok_or(Odd)?;
            }
            let from = member.from + length;
            if from >= member.to {
                return Err(Odd);
            }
            all_strings &= first == b'"';
            if let Some(role) = node.role
                && (first != b'n' || text.get(from..member.to) != Some(b"null"))
            {
                parts.set(role, from, member.to);
            }
        }
        Ok(Walked {
            node: number,
            all_strings,
            end: members.end(),
        })
    }

    /// The node of the key that stands here, where another follows than mostly.
    #[cold]
    fn other(&mut self, before: u32, record: Marked<'_>, member: Span) -> Result<u32, Odd> {
        let rest = record.text.get(member.from..).ok_or(Odd)?;
        let next = &self.0[before as usize].next;
        let mut places = next.iter();
        let known = places.position(|&other| self.0[other as usize].literal.begins(rest));
        let Some(place) = known else {
            return self.enter(before, record, member);
        };
        let found = next[place];
        // What is met often moves to the front.
        let to = place.saturating_sub(1);
        let node = &mut self.0[before as usize];
        node.next.swap(place, to);
        node.first = node.next[0];
        Ok(found)
    }

    /// Makes a node for a key that is new behind another.
    #[cold]
    fn enter(&mut self, before: u32, record: Marked<'_>, member: Span) -> Result<u32, Odd> {
        let text = record.text.get(member.from..member.to).ok_or(Odd)?;
        let text = text.strip_prefix(b"\"").ok_or(Odd)?;
        let close = memchr::memchr2(b'"', b'\\', text).ok_or(Odd)?;
        let literal = &record.text[member.from..(member.from + close + 3).min(member.to)];
        if !literal.ends_with(b"\":") {
            return Err(Odd);
        }
        let parent = &self.0[before as usize];
        if self.0.len() >= MOST_NODES || parent.next.len() >= MOST_BRANCHES {
            return Err(Odd);
        }
        let root = parent.root;
        let mut repeated = parent.repeated;
        let mut ancestor = before;
        while ancestor != root && !repeated {
            let node = &self.0[ancestor as usize];
            repeated = *node.literal.text == *literal;
            ancestor = node.before;
        }
        let key = &literal[1..literal.len() - 2];
        let role = ROLES
            .iter()
            .find(|(place, name, _)| *place == root && name.as_bytes() == key);
        let number = u32::try_from(self.0.len()).map_err(|_| Odd)?;
        self.0.push(Node {
            literal: Literal::new(literal),
            before,
            repeated,
            role: role.map(|(_, _, role)| *role),
            ..Node::root(root)
        });
        let node = &mut self.0[before as usize];
        node.next.push(number);
        node.first = node.next[0];
        Ok(number)
    }

    /// Whether a key stood twice.
    #[inline(always)]
    pub(super) fn is_repeated(&self, walked: &Walked) -> bool {
        self.0[walked.node as usize].repeated
    }

    /// What the keys of the object show, as far as that was remembered.
    #[inline(always)]
    pub(super) fn shape(&self, walked: &Walked) -> Option<Shape> {
        self.0[walked.node as usize].shapes[usize::from(walked.all_strings)]
    }

    /// Remembers it.
    pub(super) fn remember(&mut self, walked: &Walked, shape: Shape) -> Shape {
        self.0[walked.node as usize].shapes[usize::from(walked.all_strings)] = Some(shape);
        shape
    }
}

/// A key with its quotes and the colon behind it.
#[derive(Debug)]
struct Literal {
    /// Its first 32 bytes, and ones where it has bytes.
    words: [u64; 4],
    masks: [u64; 4],
    length: usize,
    text: Box<[u8]>,
}

impl Literal {
    fn new(text: &[u8]) -> Self {
        let mut bytes = [[0; 8]; 4];
        let mut masks = [[0; 8]; 4];
        for (at, &byte) in text.iter().take(32).enumerate() {
            bytes[at / 8][at % 8] = byte;
            masks[at / 8][at % 8] = 0xff;
        }
        Self {
            words: bytes.map(u64::from_le_bytes),
            masks: if text.is_empty() {
                // A key begins with a quote.
                [!0; 4]
            } else {
                masks.map(u64::from_le_bytes)
            },
            length: text.len(),
            text: text.into(),
        }
    }

    /// Whether a text begins with it; none does with the empty one.
    #[inline(always)]
    fn begins(&self, text: &[u8]) -> bool {
        let Some(window) = text.first_chunk::<32>() else {
            return self.length > 0 && text.starts_with(&self.text);
        };
        let (parts, _) = window.as_chunks::<8>();
        let differs =
            |part: usize| (u64::from_le_bytes(parts[part]) ^ self.words[part]) & self.masks[part];
        differs(0) | differs(1) | differs(2) | differs(3) == 0
            && (self.length <= 32 || text.starts_with(&self.text))
    }
}
