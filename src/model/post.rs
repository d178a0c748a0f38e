//! One normalised view over a record of any source.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::Format;
use super::link::is_handle;

/// A post's id: 64 bits, never zero, never through a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(u64);

impl PostId {
    /// The id that is this number; `None` if it is zero or not below 2^63.
    pub fn new(id: u64) -> Option<Self> {
        (id > 0 && id < 1 << 63).then_some(Self(id))
    }

    /// The id as a number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// When the upload began, in unix seconds: TikTok keeps the time in the upper 32 bits of the id.
    ///
    /// Within 60 s of the stated time for 98 % of posts, up to days early for scheduled ones,
    /// so it only stands in where a source gives no time.
    pub fn upload_second(self) -> i64 {
        (self.0 >> 32).cast_signed()
    }
}

impl From<PostId> for u64 {
    fn from(id: PostId) -> u64 {
        id.0
    }
}

/// Why a text is no post id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostId {
    /// Nothing where the id should be.
    #[error("the post id is empty")]
    Empty,
    /// `7.52E+18`: a spreadsheet or a float has destroyed the last digits.
    #[error("the post id went through a floating-point number and lost its last digits")]
    Float,
    /// Anything else that is not 1 to 19 decimal digits below 2^63.
    #[error("the post id is not a whole number below 2^63")]
    NotANumber,
}

impl FromStr for PostId {
    type Err = InvalidPostId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidPostId::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let float = text.starts_with(|first: char| first.is_ascii_digit())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || b".,eE+-".contains(&byte));
            return Err(if float {
                InvalidPostId::Float
            } else {
                InvalidPostId::NotANumber
            });
        }
        let id = text.parse().ok().and_then(Self::new);
        id.ok_or(InvalidPostId::NotANumber)
    }
}

impl fmt::Display for PostId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// When a post was made, and how we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The source states it.
    Stated(Timestamp),
    /// The source does not state it, or only as a local time without a zone: read off the post id.
    FromId(Timestamp),
}

impl Created {
    /// The time itself (UTC).
    pub fn at(self) -> Timestamp {
        match self {
            Self::Stated(at) | Self::FromId(at) => at,
        }
    }
}

/// What was counted on a post. A missing count is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Plays.
    pub views: Option<u64>,
    /// Likes ("diggs").
    pub likes: Option<u64>,
    /// Comments.
    pub comments: Option<u64>,
    /// Shares.
    pub shares: Option<u64>,
    /// Times saved to favourites.
    pub saves: Option<u64>,
}

/// What a post shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A video.
    Video,
    /// One or more pictures with a sound.
    Photo,
}

impl Kind {
    /// `video` or `photo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Photo => "photo",
        }
    }
}

/// The sound of a post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Music<'a> {
    /// TikTok's id of the sound, as text.
    pub id: Option<Cow<'a, str>>,
    /// Title.
    pub title: Option<Cow<'a, str>>,
    /// Who made it.
    pub author: Option<Cow<'a, str>>,
}

/// One post, borrowed from the record that it was read from.
///
/// Every field but the id may be missing, since every source leaves something out.
#[derive(Clone, Debug, PartialEq)]
pub struct Post<'a> {
    /// TikTok's id.
    pub id: PostId,
    /// The account's handle, without `@`.
    pub author: Option<Cow<'a, str>>,
    /// When it was posted.
    pub created: Option<Created>,
    /// The text under the post.
    pub caption: Option<Cow<'a, str>>,
    /// Hashtags as the source's own list spells them, in its order, repeats included, without `#`;
    /// empty where the format has no such list or the list is empty.
    pub listed_tags: Vec<Cow<'a, str>>,
    /// Views, likes, comments, shares, saves.
    pub counts: Counts,
    /// Two-letter country code.
    pub region: Option<Cow<'a, str>>,
    /// Language code of the text; unknown is `None`, never `un`.
    pub language: Option<Cow<'a, str>>,
    /// The sound.
    pub music: Option<Music<'a>>,
    /// Length in seconds; of photo posts `None`.
    pub duration: Option<u32>,
    /// Video or photo; `None` where the source does not tell.
    pub kind: Option<Kind>,
    /// The post's page.
    pub page_url: Option<Cow<'a, str>>,
    /// Where the media file was served; such links expire.
    pub media_url: Option<Cow<'a, str>>,
    /// Marked as advertising.
    pub ad: Option<bool>,
    /// The format that this was read from.
    pub format: Format,
}

impl Post<'_> {
    /// The same post, borrowed from nothing.
    pub fn into_owned(self) -> Post<'static> {
        Post {
            id: self.id,
            author: owned(self.author),
            created: self.created,
            caption: owned(self.caption),
            listed_tags: self
                .listed_tags
                .into_iter()
                .map(|tag| Cow::Owned(tag.into_owned()))
                .collect(),
            counts: self.counts,
            region: owned(self.region),
            language: owned(self.language),
            music: self.music.map(|music| Music {
                id: owned(music.id),
                title: owned(music.title),
                author: owned(music.author),
            }),
            duration: self.duration,
            kind: self.kind,
            page_url: owned(self.page_url),
            media_url: owned(self.media_url),
            ad: self.ad,
            format: self.format,
        }
    }

    /// A post of which only the id is known.
    pub fn new(id: PostId, format: Format) -> Self {
        Self {
            id,
            author: None,
            created: None,
            caption: None,
            listed_tags: Vec::new(),
            counts: Counts::default(),
            region: None,
            language: None,
            music: None,
            duration: None,
            kind: None,
            page_url: None,
            media_url: None,
            ad: None,
            format,
        }
    }

    /// The post's page: as the source gives it, else built from author and id.
    ///
    /// TikTok answers under `/@/video/<id>` even where the author is not known.
    pub fn link(&self) -> Cow<'_, str> {
        match &self.page_url {
            Some(url) => Cow::Borrowed(url),
            None => Cow::Owned(page_address(self.author.as_deref(), self.kind, self.id)),
        }
    }
}

fn owned(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.into_owned()))
}

/// The page of a post of which the source gave none. A name that TikTok does not give to accounts
/// is left out of it.
pub fn page_address(author: Option<&str>, kind: Option<Kind>, id: PostId) -> String {
    format!(
        "https://www.tiktok.com/@{}/{}/{id}",
        author.filter(|name| is_handle(name)).unwrap_or_default(),
        kind.unwrap_or(Kind::Video).name(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digits_below_2_to_63() {
        assert_eq!(
            "7189254512345678901".parse::<PostId>().unwrap().get(),
            7_189_254_512_345_678_901
        );
        for (text, why) in [
            ("", InvalidPostId::Empty),
            ("7.5205633888087E+018", InvalidPostId::Float),
            ("7,52056E+18", InvalidPostId::Float),
            ("9223372036854775808", InvalidPostId::NotANumber),
            ("0", InvalidPostId::NotANumber),
            ("-7", InvalidPostId::NotANumber),
            ("abc", InvalidPostId::NotANumber),
            ("७१८९", InvalidPostId::NotANumber),
        ] {
            assert_eq!(text.parse::<PostId>(), Err(why), "{text}");
        }
    }
}
