//! What the formats have in common: ids, times, links and small texts, and how much each is believed.

use std::borrow::Cow;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::Unreadable;
use crate::json::{Fields, Value};
use crate::model::{Created, Format, Music, PostId, spelling};

/// A row whose tool has words for "nothing here".
pub(super) struct Cells<'f, 'a> {
    fields: &'f Fields<'a>,
    absent: &'static [&'static str],
}

impl<'f, 'a> Cells<'f, 'a> {
    pub(super) fn of(format: Format, fields: &'f Fields<'a>) -> Self {
        let absent: &[&str] = match format {
            // JavaScript's, written by Zeeschuimer.
            Format::FourCatCsv => &["undefined", "NaN", "null"],
            // R's, which in its tables hides Namibia.
            Format::TraktokCsv => &["NA"],
            // pandas'.
            Format::PyktokCsv | Format::ResearchCsv => &["nan", "None"],
            _ => &[],
        };
        Self { fields, absent }
    }

    /// A cell, unless it is empty.
    pub(super) fn get(&self, column: &str) -> Option<Value<'a>> {
        self.filled(self.fields.get(column)?)
    }

    /// A cell that was found, unless it is empty.
    pub(super) fn filled(&self, value: Value<'a>) -> Option<Value<'a>> {
        if self.absent.is_empty() {
            return (value.as_json() != "\"\"").then_some(value);
        }
        let word = value.as_json().trim_matches('"');
        (!word.is_empty() && !self.absent.contains(&word)).then_some(value)
    }

    /// A cell's text, unless it is empty.
    pub(super) fn text(&self, column: &str) -> Option<Cow<'a, str>> {
        self.get(column)?.text()
    }
}

/// Where the formats keep the link to a post's page, the surest first.
pub(super) const LINKS: [&str; 8] = [
    "webVideoUrl",
    "tiktok_url",
    "webpage_url",
    "share_url",
    "video_url",
    "original_url",
    "submittedVideoUrl",
    "url",
];

/// The id as stated; where it is missing or was rounded, the one in the link to the post's page.
///
/// # Errors
/// Neither gives an id.
pub(super) fn post_id(
    fields: &Fields<'_>,
    stated: Option<Value<'_>>,
) -> Result<PostId, Unreadable> {
    if let Some(id) = stated.and_then(Value::digits).and_then(PostId::new)
        && !may_be_rounded(id)
    {
        return Ok(id);
    }
    let literal = stated.and_then(Value::literal);
    match literal.as_deref().map(|text| text.trim().parse::<PostId>()) {
        Some(Ok(id)) if !may_be_rounded(id) => Ok(id),
        Some(Ok(id)) => Ok(linked_id(fields)
            .filter(|linked| was_rounded(id, *linked))
            .unwrap_or(id)),
        Some(Err(why)) => linked_id(fields).ok_or(Unreadable::Id(why)),
        None => linked_id(fields).ok_or(Unreadable::NoId),
    }
}

/// As [`post_id`], for a row of a table: a spreadsheet may have rounded its id, and all posts of some
/// thousandths of a second to the same one.
///
/// # Errors
/// As [`post_id`]; [`Unreadable::RoundedId`] where no link tells which post it is.
pub(super) fn row_id(fields: &Fields<'_>, stated: Option<Value<'_>>) -> Result<PostId, Unreadable> {
    let id = post_id(fields, stated)?;
    if id.get().is_multiple_of(10_000) && linked_id(fields) != Some(id) {
        return Err(Unreadable::RoundedId(id));
    }
    Ok(id)
}

/// Spreadsheets keep 15 digits and fill up with zeros, JavaScript 16 or 17; a float written out in
/// full is a multiple of 512. About one true id in 85 looks so too, so that the link decides.
pub(super) fn may_be_rounded(id: PostId) -> bool {
    id.get().is_multiple_of(100) || id.get().is_multiple_of(512)
}

fn was_rounded(stated: PostId, linked: PostId) -> bool {
    stated.get().is_multiple_of(10_000) || stated.get().abs_diff(linked.get()) < 10_000
}

fn linked_id(fields: &Fields<'_>) -> Option<PostId> {
    LINKS.iter().find_map(|key| id_in_link(&fields.text(key)?))
}

