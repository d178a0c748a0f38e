//! Foreign text made safe to show.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A number of things in words: `1 post`, `2 posts`. `what` is the singular of a noun that takes an s.
pub fn counted(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// Text for a terminal or a page: control characters, and those that hide or reorder what
/// stands around them, are written out as `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || is_hostile(c))
}

/// As [`printable`], for texts of several lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\n' && is_hostile(c))
}

fn escape(text: &str, hostile: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if hostile(c) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Controls, bidirectional marks and overrides, line separators, and characters without width
/// (but not the joiners and selectors that emoji and scripts need).
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_post_was_called_posts() {
        let words: Vec<String> = [0, 1, 2].map(|count| counted(count, "post")).into();
        assert_eq!(words, ["0 posts", "1 post", "2 posts"]);
    }

    #[test]
    fn terminal_escapes_and_reordering_are_written_out() {
        for (hostile, safe) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("\u{202e}drow", "\\u{202e}drow"),
            ("two\nlines", "two\\u{a}lines"),
            ("c1\u{9b}31m", "c1\\u{9b}31m"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ] {
            assert_eq!(printable(hostile), safe);
        }
        assert_eq!(printable_lines("two\nlines\u{7}"), "two\nlines\\u{7}");
    }

    #[test]
    fn scripts_and_emoji_stay_as_they_are() {
        for text in [
            "fypシ",
            "ukraine🇺🇦",
            "👩‍🍳",
            "❤️",
            "हिन्दी",
            "می‌خواهم",
            "ภาษาไทย",
        ] {
            assert!(matches!(printable(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
