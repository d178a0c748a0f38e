//! The same figure on a terminal, in block characters.

use std::fmt::Write as _;

use unicode_bidi::{BidiClass, bidi_class};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::clean::{self, MOST_GRAPHEMES};
use super::{Figure, PlotError, Quantity};

/// A cell, filled from the left in eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const FULL: &str = "█";
/// What the second series is drawn with where there are no colours.
const SHADE: &str = "▒";
const NARROWEST: usize = 24;

/// Draws a figure with Unicode bars, `columns` wide, in colour or not; ends with a line feed.
///
/// Columns are counted as terminals count them: two for an ideograph, none for a combining mark.
pub fn terminal(figure: &Figure, columns: usize, colour: bool) -> Result<String, PlotError> {
    figure.check()?;
    let columns = columns.max(NARROWEST);
    let labels: Vec<String> = figure
        .bars
        .iter()
        .map(|bar| fitted(&bar.label, columns * 2 / 5))
        .collect();
    let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let words = columns.saturating_sub(widest + 4) * 3 / 5;
    let values = figure
        .quantities()
        .map(|(_, quantity)| fitted(&quantity.text, words).width())
        .max()
        .unwrap_or(0);
    let rows = Rows {
        label: widest,
        words,
        bar: columns.saturating_sub(widest + values + 2).max(1),
        most: figure
            .quantities()
            .map(|(_, quantity)| quantity.value)
            .fold(0.0, f64::max),
        colour,
    };

    let mut out = String::new();
    for line in wrapped(&figure.title, columns) {
        let _ = writeln!(out, "{}", painted(&line, "1", colour));
    }
    for line in figure
        .subtitle
        .iter()
        .flat_map(|text| wrapped(text, columns))
    {
        let _ = writeln!(out, "{}", painted(&line, "2", colour));
    }
    if let Some((first, second)) = figure.legend.as_ref().filter(|_| figure.is_paired()) {
        for (series, name) in [first, second].into_iter().enumerate() {
            let sample = if series == 1 && !colour { SHADE } else { FULL };
            let name = directed(&fitted(name, columns - 2));
            let _ = writeln!(out, "{} {name}", rows.coloured(sample, series));
        }
    }
    out.push('\n');
    for (bar, label) in figure.bars.iter().zip(&labels) {
        rows.write(&mut out, label, &bar.first, 0);
        if let Some(second) = &bar.second {
            rows.write(&mut out, "", second, 1);
        }
    }
    out.push('\n');
    let below = std::iter::once(&figure.axis.label).chain(&figure.footnote);
    for line in below.flat_map(|text| wrapped(text, columns)) {
        let _ = writeln!(out, "{}", painted(&line, "2", colour));
    }
    Ok(out)
}

struct Rows {
    label: usize,
    words: usize,
    bar: usize,
    most: f64,
    colour: bool,
}

impl Rows {
    fn write(&self, out: &mut String, label: &str, quantity: &Quantity, series: usize) {
        let pad = " ".repeat(self.label - label.width());
        let bar = self.coloured(&self.blocks(quantity.value, series), series);
        let words = directed(&fitted(&quantity.text, self.words));
        let gap = if bar.is_empty() { "" } else { " " };
        let _ = writeln!(out, "{pad}{} {bar}{gap}{words}", directed(label));
    }

    /// A bar in proportion to the longest, to an eighth of a cell. What is not nothing is not drawn as nothing.
    fn blocks(&self, value: f64, series: usize) -> String {
        if value <= 0.0 {
            return String::new();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of some hundred columns"
        )]
        let eighths = ((value / self.most * self.bar as f64 * 8.0).round() as usize).max(1);
        if series == 1 && !self.colour {
            return SHADE.repeat(eighths.div_ceil(8));
        }
        FULL.repeat(eighths / 8) + EIGHTHS[eighths % 8]
    }

    fn coloured(&self, text: &str, series: usize) -> String {
        let code = if series == 0 { "34" } else { "33" };
        painted(text, code, self.colour)
    }
}