/// The post id in the link to a post's page; short links hold none.
fn id_in_link(link: &str) -> Option<PostId> {
    let path = page_path(link)?;
    let mut parts = path.split('/');
    while let Some(part) = parts.next() {
        if matches!(part, "video" | "photo" | "v") {
            let digits = parts.next()?;
            // The oldest mobile links end in `<id>.html`.
            return digits.strip_suffix(".html").unwrap_or(digits).parse().ok();
        }
    }
    None
}

/// The handle in the link to a post's page.
pub(super) fn handle_in_link(link: &str) -> Option<&str> {
    page_path(link)?
        .split('/')
        .find_map(|part| part.strip_prefix('@'))
        .filter(|handle| !handle.is_empty())
}

/// Whether the link is one to a photo post; a link to a video proves nothing, photo posts have one too.
pub(super) fn is_photo_link(link: &str) -> bool {
    page_path(link).is_some_and(|path| path.contains("/photo/"))
}

/// The path of a page on TikTok's own hosts; media hosts have paths of the same form.
fn page_path(link: &str) -> Option<&str> {
    let (host, path) = without_query(link).split_once("//")?.1.split_once('/')?;
    let is_page = ["tiktok.com", "tiktokv.com"].iter().any(|name| {
        host.strip_suffix(name)
            .is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
    });
    is_page.then_some(path)
}

fn without_query(link: &str) -> &str {
    link.split(['?', '#']).next().unwrap_or(link)
}

/// A link to a page, without the query, which may tell who shared it.
pub(super) fn page(link: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    Some(match address(link)? {
        Cow::Borrowed(link) => Cow::Borrowed(without_query(link)),
        Cow::Owned(mut link) => {
            link.truncate(without_query(&link).len());
            Cow::Owned(link)
        }
    })
}

/// A web address; anything else, `javascript:` or one with controls in it, is dropped.
pub(super) fn address(link: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    link.filter(|link| link.starts_with("https://") || link.starts_with("http://"))
        .filter(|link| !link.chars().any(|c| c.is_control() || c.is_whitespace()))
}

/// The first address of a `url_list`.
pub(super) fn first_address<'a>(list: &[Value<'a>]) -> Option<Cow<'a, str>> {
    address(list.first()?.text())
}

/// When the post was made: as stated, else as its id tells.
pub(super) fn created(stated: Option<Timestamp>, id: PostId) -> Option<Created> {
    /// 2016-01-01: ids that seem older were given by musical.ly and hold no time.
    const FIRST: i64 = 1_451_606_400;

    if let Some(at) = stated {
        return Some(Created::Stated(at));
    }
    let second = id.upload_second();
    let at = Timestamp::from_second(second).ok()?;
    (second >= FIRST).then_some(Created::FromId(at))
}

/// A time: unix seconds as number or digits, or ISO text, UTC where it names no zone; 0 is none.
pub(super) fn time(value: Option<Value<'_>>) -> Option<Timestamp> {
    let value = value?;
    if let Some(seconds) = value.count() {
        return unix_time(seconds);
    }
    let text = value.text()?;
    text.parse().ok().or_else(|| utc(&text))
}

/// The time so many seconds after 1970; 0 is none.
pub(super) fn unix_time(seconds: u64) -> Option<Timestamp> {
    let at = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    (seconds > 0).then_some(at)
}

/// The time of a text that names no zone, taken as UTC.
pub(super) fn utc(text: &str) -> Option<Timestamp> {
    let civil: civil::DateTime = text.trim().parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Whole seconds of a length; 0 is none.
pub(super) fn seconds(value: Option<Value<'_>>) -> Option<u32> {
    let literal = value?.literal()?;
    let whole = literal
        .split_once('.')
        .map_or(&*literal, |(whole, _)| whole);
    whole.parse().ok().filter(|&seconds| seconds > 0)
}

/// An account's handle. 4CAT writes `REDACTED` where it was told to leave people out.
pub(super) fn handle(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    let text = match text? {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('@')),
        Cow::Owned(text) if text.starts_with('@') => {
            Cow::Owned(text.trim_start_matches('@').to_owned())
        }
        owned @ Cow::Owned(_) => owned,
    };
    (!text.is_empty() && text != "REDACTED").then_some(text)
}

/// A two-letter country code, in capitals.
pub(super) fn region(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    let text = text?;
    if let [b'A'..=b'Z', b'A'..=b'Z'] = text.as_bytes() {
        return Some(text);
    }
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    Some(if text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        text
    } else {
        Cow::Owned(text.to_ascii_uppercase())
    })
}

