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

#[cfg(test)]
mod tests {
    use super::super::post;
    use super::*;

    #[test]
    fn captions_come_from_the_description() {
        let post = post(
            r#"{"id":"7635594949936925974","title":"Everything we know #cut...","description":"Everything we know #whole",
            "webpage_url":"https://www.tiktok.com/@george.d/video/7635594949936925974","uploader_id":"7450787960972362784",
            "duration":59,"timestamp":1777800495,"upload_date":"20260503","view_count":1029,"like_count":78,"comment_count":10,"repost_count":6,
            "track":"Summer song","artists":["Remy Bond"],"extractor":"TikTok"}"#,
        )
        .unwrap();
        assert_eq!(post.caption.as_deref(), Some("Everything we know #whole"));
        assert_eq!(post.author.as_deref(), Some("george.d"), "from the link");
        assert_eq!(post.created.unwrap().at().as_second(), 1_777_800_495);
        assert_eq!((post.counts.shares, post.counts.saves), (Some(6), None));
        assert_eq!((post.duration, post.kind), (Some(59), None));
        assert_eq!(post.music.unwrap().author.unwrap(), "Remy Bond");
        assert!(post.listed_tags.is_empty());
    }

    #[test]
    fn a_post_with_sound_alone_is_a_photo_post() {
        let json = r#"{"id":"7522187609385225494","formats":[{}],"duration":14,"vcodec":"none","url":"https://v77.tiktokcdn-eu.com/x"}"#;
        let sound = post(json).unwrap();
        assert_eq!((sound.kind, sound.duration), (Some(Kind::Photo), None));
        let json = r#"{"id":"7522187609385225494","formats":[{}],"duration":14.0,"vcodec":"h264"}"#;
        let video = post(json).unwrap();
        assert_eq!((video.kind, video.duration), (Some(Kind::Video), Some(14)));
    }

    #[test]
    fn a_day_alone_is_refined_by_the_id_or_believed_over_it() {
        let same =
            post(r#"{"id":"7224926193940778283","formats":[],"upload_date":"20230422"}"#).unwrap();
        assert_eq!(
            same.created,
            Some(Created::FromId("2023-04-22T17:23:36Z".parse().unwrap()))
        );
        let later =
            post(r#"{"id":"7224926193940778283","formats":[],"upload_date":"20230425"}"#).unwrap();
        assert_eq!(
            later.created,
            Some(Created::Stated("2023-04-25T00:00:00Z".parse().unwrap()))
        );
    }
}
