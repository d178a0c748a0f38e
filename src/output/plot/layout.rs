//! Where everything stands. Lengths are points, 72 to the inch, from the page's upper left corner.

use super::scale;
use super::shape::{Base, Line, Look, Shaper};
use super::{Bar, Figure, PlotError, Quantity, Style};

const POINTS_PER_INCH: f64 = 72.0;
/// What a page with 15 to 20 bars gets where the height is open, in inches.
const USUAL_HEIGHT: f64 = 6.66;
const MARGIN: f64 = 20.0;
const TITLE: Look = look(13.0, true);
const SUBTITLE: Look = look(8.5, false);
const TICK: Look = look(7.5, false);
const NOTE: Look = look(6.8, false);
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

/// A line of text with its place.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) line: Line,
    pub(super) look: Look,
    pub(super) ink: Ink,
    pub(super) left: f64,
    pub(super) baseline: f64,
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

/// Lines that stand below each other.
struct Block {
    lines: Vec<Line>,
    look: Look,
    ink: Ink,
    leading: f64,
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
        page.block(&Block::new(
            shaper,
            &figure.title,
            TITLE,
            Ink::Strong,
            1.25,
            inner,
            4,
        ));
        if let Some(subtitle) = &figure.subtitle {
            page.y += 2.0;
            page.block(&Block::new(
                shaper,
                subtitle,
                SUBTITLE,
                Ink::Muted,
                1.4,
                inner,
                4,
            ));
        }
        let swatches = page.legend(shaper, figure, inner);
        page.y += 8.0;
        let tall = figure.bars.len() > TALL;
        if tall {
            page.y += 1.5 * TICK.size;
        }
        let top = page.y;

        // What stands below the bars must be known before their rows can share what is left.
        let mut foot = Page::default();
        foot.y += 3.0 + 1.5 * TICK.size;
        foot.block(&Block::new(
            shaper,
            &figure.axis.label,
            TICK,
            Ink::Muted,
            1.4,
            inner,
            2,
        ));
        let mut rule = None;
        if !figure.footnote.is_empty() {
            rule = Some(foot.y + 9.0);
            foot.y += 13.0;
            for note in &figure.footnote {
                foot.block(&Block::new(shaper, note, NOTE, Ink::Muted, 1.42, inner, 12));
            }
        }
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
        let look_value = look((bar_height * 0.8).clamp(5.5, 0.89 * look_label.size), false);

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

impl Block {
    fn new(
        shaper: &Shaper<'_>,
        text: &str,
        look: Look,
        ink: Ink,
        leading: f64,
        width: f64,
        most: usize,
    ) -> Self {
        Self {
            lines: if look.bold {
                shaper.balanced(text, look, width, most)
            } else {
                shaper.paragraph(text, look, width, most)
            },
            look,
            ink,
            leading: leading * look.size,
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
    fn block(&mut self, block: &Block) {
        for line in &block.lines {
            self.y += block.leading;
            self.texts.push(Text {
                line: line.clone(),
                look: block.look,
                ink: block.ink,
                left: MARGIN,
                baseline: self.y - 0.25 * block.leading,
                over_grid: false,
            });
        }
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
        self.y += 1.5 * SUBTITLE.size;
        for name in [first, second] {
            let line = shaper.label(name, SUBTITLE, inner / 2.0 - sample - 2.0 * GAP);
            let baseline = self.y - 0.4 * SUBTITLE.size;
            swatches.push(Area {
                left,
                top: baseline - 0.36 * SUBTITLE.size - sample / 2.0,
                right: left + sample,
                bottom: baseline - 0.36 * SUBTITLE.size + sample / 2.0,
            });
            let width = line.width;
            self.texts.push(Text {
                line,
                look: SUBTITLE,
                ink: Ink::Strong,
                left: left + sample + GAP,
                baseline,
                over_grid: false,
            });
            left += sample + 3.0 * GAP + width;
        }
        swatches
    }
}