/// A language code; `un` is TikTok's word for "not known".
pub(super) fn language(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty() && text != "un")
}

/// The sound, if anything is known of it. An id that is not all digits went through a float.
pub(super) fn music<'a>(
    id: Option<Value<'a>>,
    title: Option<Cow<'a, str>>,
    author: Option<Cow<'a, str>>,
) -> Option<Music<'a>> {
    let music = Music {
        id: id
            .and_then(Value::literal)
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())),
        title: title.filter(|text| !text.is_empty()),
        author: author.filter(|text| !text.is_empty()),
    };
    (music != Music::default()).then_some(music)
}

/// `true`, `True`, `yes` and `1`, or their opposites.
pub(super) fn yes_or_no(value: Option<Value<'_>>) -> Option<bool> {
    let value = value?;
    value.flag().or_else(|| {
        let word = value.literal()?;
        let is_one_of = |words: [&str; 3]| words.iter().any(|it| word.eq_ignore_ascii_case(it));
        if is_one_of(["true", "yes", "1"]) {
            Some(true)
        } else {
            is_one_of(["false", "no", "0"]).then_some(false)
        }
    })
}

/// A hashtag of a source's list, without `#`; `None` for empty names and for mentions among the tags.
#[inline]
pub(super) fn tag(name: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(spelling(name)),
        Cow::Owned(name) => match spelling(&name) {
            bare if bare.len() == name.len() => Cow::Owned(name),
            bare => Cow::Owned(bare.to_owned()),
        },
    };
    (!matches!(name.as_bytes(), [] | [b'@', ..])).then_some(name)
}

