//! Where everything stands. Lengths are points, 72 to the inch, from the page's upper left corner.

use super::scale;
use super::shape::{Base, Line, Look, Shaper};
use super::{Bar, Figure, PlotError, Quantity, Style};

const POINTS_PER_INCH: f64 = 72.0;
/// What a page with 15 to 20 bars gets where the height is open, in inches.
const USUAL_HEIGHT: f64 = 6.66;
const MARGIN: f64 = 20.0;
const TITLE: Setting = Setting::new(look(13.0, true), Ink::Strong, 1.25, 4);
const SUBTITLE: Setting = Setting::new(look(8.5, false), Ink::Muted, 1.4, 4);
const AXIS: Setting = Setting::new(TICK, Ink::Muted, 1.4, 2);
const NOTE: Setting = Setting::new(look(6.8, false), Ink::Muted, 1.42, 12);
const LEGEND: Look = look(8.5, false);
const TICK: Look = look(7.5, false);
/// A label takes at most this part of the page's inner width.
const LABEL_PART: f64 = 0.4;
/// The words beside a bar take at most this part of what the label leaves.
const VALUE_PART: f64 = 0.55;
const GAP: f64 = 5.0;
/// The least distance between two ticks, and the most of them between the axis's ends.
const TICK_DISTANCE: f64 = 38.0;
const MOST_TICKS: f64 = 7.0;
/// From how many rows on the axis is written above the bars, too.
const TALL: usize = 30;

const fn look(size: f64, bold: bool) -> Look {
    Look { size, bold }
}

/// What a text is painted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Strong,
    Muted,
}

/// Which end of a line stays in place in a program whose fonts are wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text with its place.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) line: Line,
    pub(super) look: Look,
    pub(super) ink: Ink,
    pub(super) left: f64,
    pub(super) baseline: f64,
    pub(super) anchor: Anchor,
    /// Whether grid lines run behind it, which must not cross its letters.
    pub(super) over_grid: bool,
}

/// A rectangle of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A page, laid out.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The short bar above the title.
    pub(super) accent: Area,
    /// Where the bars are; its left edge is 0.
    pub(super) plot: Area,
    /// What the plot's right edge is worth, in the axis's unit.
    pub(super) reach: f64,
    /// The part of its row that a bar, or a pair of bars, is high.
    pub(super) thickness: f64,
    pub(super) ticks: Vec<f64>,
    /// The colour samples of a legend, first series first.
    pub(super) swatches: Vec<Area>,
    /// The line above the small print, where there is any.
    pub(super) rule: Option<f64>,
    pub(super) texts: Vec<Text>,
}

/// How a paragraph is set.
#[derive(Clone, Copy)]
struct Setting {
    look: Look,
    ink: Ink,
    /// From line to line, in sizes of the letters.
    leading: f64,
    /// The most lines.
    most: usize,
}

impl Layout {
    pub(super) fn new(
        figure: &Figure,
        style: &Style,
        shaper: &Shaper<'_>,
    ) -> Result<Self, PlotError> {
        let width = style.width_inches * POINTS_PER_INCH;
        let inner = width - 2.0 * MARGIN;
        let mut page = Page::default();

        let accent = Area {
            left: MARGIN,
            top: 14.0,
            right: MARGIN + 26.0,
            bottom: 17.0,
        };
        page.y = accent.bottom + 6.0;
        let swatches = page.head(shaper, figure, inner);
        let tall = figure.bars.len() > TALL;
        if tall {
            page.y += 1.5 * TICK.size;
        }
        let top = page.y;

        // What stands below the bars must be known before their rows can share what is left.
        let mut foot = Page::default();
        let rule = foot.foot(shaper, figure, inner);
        let overhead = top + foot.y + 14.0;
        let pitch = pitch(figure, style, overhead)?;
        #[expect(clippy::cast_precision_loss, reason = "at most 200 bars")]
        let bottom = top + pitch * figure.bars.len() as f64;
        page.texts.extend(foot.texts.into_iter().map(|mut text| {
            text.baseline += bottom;
            text
        }));

        let mut layout = Self {
            width,
            height: overhead + bottom - top,
            accent,
            plot: Area {
                left: MARGIN,
                top,
                right: width - MARGIN,
                bottom,
            },
            reach: 1.0,
            thickness: (pitch * 0.68).min(24.0) / pitch,
            ticks: Vec::new(),
            swatches,
            rule: rule.map(|below| bottom + below),
            texts: page.texts,
        };
        layout.rows(figure, shaper, pitch);
        layout.axis(figure, shaper, tall);
        Ok(layout)
    }

