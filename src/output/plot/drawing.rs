//! One layout, written as SVG and rasterised from what is written.

use std::fmt::Write as _;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, ID};
use resvg::usvg::{FontFamily, FontResolver, Options, Tree};

use super::fonts::{Face, Fonts};
use super::geometry::{self, UNITS};
use super::layout::{Anchor, Ink, Layout, Text};
use super::shape::Shaper;
use super::theme::Palette;
use super::{Figure, PlotError, Style, clean};

/// What one picture may have; a page of 200 paired bars at 300 dpi has 25 million.
const MOST_PIXELS: u64 = 200_000_000;

/// A picture, laid out and ready to be written.
pub struct Drawing {
    svg: String,
    /// The same with every run of text in its place, for the rasteriser, which would mix up fonts and scripts.
    placed: String,
    title: String,
    description: String,
    faces: Vec<Face>,
    database: Arc<Database>,
    missing: Vec<char>,
    width_inches: f64,
    height_inches: f64,
    dpi: u32,
}

impl Drawing {
    /// Lays a figure out. Fails for a figure that no picture can show and for a style out of range.
    pub fn new(figure: &Figure, style: &Style, fonts: &Fonts) -> Result<Self, PlotError> {
        figure.check()?;
        check(style)?;
        let shaper = Shaper::new(fonts);
        let layout = Layout::new(figure, style, &shaper)?;
        let palette = style.theme.palette();
        let mut drawing = Self {
            svg: String::new(),
            placed: String::new(),
            title: clean::plain(&figure.title),
            description: clean::plain(&figure.description),
            faces: Vec::new(),
            database: fonts.database(),
            missing: shaper.missing(),
            width_inches: style.width_inches,
            height_inches: layout.height / 72.0,
            dpi: style.dpi,
        };
        for run in layout.texts.iter().flat_map(|text| &text.line.runs) {
            if !drawing.faces.contains(&run.face) {
                drawing.faces.push(run.face.clone());
            }
        }
        let geometry = geometry::elements(figure, &layout, &palette)?;
        drawing.svg = drawing.write(&layout, &palette, &geometry, whole);
        drawing.placed = drawing.write(&layout, &palette, &geometry, in_runs);
        Ok(drawing)
    }

    /// The picture as an SVG document: text as text, with a title and a description for screen readers.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The characters that no font has, in order; the picture has their code points, as `⟨U+1234⟩`.
    pub fn missing_glyphs(&self) -> &[char] {
        &self.missing
    }

    /// The size of the PNG in pixels.
    pub fn pixels(&self) -> (u32, u32) {
        let pixels = |inches: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive size in range"
            )]
            let pixels = (inches * f64::from(self.dpi)).round() as u32;
            pixels.max(1)
        };
        (pixels(self.width_inches), pixels(self.height_inches))
    }

    /// The picture as a PNG that knows its resolution, title and description.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height) = self.pixels();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(PlotError::TooManyPixels { width, height });
        }
        let backend = |error: &dyn std::fmt::Display| PlotError::Backend(error.to_string());
        let options = Options {
            fontdb: Arc::clone(&self.database),
            font_resolver: self.resolver(),
            ..Options::default()
        };
        let tree = Tree::from_str(&self.placed, &options).map_err(|error| backend(&error))?;
        let mut pixmap =
            Pixmap::new(width, height).ok_or(PlotError::TooManyPixels { width, height })?;
        #[expect(clippy::cast_precision_loss, reason = "pixel counts of a page")]
        let scale = Transform::from_scale(
            width as f32 / tree.size().width(),
            height as f32 / tree.size().height(),
        );
        resvg::render(&tree, scale, &mut pixmap.as_mut());
        self.encode(&pixmap).map_err(|error| backend(&error))
    }

    fn encode(&self, pixmap: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, pixmap.width(), pixmap.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Balanced);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 1200 dots per inch"
        )]
        let per_metre = (f64::from(self.dpi) / 0.0254).round() as u32;
        encoder.set_pixel_dims(Some(png::PixelDimensions {
            xppu: per_metre,
            yppu: per_metre,
            unit: png::Unit::Meter,
        }));
        for (keyword, text) in [("Title", &self.title), ("Description", &self.description)] {
            encoder.add_itxt_chunk(keyword.to_owned(), text.clone())?;
        }
        let mut writer = encoder.write_header()?;
        // The page is opaque, so that premultiplied colours are plain ones.
        let opaque: Vec<u8> = pixmap
            .data()
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        writer.write_image_data(&opaque)?;
        writer.finish()?;
        Ok(file)
    }

    /// Finds the very faces that the text was measured with, and no others.
    fn resolver(&self) -> FontResolver<'_> {
        FontResolver {
            select_font: Box::new(|font, _| {
                let FontFamily::Named(family) = font.families().first()? else {
                    return None;
                };
                self.find(family, font.weight() >= 600)
            }),
            select_fallback: Box::new(|_, _, _| None),
        }
    }

    fn find(&self, family: &str, bold: bool) -> Option<ID> {
        self.faces
            .iter()
            .find(|face| face.family.replace(['\'', '\\'], " ") == family && face.bold == bold)
            .map(|face| face.id)
    }

    fn write(
        &self,
        layout: &Layout,
        palette: &Palette,
        geometry: &str,
        texts: fn(&mut String, &Text),
    ) -> String {
        let mut svg = String::with_capacity(geometry.len() + 400 * layout.texts.len());
        let (width, height) = (number(layout.width), number(layout.height));
        let scale = number(1.0 / UNITS);
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{}</title>\n<desc>{}</desc>\n\
             <g transform=\"scale({scale})\">\n{geometry}\n</g>\n<g font-family=\"{}\">\n",
            escaped(&self.title),
            escaped(&self.description),
            escaped(&self.families()),
        );
        for text in &layout.texts {
            if text.line.runs.is_empty() {
                continue;
            }
            let _ = write!(
                svg,
                "<text xml:space=\"preserve\" y=\"{}\" font-size=\"{}\" fill=\"{}\"",
                number(text.baseline),
                number(text.look.size),
                match text.ink {
                    Ink::Strong => palette.ink,
                    Ink::Muted => palette.muted,
                }
                .hex(),
            );
            if text.over_grid {
                let _ = write!(
                    svg,
                    " stroke=\"{}\" stroke-width=\"2.4\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
                    palette.page.hex()
                );
            }
            texts(&mut svg, text);
            svg.push_str("</text>\n");
        }
        svg.push_str("</g>\n</svg>\n");
        svg
    }

    /// The measured fonts, then whatever a program has.
    fn families(&self) -> String {
        let mut families: Vec<String> = Vec::new();
        for face in &self.faces {
            let family = quoted(&face.family);
            if !families.contains(&family) {
                families.push(family);
            }
        }
        families.push("sans-serif".to_owned());
        families.join(", ")
    }
}

