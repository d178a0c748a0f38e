//! Lines of text as they will be drawn: which font each part takes, in which order the parts stand, and how
//! wide they are.
//!
//! The rasteriser picks one script and one font per stretch of text and mixes fonts badly, so every stretch
//! here has one font, one script and one direction, and its own place on the line.

use std::cell::RefCell;
use std::collections::BTreeSet;

use unicode_bidi::{BidiInfo, Level};
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use super::clean::{self, MOST_GRAPHEMES, code_point};
use super::fonts::{Face, Fonts};

const ELLIPSIS: &str = "…";

/// How large and heavy a text is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// In points.
    pub(super) size: f64,
    pub(super) bold: bool,
}

/// Which way a line runs when its words run both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Our sentences.
    LeftToRight,
    /// A text of its own: as its first letter runs.
    FirstLetter,
}

/// A line of text, measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// The whole of it, for programs that do their own shaping.
    pub(super) text: String,
    /// In reading order.
    pub(super) runs: Vec<Run>,
    /// In points.
    pub(super) width: f64,
}

impl Line {
    fn is_cut(&self) -> bool {
        self.runs
            .last()
            .is_some_and(|run| run.text.ends_with(ELLIPSIS))
    }
}

/// Neighbouring characters of one font, script and direction.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) face: Face,
    pub(super) right_to_left: bool,
    /// Distance of its left end from the line's left end, in points.
    pub(super) offset: f64,
    /// In points.
    pub(super) width: f64,
}

/// Shapes texts and remembers which characters no font has.
pub(super) struct Shaper<'fonts> {
    fonts: &'fonts Fonts,
    missing: RefCell<BTreeSet<char>>,
}

struct Cluster {
    text: String,
    face: Face,
}

impl<'fonts> Shaper<'fonts> {
    pub(super) fn new(fonts: &'fonts Fonts) -> Self {
        Self {
            fonts,
            missing: RefCell::default(),
        }
    }

    /// The characters that no font has, in order.
    pub(super) fn missing(&self) -> Vec<char> {
        self.missing.borrow().iter().copied().collect()
    }

    /// A hashtag or value, cut between graphemes with `…` where it would be wider than `width` points.
    pub(super) fn label(&self, text: &str, look: Look, width: f64) -> Line {
        let mut pieces = clean::pieces(text, MOST_GRAPHEMES + 1);
        let whole = pieces.len() <= MOST_GRAPHEMES;
        pieces.truncate(MOST_GRAPHEMES);
        self.cut(&pieces, whole, look, width, Base::FirstLetter)
    }

    /// A sentence in as many lines as it needs, at most `most`.
    pub(super) fn paragraph(&self, text: &str, look: Look, width: f64, most: usize) -> Vec<Line> {
        let text = clean::sentence(text);
        let mut lines = Vec::new();
        if text.is_empty() {
            return lines;
        }
        let mut words: Vec<&str> = text.split(' ').rev().collect();
        while let Some(first) = words.pop() {
            let mut line = first.to_owned();
            if lines.len() + 1 == most {
                while let Some(word) = words.pop() {
                    line.push(' ');
                    line.push_str(word);
                }
            }
            while let Some(word) = words.last() {
                let longer = format!("{line} {word}");
                if self.line(&longer, look, Base::LeftToRight).width > width {
                    break;
                }
                line = longer;
                words.pop();
            }
            let pieces: Vec<String> = line.graphemes(true).map(str::to_owned).collect();
            lines.push(self.cut(&pieces, true, look, width, Base::LeftToRight));
        }
        lines
    }

    /// Like [`Shaper::paragraph`], but with lines of about one length: a headline's last word does not stand alone.
    pub(super) fn balanced(&self, text: &str, look: Look, width: f64, most: usize) -> Vec<Line> {
        let mut best = self.paragraph(text, look, width, most);
        let number = best.len();
        if number < 2 || number == most {
            return best;
        }
        for percent in (50..100).rev().step_by(5) {
            let narrow = width * f64::from(percent) / 100.0;
            let lines = self.paragraph(text, look, narrow, most);
            let cut = lines.iter().any(Line::is_cut);
            if cut || lines.len() > number {
                break;
            }
            best = lines;
        }
        best
    }

    /// As many pieces as fit.
    fn cut(&self, pieces: &[String], whole: bool, look: Look, width: f64, base: Base) -> Line {
        if whole {
            let line = self.line(&pieces.concat(), look, base);
            if line.width <= width {
                return line;
            }
        }
        let cut_after = |number: usize| {
            let kept = pieces[..number].concat();
            self.line(&format!("{}{ELLIPSIS}", kept.trim_end()), look, base)
        };
        let (mut fitting, mut least_too_many) = (0, pieces.len() + 1);
        while fitting + 1 < least_too_many {
            let middle = usize::midpoint(fitting, least_too_many);
            if cut_after(middle).width <= width {
                fitting = middle;
            } else {
                least_too_many = middle;
            }
        }
        cut_after(fitting)
    }