fn painted(text: &str, code: &str, colour: bool) -> String {
    if colour && !text.is_empty() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// A text made safe and cut between graphemes to so many columns.
fn fitted(text: &str, columns: usize) -> String {
    let mut pieces = clean::pieces(text, MOST_GRAPHEMES + 1);
    let whole = pieces.len() <= MOST_GRAPHEMES;
    pieces.truncate(MOST_GRAPHEMES);
    let joined = pieces.concat();
    if whole && joined.width() <= columns {
        return joined;
    }
    while !pieces.is_empty() && pieces.concat().width() + 1 > columns {
        pieces.pop();
    }
    format!("{}…", pieces.concat())
}

/// A terminal that reorders right-to-left text would pull the bar and its numbers into it; an invisible
/// left-to-right mark keeps them apart.
fn directed(text: &str) -> String {
    let reordered = text
        .chars()
        .any(|c| matches!(bidi_class(c), BidiClass::R | BidiClass::AL));
    if reordered {
        format!("{text}\u{200e}")
    } else {
        text.to_owned()
    }
}

/// Lines of words, none wider than so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let text: String = clean::sentence(text)
        .chars()
        .filter(|c| !('\u{2066}'..='\u{2069}').contains(c))
        .collect();
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word.to_owned();
        while word.width() > columns {
            let mut head = String::new();
            for grapheme in word.graphemes(true) {
                if !head.is_empty() && head.width() + grapheme.width() > columns {
                    break;
                }
                head.push_str(grapheme);
            }
            word.drain(..head.len());
            lines.push(head);
        }
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.iter().map(|line| directed(line)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::plot::{Axis, Bar};

    fn figure(rows: &[(&str, f64)]) -> Figure {
        Figure {
            title: "Co-occurring hashtags".to_owned(),
            bars: rows
                .iter()
                .map(|&(label, value)| Bar {
                    label: label.to_owned(),
                    first: Quantity {
                        value,
                        text: format!("{value:.1} %"),
                        whisker: None,
                    },
                    second: None,
                })
                .collect(),
            axis: Axis {
                label: "Percent of posts".to_owned(),
                ..Axis::default()
            },
            ..Figure::default()
        }
    }

    #[test]
    fn bars_are_in_proportion_and_aligned_by_columns() {
        let drawn = terminal(
            &figure(&[("東京", 40.0), ("fyp", 20.0), ("a", 0.1)]),
            40,
            false,
        );
        assert_eq!(
            drawn.unwrap(),
            "Co-occurring hashtags\n\n\
             東京 ████████████████████████████ 40.0 %\n\
             \x20fyp ██████████████ 20.0 %\n\
             \x20  a ▏ 0.1 %\n\n\
             Percent of posts\n"
        );
    }

    #[test]
    fn colours_come_only_where_asked_for() {
        let figure = figure(&[("fyp", 1.0)]);
        assert!(!terminal(&figure, 40, false).unwrap().contains('\u{1b}'));
        assert!(terminal(&figure, 40, true).unwrap().contains("\u{1b}[34m█"));
    }

    #[test]
    fn pairs_are_told_apart_without_colours() {
        let mut figure = figure(&[("fyp", 4.0)]);
        figure.legend = Some(("#london".to_owned(), "#paris".to_owned()));
        figure.bars[0].second = Some(Quantity {
            value: 2.0,
            text: "2".to_owned(),
            whisker: None,
        });
        let drawn = terminal(&figure, 30, false).unwrap();
        assert!(drawn.contains("▒ #paris\n"), "{drawn}");
        assert!(drawn.contains("\n    ▒▒▒▒▒▒▒▒▒▒ 2\n"), "{drawn}");
    }

    #[test]
    fn a_tag_cannot_steer_the_terminal() {
        let drawn = terminal(&figure(&[("a\u{1b}[2Jb\u{202e}c\r\n", 1.0)]), 80, false).unwrap();
        assert!(drawn.contains("a⟨U+001B⟩[2Jb⟨U+202E⟩c"), "{drawn}");
        assert!(!drawn.contains('\u{1b}') && !drawn.contains('\r'));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            label in any::<String>(),
            title in any::<String>(),
            value in 0.0..1e12_f64,
            columns in 24..160_usize,
        ) {
            let mut figure = figure(&[(&label, value), ("fyp", 3.0)]);
            figure.title = title;
            let drawn = terminal(&figure, columns, false).unwrap();
            for line in drawn.lines() {
                prop_assert!(line.width() <= columns, "{line:?}");
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}
