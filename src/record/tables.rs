//! Tools that write nothing but tables: 4CAT and Zeeschuimer, pyktok, traktok.

use jiff::{SignedDuration, Timestamp};

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{
    Cells, address, created, handle, is_photo_link, music, page, post_id, region, seconds, time,
    utc, yes_or_no,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Created, Format, Kind, Post, PostId};

/// Reads [`Format::FourCatCsv`].
pub(super) fn read_4cat<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let cells = Cells::of(Format::FourCatCsv, fields);
    let id = post_id(fields, cells.get("id"))?;
    let link = cells.text("tiktok_url");
    let kind = link
        .as_deref()
        .filter(|link| is_photo_link(link))
        .map(|_| Kind::Photo);
    let tags = ["hashtags", "challenges"].map(|column| cells.text(column).map(tags_in_cell));

    Ok(Post {
        // Not from the link where the handle was redacted on purpose.
        author: handle(cells.text("author")),
        created: created(
            time(cells.get("unix_timestamp")).or_else(|| time(cells.get("timestamp"))),
            id,
        ),
        caption: fields.text("body"),
        listed_tags: tags
            .into_iter()
            .flatten()
            .find(|tags| !tags.is_empty())
            .unwrap_or_default(),
        counts: Counts {
            views: fields.count("plays"),
            likes: fields.count("likes"),
            comments: fields.count("comments"),
            shares: fields.count("shares"),
            saves: None,
        },
        region: region(cells.text("location_created")),
        music: music(
            cells.get("music_id"),
            cells.text("music_name"),
            cells.text("music_author"),
        ),
        kind,
        page_url: page(link),
        media_url: address(cells.text("video_url")),
        // `no` also stands where the item said nothing, so that only `yes` tells something.
        ad: ["is_ad", "is_paid_partnership"]
            .iter()
            .any(|column| yes_or_no(fields.get(column)) == Some(true))
            .then_some(true),
        ..Post::new(id, Format::FourCatCsv)
    })
}

/// Reads [`Format::PyktokCsv`].
pub(super) fn read_pyktok<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let cells = Cells::of(Format::PyktokCsv, fields);
    let id = post_id(fields, cells.get("video_id"))?;
    let stated = cells.get("video_timestamp").and_then(Value::text);

    Ok(Post {
        author: handle(cells.text("author_username")),
        created: created(stated.and_then(|text| local_time(&text, id)), id),
        caption: fields.text("video_description"),
        region: region(cells.text("video_locationcreated")),
        duration: seconds(cells.get("video_duration")),
        ad: yes_or_no(cells.get("video_is_ad")),
        counts: counts(fields),
        ..Post::new(id, Format::PyktokCsv)
    })
}

/// Reads the tables of traktok's unofficial functions; those of its Research API client are
/// [`super::research`]'s.
pub(super) fn read_traktok<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let cells = Cells::of(Format::TraktokCsv, fields);
    let id = post_id(fields, cells.get("video_id"))?;
    let link = cells.text("video_url");
    let kind = link
        .as_deref()
        .filter(|link| is_photo_link(link))
        .map(|_| Kind::Photo);

    Ok(Post {
        author: handle(
            cells
                .text("author_username")
                .or_else(|| cells.text("author_name")),
        ),
        created: created(time(cells.get("video_timestamp")), id),
        caption: cells.text("video_title"),
        region: region(cells.text("video_locationcreated")),
        duration: seconds(cells.get("video_length")).filter(|_| kind.is_none()),
        kind,
        page_url: page(link),
        media_url: address(cells.text("download_url")),
        ad: yes_or_no(cells.get("video_is_ad")),
        counts: counts(fields),
        ..Post::new(id, Format::TraktokCsv)
    })
}

/// The counts of both unofficial tools; neither writes saves.
fn counts(fields: &Fields<'_>) -> Counts {
    Counts {
        views: fields.count("video_playcount"),
        likes: fields.count("video_diggcount"),
        comments: fields.count("video_commentcount"),
        shares: fields.count("video_sharecount"),
        saves: None,
    }
}

/// pyktok writes the time of the collector's clock and no zone. The id tells the time of the
/// upload, so that the difference is the zone, wherever it is a whole number of quarter hours.
fn local_time(text: &str, id: PostId) -> Option<Timestamp> {
    const QUARTER: i64 = 15 * 60;
    /// 98 % of posts appear within a minute after their upload began.
    const LAG: i64 = 60;
    /// From Baker Island to Kiribati.
    const ZONES: std::ops::RangeInclusive<i64> = -12 * 3600..=14 * 3600;

    if let Ok(with_zone) = text.parse() {
        return Some(with_zone);
    }
    let local = utc(text)?;
    let difference = local.as_second() - created(None, id).map(Created::at)?.as_second();
    let lag = (difference + LAG).rem_euclid(QUARTER) - LAG;
    let zone = difference - lag;
    if lag > LAG || !ZONES.contains(&zone) {
        return None;
    }
    local.checked_sub(SignedDuration::from_secs(zone)).ok()
}
