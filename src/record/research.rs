//! The Research API's video object, and the tables that its clients make of it.

use std::borrow::Cow;

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{Cells, created, handle, music, post_id, region, row_id, seconds, tag, time};
use crate::json::{Fields, Value, Wanted};
use crate::model::{Counts, Format, Post};

/// Reads [`Format::Research`], [`Format::ResearchCsv`] and traktok's table of the same fields.
pub(super) fn read<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let outline = read_outline(format, fields)?;
    let cells = Cells::of(format, fields);
    Ok(Post {
        counts: Counts {
            likes: fields.count("like_count"),
            comments: fields.count("comment_count"),
            shares: fields.count("share_count"),
            saves: fields
                .count("favourites_count")
                .or_else(|| fields.count("favorites_count")),
            ..outline.counts
        },
        music: music(cells.get("music_id"), None, None),
        duration: seconds(fields.get("video_duration")),
        ..outline
    })
}

/// As [`read`], without likes, comments, shares, saves, sound and length.
pub(super) fn read_outline<'a>(
    format: Format,
    fields: &Fields<'a>,
) -> Result<Post<'a>, Unreadable> {
    let [
        id,
        video_id,
        username,
        author_name,
        create_time,
        description,
        tags,
        views,
        region_code,
    ] = fields
        .pick(&PARTS)
        .map(|value| value.filter(|value| !value.is_null()));
    let cells = Cells::of(format, fields);
    let cell = |value: Option<Value<'a>>| cells.filled(value?);
    let text = |value: Option<Value<'a>>| cell(value)?.text();
    let read_id = if format.is_table() { row_id } else { post_id };
    let id = read_id(fields, cell(id).or_else(|| cell(video_id)))?;

    Ok(Post {
        author: handle(text(username).or_else(|| text(author_name))),
        created: created(time(cell(create_time)), id),
        caption: if format == Format::TraktokCsv {
            text(description)
        } else {
            description.and_then(Value::text)
        },
        // Never `hashtag_info_list`: for months of 2025 it belonged to other posts.
        listed_tags: cell(tags).map(listed_tags).unwrap_or_default(),
        counts: Counts {
            views: views.and_then(Value::count),
            ..Counts::default()
        },
        region: region(text(region_code)),
        ..Post::new(id, format)
    })
}

/// What an outline is read from.
static PARTS: Wanted<9> = Wanted::new([
    "id",
    "video_id",
    "username",
    "author_name",
    "create_time",
    "video_description",
    "hashtag_names",
    "view_count",
    "region_code",
]);

fn listed_tags(names: Value<'_>) -> Vec<Cow<'_, str>> {
    match names.text() {
        Some(cell) => tags_in_cell(cell),
        None => {
            let names = names.array();
            let mut tags = Vec::with_capacity(names.len());
            tags.extend(names.into_iter().filter_map(|name| tag(name.text()?)));
            tags
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::post;
    use super::*;
    use crate::model::InvalidPostId;

    #[test]
    fn ids_above_2_to_53_stay_whole() {
        let post = post(
            r##"{"is_stem_verified":false,"music_id":7455843307156359969,"region_code":"GB","video_duration":60,
            "comment_count":0,"hashtag_info_list":[{"hashtag_name":"Chicken"}],"hashtag_names":["family","HandWash"],
            "username":"a9w\u0000\u0000al","id":7455843246682524961,"video_description":"#fyp","create_time":1735948798,
            "like_count":42,"view_count":1363,"favorites_count":7}"##,
        )
        .unwrap();
        assert_eq!(post.id.get(), 7_455_843_246_682_524_961);
        assert_eq!(
            post.author.as_deref(),
            Some("a9wal"),
            "NUL characters are dropped"
        );
        assert_eq!(
            post.listed_tags,
            ["family", "HandWash"],
            "never hashtag_info_list"
        );
        assert_eq!(post.created.unwrap().at().as_second(), 1_735_948_798);
        assert_eq!(
            post.music.clone().unwrap().id.unwrap(),
            "7455843307156359969"
        );
        assert_eq!(
            (post.counts.comments, post.counts.shares, post.counts.saves),
            (Some(0), None, Some(7)),
            "missing is not zero"
        );
        assert_eq!(
            (post.duration, post.kind, post.format),
            (Some(60), None, Format::Research)
        );
        assert_eq!(
            post.link(),
            "https://www.tiktok.com/@a9wal/video/7455843246682524961"
        );
    }

    #[test]
    fn few_fields_are_enough() {
        let post =
            post(r#"{"id":7455843246682524961,"username":"x","create_time":1735948798}"#).unwrap();
        assert!(post.listed_tags.is_empty() && post.caption.is_none());
    }

    #[test]
    fn floats_are_no_ids() {
        let float = Err(Unreadable::Id(InvalidPostId::Float));
        assert_eq!(
            post(r#"{"id":7.5e18,"username":"x","create_time":1735948798}"#),
            float
        );
    }

    #[test]
    fn cells_hold_python_literals() {
        let post = post(
            r#"{"id":"7456564095303634198","username":"jobs","hashtag_names":"['mustsee', \"it's\", 'fypシ゚viral']",
            "create_time":"1736116624","music_id":"7.264e+18","region_code":"no","view_count":"3053.0","video_description":"","video_label":"{'sink': False}"}"#,
        )
        .unwrap();
        assert_eq!(post.format, Format::ResearchCsv);
        assert_eq!(post.listed_tags, ["mustsee", "it's", "fypシ゚viral"]);
        assert_eq!(
            (post.counts.views, post.region.as_deref()),
            (Some(3053), Some("NO"))
        );
        assert_eq!(post.music, None, "the id is lost");
        assert_eq!(post.caption.as_deref(), Some(""));
    }

    #[test]
    fn traktok_names_the_same_fields_otherwise() {
        let post = post(
            r#"{"video_id":"7456564095303634198","author_name":"x","view_count":"5","region_code":"NA","music_id":"NA",
            "create_time":"2025-01-05 22:37:04","video_description":"NA","hashtag_names":"c(\"a\", \"b\")"}"#,
        )
        .unwrap();
        assert_eq!(post.created.unwrap().at().as_second(), 1_736_116_624);
        assert_eq!(post.listed_tags, ["a", "b"]);
        assert_eq!((post.region, post.caption, post.music), (None, None, None));
        assert_eq!(
            (post.author.as_deref(), post.format),
            (Some("x"), Format::TraktokCsv)
        );
    }
}
