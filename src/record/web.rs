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
    let sound = fields.object("music");

    Ok(Post {
        author: handle(author(fields)),
        created: created(time(fields.get("createTime")), id),
        caption: fields.text("desc"),
        listed_tags: listed_tags(fields),
        counts: counts(fields),
        region: region(fields.text("locationCreated")),
        language: language(fields.text("textLanguage")),
        music: music(
            sound.get("id"),
            sound.text("title"),
            sound.text("authorName"),
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

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::super::post;
    use super::*;
    use crate::model::{Created, Music};

    #[test]
    fn an_item_of_the_api_says_everything() {
        let post = post(
            r#"{"id":"7448222677682146582","desc":"look #Sürpriz #fyp","createTime":1734174484,
            "author":{"id":"6592990126422245382","uniqueId":"ramz.a","nickname":"R"},
            "textExtra":[{"type":1,"hashtagName":"sürpriz","start":5,"end":13},{"type":0,"hashtagName":"","userUniqueId":"b"},{"type":1,"hashtagName":"fyp"},{"type":1,"hashtagName":"fyp"}],
            "challenges":[{"id":"1","title":"Sürpriz"},{"id":"2","title":"hidden"}],
            "stats":{"playCount":6000000,"diggCount":128900,"commentCount":2895,"shareCount":24300,"collectCount":10000},
            "statsV2":{"playCount":"5971604","diggCount":"128925","commentCount":"2895","shareCount":"","collectCount":"10012"},
            "locationCreated":"TR","textLanguage":"tr","isAd":false,"adAuthorization":false,
            "music":{"id":"7382504724610370337","title":"sonido original","authorName":"R"},
            "video":{"id":"","duration":56,"downloadAddr":"","playAddr":"https://v77.tiktokcdn.com/x?a=1"}}"#,
        )
        .unwrap();
        assert_eq!(
            post,
            Post {
                author: Some("ramz.a".into()),
                created: Some(Created::Stated("2024-12-14T11:08:04Z".parse().unwrap())),
                caption: Some("look #Sürpriz #fyp".into()),
                listed_tags: vec!["sürpriz".into(), "fyp".into(), "fyp".into()],
                counts: Counts {
                    views: Some(5_971_604),
                    likes: Some(128_925),
                    comments: Some(2895),
                    shares: Some(24_300),
                    saves: Some(10_012),
                },
                region: Some("TR".into()),
                language: Some("tr".into()),
                music: Some(Music {
                    id: Some("7382504724610370337".into()),
                    title: Some("sonido original".into()),
                    author: Some("R".into()),
                }),
                duration: Some(56),
                kind: Some(Kind::Video),
                media_url: Some("https://v77.tiktokcdn.com/x?a=1".into()),
                ad: Some(false),
                ..Post::new("7448222677682146582".parse().unwrap(), Format::Web)
            }
        );
        assert_eq!(
            post.link(),
            "https://www.tiktok.com/@ramz.a/video/7448222677682146582"
        );
    }

    #[test]
    fn page_state_has_strings_where_the_api_has_objects_and_numbers() {
        let post = post(
            r#"{"id":"7278751584643714347","desc":"","createTime":"1694716425","author":"thenikosknifee","nickname":"N",
            "video":{"duration":89},"stats":{"playCount":25900,"collectCount":"130","shareCount":-1}}"#,
        )
        .unwrap();
        assert_eq!(post.author.unwrap(), "thenikosknifee");
        assert_eq!(post.created.unwrap().at().as_second(), 1_694_716_425);
        assert_eq!(
            post.caption.unwrap(),
            "",
            "an empty caption is not an unknown one"
        );
        assert_eq!(
            (post.counts.saves, post.counts.shares, post.counts.likes),
            (Some(130), None, None)
        );
        assert_eq!((post.ad, post.region, post.music), (None, None, None));
    }

    #[test]
    fn photo_posts_have_no_length() {
        let post = post(
            r#"{"id":"7522187609385225494","desc":"","createTime":1751395787,"video":{"duration":0},"music":{"duration":14},
            "imagePost":{"images":[{"imageURL":{"urlList":["https://p16.tiktokcdn.com/1.jpeg","https://p19"]}}]}}"#,
        )
        .unwrap();
        assert_eq!((post.kind, post.duration), (Some(Kind::Photo), None));
        assert_eq!(post.media_url.unwrap(), "https://p16.tiktokcdn.com/1.jpeg");
    }

    #[test]
    fn tags_come_from_the_first_list_that_has_any() {
        let tags = |json| post(json).unwrap().listed_tags;
        let mention = r#"{"id":"1","createTime":5,"desc":"","textExtra":[{"hashtagName":""}],"challenges":[{"title":"HandWash"},{"title":""}],"contents":[{"textExtra":[{"hashtagName":"c"}]}]}"#;
        assert_eq!(tags(mention), ["HandWash"]);
        let long = r#"{"id":"1","createTime":5,"desc":"","textExtra":null,"contents":[{"desc":"a","textExtra":null},{"textExtra":[{"hashtagName":"c"},{"hashtagName":"d"}]}]}"#;
        assert_eq!(tags(long), ["c", "d"]);
        assert!(tags(r#"{"id":"1","createTime":5,"desc":"","textExtra":[]}"#).is_empty());
    }

    #[test]
    fn the_author_may_stand_beside_the_item_or_be_redacted() {
        let author = |json| post(json).unwrap().author;
        assert_eq!(
            author(r#"{"id":"1","createTime":5,"desc":"","user":"x.y"}"#).unwrap(),
            "x.y"
        );
        assert_eq!(
            author(r#"{"id":"1","createTime":5,"desc":"","author":"REDACTED"}"#),
            None
        );
        assert_eq!(
            author(r#"{"id":"1","createTime":5,"desc":"","author":{}}"#),
            None
        );
    }

    #[test]
    fn paid_partnerships_are_advertising() {
        let ad = |json| post(json).unwrap().ad;
        assert_eq!(
            ad(r#"{"id":"1","createTime":5,"desc":"","isAd":false,"adAuthorization":true}"#),
            Some(true)
        );
        assert_eq!(
            ad(r#"{"id":"1","createTime":5,"desc":"","adAuthorization":false}"#),
            None
        );
    }

    #[test]
    fn a_missing_time_is_read_off_the_id() {
        let post = post(r#"{"id":"7224926193940778283","desc":"","video":{}}"#).unwrap();
        assert_eq!(
            post.created,
            Some(Created::FromId("2023-04-22T17:23:36Z".parse().unwrap()))
        );
    }
}
