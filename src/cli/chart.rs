//! The words of a chart.

use clap::{Args, ValueEnum};

/// How to draw a chart.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chart")]
pub(crate) struct ChartArgs {
    /// What the bars measure
    #[arg(long, value_enum, default_value_t)]
    pub(crate) measure: MeasureArg,
    /// Whiskers: the 95 % interval of every share
    #[arg(long)]
    pub(crate) ci: bool,
    /// One picture of two hashtags, their bars in pairs
    #[arg(long)]
    pub(crate) compare: bool,
    /// Size in inches; the height grows with the rows unless given [default: 5]
    #[arg(long, value_name = "WIDTH[xHEIGHT]")]
    pub(crate) size: Option<String>,
    /// Pixels per inch [default: 300]
    #[arg(long, value_name = "DPI")]
    pub(crate) dpi: Option<u32>,
    /// Colours
    #[arg(long, value_enum, default_value_t)]
    pub(crate) theme: ThemeArg,
    /// Fail if a character has no glyph in any font
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What `--plot` draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlotArg {
    /// A picture
    Picture,
    /// Bars on the terminal
    #[value(name = "-")]
    Terminal,
}

/// What the bars of a chart measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MeasureArg {
    /// Posts with the hashtag, as a share of all
    #[default]
    Share,
    /// Posts with the hashtag
    Count,
    /// Distinct authors who used it
    Authors,
    /// Views of its posts
    Views,
}

/// Colours of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// For screens and paper
    #[default]
    Light,
    /// For dark pages
    Dark,
    /// For black ink
    Print,
}
