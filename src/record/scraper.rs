//! tiktok-scraper's post and Apify's, which took over its field names, as JSON and as table rows.

use std::borrow::Cow;

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{
    address, created, handle, handle_in_link, is_photo_link, language, music, page, post_id,
    region, row_id, seconds, tag, tags_under, time, yes_or_no,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Format, Kind, Post};

/// Reads [`Format::Scraper`], [`Format::ScraperCsv`], [`Format::Apify`] and [`Format::ApifyCsv`].
pub(super) fn read<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    if let Some(reason) = failure(fields) {
        return Err(Unreadable::Failed(reason));
    }
    let read_id = if format.is_table() { row_id } else { post_id };
    let id = read_id(fields, fields.get("id"))?;
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

#[cfg(test)]
mod tests {
    use super::super::post;
    use super::*;
    use crate::model::{Created, InvalidPostId, PostId};

    fn failed(json: &'static str) -> String {
        post(json).unwrap_err().to_string()
    }

    #[test]
    fn tiktok_scraper_json() {
        let post = post(
            r##"{"id":"6911379416308305158","secretID":"awesome","text":"#a @hannah.s","createTime":1609180933,
            "authorMeta":{"id":"6744808547165799429","name":"thebigbradwolf","nickName":"B"},
            "musicMeta":{"musicId":"6911379433966357253","musicName":"original sound","musicAuthor":"B"},
            "webVideoUrl":"https://www.tiktok.com/@thebigbradwolf/video/6911379416308305158","videoUrl":"https://v16-web.tiktok.com/x",
            "videoMeta":{"duration":17},"diggCount":4165,"shareCount":117,"playCount":18800,"commentCount":58,"mentions":["@hannah"],
            "hashtags":[{"id":"1","name":"anime","title":"t","cover":[]},{"name":"anime"},{"name":""}]}"##,
        )
        .unwrap();
        assert_eq!(post.format, Format::Scraper);
        assert_eq!(post.listed_tags, ["anime", "anime"]);
        assert_eq!(
            (post.author.as_deref(), post.duration),
            (Some("thebigbradwolf"), Some(17))
        );
        assert_eq!((post.counts.views, post.counts.saves), (Some(18800), None));
        assert_eq!(post.music.unwrap().title.unwrap(), "original sound");
        assert_eq!(
            (post.region, post.language, post.ad, post.kind),
            (None, None, None, None)
        );
    }

    #[test]
    fn tiktok_scraper_tables_have_json_in_cells() {
        let post = post(
            r#"{"id":"6911379416308305158","secretID":"1","text":"","createTime":"1609180933","authorMeta.secUid":"M","authorMeta.name":"a",
            "musicMeta.musicId":"5","videoMeta.duration":"9","playCount":"7",
            "hashtags":"[{\"id\":\"1\",\"name\":\"हिन्दी\",\"title\":\"\",\"cover\":\"\"},{\"id\":\"2\",\"name\":\"b\"}]"}"#,
        )
        .unwrap();
        assert_eq!(post.format, Format::ScraperCsv);
        assert_eq!(post.listed_tags, ["हिन्दी", "b"]);
        assert_eq!(
            (post.author.as_deref(), post.duration),
            (Some("a"), Some(9))
        );
        assert_eq!(post.music.unwrap().id.unwrap(), "5");
    }

    #[test]
    fn the_table_of_2020_has_no_handle_and_no_tags() {
        let post = post(
            r#"{"id":"6782000000000000001","text":"x","createTime":"1579000000","authorId":"5","musicId":"6","videoUrl":"","diggCount":"1","shareCount":"","commentCount":"3"}"#,
        )
        .unwrap();
        assert_eq!(
            (
                post.author,
                post.counts.likes,
                post.counts.shares,
                post.counts.views
            ),
            (None, Some(1), None, None)
        );
        assert_eq!(post.music.unwrap().id.unwrap(), "6");
    }

    #[test]
    fn apify_lists_mentions_and_nothing_among_its_hashtags() {
        let post = post(
            r#"{"id":"7224926193940778283","text":"a\u2028b","textLanguage":"un","createTime":1682184229,"createTimeISO":"2023-04-22T17:23:49.000Z",
            "isAd":false,"isSponsored":true,"authorMeta":{"name":"kings"},"musicMeta":{"musicName":"S"},"videoMeta":{"duration":0,"downloadAddr":"https://api.apify.com/v2/x"},
            "webVideoUrl":"https://www.tiktok.com/@kings/video/7224926193940778283","collectCount":387400,"isSlideshow":true,"locationCreated":"",
            "hashtags":[{"name":""},{"name":"@This Is Why I’m Fit Official"},{"id":"1","name":"Gym"}],"searchHashtag":{"name":"fit","views":"3401.2B"}}"#,
        )
        .unwrap();
        assert_eq!(
            (post.format, post.listed_tags),
            (Format::Apify, vec!["Gym".into()])
        );
        assert_eq!((post.language, post.region), (None, None));
        assert_eq!(
            (post.kind, post.duration, post.ad),
            (Some(Kind::Photo), None, Some(true))
        );
        assert_eq!(post.counts.saves, Some(387_400));
        assert_eq!(post.media_url.unwrap(), "https://api.apify.com/v2/x");
    }

    #[test]
    fn the_overview_has_its_id_in_the_link_alone() {
        let post = post(
            r#"{"authorMeta.name":"nicci","text":"x","playCount":71500,"videoMeta.duration":43,"musicMeta.musicName":"H",
            "createTimeISO":"2025-01-05T16:41:18.000Z","webVideoUrl":"https://www.tiktok.com/@nicci/video/7456472000000000001?lang=en"}"#,
        )
        .unwrap();
        assert_eq!(post.id.get(), 7_456_472_000_000_000_001);
        assert_eq!(
            (post.format, post.author.as_deref()),
            (Format::Apify, Some("nicci"))
        );
        assert_eq!(
            post.created,
            Some(Created::Stated("2025-01-05T16:41:18Z".parse().unwrap()))
        );
        assert_eq!(
            post.page_url.unwrap(),
            "https://www.tiktok.com/@nicci/video/7456472000000000001"
        );
        assert_eq!(
            (post.duration, post.music.unwrap().title.unwrap()),
            (Some(43), "H".into())
        );
    }

    #[test]
    fn apify_tables_have_a_group_of_columns_for_each_hashtag() {
        let post = post(
            r#"{"authorMeta/name":"a","authorMeta/region":"VN","hashtags/0/name":"phuquy","hashtags/0/title":"no","hashtags/1/name":"@x","hashtags/10/name":"last","hashtags/2/name":"two",
            "hashtags/3/name":"","isAd":"true","isSlideshow":"false","mediaUrls/0":"https://m/1","videoMeta/duration":"12","playCount":"","webVideoUrl":"https://www.tiktok.com/@a/photo/7456472000000000001"}"#,
        )
        .unwrap();
        assert_eq!(post.format, Format::ApifyCsv);
        assert_eq!(post.listed_tags, ["phuquy", "two", "last"]);
        assert!(
            matches!(post.created, Some(Created::FromId(_))),
            "chosen columns: no time at all"
        );
        assert_eq!(
            (post.kind, post.duration),
            (Some(Kind::Photo), None),
            "the link says photo"
        );
        assert_eq!(
            (post.ad, post.counts.views, post.region.as_deref()),
            (Some(true), None, Some("VN"))
        );
        assert_eq!(post.media_url.unwrap(), "https://m/1");
    }

    #[test]
    fn error_rows_are_no_posts_though_they_link_to_one() {
        let json = r#"{"url":"https://www.tiktok.com/@x/video/7456472000000000001","error":"Post not found\nor private","errorCode":"NOT_FOUND"}"#;
        assert_eq!(
            failed(json),
            "the tool wrote an error in place of a post: Post not found or private"
        );
        let row = r#"{"authorMeta/name":"","id":"","text":"","errorCode":"404","webVideoUrl":"https://www.tiktok.com/@x/video/7456472000000000001"}"#;
        assert_eq!(
            failed(row),
            "the tool wrote an error in place of a post: 404"
        );
        let fine = r#"{"authorMeta/name":"a","id":"7456472000000000001","text":"","error":"","errorCode":""}"#;
        assert!(
            post(fine).is_ok(),
            "empty columns of a table with errors in other rows"
        );
    }

    #[test]
    fn spreadsheets_destroy_ids_and_links_save_them() {
        let saved = r#"{"id":"7.5205633888087E+018","authorMeta/name":"a","text":"","webVideoUrl":"https://www.tiktok.com/@a/video/7520563388808712345"}"#;
        assert_eq!(post(saved).unwrap().id.get(), 7_520_563_388_808_712_345);
        let zeros = r#"{"id":"7520563388808710000","authorMeta/name":"a","text":"","webVideoUrl":"https://www.tiktok.com/@a/video/7520563388808712345"}"#;
        assert_eq!(post(zeros).unwrap().id.get(), 7_520_563_388_808_712_345);
        let lost = r#"{"id":"7.5205633888087E+018","authorMeta/name":"a","text":""}"#;
        assert_eq!(post(lost), Err(Unreadable::Id(InvalidPostId::Float)));
        let short =
            r#"{"authorMeta/name":"a","text":"","webVideoUrl":"https://vm.tiktok.com/ZMabc/"}"#;
        assert_eq!(
            post(short).map(|post| PostId::get(post.id)),
            Err(Unreadable::NoId)
        );
    }
}
