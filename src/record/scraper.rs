//! tiktok-scraper's post and Apify's, which took over its field names, as JSON and as table rows.

use std::borrow::Cow;

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{
    address, created, handle, handle_in_link, is_photo_link, language, music, page, post_id,
    region, seconds, tag, tags_under, time, yes_or_no,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Format, Kind, Post};

/// Reads [`Format::Scraper`], [`Format::ScraperCsv`], [`Format::Apify`] and [`Format::ApifyCsv`].
pub(super) fn read<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    if let Some(reason) = failure(fields) {
        return Err(Unreadable::Failed(reason));
    }
    let id = post_id(fields, fields.get("id"))?;
    let author = Group::of(fields, "authorMeta");
    let sound = Group::of(fields, "musicMeta");
    let video = Group::of(fields, "videoMeta");
    let link = fields.filled("webVideoUrl");
    let kind = kind(fields, link.as_deref());

    Ok(Post {
        author: handle(author.text("name"))
            .or_else(|| Some(Cow::Owned(handle_in_link(link.as_deref()?)?.to_owned()))),
        created: created(
            time(fields.get("createTime")).or_else(|| time(fields.get("createTimeISO"))),
            id,
        ),
        caption: fields.text("text"),
        listed_tags: listed_tags(fields),
        counts: Counts {
            views: fields.count("playCount"),
            likes: fields.count("diggCount"),
            comments: fields.count("commentCount"),
            shares: fields.count("shareCount"),
            saves: fields.count("collectCount"),
        },
        region: region(fields.text("locationCreated")).or_else(|| region(author.text("region"))),
        language: language(fields.text("textLanguage")),
        music: music(
            sound.get("musicId").or_else(|| fields.get("musicId")),
            sound.text("musicName"),
            sound.text("musicAuthor"),
        ),
        duration: seconds(video.get("duration")).filter(|_| kind != Some(Kind::Photo)),
        kind,
        page_url: page(link),
        media_url: address(
            fields
                .filled("videoUrl")
                .or_else(|| fields.get("mediaUrls")?.array().first()?.text())
                .or_else(|| fields.flattened("mediaUrls", "0")?.text())
                .or_else(|| video.text("downloadAddr")),
        ),
        ad: match (
            yes_or_no(fields.get("isAd")),
            yes_or_no(fields.get("isSponsored")),
        ) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (stated, _) => stated,
        },
        ..Post::new(id, format)
    })
}

/// Why Apify got no post, where the row is about that. Such a row can hold the link to the post,
/// which must not turn it into an empty post.
fn failure(fields: &Fields<'_>) -> Option<String> {
    /// Enough to know the reason; the text is foreign and may be a whole page.
    const LONGEST: usize = 200;

    let reason = fields
        .literal("error")
        .or_else(|| fields.literal("errorCode"))?;
    let is_post = fields.literal("id").is_some() && fields.has("text");
    (!is_post).then(|| {
        reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(LONGEST)
            .collect()
    })
}

fn kind(fields: &Fields<'_>, link: Option<&str>) -> Option<Kind> {
    match yes_or_no(fields.get("isSlideshow")) {
        Some(true) => Some(Kind::Photo),
        _ if link.is_some_and(is_photo_link) => Some(Kind::Photo),
        Some(false) => Some(Kind::Video),
        None => None,
    }
}

/// `hashtags` is an array, or in tiktok-scraper's tables its JSON in a cell, or in Apify's tables
/// one group of columns for each position.
fn listed_tags<'a>(fields: &Fields<'a>) -> Vec<Cow<'a, str>> {
    if let Some(hashtags) = fields.get("hashtags") {
        return match hashtags.text() {
            Some(cell) => tags_in_cell(cell),
            None => tags_under(hashtags.array(), "name"),
        };
    }
    let mut columns: Vec<(u32, Value<'a>)> = fields
        .iter()
        .filter_map(|(key, value)| {
            let (position, name) = key.strip_prefix("hashtags/")?.split_once('/')?;
            (name == "name").then_some((position.parse().ok()?, value))
        })
        .collect();
    columns.sort_by_key(|(position, _)| *position);
    columns
        .into_iter()
        .filter_map(|(_, name)| tag(name.text()?))
        .collect()
}

/// A nested object, or the columns that it was flattened into.
enum Group<'f, 'a> {
    Object(Fields<'a>),
    Columns(&'f Fields<'a>, &'static str),
}

impl<'f, 'a> Group<'f, 'a> {
    fn of(fields: &'f Fields<'a>, name: &'static str) -> Self {
        match fields.get(name).and_then(Value::object) {
            Some(object) => Self::Object(object),
            None => Self::Columns(fields, name),
        }
    }

    fn get(&self, key: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(fields) => fields.get(key),
            Self::Columns(fields, name) => fields.flattened(name, key),
        }
    }

    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }
}
