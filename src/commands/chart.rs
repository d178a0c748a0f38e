//! `--plot`: rankings → figure → PNG or SVG with its rows beside it, or bars on the terminal.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Zoned;

use super::write_file;
use crate::analysis::{FrequencyTable, Measure, Pair, Row, chart_rows, pairs};
use crate::cli::{ChartArgs, MeasureArg, ThemeArg};
use crate::error::Error;
use crate::model::Hashtag;
use crate::output::plot::{Drawing, Figure, Fonts, PlotError, Style, Theme, terminal};
use crate::output::{Column, Ranking, TableFormat, figure, frequencies, paired_figure};
use crate::store::folder_name;
use crate::ui::Ui;

/// Where a picture goes.
#[derive(Debug)]
pub(super) enum Target {
    /// Bars on the terminal.
    Terminal,
    /// A picture on standard output.
    Stdout,
    /// A file; for several hashtags the name of each is added.
    File(PathBuf),
    /// A name made of hashtag and time below the data directory.
    DataDir(PathBuf),
}

/// How to draw, as asked for.
#[derive(Debug)]
pub(super) struct Plotting {
    pub(super) measure: Measure,
    pub(super) compare: bool,
    intervals: bool,
    strict: bool,
    style: Style,
    target: Target,
    rows: usize,
}

impl Plotting {
    pub(super) fn new(args: &ChartArgs, target: Target, rows: usize) -> Result<Self, Error> {
        let (width, height) = match &args.size {
            Some(size) => parse_size(size)?,
            None => (Style::default().width_inches, None),
        };
        if let Target::File(path) = &target {
            picture_kind(path)?;
        }
        Ok(Self {
            measure: match args.measure {
                MeasureArg::Share => Measure::Share,
                MeasureArg::Count => Measure::Count,
                MeasureArg::Authors => Measure::Authors,
                MeasureArg::Views => Measure::Views,
            },
            compare: args.compare,
            intervals: args.ci,
            strict: args.strict,
            style: Style {
                width_inches: width,
                height_inches: height,
                dpi: args.dpi.unwrap_or(Style::default().dpi),
                theme: match args.theme {
                    ThemeArg::Light => Theme::Light,
                    ThemeArg::Dark => Theme::Dark,
                    ThemeArg::Print => Theme::Print,
                },
            },
            target,
            rows,
        })
    }

    /// Draws one picture per ranking, or one of two rankings side by side.
    pub(super) fn draw(
        &self,
        rankings: &[(Ranking, Option<Hashtag>)],
        columns: &[Column],
        ui: &Ui,
    ) -> Result<(), Error> {
        let columns = &self.columns_with_measure(columns);
        // Fonts are the dear part: find them once.
        let fonts = match self.target {
            Target::Terminal => None,
            _ => Some(Fonts::new(true)),
        };
        if self.compare {
            let [(first, own), (second, other)] = rankings else {
                return Err(Error::Usage(
                    "--compare takes two hashtags that are stored".into(),
                ));
            };
            let own: Vec<Hashtag> = own.iter().chain(other).cloned().collect();
            let pairs = pairs(&first.table, &second.table, &own, self.measure, self.rows);
            let figure = paired_figure(first, second, &pairs, self.measure, self.intervals);
            let shown = [
                only(
                    first,
                    pairs
                        .iter()
                        .filter_map(|pair: &Pair| pair.first.clone())
                        .collect(),
                ),
                only(
                    second,
                    pairs
                        .iter()
                        .filter_map(|pair| pair.second.clone())
                        .collect(),
                ),
            ];
            let name = format!("{}-{}", file_stem(first), file_stem(second));
            return self.deliver(&figure, &shown, columns, &name, false, fonts.as_ref(), ui);
        }
        for (ranking, own) in rankings {
            let own: Vec<Hashtag> = own.iter().cloned().collect();
            let rows = chart_rows(&ranking.table, &own, self.measure, self.rows);
            if rows.is_empty() {
                return Err(Error::failed(
                    format!(
                        "there is nothing to plot: no hashtag appears together with {}",
                        ranking.subject
                    ),
                    "loosen the filters, --exclude-tags or --min-count",
                ));
            }
            let figure = figure(ranking, &rows, self.measure, self.intervals);
            let shown = [only(ranking, rows)];
            self.deliver(
                &figure,
                &shown,
                columns,
                &file_stem(ranking),
                rankings.len() > 1,
                fonts.as_ref(),
                ui,
            )?;
        }
        Ok(())
    }

