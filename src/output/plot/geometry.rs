//! Bars, grid and whiskers, drawn by plotters as SVG.
//!
//! plotters counts in whole units; a unit here is a twentieth of a point, so that nothing is visibly rounded.

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::layout::{Area, Layout};
use super::theme::{Colour, Palette};
use super::{Figure, PlotError, Quantity};

/// Units to the point.
pub(super) const UNITS: f64 = 20.0;

type Canvas<'buffer> = DrawingArea<SVGBackend<'buffer>, Shift>;
type Chart<'buffer> =
    ChartContext<'buffer, SVGBackend<'buffer>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The SVG elements of a picture's geometry, without the element around them.
pub(super) fn elements(
    figure: &Figure,
    layout: &Layout,
    palette: &Palette,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    let size = (unsigned(layout.width), unsigned(layout.height));
    draw(
        &SVGBackend::with_string(&mut svg, size).into_drawing_area(),
        figure,
        layout,
        palette,
    )
    .map_err(|error| PlotError::Backend(error.to_string()))?;
    let inside = svg
        .split_once('>')
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map(|(inside, _)| inside.trim().to_owned());
    inside.ok_or_else(|| PlotError::Backend("no SVG element".to_owned()))
}

fn draw(
    canvas: &Canvas<'_>,
    figure: &Figure,
    layout: &Layout,
    palette: &Palette,
) -> Result<(), Box<dyn std::error::Error>> {
    canvas.fill(&colour(palette.page))?;
    canvas.draw(&block(layout.accent, palette.first))?;
    for (swatch, ink) in layout.swatches.iter().zip([palette.first, palette.second]) {
        canvas.draw(&block(*swatch, ink))?;
    }
    if let Some(y) = layout.rule {
        let ends =
            [layout.accent.left, layout.width - layout.accent.left].map(|x| (units(x), units(y)));
        canvas.draw(&PathElement::new(ends, stroke(palette.grid, 0.75)))?;
    }

    let plot = layout.plot;
    let area = canvas.margin(
        units(plot.top),
        unsigned(layout.height) - unsigned(plot.bottom),
        units(plot.left),
        unsigned(layout.width) - unsigned(plot.right),
    );
    #[expect(clippy::cast_precision_loss, reason = "at most 200 bars")]
    let rows = figure.bars.len() as f64;
    let mut chart = ChartBuilder::on(&area).build_cartesian_2d(0.0..layout.reach, 0.0..rows)?;
    chart.draw_series(
        layout
            .ticks
            .iter()
            .skip(1)
            .map(|&tick| PathElement::new([(tick, 0.0), (tick, rows)], stroke(palette.grid, 0.6))),
    )?;
    bars(&mut chart, figure, layout, palette)?;
    chart.draw_series([PathElement::new(
        [(0.0, 0.0), (0.0, rows)],
        stroke(palette.axis, 0.9),
    )])?;
    canvas.present()?;
    Ok(())
}

/// Bars with their whiskers; the first row is the topmost.
fn bars(
    chart: &mut Chart<'_>,
    figure: &Figure,
    layout: &Layout,
    palette: &Palette,
) -> Result<(), Box<dyn std::error::Error>> {
    let half = layout.thickness / 2.0;
    // Half of the space between the two bars of a pair, as part of a row.
    let seam = 0.02;
    let paired = figure.is_paired();
    #[expect(clippy::cast_precision_loss, reason = "at most 200 bars")]
    let rows = figure.bars.len() as f64;
    let mut middle = rows - 0.5;
    for bar in &figure.bars {
        let (first, second) = if paired {
            (
                (middle + seam, middle + half),
                Some((middle - half, middle - seam)),
            )
        } else {
            ((middle - half, middle + half), None)
        };
        let upper = Some((&bar.first, first, palette.first));
        let lower = bar
            .second
            .as_ref()
            .zip(second)
            .map(|(quantity, lane)| (quantity, lane, palette.second));
        for (quantity, (low, high), ink) in upper.into_iter().chain(lower) {
            chart.draw_series([Rectangle::new(
                [(0.0, low), (quantity.value, high)],
                colour(ink).filled(),
            )])?;
            whisker(chart, quantity, (low, high), palette)?;
        }
        middle -= 1.0;
    }
    Ok(())
}

/// A line with two ends, on a wider one in the page's colour so that it shows on the bar and off it.
fn whisker(
    chart: &mut Chart<'_>,
    quantity: &Quantity,
    (bottom, top): (f64, f64),
    palette: &Palette,
) -> Result<(), Box<dyn std::error::Error>> {
    let Some((low, high)) = quantity.whisker else {
        return Ok(());
    };
    let middle = f64::midpoint(bottom, top);
    let cap = (top - bottom) * 0.2;
    let lines = [
        [(low, middle), (high, middle)],
        [(low, middle - cap), (low, middle + cap)],
        [(high, middle - cap), (high, middle + cap)],
    ];
    for (ink, width) in [(palette.page, 2.2), (palette.ink, 0.9)] {
        chart.draw_series(
            lines
                .iter()
                .map(|line| PathElement::new(*line, stroke(ink, width))),
        )?;
    }
    Ok(())
}

fn block(area: Area, ink: Colour) -> Rectangle<(i32, i32)> {
    Rectangle::new(
        [
            (units(area.left), units(area.top)),
            (units(area.right), units(area.bottom)),
        ],
        colour(ink).filled(),
    )
}

fn colour(Colour(red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn stroke(ink: Colour, points: f64) -> ShapeStyle {
    colour(ink).stroke_width(unsigned(points))
}

/// Points as units. Pages are at most 50 inches wide and some hundred high, far from the end of `i32`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "pages are small, see above"
)]
fn units(points: f64) -> i32 {
    (points * UNITS).round() as i32
}

fn unsigned(points: f64) -> u32 {
    units(points).unsigned_abs()
}