/// A line as text for other programs, which shape it with their own fonts: it keeps the measured width and the
/// end at which it is anchored, so that it covers nothing.
fn whole(svg: &mut String, text: &Text) {
    let (part, anchor) = match text.anchor {
        Anchor::Start => (0.0, "start"),
        Anchor::Middle => (0.5, "middle"),
        Anchor::End => (1.0, "end"),
    };
    let _ = write!(
        svg,
        " x=\"{}\" text-anchor=\"{anchor}\"",
        number(text.left + part * text.line.width)
    );
    if text.look.bold {
        svg.push_str(" font-weight=\"700\"");
    }
    if text.line.width >= 0.01 {
        let _ = write!(
            svg,
            " textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\"",
            number(text.line.width)
        );
    }
    let _ = write!(svg, ">{}", escaped(&text.line.text));
}

/// The same line for the rasteriser: each run with the face and at the place that were measured.
fn in_runs(svg: &mut String, text: &Text) {
    svg.push('>');
    for run in &text.line.runs {
        let visible: String = run
            .text
            .chars()
            .filter(|c| !('\u{2066}'..='\u{2069}').contains(c))
            .collect();
        if visible.is_empty() {
            continue;
        }
        let _ = write!(
            svg,
            "<tspan x=\"{}\" font-family=\"{}\" font-weight=\"{}\">",
            number(text.left + run.offset),
            escaped(&quoted(&run.face.family)),
            if run.face.bold { 700 } else { 400 },
        );
        if run.right_to_left {
            // On its own a mark between two words has no direction; this is what it had on its line.
            let _ = write!(svg, "\u{2067}{}\u{2069}", escaped(&visible));
        } else {
            svg.push_str(&escaped(&visible));
        }
        svg.push_str("</tspan>");
    }
}

fn quoted(family: &str) -> String {
    format!("'{}'", family.replace(['\'', '\\'], " "))
}

/// A length to a hundredth of a point.
fn number(value: f64) -> String {
    let digits = format!("{value:.2}");
    let short = digits.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0" } else { short }.to_owned()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn check(style: &Style) -> Result<(), PlotError> {
    if !(3.0..=50.0).contains(&style.width_inches) {
        let width = style.width_inches;
        let reason = format!("a picture can be 3 to 50 in wide, not {width}");
        return Err(PlotError::BadStyle(reason));
    }
    if style
        .height_inches
        .is_some_and(|height| !(1.0..=200.0).contains(&height))
    {
        let reason = "a picture can be 1 to 200 in high".to_owned();
        return Err(PlotError::BadStyle(reason));
    }
    if !(36..=1200).contains(&style.dpi) {
        let dpi = style.dpi;
        let reason = format!("a picture can have 36 to 1200 dpi, not {dpi}");
        return Err(PlotError::BadStyle(reason));
    }
    Ok(())
}
