//! Makes foreign text harmless to draw: what nobody would see, or what would reorder the page, is shown as
//! its code point.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// How many marks may stand on one letter; more would run into the rows above and below.
const MOST_MARKS: usize = 2;
/// A tag longer than this is cut, however wide the page.
pub(super) const MOST_GRAPHEMES: usize = 60;

const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// A hashtag for use inside a title or another sentence: safe, and with a direction of its own.
pub fn isolated(tag: &str) -> String {
    let mut text = pieces(tag, MOST_GRAPHEMES + 1);
    if text.len() > MOST_GRAPHEMES {
        text.truncate(MOST_GRAPHEMES);
        text.push("…".to_owned());
    }
    format!("{FIRST_STRONG_ISOLATE}{}{POP_ISOLATE}", text.concat())
}

/// `⟨U+202E⟩`: a character that cannot be shown.
pub(super) fn code_point(c: char) -> String {
    format!("⟨U+{:04X}⟩", u32::from(c))
}

/// The first graphemes of a text, each as it may be drawn. One never stands in for two.
pub(super) fn pieces(text: &str, most: usize) -> Vec<String> {
    text.graphemes(true)
        .take(most)
        .map(|grapheme| shown(grapheme, false))
        .collect()
}

/// A sentence as it may be drawn. The isolates that [`isolated`] puts around a tag stay.
pub(super) fn sentence(text: &str) -> String {
    text.graphemes(true)
        .map(|grapheme| shown(grapheme, true))
        .collect()
}

/// A text for a line of its own in a markup file: no control characters, which XML forbids.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_noncharacter(c) {
                ' '
            } else {
                c
            }
        })
        .collect()
}

/// Whether a font may do without a glyph for it: joiners, selectors, tags, isolates.
pub(super) fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{180b}'..='\u{180f}')
}

fn shown(grapheme: &str, keep_isolates: bool) -> String {
    let mut shown = String::with_capacity(grapheme.len());
    let mut before = None;
    let mut marks = 0;
    for c in grapheme.chars() {
        marks = if is_stacking_mark(c) { marks + 1 } else { 0 };
        let kept_isolate = keep_isolates && matches!(c, FIRST_STRONG_ISOLATE | POP_ISOLATE);
        let kept_tag = grapheme.starts_with(BLACK_FLAG) && ('\u{e0020}'..='\u{e007f}').contains(&c);
        if !kept_isolate && !kept_tag && is_hidden(c, before) {
            shown.push_str(&code_point(c));
        } else if marks <= MOST_MARKS {
            shown.push(c);
        }
        before = Some(c);
    }
    shown
}

/// Whether a reader would not see this character, or would see others moved by it.
fn is_hidden(c: char, before: Option<char>) -> bool {
    match c {
        // Joiners have work to do in Arabic, Indic and emoji sequences, none after plain letters.
        '\u{200c}' | '\u{200d}' => before.is_none_or(|before| before < '\u{250}'),
        // A space is seen between letters, and these format characters have a shape.
        ' ' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{8e2}' => false,
        // Letters and marks without one.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{ffa0}' => true,
        _ if is_noncharacter(c) => true,
        _ => matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::PrivateUse
        ),
    }
}

/// Code points that never stand for anything.
fn is_noncharacter(c: char) -> bool {
    matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff) || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// The marks that go with any letter, and that "Zalgo" text heaps up.
fn is_stacking_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> String {
        pieces(text, usize::MAX).concat()
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "fypシ",
            "لندن",
            "ukraine🇺🇦",
            "हिन्दी",
            "क्‍ष",
            "می‌خواهم",
            "👨‍👩‍👧‍👦",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "1️⃣",
            "Việt",
        ] {
            assert_eq!(label(text), text);
        }
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        assert_eq!(label("a\u{202e}b"), "a⟨U+202E⟩b");
        assert_eq!(label("a\u{200d}b\u{200b}"), "a⟨U+200D⟩b⟨U+200B⟩");
        assert_eq!(label("\u{0}\n\u{2028}"), "⟨U+0000⟩⟨U+000A⟩⟨U+2028⟩");
        assert_eq!(
            label("\u{3164}\u{e000}\u{a0}\u{10ffff}"),
            "⟨U+3164⟩⟨U+E000⟩⟨U+00A0⟩⟨U+10FFFF⟩"
        );
        assert_eq!(label("a\u{e0041}"), "a⟨U+E0041⟩");
    }

    #[test]
    fn marks_do_not_pile_up() {
        let piled = format!("e{}x", "\u{301}".repeat(40));
        assert_eq!(label(&piled), format!("e{}x", "\u{301}".repeat(2)));
    }

    #[test]
    fn a_tag_cannot_leave_its_isolate() {
        assert_eq!(
            isolated("a\u{2069}\u{202e}"),
            "\u{2068}a⟨U+2069⟩⟨U+202E⟩\u{2069}"
        );
        assert_eq!(
            sentence(&isolated("a\u{2069}")),
            "\u{2068}a⟨U+2069⟩\u{2069}"
        );
        assert_eq!(isolated(&"x".repeat(61)).matches('x').count(), 60);
    }
}
