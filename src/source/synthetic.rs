//! Posts that never were, for practice and tests: records as the Research API gives them.
//!
//! The same hashtag and number give the same records on every machine and in every version, so
//! nothing here may change without the corpus in `data/` being made anew.

use serde_json::json;

/// One made-up hashtag corpus: what goes with the hashtag beside the tags that go with everything.
struct Place {
    hashtag: &'static str,
    caption: &'static str,
    region: &'static [&'static str],
    /// Commonest first.
    local: &'static [&'static str],
}

const PLACES: [Place; 3] = [
    Place {
        hashtag: "london",
        caption: "London",
        region: &["GB", "GB", "GB", "US", "IN", "FR", "NG"],
        local: &[
            "uk",
            "londonlife",
            "visitlondon",
            "bigben",
            "british",
            "londonfood",
            "soho",
            "tube",
            "camden",
            "thingstodoinlondon",
            "towerbridge",
            "ロンドン",
            "لندن",
            "london🇬🇧",
            "Лондон",
            "लंदन",
            "런던",
            "shoreditch",
            "ลอนดอน",
            "לונדון",
        ],
    },
    Place {
        hashtag: "paris",
        caption: "Paris",
        region: &["FR", "FR", "FR", "BE", "US", "GB", "DZ"],
        local: &[
            "france",
            "eiffeltower",
            "parisienne",
            "visitparis",
            "toureiffel",
            "montmartre",
            "louvre",
            "metro",
            "croissant",
            "lemarais",
            "seine",
            "パリ",
            "باريس",
            "paris🇫🇷",
            "Париж",
            "पेरिस",
            "파리",
            "bastille",
            "ปารีส",
            "פריז",
        ],
    },
    Place {
        hashtag: "newyork",
        caption: "New York",
        region: &["US", "US", "US", "CA", "GB", "BR", "MX"],
        local: &[
            "nyc",
            "newyorkcity",
            "brooklyn",
            "manhattan",
            "timessquare",
            "nyclife",
            "centralpark",
            "subway",
            "thingstodoinnyc",
            "harlem",
            "queens",
            "ニューヨーク",
            "نيويورك",
            "nyc🗽",
            "НьюЙорк",
            "न्यूयॉर्क",
            "뉴욕",
            "soho",
            "นิวยอร์ก",
            "ניויורק",
        ],
    },
];

/// What is put on anything, commonest first.
const GENERIC: [&str; 9] = [
    "fyp",
    "foryou",
    "viral",
    "foryoupage",
    "fypシ",
    "xyzbca",
    "trending",
    "fy",
    "explore",
];

/// Topics: a few words that go together.
const TOPICS: [&[&str]; 8] = [
    &["food", "foodie", "streetfood", "restaurant", "brunch"],
    &["travel", "traveltiktok", "weekend", "hotel", "citytrip"],
    &["football", "matchday", "stadium", "derby"],
    &["fashion", "ootd", "thrift", "vintage", "streetstyle"],
    &["museum", "art", "gallery", "history", "architecture"],
    &["rain", "winter", "walk", "asmr"],
    &["student", "uni", "flat", "budget", "dayinmylife"],
    &["music", "concert", "busking", "live", "dance"],
];

const WORDS: [&str; 24] = [
    "the",
    "best",
    "day",
    "in",
    "a hidden",
    "place",
    "for",
    "with friends",
    "morning",
    "night",
    "wait for it",
    "part 2",
    "you need to see this",
    "street",
    "market",
    "it rained again",
    "worth it?",
    "honest review",
    "save this",
    "☕",
    "je t’aime",
    "que bonito",
    "отлично",
    "最高",
];

/// First and last second of posting: April and May 2024 (UTC).
const SPAN: (u64, u64) = (1_711_929_600, 1_717_199_999);

/// The hashtags that a corpus can be made for.
pub fn hashtags() -> impl Iterator<Item = &'static str> {
    PLACES.iter().map(|place| place.hashtag)
}

/// Made-up records for a hashtag, oldest first, each one line of JSON; none for an unknown hashtag.
pub fn records(hashtag: &str, count: usize) -> Vec<String> {
    let Some((index, place)) = PLACES
        .iter()
        .enumerate()
        .find(|(_, place)| place.hashtag == hashtag)
    else {
        return Vec::new();
    };
    let mut random = Random(0xC07A_6000 + index as u64);
    let mut times: Vec<u64> = (0..count)
        .map(|_| SPAN.0 + random.below(SPAN.1 - SPAN.0))
        .collect();
    times.sort_unstable();
    times
        .iter()
        .map(|&time| record(place, index, time, &mut random))
        .collect()
}