    /// The point on the page for a value on the axis.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.plot.left + (self.plot.right - self.plot.left) * value / self.reach
    }

    /// Labels, the scale that leaves room for the words beside every bar, and these words.
    fn rows(&mut self, figure: &Figure, shaper: &Shaper<'_>, pitch: f64) {
        let paired = figure.is_paired();
        let inner = self.plot.right - self.plot.left;
        let look_label = look((pitch * 0.56).clamp(6.0, 9.0), false);
        let bar_height = if paired {
            pitch * self.thickness / 2.0
        } else {
            pitch
        };
        let look_value = look(
            (bar_height * 0.8).min(0.89 * look_label.size).max(5.0),
            false,
        );

        let labels: Vec<Line> = figure
            .bars
            .iter()
            .map(|bar| shaper.label(&bar.label, look_label, inner * LABEL_PART))
            .collect();
        let widest = labels.iter().map(|line| line.width).fold(0.0, f64::max);
        self.plot.left += widest + GAP;
        let room = self.plot.right - self.plot.left;

        let values: Vec<(usize, usize, &Quantity, Line)> = figure
            .bars
            .iter()
            .enumerate()
            .flat_map(|(row, bar)| quantities(bar).map(move |(series, it)| (row, series, it)))
            .map(|(row, series, it)| {
                let line = shaper.label(&it.text, look_value, room * VALUE_PART);
                (row, series, it, line)
            })
            .collect();
        // The page's right edge is worth as much as the bar that leaves the least room beside it needs.
        self.reach = values
            .iter()
            .map(|(_, _, quantity, line)| quantity.reach() * room / (room - GAP - line.width))
            .fold(0.0, f64::max);
        if self.reach <= 0.0 {
            self.reach = 1.0;
        }

        for (row, line) in labels.into_iter().enumerate() {
            let middle = self.middle(row, pitch);
            self.texts.push(Text {
                left: self.plot.left - GAP - line.width,
                line,
                look: look_label,
                ink: Ink::Strong,
                baseline: middle + 0.33 * look_label.size,
                anchor: Anchor::End,
                over_grid: false,
            });
        }
        for (row, series, quantity, line) in values {
            let mut middle = self.middle(row, pitch);
            if paired {
                let quarter = pitch * self.thickness / 4.0;
                middle += if series == 0 { -quarter } else { quarter };
            }
            self.texts.push(Text {
                left: self.x(quantity.reach()) + GAP,
                line,
                look: look_value,
                ink: Ink::Strong,
                baseline: middle + 0.35 * look_value.size,
                anchor: Anchor::Start,
                over_grid: true,
            });
        }
    }

    fn middle(&self, row: usize, pitch: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 200 bars")]
        let row = row as f64;
        self.plot.top + (row + 0.5) * pitch
    }

    /// Ticks and their numbers.
    fn axis(&mut self, figure: &Figure, shaper: &Shaper<'_>, tall: bool) {
        let room = self.plot.right - self.plot.left;
        let unit = figure.axis.unit;
        self.ticks = scale::ticks(
            unit,
            self.reach,
            self.reach * (TICK_DISTANCE / room).max(1.0 / MOST_TICKS),
        );
        let mut baselines = vec![self.plot.bottom + 3.0 + TICK.size];
        if tall {
            baselines.push(self.plot.top - 4.0);
        }
        for &tick in &self.ticks {
            let line = shaper.line(&scale::written(unit, tick), TICK, Base::LeftToRight);
            for &baseline in &baselines {
                self.texts.push(Text {
                    left: self.x(tick) - line.width / 2.0,
                    line: line.clone(),
                    look: TICK,
                    ink: Ink::Muted,
                    baseline,
                    anchor: Anchor::Middle,
                    over_grid: false,
                });
            }
        }
    }
}