    /// A line of safe text.
    pub(super) fn line(&self, text: &str, look: Look, base: Base) -> Line {
        let mut clusters = self.clusters(text, look.bold);
        // A shaper can still lack a glyph for a sequence whose characters it has. One more round shows
        // their code points, which always have glyphs.
        for _ in 0..2 {
            match self.place(&clusters, look, base) {
                Ok(line) => return line,
                Err(missing) => {
                    let without: Vec<Cluster> = std::mem::take(&mut clusters)
                        .into_iter()
                        .enumerate()
                        .flat_map(|(place, cluster)| {
                            if missing.contains(&place) {
                                self.spelled(&cluster.text, look.bold, true)
                            } else {
                                vec![cluster]
                            }
                        })
                        .collect();
                    clusters = without;
                }
            }
        }
        Line::default()
    }

    fn clusters(&self, text: &str, bold: bool) -> Vec<Cluster> {
        let japanese = text
            .chars()
            .any(|c| matches!(c.script(), Script::Hiragana | Script::Katakana));
        let mut clusters = Vec::new();
        for grapheme in text.graphemes(true) {
            match self.fonts.face(grapheme, bold, japanese) {
                Some(face) => clusters.push(Cluster {
                    text: grapheme.to_owned(),
                    face,
                }),
                None => clusters.extend(self.spelled(grapheme, bold, false)),
            }
        }
        self.unite_japanese(&mut clusters);
        clusters
    }

    /// Kana beside ideographs take the ideographs' font, so that a word is of one hand.
    fn unite_japanese(&self, clusters: &mut [Cluster]) {
        let script = |cluster: &Cluster| cluster.text.chars().next().map(|c| c.script());
        let Some(face) = clusters
            .iter()
            .find(|cluster| script(cluster) == Some(Script::Han))
            .map(|cluster| cluster.face.clone())
        else {
            return;
        };
        for cluster in clusters {
            let kana = matches!(script(cluster), Some(Script::Hiragana | Script::Katakana));
            if kana && self.fonts.covers(&face, &cluster.text) {
                cluster.face = face.clone();
            }
        }
    }

    /// A grapheme that cannot be drawn as one: its characters, those without a glyph as code points.
    fn spelled(&self, grapheme: &str, bold: bool, all: bool) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        for c in grapheme.chars() {
            let alone = c.to_string();
            if !all && let Some(face) = self.fonts.face(&alone, bold, false) {
                clusters.push(Cluster { text: alone, face });
                continue;
            }
            self.missing.borrow_mut().insert(c);
            for written in code_point(c).graphemes(true) {
                if let Some(face) = self.fonts.face(written, bold, false) {
                    clusters.push(Cluster {
                        text: written.to_owned(),
                        face,
                    });
                }
            }
        }
        clusters
    }

    /// Puts runs beside each other as they are seen; fails with the clusters that have no glyph.
    fn place(&self, clusters: &[Cluster], look: Look, base: Base) -> Result<Line, Vec<usize>> {
        let text: String = clusters.iter().map(|cluster| &*cluster.text).collect();
        let base = match base {
            Base::LeftToRight => Some(Level::ltr()),
            Base::FirstLetter => None,
        };
        let info = BidiInfo::new(&text, base);
        let Some(paragraph) = info.paragraphs.first() else {
            return Ok(Line::default());
        };
        let levels = info.reordered_levels(paragraph, paragraph.range.clone());
        let parts = split(clusters, &levels);

        let mut missing = Vec::new();
        let mut runs = Vec::with_capacity(parts.len());
        for part in &parts {
            let face = clusters[part.first].face.clone();
            let shaped = self.fonts.shape(&face, &part.text, part.level.is_rtl());
            missing.extend(
                shaped
                    .missing
                    .iter()
                    .map(|&byte| part.cluster_at(clusters, byte)),
            );
            runs.push(Run {
                text: part.text.clone(),
                face,
                right_to_left: part.level.is_rtl(),
                offset: 0.0,
                width: shaped.advance * look.size,
            });
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let levels: Vec<Level> = parts.iter().map(|part| part.level).collect();
        let mut width = 0.0;
        for place in BidiInfo::reorder_visual(&levels) {
            runs[place].offset = width;
            width += runs[place].width;
        }
        // Whoever shapes it anew must begin at the same end.
        let text = if base.is_none() && paragraph.level.is_rtl() {
            format!("\u{2067}{text}\u{2069}")
        } else {
            text.clone()
        };
        Ok(Line { text, runs, width })
    }
}

/// A stretch of clusters that become one run.
struct Part {
    first: usize,
    text: String,
    level: Level,
    script: Script,
}

impl Part {
    fn cluster_at(&self, clusters: &[Cluster], byte: usize) -> usize {
        let mut end = 0;
        clusters[self.first..]
            .iter()
            .position(|cluster| {
                end += cluster.text.len();
                byte < end
            })
            .map_or(self.first, |place| self.first + place)
    }
}