fn record(place: &Place, index: usize, time: u64, random: &mut Random) -> String {
    let tags = tags(place, random);
    // A quarter of the posts comes from a few busy accounts, as in life.
    let author = if random.below(4) == 0 {
        random.below(5)
    } else {
        5 + random.below(140)
    };
    let mut words: Vec<String> = (0..3 + random.below(5))
        .map(|_| random.pick(&WORDS).to_owned())
        .collect();
    words.extend(tags.iter().map(|tag| format!("#{tag}")));
    let caption = words.join(" ");
    // In one post of forty the list is empty though the caption has the tags: it happens.
    let listed: Vec<String> = if random.below(40) == 0 {
        Vec::new()
    } else {
        let mut once: Vec<String> = Vec::new();
        for tag in &tags {
            let lower = tag.to_lowercase();
            if !once.contains(&lower) {
                once.push(lower);
            }
        }
        once
    };
    let views = random.skewed(2_000_000);
    let likes = views / (8 + random.below(20));
    let id = (time << 32) | (random.below(1 << 30) << 2) | index as u64;
    let mut post = json!({
        "id": id,
        "username": format!("synthetic.{}.{author}", place.hashtag),
        "create_time": time,
        "region_code": random.pick(place.region),
        "video_description": caption,
        "hashtag_names": listed,
        "video_duration": 6 + random.below(90),
        "music_id": 7_000_000_000_000_000_000_u64 + random.below(1 << 40),
        "like_count": likes,
        "comment_count": likes / (10 + random.below(30)),
        "share_count": likes / (20 + random.below(60)),
        "view_count": views,
        "favourites_count": likes / (15 + random.below(40)),
    });
    // The API leaves fields out where it has nothing to say.
    if random.below(50) == 0
        && let Some(fields) = post.as_object_mut()
    {
        fields.shift_remove("view_count");
    }
    post.to_string()
}

/// The hashtags of a post in the order of its caption, spelled as people do, now and then one twice.
fn tags(place: &Place, random: &mut Random) -> Vec<String> {
    let own = match random.below(10) {
        0 => place.hashtag.to_uppercase(),
        1 | 2 => place.caption.replace(' ', ""),
        _ => place.hashtag.to_owned(),
    };
    let mut tags = vec![own];
    for _ in 0..random.below(5) {
        tags.push(random.common(&GENERIC).to_owned());
    }
    for _ in 0..random.below(4) {
        tags.push(random.common(place.local).to_owned());
    }
    let topic = TOPICS[usize::try_from(random.below(TOPICS.len() as u64)).unwrap_or(0)];
    for _ in 0..random.below(4) {
        tags.push(random.common(topic).to_owned());
    }
    let at = usize::try_from(random.below(tags.len() as u64)).unwrap_or(0);
    tags.swap(0, at);
    tags
}

/// SplitMix64 (Steele, Lea, Flood 2014): nine lines that will give the same numbers for ever,
/// which the generators of a library do not promise.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is small enough for the bias not to matter.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn pick<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list[usize::try_from(self.below(list.len() as u64)).unwrap_or(0)]
    }

    /// The first of a list most often, the last seldom.
    fn common<'t>(&mut self, list: &[&'t str]) -> &'t str {
        let length = list.len() as u64;
        let at = self
            .below(length)
            .min(self.below(length))
            .min(self.below(length));
        list[usize::try_from(at).unwrap_or(0)]
    }

    /// Mostly small, now and then large.
    fn skewed(&mut self, most: u64) -> u64 {
        let shift = self.below(15);
        self.below(most >> shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Format, Hashtag, caption_tags};
    use crate::record::Stored;

    #[test]
    fn every_record_is_a_post_with_the_hashtag_and_no_two_are_the_same() {
        let mut ids = std::collections::BTreeSet::new();
        for hashtag in hashtags() {
            for record in records(hashtag, 400) {
                let stored = Stored::read(&record).unwrap();
                assert_eq!(stored.post.format, Format::Research);
                assert!(ids.insert(stored.post.id));
                let caption = stored.post.caption.unwrap();
                assert!(
                    caption_tags(&caption)
                        .filter_map(Hashtag::new)
                        .any(|tag| tag.as_str() == hashtag)
                );
            }
        }
        assert_eq!(ids.len(), 1200);
        assert!(records("atlantis", 5).is_empty());
    }
}
