//! The item of TikTok's app, as many services resell it.

use std::borrow::Cow;

use super::Unreadable;
use super::values::{
    created, first_address, handle, language, music, page, post_id, region, tags_under, time,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Format, Kind, Post};

pub(super) fn read<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let id = post_id(fields, fields.get("aweme_id"))?;
    let statistics = fields.object("statistics");
    let video = fields.object("video");
    let sound = fields.object("music");
    let is_photo = fields.get("image_post_info").is_some();
    let duration = video.count("duration").and_then(whole_seconds);

    Ok(Post {
        author: handle(
            fields
                .get("author")
                .and_then(|author| author.member("unique_id")?.text()),
        ),
        created: created(time(fields.get("create_time")), id),
        caption: fields.text("desc"),
        listed_tags: listed_tags(fields),
        counts: Counts {
            views: statistics.count("play_count"),
            likes: statistics.count("digg_count"),
            comments: statistics.count("comment_count"),
            shares: statistics.count("share_count"),
            saves: statistics.count("collect_count"),
        },
        region: region(fields.text("region")),
        language: language(fields.text("desc_language")),
        music: music(
            sound.get("id_str").or_else(|| sound.get("id")),
            sound.text("title"),
            sound.text("author"),
        ),
        duration: duration.filter(|_| !is_photo),
        kind: match (is_photo, duration) {
            (true, _) => Some(Kind::Photo),
            (false, Some(_)) => Some(Kind::Video),
            (false, None) => None,
        },
        page_url: page(fields.text("share_url")),
        media_url: media(&video),
        ad: fields.flag("is_ads"),
        ..Post::new(id, Format::Aweme)
    })
}

fn listed_tags<'a>(fields: &Fields<'a>) -> Vec<Cow<'a, str>> {
    let linked = tags_under(fields.array("text_extra"), "hashtag_name");
    if linked.is_empty() {
        tags_under(fields.array("cha_list"), "cha_name")
    } else {
        linked
    }
}

/// The app gives milliseconds.
fn whole_seconds(milliseconds: u64) -> Option<u32> {
    let seconds = milliseconds.checked_add(500)? / 1000;
    u32::try_from(seconds).ok().filter(|&seconds| seconds > 0)
}

fn media<'a>(video: &Fields<'a>) -> Option<Cow<'a, str>> {
    ["download_addr", "play_addr"].iter().find_map(|key| {
        let list: Vec<Value<'a>> = video.get(key)?.member("url_list")?.array();
        first_address(&list)
    })
}

#[cfg(test)]
mod tests {
    use super::super::post;
    use super::*;

    #[test]
    fn the_app_counts_in_milliseconds() {
        let post = post(
            r##"{"aweme_id":"6737721796629499142","desc":"#TikTokDeportes","create_time":1568748106,"author":{"uid":"6693","unique_id":"realmadrid"},
            "text_extra":[{"hashtag_name":"tiktokdeportes"},{"user_id":"5","hashtag_name":""}],"cha_list":[{"cha_name":"Other"}],"region":"ES","desc_language":"un",
            "statistics":{"play_count":5,"digg_count":4,"comment_count":3,"share_count":2,"collect_count":1},
            "music":{"id":224254190641078272,"id_str":"224254190641078272","title":"Slow Motion","author":"Trey Songz"},
            "video":{"duration":8820,"download_addr":{"url_list":["https://v16/x"]}},"share_url":"https://m.tiktok.com/v/6737721796629499142.html?u_code=d0","is_ads":false}"##,
        )
        .unwrap();
        assert_eq!(
            (post.duration, post.kind, post.ad),
            (Some(9), Some(Kind::Video), Some(false))
        );
        assert_eq!(post.listed_tags, ["tiktokdeportes"]);
        assert_eq!(
            (
                post.author.as_deref(),
                post.region.as_deref(),
                post.language
            ),
            (Some("realmadrid"), Some("ES"), None)
        );
        assert_eq!((post.counts.views, post.counts.saves), (Some(5), Some(1)));
        assert_eq!(post.music.unwrap().id.unwrap(), "224254190641078272");
        assert_eq!(
            post.page_url.unwrap(),
            "https://m.tiktok.com/v/6737721796629499142.html",
            "who shared it is cut off"
        );
        assert_eq!(post.media_url.unwrap(), "https://v16/x");
    }

    #[test]
    fn the_second_list_stands_in_for_the_first() {
        let post = post(r#"{"aweme_id":"1","text_extra":null,"cha_list":[{"cha_name":"Other"}],"image_post_info":{},"video":{"duration":0}}"#).unwrap();
        assert_eq!(
            (post.listed_tags, post.kind),
            (vec!["Other".into()], Some(Kind::Photo))
        );
        assert_eq!(post.created, None);
    }
}
