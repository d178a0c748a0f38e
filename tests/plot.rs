//! Pictures, looked at pixel by pixel.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::path::PathBuf;

use cotag::output::plot::{
    Axis, Bar, Drawing, Figure, Fonts, PlotError, Quantity, Style, Theme, Unit, isolated,
};
use proptest::prelude::*;
use resvg::usvg::roxmltree;

/// A decoded picture, three bytes to the pixel.
struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn decode(file: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(frame.color_type, png::ColorType::Rgb);
        Self {
            width: frame.width as usize,
            pixels,
        }
    }

    fn rows(&self) -> impl Iterator<Item = Vec<[u8; 3]>> {
        self.pixels
            .chunks_exact(self.width * 3)
            .map(|row| row.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect())
    }

    /// How wide each bar of a colour is, from the top.
    fn bars(&self, colour: [u8; 3]) -> Vec<usize> {
        let mut widths = Vec::new();
        let mut before = 0;
        for row in self.rows() {
            let width = row.iter().filter(|&&pixel| pixel == colour).count();
            if width > 2 && before <= 2 {
                widths.push(width);
            }
            before = width;
        }
        widths
    }
}

const BLUE: [u8; 3] = [0, 114, 178];
const ORANGE: [u8; 3] = [230, 159, 0];

fn bar(label: &str, value: f64) -> Bar {
    Bar {
        label: label.to_owned(),
        first: Quantity {
            value,
            text: format!("{value} %"),
            whisker: None,
        },
        second: None,
    }
}

fn figure(bars: Vec<Bar>) -> Figure {
    Figure {
        title: format!("Co-occurring hashtags for #{} posts", isolated("london")),
        subtitle: Some("960 posts, 1–7 May 2024".to_owned()),
        bars,
        axis: Axis {
            unit: Unit::Percent,
            label: "Percent of posts with co-occurring hashtag".to_owned(),
            whiskers: None,
        },
        legend: None,
        footnote: vec!["A sample, not all of TikTok.".to_owned()],
        description: "A bar chart of hashtags.".to_owned(),
    }
}

/// Only the label, the bar and the axis.
fn bare(label: &str) -> Figure {
    Figure {
        bars: vec![bar(label, 50.0)],
        ..Figure::default()
    }
}

fn small(dpi: u32) -> Style {
    Style {
        width_inches: 3.0,
        dpi,
        ..Style::default()
    }
}

fn draw(figure: &Figure, style: &Style) -> Drawing {
    Drawing::new(figure, style, &Fonts::new(false)).unwrap()
}

/// Compares a picture with the committed one. `COTAG_REWRITE_REFERENCES=1` commits to a new look instead.
fn assert_looks_like_reference(name: &str, drawing: &Drawing) {
    let file = drawing.png().unwrap();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/references/plot")
        .join(format!("{name}.png"));
    if std::env::var_os("COTAG_REWRITE_REFERENCES").is_some() {
        fs_err::write(&path, &file).unwrap();
    }
    let (seen, expected) = (
        Picture::decode(&file),
        Picture::decode(&fs_err::read(&path).unwrap()),
    );
    assert_eq!(seen.width, expected.width, "{name}");
    let different = seen
        .pixels
        .iter()
        .zip(&expected.pixels)
        .filter(|(seen, expected)| seen != expected)
        .count();
    if different > 0 || seen.pixels.len() != expected.pixels.len() {
        let actual = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        fs_err::write(&actual, &file).unwrap();
        panic!(
            "{name}: {different} values differ; see {}",
            actual.display()
        );
    }
}

#[test]
fn every_script_looks_as_it_did() {
    for (name, label) in [
        ("latin-kana", "fypシ"),
        ("arabic", "لندن"),
        ("flag", "ukraine🇺🇦"),
        ("devanagari", "हिन्दी"),
        ("thai", "ภาษาไทย"),
        ("hebrew", "עברית"),
        ("greek-cyrillic", "ΕλλάδаУкраїна"),
        ("fullwidth", "ｆｕｌｌ"),
        ("emoji", "👨‍👩‍👧‍👦❤️1️⃣"),
        ("zalgo", "Z͑ͫ̓ͪ̂ͫ̽A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ"),
        ("mixed-directions", "فیلم2024🎬"),
        ("override", "a\u{202e}b"),
    ] {
        let drawing = draw(&bare(label), &small(100));
        assert!(drawing.missing_glyphs().is_empty(), "{name}");
        assert_looks_like_reference(name, &drawing);
    }
}

#[test]
fn characters_without_a_glyph_are_named_and_drawn_as_code_points() {
    let drawing = draw(&bare("東"), &small(100));
    assert_eq!(drawing.missing_glyphs(), ['東']);
    assert!(drawing.svg().contains("⟨U+6771⟩"));
    assert_looks_like_reference("no-glyph", &drawing);
}