/// Divides a line where its font, direction or script changes.
fn split(clusters: &[Cluster], levels: &[Level]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut byte = 0;
    for (place, cluster) in clusters.iter().enumerate() {
        let level = levels.get(byte).copied().unwrap_or(Level::ltr());
        byte += cluster.text.len();
        let script = cluster
            .text
            .chars()
            .map(|c| c.script())
            .find(|script| !matches!(script, Script::Common | Script::Inherited))
            .unwrap_or(Script::Common);
        if let Some(last) = parts.last_mut()
            && last.level == level
            && clusters[last.first].face == cluster.face
            && (last.script == script || script == Script::Common || last.script == Script::Common)
        {
            last.text.push_str(&cluster.text);
            if last.script == Script::Common {
                last.script = script;
            }
        } else {
            parts.push(Part {
                first: place,
                text: cluster.text.clone(),
                level,
                script,
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        size: 10.0,
        bold: false,
    };

    fn families(line: &Line) -> Vec<&str> {
        line.runs.iter().map(|run| &*run.face.family).collect()
    }

    #[test]
    fn bundled_scripts_have_every_glyph() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        for (text, family) in [
            ("łondon", "Noto Sans"),
            ("Ελλάδα", "Noto Sans"),
            ("Україна", "Noto Sans"),
            ("Việt\u{301}", "Noto Sans"),
            ("עברית", "Noto Sans Hebrew"),
            ("لندن", "Noto Sans Arabic"),
            ("हिन्दी", "Noto Sans Devanagari"),
            ("ภาษาไทย", "Noto Sans Thai"),
            ("シブヤー", "Noto Sans JP"),
            ("さくら", "Noto Sans JP"),
            ("ｆｕｌｌ", "Noto Sans JP"),
            ("𝓕𝔂𝓹⟨⟩", "Noto Sans Math"),
            ("🇺🇦", "Noto Emoji"),
            ("👨‍👩‍👧‍👦", "Noto Emoji"),
            ("1️⃣", "Noto Emoji"),
            ("👩🏽‍🚀", "Noto Emoji"),
        ] {
            let line = shaper.line(text, LOOK, Base::FirstLetter);
            assert_eq!(families(&line), [family], "{text}");
            assert!(line.width > 5.0, "{text}");
        }
        assert!(shaper.missing().is_empty());
    }

    #[test]
    fn letters_are_joined_and_flags_are_one_sign() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let width = |text: &str| shaper.line(text, LOOK, Base::FirstLetter).width;
        let apart: f64 = "لندن".chars().map(|c| width(&c.to_string())).sum();
        assert!(width("لندن") < 0.8 * apart);
        assert!((width("🇺🇦") - width("🎉")).abs() < 2.0);
        assert!((width("👨‍👩‍👧‍👦") - width("🎉")).abs() < 2.0);
    }

    #[test]
    fn mixed_scripts_did_not_take_each_others_font() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let line = shaper.line("ukraine🇺🇦हिन्दी", LOOK, Base::FirstLetter);
        assert_eq!(
            families(&line),
            ["Noto Sans", "Noto Emoji", "Noto Sans Devanagari"]
        );
        assert!((line.runs[1].offset - line.runs[0].width).abs() < 1e-9);
    }

    #[test]
    fn right_to_left_runs_stand_in_their_order() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let line = shaper.line("لندن🎬", LOOK, Base::FirstLetter);
        assert!(line.runs[0].offset > line.runs[1].offset);
        assert!(line.text.starts_with('\u{2067}'));
        let sentence = shaper.line("a לב b", LOOK, Base::LeftToRight);
        assert!(sentence.runs[0].offset < sentence.runs[1].offset);
    }

    #[test]
    fn what_has_no_glyph_is_a_code_point() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let line = shaper.line("x東京", LOOK, Base::FirstLetter);
        assert_eq!(line.text, "x⟨U+6771⟩⟨U+4EAC⟩");
        assert_eq!(shaper.missing(), ['京', '東']);
    }

    #[test]
    fn long_labels_are_cut_between_graphemes() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        for text in ["x".repeat(90), "👨‍👩‍👧‍👦".repeat(300), "नि".repeat(80)] {
            let line = shaper.label(&text, LOOK, 120.0);
            assert!(line.width <= 120.0);
            let kept = line.text.strip_suffix('…').unwrap();
            let grapheme = text.graphemes(true).next().unwrap();
            assert!(kept.len() > grapheme.len());
            assert_eq!(kept.replace(grapheme, ""), "");
        }
        let wide = shaper.label(&"i".repeat(61), LOOK, 1e6);
        assert_eq!(wide.text, format!("{}…", "i".repeat(60)));
    }

    #[test]
    fn a_headline_leaves_no_word_alone() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let text = "Co-occurring hashtags for #london and #paris posts";
        let lines = shaper.balanced(text, LOOK, 220.0, 4);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].width > 0.6 * lines[0].width);
        let all: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        assert_eq!(all.join(" "), text);
    }
}
