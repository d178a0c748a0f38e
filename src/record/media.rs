//! Where a record says that its pictures and its sound lie.

use std::borrow::Cow;

use super::values::address;
use crate::json::{Fields, Value};
use crate::model::Format;

/// Links to a post's media, in the order of the post. Such links expire, and stored ones lack their
/// signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaLinks {
    /// One for each picture of a photo post.
    pub images: Vec<String>,
    /// The sound.
    pub sound: Option<String>,
}

/// The links of a record; empty where its format has none.
pub fn media_links(format: Format, fields: &Fields<'_>) -> MediaLinks {
    match format {
        Format::Web => MediaLinks {
            images: fields
                .object("imagePost")
                .array("images")
                .into_iter()
                .filter_map(|image| first(image.member("imageURL")?.member("urlList")?))
                .collect(),
            sound: link(fields.object("music").text("playUrl")),
        },
        Format::Aweme => MediaLinks {
            images: fields
                .object("image_post_info")
                .array("images")
                .into_iter()
                .filter_map(|image| first(image.member("display_image")?.member("url_list")?))
                .collect(),
            sound: fields
                .object("music")
                .get("play_url")
                .and_then(|play| first(play.member("url_list")?)),
        },
        Format::Apify | Format::Scraper => MediaLinks {
            images: fields
                .array("slideshowImageLinks")
                .into_iter()
                .filter_map(|image| {
                    // The copy in Apify's own storage does not expire.
                    let of = |key| link(image.member(key)?.text());
                    of("downloadLink").or_else(|| of("tiktokLink"))
                })
                .collect(),
            sound: link(fields.object("musicMeta").text("playUrl")),
        },
        _ => MediaLinks::default(),
    }
}

/// The first address of a list of equal ones.
fn first(list: Value<'_>) -> Option<String> {
    list.array()
        .into_iter()
        .find_map(|entry| link(entry.text()))
}

fn link(text: Option<Cow<'_, str>>) -> Option<String> {
    address(text).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(format: Format, json: &str) -> MediaLinks {
        media_links(format, &Fields::parse(json).unwrap())
    }

    #[test]
    fn pictures_and_sound_are_found_in_every_shape() {
        let expected = MediaLinks {
            images: vec!["https://a/1".into(), "https://a/2".into()],
            sound: Some("https://a/s".into()),
        };
        for (format, json) in [
            (
                Format::Web,
                r#"{"imagePost":{"images":[{"imageURL":{"urlList":["https://a/1","https://b/1"]}},{"imageURL":{"urlList":["javascript:x","https://a/2"]}}]},"music":{"playUrl":"https://a/s"}}"#,
            ),
            (
                Format::Aweme,
                r#"{"image_post_info":{"images":[{"display_image":{"url_list":["https://a/1"]}},{"display_image":{"url_list":["https://a/2"]}}]},"music":{"play_url":{"url_list":["https://a/s"]}}}"#,
            ),
            (
                Format::Apify,
                r#"{"slideshowImageLinks":[{"tiktokLink":"https://t/1","downloadLink":"https://a/1"},{"tiktokLink":"https://a/2"}],"musicMeta":{"playUrl":"https://a/s"}}"#,
            ),
        ] {
            assert_eq!(links(format, json), expected, "{format:?}");
        }
    }

    #[test]
    fn what_is_no_web_address_is_no_link() {
        let json = r#"{"imagePost":{"images":[{"imageURL":{"urlList":["file:///etc/passwd"]}},5,null]},"music":"x"}"#;
        assert_eq!(links(Format::Web, json), MediaLinks::default());
        assert_eq!(links(Format::Research, json), MediaLinks::default());
    }
}
