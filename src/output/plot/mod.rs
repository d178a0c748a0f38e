//! The picture: horizontal bars that a newspaper could print, in every script.
//!
//! A [`Figure`] says what to show and a [`Style`] how large and in which colours. [`Drawing`] lays it out
//! once, with real text extents, and gives that one layout out as SVG and as PNG; [`terminal`] draws the
//! same figure with block characters. Nothing here counts, reads or writes.

mod clean;
mod drawing;
mod fonts;
mod geometry;
mod layout;
mod scale;
mod scripts;
mod shape;
mod terminal;
mod theme;

pub use clean::isolated;
pub use drawing::Drawing;
pub use fonts::Fonts;
pub use terminal::terminal;
pub use theme::Theme;

/// The most bars that one picture may have.
pub const MOST_BARS: usize = 200;

/// What a picture shows. All texts are foreign: they are made safe here, not by the caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// The headline. A hashtag inside it goes through [`isolated`], so that its direction stays its own.
    pub title: String,
    /// The line below the headline, such as the number of posts and their dates.
    pub subtitle: Option<String>,
    /// The bars from the top downwards, 1 to [`MOST_BARS`].
    pub bars: Vec<Bar>,
    /// What the bars measure.
    pub axis: Axis,
    /// The names of the two series where bars are paired.
    pub legend: Option<(String, String)>,
    /// Small print below the chart, a paragraph each.
    pub footnote: Vec<String>,
    /// What the picture shows in words, for those who cannot see it.
    pub description: String,
}

/// One hashtag's row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bar {
    /// The hashtag as people write it, without `#`.
    pub label: String,
    /// The bar, or the upper one of two.
    pub first: Quantity,
    /// The lower bar of two, where hashtags are compared.
    pub second: Option<Quantity>,
}

/// The length of a bar and what is written beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantity {
    /// Finite and at least 0; percents as 51.5, not 0.515.
    pub value: f64,
    /// The words beside the bar, such as `494 · 51.5 %`.
    pub text: String,
    /// The interval around the value, in its unit, low end first.
    pub whisker: Option<(f64, f64)>,
}

/// What the bars measure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// How numbers on the axis are written.
    pub unit: Unit,
    /// What is measured, in words.
    pub label: String,
    /// What the whiskers are, in words, where bars have them.
    pub whiskers: Option<String>,
}

/// How numbers on an axis are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Percents from 0 to at most 100.
    #[default]
    Percent,
    /// Whole numbers: posts, authors, views.
    Count,
}

/// How a picture looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Width in inches, 3 to 50.
    pub width_inches: f64,
    /// Height in inches; `None` is 6.66 for 15 to 20 bars, less for fewer and more for more.
    pub height_inches: Option<f64>,
    /// Pixels per inch of the PNG, 36 to 1200.
    pub dpi: u32,
    /// The colours.
    pub theme: Theme,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width_inches: 5.0,
            height_inches: None,
            dpi: 300,
            theme: Theme::Light,
        }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A chart of nothing.
    #[error("there is nothing to plot: no bars")]
    NoBars,
    /// More bars than a picture may have.
    #[error("{0} bars are too many for one picture; at most {MOST_BARS} can be drawn")]
    TooManyBars(usize),
    /// A value that is no length: negative, infinite or not a number.
    #[error("the value {value} of {label:?} cannot be drawn as a bar")]
    BadValue {
        /// Whose value.
        label: String,
        /// The value, or the end of a whisker.
        value: f64,
    },
    /// A size or resolution outside its range.
    #[error("{0}")]
    BadStyle(String),
    /// The given height has no room for the bars.
    #[error(
        "{given} in is too low for this picture; it needs at least {needed:.2} in, or leave the height open"
    )]
    TooLow {
        /// The height asked for, in inches.
        given: f64,
        /// The least height, in inches.
        needed: f64,
    },
    /// More pixels than are sensible.
    #[error("{width} × {height} pixels are too many; use a lower resolution or a smaller size")]
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A drawing library refused, which is a defect of this program.
    #[error("the picture could not be drawn: {0}")]
    Backend(String),
}

impl Figure {
    /// Every quantity with its row's label.
    fn quantities(&self) -> impl Iterator<Item = (&str, &Quantity)> {
        self.bars.iter().flat_map(|bar| {
            std::iter::once(&bar.first)
                .chain(&bar.second)
                .map(|quantity| (bar.label.as_str(), quantity))
        })
    }

    /// Whether rows have two bars.
    fn is_paired(&self) -> bool {
        self.bars.iter().any(|bar| bar.second.is_some())
    }

    /// Refuses what no picture can show.
    fn check(&self) -> Result<(), PlotError> {
        match self.bars.len() {
            0 => return Err(PlotError::NoBars),
            number if number > MOST_BARS => return Err(PlotError::TooManyBars(number)),
            _ => {}
        }
        for (label, quantity) in self.quantities() {
            let (low, high) = quantity.whisker.unwrap_or_default();
            for value in [quantity.value, low, high] {
                if !value.is_finite() || value < 0.0 {
                    let label = label.chars().take(80).collect();
                    return Err(PlotError::BadValue { label, value });
                }
            }
        }
        Ok(())
    }
}

impl Quantity {
    /// How far the bar and its whisker reach.
    fn reach(&self) -> f64 {
        self.whisker
            .map_or(self.value, |(_, high)| high.max(self.value))
    }
}