    /// The rows beside a picture have what its bars and whiskers show.
    fn columns_with_measure(&self, columns: &[Column]) -> Vec<Column> {
        let mut columns = columns.to_vec();
        match self.measure {
            Measure::Authors => columns.push(Column::Authors),
            Measure::Views => columns.push(Column::Views),
            Measure::Share | Measure::Count if self.intervals => columns.push(Column::Interval),
            Measure::Share | Measure::Count => {}
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    #[expect(clippy::too_many_arguments, reason = "one call in two places")]
    fn deliver(
        &self,
        figure: &Figure,
        shown: &[Ranking],
        columns: &[Column],
        name: &str,
        several: bool,
        fonts: Option<&Fonts>,
        ui: &Ui,
    ) -> Result<(), Error> {
        let Some(fonts) = fonts else {
            let colour = std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            let text = terminal(figure, ui.columns(), colour).map_err(plot_error)?;
            return ui.data(text.as_bytes());
        };
        let drawing = Drawing::new(figure, &self.style, fonts).map_err(plot_error)?;
        self.tell_missing(drawing.missing_glyphs(), ui)?;
        let path = match &self.target {
            Target::Stdout if std::io::stdout().is_terminal() => {
                return Err(Error::Usage(
                    "a picture is nothing for a terminal: use `--plot -` for bars, or -o FILE.png"
                        .into(),
                ));
            }
            Target::Stdout | Target::Terminal => {
                return ui.data(&drawing.png().map_err(plot_error)?);
            }
            Target::File(path) if several => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let extension = path.extension().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{stem}-{name}.{extension}"))
            }
            Target::File(path) => path.clone(),
            Target::DataDir(data_dir) => {
                let folder = data_dir.join("img");
                fs::create_dir_all(&folder)?;
                folder.join(format!(
                    "{name}_{}.png",
                    Zoned::now().strftime("%Y_%m_%d_%H_%M_%S")
                ))
            }
        };
        let bytes = match picture_kind(&path)? {
            Picture::Svg => drawing.svg().as_bytes().to_vec(),
            Picture::Png => drawing.png().map_err(plot_error)?,
        };
        write_file(&path, &bytes)?;
        let rows = path.with_extension("csv");
        write_file(
            &rows,
            &frequencies(shown, columns, TableFormat::Csv { excel: false }),
        )?;
        ui.note(&format!(
            "wrote `{}` and its rows as `{}`",
            path.display(),
            rows.display()
        ));
        Ok(())
    }

    fn tell_missing(&self, missing: &[char], ui: &Ui) -> Result<(), Error> {
        if missing.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = missing
            .iter()
            .take(20)
            .map(|&c| format!("U+{:04X}", u32::from(c)))
            .collect();
        let what = format!("no font here has a glyph for {}", shown.join(", "));
        if self.strict {
            return Err(Error::failed(
                what,
                "install a font for that script, or draw without --strict",
            ));
        }
        ui.warn(&format!("{what}; drawn as ⟨{}⟩", shown[0]));
        Ok(())
    }
}

/// A ranking with just the rows that a picture shows.
fn only(ranking: &Ranking, rows: Vec<Row>) -> Ranking {
    Ranking {
        subject: ranking.subject.clone(),
        table: FrequencyTable {
            rows,
            ..ranking.table.clone()
        },
    }
}

enum Picture {
    Png,
    Svg,
}

fn picture_kind(path: &Path) -> Result<Picture, Error> {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("png") => Ok(Picture::Png),
        Some("svg") => Ok(Picture::Svg),
        _ => Err(Error::Usage(format!(
            "a picture's name ends in .png or .svg, not `{}`",
            path.display()
        ))),
    }
}

/// A safe file name for what a ranking is of.
fn file_stem(ranking: &Ranking) -> String {
    let name = ranking.subject.trim_start_matches('#');
    Hashtag::new(name).map_or_else(|| "posts".to_owned(), |tag| folder_name(&tag))
}

/// `5x6.66` or `5`: inches.
fn parse_size(text: &str) -> Result<(f64, Option<f64>), Error> {
    let bad = || {
        Error::Usage(format!(
            "a size is WIDTHxHEIGHT or WIDTH in inches, such as 5x6.66, not `{text}`"
        ))
    };
    let number = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(bad)
    };
    match text.split_once(['x', 'X', '×']) {
        Some((width, height)) => Ok((number(width)?, Some(number(height)?))),
        None => Ok((number(text)?, None)),
    }
}

fn plot_error(error: PlotError) -> Error {
    match error {
        PlotError::BadStyle(_) | PlotError::TooLow { .. } | PlotError::TooManyBars(_) => {
            Error::Usage(error.to_string())
        }
        other => Error::Failed {
            what: other.to_string(),
            hint: None,
        },
    }
}
