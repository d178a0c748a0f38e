//! Which scripts a chart can write on this machine.

use super::fonts::Fonts;

/// Scripts that captions on TikTok are written in, with a letter of each.
const SCRIPTS: [(&str, &str); 29] = [
    ("Latin", "a"),
    ("Greek", "α"),
    ("Cyrillic", "ж"),
    ("Hebrew", "ש"),
    ("Arabic", "ع"),
    ("Devanagari", "ह"),
    ("Thai", "ก"),
    ("kana", "あ"),
    ("emoji", "😀"),
    ("Chinese", "中"),
    ("Korean", "한"),
    ("Armenian", "Ա"),
    ("Georgian", "ქ"),
    ("Bengali", "অ"),
    ("Gujarati", "અ"),
    ("Gurmukhi", "ਅ"),
    ("Kannada", "ಅ"),
    ("Malayalam", "അ"),
    ("Odia", "ଅ"),
    ("Tamil", "அ"),
    ("Telugu", "అ"),
    ("Sinhala", "අ"),
    ("Khmer", "ក"),
    ("Lao", "ກ"),
    ("Burmese", "က"),
    ("Tibetan", "ཀ"),
    ("Ethiopic", "አ"),
    ("Mongolian", "ᠠ"),
    ("Cherokee", "Ꭰ"),
];

impl Fonts {
    /// Scripts that have a font, and those whose letters would be written as ⟨U+XXXX⟩.
    pub fn scripts(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let (with, without): (Vec<_>, Vec<_>) = SCRIPTS
            .iter()
            .partition(|(_, letter)| self.face(letter, false, false).is_some());
        let name = |scripts: Vec<&(&'static str, &str)>| {
            scripts.into_iter().map(|(name, _)| *name).collect()
        };
        (name(with), name(without))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_fonts_cover_what_is_promised() {
        let (with, without) = Fonts::new(false).scripts();
        assert_eq!(
            with,
            [
                "Latin",
                "Greek",
                "Cyrillic",
                "Hebrew",
                "Arabic",
                "Devanagari",
                "Thai",
                "kana",
                "emoji"
            ]
        );
        assert_eq!(with.len() + without.len(), SCRIPTS.len());
    }
}
