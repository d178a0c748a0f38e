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
    #[inline]
    pub fn is_spelled(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        if let [first, .., last] | [first @ last] = bytes
            && is_edge(*first)
            && is_edge(*last)
            && is_simple(bytes)
        {
            return bytes.len() == self.0.len() && text.eq_ignore_ascii_case(&self.0);
        }
        // Of a character that folding leaves as it is, something is left.
        if self.0.is_ascii() && text.chars().any(|c| !c.is_ascii() && is_plain(c.into())) {
            return false;
        }
        *fold(spelling(text)) == *self.0
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

    /// Whether the inside of a JSON string surely is its own identity; `false` may mean either, or that it is
    /// no UTF-8.
    ///
    /// One pass over the bytes tells it of the commonest scripts.
    pub fn is_identity_in_json(inside: &[u8]) -> bool {
        let edges = [inside.first(), inside.last()];
        if !edges.iter().all(|edge| matches!(edge, Some(b'!' | 0x24..))) {
            return false;
        }
        let bits = |byte: u8, last: u8| u32::from(byte & last);
        let mut rest = inside;
        loop {
            let code;
            (code, rest) = match *rest {
                [] => return true,
                [b'\\', ..] => return false,
                [a @ ..0x80, ref rest @ ..] => (u32::from(a), rest),
                [a @ 0xc2..=0xdf, b @ 0x80..=0xbf, ref rest @ ..] => {
                    (bits(a, 0x1f) << 6 | bits(b, 0x3f), rest)
                }
                [
                    a @ 0xe1..=0xef,
                    b @ 0x80..=0xbf,
                    c @ 0x80..=0xbf,
                    ref rest @ ..,
                ]
                | [a @ 0xe0, b @ 0xa0..=0xbf, c @ 0x80..=0xbf, ref rest @ ..] => (
                    bits(a, 0xf) << 12 | bits(b, 0x3f) << 6 | bits(c, 0x3f),
                    rest,
                ),
                [
                    0xf0,
                    a @ 0x90..=0xbf,
                    b @ 0x80..=0xbf,
                    c @ 0x80..=0xbf,
                    ref rest @ ..,
                ] => (
                    bits(a, 0x3f) << 12 | bits(b, 0x3f) << 6 | bits(c, 0x3f),
                    rest,
                ),
                _ => return false,
            };
            if !is_plain(code) {
                return false;
            }
        }
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
#[inline]
pub fn spelling(text: &str) -> &str {
    // Mostly there is nothing to trim.
    if let [first, .., last] = text.as_bytes()
        && is_edge(*first)
        && is_edge(*last)
    {
        return text;
    }
    text.trim_start_matches(|c: char| c == '#' || c == '＃' || c == '\0' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '\0' || c.is_whitespace())
}

/// Whether a byte is a character that is never trimmed from a spelling; `false` may mean either.
fn is_edge(byte: u8) -> bool {
    (b'$'..=b'~').contains(&byte)
}

/// Whether no byte is NUL, which is dropped, or of a character beyond ASCII, most of which are folded.
#[inline]
fn is_simple(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Without a byte beyond ASCII, only a NUL borrows from its highest bit.
    let is_simple = |word: u64| (word.wrapping_sub(ONES) | word) & (ONES * 0x80) == 0;
    let (words, _) = bytes.as_chunks::<8>();
    match bytes.last_chunk::<8>() {
        Some(last) => {
            let words = words.iter().chain([last]);
            words.fold(true, |all, word| all & is_simple(u64::from_le_bytes(*word)))
        }
        None => bytes
            .iter()
            .fold(true, |all, byte| all & (1..=0x7F).contains(byte)),
    }
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
    while !is_folded(&current) || self::spelling(&current) != current {
        let next = fold_once(&current);
        if next == current {
            break;
        }
        current = next;
    }
    Cow::Owned(current)
}

/// Whether folding surely changes nothing but what stands at the edges; `false` may mean either.
fn is_folded(text: &str) -> bool {
    text.chars().all(|c| is_plain(c.into()))
        || text
            .chars()
            .all(|c| is_plain(c.into()) || c != '\0' && c.to_lowercase().eq([c]))
            && is_nfkc_quick(text.chars()) == IsNormalized::Yes
            && !text.contains("i\u{307}")
}

/// Characters that no step of folding changes, whatever stands beside them: those of ASCII and of
/// the commonest scripts.
#[inline]
fn is_plain(code: u32) -> bool {
    /// A bit for each.
    static BITS: [u64; 1 << 10] = {
        let mut bits = [0; 1 << 10];
        let mut range = 0;
        while range < PLAIN.len() {
            let (mut c, last) = PLAIN[range];
            while c <= last {
                bits[c as usize >> 6] |= 1 << (c & 63);
                c += 1;
            }
            range += 1;
        }
        bits
    };
    match BITS.get(code as usize >> 6) {
        Some(bits) => bits >> (code & 63) & 1 == 1,
        // Emoji, and the letters of flags.
        None => matches!(code, 0x1f1e6..=0x1f1ff | 0x1f300..=0x1faf8),
    }
}

/// Ranges of [`is_plain`] below U+10000, from the first to the last.
const PLAIN: [(u16, u16); 47] = [
    (0x01, 0x40),
    (0x5b, 0x7f),
    (0xdf, 0xf6), // Latin
    (0xf8, 0xff),
    (0x103, 0x103), // Romanian
    (0x105, 0x105), // Polish, Czech
    (0x107, 0x107),
    (0x10d, 0x10d),
    (0x119, 0x119),
    (0x11b, 0x11b),
    (0x11f, 0x11f), // Turkish
    (0x131, 0x131),
    (0x142, 0x142),
    (0x151, 0x151), // Hungarian
    (0x159, 0x159),
    (0x15b, 0x15b),
    (0x15f, 0x15f),
    (0x161, 0x161),
    (0x3ac, 0x3af), // Greek
    (0x3b1, 0x3ce),
    (0x430, 0x45f), // Cyrillic
    (0x561, 0x586), // Armenian
    (0x5d0, 0x5ea), // Hebrew
    (0x621, 0x64a), // Arabic
    (0x660, 0x669),
    (0x66e, 0x66f),
    (0x671, 0x674),
    (0x679, 0x6d3),
    (0x904, 0x939), // Devanagari
    (0x93d, 0x94c),
    (0x985, 0x9b9), // Bengali
    (0xb85, 0xbb9), // Tamil
    (0xe01, 0xe30), // Thai
    (0xe34, 0xe37),
    (0xe40, 0xe47),
    (0x10d0, 0x10fa), // Georgian
    (0x200d, 0x200d), // joins emoji
    (0x2600, 0x27bf), // symbols
    (0x3041, 0x3096), // Kana
    (0x30a1, 0x30fa),
    (0x30fc, 0x30fe),
    (0x4e00, 0x9fff), // Han
    (0xac00, 0xd7a3), // Hangul
    (0xfe0f, 0xfe0f), // an emoji in colour
    (0x1780, 0x17b3), // Khmer
    (0x1000, 0x1021), // Burmese
    (0x12d8, 0x1310), // Ethiopic
];

fn fold_once(text: &str) -> String {
    let mut compatible = Cow::Borrowed(text);
    if is_nfkc_quick(text.chars()) != IsNormalized::Yes || text.contains('\0') {
        compatible = Cow::Owned(text.nfkc().filter(|&c| c != '\0').collect());
    }
    let mut dotless = self::spelling(&compatible).to_lowercase();
    if dotless.contains("i\u{307}") {
        let dotted = std::mem::take(&mut dotless);
        for c in dotted.chars() {
            if !(c == '\u{307}' && dotless.ends_with('i')) {
                dotless.push(c);
            }
        }
    }
    if is_nfkc_quick(dotless.chars()) == IsNormalized::Yes {
        return dotless;
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

    /// [`fold_once`] without shortcuts.
    fn slowly(text: &str) -> String {
        let compatible: String = text.nfkc().filter(|&c| c != '\0').collect();
        let mut dotless = String::new();
        for c in spelling(&compatible).to_lowercase().chars() {
            if !(c == '\u{307}' && dotless.ends_with('i')) {
                dotless.push(c);
            }
        }
        dotless.nfkc().collect()
    }

    #[test]
    fn plain_characters_are_what_folding_leaves() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| is_plain(c.into())) {
            for text in [format!("{c}"), format!("i{c}{c}e"), format!("{c}ー{c}")] {
                assert_eq!(slowly(&text), text, "{:x}", u32::from(c));
            }
            assert_eq!(is_nfkc_quick([c].into_iter()), IsNormalized::Yes, "{c}");
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0);
        }
    }

    proptest! {
        #[test]
        fn the_shortcut_is_folding(text in "([a-zA-Zi\u{307}İßǅéＦ０シ゚ﾟがか\u{3099}कािлЙй각ᆨ　ΣςſK#＃﹟✨️‍]|\\PC){0,12}") {
            let text = spelling(&text);
            prop_assert_eq!(fold_once(text), slowly(text));
            if is_folded(text) {
                prop_assert_eq!(slowly(text), text);
            }
        }

        #[test]
        fn what_stands_in_json_is_told_from_its_bytes(
            text in "[a-z0-9éış日фا가🌀🇬\u{fe0f}]{1,9}",
            other in "([a-zA# \\\\]|[éфñद日ﬀ＃🌀ışł]|\\PC){0,5}",
            broken in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            prop_assert!(Hashtag::is_identity_in_json(text.as_bytes()), "{}", text);
            for text in [text.clone() + &other, other.clone() + &text, other] {
                let mut bytes = text.into_bytes();
                if let Some((at, byte)) = broken && !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                if Hashtag::is_identity_in_json(&bytes) {
                    let text = std::str::from_utf8(&bytes).unwrap();
                    prop_assert!(Hashtag::is_identity(text) && !text.contains('\\'), "{}", text);
                }
            }
        }

        #[test]
        fn a_spelling_is_told(text in "[#＃]?[aAİi\u{307}Ｆ\0 éя日\u{200d}\u{fe0f}가\u{11a8}\u{212a}]{0,3}", other in "[aAİi\u{307}Ｆé]{1,3}") {
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
