//! What makes two spellings the same hashtag.

use std::borrow::{Borrow, Cow};
use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A hashtag's identity: NFKC(lowercase(NFKC(text without leading `#` or `＃`))), U+0307 after `i` dropped.
///
/// The dropped dot is what lower-casing leaves of the Turkish `İ`; TikTok itself stores `#SONDAKİKA` as `sondakika`.
/// Never empty. Ordered by code point.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hashtag(Box<str>);

impl Hashtag {
    /// The identity of a spelling; `None` where nothing is left of it.
    pub fn new(text: &str) -> Option<Self> {
        let folded = fold(spelling(text));
        (!folded.is_empty()).then(|| Self(folded.into()))
    }

    /// Whether a text is a spelling of it.
    pub fn is_spelled(&self, text: &str) -> bool {
        let spelling = spelling(text);
        if spelling.is_ascii() && memchr::memchr(0, spelling.as_bytes()).is_none() {
            return spelling.eq_ignore_ascii_case(&self.0);
        }
        *fold(spelling) == *self.0
    }

    /// Whether a text surely is its own identity; `false` may mean either.
    ///
    /// Most hashtags are, and asking costs a fraction of folding.
    pub fn is_identity(text: &str) -> bool {
        let edges = [text.chars().next(), text.chars().next_back()];
        let has_edges = edges.into_iter().all(|edge| {
            edge.is_some_and(|c| !matches!(c, '#' | '＃' | '\0') && !c.is_whitespace())
        });
        has_edges && is_folded(text)
    }

    /// The folded text, without `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Hashtag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl Borrow<str> for Hashtag {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Hashtag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A tag as somebody wrote it, without the leading number signs and the white space around it.
pub fn spelling(text: &str) -> &str {
    text.trim_start_matches(|c: char| c == '#' || c == '＃' || c == '\0' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '\0' || c.is_whitespace())
}

/// Folds a spelling to its identity. Total, and folding twice changes nothing more.
fn fold(spelling: &str) -> Cow<'_, str> {
    if spelling.is_ascii() {
        return if spelling
            .bytes()
            .any(|byte| byte.is_ascii_uppercase() || byte == 0)
        {
            Cow::Owned(spelling.replace('\0', "").to_ascii_lowercase())
        } else {
            Cow::Borrowed(spelling)
        };
    }
    if is_folded(spelling) {
        return Cow::Borrowed(spelling);
    }
    let mut current = fold_once(spelling);
    // One pass is enough for all text that people write; characters that compose anew once a
    // dot is dropped, or whose compatibility form begins with `#`, need another.
    loop {
        let next = fold_once(&current);
        if next == current {
            return Cow::Owned(current);
        }
        current = next;
    }
}

/// Whether folding surely changes nothing; `false` may mean either.
fn is_folded(text: &str) -> bool {
    let is_plain_ascii = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase() && byte != 0;
    if text.bytes().all(is_plain_ascii) {
        return true;
    }
    text.chars().all(|c| match c {
        '\0' => false,
        c if c.is_ascii() => !c.is_ascii_uppercase(),
        c => is_plain(c) || c.to_lowercase().eq([c]),
    }) && (text.chars().all(|c| c.is_ascii() || is_plain(c))
        || is_nfkc_quick(text.chars()) == IsNormalized::Yes && !text.contains("i\u{307}"))
}

/// Characters of the commonest scripts that no step of folding changes, whatever stands beside them.
fn is_plain(c: char) -> bool {
    matches!(c,
        'ß'..='ö' | 'ø'..='ÿ' // Latin
        | 'а'..='џ' // Cyrillic
        | 'ء'..='ي' // Arabic
        | 'ก'..='ะ' // Thai
        | 'ぁ'..='ゖ' | 'ァ'..='ヺ' // Kana
        | '一'..='鿿' // Han
        | '가'..='힣' // Hangul
    )
}

fn fold_once(text: &str) -> String {
    let compatible: String = text.nfkc().filter(|&c| c != '\0').collect();
    let mut dotless = String::with_capacity(compatible.len());
    for c in self::spelling(&compatible).to_lowercase().chars() {
        if !(c == '\u{307}' && dotless.ends_with('i')) {
            dotless.push(c);
        }
    }
    dotless.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> String {
        Hashtag::new(text).unwrap().to_string()
    }

    #[test]
    fn one_tag_has_many_spellings() {
        for (spelled, folded) in [
            ("London", "london"),
            ("##london ", "london"),
            ("＃London", "london"),
            ("ＬＯＮＤＯＮ", "london"),
            ("mooove！", "mooove!"),
            ("SONDAKİKA", "sondakika"),
            ("fypシ\u{309a}", "fypシ\u{309a}"),
            ("STRASSE", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ukraine🇺🇦", "ukraine🇺🇦"),
        ] {
            assert_eq!(id(spelled), folded, "{spelled}");
        }
    }

    #[test]
    fn nothing_is_no_tag() {
        for text in ["", "#", "＃＃ ", "\0", "\u{a0}"] {
            assert_eq!(Hashtag::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn folding_twice_is_folding_once_for_every_character() {
        let changes = |c: &char| {
            let text = c.to_string();
            text.to_lowercase() != text || text.nfkc().ne(text.chars()) || !c.is_alphanumeric()
        };
        for c in ('\0'..'\u{20000}').filter(changes) {
            for text in [
                c.to_string(),
                format!("i{c}\u{307}"),
                format!("{c}\u{307}i"),
            ] {
                if let Some(tag) = Hashtag::new(&text) {
                    assert_eq!(Hashtag::new(tag.as_str()).as_ref(), Some(&tag), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn plain_characters_are_what_folding_leaves() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| is_plain(c)) {
            for text in [format!("{c}"), format!("i{c}{c}e"), format!("{c}ー{c}")] {
                assert_eq!(fold_once(&text), text);
            }
            assert_eq!(is_nfkc_quick([c].into_iter()), IsNormalized::Yes);
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0);
        }
    }

    proptest! {
        #[test]
        fn the_shortcut_is_folding(text in "([a-zA-Zi\u{307}İßǅéＦ０シ゚ﾟがか\u{3099}कािлЙй각ᆨ　ΣςſK#＃﹟✨️‍]|\\PC){0,12}") {
            let text = spelling(&text);
            if is_folded(text) {
                prop_assert_eq!(fold_once(text), text);
            }
        }

        #[test]
        fn a_spelling_is_told(text in "[#＃]?[aAİi\u{307}Ｆ\0 é]{0,3}", other in "[aAİi\u{307}Ｆé]{1,3}") {
            if let Some(tag) = Hashtag::new(&other) {
                prop_assert_eq!(tag.is_spelled(&text), Hashtag::new(&text) == Some(tag));
            }
        }

        #[test]
        fn folding_twice_is_folding_once(text in any::<String>()) {
            if let Some(tag) = Hashtag::new(&text) {
                prop_assert_eq!(Hashtag::new(tag.as_str()), Some(tag));
            }
        }
    }
}
