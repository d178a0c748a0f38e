//! tiktok.com's own item, as its pages and their API carry it and half of all tools save it.

use std::borrow::Cow;

use super::Unreadable;
use super::values::{
    address, created, first_address, handle, language, music, post_id, region, seconds, tags_under,
    time,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Format, Kind, Post};

pub(super) fn read<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let id = post_id(fields, fields.get("id"))?;
    let video = fields.object("video");
    let duration = seconds(video.get("duration"));
    let image_post = fields.get("imagePost");
    let sound = fields.get("music");
    let of_sound = |key| sound.and_then(|sound| sound.member(key));

    Ok(Post {
        author: handle(author(fields)),
        created: created(time(fields.get("createTime")), id),
        caption: fields.text("desc"),
        listed_tags: listed_tags(fields),
        counts: counts(fields),
        region: region(fields.text("locationCreated")),
        language: language(fields.text("textLanguage")),
        music: music(
            of_sound("id"),
            of_sound("title").and_then(Value::text),
            of_sound("authorName").and_then(Value::text),
        ),
        duration: duration.filter(|_| image_post.is_none()),
        kind: match (image_post, duration) {
            (Some(_), _) => Some(Kind::Photo),
            (None, Some(_)) => Some(Kind::Video),
            (None, None) => None,
        },
        media_url: match image_post {
            Some(images) => first_image(images),
            None => address(
                video
                    .filled("downloadAddr")
                    .or_else(|| video.filled("playAddr")),
            ),
        },
        ad: match (fields.flag("isAd"), fields.flag("adAuthorization")) {
            // A paid partnership is advertising too.
            (Some(true), _) | (_, Some(true)) => Some(true),
            (stated, _) => stated,
        },
        ..Post::new(id, Format::Web)
    })
}

/// The handle: page state has it in place of the author object, gallery-dl beside it.
fn author<'a>(fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    let author = fields.get("author");
    author
        .and_then(Value::text)
        .or_else(|| author?.member("uniqueId")?.text())
        .or_else(|| fields.text("user"))
}

/// The list that says what TikTok linked in the caption; where it is missing, the challenges,
/// which can hold hashtags that nobody sees in the caption.
fn listed_tags<'a>(fields: &Fields<'a>) -> Vec<Cow<'a, str>> {
    let linked = tags_under(fields.array("textExtra"), "hashtagName");
    if !linked.is_empty() {
        return linked;
    }
    let challenges = tags_under(fields.array("challenges"), "title");
    if !challenges.is_empty() {
        return challenges;
    }
    fields
        .array("contents")
        .into_iter()
        .filter_map(|content| content.member("textExtra"))
        .flat_map(|extra| tags_under(extra.array(), "hashtagName"))
        .collect()
}

/// `stats` is rounded above 10,000, `statsV2` mostly exact; either may be missing or lack a count.
fn counts(fields: &Fields<'_>) -> Counts {
    let exact = counts_of(&fields.object("statsV2"));
    if exact.views.is_some() && exact.saves.is_some() {
        return exact;
    }
    let rounded = counts_of(&fields.object("stats"));
    Counts {
        views: exact.views.or(rounded.views),
        likes: exact.likes.or(rounded.likes),
        comments: exact.comments.or(rounded.comments),
        shares: exact.shares.or(rounded.shares),
        saves: exact.saves.or(rounded.saves),
    }
}

fn counts_of(stats: &Fields<'_>) -> Counts {
    Counts {
        views: stats.count("playCount"),
        likes: stats.count("diggCount"),
        comments: stats.count("commentCount"),
        shares: stats.count("shareCount"),
        saves: stats.count("collectCount"),
    }
}

fn first_image(images: Value<'_>) -> Option<Cow<'_, str>> {
    let first = images.member("images")?.array().into_iter().next()?;
    first_address(&first.member("imageURL")?.member("urlList")?.array())
}
