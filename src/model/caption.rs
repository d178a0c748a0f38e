//! Which words of a caption are hashtags.
//!
//! TikTok's own list of a post's hashtags is often cut short or left out by the tool that saved
//! it, so that the caption has to be asked too. The grammar is the one that fits TikTok's own
//! segmentation: letters, combining marks, digits, `_` and emoji, up to the first other character.

use unicode_properties::{GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory};

/// The hashtags of a caption in their order, as spelled there, without `#`; repeats included.
///
/// What it cannot know: hashtags that TikTok stores with `!` or `?` inside, and words after `#`
/// that TikTok did not link.
pub fn caption_tags(caption: &str) -> impl Iterator<Item = &str> {
    let mut rest = caption;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(['#', '＃'])?;
            if KEYCAP.iter().any(|end| after.starts_with(end)) {
                rest = after;
                continue;
            }
            // A variation selector that an emoji keyboard left behind the sign is not seen by
            // anybody and must not make a hashtag of its own.
            let start = after.trim_start_matches([EMOJI_STYLE, JOINER]);
            let end = start
                .find(|c: char| !belongs_to_tag(c))
                .unwrap_or(start.len());
            let (tag, remainder) = start.split_at(end);
            rest = remainder;
            if tag.chars().any(|c| !is_mark(c)) {
                return Some(tag);
            }
        }
    })
}

/// What follows the `#` of the emoji `#️⃣`, with and without the variation selector.
const KEYCAP: [&str; 2] = ["\u{fe0f}\u{20e3}", "\u{20e3}"];
/// U+FE0F, which asks for the coloured form of the character before it.
const EMOJI_STYLE: char = '\u{fe0f}';
/// U+200D, which glues emoji together.
const JOINER: char = '\u{200d}';

fn belongs_to_tag(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    match c.general_category_group() {
        GeneralCategoryGroup::Letter
        | GeneralCategoryGroup::Mark
        | GeneralCategoryGroup::Number => true,
        // `‼`, `⁉` and `〰` are emoji by their property, but punctuation to everybody.
        GeneralCategoryGroup::Punctuation | GeneralCategoryGroup::Separator => false,
        // Components: the joiner, regional indicators, the tag characters of Scotland's flag.
        GeneralCategoryGroup::Symbol | GeneralCategoryGroup::Other => {
            c.is_emoji_char_or_emoji_component()
        }
    }
}

fn is_mark(c: char) -> bool {
    c == JOINER || (!c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_end_where_tiktok_ends_them() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("no tags, just 1# and # and ##", &[]),
            ("look #a_1 and #B.", &["a_1", "B"]),
            ("#free_fire#kellyfreefire", &["free_fire", "kellyfreefire"]),
            ("x#glued ##twice", &["glued", "twice"]),
            ("＃全角 #、#次。", &["全角", "次"]),
            ("#fyp@someone #a-b #it's", &["fyp", "a", "it"]),
            (
                "#fyp\u{2060} #fyp\u{200b}x #fyp\u{2028}x",
                &["fyp", "fyp", "fyp"],
            ),
            ("#SONDAKİKA #sıcakbölge", &["SONDAKİKA", "sıcakbölge"]),
            (
                "#โรงแรม #हिन्दी #القرآن_الكريم",
                &["โรงแรม", "हिन्दी", "القرآن_الكريم"],
            ),
            (
                "#fypシ\u{309a}viral #fypシ\u{ff9f}",
                &["fypシ\u{309a}viral", "fypシ\u{ff9f}"],
            ),
            ("#❤️ #foryoupage❤️❤️!", &["❤️", "foryoupage❤️❤️"]),
            ("#👩🏽‍🚒x #🇺🇦 #🏴󠁧󠁢󠁥󠁮󠁧󠁿go", &["👩🏽‍🚒x", "🇺🇦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿go"]),
            ("#1️⃣st #️⃣ #️⃣#a", &["1️⃣st", "a"]),
            ("#\u{fe0f}fyp #\u{fe0f} #\u{301}", &["fyp"]),
            ("#mooove！ #wow‼️ #a\nb", &["mooove", "wow", "a"]),
        ];
        for (caption, tags) in cases {
            let found: Vec<&str> = caption_tags(caption).collect();
            assert_eq!(&found, tags, "{caption}");
        }
    }

    proptest! {
        #[test]
        fn tags_are_pieces_of_the_caption_behind_a_number_sign(
            caption in "([#＃@ a_é1️⃣❤‍\u{e0067}!]|\\PC){0,40}"
        ) {
            let mut from = 0;
            for tag in caption_tags(&caption) {
                let at = tag.as_ptr() as usize - caption.as_ptr() as usize;
                prop_assert!(!tag.is_empty() && !tag.contains(['#', '＃', '@', ' ']));
                prop_assert!(at > from || from == 0);
                prop_assert!(caption[from..at].contains(['#', '＃']));
                from = at + tag.len();
            }
        }
    }
}
