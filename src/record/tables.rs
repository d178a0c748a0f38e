//! Tools that write nothing but tables: 4CAT and Zeeschuimer, pyktok, traktok.

use jiff::{SignedDuration, Timestamp};

use super::Unreadable;
use super::lists::tags_in_cell;
use super::values::{
    Cells, address, created, handle, is_photo_link, music, page, region, row_id, seconds, time,
    utc, yes_or_no,
};
use crate::json::{Fields, Value};
use crate::model::{Counts, Created, Format, Kind, Post, PostId};

/// Reads [`Format::FourCatCsv`].
pub(super) fn read_4cat<'a>(fields: &Fields<'a>) -> Result<Post<'a>, Unreadable> {
    let cells = Cells::of(Format::FourCatCsv, fields);
    let id = row_id(fields, cells.get("id"))?;
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
    let id = row_id(fields, cells.get("video_id"))?;
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
    let id = row_id(fields, cells.get("video_id"))?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::post;
    use super::*;

    #[test]
    fn fourcat_lists_tags_between_commas() {
        let post = post(
            r#"{"collected_from_url":"https://www.tiktok.com/search","id":"7288995634328177926","thread_id":"7288995634328177926","author":"haberturktv","author_full":"H",
            "body":"a\nb","timestamp":"2023-10-12 09:05:49","unix_timestamp":"1697101549","is_ad":"no","is_paid_partnership":"yes","music_name":"undefined","music_id":"7288995737794005765",
            "video_url":"https://v16-webapp-prime.tiktok.com/video/tos/x","tiktok_url":"https://www.tiktok.com/@haberturktv/video/7288995634328177926",
            "likes":"59","comments":"3","shares":"0","plays":"NaN","hashtags":"fosfor,bomba,,fosfor","challenges":"Fosfor,hidden","location_created":"NA"}"#,
        )
        .unwrap();
        assert_eq!(post.format, Format::FourCatCsv);
        assert_eq!(post.listed_tags, ["fosfor", "bomba", "fosfor"]);
        assert_eq!(post.created.unwrap().at().as_second(), 1_697_101_549);
        assert_eq!(
            (post.counts.shares, post.counts.views, post.counts.saves),
            (Some(0), None, None)
        );
        assert_eq!(
            (post.region.as_deref(), post.ad),
            (Some("NA"), Some(true)),
            "NA is Namibia"
        );
        assert_eq!(post.music.unwrap().title, None);
    }

    #[test]
    fn old_and_redacted_fourcat_rows_are_read() {
        let post = post(
            r#"{"id":"7288995634328177926","thread_id":"7288995634328177926","author":"REDACTED","author_full":"REDACTED","body":"","timestamp":"2023-10-12 09:05:49",
            "is_duet":"False","is_ad":"no","hashtags":"","challenges":"Fosfor","tiktok_url":"https://tiktok.com/@haberturktv/video/7288995634328177926"}"#,
        )
        .unwrap();
        assert_eq!(post.author, None, "not even from the link");
        assert_eq!(post.created.unwrap().at().as_second(), 1_697_101_549);
        assert_eq!((post.listed_tags, post.ad), (vec!["Fosfor".into()], None));
    }

    #[test]
    fn pyktok_rows_have_the_clock_of_their_collector() {
        let post = post(
            r#"{"video_id":"7352556238896418080","video_timestamp":"2024-03-31T17:53:27","video_duration":"22.0","video_locationcreated":"FI","video_diggcount":"505100.0",
            "video_playcount":"6800000","video_description":"x #a","video_is_ad":"True","author_username":"jasminnlily_","author_name":"Jasmin","author_verified":"{'id': 5}"}"#,
        )
        .unwrap();
        let by_id = post.id.upload_second();
        let Some(Created::Stated(at)) = post.created else {
            panic!("the zone can be found");
        };
        assert_eq!(
            (at.as_second() - by_id, at.to_string()),
            (6, "2024-03-31T15:53:27Z".to_owned())
        );
        assert_eq!(
            (post.duration, post.ad, post.counts.likes),
            (Some(22), Some(true), Some(505_100))
        );
        assert_eq!(
            (post.author.as_deref(), post.region.as_deref()),
            (Some("jasminnlily_"), Some("FI"))
        );
    }

    #[test]
    fn a_clock_that_fits_no_zone_is_not_believed() {
        for json in [
            r#"{"video_id":"7352556238896418080","video_timestamp":"2024-03-31T17:58:27","video_diggcount":""}"#,
            r#"{"video_id":"7352556238896418080","video_timestamp":"2024-04-02T15:53:27","video_diggcount":""}"#,
            r#"{"video_id":"7352556238896418080","video_timestamp":"","video_diggcount":""}"#,
        ] {
            let created = post(json).unwrap().created;
            assert_eq!(
                created,
                Some(Created::FromId("2024-03-31T15:53:21Z".parse().unwrap())),
                "{json}"
            );
        }
    }

    #[test]
    fn traktok_rows_have_links_and_utc() {
        let post = post(
            r#"{"video_id":"7.352556e+18","video_url":"https://www.tiktok.com/@a/video/7352556238896418080","video_timestamp":"2024-03-31T15:53:27Z","video_length":"22",
            "video_title":"x #a","video_locationcreated":"NA","video_diggcount":"5","author_username":"NA","author_name":"a","download_url":"https://v16/x"}"#,
        )
        .unwrap();
        assert_eq!(post.id.get(), 7_352_556_238_896_418_080);
        assert_eq!(
            post.created,
            Some(Created::Stated("2024-03-31T15:53:27Z".parse().unwrap()))
        );
        assert_eq!(
            (post.author.as_deref(), post.region, post.caption.as_deref()),
            (Some("a"), None, Some("x #a"))
        );
        assert_eq!((post.duration, post.format), (Some(22), Format::TraktokCsv));
    }

    proptest! {
        #[test]
        fn every_zone_is_found(quarters in -48_i64..=56, lag in 0_i64..=60, id in 6_500_000_000_000_000_000_u64..7_900_000_000_000_000_000) {
            let id: PostId = id.to_string().parse().unwrap();
            let published = Timestamp::from_second(id.upload_second() + lag).unwrap();
            let clock = published + SignedDuration::from_secs(quarters * 900);
            let text = clock.to_string();
            prop_assert_eq!(local_time(text.trim_end_matches('Z'), id), Some(published));
        }
    }
}