#[test]
fn themes_pairs_and_whiskers_look_as_they_did() {
    let mut paired = figure(vec![bar("fyp", 40.0), bar("viral", 20.0), bar("uk", 10.0)]);
    paired.legend = Some(("#london".to_owned(), "#paris".to_owned()));
    paired.axis.whiskers = Some("Whiskers: what lies between low and high".to_owned());
    paired.bars[0].first.whisker = Some((37.0, 43.0));
    paired.bars[1].second = Some(Quantity {
        value: 30.0,
        text: "30 %".to_owned(),
        whisker: Some((26.0, 34.0)),
    });
    for (name, theme) in [
        ("light", Theme::Light),
        ("dark", Theme::Dark),
        ("print", Theme::Print),
    ] {
        let style = Style { theme, ..small(72) };
        assert_looks_like_reference(name, &draw(&paired, &style));
    }
}

#[test]
fn bars_are_as_long_as_their_values() {
    let mut figure = figure(vec![bar("a", 60.0), bar("b", 30.0), bar("c", 6.0)]);
    let style = Style {
        dpi: 100,
        ..Style::default()
    };
    let picture = Picture::decode(&draw(&figure, &style).png().unwrap());
    // The first is the short bar above the title.
    // Pixels on a bar's two ends are mixed with what is beside them, hence the tolerance.
    let widths = picture.bars(BLUE)[1..].to_vec();
    assert_eq!(widths.len(), 3);
    assert!(widths[0] > 200);
    assert!(widths[0].abs_diff(2 * widths[1]) <= 2, "{widths:?}");
    assert!(widths[0].abs_diff(10 * widths[2]) <= 12, "{widths:?}");

    figure.bars[0].second = Some(Quantity {
        value: 15.0,
        ..Quantity::default()
    });
    let picture = Picture::decode(&draw(&figure, &style).png().unwrap());
    let (blue, orange) = (picture.bars(BLUE), picture.bars(ORANGE));
    assert_eq!(orange.len(), 1);
    assert!(blue[1].abs_diff(4 * orange[0]) <= 8, "{blue:?} {orange:?}");
}

#[test]
fn the_default_picture_is_five_by_six_and_two_thirds_inches() {
    let bars = (0..20).map(|place| bar("fyp", f64::from(place))).collect();
    let drawing = draw(&figure(bars), &Style::default());
    assert_eq!(drawing.pixels(), (1500, 1998));
}

