//! Writes made-up posts to measure on: `make_posts SHAPE LAYOUT POSTS > FILE`.
//!
//! SHAPE is `research` (flat, about 0.8 KB) or `web` (nested, about 4 KB); LAYOUT is `lines` (an array
//! with one post a line), `dump` (one line, blanks behind colons and commas, as Python's json.dump
//! writes) or `ndjson`. The same arguments give the same bytes everywhere.

#![expect(clippy::cast_possible_truncation, reason = "remainders below 16")]

use std::io::{self, BufWriter, Write};

/// A fixed sequence of numbers without pattern (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Ranks as hashtags have them: the logarithm of the rank is spread evenly.
    fn rank(&mut self) -> u64 {
        let digits = self.below(21);
        self.below(2 << digits)
    }
}

fn hashtag(rank: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "lon", "don", "fy", "viral", "tok", "да", "нет", "ロン", "ドン", "حب", "런던", "é", "ña",
        "food", "art", "x",
    ];
    let mut name = String::new();
    let mut rest = Numbers(rank).next();
    for _ in 0..2 + rank % 3 {
        name.push_str(SYLLABLES[(rest % 16) as usize]);
        rest >>= 4;
    }
    format!("{name}{rank}")
}

fn words(numbers: &mut Numbers, count: u64) -> String {
    const WORDS: [&str; 12] = [
        "the",
        "day",
        "in",
        "city",
        "сегодня",
        "今日",
        "my",
        "\\\"best\\\"",
        "food",
        "and",
        "walk",
        "night",
    ];
    let words: Vec<&str> = (0..count)
        .map(|_| WORDS[numbers.below(12) as usize])
        .collect();
    words.join(" ")
}

fn post(shape: &str, number: u64, numbers: &mut Numbers) -> String {
    let id = (1_600_000_000 + number * 37) << 32 | numbers.below(1 << 31) << 1 | 1;
    let time = 1_600_000_000 + number * 37;
    let tags: Vec<String> = (0..numbers.below(16))
        .map(|_| hashtag(numbers.rank()))
        .collect();
    let caption = format!("{} #{}", words(numbers, 30), tags.join(" #"));
    let user = format!("user{}", numbers.below(100_000));
    if shape == "research" {
        let names: Vec<String> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
        return format!(
            r#"{{"id":{id},"create_time":{time},"username":"{user}","region_code":"GB","video_description":"{caption}","music_id":{},"like_count":{},"comment_count":0,"share_count":1,"view_count":{},"hashtag_names":[{}],"video_duration":30,"effect_ids":["0"],"voice_to_text":"{}","is_stem_verified":false}}"#,
            numbers.next() >> 1,
            numbers.below(5000),
            numbers.below(1_000_000),
            names.join(","),
            words(numbers, 40),
        );
    }
    let extra: Vec<String> = tags
        .iter()
        .map(|tag| format!(r#"{{"awemeId":"","start":0,"end":5,"hashtagId":"1","hashtagName":"{tag}","type":1,"subType":0}}"#))
        .collect();
    let link = format!(
        "https://v16.example/{}/?a=1988&{}",
        numbers.next(),
        "x".repeat(400)
    );
    format!(
        r#"{{"id":"{id}","desc":"{caption}","createTime":{time},"video":{{"id":"{id}","duration":30,"cover":"{link}","playAddr":"{link}","downloadAddr":"{link}","subtitleInfos":[]}},"author":{{"id":"6","uniqueId":"{user}","nickname":"x","avatarThumb":"{link}"}},"music":{{"id":"7","title":"sound","playUrl":"{link}"}},"stats":{{"diggCount":5,"playCount":{}}},"textExtra":[{}],"isAd":false,"duetEnabled":true}}"#,
        numbers.below(1_000_000),
        extra.join(","),
    )
}

/// As Python writes it, but for the escapes.
fn spaced(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let mut spaced = String::with_capacity(json.len() + 128);
    for c in json.chars() {
        spaced.push(c);
        match c {
            '"' if !escaped => inside = !inside,
            ',' | ':' if !inside => spaced.push(' '),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    spaced
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, layout, posts] = arguments.as_slice() else {
        return Err(io::Error::other(
            "make_posts research|web lines|dump|ndjson POSTS",
        ));
    };
    let posts: u64 = posts.parse().map_err(io::Error::other)?;
    let (open, between, close) = match layout.as_str() {
        "lines" => ("[\n", ",\n", "\n]\n"),
        "dump" => ("[", ", ", "]"),
        _ => ("", "\n", "\n"),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut numbers = Numbers(1);
    out.write_all(open.as_bytes())?;
    for number in 0..posts {
        if number > 0 {
            out.write_all(between.as_bytes())?;
        }
        let post = post(shape, number, &mut numbers);
        let post = if layout == "dump" {
            spaced(&post)
        } else {
            post
        };
        out.write_all(post.as_bytes())?;
    }
    out.write_all(close.as_bytes())?;
    out.flush()
}