/// The hashtags of an array of objects that name them under `key`.
pub(super) fn tags_under<'a>(entries: Vec<Value<'a>>, key: &str) -> Vec<Cow<'a, str>> {
    entries
        .into_iter()
        .filter_map(|entry| tag(entry.member(key)?.text()?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InvalidPostId;

    fn id(json: &str) -> Result<u64, Unreadable> {
        let fields = Fields::parse(json).unwrap();
        post_id(&fields, fields.get("id")).map(PostId::get)
    }

    #[test]
    fn ids_are_taken_as_they_stand() {
        for json in [
            r#"{"id":"7189254512345678901"}"#,
            r#"{"id":7189254512345678901}"#,
            r#"{"id":" 7189254512345678901 ","webVideoUrl":"https://www.tiktok.com/@a/video/7000000000000000001"}"#,
        ] {
            assert_eq!(id(json), Ok(7_189_254_512_345_678_901), "{json}");
        }
        assert_eq!(
            id(r#"{"id":"7189254512345670000"}"#),
            Ok(7_189_254_512_345_670_000)
        );
    }

    #[test]
    fn missing_and_destroyed_ids_come_from_the_link() {
        for json in [
            r#"{"webVideoUrl":"https://www.tiktok.com/@a.b/video/7189254512345678901"}"#,
            r#"{"id":"","tiktok_url":"https://tiktok.com/@a/photo/7189254512345678901?lang=en"}"#,
            r#"{"id":"7.18925451234568E+18","webpage_url":"https://m.tiktok.com/v/7189254512345678901.html"}"#,
            r#"{"id":7.18925451234568e18,"url":"https://www.tiktokv.com/share/video/7189254512345678901/"}"#,
            r#"{"id":"7189254512345680000","webVideoUrl":"https://www.tiktok.com/@/video/7189254512345678901"}"#,
            r#"{"id":7189254512345679000,"webVideoUrl":"https://www.tiktok.com/@/video/7189254512345678901"}"#,
            r#"{"id":7189254512345678848,"webVideoUrl":"https://www.tiktok.com/@/video/7189254512345678901"}"#,
        ] {
            assert_eq!(id(json), Ok(7_189_254_512_345_678_901), "{json}");
        }
    }

    #[test]
    fn posts_with_ids_that_a_spreadsheet_rounded_were_taken_for_one() {
        let row = |json: &str| {
            let fields = Fields::parse(json).unwrap();
            row_id(&fields, fields.get("id")).map(PostId::get)
        };
        let rounded = 7_189_254_512_345_670_000;
        for json in [
            r#"{"id":"7189254512345670000"}"#,
            r#"{"id":"7189254512345670000","url":"https://vm.tiktok.com/ZM1/"}"#,
        ] {
            let error = row(json).unwrap_err();
            assert!(matches!(error, Unreadable::RoundedId(id) if id.get() == rounded));
            assert!(error.to_string().contains("7189254512345670000"), "{error}");
        }
        assert_eq!(
            row(
                r#"{"id":"7189254512345670000","url":"https://www.tiktok.com/@a/video/7189254512345670000"}"#
            ),
            Ok(rounded)
        );
        assert_eq!(
            row(
                r#"{"id":"7189254512345670000","url":"https://www.tiktok.com/@a/video/7189254512345678901"}"#
            ),
            Ok(7_189_254_512_345_678_901)
        );
        assert_eq!(
            row(r#"{"id":"7189254512345671000"}"#),
            Ok(7_189_254_512_345_671_000)
        );
    }

    #[test]
    fn destroyed_ids_without_a_link_are_refused() {
        let float = Err(Unreadable::Id(InvalidPostId::Float));
        assert_eq!(id(r#"{"id":7.5e18}"#), float);
        assert_eq!(id(r#"{"id":"7,52056E+18"}"#), float);
        assert_eq!(id(r#"{"id":"7189254512345678901.0"}"#), float);
        assert_eq!(
            id(r#"{"id":"abc","url":"https://vm.tiktok.com/ZM123/"}"#),
            Err(Unreadable::Id(InvalidPostId::NotANumber))
        );
        assert_eq!(
            id(r#"{"url":"https://v16.tiktokcdn.com/video/7189254512345678901"}"#),
            Err(Unreadable::NoId)
        );
        assert_eq!(
            id(r#"{"url":"https://nottiktok.com/@a/video/7189254512345678901"}"#),
            Err(Unreadable::NoId)
        );
    }

    #[test]
    fn times_are_read_in_every_dress() {
        for json in [
            r#"{"t":1682184229}"#,
            r#"{"t":"1682184229"}"#,
            r#"{"t":"1682184229.0"}"#,
            r#"{"t":"2023-04-22T17:23:49.000Z"}"#,
            r#"{"t":"2023-04-22 17:23:49"}"#,
            r#"{"t":"2023-04-22T19:23:49+02:00"}"#,
        ] {
            let fields = Fields::parse(json).unwrap();
            assert_eq!(
                time(fields.get("t")).unwrap().as_second(),
                1_682_184_229,
                "{json}"
            );
        }
        for json in [
            r#"{"t":0}"#,
            r#"{"t":""}"#,
            r#"{"t":-5}"#,
            r#"{"t":99999999999999}"#,
            r#"{"t":"soon"}"#,
        ] {
            assert_eq!(time(Fields::parse(json).unwrap().get("t")), None, "{json}");
        }
    }

    #[test]
    fn an_untold_time_comes_from_the_id_and_says_so() {
        let id = "7224926193940778283".parse().unwrap();
        assert_eq!(
            created(None, id),
            Some(Created::FromId(
                Timestamp::from_second(1_682_184_216).unwrap()
            ))
        );
        let musically = "224254190641078272".parse().unwrap();
        assert_eq!(
            created(None, musically),
            None,
            "1971 is not when it was made"
        );
    }

    #[test]
    fn small_texts_are_believed_only_in_their_shape() {
        let some = |text: &'static str| Some(Cow::Borrowed(text));
        assert_eq!(region(some("gb")).unwrap(), "GB");
        assert_eq!((region(some("6252001")), region(some("é"))), (None, None));
        assert_eq!(
            (language(some("un")), language(some("tr")).as_deref()),
            (None, Some("tr"))
        );
        assert_eq!(
            (handle(some("REDACTED")), handle(some("@a.b")).as_deref()),
            (None, Some("a.b"))
        );
        assert_eq!(
            page(some("https://www.tiktok.com/@a/video/1?u_code=x&_d=y")).unwrap(),
            "https://www.tiktok.com/@a/video/1"
        );
        assert_eq!(page(some("javascript:alert(1)")), None);
        assert_eq!(
            handle_in_link("https://www.tiktok.com/@a.b/video/1"),
            Some("a.b")
        );
        assert_eq!(handle_in_link("https://www.tiktok.com/@/video/1"), None);
        for (name, kept) in [
            ("#London ", Some("London")),
            ("", None),
            ("@This Is Why I’m Fit Official", None),
        ] {
            assert_eq!(tag(Cow::Borrowed(name)).as_deref(), kept);
            assert_eq!(tag(Cow::Owned(name.to_owned())).as_deref(), kept);
        }
    }
}
