//! Which format a record or a table has, judged by its keys alone.

use crate::json::{Fields, Wanted};
use crate::model::Format;

/// The format of a record, from its fields alone; `None` where it is no post of a known format.
///
/// A CSV row comes as an object of its columns whose values are all strings. Error rows and
/// comments get the format of their tool, so that reading them can say what they are.
pub fn recognise(fields: &Fields<'_>) -> Option<Format> {
    let keys = Keys {
        has: &|key| fields.has(key),
        has_outer: &|outer| fields.iter().any(|(key, _)| is_flattened(key, outer)),
        is_row: is_row(fields),
    };
    let format = keys.format()?;
    // yt-dlp writes the same fields for every site.
    let is_foreign = format == Format::YtDlp
        && ["extractor_key", "extractor", "webpage_url"]
            .iter()
            .find_map(|key| fields.filled(key))
            .is_some_and(|text| !text.to_ascii_lowercase().contains("tiktok"));
    (!is_foreign).then_some(format)
}

/// Recognises records one after the other, of which most have the keys of one before.
#[derive(Debug, Default)]
pub struct Recogniser(Vec<Known>);

/// Keys that were met.
#[derive(Debug)]
struct Known {
    /// The number of the row of its keys, as long as that is theirs.
    row: Option<u64>,
    signature: u64,
    keys: Vec<Box<str>>,
    is_row: bool,
    format: Format,
}

impl Recogniser {
    /// As [`recognise`].
    pub fn recognise(&mut self, fields: &Fields<'_>) -> Option<Format> {
        /// A source leaves out one or another key; those of others come and go.
        const MOST: usize = 32;
        /// Records with more keys are rare.
        const KEYS: usize = 200;

        let is_row = is_row(fields);
        let row = fields.row();
        if row.is_some()
            && let mut known = self.0.iter()
            && let Some(known) = known.find(|known| known.row == row && known.is_row == is_row)
        {
            return Some(known.format);
        }
        let keys = || fields.iter().map(|(key, _)| key);
        let signature = fields.signature();
        let is_it = |known: &&Known| {
            known.signature == signature
                && known.is_row == is_row
                && keys().eq(known.keys.iter().map(AsRef::as_ref))
        };
        if let Some(known) = self.0.iter_mut().find(|known| is_it(&&**known)) {
            known.row = row;
            return Some(known.format);
        }
        let format = recognise(fields)?;
        // Of yt-dlp's the values decide too.
        if format != Format::YtDlp && keys().count() <= KEYS {
            if self.0.len() == MOST {
                self.0.clear();
            }
            self.0.push(Known {
                row,
                signature,
                keys: keys().map(Box::from).collect(),
                is_row,
                format,
            });
        }
        Some(format)
    }
}

/// Whether all values are strings, as in a row of a table.
fn is_row(fields: &Fields<'_>) -> bool {
    fields
        .iter()
        .all(|(_, value)| value.first_byte() == Some(b'"'))
}

/// The format of a table, from its header; `None` where its rows are no posts of a known format.
pub fn recognise_header(columns: &[&str]) -> Option<Format> {
    let keys = Keys {
        has: &|key| columns.iter().map(column_name).any(|column| column == key),
        has_outer: &|outer| {
            columns
                .iter()
                .map(column_name)
                .any(|column| is_flattened(column, outer))
        },
        is_row: true,
    };
    keys.format().filter(|format| format.is_table())
}

/// The first column keeps the byte order mark, and the quotes behind it, of files that begin with one.
fn column_name<'a>(column: &&'a str) -> &'a str {
    column.trim_start_matches('\u{feff}').trim_matches('"')
}

/// Whether the record is a comment, by keys that no format has on a post.
pub(super) fn is_comment(fields: &Fields<'_>) -> bool {
    static KEYS: Wanted<4> = Wanted::new([
        "cid",
        "parent_comment_id",
        "comment_language",
        "comment_url",
    ]);
    fields.pick(&KEYS).iter().any(Option::is_some)
}

/// Whether the key is `outer/…`, as Apify flattens objects and arrays into columns.
fn is_flattened(key: &str, outer: &str) -> bool {
    key.strip_prefix(outer)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The keys of a record, or the columns of a table.
struct Keys<'k> {
    has: &'k dyn Fn(&str) -> bool,
    has_outer: &'k dyn Fn(&str) -> bool,
    is_row: bool,
}

