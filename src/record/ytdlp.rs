//! yt-dlp's `.info.json`, or the same fields as people collect them.

use std::borrow::Cow;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::Unreadable;
use super::values::{
    address, created, handle, handle_in_link, is_photo_link, music, page, post_id, seconds, time,
};
use crate::json::Fields;
use crate::model::{Counts, Created, Format, Kind, Post, PostId};

pub(super) fn read<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let id = post_id(fields, fields.get("id"))?;
    let link = fields.filled("webpage_url");
    let kind = kind(fields, link.as_deref());

    Ok(Post {
        author: handle(fields.text("uploader"))
            .or_else(|| Some(Cow::Owned(handle_in_link(link.as_deref()?)?.to_owned()))),
        created: created(
            time(fields.get("timestamp")).or_else(|| midnight(fields, id)),
            id,
        ),
        // Not `title`: it is the caption cut short, or words of yt-dlp's own.
        caption: fields.text("description"),
        counts: Counts {
            views: fields.count("view_count"),
            likes: fields.count("like_count"),
            comments: fields.count("comment_count"),
            shares: fields.count("repost_count"),
            saves: fields.count("save_count"),
        },
        music: music(
            None,
            fields.text("track"),
            fields
                .filled("artist")
                .or_else(|| fields.array("artists").first()?.text()),
        ),
        // Of photo posts it is the length of the sound.
        duration: seconds(fields.get("duration")).filter(|_| kind != Some(Kind::Photo)),
        kind,
        page_url: page(link),
        media_url: address(fields.text("url")),
        ..Post::new(id, Format::YtDlp)
    })
}

/// The stated day, where the id, which knows the second, tells of another.
fn midnight(fields: &Fields<'_>, id: PostId) -> Option<Timestamp> {
    let day: civil::Date = fields.filled("upload_date")?.parse().ok()?;
    let by_id =
        created(None, id).map(|created: Created| created.at().to_zoned(TimeZone::UTC).date());
    if by_id == Some(day) {
        return None;
    }
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// TikTok serves no separate sound for videos: where yt-dlp found sound only, it was a photo post.
fn kind(fields: &Fields<'_>, link: Option<&str>) -> Option<Kind> {
    if link.is_some_and(is_photo_link) {
        return Some(Kind::Photo);
    }
    let codec = fields.filled("vcodec")?;
    Some(if codec == "none" {
        Kind::Photo
    } else {
        Kind::Video
    })
}
