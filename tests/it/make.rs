//! Posts and files of posts as other tools write them, made up.

use serde_json::{Value, json};

/// The id of the numbered made-up post.
pub(crate) fn id(number: u64) -> u64 {
    7_189_254_512_345_678_000 + number
}

/// A post of tiktok.com's own shape, made up.
#[derive(Clone)]
pub(crate) struct Web {
    value: Value,
}

/// The numbered post with these hashtags, separated by spaces: both linked and in the caption.
///
/// Posts 0, 1, 2, … are an hour apart from midnight on the first of May 2024.
pub(crate) fn web(number: u64, tags: &str) -> Web {
    let tags: Vec<&str> = tags.split_whitespace().collect();
    let caption: Vec<String> = tags.iter().map(|tag| format!("#{tag}")).collect();
    let extra: Vec<Value> = tags
        .iter()
        .map(|tag| json!({"hashtagName": tag, "type": 1}))
        .collect();
    Web {
        value: json!({
            "id": id(number).to_string(),
            "desc": caption.join(" "),
            "createTime": 1_714_521_600 + number * 3600,
            "author": {"id": "6592990126422245382", "uniqueId": format!("user{number}")},
            "textExtra": extra,
            "stats": {"playCount": 100 + number, "diggCount": 1},
            "video": {"duration": 12},
        }),
    }
}

impl Web {
    /// Sets a field, or drops it where the value is null.
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        let object = self.value.as_object_mut().unwrap();
        if value.is_null() {
            object.remove(key);
        } else {
            object.insert(key.to_owned(), value);
        }
        self
    }

    pub(crate) fn by(self, author: &str) -> Self {
        self.with("author", json!({"uniqueId": author}))
    }

    pub(crate) fn views(self, views: u64) -> Self {
        self.with("stats", json!({"playCount": views}))
    }

    /// As one line of JSON.
    pub(crate) fn json(&self) -> String {
        self.value.to_string()
    }
}

/// One record per line.
pub(crate) fn lines(posts: &[Web]) -> String {
    posts.iter().map(|post| post.json() + "\n").collect()
}

/// A JSON array on one line.
pub(crate) fn array(posts: &[Web]) -> String {
    let posts: Vec<String> = posts.iter().map(Web::json).collect();
    format!("[{}]", posts.join(", "))
}

/// Posts `numbers` of #london, each with a tag of its own among three.
pub(crate) fn london(numbers: std::ops::Range<u64>) -> Vec<Web> {
    numbers
        .map(|number| web(number, &format!("london t{}", number % 3)))
        .collect()
}

/// As [`london`], each post with so many bytes that nobody asks for.
pub(crate) fn bulky(numbers: std::ops::Range<u64>, bytes: usize) -> Vec<Web> {
    let filler = json!("x".repeat(bytes));
    let posts = london(numbers).into_iter();
    posts
        .map(|post| post.with("filler", filler.clone()))
        .collect()
}

/// A tiktok-scraper post as the seed tool's `data.json` holds it, written by Python's `json.dumps`.
pub(crate) fn scraper(number: u64, tags: &str) -> String {
    let listed: Vec<String> = tags
        .split_whitespace()
        .map(|tag| format!(r#"{{"id": "1", "name": "{tag}", "title": "", "cover": ""}}"#))
        .collect();
    let caption: Vec<String> = tags
        .split_whitespace()
        .map(|tag| format!("#{tag}"))
        .collect();
    format!(
        concat!(
            r#"{{"id": "{}", "secretID": "{}", "text": "caf\u00e9 {}", "createTime": {}, "#,
            r#""authorMeta": {{"id": "1", "secUid": "s", "name": "user{}", "nickName": "U"}}, "#,
            r#""musicMeta": {{"musicId": "5", "musicName": "m"}}, "hashtags": [{}], "#,
            r#""playCount": 7, "diggCount": 1, "shareCount": 0, "commentCount": 0, "webVideoUrl": ""}}"#
        ),
        id(number),
        id(number),
        caption.join(" "),
        1_580_000_000 + number,
        number,
        listed.join(", ")
    )
}

/// The seed tool's `data.json`: everything on one line.
pub(crate) fn seed_file(posts: &[String]) -> String {
    format!("[{}]", posts.join(", "))
}

/// A Research API answer with these objects' fields.
pub(crate) fn research(videos: &[Value]) -> String {
    json!({"data": {"cursor": 100, "has_more": false, "search_id": "1", "videos": videos},
           "error": {"code": "ok", "message": "", "log_id": "x"}})
    .to_string()
}

/// A video of the Research API; its id is a JSON number.
pub(crate) fn research_video(number: u64, tags: &[&str]) -> Value {
    json!({
        "id": id(number), "username": format!("user{number}"), "create_time": 1_714_521_600 + number * 3600,
        "video_description": tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" "),
        "hashtag_names": tags, "region_code": "GB", "view_count": 10, "like_count": 1,
    })
}

/// The ids of the numbered posts as `data.json` and `post_ids.json` hold them.
pub(crate) fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|number| id(number).to_string())
        .collect()
}

/// Bytes packed by gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Bytes in a zstd frame.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A number that looks random, the next of a sequence that is the same in every run (SplitMix64).
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
