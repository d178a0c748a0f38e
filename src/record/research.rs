//! The Research API's video object, and the tables that its clients make of it.

use std::borrow::Cow;

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{Cells, created, handle, music, post_id, region, seconds, tag, time};
use crate::json::{Fields, Value};
use crate::model::{Counts, Format, Post};

/// Reads [`Format::Research`], [`Format::ResearchCsv`] and traktok's table of the same fields.
pub(super) fn read<'a>(format: Format, fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let cells = Cells::of(format, fields);
    let id = post_id(fields, cells.get("id").or_else(|| cells.get("video_id")))?;

    Ok(Post {
        author: handle(cells.text("username").or_else(|| cells.text("author_name"))),
        created: created(time(cells.get("create_time")), id),
        caption: if format == Format::TraktokCsv {
            cells.text("video_description")
        } else {
            fields.text("video_description")
        },
        // Never `hashtag_info_list`: for months of 2025 it belonged to other posts.
        listed_tags: cells
            .get("hashtag_names")
            .map(listed_tags)
            .unwrap_or_default(),
        counts: Counts {
            views: fields.count("view_count"),
            likes: fields.count("like_count"),
            comments: fields.count("comment_count"),
            shares: fields.count("share_count"),
            saves: fields
                .count("favourites_count")
                .or_else(|| fields.count("favorites_count")),
        },
        region: region(cells.text("region_code")),
        music: music(cells.get("music_id"), None, None),
        duration: seconds(fields.get("video_duration")),
        ..Post::new(id, format)
    })
}

fn listed_tags(names: Value<'_>) -> Vec<Cow<'_, str>> {
    match names.text() {
        Some(cell) => tags_in_cell(cell),
        None => names
            .array()
            .into_iter()
            .filter_map(|name| tag(name.text()?))
            .collect(),
    }
}