fn quantities(bar: &Bar) -> impl Iterator<Item = (usize, &Quantity)> {
    std::iter::once(&bar.first).chain(&bar.second).enumerate()
}

/// The height of a row.
fn pitch(figure: &Figure, style: &Style, overhead: f64) -> Result<f64, PlotError> {
    let (least, usual, most) = if figure.is_paired() {
        (17.0, 25.0, 34.0)
    } else {
        (9.5, 15.5, 24.0)
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 200 bars")]
    let rows = figure.bars.len() as f64;
    let Some(given) = style.height_inches else {
        return Ok(((USUAL_HEIGHT * POINTS_PER_INCH - overhead) / rows).clamp(usual, most));
    };
    let pitch = (given * POINTS_PER_INCH - overhead) / rows;
    if pitch < least {
        return Err(PlotError::TooLow {
            given,
            needed: ((overhead + least * rows) / POINTS_PER_INCH * 100.0).ceil() / 100.0,
        });
    }
    Ok(pitch)
}

impl Setting {
    const fn new(look: Look, ink: Ink, leading: f64, most: usize) -> Self {
        Self {
            look,
            ink,
            leading,
            most,
        }
    }
}

/// Text set so far, and where the next line begins.
#[derive(Default)]
struct Page {
    y: f64,
    texts: Vec<Text>,
}

impl Page {
    fn block(&mut self, shaper: &Shaper<'_>, text: &str, setting: Setting, width: f64) {
        let Setting {
            look, ink, most, ..
        } = setting;
        let leading = setting.leading * look.size;
        let lines = if look.bold {
            shaper.balanced(text, look, width, most)
        } else {
            shaper.paragraph(text, look, width, most)
        };
        for line in lines {
            self.y += leading;
            self.texts.push(Text {
                line,
                look,
                ink,
                left: MARGIN,
                baseline: self.y - 0.25 * leading,
                anchor: Anchor::Start,
                over_grid: false,
            });
        }
    }

    /// Title, subtitle and legend; the legend's colour samples.
    fn head(&mut self, shaper: &Shaper<'_>, figure: &Figure, inner: f64) -> Vec<Area> {
        self.block(shaper, &figure.title, TITLE, inner);
        if let Some(subtitle) = &figure.subtitle {
            self.y += 2.0;
            self.block(shaper, subtitle, SUBTITLE, inner);
        }
        let swatches = self.legend(shaper, figure, inner);
        self.y += 8.0;
        swatches
    }

    /// The words for axis and whiskers, and the small print; where the line between them is.
    fn foot(&mut self, shaper: &Shaper<'_>, figure: &Figure, inner: f64) -> Option<f64> {
        self.y += 3.0 + 1.5 * TICK.size;
        for words in std::iter::once(&figure.axis.label).chain(&figure.axis.whiskers) {
            self.block(shaper, words, AXIS, inner);
        }
        let mut rule = None;
        if !figure.footnote.is_empty() {
            rule = Some(self.y + 9.0);
            self.y += 13.0;
            for note in &figure.footnote {
                self.block(shaper, note, NOTE, inner);
            }
        }
        rule
    }

    /// The names of two series, with a sample of their colours before each.
    fn legend(&mut self, shaper: &Shaper<'_>, figure: &Figure, inner: f64) -> Vec<Area> {
        let Some((first, second)) = figure.legend.as_ref().filter(|_| figure.is_paired()) else {
            return Vec::new();
        };
        self.y += 6.0;
        let sample = 8.0;
        let mut left = MARGIN;
        let mut swatches = Vec::new();
        self.y += 1.5 * LEGEND.size;
        for name in [first, second] {
            let line = shaper.label(name, LEGEND, inner / 2.0 - sample - 2.0 * GAP);
            let baseline = self.y - 0.4 * LEGEND.size;
            swatches.push(Area {
                left,
                top: baseline - 0.36 * LEGEND.size - sample / 2.0,
                right: left + sample,
                bottom: baseline - 0.36 * LEGEND.size + sample / 2.0,
            });
            let width = line.width;
            self.texts.push(Text {
                line,
                look: LEGEND,
                ink: Ink::Strong,
                left: left + sample + GAP,
                baseline,
                anchor: Anchor::Start,
                over_grid: false,
            });
            left += sample + 3.0 * GAP + width;
        }
        swatches
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::plot::{Axis, Fonts};

    fn figure(rows: Vec<(String, f64, Option<f64>)>) -> Figure {
        let quantity = |value: f64| Quantity {
            value,
            text: format!("{value}"),
            whisker: Some((value * 0.9, value * 1.1)),
        };
        Figure {
            title: "Co-occurring hashtags for #london posts, and a headline that wraps".to_owned(),
            subtitle: Some("960 posts".to_owned()),
            bars: rows
                .into_iter()
                .map(|(label, first, second)| Bar {
                    label,
                    first: quantity(first),
                    second: second.map(quantity),
                })
                .collect(),
            axis: Axis {
                whiskers: Some("Whiskers: from nine to eleven tenths of the value".to_owned()),
                ..Axis::default()
            },
            legend: Some(("#london".to_owned(), "#paris".to_owned())),
            footnote: vec!["A sample, not all of TikTok.".to_owned()],
            description: String::new(),
        }
    }

    /// Every text's box: left, right, baseline.
    fn assert_nothing_overlaps(layout: &Layout) {
        for text in &layout.texts {
            assert!(text.left >= 8.0, "{:?} starts off the page", text.line.text);
            let right = text.left + text.line.width;
            assert!(
                right <= layout.width - 8.0,
                "{:?} ends off the page",
                text.line.text
            );
            assert!(text.baseline < layout.height - 5.0);
            for other in &layout.texts {
                let same_row = (text.baseline - other.baseline).abs() < 5.0;
                if same_row && !std::ptr::eq(text, other) {
                    let apart = right <= other.left || other.left + other.line.width <= text.left;
                    assert!(apart, "{:?} covers {:?}", text.line.text, other.line.text);
                }
            }
        }
    }

    #[test]
    fn twenty_bars_are_six_and_two_thirds_inches_high() {
        let fonts = Fonts::new(false);
        let shaper = Shaper::new(&fonts);
        let rows = |number| vec![("fyp".to_owned(), 5.0, None); number];
        let height = |number| {
            Layout::new(&figure(rows(number)), &Style::default(), &shaper)
                .unwrap()
                .height
        };
        assert!((height(20) - 6.66 * 72.0).abs() < 1e-9);
        assert!(height(1) < 200.0);
        assert!(height(200) > 3000.0);
    }

    #[test]
    fn small_type_in_a_low_picture_did_not_panic() {
        let fonts = Fonts::new(false);
        let style = Style {
            width_inches: 8.0,
            height_inches: Some(4.5),
            ..Style::default()
        };
        let figure = figure(vec![("fyp".to_owned(), 5.0, None); 20]);
        let layout = Layout::new(&figure, &style, &Shaper::new(&fonts)).unwrap();
        assert!((layout.height - 4.5 * 72.0).abs() < 1e-9);
        assert_nothing_overlaps(&layout);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn nothing_is_clipped_or_covered(
            rows in prop::collection::vec(
                (any::<String>(), 0.0..1e10_f64, prop::option::of(0.0..100.0_f64)),
                1..9,
            ),
            width in 3.0..12.0_f64,
            height in prop::option::of(2.0..9.0_f64),
        ) {
            let fonts = Fonts::new(false);
            let style = Style { width_inches: width, height_inches: height, ..Style::default() };
            match Layout::new(&figure(rows), &style, &Shaper::new(&fonts)) {
                Ok(layout) => assert_nothing_overlaps(&layout),
                Err(error) => prop_assert!(matches!(error, PlotError::TooLow { .. }), "{error}"),
            }
        }
    }
}