#[test]
fn svg_is_well_formed_text_with_a_title_and_a_description() {
    let mut figure = figure(vec![bar("لندن", 5.0), bar("a<b>&\"c\u{0}\u{fffe}", 3.0)]);
    figure.title = "1 < 2 & \u{1}".to_owned();
    figure.description = "<script>\u{c}".to_owned();
    let drawing = draw(&figure, &Style::default());
    let document = roxmltree::Document::parse(drawing.svg()).unwrap();
    let text_of = |name: &str| -> Vec<String> {
        document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(text_of("title"), ["1 < 2 &  "]);
    assert_eq!(text_of("desc"), ["<script> "]);
    let texts = text_of("text");
    assert!(
        texts.contains(&"\u{2067}لندن\u{2069}".to_owned()),
        "{texts:?}"
    );
    assert!(texts.contains(&"a<b>&\"c⟨U+0000⟩⟨U+FFFE⟩".to_owned()));
    assert!(texts.contains(&"1 < 2 & ⟨U+0001⟩".to_owned()));
    assert!(texts.contains(&"5 %".to_owned()));
    assert!(text_of("script").is_empty());
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let figure = figure(vec![
        bar("fypシ", 5.0),
        bar("ukraine🇺🇦", 3.0),
        bar("東京", 1.0),
    ]);
    let fonts = Fonts::new(false);
    let once = Drawing::new(&figure, &small(50), &fonts).unwrap();
    Drawing::new(&bare("زبان"), &small(50), &fonts).unwrap();
    let again = Drawing::new(&figure, &small(50), &fonts).unwrap();
    let anew = draw(&figure, &small(50));
    assert_eq!(once.svg(), again.svg());
    assert_eq!(once.svg(), anew.svg());
    assert_eq!(once.png().unwrap(), anew.png().unwrap());
    assert_eq!(once.png().unwrap(), once.png().unwrap());
}

#[test]
fn the_systems_fonts_change_nothing_that_is_bundled() {
    let figure = figure(vec![bar("fypシ", 5.0), bar("हिन्दी", 3.0)]);
    let with = Drawing::new(&figure, &small(50), &Fonts::new(true)).unwrap();
    assert_eq!(with.svg(), draw(&figure, &small(50)).svg());
}

#[test]
fn hostile_and_extreme_figures_stay_on_the_page() {
    let many: Vec<Bar> = (0..200).map(|place| bar("fyp", f64::from(place))).collect();
    let counts = vec![bar("a", 1e9), bar("b", 1.0), bar("c", 0.0)];
    let mut unit = figure(counts);
    unit.axis.unit = Unit::Count;
    for figure in [
        bare(&"🎉".repeat(300)),
        bare(&"x".repeat(60)),
        bare("\u{202e}\u{2067}\u{200f}\0\n\u{feff}"),
        bare("﷽﷽﷽"),
        bare(""),
        figure(vec![bar("none", 0.0)]),
        figure(vec![bar(&"e\u{301}\u{316}".repeat(99), 1e-9)]),
        figure(many),
        unit,
    ] {
        let picture = Picture::decode(&draw(&figure, &small(36)).png().unwrap());
        let rows: Vec<_> = picture.rows().collect();
        let white = [255; 3];
        let edges = rows
            .iter()
            .flat_map(|row| row[..3].iter().chain(&row[row.len() - 3..]));
        let ends = rows[..3].iter().chain(&rows[rows.len() - 3..]).flatten();
        assert!(edges.chain(ends).all(|&pixel| pixel == white));
        assert!(rows.iter().flatten().any(|&pixel| pixel != white));
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let fonts = Fonts::new(false);
    let style = Style::default();
    let refuse = |figure: &Figure, style: &Style| {
        Drawing::new(figure, style, &fonts)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(
        refuse(&figure(Vec::new()), &style),
        "there is nothing to plot: no bars"
    );
    assert!(refuse(&figure(vec![bar("a", 1.0); 201]), &style).contains("201 bars are too many"));
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(refuse(&bare_with(value), &style).contains("cannot be drawn"));
    }
    let with = |change: &dyn Fn(&mut Style)| {
        let mut style = style;
        change(&mut style);
        refuse(&figure(vec![bar("a", 1.0); 20]), &style)
    };
    assert!(with(&|style| style.dpi = 3).contains("36 to 1200 dpi"));
    assert!(with(&|style| style.width_inches = f64::NAN).contains("in wide"));
    assert!(with(&|style| style.height_inches = Some(-2.0)).contains("in high"));
    assert!(with(&|style| style.height_inches = Some(2.0)).contains("needs at least"));
}

fn bare_with(value: f64) -> Figure {
    figure(vec![bar("a", value)])
}

#[test]
fn pictures_of_too_many_pixels_are_refused_before_they_are_made() {
    let figure = figure(vec![bar("a", 1.0)]);
    let style = Style {
        width_inches: 50.0,
        height_inches: Some(100.0),
        dpi: 1200,
        ..Style::default()
    };
    let error = draw(&figure, &style).png().unwrap_err();
    assert!(matches!(
        error,
        PlotError::TooManyPixels { width: 60_000, .. }
    ));
}

#[test]
fn a_png_knows_its_size_title_and_description() {
    let file = draw(&figure(vec![bar("a", 1.0)]), &small(150))
        .png()
        .unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let dimensions = reader.info().pixel_dims.unwrap();
    assert_eq!(dimensions.xppu, 5906);
    let texts = &reader.info().utf8_text;
    assert_eq!(texts[1].keyword, "Description");
    assert_eq!(texts[1].get_text().unwrap(), "A bar chart of hashtags.");
}

/// Letters that shapers and line breakers stumble over, beside arbitrary text.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "ا",
            "لا",
            "ב",
            "1",
            "٣",
            "(",
            "]",
            "!",
            " ",
            "क",
            "्",
            "\u{200d}",
            "ि",
            "\u{301}",
            "ก",
            "ำ",
            "🇺",
            "🇦",
            "👩",
            "🏽",
            "\u{fe0f}",
            "\u{20e3}",
            "🏴",
            "\u{e0067}",
            "\u{e007f}",
            "ｼ",
            "ﾞ",
            "\u{2067}",
            "\u{2069}",
            "\u{202e}",
            "\u{25cc}",
            "ﷺ",
            "ﬁ",
            "&",
            "<",
            "東",
            "\u{ad}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_text_can_be_drawn(label in hostile_text(), title in hostile_text(), note in hostile_text()) {
        let mut figure = figure(vec![bar(&label, 3.0), bar("fyp", 1.0)]);
        figure.bars[1].first.text = note.clone();
        figure.title = isolated(&title);
        figure.subtitle = Some(title);
        figure.footnote = vec![note];
        let drawing = draw(&figure, &small(36));
        prop_assert!(roxmltree::Document::parse(drawing.svg()).is_ok());
        prop_assert!(drawing.png().is_ok());
    }
}
