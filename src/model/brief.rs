//! What counting needs of a post, and nothing else.

use std::borrow::Cow;

use super::{Created, Format, PostId};

/// A post as far as a count of hashtags asks about it.
///
/// It says of the post what [`Post`](super::Post) says, but borrows the hashtags undecoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief<'a> {
    /// TikTok's id.
    pub id: PostId,
    /// When it was posted.
    pub created: Option<Created>,
    /// The author's handle, if it is known; UTF-8 as far as the file is.
    pub author: Option<&'a [u8]>,
    /// Where it was posted: a two-letter country code, in letters of either case.
    pub region: Option<[u8; 2]>,
    /// The caption's language: a code.
    pub language: Option<&'a [u8]>,
    /// The format that this was read from.
    pub format: Format,
    /// The text in which the names stand.
    pub text: &'a [u8],
    /// The source's own list of hashtags: where each name stands in the text.
    pub listed: &'a [Name],
    /// Whether the names may have escapes in them.
    pub escaped: bool,
    /// The text under the post, only if the list is empty.
    pub caption: Option<Cow<'a, str>>,
}

/// Where the inside of a JSON string stands in a text: from the first byte to behind the last.
///
/// The string is a hashtag that does not begin with white space, `#` or `@`.
pub type Name = (u32, u32);

impl<'a> Brief<'a> {
    /// The hashtags of the list, as they stand in the JSON text.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        let text = self.text;
        self.listed
            .iter()
            .map(move |&(from, to)| &text[from as usize..to as usize])
    }
}