impl Keys<'_> {
    fn format(&self) -> Option<Format> {
        // The order matters: later rules would also fit records of earlier ones.
        self.table()
            .or_else(|| self.author_meta())
            .or_else(|| self.aweme())
            .or_else(|| self.web())
            .or_else(|| self.research())
            .or_else(|| self.yt_dlp())
    }

    fn any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| (self.has)(key))
    }

    fn all(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| (self.has)(key))
    }

    fn table_or(&self, table: Format, json: Format) -> Format {
        if self.is_row { table } else { json }
    }

    /// Tools that only write tables: 4CAT, Zeeschuimer, pyktok, traktok.
    fn table(&self) -> Option<Format> {
        if self.all(&["thread_id", "author_full"]) {
            return Some(Format::FourCatCsv);
        }
        if !self.any(&["video_id"]) {
            return None;
        }
        if self.any(&["video_timestamp", "video_diggcount", "video_playcount"]) {
            let traktok = ["video_title", "download_url", "video_length"];
            return Some(if self.any(&traktok) {
                Format::TraktokCsv
            } else {
                Format::PyktokCsv
            });
        }
        (self.any(&["author_name"])
            && self.any(&["video_description", "hashtag_names", "view_count"]))
        .then_some(Format::TraktokCsv)
    }

    /// tiktok-scraper, and Apify, which took over its field names.
    fn author_meta(&self) -> Option<Format> {
        // Apify's tables of other sites have columns `hashtags/0` too.
        let of_tiktok = ["webVideoUrl", "diggCount"];
        if (self.has_outer)("authorMeta") || ((self.has_outer)("hashtags") && self.any(&of_tiktok))
        {
            return Some(Format::ApifyCsv);
        }
        if self.any(&["authorMeta.secUid", "secretID"])
            || self.all(&["id", "text", "createTime", "authorId"])
        {
            return Some(self.table_or(Format::ScraperCsv, Format::Scraper));
        }
        let of_apify = [
            "createTimeISO",
            "authorMeta.name",
            "isSlideshow",
            "searchHashtag",
            "mediaUrls",
        ];
        let is_error_row =
            self.any(&["errorCode"]) || (self.any(&["error"]) && self.any(&["url", "input"]));
        if is_error_row || self.any(&of_apify) {
            return Some(self.table_or(Format::ApifyCsv, Format::Apify));
        }
        if !self.any(&["authorMeta", "webVideoUrl"]) {
            return None;
        }
        // tiktok-scraper writes the same fields always, Apify those that its user chose.
        let is_whole = self.all(&["id", "createTime"]) && !self.any(&["textLanguage"]);
        Some(if is_whole {
            self.table_or(Format::ScraperCsv, Format::Scraper)
        } else {
            self.table_or(Format::ApifyCsv, Format::Apify)
        })
    }

    fn aweme(&self) -> Option<Format> {
        self.any(&["aweme_id", "cid"]).then_some(Format::Aweme)
    }

    /// tiktok.com. A sound, a challenge and an account have an id and some of these words too.
    fn web(&self) -> Option<Format> {
        let is_post = self.any(&["createTime", "textExtra", "imagePost"])
            && self.any(&["desc", "author", "video", "stats", "statsV2", "challenges"]);
        let is_cut_down_post = self.any(&["desc"]) && self.any(&["author", "video"]);
        (self.any(&["id"]) && (is_post || is_cut_down_post)).then_some(Format::Web)
    }

    fn research(&self) -> Option<Format> {
        let is_research = self.any(&["video_description", "hashtag_names", "parent_comment_id"])
            || (self.any(&["username", "id"])
                && self.any(&[
                    "region_code",
                    "favourites_count",
                    "favorites_count",
                    "voice_to_text",
                ]))
            || (self.any(&["username"]) && self.any(&["create_time", "view_count", "like_count"]));
        is_research.then(|| self.table_or(Format::ResearchCsv, Format::Research))
    }

    fn yt_dlp(&self) -> Option<Format> {
        let is_video = self.any(&["extractor_key", "extractor", "webpage_url", "uploader_id"])
            || self.all(&["id", "formats"]);
        // A playlist holds posts and is none.
        (is_video && !self.any(&["entries"])).then_some(Format::YtDlp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<Format> {
        recognise(&Fields::parse(json).unwrap())
    }

    #[test]
    fn records_are_told_by_their_keys() {
        let cases: &[(Format, &[&str])] = &[
            (
                Format::Web,
                &[
                    r#"{"id":"1","desc":"","createTime":1,"author":{},"video":{}}"#,
                    r#"{"id":"1","desc":"","createTime":"1","author":"a","stats":{},"nickname":"A"}"#,
                    r#"{"id":"1","desc":"","video":{},"__import_meta":{}}"#,
                ],
            ),
            (
                Format::Research,
                &[
                    r#"{"id":1,"username":"x","create_time":1}"#,
                    r#"{"hashtag_names":[],"id":1}"#,
                    r#"{"video_id":1,"video_description":"","username":"x"}"#,
                ],
            ),
            (
                Format::Scraper,
                &[
                    r#"{"id":"1","text":"","createTime":1,"authorMeta":{},"hashtags":[]}"#,
                    r#"{"id":"1","secretID":"awesome","text":"","authorMeta":{},"playCount":1,"createTime":1}"#,
                ],
            ),
            (
                Format::Apify,
                &[
                    r#"{"id":"1","text":"","createTime":1,"createTimeISO":"","authorMeta":{}}"#,
                    r#"{"id":"1","text":"","createTime":1,"textLanguage":"un","authorMeta":{}}"#,
                    r#"{"authorMeta.name":"x","diggCount":5,"createTimeISO":"","webVideoUrl":""}"#,
                    r#"{"url":"https://www.tiktok.com/@x/video/1","error":"gone","errorCode":404}"#,
                ],
            ),
            (
                Format::YtDlp,
                &[
                    r#"{"id":"1","formats":[],"description":""}"#,
                    r#"{"id":"1","title":"","webpage_url":"https://www.tiktok.com/@a/video/1"}"#,
                ],
            ),
            (
                Format::Aweme,
                &[r#"{"aweme_id":"1","desc":"","author":{},"video":{}}"#],
            ),
        ];
        for (format, records) in cases {
            for json in *records {
                assert_eq!(of(json), Some(*format), "{json}");
            }
        }
    }

    #[test]
    fn rows_are_told_by_their_columns() {
        let cases: &[(Format, &[&str])] = &[
            (
                Format::ResearchCsv,
                &[r#"{"id":"1","username":"x","hashtag_names":"['a']"}"#],
            ),
            (
                Format::ScraperCsv,
                &[
                    r#"{"id":"1","secretID":"2","text":"","authorMeta.name":"x","hashtags":"[]"}"#,
                    r#"{"id":"1","text":"","createTime":"1","authorId":"2","musicId":"3"}"#,
                ],
            ),
            (
                Format::ApifyCsv,
                &[
                    r#"{"authorMeta.name":"x","diggCount":"5","createTimeISO":"","webVideoUrl":""}"#,
                    r#"{"authorMeta/name":"x","text":"","webVideoUrl":""}"#,
                    r#"{"id":"1","hashtags/0/name":"a","webVideoUrl":""}"#,
                ],
            ),
            (
                Format::FourCatCsv,
                &[r#"{"id":"1","thread_id":"1","author":"x","author_full":"X","body":""}"#],
            ),
            (
                Format::PyktokCsv,
                &[
                    r#"{"video_id":"1","video_timestamp":"","video_diggcount":"","video_description":""}"#,
                ],
            ),
            (
                Format::TraktokCsv,
                &[
                    r#"{"video_id":"1","video_timestamp":"","video_title":"","video_diggcount":""}"#,
                    r#"{"video_id":"1","author_name":"x","hashtag_names":"a, b"}"#,
                ],
            ),
        ];
        for (format, records) in cases {
            for json in *records {
                assert_eq!(of(json), Some(*format), "{json}");
            }
        }
    }

    #[test]
    fn what_is_no_post_is_not_recognised() {
        for (json, what) in [
            ("{}", "nothing"),
            (
                r#"{"nav_index":"1","item_id":"1","data":{},"id":5,"source_platform":"tiktok.com"}"#,
                "an envelope",
            ),
            (
                r#"{"id":"1","title":"","desc":"","stats":{}}"#,
                "a challenge",
            ),
            (r#"{"id":"1","title":"","authorName":""}"#, "a sound"),
            (r#"{"id":"1","uniqueId":"a","nickname":"A"}"#, "an account"),
            (
                r#"{"id":"1","extractor":"youtube","webpage_url":"https://youtu.be/1","formats":[]}"#,
                "another site's video",
            ),
            (
                r#"{"_type":"playlist","extractor":"tiktok:user","entries":[]}"#,
                "a playlist",
            ),
            (
                r#"{"id":"3","ownerUsername":"x","hashtags/0":"a","caption":""}"#,
                "an Instagram table",
            ),
            (
                r#"{"anime":["7189254512345678901"]}"#,
                "the seed tool's list of ids",
            ),
            (r#"{"data":{},"error":{"code":"ok"}}"#, "a response body"),
        ] {
            assert_eq!(of(json), None, "{what}");
        }
    }

    #[test]
    fn headers_are_told_with_byte_order_mark_and_chosen_columns() {
        for (columns, format) in [
            (
                &["\u{feff}\"authorMeta/avatar\"", "text"][..],
                Some(Format::ApifyCsv),
            ),
            (
                &["\u{feff}id", "thread_id", "author_full"],
                Some(Format::FourCatCsv),
            ),
            (
                &["collected_from_url", "id", "thread_id", "author_full"],
                Some(Format::FourCatCsv),
            ),
            (
                &["video_id", "video_timestamp", "video_diggcount"],
                Some(Format::PyktokCsv),
            ),
            (
                &["video_id", "video_timestamp", "download_url"],
                Some(Format::TraktokCsv),
            ),
            (
                &["authorMeta.name", "createTimeISO", "webVideoUrl"],
                Some(Format::ApifyCsv),
            ),
            (
                &["id", "secretID", "authorMeta.name"],
                Some(Format::ScraperCsv),
            ),
            (
                &["id", "text", "createTime", "authorId"],
                Some(Format::ScraperCsv),
            ),
            (
                &["create_time", "hashtag_names", "username", "id"],
                Some(Format::ResearchCsv),
            ),
            (&["id", "desc", "createTime", "author"], None),
            (&["name", "count"], None),
            (&[], None),
        ] {
            assert_eq!(recognise_header(columns), format, "{columns:?}");
        }
    }
}
